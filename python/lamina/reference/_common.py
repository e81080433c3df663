"""What the NumPy twins share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
_erf = np.vectorize(math.erf, otypes=[np.float64])


def give(destination: Array | None, value: Array, accumulate: int, bit: int) -> None:
    """Deliver one gradient as the kernels do: skip, overwrite, or add (bit of ``accumulate``)."""
    if destination is None:
        return
    if accumulate >> bit & 1:
        destination += value.reshape(destination.shape)
    else:
        destination[...] = value.reshape(destination.shape)


def give_product(destination: Array | None, a: Array, b: Array, accumulate: int, bit: int) -> None:
    """Deliver ``a @ b``, straight into the destination where it is overwritten."""
    if destination is None:
        return
    if accumulate >> bit & 1 or destination.shape != (*a.shape[:-1], b.shape[-1]):
        give(destination, a @ b, accumulate, bit)
    else:
        np.matmul(a, b, out=destination)


def erf(x: Array) -> Array:
    return _erf(x).astype(x.dtype)


def activate(z: Array, activation: str) -> Array:
    if activation == "relu":
        return np.maximum(z, 0)
    if activation == "tanh":
        return np.tanh(z)
    if activation == "sigmoid":
        return 0.5 * (1 + np.tanh(0.5 * z))  # never overflows
    return z


def activation_gradient(y: Array, dy: Array, activation: str) -> Array:
    """dy * activation'(z), from y = activation(z)."""
    if activation == "relu":
        return np.where(y > 0, dy, np.zeros((), dy.dtype))
    if activation == "tanh":
        return dy * (1 - y * y)
    if activation == "sigmoid":
        return dy * y * (1 - y)
    return dy


def rounded(x: Array, bfloat16: bool) -> Array:
    """float32 rounded to bfloat16, halves to the even one, still as float32; all else as it is."""
    if not bfloat16 or x.dtype != np.float32:
        return x
    bits = np.ascontiguousarray(x).view(np.uint32)
    nearest = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return np.where(np.isfinite(x), nearest.view(np.float32), x)


def unbroadcast_to(g: Array, shape: tuple[int, ...]) -> Array:
    """g summed over the axes along which ``shape`` was broadcast to it."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return g.sum(axis=axes, keepdims=True) if axes else g
