"""Reductions: gradients over any axes, exactness of long sums, special values, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lamina import ops
from lamina.core.autograd import Tensor
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
NAMES = ["sum", "mean", "max", "min", "prod", "var", "std", "logsumexp", "norm"]
AXES = [None, 0, -1, (0, 2), (1, 2), [0, 1, 2], ()]
INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_gradients(name, axis, keepdims):
    if name == "std" and axis == ():
        pytest.skip("the standard deviation of one number has no slope")
    x = RNG.permutation(24).reshape(2, 3, 4) / 7.0 + 0.1
    check_gradients(lambda t: getattr(ops, name)(t, axis=axis, keepdims=keepdims), x)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod", "var", "std"])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_values(name, axis, keepdims):
    x = RNG.standard_normal((2, 3, 4))
    axis_of_numpy = tuple(axis) if isinstance(axis, list) else axis
    want = getattr(np, name)(x, axis=axis_of_numpy, keepdims=keepdims)
    got = getattr(ops, name)(x, axis=axis, keepdims=keepdims).numpy()
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("shape", [(1 << 22,), (1 << 20, 4), (4, 1 << 20)])
def test_long_float32_sums_are_as_exact_as_pairwise_ones(shape):
    x = RNG.random(shape).astype(np.float32)
    exact = math.fsum(x.ravel().tolist())
    assert abs(ops.sum(x).item() - exact) <= 2e-7 * exact
    columns = ops.sum(x, axis=0).numpy().astype(np.float64)
    np.testing.assert_allclose(columns, x.sum(0, dtype=np.float64), rtol=4e-7)


def test_equal_extremes_share_the_gradient():
    x = Tensor(np.array([[1.0, 3.0, 3.0], [2.0, 0.0, 2.0]]), requires_grad=True)
    ops.max(x, axis=1).sum().backward()
    assert x.grad.tolist() == [[0, 0.5, 0.5], [0.5, 0, 0.5]]


@pytest.mark.parametrize("x", [[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, -2.0, 3.0]])
def test_gradient_of_a_product_with_zeros(x):
    check_gradients(ops.prod, np.array(x))


def test_nan_propagates():
    x = np.array([[1.0, NAN, 3.0], [1.0, 2.0, 3.0]])
    for name in ("sum", "mean", "max", "min", "prod", "var", "logsumexp", "norm"):
        got = getattr(ops, name)(x, axis=1).numpy()
        assert np.isnan(got).tolist() == [True, False], name
        rows = np.ascontiguousarray(x.T)
        assert np.isnan(getattr(ops, name)(rows, axis=0).numpy()).tolist() == [True, False], name
    assert ops.argmax(x, axis=1).tolist() == [1, 2]


def test_infinities():
    assert ops.max(np.array([-INF, -INF])).item() == -INF
    assert ops.logsumexp(np.array([-INF, -INF])).item() == -INF
    assert ops.logsumexp(np.array([INF, 1.0])).item() == INF
    assert ops.logsumexp(np.array([1000.0, 1000.0])).item() == pytest.approx(1000 + math.log(2))
    x = Tensor(np.array([-INF, 0.0, 0.0]), requires_grad=True)
    ops.logsumexp(x).backward()
    assert x.grad.tolist() == [0, 0.5, 0.5]
    assert ops.sum(np.array([INF, 1.0, 2.0])).item() == INF


def test_empty():
    assert ops.sum(np.ones((0, 3))).item() == 0
    assert ops.sum(np.ones((0, 3)), axis=0).tolist() == [0, 0, 0]
    assert ops.prod(np.ones((3, 0)), axis=1).tolist() == [1, 1, 1]
    assert np.isnan(ops.mean(np.ones((0, 3)), axis=0).numpy()).all()
    assert ops.max(np.ones((0, 3)), axis=1).shape == (0,)
    with pytest.raises(ValueError, match=r"max: x is \(0, 3\); nothing to reduce"):
        ops.max(np.ones((0, 3)), axis=0)
    with pytest.raises(ValueError, match=r"argmax: x is \(0, 3\); axis 0 is empty"):
        ops.argmax(np.ones((0, 3)), axis=0)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.bool_])
def test_integers(dtype):
    x = RNG.integers(0, 5, (3, 4)).astype(dtype)
    assert ops.sum(x, axis=0).tolist() == x.astype(np.int64).sum(0).tolist()
    assert ops.max(x, axis=1).tolist() == x.max(1).astype(int).tolist()
    assert ops.prod(x).item() == x.astype(np.int64).prod()
    assert ops.mean(x).dtype == np.float32
    np.testing.assert_array_equal(ops.argmax(x, axis=1).numpy(), x.argmax(1))
    np.testing.assert_array_equal(ops.any(x, axis=0).numpy(), x.any(0))
    np.testing.assert_array_equal(ops.all(x, axis=0).numpy(), x.all(0))
    assert ops.count_nonzero(x).item() == np.count_nonzero(x)


def test_arg_extremes():
    x = RNG.standard_normal((3, 5, 4))
    for axis in (None, 0, 1, -1):
        np.testing.assert_array_equal(ops.argmax(x, axis=axis).numpy(), x.argmax(axis))
        np.testing.assert_array_equal(ops.argmin(x, axis=axis, keepdims=True).numpy(), x.argmin(axis, keepdims=True))
    assert ops.argmax(x).dtype == np.int32


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_cumsum(axis):
    x = RNG.standard_normal((3, 5, 2))
    np.testing.assert_allclose(ops.cumsum(x, axis).numpy(), np.cumsum(x, axis), rtol=1e-13)
    check_gradients(lambda t: ops.cumsum(t, axis), x)


def test_norms():
    x = RNG.standard_normal((3, 4))
    for order in (None, 1, 2, 3, np.inf, -np.inf):
        np.testing.assert_allclose(ops.norm(x, ord=order, axis=1).numpy(), np.linalg.norm(x, ord=order, axis=1), 1e-13)
    zero = Tensor(np.zeros(3), requires_grad=True)
    ops.norm(zero).backward()
    assert zero.grad.tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="norm: ord of matrices must be"):
        ops.norm(x, ord=3)


def test_moments_and_average():
    x = RNG.standard_normal((3, 4))
    mean, variance = ops.moments(x, axes=[0])
    np.testing.assert_allclose(mean.numpy(), x.mean(0))
    np.testing.assert_allclose(variance.numpy(), x.var(0))
    w = RNG.random((3, 4))
    np.testing.assert_allclose(ops.average(x, axis=1, weights=w).numpy(), np.average(x, axis=1, weights=w))


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_cumprod(axis):
    x = np.random.default_rng(1).standard_normal((4, 5))
    x[1, 2] = x[3, 2] = 0  # the gradient at zeros is right, too
    np.testing.assert_allclose(ops.cumprod(x, axis).numpy(), np.cumprod(x, axis), rtol=1e-13)
    check_gradients(lambda t: ops.cumprod(t, axis), x)
    np.testing.assert_array_equal(ops.cumprod([[1, 2], [3, 4]], axis).numpy(), np.cumprod([[1, 2], [3, 4]], axis))
    np.testing.assert_array_equal(ops.ptp(x, axis).numpy(), np.ptp(x, axis))


def test_sums_and_products_in_another_type():
    for f in (ops.cumsum, ops.cumprod, ops.prod):
        assert f([1, 2, 3], dtype="float64").dtype == np.float64
        assert f(np.array([True, True]), dtype="int64").dtype == np.int64
    with pytest.raises(ValueError, match=r"cumprod: axis 2 is outside x, which is \(3,\)"):
        ops.cumprod([1, 2, 3], 2)


def test_average_weighs_the_parts_of_an_axis():
    x = np.random.default_rng(1).standard_normal((3, 4))
    for axis, w in ((0, [1.0, 2.0, 3.0]), (-1, [1.0, 0.0, 2.0, 1.0])):
        np.testing.assert_allclose(ops.average(x, axis, w).numpy(), np.average(x, axis, w), rtol=1e-6)
        check_gradients(lambda t, u, axis=axis: ops.average(t, axis, u), x, np.array(w) + 1)
    with pytest.raises(ValueError, match=r"average: weights are \(2,\), x is \(3, 4\)"):
        ops.average(x, 0, [1.0, 2.0])


def test_errors():
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"sum: axis 2 is outside x, which is \(2, 3\)"):
        ops.sum(x, axis=2)
    with pytest.raises(ValueError, match="mean: axis -2 is given twice"):
        ops.mean(x, axis=(0, -2))
    with pytest.raises(TypeError, match="max: axis: expected an integer"):
        ops.max(x, axis="rows")


def test_numpy_calls_the_methods():
    x = RNG.standard_normal((3, 4))
    for function in (np.sum, np.mean, np.std, np.var, np.max, np.prod):
        np.testing.assert_allclose(function(Tensor(x)).numpy(), function(x))
        np.testing.assert_allclose(
            function(Tensor(x), axis=1, keepdims=True).numpy(), function(x, axis=1, keepdims=True)
        )
    assert np.mean(Tensor(x), dtype=np.float32).dtype == np.float32
    with pytest.raises(TypeError, match="std: ddof= is not supported; got 1"):
        np.std(Tensor(x), ddof=1)
    with pytest.raises(TypeError, match="mean: out= is not supported"):
        np.mean(Tensor(x), out=np.zeros(()))
