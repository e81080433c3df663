"""Shapes, parts and copies against NumPy; their gradients; errors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lamina import _native, config, layers, ops
from lamina.core.autograd import Tensor
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


@pytest.mark.parametrize("name", ["vstack", "hstack", "dstack"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4), (2, 3, 4, 2)], ids=str)
def test_tensors_joined(name, shape):
    x = np.arange(np.prod(shape, dtype=int) * 1.0).reshape(shape)
    for xs in ([x], [x, x + 1, x + 2]):
        same(getattr(ops, name)(xs), getattr(np, name)(xs))
    with pytest.raises(ValueError, match=rf"{name}: .*expected one tensor or more"):
        getattr(ops, name)([])


@pytest.mark.parametrize("start", [(0, 0), (1, 2), (3, 4)])
@pytest.mark.parametrize("shape", [(0, 0), (1, 2), (2, 0), (-1, -1), (-1, 1), (3, 4), (-2, 1), (1, -2)])
def test_blocks(start, shape):
    x = np.arange(12.0).reshape(3, 4)
    sizes = [n - s if k == -1 else k for n, s, k in zip(x.shape, start, shape, strict=True)]
    inside = all(k >= 0 and s + k <= n for n, s, k in zip(x.shape, start, sizes, strict=True))
    if inside:
        same(ops.slice(x, start, shape), x[tuple(np.s_[s : s + k] for s, k in zip(start, sizes, strict=True))])
    else:
        with pytest.raises(ValueError, match=r"slice: a block .* does not lie in x"):
            ops.slice(x, start, shape)


def test_axes_by_name():
    same(ops.swapaxes(X, 0, -1), np.ascontiguousarray(X.swapaxes(0, -1)))
    for source, destination in ((0, -1), (-1, 0), ((0, 1), (-1, 0)), ([0, 2], [1, 0])):
        same(ops.moveaxis(X, source, destination), np.ascontiguousarray(np.moveaxis(X, source, destination)))


KEYS = [0, -1, slice(1, 3), slice(None, None, 2), slice(None, None, -1), (0, 1), (slice(None), 1), (..., 1), None]
KEYS += [(slice(None), None, 2), (1, ..., slice(0, 4, 3)), (slice(2, 0, -1), slice(None), slice(None, None, -2)), ...]
KEYS += [(1, 2, 3), slice(2, 2), np.int64(1), (), (np.newaxis, ..., np.newaxis)]
KEYS += [(slice(1, 3), [1, 0]), (slice(None, None, 2), slice(1, 3), np.array([2, 0]))]
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


HUGE = 2**62
BLOCK = (3, 4, 5)
UNCLEAR = [
    (
        lambda: ops.broadcast_to(X, (HUGE, *BLOCK)),
        r"broadcast_to: a result of shape \(4611686018427387904, 3, 4, 5\) is",
    ),
    (lambda: ops.broadcast_to(X, (-2, *BLOCK)), r"broadcast_to: sizes must not be negative, got \(-2, 3, 4, 5\)"),
    (lambda: ops.tile(X, HUGE), "tile: a result of shape"),
    (lambda: ops.repeat(X, HUGE), "repeat: a result of shape"),
    (lambda: ops.repeat(X, [1, HUGE, 1], 0), "repeat: a result of shape"),
    (
        lambda: ops.repeat(X, [1, 2], 0),
        r"repeat: expected 3 repeats, none below 0, for axis 0 of \(3, 4, 5\), got \[1, 2\]",
    ),
    (lambda: ops.pad(X, HUGE), "pad: a result of shape"),
    (lambda: ops.pad(X, 2**70), "pad: a result of shape"),
    (lambda: ops.pad(X, 1.5), "pad: pad_width must be an integer"),
    (lambda: ops.pad(X, ((1, 2, 3),)), "pad: pad_width must be an integer"),
    (lambda: ops.one_hot([1], HUGE), r"one_hot: a result of shape \(1, 4611686018427387904\) is larger than any array"),
    (lambda: ops.one_hot([1], 0), "one_hot: num_classes must be a positive integer, got 0"),
    (lambda: ops.one_hot([1], 3, axis=7), r"one_hot: axis 7 is outside x, which is \(1,\)"),
    (lambda: ops.slice(X, [0, 0, 0], [1]), r"slice: x is \(3, 4, 5\); expected a start and a size for each axis"),
    (lambda: ops.slice(X, [0, 0, 3], [1, 1, 3]), r"slice: a block \(1, 1, 3\) from \(0, 0, 3\) does not lie in x"),
    (lambda: ops.zeros((HUGE, HUGE)), "zeros: a result of shape"),
    (lambda: ops.ones(-1), "ones: sizes must not be negative"),
    (lambda: ops.full(HUGE, 1), "full: a result of shape"),
    (lambda: ops.eye(HUGE), "eye: a result of shape"),
    (lambda: ops.arange(HUGE), "arange: a result of shape"),
    (lambda: ops.arange(0, 9, 0), "arange: step must not be 0"),
    (lambda: ops.linspace(0, 1, HUGE), "linspace: a result of shape"),
    (lambda: ops.stack([]), "stack: expected one tensor or more of one shape"),
    (lambda: ops.stack([X, X[0]]), "stack: expected one tensor or more of one shape"),
    (lambda: ops.hstack([]), "concatenate: expected one tensor or more"),
    (lambda: ops.expand_dims(X, (0, 0)), "expand_dims: axis .* twice"),
    (lambda: ops.unstack(X, num=2), r"unstack: axis 0 of x, which is \(3, 4, 5\), has 3 parts, not num=2"),
    (lambda: ops.moveaxis(X, 0, 7), r"moveaxis: x is \(3, 4, 5\), source 0, destination 7"),
    (lambda: ops.tril(X[0, 0]), r"tril: expected two axes or more, x is \(5,\)"),
    (lambda: ops.meshgrid(X, indexing="yx"), "meshgrid: indexing must be 'xy' or 'ij'"),
]


@pytest.mark.parametrize(("call", "message"), UNCLEAR, ids=[m.partition(":")[0] for _, m in UNCLEAR])
def test_errors_name_the_operation(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_sizes_must_be_integers():
    with pytest.raises(TypeError, match=r"zeros: a shape must be an integer or a sequence of integers, got \(2, 1.5\)"):
        ops.zeros((2, 1.5))
    with pytest.raises(TypeError, match=r"squeeze: axis must be an integer, got 1\.0"):
        ops.squeeze(X, 1.0)


@pytest.mark.parametrize("width", [1, (1, 2), ((0, 1), (2, 0), (1, 1))], ids=str)
@pytest.mark.parametrize("mode", ["constant", "reflect", "symmetric", "edge", "wrap"])
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


@pytest.fixture
def double():
    """float64 where nothing else is said."""
    config.set_floatx("float64")
    yield
    config.set_floatx("float32")


CREATED = {
    "zeros": lambda: ops.zeros(2),
    "ones": lambda: ops.ones(2),
    "empty": lambda: ops.empty(2),
    "full": lambda: ops.full(2, 1),
    "eye": lambda: ops.eye(2),
    "identity": lambda: ops.identity(2),
    "tri": lambda: ops.tri(2),
    "arange": lambda: ops.arange(2.0),
    "linspace": lambda: ops.linspace(0, 1, 3),
    "logspace": lambda: ops.logspace(0, 1, 3),
    "one_hot": lambda: ops.one_hot([1], 2),
    "multi_hot": lambda: ops.multi_hot([1], 2),
    "convert_to_tensor": lambda: ops.convert_to_tensor([0.5]),
    "float16": lambda: ops.convert_to_tensor(np.ones(2, np.float16)),
    "where": lambda: ops.where(True, 1.0, 2.0),
    "exp of integers": lambda: ops.exp([1]),
    "relu of integers": lambda: ops.relu([1]),
    "quotient of integers": lambda: ops.divide([1], [2]),
    "mean of integers": lambda: ops.mean([1, 2]),
}


@pytest.mark.parametrize("create", CREATED.values(), ids=CREATED)
def test_creation_follows_floatx(create, double):
    assert create().dtype == np.float64
    config.set_floatx("float32")
    assert create().dtype == np.float32


def test_what_does_not_follow_floatx(double):
    assert ops.arange(3).dtype == np.int32
    assert ops.zeros(2, "float32").dtype == ops.zeros_like(np.ones(2, np.float32)).dtype == np.float32
    assert ops.add(np.ones(2, np.float32), 0.5).dtype == np.float32
    assert ops.add(np.ones(2), [0.1]).tolist() == [1.1, 1.1]  # the list keeps its digits


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
def test_other_float_types_are_converted(dtype):
    x = X.astype(dtype)
    want = x.astype(np.float32)
    same(ops.add(x, 0.0), want)
    same(ops.where(X > 0, x, 0.0), np.where(X > 0, want, 0))
    same(ops.concatenate([x, x]), np.concatenate([want, want]))
    same(ops.matmul(x, np.eye(5, dtype=np.float32)), want)
    same(ops.cast(x, "float64"), want.astype(np.float64))
    assert ops.add(dtype(0.5), 1.0).dtype == np.float32
    dense = layers.Dense(2)
    assert dense(x).dtype == np.float32
    np.testing.assert_array_equal(dense(x).numpy(), dense(want).numpy())
    assert layers.Add()([x, X]).dtype == np.float32


def test_more_ways_to_create():
    values, step = ops.linspace(0, 1, 5, retstep=True)
    same(values, np.linspace(0, 1, 5, dtype=np.float32))
    assert step.item() == 0.25
    same(ops.linspace([0, 1], [1, 3], 3, axis=1), np.linspace([0, 1], [1, 3], 3, axis=1, dtype=np.float32))
    same(ops.linspace(0, 9, 4, endpoint=False, dtype="int32"), np.linspace(0, 9, 4, endpoint=False, dtype=np.int32))
    np.testing.assert_allclose(ops.logspace(0, 2, 3, base=2).numpy(), [1, 2, 4])
    same(ops.full((2, 3), [1, 2, 3]), np.full((2, 3), [1, 2, 3], np.float32))
    check_gradients(lambda x: ops.full((2, 3, 4, 5), x, "float64"), X)
    check_gradients(lambda x: ops.full_like(X, x[0, 0, 0]), X)
    copied = ops.copy(X)
    same(copied, X)
    assert not np.shares_memory(copied.numpy(), X)
    check_gradients(ops.copy, X)
    assert ops.empty_like(X).shape == X.shape
    assert ops.array([1.5]).dtype == np.float32


def test_lists_of_tensors_are_stacked():
    check_gradients(lambda x, y: ops.mean([ops.array(x), y], axis=0), X, X + 1)
    x = Tensor(X[0, 0], requires_grad=True)
    ops.multiply([x[0], 2.0], [3.0, x[1]]).sum().backward()
    assert x.grad.tolist() == [3, 2, 0, 0, 0]
    same(ops.array([Tensor(X), X]), np.stack([X, X]))
    assert ops.sum([Tensor(X).max(), Tensor(X).min()], axis=0).item() == X.max() + X.min()


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
