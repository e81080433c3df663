"""Norms of numbers whose squares overflow or underflow."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import losses, ops
from lamina.core.autograd import Tensor
from lamina.layers import BatchNormalization, Dot, Embedding, LayerNormalization, UnitNormalization
from lamina.optimizers import SGD, Adam

SIZES = [(np.float32, s) for s in (1e-30, 1e-20, 1.0, 2e19, 1e30, 1e36)]
SIZES += [(np.float64, s) for s in (1e-300, 1e-160, 1.0, 1e160, 1e300)]


def tolerance(dtype):
    return {"rtol": 1e-5 if dtype == np.float32 else 1e-13}


@pytest.mark.parametrize(("dtype", "size"), SIZES)
def test_lengths(dtype, size):
    rng = np.random.default_rng(0)
    for shape in ((5, 9), (2, 40000), (3, 1)):
        u = rng.uniform(-1, 1, shape)
        for axis in (None, 0, 1):
            x = Tensor((u * size).astype(dtype), requires_grad=True)
            want = np.linalg.norm(u.ravel() if axis is None else u, axis=axis)
            y = ops.norm(x, axis=axis)
            np.testing.assert_allclose(y.numpy() / dtype(size), want, **tolerance(dtype))
            y.backward(np.ones(y.shape, dtype))
            slope = u / (want if axis is None else np.expand_dims(want, axis))
            np.testing.assert_allclose(x.grad.numpy(), slope, rtol=1e-4 if dtype == np.float32 else 1e-12)


def test_lengths_with_infinities_zeros_and_nan():
    x = np.array([[0, 0], [np.inf, 1], [-np.inf, np.nan], [3e38, 0], [3, 4], [1e-30, 0]], np.float32)
    np.testing.assert_allclose(ops.norm(x, axis=1).numpy(), [0, np.inf, np.nan, 3e38, 5, 1e-30], rtol=1e-6)
    np.testing.assert_array_equal(ops.norm(np.zeros((2, 3), np.float32), axis=1).numpy(), [0, 0])


@pytest.mark.parametrize(("dtype", "size"), SIZES)
@pytest.mark.parametrize("limit", ["clipnorm", "global_clipnorm"])
@pytest.mark.parametrize("bound", [1.0, 0.1])
def test_clipping(limit, bound, dtype, size):
    bound = bound if bound == 1 else min(size, 1.0) / 10  # below what float32 squares can say, too
    w, v = Tensor(np.zeros(3, dtype), requires_grad=True), Tensor(np.zeros(2, dtype), requires_grad=True)
    g, h = np.array([3, 0, 4]) * dtype(size) / 5, np.array([0, 1]) * dtype(size)
    optimizer = SGD(1.0, **{limit: bound})
    optimizer.build([w, v])
    optimizer.apply([g.astype(dtype), h.astype(dtype)])
    length = size if limit == "clipnorm" else size * 2**0.5
    scale = min(1.0, bound / length)
    for got, gradient in ((w, g), (v, h)):
        np.testing.assert_allclose(
            got.numpy().astype(np.float64), -gradient.astype(np.float64) * scale, rtol=1e-5, atol=2e-38
        )


def test_clipping_of_the_issue():
    for g in ([2e19, 0.0], [3e38, 0.0]):
        w = Tensor(np.zeros(2, np.float32), requires_grad=True)
        optimizer = SGD(1.0, clipnorm=1.0)
        optimizer.build([w])
        optimizer.apply([np.array(g, np.float32)])
        np.testing.assert_allclose(w.numpy(), [-1, 0], rtol=1e-6)
    for bad in (np.inf, np.nan):  # not hidden
        w = Tensor(np.zeros(2, np.float32), requires_grad=True)
        optimizer = Adam(1.0, global_clipnorm=1.0)
        optimizer.build([w])
        optimizer.apply([np.array([bad, 1], np.float32)])
        assert np.isnan(w.numpy()).all()


def test_clipping_of_sparse_gradients():
    layer = Embedding(10, 2, sparse=True)
    layer.build((None,))
    before = layer.embeddings.numpy().copy()
    optimizer = SGD(1.0, clipnorm=1.0)
    optimizer.build(layer.trainable_variables)
    y = layer(np.array([3, 3]))
    y.backward(np.array([[1e30, 0], [2e30, 0]], np.float32))
    optimizer.step()
    change = layer.embeddings.numpy() - before
    np.testing.assert_allclose(change[3], [-1, 0], rtol=1e-5)
    np.testing.assert_array_equal(np.delete(change, 3, 0), 0)


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e30), (np.float32, 1e18), (np.float64, 1e200)])
def test_normalizations_of_large_values(dtype, size):
    u = np.random.default_rng(1).standard_normal((7, 12))
    x = (u * size).astype(dtype)
    for axis in (1, 0):
        mean, std = u.mean(axis, keepdims=True), u.std(axis, keepdims=True)
        want = (u - mean) / std
        if axis == 1:
            t = Tensor(x, requires_grad=True)
            y = ops.layer_norm(t)
            dy = np.random.default_rng(2).standard_normal(u.shape)
            y.backward(dy.astype(dtype))
            slope = (dy - dy.mean(1, keepdims=True) - want * (dy * want).mean(1, keepdims=True)) / std
            np.testing.assert_allclose(t.grad.numpy() * dtype(size), slope, rtol=2e-4, atol=2e-5)
        else:
            t = Tensor(x, requires_grad=True)
            one, zero = np.ones(12, dtype), np.zeros(12, dtype)
            y = ops.batch_norm(t, None, None, Tensor(zero.copy()), Tensor(one.copy()), True)
            y.backward(np.ones(u.shape, dtype))
            assert np.isfinite(t.grad.numpy()).all()
        np.testing.assert_allclose(y.numpy(), want, rtol=1e-4, atol=1e-5)
    rms = u / np.sqrt((u * u).mean(-1, keepdims=True))
    unit = u / np.linalg.norm(u, axis=-1, keepdims=True)
    np.testing.assert_allclose(ops.rms_normalization(x).numpy(), rms, rtol=1e-5)
    np.testing.assert_allclose(ops.normalize(x).numpy(), unit, rtol=1e-5)
    if dtype == np.float32:
        np.testing.assert_allclose(UnitNormalization()(x).numpy(), unit, rtol=1e-5)
        assert np.isfinite(LayerNormalization()(x).numpy()).all()
        assert np.isfinite(BatchNormalization()(x, training=True).numpy()).all()


def test_normalizations_of_small_values():
    u = np.random.default_rng(1).standard_normal((4, 8))
    want = (u - u.mean(1, keepdims=True)) / u.std(1, keepdims=True)
    small = (u * 1e-30).astype("f4")
    np.testing.assert_allclose(ops.layer_norm(small, epsilon=0.0).numpy(), want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ops.layer_norm(u * 1e-200, epsilon=0.0).numpy(), want, rtol=1e-12, atol=1e-13)
    unit = u / np.linalg.norm(u, axis=1)[:, None]
    np.testing.assert_allclose(ops.normalize(small, epsilon=0.0).numpy(), unit, rtol=1e-5)


def test_cosine_of_large_and_small_values():
    a, b = np.array([[3.0, 4.0]], np.float32), np.array([[4.0, 3.0]], np.float32)
    for size in (1.0, 1e30, 1e-4):
        size = np.float32(size)
        assert losses.cosine_similarity(a * size, b * size).numpy() == pytest.approx(-0.96, rel=1e-5)
        assert Dot(1, normalize=True)([a * size, b * size]).numpy() == pytest.approx(0.96, rel=1e-5)
    assert losses.cosine_similarity(a * np.float32(1e-8), b).numpy() == pytest.approx(-0.48, rel=1e-5)  # epsilon 1e-7


def test_products_whose_parts_are_large():
    x = Tensor(np.array([1e30, 1e30, 1e-30, 1e-10], np.float32), requires_grad=True)
    ops.prod(x).backward()
    np.testing.assert_allclose(x.grad.numpy(), [1e-10, 1e-10, np.inf, 1e30], rtol=1e-5)
