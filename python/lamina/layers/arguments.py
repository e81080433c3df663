"""Checks of constructor arguments and of shapes that several layers share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..config import image_data_format
from ..core.explain import is_index
from ..core.suggest import unknown
from .base import Layer
from .symbolic import Shape

Pair = tuple[int, int]
Padding = str | tuple[Pair, ...]

# What a batch with so many axes between batch and channels holds, the names of the axes, and which of them is short.
_WORDS = {
    1: ("sequences", "T", "the time axis", "longer sequences"),
    2: ("images", "H, W", "an image axis", "larger images"),
    3: ("volumes", "D, H, W", "an axis", "larger volumes"),
}
_SIDES = {
    1: "(length,) or ((first, last),)",
    2: "(height, width) or ((top, bottom), (left, right))",
    3: "(depth, height, width) or ((front, back), (top, bottom), (left, right))",
}

_SAME = ("same", "same_lower")


def refuse(layer: Layer, **options: Any) -> None:
    """ValueError for the first of these options that is set; they exist in Keras and would have no effect here."""
    for name, value in options.items():
        if isinstance(value, np.ndarray) or value:
            raise ValueError(f"{layer._label()}: {name}={value!r} is not supported")


def positive(layer: Layer, name: str, value: Any, least: int = 1) -> int:
    """``value`` as an int from ``least``, 0 or 1."""
    if not is_index(value) or value < least:
        kind = "positive" if least else "non-negative"
        raise ValueError(f"{layer._label()}: {name} must be a {kind} integer, got {value!r}")
    return int(value)


def sizes(layer: Layer, name: str, value: Any, axes: int, least: int = 1) -> Any:
    """One integer from ``least``, 0 or 1, for all of so many axes, or one for each; as a tuple of so many."""
    values = tuple(value) if isinstance(value, (list, tuple)) else (value,) * axes
    if len(values) != axes:
        several = ("a tuple of one", "a pair of them", "three of them")[axes - 1]
        raise ValueError(f"{layer._label()}: {name} must be an integer or {several}, got {value!r}")
    return tuple(positive(layer, name, v, least) for v in values)


def sides(layer: Layer, name: str, value: Any) -> Pair:
    """One non-negative integer for both ends of an axis, or (first, last)."""
    values = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    if len(values) != 2 or any(not is_index(v) or v < 0 for v in values):
        raise ValueError(f"{layer._label()}: {name} must be a non-negative integer or two of them, got {value!r}")
    return int(values[0]), int(values[1])


def axis_sides(layer: Layer, name: str, value: Any, axes: int, names: str = "", last: str = "") -> tuple[Pair, ...]:
    """One non-negative integer for all ends of all axes, or for each axis one or (before, after).

    names, last: other values that the message names, before numbers and after them.
    """
    values = tuple(value) if isinstance(value, (list, tuple)) else (value,) * axes
    try:
        if len(values) == axes:
            return tuple(sides(layer, name, v) for v in values)
    except ValueError:
        pass  # the message below names all forms
    raise ValueError(
        f"{layer._label()}: {name} must be {names}a non-negative integer, {_SIDES[axes]}{last}, got {value!r}"
    )


def integers(layer: Layer, name: str, value: Any) -> tuple[int, ...]:
    """One integer or several, NumPy's too, as a tuple; TypeError for anything else."""
    values = value if isinstance(value, (list, tuple, range, np.ndarray)) else (value,)
    if not all(map(is_index, values)):
        raise TypeError(f"{layer._label()}: {name} must be an integer or a sequence of integers, got {value!r}")
    return tuple(int(v) for v in values)


def axis_or_axes(layer: Layer, value: Any) -> int | tuple[int, ...]:
    """The option ``axis`` of a layer that works over one axis or several together."""
    found = integers(layer, "axis", value)
    return found[0] if is_index(value) else found


def _is_real(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def positive_number(layer: Layer, name: str, value: Any) -> Any:
    """A positive and finite number."""
    if not _is_real(value):
        raise TypeError(f"{layer._label()}: {name} must be a number, got {value!r}")
    if not 0 < value < math.inf:
        raise ValueError(f"{layer._label()}: {name} must be positive and finite, got {value}")
    return value.item() if isinstance(value, np.generic) else value


def not_negative(layer: Layer, name: str, value: float) -> float:
    """A finite number from 0."""
    if not 0 <= value < math.inf:
        raise ValueError(f"{layer._label()}: {name} must be finite and not negative, got {value}")
    return value


def fraction(layer: Layer, name: str, value: Any) -> float:
    """A number between 0 and 1."""
    if not _is_real(value) or not 0.0 <= value <= 1.0:
        raise ValueError(f"{layer._label()}: {name} must be a number between 0 and 1, got {value!r}")
    return float(value)


def padding(layer: Layer, value: Any, axes: int, others: tuple[str, ...] = ()) -> Padding:
    """ "valid", "same", "same_lower", one of ``others``, or numbers as ``axis_sides`` takes them."""
    names = ("valid", "same", *others, "same_lower")
    if not isinstance(value, str):
        return axis_sides(layer, "padding", value, axes, "".join(f"{n!r}, " for n in names[:-1]), f" or {names[-1]!r}")
    if value.lower() not in names:
        raise unknown(f"padding of {layer._label()}", value, names)
    return value.lower()


def data_format(layer: Layer, value: str | None) -> str:
    """ "channels_last" or "channels_first"; None takes the one of ``config``."""
    if value not in (None, "channels_last", "channels_first"):
        raise unknown(f"data_format of {layer._label()}", value, ("channels_last", "channels_first"))
    return value or image_data_format()


def known(layer: Layer, what: str, size: int | None, shape: Shape) -> int:
    """A size that weights depend on, so that it cannot be free."""
    if size is None:
        raise ValueError(f"{what} of the input {shape} must have a known size, weights depend on it")
    return size


def stored(shape: Shape, data_format: str, axes: int) -> tuple[int | None, tuple[int | None, ...]]:
    """Channels, and sizes of the axes between, of a batch; ValueError unless it has so many."""
    what, inner, *_ = _WORDS[axes]
    if len(shape) == axes + 2:
        return (shape[1], shape[2:]) if data_format == "channels_first" else (shape[-1], shape[1:-1])
    expected = f"(N, {inner}, C)" if data_format == "channels_last" else f"(N, C, {inner})"
    mend = ""
    if len(shape) == axes + 1:
        mend = f"; for one {what[:-1]} use x[None], for {what} without a channel axis x[..., None]"
    raise ValueError(f"x is {shape}, expected a batch of {what}, {expected}{mend}")


def as_stored(n: int | None, sizes: Sequence[int | None], channels: int | None, data_format: str) -> Shape:
    """The shape of n images of these sizes."""
    return (n, channels, *sizes) if data_format == "channels_first" else (n, *sizes, channels)


def check_axes(shape: Shape, data_format: str, axes: int) -> None:
    """ValueError unless the input is a batch with channels and so many axes between."""
    stored(shape, data_format, axes)


def wrong_channels(shape: Shape, data_format: str, axes: int, wanted: int) -> str | None:
    """What is wrong with the channels of a batch, and whether the other layout would mend it."""
    if stored(shape, data_format, axes)[0] == wanted:
        return None
    what, inner, *_ = _WORDS[axes]
    first = data_format == "channels_first"
    expected = f"first, (N, {wanted}, {inner})" if first else f"last, (N, {inner}, {wanted})"
    mend = ""
    if shape[-1 if first else 1] == wanted:
        other = f"for {what} stored channels {'last' if first else 'first'}"
        mend = (
            f'; leave data_format="channels_first" out {other}'
            if first
            else f'; pass data_format="channels_first" {other}'
        )
    return f"x is {shape} but the kernel wants {wanted} channels {expected}{mend}"


def window_sides(n: int, extent: int, stride: int, padding: Padding, axis: int) -> Pair:
    """What the padding puts before and after an axis of n, for windows of this extent."""
    if not isinstance(padding, str):
        return padding[axis]
    if padding in _SAME:
        total = max((-(-n // stride) - 1) * stride + extent - n, 0)
        half = total // 2
        return (total - half, half) if padding == "same_lower" else (half, total - half)
    return (extent - 1 if padding == "causal" else 0), 0


def windows_output(
    sizes: Sequence[int | None], taps: Sequence[int], strides: Sequence[int], padding: Padding,
    dilation: Sequence[int], what: str, ceil_mode: bool = False,
) -> list[int | None]:  # fmt: skip
    """How many places a window (``what`` in messages) takes along each axis of these sizes."""
    found: list[int | None] = []
    for i, (n, stride) in enumerate(zip(sizes, strides, strict=True)):
        extent = (taps[i] - 1) * dilation[i] + 1
        if n is None or padding in _SAME:
            found.append(None if n is None else -(-n // stride))
            continue
        before, after = window_sides(n, extent, stride, padding, i)
        padded = n + before + after
        if padded < extent:
            _, _, axis, larger = _WORDS[len(taps)]
            raise ValueError(
                f"the {what} covers {extent} but the input has only {padded} along {axis}"
                f"; use padding='same', a smaller one, or {larger}"
            )
        places = (padded - extent) // stride + 1
        found.append(places + (ceil_mode and (padded - extent) % stride > 0 and places * stride < n + before))
    return found


def transposed_output(
    sizes: Sequence[int | None], taps: Sequence[int], strides: Sequence[int], padding: Padding,
    output_padding: Sequence[int] | None, dilation: Sequence[int],
) -> list[int | None]:  # fmt: skip
    """The sizes of a transposed convolution's result."""
    found: list[int | None] = []
    for i, (n, stride) in enumerate(zip(sizes, strides, strict=True)):
        extent = (taps[i] - 1) * dilation[i] + 1
        if output_padding is None:
            last = stride if padding in _SAME else max(extent, stride) if padding == "valid" else extent
        else:
            last = (extent % 2 if padding in _SAME else extent) + output_padding[i]
        cut = 0 if isinstance(padding, str) else sum(padding[i])
        size = None if n is None else (n - 1) * stride + last - cut
        if size is not None and size < 1:
            raise ValueError(f"padding={padding} leaves nothing of {size + cut} along an axis; pad less")
        found.append(size)
    return found


def complaint(check: Callable[[Shape], Any], shape: Shape) -> str | None:
    """What ``check`` finds wrong with a shape."""
    try:
        check(shape)
    except ValueError as error:
        return str(error)
    return None
