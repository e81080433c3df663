"""NumPy twins of the products with int8 weights."""

from __future__ import annotations

import numpy as np

from ._common import Array, activate

EPSILON = 1e-7


class QuantizedMatrix:
    """An int8 matrix (in, out) with a scale for each column."""

    def __init__(self, kernel: Array, scale: Array) -> None:
        self.kernel, self.scale = kernel, scale


def quantized_dense_forward(x: Array, w: QuantizedMatrix, b: Array | None, activation: str) -> Array:
    scale = np.asarray(127, x.dtype) / (np.abs(x).max(axis=-1, keepdims=True, initial=0) + np.asarray(EPSILON, x.dtype))
    integers = np.round(x * scale).astype(np.int64) @ w.kernel.astype(np.int64)
    y = integers.astype(x.dtype) / (scale * w.scale)
    return activate(y if b is None else y + b, activation)
