"""NumPy twins of the dense kernels."""

from __future__ import annotations

import math

import numpy as np

from ._common import Array, activate, activation_gradient, give, give_product, rounded, unbroadcast_to


def dense_forward(x: Array, w: Array, b: Array | None, activation: str, bfloat16: bool = False) -> Array:
    y = rounded(x, bfloat16) @ rounded(w, bfloat16)
    if b is not None:
        y += b
    return activate(y, activation)


def dense_backward(
    x: Array,
    w: Array,
    y: Array,
    dy: Array,
    activation: str,
    dx: Array | None,
    dw: Array | None,
    db: Array | None,
    accumulate: int = 0,
    bfloat16: bool = False,
) -> None:
    rows = math.prod(x.shape[:-1])
    dz = activation_gradient(y, dy, activation).reshape(rows, w.shape[1])
    factor, x, w = rounded(dz, bfloat16), rounded(x, bfloat16), rounded(w, bfloat16)
    give_product(None if dx is None else dx.reshape(rows, w.shape[0]), factor, w.T, accumulate, 0)
    give_product(dw, x.reshape(rows, w.shape[0]).T, factor, accumulate, 1)
    if db is not None:
        give(db, dz.sum(axis=0), accumulate, 2)


def matmul_forward(a: Array, b: Array, bfloat16: bool = False) -> Array:
    return np.asarray(rounded(a, bfloat16) @ rounded(b, bfloat16))


def matmul_backward(
    a: Array,
    b: Array,
    dy: Array,
    da: Array | None,
    db: Array | None,
    accumulate: int = 0,
    bfloat16: bool = False,
) -> None:
    a, b, dy = rounded(a, bfloat16), rounded(b, bfloat16), rounded(dy, bfloat16)
    if a.ndim == b.ndim == 2:
        give_product(da, dy, b.T, accumulate, 0)
        give_product(db, a.T, dy, accumulate, 1)
        return
    a2 = a[None, :] if a.ndim == 1 else a
    b2 = b[:, None] if b.ndim == 1 else b
    if a.ndim == 1:
        dy = dy[..., None, :] if b.ndim > 1 else dy[..., None]
    if b.ndim == 1:
        dy = dy[..., None]
    if da is not None:
        give(da, unbroadcast_to(dy @ b2.swapaxes(-1, -2), a2.shape), accumulate, 0)
    if db is not None:
        give(db, unbroadcast_to(a2.swapaxes(-1, -2) @ dy, b2.shape), accumulate, 1)
