"""erfc and erfinv against Python's math.erfc, to the last digits of both types; ends, gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lamina import ops
from lamina.testing import check_gradients

TYPES = [np.float32, np.float64]
WIDE = np.concatenate([np.linspace(-6, 26, 4001), 10.0 ** np.arange(-30, 2)])
TO_ONE = np.concatenate([np.linspace(-1, 1, 4001)[1:-1], 1 - 0.5 ** np.arange(1, 53), 0.5 ** np.arange(1, 100)])


@pytest.mark.parametrize("dtype", TYPES)
def test_erfc(dtype):
    x = WIDE.astype(dtype)
    want = np.array([math.erfc(v) for v in x])
    got = ops.erfc(x)
    assert got.dtype == dtype
    normal = want > np.finfo(dtype).tiny
    np.testing.assert_allclose(got.numpy()[normal], want[normal], rtol=5 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(ops.erfc(np.array([np.inf, -np.inf, 0, np.nan], dtype)).numpy(), [0, 2, 1, np.nan])
    np.testing.assert_array_equal(ops.erfc(np.array([40, 1e30], dtype)).numpy(), 0)


@pytest.mark.parametrize("dtype", TYPES)
def test_erfinv(dtype):
    x = TO_ONE.astype(dtype)
    x = x[np.abs(x) < 1]
    y = ops.erfinv(x)
    assert y.dtype == dtype
    y = y.numpy().astype(np.float64)
    off = np.array([math.erf(v) for v in y]) - x
    ends = np.abs(x) >= 0.5
    off[ends] = np.array([math.erfc(abs(v)) for v in y[ends]]) - (1 - np.abs(x[ends].astype(np.float64)))
    slope = 2 / math.sqrt(math.pi) * np.exp(-(y**2))
    moved = np.abs(off) / (slope * np.maximum(np.abs(y), 1e-300))  # how far y is from the right place, relatively
    assert moved[y != 0].max() < 8 * np.finfo(dtype).eps
    ends = ops.erfinv(np.array([-1, 1, 0, 1.1, np.nan], dtype)).numpy()
    np.testing.assert_array_equal(ends, [-np.inf, np.inf, 0, np.nan, np.nan])


def test_gradients():
    check_gradients(ops.erfc, np.linspace(-3, 4, 15))
    check_gradients(ops.erfinv, np.linspace(-0.95, 0.95, 15))
    check_gradients(lambda x: ops.erfinv(ops.erfc(x)), np.linspace(0.1, 2, 9))
