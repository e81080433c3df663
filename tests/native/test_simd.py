"""Vector math against long double references: largest error in units of the last place, on every instruction set."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lamina.ops import elementwise
from lamina.ops.activation import gelu, sigmoid, softplus, tanh

pytestmark = pytest.mark.usefixtures("isa")
erf_of = np.vectorize(math.erf, otypes=[np.float64])


def ulps(got, exact) -> float:
    """|got - exact| in units of got's last place; exact is wider."""
    unit = np.spacing(np.abs(exact).astype(got.dtype))
    return float(np.max(np.abs(got.astype(np.longdouble) - exact) / unit))


def points(dtype, low: float, high: float) -> np.ndarray:
    """The whole range evenly, and small magnitudes by powers."""
    rng = np.random.default_rng(0)
    small = np.exp(rng.uniform(np.log(1e-6), np.log(max(abs(low), abs(high))), 50_000))
    x = np.concatenate([rng.uniform(low, high, 100_003), small, -small])
    return x[(x >= low) & (x <= high)].astype(dtype)


def wide(x):
    return x.astype(np.longdouble)


CASES = [
    ("exp", elementwise.exp, np.exp, {np.float32: (-87, 88.7), np.float64: (-708, 709.7)}, 3),
    ("log", elementwise.log, np.log, {np.float32: (1e-37, 1e38), np.float64: (1e-300, 1e300)}, 3),
    ("tanh", tanh, np.tanh, {np.float32: (-12, 12), np.float64: (-25, 25)}, 3),
    ("sigmoid", sigmoid, lambda x: 1 / (1 + np.exp(-x)), {np.float32: (-85, 90), np.float64: (-700, 700)}, 4),
    ("log near 1", elementwise.log, np.log, {np.float32: (0.5, 2), np.float64: (0.5, 2)}, 3),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("function", "exact", "ranges", "bound"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_ulp_bounds(function, exact, ranges, bound, dtype):
    x = points(dtype, *ranges[dtype])
    assert ulps(function(x).numpy(), exact(wide(x))) <= bound


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_erf_inside_gelu(dtype):
    """gelu(x) = x (1 + erf(x / sqrt 2)) / 2: absolutely, since 1 + erf cancels below zero."""
    x = points(dtype, -6, 6)
    want = x.astype(np.float64) * 0.5 * (1 + erf_of(x.astype(np.float64) / math.sqrt(2)))
    error = np.abs(gelu(x, approximate=False).numpy() - want)
    assert (error <= 8 * np.finfo(dtype).eps * np.maximum(np.abs(x), 0.1)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_limits_and_nan(dtype):
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0], dtype)
    expected = {
        elementwise.exp: [np.inf, 0, np.nan, 1, 1],
        tanh: [1, -1, np.nan, 0, 0],
        sigmoid: [1, 0, np.nan, 0.5, 0.5],
        elementwise.log: [np.inf, np.nan, np.nan, -np.inf, -np.inf],
    }
    for function, want in expected.items():
        np.testing.assert_array_equal(function(x).numpy(), np.array(want, dtype))
    np.testing.assert_array_equal(elementwise.exp(np.array([1000, -1000], dtype)).numpy(), np.array([np.inf, 0], dtype))
    assert np.isposinf(softplus(x).numpy()[0])
    assert np.isnan(gelu(x, approximate=False).numpy()[2])


@pytest.mark.parametrize("n", [*range(1, 20), 31, 33, 63, 65])
def test_a_lane_does_not_depend_on_its_place(n):
    """Tails give the same bits as whole vectors."""
    x = np.random.default_rng(1).standard_normal(n + 64).astype(np.float32)
    whole = elementwise.exp(x).numpy()
    for start in (0, 1, 7):
        np.testing.assert_array_equal(elementwise.exp(x[start : start + n].copy()).numpy(), whole[start : start + n])
