"""Functions without a kernel of their own: digits against NumPy's, limits, gradients."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, Tensor, ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
POWERS = 10.0 ** np.arange(-30, 30) * 1.7
WIDE = np.concatenate([np.linspace(-8, 8, 4001), POWERS, -POWERS, [0.0, -0.0, np.inf, -np.inf, np.nan]])
MIDDLE = np.linspace(-20, 20, 4001)
UNIT = np.concatenate([np.linspace(-1.1, 1.1, 4001), 1 - 0.1 ** np.arange(1, 7), 0.1 ** np.arange(30), [0.0, np.nan]])
EDGES = np.array([0.0, -0.0, 1.0, -1.0, 3.0, np.inf, -np.inf, np.nan, 1e-30, 1e30])

# name: (the same in float64, where, largest relative error in units of the last place)
REFERENCE = {
    "arctan": (np.arctan, WIDE, 4),
    "arcsin": (np.arcsin, UNIT, 4),
    "arccos": (np.arccos, UNIT, 4),
    "arcsinh": (np.arcsinh, WIDE, 3),
    "arccosh": (np.arccosh, np.abs(WIDE) + 1, 3),
    "arctanh": (np.arctanh, UNIT, 3),
    "sinh": (np.sinh, np.concatenate([MIDDLE, UNIT]), 3),
    "cosh": (np.cosh, MIDDLE, 3),
    "tan": (np.tan, MIDDLE, 4),
    "log2": (np.log2, WIDE, 3),
    "log10": (np.log10, WIDE, 3),
    "exp2": (np.exp2, MIDDLE, 2),
    "cbrt": (np.cbrt, WIDE, 2),
    "trunc": (np.trunc, WIDE, 0),
    "isposinf": (np.isposinf, WIDE, 0),
    "isneginf": (np.isneginf, WIDE, 0),
    "deg2rad": (np.deg2rad, WIDE, 2),
    "rad2deg": (np.rad2deg, WIDE, 2),
}
OF_TWO = {"arctan2": np.arctan2, "hypot": np.hypot, "logaddexp": np.logaddexp, "logaddexp2": np.logaddexp2}


def check_digits(got, want, ulps):
    want, got = np.asarray(want, np.float64), got.numpy()
    eps, tiny = (np.finfo(got.dtype).eps, np.finfo(got.dtype).tiny) if got.dtype.kind == "f" else (0, 0)
    finite = np.isfinite(want)
    np.testing.assert_array_equal(got[~finite], want[~finite])
    np.testing.assert_array_less(np.abs(got - want)[finite], ulps * eps * np.abs(want[finite]) + tiny + 1e-300)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", REFERENCE)
def test_digits(name, dtype):
    reference, where, ulps = REFERENCE[name]
    x = where.astype(dtype)
    check_digits(getattr(ops, name)(x), reference(x.astype(np.float64)), ulps)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OF_TWO)
def test_digits_of_two_operands(name, dtype):
    x, y = (v.astype(dtype) for v in np.meshgrid(EDGES, EDGES))
    check_digits(getattr(ops, name)(x, y), OF_TWO[name](x, y), 2)
    x, y = RNG.uniform(0.5, 9, (2, 1000)).astype(dtype) * RNG.choice([-1, 1], (2, 1000)).astype(dtype)
    got = getattr(ops, name)(x, y)
    assert got.dtype == dtype
    np.testing.assert_allclose(got.numpy(), OF_TWO[name](x, y), rtol=8 * np.finfo(dtype).eps, atol=1e-6)


@pytest.mark.parametrize("name", [n for n in REFERENCE if not n.startswith("is")])
def test_gradients(name):
    x = RNG.uniform(0.1, 0.95, (3, 4))
    f = getattr(ops, name)
    check_gradients(f, x + 1 if name == "arccosh" else x)
    if name not in ("log2", "log10", "arccosh"):
        check_gradients(f, -x)
    if name not in ("arcsin", "arccos", "arctanh"):
        check_gradients(f, x * 5 + 1)
    check_gradients(lambda t: ops.add(f(t), f(ops.square(t))), x + 1 if name == "arccosh" else x)


@pytest.mark.parametrize("name", [*OF_TWO, "divide_no_nan"])
def test_gradients_of_two_operands(name):
    f = getattr(ops, name)
    for x, y in (((3, 4), (4,)), ((), (3,)), ((3, 1), (1, 4))):
        check_gradients(f, RNG.standard_normal(x), RNG.standard_normal(y))
    check_gradients(lambda x: f(x, 2.0), RNG.standard_normal(3))
    check_gradients(lambda x: f(x, x + 1.0), RNG.standard_normal(3))
    with pytest.raises(ValueError, match=r"\(3,\).*\(4,\)"):
        f(np.ones(3), np.ones(4))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_where_parts_of_the_way_overflow(dtype):
    top = np.log(np.finfo(dtype).max)
    x = np.array(
        [top - 1, top - 0.1, top + 0.1, top + 0.6], dtype
    )  # exp overflows at top, sinh and cosh at top + log 2
    wide = x.astype(np.longdouble)
    for name in ("sinh", "cosh"):
        got = getattr(ops, name)(np.concatenate([x, -x])).numpy()
        want = getattr(np, name)(np.concatenate([wide, -wide])).astype(dtype)
        np.testing.assert_allclose(got, want, rtol=200 * np.finfo(dtype).eps)
        assert np.isinf(getattr(ops, name)(np.array([top + 1, np.inf], dtype)).numpy()).all()
    x = np.array([0.1, 0.5, 0.9, 1.0], dtype) * np.finfo(dtype).max  # whose squares overflow
    for name in ("arcsinh", "arccosh"):
        np.testing.assert_allclose(getattr(ops, name)(x).numpy(), getattr(np, name)(x), rtol=4 * np.finfo(dtype).eps)


def test_at_single_points():
    x = ops.array([-0.0, 0.0, np.nan, -1.0])
    assert ops.signbit(x).tolist() == [True, False, False, True]
    assert ops.signbit([-1, 0]).tolist() == [True, False]
    assert ops.divide_no_nan([1.0, 2.0], [0.0, 4.0]).tolist() == [0.0, 0.5]
    x = Tensor([1.0, 2.0], requires_grad=True)
    ops.divide_no_nan(x, [0.0, 4.0]).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]
    x = Tensor([0.0], requires_grad=True)
    ops.hypot(x, 0.0).sum().backward()
    assert x.grad.tolist() == [0.0]
    np.testing.assert_array_equal(ops.heaviside(EDGES, 0.5).numpy(), np.heaviside(EDGES, 0.5))
    check_gradients(ops.heaviside, np.array([1.0, -1.0]), np.array([0.5, 0.5]))


def test_isclose_and_nan_to_num():
    x = np.array([1, np.nan, np.inf, -np.inf, 1 + 1e-9, 0, 2])
    y = np.array([1, np.nan, np.inf, np.inf, 1, 1e-9, np.inf])
    for equal_nan in (False, True):
        want = np.isclose(x, y, equal_nan=equal_nan)
        np.testing.assert_array_equal(ops.isclose(x, y, equal_nan=equal_nan).numpy(), want)
    assert ops.isclose([1, 2], [1, 3]).tolist() == [True, False]
    for dtype in (np.float32, np.float64):
        v = x.astype(dtype)
        np.testing.assert_array_equal(ops.nan_to_num(v).numpy(), np.nan_to_num(v))
        np.testing.assert_array_equal(ops.nan_to_num(v, 1, 2, 3).numpy(), np.nan_to_num(v, True, 1, 2, 3))
    assert ops.nan_to_num([1, 2]).dtype == np.int64
    t = Tensor(x, requires_grad=True)
    ops.nan_to_num(t).sum().backward()
    assert t.grad.tolist() == [1, 0, 0, 0, 1, 1, 1]


def test_select():
    x = RNG.standard_normal((3, 4))
    np.testing.assert_array_equal(
        ops.select([x > 1, x > 0], [x, -x], 5.0).numpy(), np.select([x > 1, x > 0], [x, -x], 5)
    )
    check_gradients(lambda t: ops.select([x > 1, x > 0], [t, ops.negative(t)], 0.0), x)
    with pytest.raises(ValueError, match="select: expected as many choices as conditions, got 1 and 2"):
        ops.select([x > 1, x > 0], [x])


def test_minus_zero_keeps_its_sign():
    for f in (ops.tan, ops.sinh, ops.cbrt):
        np.testing.assert_array_equal(np.signbit(f(np.array([-0.0, 0.0])).numpy()), [True, False])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_near_the_largest_number(dtype):
    large = np.array([np.log(np.finfo(dtype).max) + 0.5, 30.0], dtype)
    for f, wanted in ((ops.sinh, np.sinh), (ops.cosh, np.cosh)):
        np.testing.assert_allclose(f(large).numpy(), wanted(large.astype(np.longdouble)), rtol=1e-4)
        assert np.isfinite(f(-large).numpy()).all()
    x = Tensor(np.array([np.finfo(dtype).max / 2, 1e30], dtype), requires_grad=True)
    y = ops.arccosh(x)
    np.testing.assert_allclose(y.numpy(), np.log(2.0) + np.log(x.numpy()), rtol=1e-6)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy()[1], 1e-30, rtol=1e-4)


def test_logaddexp_keeps_small_results():
    x, y = np.float32([0, 5, np.inf, -np.inf, np.inf]), np.float32([-20, 5, np.inf, -np.inf, -np.inf])
    np.testing.assert_allclose(ops.logaddexp(x, y).numpy(), np.logaddexp(x, y), rtol=1e-6)
    check_gradients(ops.logaddexp, np.array([0.0, 2.0, -3.0]), np.array([-4.0, 2.0, 1.0]))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_fmod_fmax_fmin():
    x, y = (v.ravel() for v in np.meshgrid(np.append(EDGES, [5.5, -5.5, 1e20, -1e-20]), np.append(EDGES, [2.0, -0.7])))
    for name in ("fmod", "fmax", "fmin"):
        for dtype in (np.float32, np.float64):
            a, b = x.astype(dtype), y.astype(dtype)
            np.testing.assert_array_equal(getattr(ops, name)(a, b).numpy(), getattr(np, name)(a, b), err_msg=name)
    a, b = RNG.integers(-20, 20, (2, 50)).astype(np.int32)
    b[b == 0] = 3
    for name in ("fmod", "fmax", "fmin"):
        np.testing.assert_array_equal(getattr(ops, name)(a, b).numpy(), getattr(np, name)(a, b))
        check_gradients(getattr(ops, name), RNG.uniform(-9, 9, (3, 4)), RNG.uniform(1, 2, 4))
    nan = Tensor([np.nan, 1.0], requires_grad=True)
    ops.fmax(nan, [0.0, np.nan]).sum().backward()
    assert nan.grad.tolist() == [0, 1]


def test_ldexp_and_nextafter():
    x, n = np.array([1.0, -3.0, 5e-324, 1e308]), np.array([4, -2, 1074, -2000])
    np.testing.assert_array_equal(ops.ldexp(x, n).numpy(), np.ldexp(x, n))
    np.testing.assert_array_equal(ops.ldexp([[1.0], [2.0]], np.array([2**40, -(2**40)])).numpy(), [[np.inf, 0]] * 2)
    check_gradients(lambda x: ops.ldexp(x, np.array([[3], [-1]])), RNG.standard_normal(4))
    with pytest.raises(TypeError, match="ldexp: x2 must be integers"):
        ops.ldexp(x, 0.5)
    for dtype in (np.float32, np.float64):
        x = np.array([1, -1, 0, np.inf], dtype)
        np.testing.assert_array_equal(ops.nextafter(x, dtype(2)).numpy(), np.nextafter(x, dtype(2)))
    assert ops.nextafter(1.0, 2.0).dtype == np.float32


def test_sinc_and_i0():
    x = np.concatenate([np.linspace(-4, 4, 801), 10.0 ** np.arange(-12, 0), [0.0]])
    for dtype in (np.float32, np.float64):
        np.testing.assert_allclose(
            ops.sinc(x.astype(dtype)).numpy(), np.sinc(x.astype(dtype)), atol=4 * np.finfo(dtype).eps
        )
        got = ops.i0(x.astype(dtype))
        assert got.dtype == dtype
        np.testing.assert_allclose(got.numpy(), np.i0(x), rtol=1e-5 if dtype == np.float32 else 1e-14)
    check_gradients(ops.sinc, np.array([0.0, 1e-3, 0.2, 0.31, 0.32, 1.0, -2.5, 7.3]))
    check_gradients(ops.i0, np.array([0.0, 0.5, -2.0, 7.0]), rtol=1e-6)
    t = Tensor(np.array([50.0, -600.0, 700.0]), requires_grad=True)
    ops.i0(t).backward(1 / np.i0(t.numpy()))
    order_1 = [0.98994896737849, -0.99916631830, 0.99928545782]  # I1 / I0
    np.testing.assert_allclose(t.grad.numpy(), order_1, rtol=1e-8)


def test_allclose_fabs_dtype():
    assert bool(ops.allclose([1.0, 2.0], [1.0, 2.0 + 1e-6]))
    assert not bool(ops.allclose([1.0, np.nan], [1.0, np.nan]))
    assert bool(ops.allclose([1.0, np.nan], [1.0, np.nan], equal_nan=True))
    assert not bool(ops.allclose([1.0], [1.1], rtol=1e-3))
    got = ops.fabs([-1, 2])
    assert (got.tolist(), got.dtype) == ([1, 2], np.float32)
    check_gradients(ops.fabs, RNG.standard_normal(5))
    assert [ops.dtype(v) for v in ([1.0], np.zeros(2, np.int8), Input((2,), dtype="float64"))] == [
        "float32", "int8", "float64",
    ]  # fmt: skip


def test_saturate_cast():
    assert ops.saturate_cast([-1.0, 256.0, 3.7, np.inf], "uint8").tolist() == [0, 255, 3, 255]
    for kind in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64):
        limits = np.iinfo(kind)
        for given in (np.float32, np.float64):
            got = ops.saturate_cast(np.array([-np.inf, -1e30, 1e30, np.inf], given), kind)
            assert got.dtype == kind
            low, high = (int(v) for v in got.numpy()[[0, 3]])
            assert low == limits.min
            assert limits.max * (1 - 1e-6) <= high <= limits.max
        got = ops.saturate_cast(np.array([-(2**40), 2**40]), kind).tolist()
        assert got == [max(-(2**40), limits.min), min(2**40, limits.max)]
    most = np.finfo(np.float32).max
    assert ops.saturate_cast(np.array([1e300, -np.inf]), "float32").tolist() == [most, -most]
    assert ops.saturate_cast([0.0, 3.0], "bool").tolist() == [False, True]
    x = Tensor(np.array([1.0, 1e300]), requires_grad=True)
    ops.saturate_cast(x, "float32").sum().backward()
    assert x.grad.tolist() == [1, 0]
    with pytest.raises(TypeError, match="saturate_cast: dtype"):
        ops.saturate_cast(x, "text")
