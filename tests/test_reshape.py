"""Shapes, parts and copies against NumPy; their gradients; errors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lamina import _native, layers, ops
from lamina.autograd import Tensor
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 4, 5))


def same(got, want):
    assert got.shape == want.shape
    np.testing.assert_array_equal(got.numpy(), want)
    assert got.numpy().flags.c_contiguous


def test_views_share_memory():
    x = Tensor(X)
    for y in (ops.reshape(x, (12, 5)), ops.squeeze(x), ops.expand_dims(x, 0), ops.ravel(x), x[1], x[1:3], x[1, 2]):
        assert np.shares_memory(y.numpy(), X)
    assert not np.shares_memory(x[:, 1].numpy(), X)
    assert np.shares_memory(ops.transpose(Tensor(X[:1]), (1, 0, 2)).numpy(), X)  # only an axis of size 1 moves


@pytest.mark.parametrize("shape", [(12, 5), (-1,), (3, -1), 60, (5, 4, 3), (1, 3, 4, 5)])
def test_reshape(shape):
    same(ops.reshape(X, shape), X.reshape(shape))
    check_gradients(lambda x: ops.multiply(ops.reshape(x, shape), 2.0), X)


def test_squeeze_and_expand_dims():
    x = X.reshape(1, 3, 1, 20)
    same(ops.squeeze(x), x.squeeze())
    same(ops.squeeze(x, 0), x.squeeze(0))
    same(ops.squeeze(x, (0, -2)), x.squeeze((0, -2)))
    for axis in (0, 1, -1, -2, (0, 2), (-1, 0)):
        same(ops.expand_dims(X, axis), np.expand_dims(X, axis))
    with pytest.raises(ValueError, match=r"squeeze: x is \(1, 3, 1, 20\); axis 1 is not of size 1"):
        ops.squeeze(x, 1)


@pytest.mark.parametrize("axes", [None, *itertools.permutations(range(3))], ids=str)
def test_transpose(axes):
    same(ops.transpose(X, axes), np.ascontiguousarray(X.transpose(axes)))
    check_gradients(lambda x: ops.transpose(x, axes), X)
    check_gradients(lambda x: ops.add(ops.transpose(x, axes), ops.transpose(ops.square(x), axes)), X)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.int32, np.int16, np.uint8, np.bool_])
def test_any_type_is_moved(dtype):
    x = (X * 10).astype(dtype)
    same(ops.transpose(x), np.ascontiguousarray(x.T))
    same(ops.getitem(x, (slice(None), 2)), x[:, 2].copy())
    same(ops.concatenate([x, x], 1), np.concatenate([x, x], 1))
    if np.dtype(dtype).itemsize != 2:
        same(ops.take(x, [0, 2], axis=1), x.take([0, 2], 1))


def test_axes_by_name():
    same(ops.swapaxes(X, 0, -1), np.ascontiguousarray(X.swapaxes(0, -1)))
    for source, destination in ((0, -1), (-1, 0), ((0, 1), (-1, 0)), ([0, 2], [1, 0])):
        same(ops.moveaxis(X, source, destination), np.ascontiguousarray(np.moveaxis(X, source, destination)))


KEYS = [0, -1, slice(1, 3), slice(None, None, 2), slice(None, None, -1), (0, 1), (slice(None), 1), (..., 1), None]
KEYS += [(slice(None), None, 2), (1, ..., slice(0, 4, 3)), (slice(2, 0, -1), slice(None), slice(None, None, -2)), ...]
KEYS += [(1, 2, 3), slice(2, 2), np.int64(1), (), (np.newaxis, ..., np.newaxis)]
KEYS += [[0, 2], np.array([2, 0, 2]), (slice(None), [1, 1, 0]), (slice(None), slice(None), np.array([[0, -1]]))]
KEYS += [(np.array([0, 2]), np.array([1, 3])), (np.array([0, 1]), slice(1, 3), np.array([2, 2])), X[:, 0, 0] > 0, X > 0]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_getitem(key):
    same(Tensor(X)[key], np.array(X[key], order="C"))
    check_gradients(lambda x: x[key], X)
    check_gradients(lambda x: ops.sum(ops.square(x[key])) + ops.sum(x), X)  # adds to a gradient that is there


def test_getitem_with_a_tensor():
    same(Tensor(X)[Tensor(np.array([1, 0]))], X[[1, 0]])
    with pytest.raises(IndexError, match=r"take: index 3 at \[1\] is outside 0..2"):
        Tensor(X)[np.array([0, 3])]
    with pytest.raises(IndexError):
        Tensor(X)[7]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concatenate_stack_and_split(axis):
    y = RNG.standard_normal(X.shape)
    same(ops.concatenate([X, y, X], axis), np.concatenate([X, y, X], axis))
    same(ops.stack([X, y], axis), np.stack([X, y], axis))
    check_gradients(lambda a, b: ops.concatenate([a, b, a], axis), X, y)
    check_gradients(lambda a, b: ops.stack([a, b, b], axis), X, y)
    cuts = [1, 3]
    for got, want in zip(ops.split(X, cuts, axis), np.split(X, cuts, axis), strict=True):
        same(got, np.ascontiguousarray(want))
    check_gradients(lambda x: ops.multiply(*ops.split(ops.concatenate([x, x], axis), 2, axis)), X)
    check_gradients(lambda x: ops.split(x, cuts, axis)[1], X)
    for i, t in enumerate(ops.unstack(X, axis=axis)):
        same(t, np.ascontiguousarray(X.take(i, axis)))


def test_concatenate_promotes():
    assert ops.concatenate([np.ones(2, np.float32), np.ones(2, np.int64)]).dtype == np.float32
    assert ops.concatenate([np.ones(2, np.float32), np.ones(2)]).dtype == np.float64
    same(ops.vstack([np.ones(3), np.zeros(3)]), np.vstack([np.ones(3), np.zeros(3)]))
    same(ops.hstack([X[:, :1], X]), np.hstack([X[:, :1], X]))


def test_slice_and_flip():
    same(ops.slice(X, (0, 1, 2), (2, 3, 1)), np.ascontiguousarray(X[:2, 1:4, 2:3]))
    check_gradients(lambda x: ops.slice(x, (0, 1, 2), (2, 3, 1)), X)
    for axis in (None, 0, (1, -1)):
        same(ops.flip(X, axis), np.ascontiguousarray(np.flip(X, axis)))
        check_gradients(lambda x, axis=axis: ops.flip(x, axis), X)
    with pytest.raises(ValueError, match="does not lie in x"):
        ops.slice(X, (0, 3, 0), (1, 2, 1))


def test_repetition():
    for shape in ((2, 3, 4, 5), (3, 4, 5)):
        same(ops.broadcast_to(X, shape), np.ascontiguousarray(np.broadcast_to(X, shape)))
    check_gradients(lambda x: ops.broadcast_to(x, (2, 3, 4)), X[:, :1, 0])
    for repeats in (2, (2,), (2, 1, 3), (2, 1, 1, 2)):
        same(ops.tile(X, repeats), np.tile(X, repeats))
        check_gradients(lambda x, repeats=repeats: ops.tile(x, repeats), X)
    for repeats, axis in ((2, None), (2, 0), (3, -1), ([1, 0, 2], 0)):
        same(ops.repeat(X, repeats, axis), np.repeat(X, repeats, axis))
        check_gradients(lambda x, r=repeats, a=axis: ops.repeat(x, r, a), X)
    with pytest.raises(ValueError, match=r"broadcast_to: x is \(3, 4, 5\), which does not broadcast to \(3, 4\)"):
        ops.broadcast_to(X, (3, 4))


@pytest.mark.parametrize("width", [1, (1, 2), ((0, 1), (2, 0), (1, 1))], ids=str)
@pytest.mark.parametrize("mode", ["constant", "reflect", "symmetric", "edge"])
def test_pad(width, mode):
    same(ops.pad(X, width, mode), np.pad(X, width, mode))
    check_gradients(lambda x: ops.pad(x, width, mode), X)
    same(ops.pad(X, width, constant_values=2.5), np.pad(X, width, constant_values=2.5))


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8])
def test_take(axis, dtype):
    places = np.array([[2, 0, 2], [1, 1, 0]], dtype)
    same(ops.take(X, places, axis), np.take(X, places, axis))
    check_gradients(lambda x: ops.take(x, places, axis), X)
    same(ops.take(X, -1, axis=0), X[-1])


def test_one_hot():
    labels = np.array([[0, 2], [-1, 5]])
    want = (labels[..., None] == np.arange(3)).astype(np.float32)
    same(ops.one_hot(labels, 3), want)
    same(ops.one_hot(labels, 3, axis=0), np.ascontiguousarray(np.moveaxis(want, -1, 0)))
    assert ops.one_hot([1], 3, dtype="int32").dtype == np.int32
    assert ops.one_hot([1], 3, dtype="bool").tolist() == [[False, True, False]]


def test_constants():
    assert ops.zeros((2, 3)).dtype == ops.ones(2).dtype == ops.full((2,), 3).dtype == ops.eye(3).dtype == np.float32
    assert ops.arange(3).dtype == np.int32
    assert ops.arange(0, 1, 0.5).dtype == np.float32
    assert ops.zeros_like(np.ones(3, np.float64)).dtype == np.float64
    same(ops.linspace(0, 1, 5), np.linspace(0, 1, 5, dtype=np.float32))
    same(ops.full_like(X, 2.0), np.full_like(X, 2.0))
    same(ops.tril(X[0]), np.tril(X[0]))
    same(ops.triu(X, 1), np.triu(X, 1))
    check_gradients(ops.tril, X)
    for got, want in zip(ops.meshgrid(X[0, 0], X[0, :, 0]), np.meshgrid(X[0, 0], X[0, :, 0]), strict=True):
        same(got, want)
    assert ops.shape(X) == (3, 4, 5)
    assert ops.ndim(X) == 3
    assert ops.size(X) == 60
    assert ops.is_tensor(Tensor(X))
    assert not ops.is_tensor(X)
    assert ops.convert_to_numpy(Tensor(X)) is X
    assert ops.convert_to_tensor([1.0, 2.0]).dtype == np.float32


def test_odd_strides():
    x = np.arange(2 * 6 * 8, dtype=np.float32).reshape(2, 6, 8)
    for v in (x[:, ::2, ::-1], x.T[1:], np.broadcast_to(x[0, 0], (3, 5, 8)), x[::-1, :, 3:4], x[:0]):
        np.testing.assert_array_equal(_native.contiguous(v), v)
    y = np.zeros((8, 6, 2), np.float32)
    _native.strided_copy(x, y.T)
    np.testing.assert_array_equal(y.T, x)
    _native.strided_copy(x, y.T, True)
    np.testing.assert_array_equal(y.T, 2 * x)


def test_errors():
    with pytest.raises(ValueError, match=r"reshape: x is \(3, 4, 5\), 60 elements, which cannot become \(7, 9\)"):
        ops.reshape(X, (7, 9))
    with pytest.raises(ValueError, match=r"transpose: axes \(0, 0, 1\) are no permutation"):
        ops.transpose(X, (0, 0, 1))
    with pytest.raises(ValueError, match=r"concatenate: array 0 is \(3, 4, 5\), array 1 is \(3, 4\)"):
        ops.concatenate([X, X[..., 0]], 0)
    with pytest.raises(ValueError, match=r"split: axis 1 of x, which is \(3, 4, 5\), cannot be cut into 3 equal parts"):
        ops.split(X, 3, axis=1)
    with pytest.raises(TypeError, match="take: indices must be integers, got float64"):
        ops.take(X, np.ones(2))
    with pytest.raises(IndexError, match=r"take: index -4 at \[0\] is outside 0..2"):
        ops.take(X, [-4], axis=0)
    with pytest.raises(ValueError, match="pad: mode must be"):
        ops.pad(X, 1, "wrap around")


def test_reshape_layer_takes_numpy_integers():
    layer = layers.Reshape((np.int64(2), 4))
    assert layer(np.zeros((3, 8))).shape == (3, 2, 4)
    assert [type(n) for n in layer.get_config()["target_shape"]] == [int, int]
