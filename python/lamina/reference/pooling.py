"""NumPy twins of the pooling kernels: one pass over the taps of the window."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._common import Array, give
from ._window import Window, pair, window

_BYTE_TAPS = 256  # windows of more taps keep the winner's number in four bytes


def _window(x: Array, pool_size: Any, strides: Any, padding: Any) -> Window:
    return window(x, pair(pool_size), pool_size if strides is None else strides, padding)


def _taps(v: Window) -> list[tuple[int, int]]:
    return [(i, j) for i in range(v.taps[0]) for j in range(v.taps[1])]


def max_pool2d_forward(x: Array, pool_size: Any, strides: Any, padding: Any, save: bool) -> Array | tuple[Array, Array]:
    v = _window(x, pool_size, strides, padding)
    padded, inside = v.pad(x), v.pad(np.ones((1, *x.shape[1:3], 1), bool), False)
    y = np.full((x.shape[0], *v.out, x.shape[3]), -np.inf, x.dtype)
    index = np.full(y.shape, -1, np.int32)
    for number, (i, j) in enumerate(_taps(v)):
        under = padded[v.at(i, j)]
        better = (index < 0) | (under > y) | (np.isnan(under) & ~np.isnan(y))
        better &= inside[v.at(i, j)]
        y = np.where(better, under, y)
        index[better] = number
    kind = np.int32 if len(_taps(v)) > _BYTE_TAPS else np.uint8
    return (y, index.astype(kind)) if save else y


def max_pool2d_backward(
    index: Array, dy: Array, pool_size: Any, strides: Any, padding: Any, dx: Array | None, accumulate: int = 0
) -> None:
    if dx is None:
        return
    v = _window(dx, pool_size, strides, padding)
    gx = v.pad(np.zeros(dx.shape, dy.dtype))
    for number, (i, j) in enumerate(_taps(v)):
        gx[v.at(i, j)] += np.where(index == number, dy, 0)
    give(dx, v.crop(gx), accumulate, 0)


def _counts(x: Array, v: Window, count_pad: bool) -> Array:
    """Pixels of each window, (1, OH, OW, 1)."""
    inside = v.pad(np.ones((1, *x.shape[1:3], 1), x.dtype), float(count_pad))
    return np.asarray(sum(inside[v.at(i, j)] for i, j in _taps(v)))


def average_pool2d_forward(x: Array, pool_size: Any, strides: Any, padding: Any, count_pad: bool) -> Array:
    v = _window(x, pool_size, strides, padding)
    padded = v.pad(x)
    y = np.zeros((x.shape[0], *v.out, x.shape[3]), x.dtype)
    for i, j in _taps(v):
        y += padded[v.at(i, j)]
    return np.asarray(y / _counts(x, v, count_pad))


def average_pool2d_backward(
    dy: Array, pool_size: Any, strides: Any, padding: Any, count_pad: bool, dx: Array | None, accumulate: int = 0
) -> None:
    if dx is None:
        return
    v = _window(dx, pool_size, strides, padding)
    gx = v.pad(np.zeros(dx.shape, dy.dtype))
    share = dy / _counts(dx, v, count_pad).astype(dy.dtype)
    for i, j in _taps(v):
        gx[v.at(i, j)] += share
    give(dx, v.crop(gx), accumulate, 0)


def global_average_pool2d_forward(x: Array) -> Array:
    return np.asarray(x.mean(axis=(1, 2)))


def global_average_pool2d_backward(dy: Array, dx: Array | None, accumulate: int = 0) -> None:
    if dx is not None:
        give(dx, np.broadcast_to(dy[:, None, None] / (dx.shape[1] * dx.shape[2]), dx.shape), accumulate, 0)


def global_max_pool2d_forward(x: Array, save: bool) -> Array | tuple[Array, Array]:
    result = max_pool2d_forward(x, x.shape[1:3], None, "valid", save)
    if isinstance(result, tuple):
        return result[0][:, 0, 0], result[1][:, 0, 0]
    return result[:, 0, 0]


def global_max_pool2d_backward(index: Array, dy: Array, dx: Array | None, accumulate: int = 0) -> None:
    if dx is not None:
        size = dx.shape[1:3]
        max_pool2d_backward(index[:, None, None], dy[:, None, None], size, None, "valid", dx, accumulate)
