"""Checks of constructor arguments and of shapes that several layers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._suggest import unknown
from .base import Layer
from .symbolic import Shape

Pair = tuple[int, int]
Padding = str | tuple[Pair, Pair]


def refuse(layer: Layer, **options: Any) -> None:
    """ValueError for the first of these options that is set; they exist in Keras and would have no effect here."""
    for name, value in options.items():
        if value:
            raise ValueError(f"{layer._label()}: {name}={value!r} is not supported")


def positive(layer: Layer, name: str, value: Any) -> int:
    """``value`` as a positive int."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value <= 0:
        raise ValueError(f"{layer._label()}: {name} must be a positive integer, got {value!r}")
    return int(value)


def pair(layer: Layer, name: str, value: Any) -> Pair:
    """One positive integer for both image axes, or one for each."""
    values = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    if len(values) != 2:
        raise ValueError(f"{layer._label()}: {name} must be an integer or a pair of them, got {value!r}")
    return positive(layer, name, values[0]), positive(layer, name, values[1])


def fraction(layer: Layer, name: str, value: Any) -> float:
    """A number between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value <= 1.0:
        raise ValueError(f"{layer._label()}: {name} must be a number between 0 and 1, got {value!r}")
    return float(value)


def padding(layer: Layer, value: Any) -> Padding:
    """ "valid", "same", or explicit ((top, bottom), (left, right))."""
    if isinstance(value, str):
        if value.lower() not in ("valid", "same"):
            raise unknown(f"padding of {layer._label()}", value, ("valid", "same"))
        return value.lower()
    sides = [tuple(side) if isinstance(side, (list, tuple)) else () for side in value or ()]
    if len(sides) != 2 or any(len(side) != 2 for side in sides) or min(min(side) for side in sides) < 0:
        raise ValueError(
            f"{layer._label()}: padding must be 'valid', 'same' or ((top, bottom), (left, right)), got {value!r}"
        )
    (top, bottom), (left, right) = sides
    return (int(top), int(bottom)), (int(left), int(right))


def data_format(layer: Layer, value: str | None) -> str:
    """ "channels_last" (the default) or "channels_first"."""
    if value not in (None, "channels_last", "channels_first"):
        raise unknown(f"data_format of {layer._label()}", value, ("channels_last", "channels_first"))
    return value or "channels_last"


def known(layer: Layer, what: str, size: int | None, shape: Shape) -> int:
    """A size that weights depend on, so that it cannot be free."""
    if size is None:
        raise ValueError(f"{what} of the input {shape} must have a known size, weights depend on it")
    return size


def check_image(shape: Shape, data_format: str) -> None:
    """ValueError unless the input has the four axes of a batch of images."""
    if len(shape) != 4:
        axes = "(N, H, W, C)" if data_format == "channels_last" else "(N, C, H, W)"
        mend = ""
        if len(shape) == 3:
            mend = "; for one image use x[None], for images without a channel axis x[..., None]"
        raise ValueError(f"x is {shape}, expected a batch of images, {axes}{mend}")


def window_output(
    n: int | None, kernel: int, stride: int, pad: str | Pair, dilation: int = 1, what: str = "kernel"
) -> int | None:
    """How many places a window takes along an axis of ``n``."""
    if n is None:
        return None
    if pad == "same":
        return -(-n // stride)
    extent = (kernel - 1) * dilation + 1
    padded = n + (sum(pad) if isinstance(pad, tuple) else 0)
    if padded < extent:
        raise ValueError(
            f"the {what} covers {extent} but the input has only {padded} along an image axis"
            "; use padding='same', a smaller one, or larger images"
        )
    return (padded - extent) // stride + 1


def image_output(
    shape: Shape, channels: int | None, size: Pair, strides: Pair, pad: Padding, dilation: Pair, channels_first: bool,
    what: str,
) -> Shape:  # fmt: skip
    """The shape of a convolution's or pooling's result."""
    spatial: Sequence[int | None] = shape[2:] if channels_first else shape[1:3]
    sides: Sequence[str | Pair] = (pad, pad) if isinstance(pad, str) else pad
    h, w = (window_output(spatial[i], size[i], strides[i], sides[i], dilation[i], what) for i in range(2))
    return (shape[0], channels, h, w) if channels_first else (shape[0], h, w, channels)
