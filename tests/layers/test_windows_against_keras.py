"""Layers over windows against Keras: written values everywhere, values and gradients live where Keras is installed."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

from lamina import Tensor, layers

# Options, sizes between batch and channels, and of Keras 3.15's result (on JAX, in float64) its shape and
# sum(y * (cos(0), cos(1), ...)).
TABLE = [
    ("Conv1D", {"filters": 4, "kernel_size": 3, "dilation_rate": 2, "padding": "causal", "activation": "relu"},
     (9,), (2, 9, 4), 2.671962828),
    ("Conv2D", {"filters": 6, "kernel_size": (3, 2), "strides": 2, "padding": "same", "groups": 2},
     (5, 6), (2, 3, 3, 6), -29.98508085),
    ("Conv3D", {"filters": 3, "kernel_size": (2, 1, 3), "strides": (1, 2, 1)}, (4, 3, 5), (2, 3, 2, 3, 3), 24.82348886),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2}, (5,), (2, 11, 3), 0.3834578374),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 4, "strides": 3, "padding": "same", "output_padding": 1},
     (5,), (2, 13, 3), 8.062696291),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 2, "strides": 3, "activation": "relu"},
     (4,), (2, 12, 3), 2.369009205),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "padding": "same"},
     (5,), (2, 5, 3), -1.532657323),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": (3, 2), "strides": (2, 1), "padding": "same", "use_bias": False},
     (4, 5), (2, 8, 5, 3), 4.253551875),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 3, "strides": (2, 1, 3), "padding": "same"},
     (2, 3, 3), (2, 4, 3, 9, 2), 22.21622469),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 2, "strides": 2, "output_padding": 1},
     (2, 2, 3), (2, 5, 5, 7, 2), 19.49164196),
    ("DepthwiseConv1D", {"kernel_size": 3, "strides": 2, "depth_multiplier": 2}, (9,), (2, 4, 8), 2.472439394),
    ("DepthwiseConv1D", {"kernel_size": 3, "dilation_rate": 2, "padding": "same", "activation": "sigmoid"},
     (9,), (2, 9, 4), 0.5240174506),
    ("DepthwiseConv2D", {"kernel_size": (2, 3), "depth_multiplier": 3, "padding": "same"},
     (5, 4), (2, 5, 4, 12), 9.704630412),
    ("SeparableConv1D", {"filters": 5, "kernel_size": 3, "strides": 2, "padding": "same", "depth_multiplier": 2},
     (8,), (2, 4, 5), 6.611487784),
    ("SeparableConv1D", {"filters": 5, "kernel_size": 2, "dilation_rate": 3, "activation": "relu", "use_bias": False},
     (8,), (2, 5, 5), -3.040916942),
    ("SeparableConv2D", {"filters": 3, "kernel_size": (3, 2), "strides": 2, "depth_multiplier": 2},
     (6, 7), (2, 2, 3, 3), -0.3848926697),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 3, "padding": "same", "activation": "relu"},
     (4, 5), (2, 4, 5, 3), 2.477502539),
    ("MaxPooling1D", {"pool_size": 3, "strides": 2}, (8,), (2, 3, 4), -1.694937264),
    ("MaxPooling2D", {"pool_size": (2, 3), "padding": "same"}, (5, 7), (2, 3, 3, 4), -0.8896115865),
    ("MaxPooling3D", {}, (4, 5, 6), (2, 2, 2, 3, 4), 1.723338906),
    ("MaxPooling3D", {"pool_size": (2, 3, 1), "strides": (1, 2, 2), "padding": "same"},
     (3, 5, 4), (2, 3, 3, 2, 4), -5.737653078),
    ("AveragePooling1D", {"pool_size": 3, "padding": "same"}, (8,), (2, 3, 4), 1.278850484),
    ("AveragePooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, (5, 6), (2, 3, 3, 4), -2.864499159),
    ("AveragePooling3D", {"pool_size": 2}, (4, 5, 6), (2, 2, 2, 3, 4), 1.201911582),
    ("AveragePooling3D", {"pool_size": 3, "strides": 2, "padding": "same"}, (4, 5, 6), (2, 2, 3, 3, 4), -1.96248204),
    ("GlobalMaxPooling1D", {"keepdims": True}, (5,), (2, 1, 4), 1.89699012),
    ("GlobalMaxPooling2D", {}, (5, 4), (2, 4), 1.394918038),
    ("GlobalMaxPooling3D", {"data_format": "channels_first", "keepdims": True},
     (2, 3, 4), (2, 4, 1, 1, 1), 1.392098586),
    ("GlobalAveragePooling1D", {}, (5,), (2, 4), 1.79116412),
    ("GlobalAveragePooling2D", {"data_format": "channels_first"}, (5, 4), (2, 4), 0.2006954694),
    ("GlobalAveragePooling3D", {"keepdims": True}, (2, 3, 4), (2, 1, 1, 1, 4), -0.008786753962),
    ("AdaptiveAveragePooling1D", {"output_size": 3}, (7,), (2, 3, 4), 0.02794305459),
    ("AdaptiveAveragePooling2D", {"output_size": (2, 3)}, (5, 7), (2, 2, 3, 4), 0.3149285667),
    ("AdaptiveAveragePooling3D", {"output_size": (2, 3, 1)}, (4, 5, 6), (2, 2, 3, 1, 4), 0.1358535036),
    ("AdaptiveMaxPooling1D", {"output_size": 4, "data_format": "channels_first"}, (7,), (2, 4, 4), 1.899071398),
    ("AdaptiveMaxPooling2D", {"output_size": 3}, (4, 8), (2, 3, 3, 4), -1.197872488),
    ("AdaptiveMaxPooling3D", {"output_size": 2}, (3, 4, 5), (2, 2, 2, 2, 4), 1.666350126),
]  # fmt: skip
ALIASES = {
    "MaxPool": "MaxPooling", "AvgPool": "AveragePooling", "GlobalMaxPool": "GlobalMaxPooling",
    "GlobalAvgPool": "GlobalAveragePooling", "Convolution": "Conv", "SeparableConvolution": "SeparableConv",
}  # fmt: skip


def example(shape):
    """Numbers between -1 and 1 without a pattern that a wrong axis could share."""
    return np.sin(np.arange(np.prod(shape), dtype=np.float64) ** 2 + 1).reshape(shape)


def built(module, name, options, sizes):
    """The layer, with weights that anybody can write, and an input."""
    layer = getattr(module, name)(**options, dtype="float64")
    first = options.get("data_format") == "channels_first"
    x = example((2, 4, *sizes) if first else (2, *sizes, 4))
    layer.build(x.shape)
    layer.set_weights([example(w.shape) for w in layer.get_weights()])
    return layer, x


def tolerance(name):
    """Keras sums means in float32."""
    return {"rtol": 1e-6, "atol": 1e-6} if "Average" in name else {"rtol": 1e-8, "atol": 1e-9}


def checksum(y):
    return float((y.ravel() * np.cos(np.arange(y.size))).sum())


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_written_values(row):
    name, options, sizes, shape, value = row
    layer, x = built(layers, name, options, sizes)
    y = layer(x).numpy()
    assert y.shape == layer.compute_output_shape(x.shape) == shape
    np.testing.assert_allclose(checksum(y), value, **tolerance(name))


@pytest.fixture(scope="module")
def keras():
    with warnings.catch_warnings():  # what other packages deprecate
        warnings.simplefilter("ignore")
        pytest.importorskip("torch", reason="the live comparison needs Keras on PyTorch")
        return pytest.importorskip("keras", reason="the live comparison needs Keras on PyTorch")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
@pytest.mark.filterwarnings("ignore")
def test_values_and_gradients(keras, row):
    import torch

    if keras.backend.backend() != "torch":
        pytest.skip("gradients are taken by PyTorch: KERAS_BACKEND=torch")
    name, options, sizes, *_ = row
    if name.startswith("Average") and options.get("padding") == "same":
        pytest.skip("Keras's PyTorch backend counts some of the padding, its others none: the written values are JAX's")
    layer, x = built(layers, name, options, sizes)
    theirs, _ = built(keras.layers, name, options, sizes)
    t = Tensor(x, requires_grad=True)
    u = torch.tensor(x, requires_grad=True)
    y, z = layer(t), theirs(u)
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), **tolerance(name))
    dy = example(y.shape)
    y.backward(dy)
    z.backward(torch.tensor(dy))
    np.testing.assert_allclose(t.grad.numpy(), u.grad.numpy(), **tolerance(name))
    for ours, other in zip(layer.trainable_weights, theirs.trainable_weights, strict=True):
        assert ours.name == other.name
        np.testing.assert_allclose(ours.grad.numpy(), other.value.grad.numpy(), **tolerance(name))


@pytest.mark.filterwarnings("ignore")
def test_names_arguments_and_defaults(keras):
    """Keras's arguments in Keras's order with its defaults, more only by keyword; Keras's aliases."""
    for name in sorted({row[0] for row in TABLE}):
        ours = inspect.signature(getattr(layers, name).__init__).parameters
        theirs = inspect.signature(getattr(keras.layers, name).__init__).parameters
        assert [p for p in ours if ours[p].kind is not inspect.Parameter.KEYWORD_ONLY] == [*theirs], name
        for p in theirs.values():
            default = ours[p.name].default
            same = default == p.default or (isinstance(p.default, tuple) and set(p.default) == {default})
            assert same, f"{name}: {p.name}={default}, Keras has {p.default}"
    for name in dir(keras.layers):
        stem, rank = name[:-2], name[-2:]
        of_windows = ("Conv" in name or "Pool" in name) and "LSTM" not in name
        if of_windows and rank in ("1D", "2D", "3D"):
            assert hasattr(layers, name), name
            if stem in ALIASES:
                assert getattr(layers, name) is getattr(layers, ALIASES[stem] + rank)
