"""Order and places against NumPy; gradients of what is chosen; errors."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import ops
from lamina.core.autograd import Tensor
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 4))


def same(got, want, rtol=1e-13):
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got.numpy(), want, rtol=rtol)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_sort_and_argsort(axis):
    same(ops.sort(X, axis), np.sort(X, axis))
    same(ops.argsort(X, axis), np.argsort(X, axis))
    assert ops.argsort(X, axis).dtype == np.int32
    check_gradients(lambda x: ops.sort(x, axis), X)


def test_equal_elements_keep_their_order_and_nan_is_last():
    assert ops.argsort([2.0, 1.0, 2.0, 1.0]).tolist() == [1, 3, 0, 2]
    assert ops.argsort([np.nan, 1.0, -np.inf]).tolist() == [2, 1, 0]
    for dtype in (np.int16, np.int32, np.uint8):
        got = ops.sort(np.array([3, 1, 2], dtype))
        assert (got.tolist(), got.dtype) == ([1, 2, 3], dtype)
    assert set(ops.argpartition(X, 1).numpy()[0, 0, :2]) == set(np.argpartition(X, 1)[0, 0, :2])


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8])
def test_take_along_axis(axis, dtype):
    shape = list(X.shape)
    shape[axis] = 5
    places = RNG.integers(0 if dtype == np.uint8 else -X.shape[axis], X.shape[axis], shape).astype(dtype)
    same(ops.take_along_axis(X, places, axis), np.take_along_axis(X, places.astype(np.int64), axis))
    check_gradients(lambda x: ops.take_along_axis(x, places, axis), X)


def test_take_along_axis_broadcasts():
    places = RNG.integers(0, 4, (1, 3, 2))
    same(ops.take_along_axis(X, places, 2), np.take_along_axis(X, np.broadcast_to(places, (2, 3, 2)), 2))
    check_gradients(lambda x: ops.take_along_axis(x, places, 2), X[:1])
    same(ops.take_along_axis(X, [3, -1]), X.reshape(-1)[[3, -1]])


def test_take_along_axis_errors():
    with pytest.raises(IndexError, match=r"take_along_axis: index 4 is outside axis 2 of x, which is \(2, 3, 4\)"):
        ops.take_along_axis(X, [[[0, 4]]], 2)
    with pytest.raises(IndexError, match="index -5 is outside axis 2"):
        ops.take_along_axis(X, [[[-5]]], 2)
    with pytest.raises(ValueError, match="expected as many axes"):
        ops.take_along_axis(X, [0], 2)
    with pytest.raises(ValueError, match="all axes but 2 must be equal or 1"):
        ops.take_along_axis(X, np.zeros((2, 2, 1), int), 2)
    with pytest.raises(TypeError, match="take_along_axis: indices must be integers, got float32"):
        ops.take_along_axis(X, [[[0.0]]], 2)


def test_top_k():
    x = np.array([[3.0, 1.0, 3.0, 2.0], [1.0, 1.0, 1.0, 1.0]])
    values, places = ops.top_k(x, 3)
    assert values.tolist() == [[3, 3, 2], [1, 1, 1]]
    assert places.tolist() == [[0, 2, 3], [0, 1, 2]]
    assert places.dtype == np.int32
    values, places = ops.top_k(x, 1)
    assert values.tolist() == [[3], [1]]
    assert places.tolist() == [[0], [0]]
    for k in (0, 1, 2, 4):
        same(ops.top_k(X, k)[0], -np.sort(-X)[..., :k])
        check_gradients(lambda t, k=k: ops.top_k(t, k)[0], X)
    with pytest.raises(ValueError, match=r"top_k: expected k between 0 and the size of x's last axis, got k=5"):
        ops.top_k(X, 5)


def test_in_top_k():
    predictions = np.array([[3.0, 1.0, 3.0, 2.0], [1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0], [np.nan, 0.0, 1.0, 2.0]])
    assert ops.in_top_k([2, 3, 0, 0], predictions, 2).tolist() == [True, True, False, False]
    assert ops.in_top_k([3, 9, -1, 1], predictions, 3).tolist() == [True, False, False, True]
    with pytest.raises(ValueError, match=r"in_top_k: targets are \(2,\), predictions \(4, 4\)"):
        ops.in_top_k([0, 1], predictions, 1)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (1, -1)], ids=str)
@pytest.mark.parametrize("method", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantile(axis, method):
    for q in (0, 0.3, 0.5, 1, [0.1, 0.9, 0.5], [0.0]):
        for keepdims in (False, True):
            want = np.quantile(X, q, axis, method=method, keepdims=keepdims)
            same(ops.quantile(X, q, axis, method, keepdims), want)
        check_gradients(lambda x, q=q: ops.quantile(x, q, axis, method), X)


def test_median():
    for axis in (None, 0, (1, 2)):
        same(ops.median(X, axis, keepdims=True), np.median(X, axis, keepdims=True))
        check_gradients(lambda x, axis=axis: ops.median(x, axis), X)
    assert ops.median([1, 2, 3, 10]).item() == 2.5
    assert ops.median(np.array([np.inf, np.inf, 1.0])).item() == np.inf
    assert np.isnan(ops.median(np.array([1.0, np.nan, 2.0])).item())
    with pytest.raises(ValueError, match=r"quantile: q must be a number or a list of numbers from 0 to 1, got 1\.5"):
        ops.quantile(X, 1.5)
    with pytest.raises(ValueError, match="quantile: method must be one of linear, lower"):
        ops.quantile(X, 0.5, method="cubic")


def test_places_of_values():
    edges, x = np.array([-1.0, 0.0, 0.5]), RNG.standard_normal((3, 5))
    same(ops.digitize(x, edges), np.digitize(x, edges))
    for side in ("left", "right"):
        same(ops.searchsorted(edges, np.array([[0.0, 3.0]]), side), np.searchsorted(edges, [[0.0, 3.0]], side))
    assert ops.digitize(x, edges).dtype == ops.searchsorted(edges, 0.0).dtype == np.int32
    same(ops.isin([[1, 2], [3, 4]], [4, 1]), np.isin([[1, 2], [3, 4]], [4, 1]))
    same(ops.isin([1, 2], [2], invert=True), [True, False])
    with pytest.raises(ValueError, match="digitize: bins must have one axis"):
        ops.digitize(x, x)


def test_nonzero_and_where_alone():
    x = np.array([[0, 1, 0], [2, 0, 3]])
    for got in (ops.nonzero(x), ops.where(x), ops.where(Tensor(x) > 0)):
        assert isinstance(got, tuple)
        assert [t.tolist() for t in got] == [p.tolist() for p in np.nonzero(x)]
        assert all(t.dtype == np.int32 for t in got)
    with pytest.raises(ValueError, match="where: expected both x1 and x2 or neither, got only x1"):
        ops.where(x > 0, 1.0)


def test_sorting_without_gradients_is_numpys():
    x = np.random.default_rng(3).standard_normal((3, 50)).astype(np.float32)
    with_gradient = Tensor(x, requires_grad=True)
    for axis in (0, 1, None):
        assert ops.sort(x, axis)._node is None
        np.testing.assert_array_equal(ops.sort(x, axis).numpy(), ops.sort(with_gradient, axis).numpy())
    ops.sort(with_gradient, -1)[0, 7].backward()
    wanted = np.zeros_like(x)
    wanted[0, np.argsort(x[0])[7]] = 1
    np.testing.assert_array_equal(with_gradient.grad.numpy(), wanted)


def test_places_in_a_view_of_more_than_there_is():
    with pytest.raises((ValueError, MemoryError), match=r"overflows|memory"):
        ops.nonzero(np.broadcast_to(np.ones((1, 33, 4), np.float32), (2**50, 33, 4)))
