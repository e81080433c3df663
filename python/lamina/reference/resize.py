"""NumPy twins of the resizing kernels."""

from __future__ import annotations

import numpy as np

from ._common import Array, give


def _weights(n: int, out: int, interpolation: str) -> Array:
    """(out, n): what each output takes of each input along one axis."""
    w = np.zeros((out, n))
    middle = (np.arange(out) + 0.5) * n / max(out, 1)
    rows = np.arange(out)
    if interpolation == "nearest":
        w[rows, np.minimum(middle.astype(np.int64), n - 1)] = 1
        return w
    at = np.clip(middle - 0.5, 0, max(n - 1, 0))
    first = at.astype(np.int64)
    np.add.at(w, (rows, first), 1 - (at - first))
    np.add.at(w, (rows, np.minimum(first + 1, n - 1)), at - first)
    return w


def resize_forward(x: Array, height: int, width: int, interpolation: str) -> Array:
    if interpolation == "nearest":  # by index, as one would in NumPy
        h, w = (_weights(n, m, interpolation).argmax(1) for n, m in ((x.shape[1], height), (x.shape[2], width)))
        return np.ascontiguousarray(x[:, h][:, :, w])
    h, w = _weights(x.shape[1], height, interpolation), _weights(x.shape[2], width, interpolation)
    return np.einsum("ah,nhwc,bw->nabc", h.astype(x.dtype), x, w.astype(x.dtype), optimize=True)


def resize_backward(dy: Array, interpolation: str, dx: Array | None, accumulate: int = 0) -> None:
    if dx is None:
        return
    h = _weights(dx.shape[1], dy.shape[1], interpolation).astype(dy.dtype)
    w = _weights(dx.shape[2], dy.shape[2], interpolation).astype(dy.dtype)
    give(dx, np.einsum("ah,nabc,bw->nhwc", h, dy, w, optimize=True), accumulate, 0)
