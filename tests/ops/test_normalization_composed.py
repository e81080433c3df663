"""Normalization over any axes and composed activations: values, gradients, PyTorch, errors."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 4))


def same(got, want):
    assert got.shape == want.shape
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_batch_normalization(axis):
    n = X.shape[axis]
    shape = [1, 1, 1]
    shape[axis] = n
    mean, offset, scale = RNG.standard_normal((3, n))
    variance = RNG.uniform(0.5, 2, n)
    m, v, o, s = (p.reshape(shape) for p in (mean, variance, offset, scale))
    want = (X - m) / np.sqrt(v + 1e-3)
    same(ops.batch_normalization(X, mean, variance, axis), want)
    same(ops.batch_normalization(X, mean, variance, axis, offset, scale), want * s + o)
    same(ops.batch_normalization(X, mean, variance, axis, scale=scale, epsilon=0.1), (X - m) / np.sqrt(v + 0.1) * s)
    check_gradients(
        lambda x, m, v, o, s: ops.batch_normalization(x, m, v, axis, o, s), X, mean, variance, offset, scale
    )
    with pytest.raises(ValueError, match=r"batch_normalization: mean is \(9,\), x \(2, 3, 4\)"):
        ops.batch_normalization(X, np.ones(9), variance, axis)


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 2), (1, 2), (0, 1, 2)], ids=str)
def test_layer_and_rms_normalization(axis):
    axes = tuple(a % 3 for a in (axis if isinstance(axis, tuple) else (axis,)))
    sizes = [X.shape[a] for a in axes]
    gamma, beta = RNG.standard_normal((2, *sizes))
    shape = [n if i in axes else 1 for i, n in enumerate(X.shape)]
    want = (X - X.mean(axes, keepdims=True)) / np.sqrt(X.var(axes, keepdims=True) + 1e-7)
    same(ops.layer_normalization(X, axis=axis), want)
    same(ops.layer_normalization(X, gamma, beta, axis), want * gamma.reshape(shape) + beta.reshape(shape))
    check_gradients(lambda x, g, b: ops.layer_normalization(x, g, b, axis, 1e-3), X, gamma, beta)
    want = X / np.sqrt((X**2).mean(axes, keepdims=True) + 1e-7)
    same(ops.rms_normalization(X, axis=axis), want)
    same(ops.rms_normalization(X, gamma, axis), want * gamma.reshape(shape))
    check_gradients(lambda x, g: ops.rms_normalization(x, g, axis), X, gamma)
    with pytest.raises(ValueError, match=r"layer_normalization: gamma is \(99,\)"):
        ops.layer_normalization(X, np.ones(99), axis=axis)


@pytest.mark.parametrize("axis", [0, -1, (0, 2), None], ids=str)
@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
def test_normalize(axis, order):
    if order == np.inf:
        length = np.abs(X).max(axis, keepdims=True)
    else:
        length = (np.abs(X) ** order).sum(axis, keepdims=True) ** (1 / order)
    same(ops.normalize(X, axis, order), X / length)
    check_gradients(lambda x: ops.normalize(x, axis, order), X)


def test_normalize_at_zero():
    assert ops.normalize(np.zeros(3)).tolist() == [0, 0, 0]
    assert ops.normalize([0.5, 0.0], epsilon=1.0).tolist() == [0.5, 0.0]
    with pytest.raises(ValueError, match="normalize: order must be 1 or more, got 0"):
        ops.normalize(X, order=0)
    for got, want in zip(ops.moments(X, (0, 1), synchronized=True), (X.mean((0, 1)), X.var((0, 1))), strict=True):
        same(got, want)


COMPOSED = ["relu6", "celu", "glu", "log_sigmoid", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink"]
COMPOSED += ["squareplus", "sparse_plus", "sparse_sigmoid", "sparsemax"]


@pytest.mark.parametrize("name", COMPOSED)
def test_gradients_of_composed_activations(name):
    check_gradients(getattr(ops, name), RNG.standard_normal((4, 6)) * 3)


def test_composed_activations_against_torch():
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    x = RNG.standard_normal((4, 6)) * 3
    t = torch.tensor(x)
    torchs = [f.relu6, f.celu, f.glu, f.logsigmoid, f.hardtanh, f.hardshrink, f.softshrink, f.tanhshrink]
    for name, function in zip(COMPOSED, torchs, strict=False):
        same(getattr(ops, name)(x), function(t).numpy())
    same(ops.celu(x, 2.0), f.celu(t, 2.0).numpy())
    same(ops.glu(x, 0), f.glu(t, 0).numpy())
    same(ops.hard_shrink(x, 1.0), f.hardshrink(t, 1.0).numpy())
    same(ops.soft_shrink(x, 1.0), f.softshrink(t, 1.0).numpy())
    same(ops.threshold(x, 0.3, 7), f.threshold(t, 0.3, 7.0).numpy())
    check_gradients(lambda v: ops.celu(v, 2.0), x)


def test_composed_activations_by_their_formulas():
    x = RNG.standard_normal((4, 6)) * 2
    same(ops.squareplus(x, 3.0), (x + np.sqrt(x * x + 3)) / 2)
    same(ops.sparse_plus(x), np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4)))
    same(ops.sparse_sigmoid(x), np.clip((x + 1) / 2, 0, 1))
    assert ops.relu6([-1, 3, 9]).tolist() == [0, 3, 6]
    assert np.isfinite(ops.log_sigmoid(np.array([-1e4, 1e4])).numpy()).all()
    with pytest.raises(ValueError, match=r"glu: axis 1 of x, which is \(4, 5\), cannot be cut into two halves"):
        ops.glu(x[:, :5])


def test_sparsemax():
    np.testing.assert_allclose(ops.sparsemax(np.array([0.5, 0.2, -1.0])).numpy(), [0.65, 0.35, 0.0])
    x = RNG.standard_normal((4, 6)) * 3
    for axis in (0, -1):
        y = ops.sparsemax(x, axis).numpy()
        np.testing.assert_allclose(y.sum(axis), 1)
        assert (y >= 0).all()
        check_gradients(lambda v, axis=axis: ops.sparsemax(v, axis), x)


def test_sparsemax_of_large_logits():
    x = np.array([[0.0, 0.25, -3.0, 0.125]], np.float32)
    np.testing.assert_array_equal(ops.sparsemax(x + 2.0**20).numpy(), ops.sparsemax(x).numpy())


def test_batch_normalization_of_large_means():
    x = np.array([[1e5 + 0.25], [1e5 - 0.25]], np.float32)
    y = ops.batch_normalization(x, np.float32([1e5]), np.float32([0.1]), -1, epsilon=0.0)
    np.testing.assert_allclose(y.numpy(), np.array([[0.25], [-0.25]]) / np.sqrt(0.1), rtol=1e-6)
