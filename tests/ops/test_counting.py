"""Different elements, how often they occur and where, against NumPy's functions."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((3, 6)), RNG.standard_normal((3, 6))


def same(got, want, rtol=1e-12):
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got.numpy(), want, rtol=rtol, atol=1e-14)


def test_bincount():
    x, w = np.array([1, 1, 3]), np.array([0.5, 1.0, 2.0])
    same(ops.bincount(x), np.bincount(x))
    same(ops.bincount(x, w, 6), np.bincount(x, w, 6))
    assert ops.bincount(x).dtype == np.int32
    assert ops.bincount([[1, 1, 3], [0, 0, 0]]).tolist() == [[0, 2, 0, 1], [3, 0, 0, 0]]
    assert ops.bincount(np.zeros(0, int), minlength=2).tolist() == [0, 0]
    check_gradients(lambda t: ops.bincount(x, t, 5), w)
    with pytest.raises(ValueError, match="bincount: expected one axis or more of integers from 0"):
        ops.bincount([-1, 2])


def test_unique():
    x = np.array([[3, 1, 3], [2, 1, 3]])
    assert ops.unique(x).tolist() == [1, 2, 3]
    values, first, inverse, counts = ops.unique(x, True, True, True, True)
    assert (values.tolist(), first.tolist(), counts.tolist()) == ([1, 2, 3], [1, 3, 0], [2, 1, 3])
    assert inverse.tolist() == [[2, 0, 2], [1, 0, 2]]
    assert {t.dtype for t in (first, inverse, counts)} == {np.dtype(np.int32)}
    assert ops.unique(x, axis=1).tolist() == [[1, 3, 3], [1, 2, 3]]
    values, counts = ops.unique(x, return_counts=True, size=5, fill_value=-1)
    assert (values.tolist(), counts.tolist()) == ([1, 2, 3, -1, -1], [2, 1, 3, 0, 0])
    assert ops.unique(x, return_index=True, size=5)[1].tolist() == [1, 3, 0, 1, 1]
    assert ops.unique(x, size=2).tolist() == [1, 2]
    assert ops.unique(x, size=4, axis=1).tolist() == [[1, 3, 3, 0], [1, 2, 3, 0]]
    assert np.isnan(ops.unique([1.0, np.nan, np.nan]).numpy()).sum() == 2
    check_gradients(ops.unique, X)


def test_histogram():
    x = RNG.standard_normal(100)
    for range_ in (None, (-1.0, 1.0)):
        counts, edges = ops.histogram(x, 7, range_)
        want = np.histogram(x, 7, range_)
        same(counts, want[0])
        same(edges, want[1])
        assert (counts.dtype, edges.dtype) == (np.int32, np.float64)
    assert ops.histogram(np.array([1, 2, 2]), 2)[1].dtype == np.float32


def test_unravel_index():
    got = ops.unravel_index(np.array([[5, 0], [23, 7]], np.int32), (2, 3, 4))
    for g, w in zip(got, np.unravel_index([[5, 0], [23, 7]], (2, 3, 4)), strict=True):
        assert g.dtype == np.int32
        np.testing.assert_array_equal(g.numpy(), w)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.unique(X, axis=2), ValueError, "unique: axis 2 is outside x"),
        (lambda: ops.unique(Input((3,))), TypeError, "unique: x is a symbolic tensor"),
        (lambda: ops.histogram(X), ValueError, "histogram: x is .* expected one axis"),
        (lambda: ops.histogram(X[0], 0), ValueError, "histogram: bins must be a positive integer"),
        (lambda: ops.histogram(X[0], 3, (2.0, 1.0)), ValueError, "histogram: range must be a pair"),
        (lambda: ops.histogram([np.nan]), ValueError, "histogram: x is not finite"),
        (lambda: ops.unravel_index([6], (2, 3)), IndexError, "unravel_index: 6 is outside of the 6 elements"),
        (lambda: ops.unravel_index([-1], (2, 3)), IndexError, "unravel_index: -1 is outside"),
        (lambda: ops.unravel_index([0.5], (2, 3)), TypeError, "unravel_index: indices must be integers"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
