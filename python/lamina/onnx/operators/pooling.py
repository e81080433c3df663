"""Poolings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ...ops.conversion import as_tensor
from ..layout import channels_last, ordered, permuted, plain, stored
from ..registry import Call, Run, integers, operator
from .convolution import Window


@operator("MaxPool", ordered=True)
def max_pool(call: Call) -> Run:
    window, ceil = Window(call), bool(call.get("ceil_mode", 0))
    column_major = bool(call.get("storage_order", 0))
    wants_places = call.wants(1)

    def run(x: Any) -> Any:
        axes, order = x.ndim - 2, channels_last(x.ndim)
        strides, dilations, padding = window.spread(axes)
        inputs = as_tensor(stored(x, order))
        of_integers = inputs.dtype if inputs.dtype.kind in "iu" else None
        if of_integers is not None:
            inputs = ops.cast(inputs, np.float32 if of_integers.itemsize == 1 else np.float64)
        result = ops.max_pool(
            inputs, window.kernel, strides, padding, "channels_last", dilation_rate=dilations, ceil_mode=ceil,
            return_indices=wants_places,
        )  # fmt: skip
        y = result[0] if wants_places else result
        y = y if of_integers is None else ops.cast(y, of_integers)
        if not wants_places:
            return ordered(y, order)
        return ordered(y, order), _whole_places(result[1], x.shape, column_major)

    return run


def _whole_places(places: Tensor, shape: tuple[int, ...], column_major: bool) -> Tensor:
    """Places in the whole tensor (N, C, ...) out of those in one image, channels last."""
    place = ops.cast(places, np.int64)
    sizes = shape[2:]
    if column_major:
        rest, place = place, ops.zeros_like(place)
        for i in reversed(range(len(sizes))):
            place = ops.add(place, ops.multiply(ops.mod(rest, sizes[i]), math.prod(sizes[:i])))
            rest = ops.floor_divide(rest, sizes[i])
    pixels = math.prod(sizes)
    batch = np.arange(shape[0], dtype=np.int64).reshape(-1, *(1,) * (len(sizes) + 1))
    image = batch * shape[1] + np.arange(shape[1], dtype=np.int64)
    place = ops.add(place, image * pixels)
    return permuted(place, (0, len(shape) - 1, *range(1, len(shape) - 1)))


@operator("AveragePool", ordered=True)
def average_pool(call: Call) -> Run:
    window, ceil = Window(call), bool(call.get("ceil_mode", 0))
    divisor = "padded" if call.get("count_include_pad", 0) else "valid"

    def run(x: Any) -> Any:
        order = channels_last(x.ndim)
        strides, dilations, padding = window.spread(x.ndim - 2)
        y = ops.average_pool(
            stored(x, order), window.kernel, strides, padding, "channels_last", dilation_rate=dilations, ceil_mode=ceil,
            divisor=divisor,
        )  # fmt: skip
        return ordered(y, order)

    return run


@operator("LpPool", ordered=True)
def lp_pool(call: Call) -> Run:
    window, ceil, p = Window(call), bool(call.get("ceil_mode", 0)), call.get("p", 2)

    def run(x: Any) -> Any:
        order = channels_last(x.ndim)
        strides, dilations, padding = window.spread(x.ndim - 2)
        y = ops.lp_pool(
            ops.abs(stored(x, order)), p, window.kernel, strides, padding, "channels_last", dilation_rate=dilations,
            ceil_mode=ceil,
        )  # fmt: skip
        return ordered(y, order)

    return run


def _global(name: str, f: Any) -> None:
    @operator(name, ordered=True)
    def make(call: Call) -> Run:
        reduce = f(call)

        def run(x: Any) -> Any:
            order = channels_last(x.ndim)
            inputs = as_tensor(stored(x, order))
            if inputs.ndim == 2:
                return inputs
            y = reduce(inputs, tuple(range(1, x.ndim - 1)))
            return ordered(y, order)

        return run


_global("GlobalAveragePool", lambda call: lambda x, axes: ops.mean(x, axes, keepdims=True))
_global("GlobalMaxPool", lambda call: lambda x, axes: ops.max(x, axes, keepdims=True))


def _global_lp(call: Call) -> Any:
    p = float(call.get("p", 2))
    return lambda x, axes: ops.power(ops.sum(ops.power(ops.abs(x), p), axes, keepdims=True), 1.0 / p)


_global("GlobalLpPool", _global_lp)


@operator("MaxUnpool", ordered=True)
def max_unpool(call: Call) -> Run:
    window = Window(call)

    def run(x: Any, places: Any, shape: Any = None) -> Tensor:
        x, places = as_tensor(plain(x)), plain(places)
        axes = x.ndim - 2
        strides, _, _ = window.spread(axes)
        pads = window.pads or [0] * (2 * axes)
        sizes = [(x.shape[i + 2] - 1) * strides[i] + window.kernel[i] - pads[i] - pads[axes + i] for i in range(axes)]
        out = (*x.shape[:2], *sizes)
        target = tuple(integers(shape)) if shape is not None else out
        flat = ops.scatter(ops.reshape(places, (-1, 1)), ops.reshape(x, (-1,)), (math.prod(out),))
        y = ops.reshape(flat, out)
        if target == out:
            return y
        return ops.pad(y, [(0, t - n) for t, n in zip(target, out, strict=True)])

    return run
