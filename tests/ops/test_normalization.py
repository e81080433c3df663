"""Normalization: running statistics, accuracy, gradients by central differences, agreement with PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import _native, reference
from lamina.core.autograd import Tensor, no_grad
from lamina.ops.normalization import batch_norm, layer_norm


def batch_norm_on(x, gamma, beta, training=True, activation="linear", mean=None, variance=None):
    C = x.shape[-1]
    mean = Tensor(np.zeros(C, x.dtype) if mean is None else mean.copy())
    variance = Tensor(np.ones(C, x.dtype) if variance is None else variance.copy())
    return batch_norm(x, gamma, beta, mean, variance, training, 0.9, 1e-3, activation), mean.numpy(), variance.numpy()


def gradients(f, arrays, dy):
    tensors = [None if a is None else Tensor(a, requires_grad=True) for a in arrays]
    f(*tensors).backward(dy)
    return [None if t is None else t.grad.numpy() for t in tensors]


def numeric(f, arrays, dy, which, h=1e-6):
    g = np.zeros_like(arrays[which])
    for i in np.ndindex(g.shape):
        moved = []
        for step in (h, -h):
            a = [None if v is None else v.copy() for v in arrays]
            a[which][i] += step
            moved.append((f(*[None if v is None else Tensor(v) for v in a]).numpy() * dy).sum())
        g[i] = (moved[0] - moved[1]) / (2 * h)
    return g


def data(*shape, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    C = shape[-1]
    return [
        (rng.standard_normal(shape) * 2 + 1).astype(dtype),
        (1 + 0.3 * rng.standard_normal(C)).astype(dtype),
        rng.standard_normal(C).astype(dtype),
        rng.standard_normal(shape).astype(dtype),
    ]


@pytest.mark.parametrize("activation", ["linear", "relu"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 2, 5), (5, 70)])
def test_batch_norm_gradient_by_central_differences(shape, training, activation):
    *arrays, dy = data(*shape)
    rng = np.random.default_rng(1)
    moving = rng.standard_normal(shape[-1]), 1 + rng.random(shape[-1])

    def f(x, gamma, beta):
        return batch_norm_on(x, gamma, beta, training, activation, *moving)[0]

    got = gradients(f, arrays, dy)
    for i in range(3):
        np.testing.assert_allclose(got[i], numeric(f, arrays, dy, i), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("affine", ["gb", "g", "b", ""])
def test_layer_norm_gradient_by_central_differences(affine):
    x, gamma, beta, dy = data(7, 37)
    arrays = [x, gamma if "g" in affine else None, beta if "b" in affine else None]
    got = gradients(layer_norm, arrays, dy)
    for i in range(3):
        if arrays[i] is not None:
            np.testing.assert_allclose(got[i], numeric(layer_norm, arrays, dy, i), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("affine", ["g", "b", ""])
def test_batch_norm_without_parameters(affine):
    x, gamma, beta, dy = data(9, 20)
    arrays = [x, gamma if "g" in affine else None, beta if "b" in affine else None]
    full = [x, np.ones(20) if arrays[1] is None else gamma, np.zeros(20) if arrays[2] is None else beta]

    def f(x, gamma, beta):
        return batch_norm_on(x, gamma, beta)[0]

    got, want = gradients(f, arrays, dy), gradients(f, full, dy)
    for i in range(3):
        if arrays[i] is not None:
            np.testing.assert_array_equal(got[i], want[i])


def test_gradients_are_added_up():
    x, gamma, beta, dy = data(9, 20)
    t = [Tensor(a, requires_grad=True) for a in (x, gamma, beta)]
    moving = Tensor(np.zeros(20)), Tensor(np.ones(20))
    for _ in range(2):
        batch_norm(t[0], None, t[2], *moving, True).backward(dy)
        layer_norm(t[0], t[1], None).backward(dy)
    want_x = 2 * (
        gradients(lambda a: batch_norm(a, None, None, *moving, True), [x], dy)[0]
        + gradients(lambda a: layer_norm(a, gamma), [x], dy)[0]
    )
    np.testing.assert_allclose(t[0].grad.numpy(), want_x, rtol=1e-12)
    np.testing.assert_allclose(t[2].grad.numpy(), 2 * dy.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("shape", [(64, 16), (7, 3), (4096, 10), (2, 30, 30, 65), (1, 5)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_running_statistics(shape, dtype, isa):
    x, gamma, beta, _ = data(*shape, dtype=dtype)
    axes = tuple(range(x.ndim - 1))
    mean0, variance0 = beta.copy(), gamma**2
    _, mean, variance = batch_norm_on(x, gamma, beta, True, mean=mean0, variance=variance0)
    wide = x.astype(np.float64)
    tolerance = 20 * np.finfo(dtype).eps
    np.testing.assert_allclose(mean, 0.9 * mean0 + 0.1 * wide.mean(axis=axes), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(variance, 0.9 * variance0 + 0.1 * wide.var(axis=axes), rtol=tolerance, atol=tolerance)
    before = mean.copy(), variance.copy()
    _, mean, variance = batch_norm_on(x, gamma, beta, False, mean=mean, variance=variance)
    np.testing.assert_array_equal(mean, before[0])
    np.testing.assert_array_equal(variance, before[1])


def test_an_empty_batch_leaves_the_running_statistics():
    y, mean, variance = batch_norm_on(np.zeros((0, 3), np.float32), None, None)
    assert y.shape == (0, 3)
    np.testing.assert_array_equal(mean, 0)
    np.testing.assert_array_equal(variance, 1)


@pytest.mark.parametrize("first", [0.0, 1e4])
def test_variance_survives_a_large_mean(first, isa):
    """Deviations of 1 around 10000 in float32, where a sum of squares has lost everything."""
    rng = np.random.default_rng(0)
    for shape in ((5000, 3), (6000, 64), (33, 7)):
        x = (1e4 + rng.standard_normal(shape)).astype(np.float32)
        x[0] = first if first == 0 else x[0]  # one outlier, where a shift by the first row would go wrong
        wide = x.astype(np.float64)
        _, _, rstd = _native.batch_norm_forward(x, None, None, x[0].copy(), x[0].copy(), True, 0.9, 0.0, "linear")
        np.testing.assert_allclose(rstd, 1 / wide.std(axis=0), rtol=2e-4)
        _, _, rstd = _native.layer_norm_forward(np.ascontiguousarray(x.T), None, None, 0.0)
        np.testing.assert_allclose(rstd, 1 / wide.std(axis=0), rtol=2e-4)


def test_one_row_and_constant_columns():
    x = np.full((1, 4), 3.0, np.float32)
    beta = np.arange(4, dtype=np.float32)
    np.testing.assert_array_equal(batch_norm_on(x, None, beta)[0].numpy(), beta[None])
    np.testing.assert_array_equal(
        batch_norm_on(np.repeat(x, 50, 0), None, beta)[0].numpy(), np.repeat(beta[None], 50, 0)
    )
    np.testing.assert_array_equal(layer_norm(x, None, beta).numpy(), beta[None])


def test_nan_stays_in_its_column_or_row(isa):
    x = np.random.default_rng(0).standard_normal((40, 20)).astype(np.float32)
    x[17, 3] = np.nan
    y = batch_norm_on(x, None, None, activation="relu")[0].numpy()
    assert np.isnan(y[:, 3]).all()
    assert not np.isnan(np.delete(y, 3, axis=1)).any()
    y = layer_norm(x).numpy()
    assert np.isnan(y[17]).all()
    assert not np.isnan(np.delete(y, 17, axis=0)).any()


@pytest.mark.parametrize("shape", [(8, 6), (4, 5, 5, 33), (2, 9, 64)])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batch_norm_agrees_with_torch(shape, training, dtype):
    """Torch's momentum weighs the new value, and its running variance divides by N - 1."""
    torch = pytest.importorskip("torch")
    x, gamma, beta, dy = data(*shape, dtype=dtype, seed=3)
    n = x.size // shape[-1]

    def channels_first(a):
        return torch.tensor(np.moveaxis(a, -1, 1).copy(), requires_grad=a is not dy)

    t = [channels_first(x), torch.tensor(gamma, requires_grad=True), torch.tensor(beta, requires_grad=True)]
    mean, variance = torch.zeros(shape[-1], dtype=t[0].dtype), torch.ones(shape[-1], dtype=t[0].dtype)
    y = torch.nn.functional.batch_norm(t[0], mean, variance, t[1], t[2], training, momentum=0.1, eps=1e-3)
    y.backward(channels_first(dy).detach())
    tolerance = 50 * np.finfo(dtype).eps * np.sqrt(n)
    got, got_mean, got_variance = batch_norm_on(x, gamma, beta, training)
    close = {"rtol": tolerance, "atol": tolerance}
    np.testing.assert_allclose(got.numpy(), np.moveaxis(y.detach().numpy(), 1, -1), **close)
    np.testing.assert_allclose(got_mean, mean.numpy(), **close)
    if training:
        np.testing.assert_allclose(got_variance, 0.9 + (variance.numpy() - 0.9) * (n - 1) / n, **close)
    dx, dgamma, dbeta = gradients(lambda *a: batch_norm_on(*a, training)[0], [x, gamma, beta], dy)
    np.testing.assert_allclose(dx, np.moveaxis(t[0].grad.numpy(), 1, -1), **close)
    np.testing.assert_allclose(dgamma, t[1].grad.numpy(), rtol=tolerance, atol=4 * tolerance)
    np.testing.assert_allclose(dbeta, t[2].grad.numpy(), rtol=tolerance, atol=4 * tolerance)


@pytest.mark.parametrize("shape", [(8, 6), (4, 5, 33), (3, 1000), (2, 3000)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layer_norm_agrees_with_torch(shape, dtype):
    torch = pytest.importorskip("torch")
    x, gamma, beta, dy = data(*shape, dtype=dtype, seed=4)
    t = [torch.tensor(a, requires_grad=True) for a in (x, gamma, beta)]
    y = torch.nn.functional.layer_norm(t[0], shape[-1:], t[1], t[2], 1e-3)
    y.backward(torch.tensor(dy))
    tolerance = 200 * np.finfo(dtype).eps
    np.testing.assert_allclose(layer_norm(x, gamma, beta).numpy(), y.detach().numpy(), rtol=tolerance, atol=tolerance)
    for got, want in zip(gradients(layer_norm, [x, gamma, beta], dy), t, strict=True):
        np.testing.assert_allclose(got, want.grad.numpy(), rtol=tolerance, atol=4 * tolerance)


@pytest.mark.parametrize("C", [48, 1008])
def test_results_larger_than_the_caches(C, isa):
    """They are written past the caches, and statistics take the rows in another order."""
    rows = _native.caches()[2] // 8 // C + 77
    x = np.random.default_rng(0).standard_normal((rows, C), dtype=np.float32)
    dy = np.roll(x, 1, axis=0)
    mean, variance = np.zeros(C, np.float32), np.ones(C, np.float32)
    y, m, rstd = _native.batch_norm_forward(x, None, None, mean, variance, True, 0.0, 1e-3, "relu")
    wide_mean, wide_variance = x.mean(axis=0, dtype=np.float64), x.var(axis=0, dtype=np.float64)
    np.testing.assert_allclose(mean, wide_mean, atol=1e-6)
    np.testing.assert_allclose(variance, wide_variance, rtol=1e-5)
    h = (x - m) * rstd
    np.testing.assert_allclose(y, np.maximum(h, 0), atol=1e-5)
    dx, dgamma, dbeta = (_native.empty(s, np.float32) for s in ((rows, C), (C,), (C,)))
    _native.batch_norm_backward(x, None, m, rstd, y, dy, True, "relu", dx, dgamma, dbeta)
    dz = np.where(y > 0, dy, 0)
    sums = dz.sum(axis=0, dtype=np.float64), (dz * h).sum(axis=0, dtype=np.float64)
    np.testing.assert_allclose(dbeta, sums[0], atol=1e-3 * rows**0.5)
    np.testing.assert_allclose(dgamma, sums[1], atol=1e-3 * rows**0.5)
    np.testing.assert_allclose(dx, rstd * (dz - sums[0] / rows - h * (sums[1] / rows)), atol=1e-5)
    y, m, rstd = _native.layer_norm_forward(x, None, None, 1e-3)
    np.testing.assert_allclose(y, (x - m[:, None]) * rstd[:, None], atol=1e-5)
    np.testing.assert_allclose(m, x.mean(axis=1), atol=1e-6)


def test_without_tape():
    x = np.ones((4, 3), np.float32)
    with no_grad():
        y = layer_norm(Tensor(x, requires_grad=True))
    assert not y.requires_grad
    assert layer_norm(x).is_leaf


def test_messages():
    x, c = np.ones((4, 3), np.float32), np.ones(3, np.float32)
    with pytest.raises(ValueError, match=r"batch_norm: gamma has shape \(2,\), expected \(3,\)"):
        batch_norm_on(x, c[:2], None)
    with pytest.raises(TypeError, match="batch_norm: beta is float64, expected float32"):
        batch_norm_on(x, None, c.astype(np.float64))
    with pytest.raises(ValueError, match="activation 'tanh' cannot be fused; expected linear or relu"):
        batch_norm_on(x, None, None, activation="tanh")
    with pytest.raises(ValueError, match="epsilon is -1"):
        layer_norm(x, epsilon=-1.0)
    with pytest.raises(ValueError, match="layer_norm: x is a single number"):
        layer_norm(1.0)
    with pytest.raises(TypeError, match="expected float32 or float64, got int64"):
        layer_norm(np.arange(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("given", [(True, True, True), (False, True, False), (True, False, False)])
def test_folded_weights_are_those_of_the_twin(dtype, given):
    rng = np.random.default_rng(5)
    w, (b, gamma, beta, mean) = rng.standard_normal((3, 3, 7, 19)), rng.standard_normal((4, 19))
    b, gamma, beta = (a.astype(dtype) if there else None for a, there in zip((b, gamma, beta), given, strict=True))
    args = w.astype(dtype), b, gamma, beta, mean.astype(dtype), rng.uniform(0.1, 3, 19).astype(dtype), 1e-3
    for got, want in zip(_native.batch_norm_fold(*args), reference.batch_norm_fold(*args), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5 if dtype == np.float32 else 1e-13, atol=1e-6)
