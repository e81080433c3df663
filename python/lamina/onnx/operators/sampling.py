"""Images read at places of one's own, cut to a size, and put together of patches."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ...ops.conversion import as_tensor
from ..layout import channels_last, ordered, stored
from ..registry import Call, Run, integers, operator

_Taps = list[tuple[Any, Any]]


@operator("GridSample", ordered=True)
def grid_sample(call: Call) -> Run:
    modes = ("linear", "nearest", "cubic", "bilinear", "bicubic")
    mode = call.choice("mode", "linear" if call.version >= 20 else "bilinear", modes).removeprefix("bi")
    padding = call.choice("padding_mode", "zeros", ("zeros", "border", "reflection"))
    align = bool(call.get("align_corners", 0))

    def run(x: Any, grid: Any) -> Any:
        order = channels_last(x.ndim)
        t, places = as_tensor(stored(x, order)), as_tensor(stored(grid, tuple(range(grid.ndim))))
        sizes = t.shape[1:-1]
        count = math.prod(sizes)
        table = ops.reshape(t, (t.shape[0] * count, t.shape[-1]))
        first = (np.arange(t.shape[0], dtype=np.int64) * count).reshape(-1, *(1,) * len(sizes))
        axes = []
        for i, n in enumerate(sizes):  # the grid's last axis begins with the last of the image's
            place = ops.getitem(places, (..., len(sizes) - 1 - i))
            pixels = ops.multiply(ops.add(place, 1.0), (n - 1) / 2 if align else n / 2)
            axes.append(_taps(pixels if align else ops.subtract(pixels, 0.5), n, mode, padding, align))
        result: Any = None
        for taps in itertools.product(*axes):
            index: Any = first
            weight: Any = None
            for (at, w), n in zip(taps, sizes, strict=True):
                index = ops.add(ops.multiply(index - first if index is first else index, n), at)
                weight = w if weight is None else ops.multiply(weight, w)
            rows = ops.take(table, ops.add(index, first), 0)
            part = rows if weight is None else ops.multiply(rows, ops.expand_dims(weight, -1))
            result = part if result is None else ops.add(result, part)
        return ordered(result, order)

    return run


def _taps(x: Tensor, n: int, mode: str, padding: str, align: bool) -> _Taps:
    """Which pixels of an axis of n a place is the sum of, and their weights."""
    low, high = (0.0, n - 1.0) if align else (-0.5, n - 0.5)
    if padding == "border":
        x = ops.clip(x, 0.0, n - 1.0)
    elif padding == "reflection":
        x = _reflected(x, low, high)
    if mode == "nearest":
        found: _Taps = [(ops.round(x), None)]
    else:
        below = ops.floor(x)
        t = ops.subtract(x, ops.stop_gradient(below))
        if mode == "linear":
            found = [(below, ops.subtract(1.0, t)), (ops.add(below, 1.0), t)]
        else:
            found = [(ops.add(below, k), _cubic(ops.abs(ops.subtract(t, k)))) for k in (-1.0, 0.0, 1.0, 2.0)]
    taps: _Taps = []
    for at, weight in found:
        if padding == "reflection":
            at = _reflected(at, low, high)
        inside = ops.logical_and(ops.greater_equal(at, 0.0), ops.less_equal(at, n - 1.0))
        if padding == "zeros":
            counts = ops.cast(inside, x.dtype)
            weight = counts if weight is None else ops.multiply(weight, counts)
        taps.append((ops.cast(ops.clip(at, 0.0, n - 1.0), np.int64), weight))
    return taps


def _cubic(d: Tensor, a: float = -0.75) -> Tensor:
    """Keys's cubic filter at a distance."""
    near = ops.add(ops.multiply(ops.multiply(ops.subtract(ops.multiply(d, a + 2), a + 3), d), d), 1.0)
    far = ops.subtract(ops.multiply(ops.add(ops.multiply(ops.subtract(ops.multiply(d, a), 5 * a), d), 8 * a), d), 4 * a)
    return ops.where(ops.less_equal(d, 1.0), near, ops.where(ops.less(d, 2.0), far, np.zeros((), d.dtype)))


def _reflected(x: Tensor, low: float, high: float) -> Tensor:
    """x mirrored at both ends until it is between them."""
    width = high - low
    if width == 0:
        return ops.zeros_like(x)
    far = ops.mod(ops.abs(ops.subtract(x, low)), 2 * width)
    return ops.add(ops.where(ops.greater(far, width), ops.subtract(2 * width, far), far), low)


@operator("AffineGrid", 20)
def affine_grid(call: Call) -> Run:
    align = bool(call.get("align_corners", 0))

    def run(theta: Any, size: Any) -> Tensor:
        sizes = integers(size)[2:]
        lines = [np.linspace(-1, 1, n) if align else (2 * np.arange(n) + 1) / n - 1 for n in sizes]
        mesh = np.meshgrid(*lines, indexing="ij")[::-1]
        places = np.stack([*mesh, np.ones(sizes)], -1).reshape(-1, len(sizes) + 1).astype(theta.dtype)
        grid = ops.matmul(places, ops.transpose(theta, (0, 2, 1)))
        return ops.reshape(grid, (theta.shape[0], *sizes, len(sizes)))

    return run


@operator("CenterCropPad", 18)
def center_crop_pad(call: Call) -> Run:
    axes = call.get("axes")

    def run(x: Any, shape: Any) -> Tensor:
        x = as_tensor(x)
        chosen = range(x.ndim) if axes is None else [a % x.ndim for a in axes]
        cut, sides = [slice(None)] * x.ndim, [(0, 0)] * x.ndim
        for axis, wanted in zip(chosen, integers(shape), strict=True):
            n = x.shape[axis]
            if wanted < n:
                start = (n - wanted) // 2
                cut[axis] = slice(start, start + wanted)
            else:
                before = (wanted - n) // 2
                sides[axis] = (before, wanted - n - before)
        x = ops.getitem(x, tuple(cut))
        return ops.pad(x, sides) if any(map(any, sides)) else x

    return run
