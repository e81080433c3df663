"""Integers of every type: NumPy's values, exact beyond 2^53, in Keras's types, or an error; never another number."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Tensor, capture, ops
from lamina.ops.conversion import place_dtype

TYPES = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
SUMS = {"int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}


def numbers(dtype):
    """The smallest, the largest and some between, whose last digits a float64 does not hold."""
    limits = np.iinfo(dtype)
    return np.array([limits.max, 5, limits.min, limits.max - 1, 7, 1, limits.max // 2 + 1, limits.max // 3], dtype)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    "name",
    ["add", "subtract", "multiply", "maximum", "minimum", "floor_divide", "mod", "less", "equal", "greater_equal"],
)
def test_arithmetic_and_comparison(name, dtype):
    x, y = (v.ravel() for v in np.meshgrid(numbers(dtype), numbers(dtype)))
    with np.errstate(all="ignore"):
        want = getattr(np, name)(x, y)
        beside = getattr(np, name)(x, 7)
    for got, wanted in ((getattr(ops, name)(x, y), want), (getattr(ops, name)(x, 7), beside)):
        assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(got.numpy(), wanted)


@pytest.mark.parametrize("dtype", TYPES)
def test_numbers_with_all_their_digits(dtype):
    x, top = numbers(dtype), int(np.iinfo(dtype).max)
    np.testing.assert_array_equal(ops.equal(x, top).numpy(), x == top)
    np.testing.assert_array_equal(ops.maximum(x, top - 1).numpy(), np.maximum(x, np.array(top - 1, dtype)))
    np.testing.assert_array_equal(ops.where(x > 5, x, top - 1).numpy(), np.where(x > 5, x, np.array(top - 1, dtype)))
    for beyond in (top + 1, 2**70, int(np.iinfo(dtype).min) - 1):
        np.testing.assert_array_equal(ops.less(x, beyond).numpy(), [v < beyond for v in x.tolist()])
        np.testing.assert_array_equal(ops.equal(x, beyond).numpy(), np.zeros(8, bool))
        with pytest.raises(ValueError, match=f"{dtype} cannot hold"):
            ops.add(x, beyond)
    np.testing.assert_array_equal(ops.clip(x, -1, 2**70).numpy(), np.maximum(x, max(-1, np.iinfo(dtype).min)))


@pytest.mark.parametrize("dtype", TYPES)
def test_reductions(dtype):
    x = numbers(dtype).reshape(2, 4)
    for axis in (None, 0, 1):
        for name in ("max", "min"):
            got, want = getattr(ops, name)(x, axis), getattr(np, name)(x, axis)
            assert got.dtype == dtype
            np.testing.assert_array_equal(got.numpy(), want)
        for name in ("argmax", "argmin"):
            np.testing.assert_array_equal(getattr(ops, name)(x, axis).numpy(), getattr(np, name)(x, axis))
    small = x // 16
    for name in ("sum", "cumsum"):
        want = getattr(np, name)(small, 1)
        got = getattr(ops, name)(small, 1)
        assert got.dtype == (SUMS.get(dtype, dtype) if name == "sum" else dtype)
        np.testing.assert_array_equal(got.numpy(), want)
    np.testing.assert_array_equal(ops.prod(np.array([3, 7, 5], dtype)).numpy(), 105)
    np.testing.assert_array_equal(ops.sort(x, 1).numpy(), np.sort(x, 1))
    for k in (1, 3):
        np.testing.assert_array_equal(ops.top_k(x, k)[0].numpy(), -np.sort(-x.astype(object), 1)[:, :k])
    assert ops.mean(x).dtype == np.float32
    assert ops.mean(x).numpy() == pytest.approx(x.mean(), rel=1e-6)


@pytest.mark.parametrize("shape", [(7, 5, 3), (70000,), (3, 70000), (70000, 3), (2, 40000, 2)])
def test_sums_of_divided_reductions(shape):
    x = np.random.default_rng(0).integers(0, 2**40, shape, np.int64)
    for axis in [None, *range(len(shape)), (0, len(shape) - 1)]:
        axis = tuple(sorted(set(axis))) if isinstance(axis, tuple) else axis
        np.testing.assert_array_equal(ops.sum(x, axis).numpy(), x.sum(axis))
        np.testing.assert_array_equal(ops.max(x, axis, keepdims=True).numpy(), x.max(axis, keepdims=True))
    np.testing.assert_array_equal(ops.sum(np.zeros((0, 3), "i4"), 0).numpy(), [0, 0, 0])


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int8"])
def test_results_that_do_not_fit_are_errors(dtype):
    x = np.full(3, np.iinfo(dtype).max, dtype)
    many = np.full(2**9, np.iinfo(dtype).max, dtype) if dtype == "int8" else x
    calls = [lambda: ops.cumsum(x), lambda: ops.cumprod(x)]
    if dtype != "int8":
        calls += [
            lambda: ops.sum(x),
            lambda: ops.prod(x),
            lambda: ops.segment_sum(x, np.zeros(3, "i4"), 1),
            lambda: ops.scatter(np.zeros((3, 1), "i4"), x, (1,)),
            lambda: ops.matmul(x, x),
            lambda: ops.matmul(np.array([70_000], dtype), np.array([70_000], dtype)),
        ]
    for call in calls:
        with pytest.raises(ValueError, match="fit"):
            call()
    assert ops.sum(many[:1]).numpy() == many[0]


def test_sums_at_places():
    x = np.array([2**53 + 1, 3, 2**60 + 1], "i8")
    np.testing.assert_array_equal(ops.segment_sum(x, np.array([1, 1, 0]), 2).numpy(), [2**60 + 1, 2**53 + 4])
    u = np.array([2**63 + 1, 3], "u8")
    np.testing.assert_array_equal(ops.scatter(np.array([[1], [1]]), u, (2,)).numpy(), np.array([0, 2**63 + 4], "u8"))
    np.testing.assert_array_equal(ops.bincount(np.array([0, 2, 2]), weights=x).numpy(), [2**53 + 1, 0, 2**60 + 4])


@pytest.mark.parametrize("dtype", TYPES)
def test_products_of_matrices(dtype):
    x = (np.arange(12) % 7).astype(dtype)
    for a, b in ((x.reshape(3, 4), x.reshape(4, 3)), (x.reshape(2, 3, 2), x.reshape(2, 2, 3)), (x, x)):
        np.testing.assert_array_equal(ops.matmul(a, b).numpy(), a.astype(object) @ b.astype(object))
    top = np.iinfo(np.int32).max  # whose square a float64 does not hold
    assert ops.matmul(np.array([top, top], "i4"), np.array([top, 1 - top], "i4")).numpy() == top
    large = np.array([[2**53 + 1, 2**31], [1, -(2**53)]])
    np.testing.assert_array_equal(ops.matmul(large, np.array([1, 1])).numpy(), large @ np.array([1, 1]))
    np.testing.assert_array_equal(ops.matmul(large[0], np.eye(2, dtype="i8")).numpy(), large[0])


@pytest.mark.parametrize("dtype", [*TYPES, "bool"])
def test_take_of_any_type(dtype):
    x = np.array([[1, 0, 1], [0, 1, 1]], dtype)
    np.testing.assert_array_equal(ops.take(x, [2, 0], 1).numpy(), x[:, [2, 0]])
    np.testing.assert_array_equal(ops.take_along_axis(x, np.array([[2], [-1]]), 1).numpy(), x[:, -1:])
    np.testing.assert_array_equal(ops.roll(x, 1, 1).numpy(), np.roll(x, 1, 1))


def test_indices_of_any_type():
    x = np.arange(5.0)
    for dtype in TYPES:
        np.testing.assert_array_equal(ops.take(x, np.array([1, 4], dtype)).numpy(), [1, 4])
        np.testing.assert_array_equal(ops.one_hot(np.array([1], dtype), 3).numpy(), [[0, 1, 0]])
    with pytest.raises(IndexError, match="outside"):
        ops.take(x, np.array([2**64 - 1], "u8"))
    np.testing.assert_array_equal(ops.one_hot(np.array([2**64 - 1], "u8"), 3).numpy(), [[0, 0, 0]])


def test_types_that_no_integer_type_holds():
    a, b = np.array([1], "u8"), np.array([1], "i8")
    for name in ("add", "maximum", "less", "matmul", "isin"):
        with pytest.raises(TypeError, match="no integer type holds uint64 and int64"):
            getattr(ops, name)(a, b)
    assert ops.add(np.array([2**31], "u4"), np.array([-1], "i4")).numpy() == 2**31 - 1
    assert ops.less(a, 1.5).numpy()


def test_functions_that_keep_integers():
    for dtype in TYPES:
        x = numbers(dtype)
        for name in ("sign", "round", "abs", "trunc"):
            got = getattr(ops, name)(x)
            assert got.dtype == dtype
            with np.errstate(all="ignore"):
                np.testing.assert_array_equal(got.numpy(), getattr(np, name)(x))
    with pytest.raises(ValueError, match="negative powers"):
        ops.power(np.array([2, 3]), np.array([1, -1]))


def test_floats_as_large_unsigned_integers():
    x = np.array([1e19, 2.0**63, 3e9, 5.9])
    np.testing.assert_array_equal(ops.cast(x, "uint64").numpy(), x.astype("u8"))


def test_places_beyond_int32():
    """2^31 + 5 bytes, read where the system keeps no memory for zeros."""
    n = 2**31 + 5
    x = np.zeros(n, np.uint8)
    x[n - 2] = 1
    assert ops.argmax(x).dtype == np.int64
    assert ops.argmax(x).numpy() == n - 2
    x = x.view(bool)
    assert ops.count_nonzero(x).numpy() == 1
    assert ops.sum(x).numpy() == 1
    assert bool(ops.any(x).numpy())
    assert place_dtype(2**31) == np.int32
    assert place_dtype(n) == np.int64


def test_captured_products_of_larger_integers_than_at_first():
    step = capture(ops.matmul)
    for top in (3, 3, 2**40 + 1):
        x = np.full((2, 3), top, np.int64)
        np.testing.assert_array_equal(step(Tensor(x), Tensor(x.T)).numpy(), x @ x.T)
    assert step.reason is None


@pytest.mark.parametrize("dtype", TYPES)
def test_squares_stay_integers(dtype):
    x = np.array([0, 1, 3, 11], dtype)
    y = ops.square(x)
    assert y.dtype == ops.multiply(x, x).dtype
    np.testing.assert_array_equal(y.numpy(), x * x)


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "floor_divide", "mod", "power"])
def test_arithmetic_of_booleans_is_that_of_int32(name):
    a, b = np.array([True, False, True]), np.array([True, True, True])
    found = getattr(ops, name)(a, b)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, getattr(np, name)(a.astype(np.int32), b.astype(np.int32)))
