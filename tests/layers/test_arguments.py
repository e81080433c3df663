"""Arguments of layers: inferred sizes are those of the kernels for all small windows; edges of numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lamina import layers

SIZES = range(1, 8)


def outcome(make):
    """The shape of what is made, or None where it cannot be."""
    try:
        made = make()
    except ValueError:
        return None
    return getattr(made, "shape", made)


@pytest.mark.parametrize("kind", ["MaxPooling1D", "AveragePooling1D"])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_sizes_of_pools(kind, ceil_mode):
    for size, stride, padding in itertools.product((1, 2, 3), (1, 2, 3), ("valid", "same", 0, ((1, 0),), ((0, 1),))):
        if not isinstance(padding, str) and size < 2:
            padding = 0
        layer = getattr(layers, kind)(size, stride, padding, ceil_mode=ceil_mode)
        for n in SIZES:
            found = outcome(lambda n=n, layer=layer: layer(np.zeros((1, n, 1), np.float32)))
            assert outcome(lambda n=n, layer=layer: layer.compute_output_shape((1, n, 1))) == found
            before, after = padding[0] if isinstance(padding, tuple) else (0, 0)
            padded = n + before + after
            if padding == "same":
                places = -(-n // stride)
            else:  # starts of windows inside; with ceil_mode also one that goes beyond, if it begins before the end
                starts = range(0, padded, stride)
                places = sum(s + size <= padded for s in starts)
                if ceil_mode and places:
                    over = [s for s in starts if s + size > padded and s - stride + size < padded]
                    places += bool(over) and over[0] < n + before
            assert found == ((1, places, 1) if places else None)


@pytest.mark.parametrize("padding", ["valid", "same", "causal", 1])
def test_sizes_of_convolutions(padding):
    for taps, stride, dilation in itertools.product((1, 2, 3), (1, 2), (1, 2)):
        if stride > 1 and dilation > 1:
            continue
        layer = layers.Conv1D(1, taps, stride, padding, dilation_rate=dilation)
        layer.build((None, 9, 1))
        for n in SIZES:
            found = outcome(lambda n=n, layer=layer: layer(np.zeros((1, n, 1), np.float32)))
            assert outcome(lambda n=n, layer=layer: layer.compute_output_shape((1, n, 1))) == found
            extent = (taps - 1) * dilation + 1
            padded = n + {"valid": 0, "same": 0, "causal": extent - 1}.get(padding, 2)
            places = -(-n // stride) if padding == "same" else (padded - extent) // stride + 1
            assert found == ((1, places, 1) if places > 0 else None)


@pytest.mark.parametrize("padding", ["valid", "same", 0, 1])
@pytest.mark.parametrize("more", [None, 0, 1])
def test_sizes_of_transposed_convolutions(padding, more):
    for taps, stride, dilation in itertools.product((1, 2, 3), (1, 2, 3), (1, 2)):
        if (more or 0) >= max(stride, dilation) or (stride > 1 and dilation > 1):
            continue
        layer = layers.Conv1DTranspose(1, taps, stride, padding, output_padding=more, dilation_rate=dilation)
        for n in SIZES:
            shape = outcome(lambda n=n, layer=layer: layer.compute_output_shape((1, n, 1)))
            if shape is not None:
                assert layer(np.zeros((1, n, 1), np.float32)).shape == shape
                assert layer.compute_output_shape((1, None, 1)) == (1, None, 1)


SIZED = {
    "units": layers.Dense, "n": layers.RepeatVector, "size": layers.UpSampling1D, "pool_size": layers.MaxPooling1D,
    "output_size": layers.AdaptiveMaxPooling1D, "input_dim": lambda n: layers.Embedding(n, 1),
    "output_dim": lambda n: layers.Embedding(1, n), "sequence_length": layers.PositionEmbedding,
    "kernel_size": lambda n: layers.Conv1D(1, n), "key_dim": lambda n: layers.MultiHeadAttention(1, n),
    "num_heads": lambda n: layers.MultiHeadAttention(n, 1), "depth_multiplier": lambda n: layers.DepthwiseConv1D(
        1, depth_multiplier=n),
}  # fmt: skip


@pytest.mark.parametrize("name", SIZED)
def test_a_size_is_one_or_more(name):
    for fits in (1, np.int64(2)):
        SIZED[name](fits)
    for wrong in (0, -1, True, 1.5, "2", None):
        with pytest.raises(ValueError, match=f"{name} must be a"):
            SIZED[name](wrong)


def test_borders_are_zero_or_more():
    assert layers.ZeroPadding1D(0).padding == (0, 0)
    assert layers.ZeroPadding2D((0, (1, 2))).padding == ((0, 0), (1, 2))
    for wrong in (-1, (1, -1), (1, 2, 3), 1.0, True, (1, 0.5), "1"):
        with pytest.raises(ValueError, match="padding must be a non-negative integer or two of them"):
            layers.ZeroPadding1D(wrong)
    for several, message in (((1,), "a pair of them"), ((1, 2, 3), "a pair of them")):
        with pytest.raises(ValueError, match=f"size must be an integer or {message}"):
            layers.UpSampling2D(several)
    with pytest.raises(ValueError, match="pool_size must be an integer or three of them"):
        layers.MaxPooling3D((1, 2))


def test_padding_is_a_name_in_any_case():
    assert layers.Conv1D(1, 1, padding="SAME").padding == "same"
    assert layers.MaxPooling1D(padding="Valid").padding == "valid"
    for wrong in ("full", "causal"):
        with pytest.raises(ValueError, match="unknown padding"):
            layers.MaxPooling1D(padding=wrong)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_channels_in_the_other_place(axes):
    """The message says which layout would fit, and only where one would."""
    sizes = (5, 6, 7)[:axes]
    kind = getattr(layers, f"Conv{axes}D")
    last, first = kind(1, 1), kind(1, 1, data_format="channels_first")
    last.build((None, *sizes, 3))
    first.build((None, 3, *sizes))
    with pytest.raises(ValueError, match=r'wants 3 channels last, .*; pass data_format="channels_first" for'):
        last(np.zeros((1, 3, *sizes), np.float32))
    with pytest.raises(ValueError, match=r'wants 3 channels first, .*; leave data_format="channels_first" out for'):
        first(np.zeros((1, *sizes, 3), np.float32))
    for layer, shape in ((last, (1, *sizes, 4)), (first, (1, 4, *sizes))):
        with pytest.raises(ValueError, match=r"wants 3 channels [^;]*$"):
            layer(np.zeros(shape, np.float32))
