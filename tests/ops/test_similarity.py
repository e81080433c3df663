"""Correlations, distances and ratios of noise against NumPy's and closed formulas, with gradients."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Tensor, ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((3, 6)), RNG.standard_normal((3, 6))


def same(got, want, rtol=1e-12):
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got.numpy(), want, rtol=rtol, atol=1e-14)


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


def test_psnr():
    same(ops.psnr(X, Y, 2.0), 10 * np.log10(4 / np.mean((X - Y) ** 2)))
    assert ops.psnr(X, X, 1.0).item() == np.inf
    check_gradients(lambda x, y: ops.psnr(x, y, 255.0), X, Y)
    assert ops.psnr(X, Y, 255).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.corrcoef(np.ones((2, 2, 2))), ValueError, "corrcoef: x is"),
        (lambda: ops.cdist(X, np.ones((2, 5))), ValueError, r"cdist: x is \(3, 6\), y \(2, 5\)"),
        (lambda: ops.psnr(X, X[0], 1.0), ValueError, "psnr: x1 is .* expected one shape"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
