"""Factors of matrices: their products, their order, their gradients; batches, both types, what has no factor."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import CaptureWarning, Input, Tensor, capture, ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
SQUARE = RNG.standard_normal((2, 4, 4))
POSITIVE = SQUARE @ np.swapaxes(SQUARE, -1, -2) + np.eye(4)
SHAPES = [(4, 4), (5, 3), (3, 5), (2, 4, 3), (2, 3, 4), (1, 1), (3, 1), (1, 3)]
TYPES = [np.float32, np.float64]


def tolerance(dtype):
    return 1e-5 if dtype == np.float32 else 1e-12


def symmetric(x):
    return ops.add(x, ops.swapaxes(x, -1, -2))


def turned(x):
    return np.swapaxes(x, -1, -2)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("upper", [False, True])
def test_cholesky(upper, dtype):
    y = ops.cholesky(POSITIVE.astype(dtype), upper)
    assert y.dtype == dtype
    a = y.numpy()
    np.testing.assert_allclose(turned(a) @ a if upper else a @ turned(a), POSITIVE, atol=tolerance(dtype) * 20)
    np.testing.assert_array_equal(np.tril(a, -1) if upper else np.triu(a, 1), 0)
    check_gradients(lambda x: ops.cholesky(symmetric(x), upper), POSITIVE)


@pytest.mark.parametrize("shape", SHAPES)
def test_qr(shape):
    x = RNG.standard_normal(shape)
    for mode in ("reduced", "complete"):
        q, r = ops.qr(x, mode)
        want = np.linalg.qr(x, mode)
        for got, w in zip((q, r), want, strict=True):
            assert got.shape == w.shape
            np.testing.assert_allclose(got.numpy(), w, atol=1e-14)
        np.testing.assert_allclose(ops.matmul(q, r).numpy(), x, atol=1e-12)
        if mode == "reduced" or shape[-2] <= shape[-1]:
            check_gradients(lambda x, mode=mode: ops.qr(x, mode)[0], x)
            check_gradients(lambda x, mode=mode: ops.qr(x, mode)[1], x)
            check_gradients(lambda x, mode=mode: ops.concatenate([ops.ravel(v) for v in ops.qr(x, mode)]), x)


@pytest.mark.parametrize("shape", SHAPES)
def test_svd(shape):
    x = RNG.standard_normal(shape)
    for full in (False, True):
        u, s, vt = ops.svd(x, full)
        want = np.linalg.svd(x, full)
        for got, w in zip((u, s, vt), want, strict=True):
            assert got.shape == w.shape
        k = min(shape[-2:])
        product = (u.numpy()[..., :k] * s.numpy()[..., None, :]) @ vt.numpy()[..., :k, :]
        np.testing.assert_allclose(product, x, atol=1e-12)
    np.testing.assert_allclose(ops.svd(x, compute_uv=False).numpy(), want[1], rtol=1e-12)
    check_gradients(lambda x: ops.svd(x, compute_uv=False), x)
    weights = RNG.standard_normal(100)

    def of_vectors(x):  # each pair of vectors may be turned around together
        u, s, vt = ops.svd(x, False)
        u, v = ops.multiply(u, u), ops.multiply(vt, vt)
        both = ops.matmul(ops.svd(x, False)[0], ops.svd(x, False)[2])
        parts = [ops.ravel(t) for t in (u, s, v, both)]
        y = ops.concatenate(parts)
        return ops.multiply(y, weights[: y.size])

    check_gradients(of_vectors, x, rtol=1e-4, atol=1e-6)
    check_gradients(lambda x: ops.svd(x)[1], x)


def test_eigh():
    values, vectors = ops.eigh(POSITIVE)
    np.testing.assert_allclose(values.numpy(), np.linalg.eigvalsh(POSITIVE), rtol=1e-12)
    v = vectors.numpy()
    np.testing.assert_allclose((v * values.numpy()[..., None, :]) @ turned(v), POSITIVE, atol=1e-12)
    check_gradients(lambda x: ops.eigh(symmetric(x))[0], SQUARE)
    check_gradients(lambda x: ops.square(ops.eigh(symmetric(x))[1]), SQUARE, rtol=1e-4, atol=1e-6)

    def both(x):
        w, v = ops.eigh(symmetric(x))
        return ops.matmul(ops.multiply(v, ops.expand_dims(ops.exp(w), -2)), ops.swapaxes(v, -1, -2))

    check_gradients(both, SQUARE / 2)


def test_eig():
    (wr, wi), (vr, vi) = ops.eig(SQUARE)
    w, v = wr.numpy() + 1j * wi.numpy(), vr.numpy() + 1j * vi.numpy()
    np.testing.assert_allclose(SQUARE @ v, v * w[..., None, :], atol=1e-12)

    def values(x):
        a, b = ops.eig(x)[0]
        return ops.concatenate([a, ops.square(b)])

    def lengths(x):
        a, b = ops.eig(x)[1]
        return ops.add(ops.square(a), ops.square(b))

    check_gradients(values, SQUARE)
    check_gradients(lengths, SQUARE, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_lu_factor(shape):
    x = RNG.standard_normal(shape)
    lu, pivots = ops.lu_factor(x)
    assert (lu.shape, pivots.shape, pivots.dtype) == (shape, (*shape[:-2], min(shape[-2:])), np.int32)
    m, n = shape[-2:]
    k = min(m, n)
    a = lu.numpy()
    product = (np.tril(a[..., :k], -1) + np.eye(m, k)) @ np.triu(a[..., :k, :])
    for rows, steps, want in zip(
        product.reshape(-1, m, n), pivots.numpy().reshape(-1, k), x.reshape(-1, m, n), strict=True
    ):
        back = rows.copy()
        for i in reversed(range(k)):
            back[[i, steps[i]]] = back[[steps[i], i]]
        np.testing.assert_allclose(back, want, atol=1e-12)
    assert (np.abs(np.tril(a[..., :k], -1)) <= 1 + 1e-12).all()  # the largest element is the pivot
    check_gradients(lambda x: ops.lu_factor(x)[0], x)


def test_equal_values():
    x = Tensor(np.eye(3), requires_grad=True)
    ops.svd(x, compute_uv=False).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.eye(3), atol=1e-14)
    x = Tensor(np.eye(3), requires_grad=True)
    ops.eigh(x)[0].sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.eye(3), atol=1e-14)


@pytest.mark.parametrize("dtype", TYPES)
def test_types(dtype):
    x = POSITIVE.astype(dtype)
    results = [
        ops.cholesky(x),
        *ops.qr(x),
        *ops.svd(x),
        *ops.eigh(x),
        *ops.eig(x)[0],
        *ops.eig(x)[1],
        ops.lu_factor(x)[0],
    ]
    assert {t.dtype for t in results} == {np.dtype(dtype)}
    assert ops.qr([[1, 2], [3, 4]])[0].dtype == np.float32


def test_functional_models_know_the_shapes():
    x = Input((4, 4))
    assert ops.cholesky(x).shape == (None, 4, 4)
    assert [t.shape for t in ops.svd(Input((5, 3)))] == [(None, 5, 5), (None, 3), (None, 3, 3)]
    assert [t.shape for t in ops.qr(Input((5, 3)))] == [(None, 5, 3), (None, 3, 3)]
    assert [t.shape for t in ops.eigh(x)] == [(None, 4), (None, 4, 4)]


def test_a_step_stays_eager_and_says_why():
    with pytest.warns(CaptureWarning, match="cholesky is computed by NumPy"):
        np.testing.assert_allclose(capture(ops.cholesky)(Tensor(POSITIVE)).numpy(), np.linalg.cholesky(POSITIVE))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.cholesky(-POSITIVE), "cholesky: a matrix is not positive definite"),
        (lambda: ops.cholesky(np.ones((2, 3))), r"cholesky: x is \(2, 3\); expected square matrices"),
        (lambda: ops.eigh(np.ones(3)), r"eigh: x is \(3,\); expected a matrix"),
        (lambda: ops.qr(SQUARE, "full"), "qr: mode must be 'reduced' or 'complete'"),
        (lambda: ops.svd([[np.nan, 1.0], [1.0, 2.0]]), "svd: the decomposition does not converge"),
        (
            lambda: ops.qr(Tensor(np.ones((3, 2)), requires_grad=True), "complete")[0].sum().backward(),
            "has no gradient",
        ),
        (
            lambda: ops.svd(Tensor(np.ones((3, 2)), requires_grad=True))[0].sum().backward(),
            "svd: what lies beyond the first 2 vectors of U",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
