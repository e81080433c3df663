"""Series of numbers against NumPy's functions, with gradients."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import ops
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


def test_extract_sequences():
    same(ops.extract_sequences(np.arange(1, 7), 3, 2), [[1, 2, 3], [3, 4, 5]])
    windows = np.lib.stride_tricks.sliding_window_view(X, 4, axis=-1)
    same(ops.extract_sequences(X, 4, 1), windows)
    check_gradients(lambda x: ops.extract_sequences(x, 4, 1), X)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.correlate(X, X[0]), ValueError, r"correlate: expected two rows .* got x1 \(3, 6\)"),
        (lambda: ops.correlate(X[0], []), ValueError, "correlate: expected two rows of one element or more"),
        (lambda: ops.correlate(X[0], X[0], "half"), ValueError, "correlate: mode must be 'valid'"),
        (lambda: ops.trapezoid(X, [1.0, 2.0]), ValueError, "trapezoid: x is .* expected 6 places along axis 1"),
        (lambda: ops.extract_sequences(X, 7, 1), ValueError, "extract_sequences: x is .* sequence_length=7"),
        (lambda: ops.extract_sequences(X, 2, 0), ValueError, "sequence_stride=0"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
