"""NumPy twins of the pooling kernels: one pass over the taps of the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ._common import Array, give
from ._window import Window, sizes, window

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


def _parts(shape: tuple[int, ...], output_size: Any) -> Iterator[tuple[Any, Any]]:
    """The place of each output, and the pixels of its window."""
    spatial = shape[1:-1]
    out = (1,) * len(spatial) if output_size is None else sizes(output_size, len(spatial))
    for place in np.ndindex(*out):
        ends = [(i * n // k, -(-(i + 1) * n // k)) for i, n, k in zip(place, spatial, out, strict=True)]
        yield place, tuple(slice(a, b) for a, b in ends)


def _adaptive(x: Array, output_size: Any, f: Callable[[Array], Array], dtype: Any) -> Array:
    """f of each window (N, pixels, C), in the places of the outputs."""
    parts, lead = list(_parts(x.shape, output_size)), (slice(None),)
    out = tuple(n + 1 for n in parts[-1][0])
    y = np.empty((x.shape[0], *out, x.shape[-1]), dtype)
    for place, part_of in parts:
        pixels = x[lead + part_of]
        y[lead + place] = f(pixels.reshape(len(x), int(np.prod(pixels.shape[1:-1])), x.shape[-1]))
    return y.reshape(x.shape[0], x.shape[-1]) if output_size is None else y


def adaptive_average_pool_forward(x: Array, output_size: Any) -> Array:
    return _adaptive(x, output_size, lambda part: np.asarray(part.mean(1)), x.dtype)


def adaptive_average_pool_backward(dy: Array, output_size: Any, dx: Array | None, accumulate: int = 0) -> None:
    if dx is None:
        return
    gx, lead = np.zeros_like(dx), (slice(None),)
    for place, part_of in _parts(dx.shape, output_size):
        part = gx[lead + part_of]
        share = dy if output_size is None else dy[lead + place]
        part += (share / np.prod(part.shape[1:-1])).reshape(len(dx), *(1,) * (dx.ndim - 2), dx.shape[-1])
    give(dx, gx, accumulate, 0)


def _first_maximum(part: Array) -> Array:
    best, number = part[:, 0], np.zeros(part[:, 0].shape, np.int64)
    for i in range(1, part.shape[1]):
        better = _better(part[:, i], best, False)
        best, number = np.where(better, part[:, i], best), np.where(better, i, number)
    return number


def adaptive_max_pool_forward(x: Array, output_size: Any, save: bool) -> Array | tuple[Array, Array]:
    """The winner's number is that of its pixel in the image if windows differ in size, else its place in the window."""
    number = _adaptive(x, output_size, _first_maximum, np.int64)
    y = _adaptive(x, output_size, lambda p: np.take_along_axis(p, _first_maximum(p)[:, None], 1)[:, 0], x.dtype)
    if not save:
        return y
    spatial = taps = list(x.shape[1:-1])
    if output_size is not None:
        out = sizes(output_size, len(spatial))
        if any(n % k for n, k in zip(spatial, out, strict=True)):
            for place, part_of in _parts(x.shape, output_size):
                at = (slice(None), *place)
                pixels = np.arange(np.prod(spatial)).reshape(spatial)[part_of].reshape(-1)
                number[at] = pixels[number[at]]
        else:
            taps = [n // k for n, k in zip(spatial, out, strict=True)]
    return y, number.astype(np.int32 if np.prod(taps) > _BYTE_TAPS else np.uint8)


def adaptive_max_pool_backward(
    index: Array, dy: Array, output_size: Any, dx: Array | None, accumulate: int = 0
) -> None:
    if dx is None:
        return
    gx, spatial, lead = np.zeros_like(dx), dx.shape[1:-1], (slice(None),)
    out = (1,) * len(spatial) if output_size is None else sizes(output_size, len(spatial))
    by_pixel = any(n % k for n, k in zip(spatial, out, strict=True))
    for place, part_of in _parts(dx.shape, output_size):
        part = gx[lead + part_of]
        pixels = np.arange(np.prod(spatial)).reshape(spatial)[part_of]
        numbers = pixels if by_pixel else np.arange(pixels.size).reshape(pixels.shape)
        at = () if output_size is None else lead + place
        shape = (len(dx), *(1,) * len(spatial), dx.shape[-1])
        part += np.where(index[at].reshape(shape) == numbers[..., None], dy[at].reshape(shape), 0)
    give(dx, gx, accumulate, 0)
