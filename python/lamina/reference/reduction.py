"""NumPy twins of the reductions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._common import Array, give

Axes = Any  # None, a number or several


def _axes(x: Array, axes: Axes) -> tuple[int, ...]:
    if axes is None:
        return tuple(range(x.ndim))
    return tuple(axes) if isinstance(axes, (tuple, list)) else (axes,)


def reduction_forward(x: Array, op: str, axes: Axes = None, keepdims: bool = False) -> Any:
    along = _axes(x, axes)
    if x.dtype.kind != "f":
        wide = np.uint64 if x.dtype.kind == "u" else np.int64
        return np.asarray(getattr(x.astype(wide), op)(along, keepdims=keepdims))
    if op == "norm":
        largest = np.abs(x).max(along, keepdims=True, initial=0)
        scale = np.where((largest > 0) & np.isfinite(largest), largest, 1)
        y = np.sqrt(((x / scale) ** 2).sum(along, keepdims=True)) * scale
        return y if keepdims else np.asarray(np.squeeze(y, along))
    if op == "logsumexp":
        top = x.max(along, keepdims=True)
        shift = np.where(np.isfinite(top), top, 0)
        y = np.log(np.exp(x - shift).sum(along, keepdims=True)) + shift
        return y if keepdims else np.asarray(np.squeeze(y, along))
    if op == "var":
        return np.asarray(x.var(along, keepdims=keepdims)), np.asarray(x.mean(along, keepdims=keepdims))
    return np.asarray(getattr(x, op)(along, keepdims=keepdims))


def reduction_backward(
    x: Array, saved: Array, dy: Array, op: str, axes: Axes, dx: Array | None, accumulate: int = 0
) -> None:
    along = {a % x.ndim for a in _axes(x, axes)}
    shape = tuple(1 if i in along else n for i, n in enumerate(x.shape))
    n = math.prod(x.shape[a] for a in along)
    y, g = saved.reshape(shape), dy.reshape(shape)
    one = np.ones_like(x)
    if op == "sum":
        give(dx, g * one, accumulate, 0)
    elif op == "mean":
        give(dx, g / n * one, accumulate, 0)
    elif op == "norm":
        give(dx, np.divide(x * g, y, out=np.zeros_like(x), where=(y != 0) & (one != 0)), accumulate, 0)
    elif op == "logsumexp":
        give(dx, np.exp(x - y) * g, accumulate, 0)
    elif op == "var":
        give(dx, 2 / n * (x - y) * g, accumulate, 0)
    elif op == "prod":
        others = np.empty_like(x)
        for i in np.ndindex(x.shape):
            group = tuple(slice(None) if a in along else j for a, j in enumerate(i))
            mask = np.ones(x.shape, bool)
            mask[i] = False
            others[i] = x[group][mask[group]].prod()
        give(dx, others * g, accumulate, 0)
    else:
        equal = x == y
        give(dx, equal * g / np.maximum(equal.sum(tuple(along), keepdims=True), 1), accumulate, 0)


def cumsum_forward(x: Array, axis: int) -> Array:
    wide = {"f": np.float64, "i": np.int64, "u": np.uint64}[x.dtype.kind]
    y = np.cumsum(x, axis, dtype=wide)
    if x.dtype.kind != "f" and (y.astype(x.dtype) != y).any():
        raise ValueError("cumsum: a sum does not fit in x's integer type")
    return y.astype(x.dtype)


def cumsum_backward(dy: Array, axis: int, dx: Array | None, accumulate: int = 0) -> None:
    give(dx, np.flip(np.cumsum(np.flip(dy, axis), axis), axis), accumulate, 0)


def arg_extreme_forward(x: Array, axis: int, largest: bool, keepdims: bool = False) -> Array:
    return np.asarray((np.argmax if largest else np.argmin)(x, axis, keepdims=keepdims)).astype(
        np.int32 if x.shape[axis] <= 2**31 else np.int64
    )
