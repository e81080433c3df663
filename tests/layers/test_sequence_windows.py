"""Convolution and pooling of sequences, and global pooling: values of other formulas, gradients, masks, fusion."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers, ops
from lamina.testing import check_gradients


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def windows(x, size, stride, dilation=1):
    """(N, T', size, C)."""
    extent = (size - 1) * dilation + 1
    return np.stack([x[:, t : t + extent : dilation] for t in range(0, x.shape[1] - extent + 1, stride)], 1)


def padded(x, size, stride, dilation, padding, value=0.0):
    total = 0
    extent = (size - 1) * dilation + 1
    if padding == "same":
        total = max((-(-x.shape[1] // stride) - 1) * stride + extent - x.shape[1], 0)
    before = extent - 1 if padding == "causal" else total // 2
    after = 0 if padding == "causal" else total - before
    return np.pad(x, ((0, 0), (before, after), (0, 0)), constant_values=value)


def convolution(x, kernel, bias, stride, dilation, padding, groups):
    size, _, filters = kernel.shape
    seen = windows(padded(x, size, stride, dilation, padding), size, stride, dilation)
    parts = zip(np.split(seen, groups, -1), np.split(kernel, groups, -1), strict=True)
    y = np.concatenate([np.einsum("ntkc,kcf->ntf", w, k) for w, k in parts], -1)
    assert y.shape[-1] == filters
    return y + bias


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize(("strides", "dilation", "groups"), [(1, 1, 1), (2, 1, 2), (1, 3, 1), (3, 2, 4)])
def test_conv1d(padding, strides, dilation, groups, data_format):
    layer = layers.Conv1D(
        8, 3, strides, padding, data_format, dilation, groups, "tanh", bias_initializer="normal", dtype="float64"
    )
    x = normal(0, 2, 11, 4)
    turn = (lambda a: np.swapaxes(a, 1, 2)) if data_format == "channels_first" else (lambda a: a)
    y = layer(turn(x)).numpy()
    kernel, bias = layer.get_weights()
    assert kernel.shape == (3, 4 // groups, 8)
    np.testing.assert_allclose(turn(y), np.tanh(convolution(x, kernel, bias, strides, dilation, padding, groups)))

    def function(x, kernel, bias):
        layer.kernel, layer.bias = (ops.convert_to_tensor(v) for v in (kernel, bias))
        return layer(x)

    check_gradients(function, turn(x), kernel, bias)


def test_no_step_of_a_causal_convolution_sees_a_later_one():
    layer = layers.Conv1D(3, 3, padding="causal", dilation_rate=2)
    x = normal(0, 1, 9, 2).astype(np.float32)
    y = layer(x).numpy()
    x[:, 5:] += 1
    assert y.shape == (1, 9, 3)
    np.testing.assert_array_equal(layer(x).numpy()[:, :5], y[:, :5])
    assert (layer(x).numpy()[:, 5:] != y[:, 5:]).all()


def test_conv1d_is_torchs():
    torch = pytest.importorskip("torch")
    layer = layers.Conv1D(6, 5, 2, dilation_rate=2, groups=2, data_format="channels_first")
    x = normal(0, 3, 4, 30).astype(np.float32)
    y = layer(x).numpy()
    kernel, bias = layer.get_weights()
    weight = torch.from_numpy(kernel.transpose(2, 1, 0).copy())
    want = torch.nn.functional.conv1d(torch.from_numpy(x), weight, torch.from_numpy(bias), 2, 0, 2, 2)
    np.testing.assert_allclose(y, want.numpy(), rtol=1e-5, atol=1e-6)


def test_conv1d_takes_along_the_layers_behind():
    x = normal(0, 8, 12, 3).astype(np.float32)
    model = lamina.Sequential(
        [lamina.Input((12, 3)), layers.Conv1D(5, 3), layers.BatchNormalization(), layers.Conv1D(4, 2), layers.ReLU()]
    )
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(-1, 1, w.shape) + 1.1 * (w.ndim == 1) for w in model.weights])
    want = model(x).numpy()
    run = lamina.capture(model.__call__)
    with lamina.no_grad():
        np.testing.assert_allclose(model(x).numpy(), want, rtol=1e-4, atol=1e-5)
        run(x)
    steps = run.plans[-1].steps
    assert steps.count("convolution_forward") == 2
    assert "batch_norm_fold" in steps
    assert "activation_forward" not in steps
    assert "batch_norm_forward" not in steps


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), [(2, None), (3, 1), (3, 2)])
def test_pooling(size, strides, padding, data_format):
    x = normal(1, 2, 7, 3)
    turn = (lambda a: np.swapaxes(a, 1, 2)) if data_format == "channels_first" else (lambda a: a)
    for kind, reduce in ((layers.MaxPooling1D, np.nanmax), (layers.AveragePooling1D, np.nanmean)):
        layer = kind(size, strides, padding, data_format, dtype="float64")
        seen = windows(padded(x, size, strides or size, 1, padding, np.nan), size, strides or size)
        np.testing.assert_allclose(turn(layer(turn(x)).numpy()), reduce(seen, 2))
        check_gradients(layer, turn(x))


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("axes", [1, 2])
def test_global_pooling(axes, data_format, keepdims):
    x = normal(2, 2, 5, 6, 3)[:, :, : 6 if axes == 2 else 1]
    x = x if axes == 2 else x[:, :, 0]
    over = tuple(range(1, 1 + axes))
    if data_format == "channels_first":
        x, over = np.moveaxis(x, -1, 1).copy(), tuple(range(2, 2 + axes))
    for name, reduce in (("Max", np.max), ("Average", np.mean)):
        layer = getattr(layers, f"Global{name}Pooling{axes}D")(data_format, keepdims, dtype="float64")
        np.testing.assert_allclose(layer(x).numpy(), reduce(x, over, keepdims=keepdims))
        check_gradients(layer, x)
    assert getattr(layers, f"GlobalMaxPool{axes}D") is getattr(layers, f"GlobalMaxPooling{axes}D")


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_the_mean_over_time_leaves_out_masked_steps(data_format, keepdims):
    x, mask = normal(3, 3, 4, 2), np.array([[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 1]], bool)
    layer = layers.GlobalAveragePooling1D(data_format, keepdims, dtype="float64")
    turn = (lambda a: np.swapaxes(a, 1, 2)) if data_format == "channels_first" else (lambda a: a)
    want = np.stack([row[kept].mean(0, keepdims=keepdims) for row, kept in zip(x, mask, strict=True)])
    np.testing.assert_allclose(layer(turn(x), mask=mask).numpy(), turn(want) if keepdims else want)
    check_gradients(lambda x: layer(x, mask=mask), turn(x))
    x[~mask] = np.nan
    np.testing.assert_allclose(layer(turn(x), mask=mask).numpy(), turn(want) if keepdims else want)


def test_the_mask_of_an_embedding_reaches_the_mean():
    model = lamina.Sequential([layers.Embedding(9, 4, mask_zero=True), layers.GlobalAveragePooling1D()])
    tokens = np.array([[1, 2, 3], [4, 5, 0]])
    rows = model(tokens).numpy()
    table = model.get_weights()[0]
    np.testing.assert_allclose(rows, [table[[1, 2, 3]].mean(0), table[[4, 5]].mean(0)], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(model(np.pad(tokens, ((0, 0), (0, 5)))).numpy(), rows, rtol=1e-6, atol=1e-8)
