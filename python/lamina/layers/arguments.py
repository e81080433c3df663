"""Checks of constructor arguments and of shapes that several layers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.suggest import unknown
from .base import Layer
from .symbolic import Shape

Pair = tuple[int, int]
Padding = str | tuple[Pair, Pair]


def refuse(layer: Layer, **options: Any) -> None:
    """ValueError for the first of these options that is set; they exist in Keras and would have no effect here."""
    for name, value in options.items():
        if isinstance(value, np.ndarray) or value:
            raise ValueError(f"{layer._label()}: {name}={value!r} is not supported")


def positive(layer: Layer, name: str, value: Any) -> int:
    """``value`` as a positive int."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value <= 0:
        raise ValueError(f"{layer._label()}: {name} must be a positive integer, got {value!r}")
    return int(value)


def sizes(layer: Layer, name: str, value: Any, axes: int) -> Any:
    """One positive integer for all of so many axes, or one for each; as a tuple of so many."""
    values = tuple(value) if isinstance(value, (list, tuple)) else (value,) * axes
    if len(values) != axes:
        several = "a pair of them" if axes == 2 else "a tuple of one"
        raise ValueError(f"{layer._label()}: {name} must be an integer or {several}, got {value!r}")
    return tuple(positive(layer, name, v) for v in values)


def sides(layer: Layer, name: str, value: Any) -> Pair:
    """One non-negative integer for both ends of an axis, or (first, last)."""
    values = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    if len(values) != 2 or any(isinstance(v, bool) or not isinstance(v, (int, np.integer)) or v < 0 for v in values):
        raise ValueError(f"{layer._label()}: {name} must be a non-negative integer or two of them, got {value!r}")
    return int(values[0]), int(values[1])


def image_sides(layer: Layer, name: str, value: Any) -> tuple[Pair, Pair]:
    """One non-negative integer for all ends of both image axes, (height, width), or ((top, bottom), (left, right))."""
    values = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    try:
        if len(values) == 2:
            return sides(layer, name, values[0]), sides(layer, name, values[1])
    except ValueError:
        pass  # the message below names all three forms
    raise ValueError(
        f"{layer._label()}: {name} must be a non-negative integer, (height, width) or ((top, bottom), (left, right)), "
        f"got {value!r}"
    )


def fraction(layer: Layer, name: str, value: Any) -> float:
    """A number between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value <= 1.0:
        raise ValueError(f"{layer._label()}: {name} must be a number between 0 and 1, got {value!r}")
    return float(value)


def padding(layer: Layer, value: Any, axes: int = 2, others: tuple[str, ...] = ()) -> Padding:
    """ "valid", "same", one of ``others``, or for images explicit ((top, bottom), (left, right))."""
    names = ("valid", "same", *others)
    if isinstance(value, str):
        if value.lower() not in names:
            raise unknown(f"padding of {layer._label()}", value, names)
        return value.lower()
    if axes != 2:
        raise ValueError(f"{layer._label()}: padding must be one of {', '.join(names)}, got {value!r}")
    sides = [tuple(side) if isinstance(side, (list, tuple)) else () for side in _list(value)]
    if len(sides) != 2 or any(len(side) != 2 for side in sides) or min(min(side) for side in sides) < 0:
        raise ValueError(
            f"{layer._label()}: padding must be 'valid', 'same' or ((top, bottom), (left, right)), got {value!r}"
        )
    (top, bottom), (left, right) = sides
    return (int(top), int(bottom)), (int(left), int(right))


def _list(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else ()


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


def check_axes(shape: Shape, data_format: str, axes: int) -> None:
    """ValueError unless the input is a batch with channels and so many axes between: images have 2, sequences 1."""
    if len(shape) == axes + 2:
        return
    what, inner = ("images", "H, W") if axes == 2 else ("sequences", "T")
    expected = f"(N, {inner}, C)" if data_format == "channels_last" else f"(N, C, {inner})"
    mend = ""
    if len(shape) == axes + 1:
        mend = f"; for one {what[:-1]} use x[None], for {what} without a channel axis x[..., None]"
    raise ValueError(f"x is {shape}, expected a batch of {what}, {expected}{mend}")


def window_output(
    n: int | None, kernel: int, stride: int, pad: str | Pair, dilation: int, words: tuple[str, str, str]
) -> int | None:
    """How many places a window takes along an axis of ``n``; ``words`` of the message: window, axis, larger inputs."""
    if n is None:
        return None
    if pad == "same":
        return -(-n // stride)
    extent = (kernel - 1) * dilation + 1
    padded = n + (sum(pad) if isinstance(pad, tuple) else 0)
    if padded < extent:
        window, axis, larger = words
        raise ValueError(
            f"the {window} covers {extent} but the input has only {padded} along {axis}"
            f"; use padding='same', a smaller one, or {larger}"
        )
    return (padded - extent) // stride + 1


def windows_output(
    shape: Shape, channels: int | None, size: Sequence[int], strides: Sequence[int], pad: str | tuple[Pair, ...],
    dilation: Sequence[int], channels_first: bool, what: str,
) -> Shape:  # fmt: skip
    """The shape of a convolution's or pooling's result, over one axis or two."""
    axes = len(size)
    spatial: Sequence[int | None] = shape[2:] if channels_first else shape[1:-1]
    ends: Sequence[str | Pair] = (pad,) * axes if isinstance(pad, str) else pad
    words = (what, "an image axis", "larger images") if axes == 2 else (what, "the time axis", "longer sequences")
    sizes = tuple(window_output(spatial[i], size[i], strides[i], ends[i], dilation[i], words) for i in range(axes))
    return (shape[0], channels, *sizes) if channels_first else (shape[0], *sizes, channels)


def complaint(check: Callable[[Shape], Any], shape: Shape) -> str | None:
    """What ``check`` finds wrong with a shape."""
    try:
        check(shape)
    except ValueError as error:
        return str(error)
    return None
