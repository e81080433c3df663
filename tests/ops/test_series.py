"""Functions of rows against NumPy's and closed formulas; gradients; what differs, how often and where."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, Tensor, ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((3, 6)), RNG.standard_normal((3, 6))


def same(got, want, rtol=1e-12):
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got.numpy(), want, rtol=rtol, atol=1e-14)


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
def test_correlate(mode):
    for m, n in ((1, 1), (5, 1), (1, 5), (6, 3), (3, 6), (7, 4), (4, 7), (5, 5), (2, 7), (7, 2), (5, 6), (6, 5)):
        a, v = RNG.standard_normal(m), RNG.standard_normal(n)
        same(ops.correlate(a, v, mode), np.correlate(a, v, mode))
        check_gradients(lambda a, v: ops.correlate(a, v, mode), a, v)


def test_corrcoef():
    same(ops.corrcoef(X), np.corrcoef(X))
    same(ops.corrcoef(X[0]), 1.0)
    check_gradients(ops.corrcoef, X)
    assert np.isnan(ops.corrcoef(np.ones((2, 3))).numpy()).all()


def test_cdist():
    a, b = RNG.standard_normal((2, 4, 3)), RNG.standard_normal((5, 3))
    same(ops.cdist(a, b), np.linalg.norm(a[..., :, None, :] - b[None, :, :], axis=-1))
    check_gradients(ops.cdist, a, b)
    x = Tensor(b, requires_grad=True)
    ops.cdist(x, b).sum().backward()
    assert np.isfinite(x.grad.numpy()).all()  # of each point to itself


def test_kron():
    for shapes in (((2, 3), (4, 5)), ((3,), (2, 2)), ((2, 2, 2), (3,)), ((), (2, 3))):
        a, b = (RNG.standard_normal(s) for s in shapes)
        same(ops.kron(a, b), np.kron(a, b))
        check_gradients(ops.kron, a, b)
    assert ops.kron(np.eye(2, dtype=np.int32), np.array([[1, 2]], np.int32)).tolist() == [[1, 2, 0, 0], [0, 0, 1, 2]]


@pytest.mark.parametrize("increasing", [False, True])
@pytest.mark.parametrize("n", [None, 0, 1, 2, 5])
def test_vander(n, increasing):
    x = np.array([0.0, 1.5, -2.0])
    same(ops.vander(x, n, increasing), np.vander(x, n, increasing))
    check_gradients(lambda x: ops.vander(x, n, increasing), x)
    got = ops.vander(np.array([2, 3], np.int32), n, increasing)
    assert got.dtype == np.int32
    np.testing.assert_array_equal(got.numpy(), np.vander([2, 3], n, increasing))


def test_trapezoid():
    places = np.sort(RNG.standard_normal(6))
    same(ops.trapezoid(X), np.trapezoid(X))
    same(ops.trapezoid(X, dx=0.25, axis=0), np.trapezoid(X, dx=0.25, axis=0))
    same(ops.trapezoid(X, places), np.trapezoid(X, places))
    same(ops.trapezoid(X, Y, axis=0), np.trapezoid(X, Y, axis=0))
    same(ops.trapezoid(X, places[:3], axis=0), np.trapezoid(X, places[:3], axis=0))
    check_gradients(ops.trapezoid, X, places)
    check_gradients(lambda y, x: ops.trapezoid(y, x, axis=0), X, Y)
    assert ops.trapezoid([1, 2, 3]).dtype == np.float32


def test_psnr():
    same(ops.psnr(X, Y, 2.0), 10 * np.log10(4 / np.mean((X - Y) ** 2)))
    assert ops.psnr(X, X, 1.0).item() == np.inf
    check_gradients(lambda x, y: ops.psnr(x, y, 255.0), X, Y)
    assert ops.psnr(X, Y, 255).dtype == np.float64


def test_extract_sequences():
    same(ops.extract_sequences(np.arange(1, 7), 3, 2), [[1, 2, 3], [3, 4, 5]])
    windows = np.lib.stride_tricks.sliding_window_view(X, 4, axis=-1)
    same(ops.extract_sequences(X, 4, 1), windows)
    check_gradients(lambda x: ops.extract_sequences(x, 4, 1), X)


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
    assert ops.unique(x, size=2).tolist() == [1, 2]
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
        (lambda: ops.correlate(X, X[0]), ValueError, r"correlate: expected two rows .* got x1 \(3, 6\)"),
        (lambda: ops.correlate(X[0], []), ValueError, "correlate: expected two rows of one element or more"),
        (lambda: ops.correlate(X[0], X[0], "half"), ValueError, "correlate: mode must be 'valid'"),
        (lambda: ops.corrcoef(np.ones((2, 2, 2))), ValueError, "corrcoef: x is"),
        (lambda: ops.cdist(X, np.ones((2, 5))), ValueError, r"cdist: x is \(3, 6\), y \(2, 5\)"),
        (lambda: ops.vander(X), ValueError, "vander: x is .* expected one axis"),
        (lambda: ops.vander(X[0], -1), ValueError, "vander: sizes must not be negative"),
        (lambda: ops.vander(np.array([300], np.int32), 9), ValueError, "vander"),
        (lambda: ops.trapezoid(X, [1.0, 2.0]), ValueError, "trapezoid: x is .* expected 6 places along axis 1"),
        (lambda: ops.psnr(X, X[0], 1.0), ValueError, "psnr: x1 is .* expected one shape"),
        (lambda: ops.extract_sequences(X, 7, 1), ValueError, "extract_sequences: x is .* sequence_length=7"),
        (lambda: ops.extract_sequences(X, 2, 0), ValueError, "sequence_stride=0"),
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
