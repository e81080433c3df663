"""NumPy twins of the resizing kernels: one matrix an axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ._common import Array, give


def _positions(n: int, out: int, coordinates: str, scale: float | None) -> Array:
    """Where outputs stand among the inputs."""
    o = np.arange(out, dtype=np.float64)
    if coordinates == "align_corners":
        return o * (n - 1) / max(out - 1, 1)
    if coordinates == "asymmetric":
        return o * n / out if scale is None else o / scale
    if coordinates == "pytorch_half_pixel" and out == 1:
        return np.zeros(1)
    if scale is None:
        return ((2 * o + 1) * n - out) / (2 * out)
    at: Array = (o + 0.5) / scale - 0.5
    return at + n / 2 * (1 - out / (scale * n)) if coordinates == "half_pixel_symmetric" else at


def _filter(interpolation: str, d: Array, a: float) -> Array:
    """What pixels at signed distances d weigh."""
    x = np.abs(d)
    if interpolation == "bilinear":
        return np.maximum(0, 1 - x)
    if interpolation == "bicubic":
        near, far = (a + 2) * x**3 - (a + 3) * x**2 + 1, a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
        return np.where(x < 1, near, np.where(x < 2, far, 0))
    if interpolation == "box":
        return ((d > -0.5) & (d <= 0.5)).astype(np.float64)
    if interpolation == "hamming":
        return np.where(x < 1, np.sinc(x) * (0.54 + 0.46 * np.cos(np.pi * x)), 0)
    r = int(interpolation[-1])
    return np.where(x < r, np.sinc(x) * np.sinc(x / r), 0)


def _weights(
    n: int,
    out: int,
    interpolation: str,
    coordinates: str,
    rounding: str,
    antialias: bool,
    cubic_coefficient: float,
    exclude_outside: bool,
    scale: float | None,
) -> Array:
    """(out, n): what each output takes of each input along one axis."""
    w, rows = np.zeros((out, n)), np.arange(out)
    if not out:
        return w
    if interpolation == "area":
        for o in rows:
            begin, end = o * n // out, -(-(o + 1) * n // out)
            w[o, begin:end] = 1 / (end - begin)
        return w
    at = _positions(n, out, coordinates, scale)
    if interpolation == "nearest":
        whole = {
            "round_prefer_floor": np.ceil(at - 0.5), "round_prefer_ceil": np.floor(at + 0.5), "floor": np.floor(at),
            "ceil": np.ceil(at),
        }[rounding]  # fmt: skip
        w[rows, np.clip(whole, 0, n - 1).astype(np.int64)] = 1
        return w
    width = max(1.0, n / out if scale is None else 1 / scale) if antialias else 1.0
    reach = 5 * int(np.ceil(width)) + 1
    beyond = int(max(reach, np.ceil(-at.min()) + reach, np.ceil(at.max()) - n + reach))
    places = np.arange(-beyond, n + beyond)
    share = _filter(interpolation, (places - at[:, None]) / width, cubic_coefficient)
    if exclude_outside:
        share[:, (places < 0) | (places >= n)] = 0
    for i, place in enumerate(np.clip(places, 0, n - 1)):
        w[:, place] += share[:, i]
    lost = w.sum(1) == 0
    w[lost, np.where(at[lost] < 0, 0, n - 1)] = 1
    if exclude_outside or antialias or interpolation not in ("bilinear", "bicubic"):
        w /= w.sum(1, keepdims=True)
    return w


def resize_forward(
    x: Array,
    size: Sequence[int],
    interpolation: str,
    coordinates: str,
    rounding: str,
    antialias: bool,
    cubic_coefficient: float,
    exclude_outside: bool,
    scales: Sequence[float] | None,
) -> Array:
    options = (interpolation, coordinates, rounding, antialias, cubic_coefficient, exclude_outside)
    y = x
    for axis, out in enumerate(size, 1):
        w = _weights(x.shape[axis], out, *options, None if scales is None else scales[axis - 1])
        if interpolation == "nearest":  # by index, as one would in NumPy
            y = np.take(y, w.argmax(1), axis) if out else np.zeros((*y.shape[:axis], 0, *y.shape[axis + 1 :]), x.dtype)
        else:
            y = np.moveaxis(np.tensordot(w.astype(x.dtype), y, (1, axis)), 0, axis)
    return np.ascontiguousarray(y)


def resize_backward(
    dy: Array,
    interpolation: str,
    coordinates: str,
    rounding: str,
    antialias: bool,
    cubic_coefficient: float,
    exclude_outside: bool,
    scales: Sequence[float] | None,
    dx: Array | None,
    accumulate: int = 0,
) -> None:
    if dx is None:
        return
    options = (interpolation, coordinates, rounding, antialias, cubic_coefficient, exclude_outside)
    for axis in range(1, dx.ndim - 1):
        w = _weights(dx.shape[axis], dy.shape[axis], *options, None if scales is None else scales[axis - 1])
        dy = np.moveaxis(np.tensordot(w.astype(dx.dtype), dy, (0, axis)), 0, axis)
    give(dx, dy, accumulate, 0)
