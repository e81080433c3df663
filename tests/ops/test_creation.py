"""Tensors out of nothing against NumPy: every argument, sizes of none and one, types."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Tensor, config, ops
from lamina.testing import check_gradients

X = np.arange(24.0).reshape(2, 3, 4)


def same(got, want, dtype=np.float32):
    assert got.shape == np.shape(want)
    assert got.dtype == dtype
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-6)
    assert got.numpy().flags.c_contiguous


@pytest.mark.parametrize("shape", [(), 0, 3, (2, 0), (2, 3)], ids=str)
def test_constants(shape):
    for name in ("zeros", "ones"):
        same(getattr(ops, name)(shape), getattr(np, name)(shape))
        same(getattr(ops, name)(shape, "int8"), getattr(np, name)(shape), np.int8)
    same(ops.full(shape, 7), np.full(shape, 7))
    same(ops.full(shape, 2.5, "float64"), np.full(shape, 2.5), np.float64)
    same(ops.empty(shape), np.zeros(shape))
    x = np.ones(shape, np.int16)
    for dtype in (None, "float64"):
        kind = np.dtype(dtype or np.int16)
        same(ops.zeros_like(x, dtype), np.zeros(shape), kind)
        same(ops.ones_like(x, dtype), np.ones(shape), kind)
        same(ops.full_like(x, 3, dtype), np.full(shape, 3), kind)
        same(ops.empty_like(x, dtype), np.zeros(shape), kind)


def test_constants_of_arrays():
    same(ops.full((2, 3), [1, 2, 3], "float64"), [[1, 2, 3]] * 2, np.float64)
    same(ops.full_like(X, Tensor(X[0])), [X[0]] * 2, np.float64)
    check_gradients(lambda t: ops.full((2, 3, 4), t, "float64"), X[0])
    x = np.ones(3)
    assert not np.shares_memory(ops.copy(x).numpy(), x)
    with pytest.raises(ValueError, match="sizes must not be negative, got"):
        ops.zeros((2, -1))
    with pytest.raises(ValueError, match="does not broadcast"):
        ops.full((2, 3), [1, 2])


@pytest.mark.parametrize(
    "given", [(3,), (0,), (1, 3), (3, 1), (2, 9, 3), (2, 9, 4), (5, 1, -2), (-3,), (3, 0, -1)], ids=str
)
def test_ranges(given):
    same(ops.arange(*given), np.arange(*given), np.int32)
    floats = [v * 0.5 for v in given]
    same(ops.arange(*floats), np.arange(*floats))
    same(ops.arange(*given, dtype="float64"), np.arange(*given), np.float64)
    same(ops.arange(*map(Tensor, given)), np.arange(*given), np.int32)


@pytest.mark.parametrize("num", [0, 1, 2, 5])
@pytest.mark.parametrize("endpoint", [True, False])
def test_equal_distances_and_ratios(num, endpoint):
    for ends, axis in (((1.0, 3.0), 0), (([1.0, 2.0], [3.0, -4.0]), 0), (([1.0, 2.0], 5.0), -1)):
        same(ops.linspace(*ends, num, endpoint, axis=axis), np.linspace(*ends, num, endpoint, axis=axis))
        same(ops.logspace(*ends, num, endpoint, axis=axis), np.logspace(*ends, num, endpoint, axis=axis))
        got, step = ops.linspace(*map(Tensor, ends), num, endpoint, retstep=True, dtype="float64", axis=axis)
        want, distance = np.linspace(*ends, num, endpoint, retstep=True, axis=axis)
        same(got, want, np.float64)
        same(step, distance)
        positive = [np.abs(end) for end in ends]
        wanted = np.geomspace(*positive, num, endpoint, axis=axis)
        same(ops.geomspace(*positive, num, endpoint, axis=axis), wanted)
        same(ops.geomspace(*map(Tensor, positive), num, endpoint, "float64", axis), wanted, np.float64)
        wanted = np.logspace(*ends, num, endpoint, base=2.0, axis=axis)
        same(ops.logspace(*ends, num, endpoint, 2.0, "float64", axis), wanted, np.float64)


def test_fifty_numbers_by_default():
    same(ops.linspace(0, 1), np.linspace(0, 1))
    same(ops.logspace(0, 1), np.logspace(0, 1))
    same(ops.geomspace(1, 9), np.geomspace(1, 9))
    for ends in ((0, 1), (1, 0), ([1, 0], 2)):
        with pytest.raises(ValueError, match="geomspace: the ends must not be 0"):
            ops.geomspace(*ends)
    for f in (ops.linspace, ops.logspace, ops.geomspace):
        with pytest.raises(ValueError, match="sizes must not be negative, got"):
            f(1, 2, -1)


@pytest.mark.parametrize("k", [-3, -1, 0, 1, 2, 4])
@pytest.mark.parametrize(("n", "m"), [(3, None), (2, 4), (4, 2), (0, 3), (1, 1)])
def test_matrices_of_ones(n, m, k):
    same(ops.eye(n, m, k), np.eye(n, m, k))
    same(ops.tri(n, m, k), np.tri(n, m, k))
    same(ops.eye(n, m, k, "int32"), np.eye(n, m, k), np.int32)
    same(ops.identity(n), np.identity(n))
    x = np.arange(1.0, 1 + 2 * n * (m or n)).reshape(2, n, m or n)
    same(ops.tril(x, k), np.tril(x, k), np.float64)
    same(ops.triu(x, k), np.triu(x, k), np.float64)
    same(ops.tril(x[0].astype(np.int8), k), np.tril(x[0], k), np.int8)


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("sizes", [(), (3,), (2, 3), (2, 3, 4), (2, 0, 1, 3)], ids=str)
def test_grids(sizes, indexing):
    vectors = [np.arange(float(n)) + 10 * n for n in sizes]
    got, want = ops.meshgrid(*vectors, indexing=indexing), np.meshgrid(*vectors, indexing=indexing)
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        same(g, w, np.float64)


def test_types_and_shapes_as_they_are_told():
    assert [ops.ndim(x) for x in (1.0, [1, 2], X)] == [0, 1, 3]
    assert [ops.shape(x) for x in (1.0, [1, 2], X)] == [(), (2,), (2, 3, 4)]
    assert [ops.size(x) for x in (1.0, [1, 2], X)] == [1, 2, 24]
    assert ops.is_tensor(Tensor(X))
    assert not ops.is_tensor(X)
    assert np.shares_memory(ops.convert_to_numpy(Tensor(X)), X)
    before = config.floatx()
    try:
        config.set_floatx("float64")
        assert {f(2).dtype for f in (ops.zeros, ops.ones, ops.eye, ops.tri)} == {np.dtype(np.float64)}
        assert ops.arange(0.5).dtype == ops.array([0.5]).dtype == ops.linspace(0, 1, 2).dtype == np.float64
    finally:
        config.set_floatx(before)
