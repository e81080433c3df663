"""NumPy twins of the convolution kernels: one product over channels for each tap."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._common import Array, activate, activation_gradient, give
from ._window import window


def conv2d_forward(
    x: Array, w: Array, b: Array | None, strides: Any, padding: Any, dilation_rate: Any, groups: int, activation: str
) -> Array:
    kh, kw, cin, filters = w.shape
    v = window(x, (kh, kw), strides, padding, dilation_rate)
    padded, cout = v.pad(x), filters // groups
    y = np.zeros((x.shape[0], *v.out, filters), x.dtype)
    for i in range(kh):
        for j in range(kw):
            under = padded[v.at(i, j)]
            for g in range(groups):
                k = slice(g * cout, (g + 1) * cout)
                y[..., k] += under[..., g * cin : (g + 1) * cin] @ w[i, j, :, k]
    if b is not None:
        y += b
    return activate(y, activation)


def conv2d_backward(
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
) -> None:
    kh, kw, cin, filters = w.shape
    v = window(x, (kh, kw), strides, padding, dilation_rate)
    padded, cout = v.pad(x), filters // groups
    dz = activation_gradient(y, dy, activation)
    gx, gw = np.zeros_like(padded), np.zeros_like(w)
    for i in range(kh):
        for j in range(kw):
            under, into = padded[v.at(i, j)], gx[v.at(i, j)]
            for g in range(groups):
                c, k = slice(g * cin, (g + 1) * cin), slice(g * cout, (g + 1) * cout)
                into[..., c] += dz[..., k] @ w[i, j, :, k].T
                gw[i, j, :, k] = np.tensordot(under[..., c], dz[..., k], ((0, 1, 2), (0, 1, 2)))
    give(dx, v.crop(gx), accumulate, 0)
    give(dw, gw, accumulate, 1)
    give(db, dz.sum(axis=(0, 1, 2)), accumulate, 2)


def _as_grouped(w: Array) -> Array:
    return w.reshape(w.shape[0], w.shape[1], 1, w.shape[2] * w.shape[3])


def depthwise_conv2d_forward(
    x: Array, w: Array, b: Array | None, strides: Any, padding: Any, dilation_rate: Any, activation: str
) -> Array:
    return conv2d_forward(x, _as_grouped(w), b, strides, padding, dilation_rate, x.shape[3], activation)


def depthwise_conv2d_backward(
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
    args = (strides, padding, dilation_rate, x.shape[3], activation)
    conv2d_backward(x, _as_grouped(w), y, dy, *args, dx, dw, db, accumulate)
