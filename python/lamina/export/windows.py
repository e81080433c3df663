"""Sizes, strides and padding of windows, as ONNX's attributes say them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .graph import Graph
from .values import Length, Size, Value, channels_first


def each_axis(value: Any, axes: int) -> list[int]:
    """One number for all axes, or one for each."""
    return [int(value)] * axes if isinstance(value, int) else [int(n) for n in value]


def images(g: Graph, x: Any, data_format: str | None) -> Value:
    """A batch of images as (N, ..., C), however it is stored."""
    v = g.value(x, g.dtype)
    return v if data_format != "channels_first" else v.turned((0, *range(2, v.ndim), 1))


def as_given(v: Value, data_format: str | None) -> Value:
    """A result (N, ..., C) in the format of the input."""
    return v if data_format != "channels_first" else v.turned((0, v.ndim - 1, *range(1, v.ndim - 1)))


def first(g: Graph, x: Value) -> str:
    """The name of a batch (N, ..., C) with the channels first."""
    return g.name(x, channels_first(x.ndim))


def of_first(g: Graph, name: str, data_format: str | None) -> Value:
    """The call's result, which a node gave with channels first."""
    ndim = len(g.shape)
    if data_format == "channels_first":
        return g.made(name)
    return g.made(name, channels_first(ndim))


def sides(
    g: Graph, inner: Sequence[Length], extents: Sequence[int], strides: Sequence[int], padding: Any
) -> tuple[str | None, list[int] | None]:
    """(auto_pad, pads): the one or the other, of axes of these sizes."""
    axes = len(inner)
    if padding == "valid":
        return None, None
    if padding == "causal":
        return None, [extents[0] - 1, 0]
    if isinstance(padding, str):
        before, after = [], []
        for n, extent, stride in zip(inner, extents, strides, strict=True):
            if isinstance(n, Size) and stride > 1:
                return ("SAME_UPPER" if padding == "same" else "SAME_LOWER"), None
            if isinstance(n, Size):
                total = extent - 1
            else:
                total = max((-(-n // stride) - 1) * stride + extent - n, 0)
            half = total // 2
            low, high = (total - half, half) if padding == "same_lower" else (half, total - half)
            before.append(low)
            after.append(high)
        return None, _unless_zero([*before, *after])
    if isinstance(padding, int):
        return None, _unless_zero([padding] * (2 * axes))
    pairs = [(p, p) if isinstance(p, int) else tuple(p) for p in padding]
    return None, _unless_zero([int(p[0]) for p in pairs] + [int(p[1]) for p in pairs])


def _unless_zero(pads: list[int]) -> list[int] | None:
    return pads if any(pads) else None


def unless_one(values: list[int]) -> list[int] | None:
    """Strides or dilations as an attribute, which ones need not be."""
    return values if any(n != 1 for n in values) else None
