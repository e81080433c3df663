"""The sweeps of sweeps.py: a layer over one of its sizes. Each case has its array, layer and work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import flops
import lamina
from lamina import layers

# Around the widths of vectors, tiles and blocks, and between them.
CHANNELS = (1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 24, 31, 32, 33, 40, 48, 63, 64, 65, 80, 96, 100)
CHANNELS += (127, 128, 129, 160, 192, 200, 255, 256, 257, 320, 384, 448, 511, 512)
WIDTHS = (*CHANNELS, 513, 640, 768, 1000, 1023, 1024, 1025, 1536, 2048)
BATCHES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 96, 127, 128, 129, 256)
SIDES = (3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 20, 24, 28, 31, 32, 33, 48, 56, 63, 64, 65, 96, 112, 128)
LENGTHS = (1, 2, 3, 4, 6, 8, 12, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 96, 127, 128, 129, 192, 256, 257, 384, 512)
DEPTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


@dataclass
class Case:
    """One size: a layer, its input, the multiply-adds of its forward pass, and how many of its outputs' bytes it moves.

    Backward takes twice the multiply-adds where there are weights, and moves inputs, outputs and weights again.
    """

    size: int
    layer: Any
    x: Any
    macs: int
    heads: bool = False  # query and value are the same input


@dataclass
class Sweep:
    name: str
    sizes: Sequence[int]
    case: Callable[[int], Case]


def normal(*shape: int) -> Any:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def dense(batch: int, width: int, units: int, size: int) -> Case:
    return Case(size, layers.Dense(units), normal(batch, width), batch * width * units)


def deep(depth: int) -> Case:
    model = lamina.Sequential([lamina.Input((64,)), *(layers.Dense(64, "relu") for _ in range(depth))])
    return Case(depth, model, normal(32, 64), 32 * 64 * 64 * depth)


def convolution(
    batch: int, side: int, channels: int, filters: int, kernel: int, swept: int, strides: int = 1, groups: int = 1
) -> Case:
    layer = layers.Conv2D(filters, kernel, strides, padding="same", groups=groups)
    result = -(-side // strides)
    macs = batch * flops.convolution(result, kernel, channels // groups, filters)
    return Case(swept, layer, normal(batch, side, side, channels), macs)


def transposed(side: int, channels: int, swept: int) -> Case:
    layer = layers.Conv2DTranspose(channels, 2, 2)
    return Case(swept, layer, normal(4, side, side, channels), 4 * flops.convolution(side, 2, channels, channels))


def depthwise(batch: int, side: int, channels: int, swept: int, strides: int = 1) -> Case:
    layer = layers.DepthwiseConv2D(3, strides, padding="same")
    macs = batch * (-(-side // strides)) ** 2 * 9 * channels
    return Case(swept, layer, normal(batch, side, side, channels), macs)


def recurrent(kind: Any, gates: int, batch: int, steps: int, units: int, swept: int) -> Case:
    macs = batch * flops.recurrence(steps, units, units, gates)
    return Case(swept, kind(units), normal(batch, steps, units), macs)


def attention(batch: int, steps: int, heads: int, size: int, swept: int) -> Case:
    width = heads * size
    macs = batch * (4 * steps * width * width + flops.attention(steps, width, causal=False))
    return Case(swept, layers.MultiHeadAttention(heads, size), normal(batch, steps, width), macs, heads=True)


def plain(layer: Any, shape: tuple[int, ...], swept: int) -> Case:
    """What moves memory and multiplies little."""
    return Case(swept, layer, normal(*shape), int(np.prod(shape)))


LSTM, GRU, RNN = (layers.LSTM, 4), (layers.GRU, 3), (layers.SimpleRNN, 1)
FROM_8 = tuple(c for c in CHANNELS if c % 8 == 0)

SWEEPS = [
    Sweep("dense width: batch 64", WIDTHS, lambda n: dense(64, n, n, n)),
    Sweep("dense width: batch 1", WIDTHS, lambda n: dense(1, n, n, n)),
    Sweep("dense inputs to 128", WIDTHS, lambda n: dense(32, n, 128, n)),
    Sweep("dense units from 128", WIDTHS, lambda n: dense(32, 128, n, n)),
    Sweep("dense batch: 256 to 256", BATCHES, lambda n: dense(n, 256, 256, n)),
    Sweep("dense batch: 1000 to 10", BATCHES, lambda n: dense(n, 1000, 10, n)),
    Sweep("dense depth: 64 wide", DEPTHS, deep),
    Sweep("conv 3x3 channels: 16x16", CHANNELS, lambda c: convolution(4, 16, c, c, 3, c)),
    Sweep("conv 3x3 channels to 16: 16x16", CHANNELS, lambda c: convolution(4, 16, c, 16, 3, c)),
    Sweep("conv 3x3 filters from 16: 16x16", CHANNELS, lambda c: convolution(4, 16, 16, c, 3, c)),
    Sweep("conv 3x3 channels: stride 2", CHANNELS, lambda c: convolution(4, 16, c, c, 3, c, strides=2)),
    Sweep("conv 1x1 channels: 16x16", CHANNELS, lambda c: convolution(4, 16, c, c, 1, c)),
    Sweep("conv 5x5 channels: 12x12", CHANNELS[:-5], lambda c: convolution(2, 12, c, c, 5, c)),
    Sweep("conv 7x7 channels: 12x12", CHANNELS[:-8], lambda c: convolution(2, 12, c, c, 7, c)),
    Sweep("conv 3x3 channels in 8 groups", FROM_8, lambda c: convolution(4, 16, c, c, 3, c, groups=8)),
    Sweep("conv 3x3 image size: 16 channels", SIDES, lambda s: convolution(4, s, 16, 16, 3, s)),
    Sweep("conv 3x3 image size: 3 to 32", SIDES, lambda s: convolution(4, s, 3, 32, 3, s)),
    Sweep("conv 5x5 image size: 16 channels", SIDES, lambda s: convolution(2, s, 16, 16, 5, s)),
    Sweep("conv 3x3 batch: 14x14 32", BATCHES[:-2], lambda n: convolution(n, 14, 32, 32, 3, n)),
    Sweep(
        "conv kernel size: 24x24 16", (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13), lambda k: convolution(2, 24, 16, 16, k, k)
    ),
    Sweep("transposed 2x2 channels: 8x8", CHANNELS, lambda c: transposed(8, c, c)),
    Sweep("depthwise 3x3 channels: 16x16", CHANNELS, lambda c: depthwise(4, 16, c, c)),
    Sweep("depthwise 3x3 channels: stride 2", CHANNELS, lambda c: depthwise(4, 16, c, c, strides=2)),
    Sweep("depthwise 3x3 image size: 64", SIDES, lambda s: depthwise(2, s, 64, s)),
    Sweep("lstm units: batch 16 16 steps", CHANNELS, lambda u: recurrent(*LSTM, 16, 16, u, u)),
    Sweep("lstm units: batch 1 16 steps", CHANNELS, lambda u: recurrent(*LSTM, 1, 16, u, u)),
    Sweep("lstm batch: 64 units", BATCHES, lambda n: recurrent(*LSTM, n, 16, 64, n)),
    Sweep("lstm length: 64 units", LENGTHS, lambda t: recurrent(*LSTM, 8, t, 64, t)),
    Sweep("gru units: batch 16 16 steps", CHANNELS, lambda u: recurrent(*GRU, 16, 16, u, u)),
    Sweep("gru batch: 64 units", BATCHES, lambda n: recurrent(*GRU, n, 16, 64, n)),
    Sweep("gru length: 64 units", LENGTHS, lambda t: recurrent(*GRU, 8, t, 64, t)),
    Sweep("simple rnn units: batch 16", CHANNELS, lambda u: recurrent(*RNN, 16, 16, u, u)),
    Sweep("attention length: 4 heads of 32", LENGTHS, lambda t: attention(2, t, 4, 32, t)),
    Sweep("attention head size: 2 heads", CHANNELS[:25], lambda d: attention(2, 64, 2, d, d)),
    Sweep("attention batch: 32 steps", BATCHES[:-4], lambda n: attention(n, 32, 4, 16, n)),
    Sweep("layer norm width", WIDTHS, lambda n: plain(layers.LayerNormalization(), (256, n), n)),
    Sweep("batch norm channels", CHANNELS, lambda c: plain(layers.BatchNormalization(), (4, 16, 16, c), c)),
    Sweep("group norm channels: 8 groups", FROM_8, lambda c: plain(layers.GroupNormalization(8), (4, 16, 16, c), c)),
    Sweep("softmax width", WIDTHS, lambda n: plain(layers.Softmax(), (256, n), n)),
    Sweep("max pooling channels", CHANNELS, lambda c: plain(layers.MaxPooling2D(2), (4, 16, 16, c), c)),
    Sweep(
        "average pooling image size",
        SIDES,
        lambda s: plain(layers.AveragePooling2D(2, padding="same"), (4, s, s, 16), s),
    ),
    Sweep("global average channels", CHANNELS, lambda c: plain(layers.GlobalAveragePooling2D(), (4, 16, 16, c), c)),
    Sweep("upsampling channels", CHANNELS, lambda c: plain(layers.UpSampling2D(2), (4, 8, 8, c), c)),
    Sweep("gelu width", WIDTHS, lambda n: plain(layers.Activation("gelu"), (64, n), n)),
    Sweep("dropout width", WIDTHS, lambda n: plain(layers.Dropout(0.5), (64, n), n)),
]
