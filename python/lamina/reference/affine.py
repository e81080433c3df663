"""NumPy twins of the affine sampler."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ._common import Array, give


def _elements(i: Array, n: int, fill_mode: str) -> Array:
    """Which element along an axis of n stands at each place, -1 for none."""
    if fill_mode == "nearest":
        return np.clip(i, 0, n - 1)
    if fill_mode == "wrap":
        return i % n
    if fill_mode == "mirror":
        return np.abs((i + n - 1) % max(2 * (n - 1), 1) - (n - 1))
    if fill_mode == "reflect":
        folded = i % (2 * n)
        return np.minimum(folded, 2 * n - 1 - folded)
    return np.where((i >= 0) & (i < n), i, -1)


def _taps(place: Array, n: int, interpolation: str, fill_mode: str) -> list[tuple[Array, Array]]:
    if interpolation == "nearest":
        return [(_elements(np.rint(place).astype(np.int64), n, fill_mode), np.ones_like(place))]
    below = np.floor(place)
    first = below.astype(np.int64)
    part = place - below
    return [(_elements(first, n, fill_mode), 1 - part), (_elements(first + 1, n, fill_mode), part)]


def _all_taps(
    shape: tuple[int, ...], transform: Array, interpolation: str, fill_mode: str
) -> Iterator[tuple[Array, Array, Array]]:
    """(row, column, weight) of each neighbour of each output pixel, (N, H, W)."""
    n, height, width, _ = shape
    if 0 in (n, height, width):
        return
    m = np.broadcast_to(transform, (n, 8)).astype(np.float64)[:, :, None, None]
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    k = m[:, 6] * x + m[:, 7] * y + 1
    columns = _taps((m[:, 0] * x + m[:, 1] * y + m[:, 2]) / k, width, interpolation, fill_mode)
    rows = _taps((m[:, 3] * x + m[:, 4] * y + m[:, 5]) / k, height, interpolation, fill_mode)
    for row, row_weight in rows:
        for column, column_weight in columns:
            yield row, column, row_weight * column_weight


def affine_forward(images: Array, transform: Array, interpolation: str, fill_mode: str, fill_value: float) -> Array:
    y = np.zeros_like(images)
    image = np.arange(images.shape[0])[:, None, None]
    for row, column, weight in _all_taps(images.shape, transform, interpolation, fill_mode):
        outside = ((row < 0) | (column < 0))[..., None]
        y += weight[..., None] * np.where(outside, fill_value, images[image, row, column])
    return y


def affine_backward(
    dy: Array, transform: Array, interpolation: str, fill_mode: str, dx: Array | None, accumulate: int = 0
) -> None:
    if dx is None:
        return
    total = np.zeros_like(dx)
    image = np.arange(dy.shape[0])[:, None, None]
    for row, column, weight in _all_taps(dy.shape, transform, interpolation, fill_mode):
        inside = (row >= 0) & (column >= 0)
        places = tuple(a[inside] for a in np.broadcast_arrays(image, row, column))
        np.add.at(total, places, weight[inside][:, None] * dy[inside])
    give(dx, total, accumulate, 0)
