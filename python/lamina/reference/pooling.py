"""NumPy twins of the pooling kernels: one pass over the taps of the window."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._common import Array, give
from ._window import Window, sizes, transposed_window, window

_BYTE_TAPS = 256  # windows of more taps keep the winner's number in four bytes


def _window(x: Array, pool_size: Any, strides: Any, padding: Any, dilation_rate: Any, ceil_mode: bool) -> Window:
    taps = sizes(pool_size, x.ndim - 2)
    return window(x, taps, pool_size if strides is None else strides, padding, dilation_rate, ceil_mode)


def _better(under: Array, best: Array, first: Any) -> Array:
    """Where ``under`` takes the maximum over: larger, or the first NaN, or the first of all."""
    return np.asarray(first | (under > best) | (np.isnan(under) & ~np.isnan(best)))


def max_pool_forward(
    x: Array, pool_size: Any, strides: Any, padding: Any, dilation_rate: Any, ceil_mode: bool, save: bool
) -> Array | tuple[Array, Array]:
    v = _window(x, pool_size, strides, padding, dilation_rate, ceil_mode)
    padded, inside = v.pad(x), v.pad(np.ones((1, *x.shape[1:-1], 1), bool), False)
    y = np.full((x.shape[0], *v.out, x.shape[-1]), -np.inf, x.dtype)
    index = np.full(y.shape, -1, np.int32)
    for number, tap in enumerate(v.tap_numbers()):
        under = padded[v.at(tap)]
        better = _better(under, y, index < 0) & inside[v.at(tap)]
        y = np.where(better, under, y)
        index[better] = number
    kind = np.int32 if np.prod(v.taps) > _BYTE_TAPS else np.uint8
    return (y, index.astype(kind)) if save else y


def max_pool_backward(
    index: Array,
    dy: Array,
    pool_size: Any,
    strides: Any,
    padding: Any,
    dilation_rate: Any,
    ceil_mode: bool,
    dx: Array | None,
    accumulate: int = 0,
) -> None:
    if dx is None:
        return
    v = _window(dx, pool_size, strides, padding, dilation_rate, ceil_mode)
    gx = v.pad(np.zeros(dx.shape, dy.dtype))
    for number, tap in enumerate(v.tap_numbers()):
        gx[v.at(tap)] += np.where(index == number, dy, 0)
    give(dx, v.crop(gx, dx.shape[1:-1]), accumulate, 0)


def _counts(x: Array, v: Window, divisor: str) -> Array:
    """What each window's sum is divided by, (1, ..., 1)."""
    if divisor == "window":
        return np.full((1,) * x.ndim, np.prod(v.taps), x.dtype)
    ones = np.ones((1, *x.shape[1:-1], 1), x.dtype)
    if divisor == "padded":
        ones = np.pad(ones, ((0, 0), *v.pads, (0, 0)), constant_values=1)
        v = Window(v.taps, v.strides, v.dilation, ((0, 0),) * len(v.taps), v.out)
    inside = v.pad(ones, 0.0)
    return np.asarray(sum(inside[v.at(tap)] for tap in v.tap_numbers()))


def average_pool_forward(
    x: Array, pool_size: Any, strides: Any, padding: Any, dilation_rate: Any, ceil_mode: bool, divisor: str
) -> Array:
    v = _window(x, pool_size, strides, padding, dilation_rate, ceil_mode)
    padded = v.pad(x)
    y = np.zeros((x.shape[0], *v.out, x.shape[-1]), x.dtype)
    for tap in v.tap_numbers():
        y += padded[v.at(tap)]
    return np.asarray(y / _counts(x, v, divisor))


def average_pool_backward(
    dy: Array,
    pool_size: Any,
    strides: Any,
    padding: Any,
    dilation_rate: Any,
    ceil_mode: bool,
    divisor: str,
    dx: Array | None,
    accumulate: int = 0,
) -> None:
    if dx is None:
        return
    v = _window(dx, pool_size, strides, padding, dilation_rate, ceil_mode)
    gx = v.pad(np.zeros(dx.shape, dy.dtype))
    share = dy / _counts(dx, v, divisor).astype(dy.dtype)
    for tap in v.tap_numbers():
        gx[v.at(tap)] += share
    give(dx, v.crop(gx, dx.shape[1:-1]), accumulate, 0)


def _parts(shape: tuple[int, ...], output_size: Any) -> tuple[tuple[int, ...], list[tuple[Any, Any]]]:
    """How many outputs on each axis; the place of each, and the pixels of its window."""
    spatial, lead = shape[1:-1], (slice(None),)
    out = (1,) * len(spatial) if output_size is None else sizes(output_size, len(spatial))
    parts = []
    for place in np.ndindex(*out):
        ends = [(i * n // k, -(-(i + 1) * n // k)) for i, n, k in zip(place, spatial, out, strict=True)]
        parts.append((lead + place, lead + tuple(slice(a, b) for a, b in ends)))
    return out, parts


def adaptive_average_pool_forward(x: Array, output_size: Any) -> Array:
    out, parts = _parts(x.shape, output_size)
    y = np.empty((x.shape[0], *out, x.shape[-1]), x.dtype)
    for place, pixels in parts:
        y[place] = x[pixels].mean(tuple(range(1, x.ndim - 1)))
    return y.reshape(x.shape[0], x.shape[-1]) if output_size is None else y


def adaptive_average_pool_backward(dy: Array, output_size: Any, dx: Array | None, accumulate: int = 0) -> None:
    if dx is None:
        return
    out, parts = _parts(dx.shape, output_size)
    gx, dy = np.zeros_like(dx), dy.reshape(dx.shape[0], *out, dx.shape[-1])
    for place, pixels in parts:
        part = gx[pixels]
        share = dy[place] / np.prod(part.shape[1:-1])
        part += share.reshape(len(dx), *(1,) * len(out), dx.shape[-1])
    give(dx, gx, accumulate, 0)


def _numbers(shape: tuple[int, ...], out: tuple[int, ...], pixels: Any) -> Array:
    """What an index calls the pixels of a window: windows of one size number their own, others those of the image."""
    every = np.arange(np.prod(shape[1:-1])).reshape(shape[1:-1])
    window = every[pixels[1:]]
    even = all(n % k == 0 for n, k in zip(shape[1:-1], out, strict=True))
    return np.arange(window.size).reshape(window.shape) if even else window


def adaptive_max_pool_forward(x: Array, output_size: Any, save: bool) -> Array | tuple[Array, Array]:
    out, parts = _parts(x.shape, output_size)
    y: Array = np.empty((x.shape[0], *out, x.shape[-1]), x.dtype)
    index: Array = np.zeros(y.shape, np.int32)
    largest = 0
    for place, pixels in parts:
        numbers = _numbers(x.shape, out, pixels)
        part = x[pixels].reshape(len(x), numbers.size, x.shape[-1])
        best, won = part[:, 0], np.full(part[:, 0].shape, numbers.flat[0])
        for i in range(1, numbers.size):
            better = _better(part[:, i], best, False)
            best, won = np.where(better, part[:, i], best), np.where(better, numbers.flat[i], won)
        y[place], index[place] = best, won
        largest = max(largest, numbers.max() + 1)
    if output_size is None:
        y, index = y.reshape(x.shape[0], x.shape[-1]), index.reshape(x.shape[0], x.shape[-1])
    return (y, index.astype(np.int32 if largest > _BYTE_TAPS else np.uint8)) if save else y


def adaptive_max_pool_backward(
    index: Array, dy: Array, output_size: Any, dx: Array | None, accumulate: int = 0
) -> None:
    if dx is None:
        return
    out, parts = _parts(dx.shape, output_size)
    gx, shape = np.zeros_like(dx), (dx.shape[0], *out, dx.shape[-1])
    index, dy = index.reshape(shape), dy.reshape(shape)
    for place, pixels in parts:
        numbers, one = _numbers(dx.shape, out, pixels), (len(dx), *(1,) * len(out), dx.shape[-1])
        part = gx[pixels]
        part += np.where(index[place].reshape(one) == numbers[..., None], dy[place].reshape(one), 0)
    give(dx, gx, accumulate, 0)


def _positions(shape: tuple[int, ...], v: Window, number: Array) -> Array:
    """The pixels of their images, (N, ..., C), under the taps of these numbers."""
    pixels, size = np.zeros(number.shape, np.int64), shape[1:-1]
    taps = np.unravel_index(number, v.taps)
    for i, n in enumerate(size):
        first = np.arange(v.out[i]) * v.strides[i] - v.pads[i][0]
        place = first.reshape(-1, *(1,) * (len(size) - i)) + taps[i] * v.dilation[i]
        pixels = pixels * n + place
    return pixels.astype(np.int32)


def max_pool_indices(
    x: Array, index: Array, pool_size: Any, strides: Any, padding: Any, dilation_rate: Any, ceil_mode: bool
) -> Array:
    v = _window(x, pool_size, strides, padding, dilation_rate, ceil_mode)
    return _positions(x.shape, v, index.astype(np.int64))


def adaptive_max_pool_indices(x: Array, index: Array, output_size: Any) -> Array:
    out, parts = _parts(x.shape, output_size)
    found, every = np.empty((x.shape[0], *out, x.shape[-1]), np.int32), np.arange(np.prod(x.shape[1:-1]))
    index = index.reshape(found.shape)
    for place, pixels in parts:
        number = _numbers(x.shape, out, pixels).reshape(-1)
        pixel = every.reshape(x.shape[1:-1])[pixels[1:]].reshape(-1)
        found[place] = pixel[np.searchsorted(number, index[place])]
    return found.reshape(x.shape[0], x.shape[-1]) if output_size is None else found


def _unpooled(x: Array, pool_size: Any, strides: Any, padding: Any, output_shape: Any) -> tuple[int, ...]:
    """The sizes of the images that pooling made x of."""
    axes = x.ndim - 2
    if output_shape is not None:
        return sizes(output_shape, axes)
    taps, given = sizes(pool_size, axes), 0 if padding == "valid" else padding
    return transposed_window(x, taps, pool_size if strides is None else strides, given, None, 1)[1]


def _placed(indices: Array) -> tuple[Array, Array]:
    """Numbers of image and channel for each index, so that three of them name an element."""
    n, _, c = indices.shape
    return np.arange(n)[:, None, None], np.arange(c)[None, None]


def max_unpool_forward(
    x: Array, indices: Array, pool_size: Any, strides: Any, padding: Any, output_shape: Any
) -> Array:
    n, c, size = x.shape[0], x.shape[-1], _unpooled(x, pool_size, strides, padding, output_shape)
    y = np.zeros((n, int(np.prod(size)), c), x.dtype)
    pixels = int(np.prod(x.shape[1:-1]))
    values, places = x.reshape(n, pixels, c), indices.reshape(n, pixels, c)
    image, channel = _placed(places)
    for i in range(values.shape[1]):
        y[image[:, 0], places[:, i], channel[:, 0]] = values[:, i]
    return y.reshape(n, *size, c)


def max_unpool_backward(indices: Array, dy: Array, dx: Array | None, accumulate: int = 0) -> None:
    if dx is None:
        return
    n, c = dx.shape[0], dx.shape[-1]
    places = indices.reshape(n, int(np.prod(dx.shape[1:-1])), c)
    flat = dy.reshape(n, int(np.prod(dy.shape[1:-1])), c)
    image, channel = _placed(places)
    last = np.full(flat.shape, -1)
    for i in range(places.shape[1]):
        last[image[:, 0], places[:, i], channel[:, 0]] = i
    stays = last[image, places, channel] == np.arange(places.shape[1])[None, :, None]
    give(dx, np.where(stays, flat[image, places, channel], 0).reshape(dx.shape), accumulate, 0)


def lp_pool_forward(
    x: Array, p: float, pool_size: Any, strides: Any, padding: Any, dilation_rate: Any, ceil_mode: bool
) -> Array:
    total = average_pool_forward(x**p, pool_size, strides, padding, dilation_rate, ceil_mode, "window")
    taps = np.prod(sizes(pool_size, x.ndim - 2))
    return np.asarray((total * taps) ** (1 / p)).astype(x.dtype)


def lp_pool_backward(
    x: Array,
    y: Array,
    dy: Array,
    p: float,
    pool_size: Any,
    strides: Any,
    padding: Any,
    dilation_rate: Any,
    ceil_mode: bool,
    dx: Array | None,
    accumulate: int = 0,
) -> None:
    if dx is None:
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        share = dy if p == 1 else np.where(y == 0, 0, dy * y ** (1 - p))
    total, taps = np.empty_like(dx), float(np.prod(sizes(pool_size, x.ndim - 2)))
    options = (pool_size, strides, padding, dilation_rate, ceil_mode, "window")
    average_pool_backward(share.astype(dy.dtype) * taps, *options, total)
    give(dx, total * x ** (p - 1), accumulate, 0)
