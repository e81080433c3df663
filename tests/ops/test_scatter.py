"""Values put at places, sums by segments against loops in Python; their gradients; errors."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
DATA, IDS = RNG.standard_normal((6, 2)), np.array([0, 2, 2, 0, 5, 1])
PLACES = np.array([[0, 1], [2, -1], [0, 1]])


def same(got, want):
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-13)


def sums(data, ids, n):
    y = np.zeros((n, *data.shape[1:]))
    for row, i in zip(data, ids, strict=True):
        if 0 <= i < n:
            y[i] += row
    return y


def test_segment_sum():
    same(ops.segment_sum(DATA, IDS), sums(DATA, IDS, 6))
    same(ops.segment_sum(DATA, IDS, 8), sums(DATA, IDS, 8))
    same(ops.segment_sum(DATA, IDS, 3), sums(DATA, IDS, 3))  # 5 is left out
    same(ops.segment_sum(DATA, np.array([0, -1, 2, 0, 1, -1], np.int32), 3), sums(DATA, [0, -1, 2, 0, 1, -1], 3))
    same(ops.segment_sum(DATA[:, 0], IDS, 6), sums(DATA[:, 0], IDS, 6))
    for n in (None, 3):
        check_gradients(lambda x, n=n: ops.segment_sum(x, IDS, n), DATA)
    got = ops.segment_sum(np.arange(6, dtype=np.int32), IDS, 3)
    assert (got.tolist(), got.dtype) == ([3, 5, 3], np.int32)


def test_segment_max():
    same(ops.segment_max(DATA, IDS, 3), [DATA[[0, 3]].max(0), DATA[5], DATA[1:3].max(0)])
    assert ops.segment_max(DATA, IDS).numpy()[3].tolist() == [-np.inf, -np.inf]
    check_gradients(lambda x: ops.segment_max(x, IDS, 3), DATA)
    check_gradients(lambda x: ops.add(ops.segment_max(x, IDS, 3), ops.segment_max(ops.square(x), IDS, 3)), DATA)
    assert ops.segment_max(np.arange(6, dtype=np.int32), IDS, 2).tolist() == [3, 5]


def test_segment_errors():
    with pytest.raises(ValueError, match=r"segment_sum: segment_ids are \(2,\), data \(6, 2\)"):
        ops.segment_sum(DATA, [0, 1])
    with pytest.raises(TypeError, match="segment_max: segment_ids must be integers, got float64"):
        ops.segment_max(DATA, IDS * 1.0)


def test_scatter():
    same(ops.scatter(PLACES, [1.0, 2.0, 4.0], (3, 4)), [[0, 5, 0, 0], [0] * 4, [0, 0, 0, 2]])
    got = ops.scatter([[1], [3]], np.ones((2, 3), np.int32), (4, 3))
    assert (got.tolist(), got.dtype) == ([[0] * 3, [1] * 3, [0] * 3, [1] * 3], np.int32)
    check_gradients(lambda v: ops.scatter(PLACES, v, (3, 4, 2)), RNG.standard_normal((3, 2)))
    check_gradients(lambda v: ops.scatter(PLACES.reshape(3, 1, 2), v, (3, 4)), RNG.standard_normal((3, 1)))
    with pytest.raises(IndexError, match=r"scatter: the place \(2, 4\) is outside the shape \(3, 4\)"):
        ops.scatter([[0, 1], [2, 4]], [1.0, 2.0], (3, 4))
    with pytest.raises(ValueError, match=r"scatter: values are \(2,\); indices \(3, 2\) into \(3, 4\) need \(3,\)"):
        ops.scatter(PLACES, [1.0, 2.0], (3, 4))
    with pytest.raises(ValueError, match="the last axis must name 1 to 2 axes"):
        ops.scatter([[0, 1, 2]], [1.0], (3, 4))


def test_scatter_update():
    x = RNG.standard_normal((3, 4))
    want = x.copy()
    want[0, 1], want[2, -1] = 4, 2
    same(ops.scatter_update(x, PLACES, [1.0, 2.0, 4.0]), want)
    want = x.copy()
    want[[2, 0]] = 7
    same(ops.scatter_update(x, [[2], [0]], np.full((2, 4), 7.0)), want)
    check_gradients(lambda t, u: ops.scatter_update(t, PLACES[:2], u), RNG.standard_normal((3, 4, 2)), x[:2, :2])
    with pytest.raises(IndexError, match=r"scatter_update: the place \(3, 0\) is outside the shape \(3, 4\)"):
        ops.scatter_update(x, [[3, 0]], [1.0])


def test_slice_update():
    x, new = RNG.standard_normal((3, 4)), RNG.standard_normal((2, 2))
    want = x.copy()
    want[1:3, 2:] = new
    same(ops.slice_update(x, (1, 2), new), want)
    check_gradients(lambda t, u: ops.slice_update(t, (1, 2), u), x, new)
    check_gradients(lambda t: ops.slice_update(t, (1, 1), ops.multiply(t[:2, :2], 3.0)), x)
    check_gradients(lambda t: ops.add(ops.slice_update(t, (0, 0), new), ops.square(t)), x)
    with pytest.raises(ValueError, match=r"slice_update: a block \(2, 2\) from \(2, 2\) does not lie in x"):
        ops.slice_update(x, (2, 2), new)


def test_multi_hot():
    assert ops.multi_hot([[0, 2, 2], [1, 9, -1]], 3).tolist() == [[1, 0, 1], [0, 1, 0]]
    assert ops.multi_hot([0, 2], 3, dtype="int32").tolist() == [1, 0, 1]
    assert ops.multi_hot([[0], [1]], 3, axis=0).tolist() == [[1, 0], [0, 1], [0, 0]]
    with pytest.raises(TypeError, match="multi_hot: inputs must be integers"):
        ops.multi_hot([0.5], 3)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64"])
def test_scatter_update_keeps_the_type(dtype):
    y = ops.scatter_update(np.zeros(3, dtype), [[1]], [1])
    assert y.dtype == dtype
    np.testing.assert_array_equal(y.numpy(), np.array([0, 1, 0], dtype))


def test_segment_min_and_prod():
    same(ops.segment_min(DATA, IDS, 3), [DATA[[0, 3]].min(0), DATA[5], DATA[1:3].min(0)])
    same(ops.segment_prod(DATA, IDS, 3), [DATA[[0, 3]].prod(0), DATA[5], DATA[1:3].prod(0)])
    assert ops.segment_min(DATA, IDS).numpy()[3].tolist() == [np.inf, np.inf]
    assert ops.segment_prod(DATA, IDS).numpy()[3].tolist() == [1, 1]
    assert ops.segment_min(np.arange(6, dtype=np.int8), IDS, 4).tolist() == [0, 5, 1, 127]
    got = ops.segment_prod(np.arange(1, 7, dtype=np.int32), IDS, 3)
    assert (got.tolist(), got.dtype) == ([4, 6, 6], np.int32)
    zeros = DATA.copy()
    zeros[0, 0] = zeros[1, 1] = zeros[2, 1] = 0
    for data in (DATA, zeros):
        check_gradients(lambda x: ops.segment_prod(x, IDS, 3), data)
    check_gradients(lambda x: ops.segment_min(x, IDS, 3), DATA)


@pytest.mark.parametrize(
    ("reduction", "at"), [("add", np.add), ("mul", np.multiply), ("max", np.maximum), ("min", np.minimum)]
)
def test_scatter_update_with_a_reduction(reduction, at):
    x, values = RNG.standard_normal((3, 4, 2)), RNG.standard_normal((3, 2))
    want = x.copy()
    at.at(want, tuple(PLACES.T), values)
    same(ops.scatter_update(x, PLACES, values, reduction), want)
    same(ops.scatter_update(x, PLACES, values, reduction=reduction.lower()), want)
    check_gradients(lambda x, v: ops.scatter_update(x, PLACES, v, reduction), x, values)
    whole = np.arange(12, dtype=np.int32).reshape(3, 4)
    want = whole.copy()
    at.at(want, tuple(PLACES.T), np.array([5, 6, 7], np.int32))
    got = ops.scatter_update(whole, PLACES, [5, 6, 7], reduction)
    assert got.dtype == np.int32
    same(got, want)
    with pytest.raises(IndexError, match="scatter_update: the place"):
        ops.scatter_update(whole, [[3, 0]], [1], reduction)


def test_scatter_update_with_another_reduction():
    with pytest.raises(ValueError, match=r"scatter_update: reduction must be None, 'add', .* got 'sum'"):
        ops.scatter_update(np.zeros(3), [[0]], [1.0], "sum")
