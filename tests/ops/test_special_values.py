"""Every elementwise function at zeros, infinities, NaN, the largest and smallest numbers, against NumPy.

Numbers too small for full precision (denormals) count as zero in Lamina: where one goes in or comes out, that is
allowed.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from lamina import ops
from lamina.testing import special_points

DTYPES = [np.float32, np.float64]
UNARY = {
    name: getattr(np, name)
    for name in [
        *("reciprocal", "square", "sqrt", "abs", "sign", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10"),
        *("sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh"),
        *("floor", "ceil", "trunc", "cbrt", "isfinite", "isnan", "isinf", "signbit", "negative"),
    ]
} | {
    "round": np.round,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "erf": lambda x: np.array([math.erf(float(v)) for v in x], x.dtype),
}
BINARY = ["add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "floor_divide", "mod"]
BINARY += ["arctan2", "hypot", "logaddexp", "logaddexp2"]


def same(name, got, want, *operands):
    """Equal to some units in the last place, with the sign of zeros."""
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want)
        return
    tiny = np.finfo(want.dtype).tiny
    with np.errstate(all="ignore"):
        wide = [o.astype(np.float64) for o in operands]
        slack = 16 * np.spacing(np.abs(want)).astype(np.float64)
        if name.startswith("logaddexp"):  # cancels where the result is near zero
            slack = slack + 4 * np.finfo(want.dtype).eps
        near = np.abs(got.astype(np.float64) - want) <= slack
        either = (np.isnan(got) & np.isnan(want)) | (got == want) | near
        sign = np.isnan(want) | (np.signbit(got) == np.signbit(want)) | name.startswith("logaddexp")
        small = (np.abs(want) < 2 * tiny) & (np.abs(got) < 2 * tiny)
        rough = np.any([(np.abs(o) < 2 * tiny) & (o != 0) for o in wide], 0)  # a denormal operand, or nearly one
    wrong = ~((either & sign) | small | rough)
    assert not wrong.any(), [(float(o[wrong][0]) for o in operands), got[wrong][0], want[wrong][0]]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_operand(name, dtype):
    x = special_points(dtype)
    with np.errstate(all="ignore"):
        want = UNARY[name](x)
    same(name, getattr(ops, name)(x).numpy(), np.asarray(want), x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_operands(name, dtype):
    x, y = (v.ravel() for v in np.meshgrid(special_points(dtype), special_points(dtype)))
    with np.errstate(all="ignore"):
        want = getattr(np, name)(x, y)
    same(name, getattr(ops, name)(x, y).numpy(), want, x, y)


@pytest.mark.parametrize("name", ["sin", "expm1", "log1p", "sinh", "tan", "tanh", "erf", "arctan", "cbrt", "round"])
def test_minus_zero_stays(name):
    y = getattr(ops, name)(np.array([-0.0], np.float32)).numpy()
    assert y[0] == 0
    assert np.signbit(y[0])


def test_division_with_infinities():
    for dtype in DTYPES:
        x, y = np.array([-1.5, 1.5, -0.0, 1.5], dtype), np.array([np.inf, -np.inf, np.inf, np.inf], dtype)
        np.testing.assert_array_equal(ops.floor_divide(x, y).numpy(), [-1, -1, -0.0, 0])
        np.testing.assert_array_equal(ops.mod(x, y).numpy(), [np.inf, -np.inf, 0, 1.5])
        np.testing.assert_array_equal(ops.power(np.array([-np.inf], dtype), 2.5).numpy(), [np.inf])
        t = ops.convert_to_tensor(y)
        t.requires_grad = True
        ops.sum(ops.mod(x, t)).backward()
        np.testing.assert_array_equal(t.grad.numpy(), [1, 1, 0, 0])
