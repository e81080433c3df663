"""Pieces of images and sequences side by side."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .graph import Graph
from .handlers import exports
from .values import Value, channels_first
from .windows import as_given, each_axis, sides


@exports("extract_patches", "extract_patches_3d")
def extract_patches(
    g: Graph, images: Any, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid",
    data_format: str | None = None,
) -> Value:  # fmt: skip
    """A convolution whose filters are ones at one place each."""
    x = g.value(images, g.dtype)
    axes = len(size) if isinstance(size, (list, tuple)) else 3 if g.place.endswith("extract_patches_3d") else 2
    single = x.ndim == axes + 1
    x = g.reshape(x, (1, *x.shape)) if single else x
    x = x.turned((0, *range(2, x.ndim), 1)) if data_format == "channels_first" else x
    kernel, dilations = each_axis(size, axes), each_axis(dilation_rate, axes)
    steps = kernel if strides is None else each_axis(strides, axes)
    extents = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    auto_pad, pads = sides(g, x.shape[1:-1], extents, steps, padding)
    channels, taps = int(x.shape[-1]), math.prod(kernel)
    ones = np.eye(taps * channels, dtype=x.dtype).reshape(-1, *kernel, channels)
    filters = np.moveaxis(ones, -1, 1)
    order = channels_first(x.ndim)
    name = g.node(
        "Conv", g.name(x, order), g.constant(filters), strides=steps, dilations=dilations, auto_pad=auto_pad, pads=pads
    )
    shape = (x.shape[0], *_inner(g, single, data_format), taps * channels)
    y = as_given(g.made(name, order, shape, x.dtype), data_format)
    return g.reshape(y, g.shape) if single else y


def _inner(g: Graph, single: bool, data_format: str | None) -> tuple[Any, ...]:
    shape = g.shape if single else g.shape[1:]
    return shape[1:] if data_format == "channels_first" else shape[:-1]


@exports("extract_sequences")
def extract_sequences(g: Graph, x: Any, sequence_length: int, sequence_stride: int) -> Value:
    x = g.value(x, g.dtype)
    *before, time = x.shape
    rows = g.reshape(x, (g.total(before), 1, time))
    ones = np.eye(sequence_length, dtype=x.dtype)[:, None]
    name = g.node("Conv", rows, g.constant(ones), strides=[sequence_stride])
    *_, frames, _ = g.shape
    y = g.made(name, (0, 2, 1), (rows.shape[0], frames, sequence_length), x.dtype)
    return g.reshape(y, g.shape)
