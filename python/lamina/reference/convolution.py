"""NumPy twins of the convolution kernels: one product over channels for each tap."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._common import Array, activate, activation_gradient, give, rounded
from ._window import Window, transposed_window, window


def _groups(w: Array, groups: int) -> list[tuple[slice, slice]]:
    """The channels of each group, and its filters."""
    cin, cout = w.shape[-2], w.shape[-1] // max(groups, 1)
    return [(slice(g * cin, (g + 1) * cin), slice(g * cout, (g + 1) * cout)) for g in range(groups)]


def _convolve(x: Array, w: Array, v: Window, groups: int) -> Array:
    padded = v.pad(x)
    y = np.zeros((x.shape[0], *v.out, w.shape[-1]), x.dtype)
    for tap in v.tap_numbers():
        for c, k in _groups(w, groups):
            y[..., k] += padded[v.at(tap)][..., c] @ w[tap][:, k]
    return y


def _data_gradient(dz: Array, w: Array, v: Window, groups: int, shape: tuple[int, ...]) -> Array:
    gx = v.pad(np.zeros(shape, dz.dtype))
    for tap in v.tap_numbers():
        for c, k in _groups(w, groups):
            gx[v.at(tap)][..., c] += dz[..., k] @ w[tap][:, k].T
    return v.crop(gx, shape[1:-1])


def _weight_gradient(x: Array, dz: Array, w: Array, v: Window, groups: int) -> Array:
    padded, gw, axes = v.pad(x), np.zeros_like(w), tuple(range(x.ndim - 1))
    for tap in v.tap_numbers():
        for c, k in _groups(w, groups):
            gw[tap][:, k] = np.tensordot(padded[v.at(tap)][..., c], dz[..., k], (axes, axes))
    return gw


def _act(y: Array, b: Array | None, activation: str) -> Array:
    return activate(y if b is None else y + b, activation)


def conv_forward(
    x: Array,
    w: Array,
    b: Array | None,
    strides: Any,
    padding: Any,
    dilation_rate: Any,
    groups: int,
    activation: str,
    bfloat16: bool = False,
) -> Array:
    v = window(x, w.shape[:-2], strides, padding, dilation_rate)
    return _act(_convolve(rounded(x, bfloat16), rounded(w, bfloat16), v, groups), b, activation)


def conv_backward(
    x: Array,
    w: Array,
    y: Array,
    dy: Array,
    strides: Any,
    padding: Any,
    dilation_rate: Any,
    groups: int,
    activation: str,
    dx: Array | None,
    dw: Array | None,
    db: Array | None,
    accumulate: int = 0,
    bfloat16: bool = False,
) -> None:
    v = window(x, w.shape[:-2], strides, padding, dilation_rate)
    dz = activation_gradient(y, dy, activation)
    x, w, factor = rounded(x, bfloat16), rounded(w, bfloat16), rounded(dz, bfloat16)
    give(dx, _data_gradient(factor, w, v, groups, x.shape), accumulate, 0)
    give(dw, _weight_gradient(x, factor, w, v, groups), accumulate, 1)
    give(db, dz.sum(axis=tuple(range(dz.ndim - 1))), accumulate, 2)


def conv_transpose_forward(
    x: Array,
    w: Array,
    b: Array | None,
    strides: Any,
    padding: Any,
    output_padding: Any,
    dilation_rate: Any,
    groups: int,
    activation: str,
    bfloat16: bool = False,
) -> Array:
    v, size = transposed_window(x, w.shape[:-2], strides, padding, output_padding, dilation_rate)
    shape = (x.shape[0], *size, w.shape[-2] * groups)
    return _act(_data_gradient(rounded(x, bfloat16), rounded(w, bfloat16), v, groups, shape), b, activation)


def conv_transpose_backward(
    x: Array,
    w: Array,
    y: Array,
    dy: Array,
    strides: Any,
    padding: Any,
    output_padding: Any,
    dilation_rate: Any,
    groups: int,
    activation: str,
    dx: Array | None,
    dw: Array | None,
    db: Array | None,
    accumulate: int = 0,
    bfloat16: bool = False,
) -> None:
    v, _ = transposed_window(x, w.shape[:-2], strides, padding, output_padding, dilation_rate)
    dz = activation_gradient(y, dy, activation)
    x, w, factor = rounded(x, bfloat16), rounded(w, bfloat16), rounded(dz, bfloat16)
    give(dx, _convolve(factor, w, v, groups), accumulate, 0)
    give(dw, _weight_gradient(factor, x, w, v, groups), accumulate, 1)
    give(db, dz.sum(axis=tuple(range(dz.ndim - 1))), accumulate, 2)


def _as_grouped(w: Array) -> Array:
    return w.reshape(*w.shape[:-2], 1, w.shape[-2] * w.shape[-1])


def depthwise_conv_forward(
    x: Array, w: Array, b: Array | None, strides: Any, padding: Any, dilation_rate: Any, activation: str
) -> Array:
    return conv_forward(x, _as_grouped(w), b, strides, padding, dilation_rate, x.shape[-1], activation)


def depthwise_conv_backward(
    x: Array,
    w: Array,
    y: Array,
    dy: Array,
    strides: Any,
    padding: Any,
    dilation_rate: Any,
    activation: str,
    dx: Array | None,
    dw: Array | None,
    db: Array | None,
    accumulate: int = 0,
) -> None:
    dw = None if dw is None else _as_grouped(dw)
    args = (strides, padding, dilation_rate, x.shape[-1], activation)
    conv_backward(x, _as_grouped(w), y, dy, *args, dx, dw, db, accumulate)
