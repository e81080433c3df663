"""NumPy twins of the reshaping kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._common import Array, give


def contiguous(x: Array) -> Array:
    return x.copy(order="C")


def strided_copy(x: Array, y: Array, accumulate: bool = False) -> None:
    give(y, x, int(accumulate), 0)


def fill_into(y: Array, value: float) -> None:
    y[...] = value


def transpose_forward(x: Array, axes: Sequence[int]) -> Array:
    return np.ascontiguousarray(x.transpose(axes)).reshape([x.shape[a] for a in axes])


def transpose_backward(dy: Array, axes: Sequence[int], dx: Array | None, accumulate: int = 0) -> None:
    give(dx, dy.transpose(np.argsort(axes)), accumulate, 0)


def concatenate_forward(arrays: Sequence[Array], axis: int) -> Array:
    return np.concatenate(arrays, axis)


def concatenate_backward(
    dy: Array, axis: int, sizes: Sequence[int], dxs: Sequence[Array | None], accumulate: int = 0
) -> None:
    for i, (part, dx) in enumerate(zip(np.split(dy, np.cumsum(sizes)[:-1], axis), dxs, strict=True)):
        give(dx, part, accumulate, i)


def take_forward(x: Array, indices: Array, axis: int) -> Array:
    return np.take(x, indices, axis)


def take_backward(indices: Array, dy: Array, axis: int, dx: Array | None, accumulate: int = 0) -> None:
    if dx is None:
        return
    total = np.zeros_like(dx)
    key: tuple[Any, ...] = (slice(None),) * (axis % dx.ndim) + (indices,)
    np.add.at(total, key, dy)
    give(dx, total, accumulate, 0)


def border_forward(x: Array, before: Sequence[int], after: Sequence[int], mode: Any) -> Array:
    return np.asarray(np.pad(x, list(zip(before, after, strict=True)), mode=mode)) if x.ndim else x.copy()


def border_backward(
    dy: Array, before: Sequence[int], after: Sequence[int], mode: Any, dx: Array | None, accumulate: int = 0
) -> None:
    if dx is None:
        return
    total: Array = np.zeros(dx.shape, dy.dtype)
    places = border_forward(np.arange(dx.size).reshape(dx.shape), before, after, mode)
    np.add.at(total.reshape(-1), places.reshape(-1), dy.reshape(-1))
    give(dx, total, accumulate, 0)


def one_hot_forward(indices: Array, classes: int, dtype: Any) -> Array:
    return (indices[..., None] == np.arange(classes)).astype(dtype)
