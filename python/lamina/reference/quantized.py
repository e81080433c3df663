"""NumPy twins of the products with int8 weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._common import Array, activate
from .convolution import conv_forward

EPSILON = 1e-7


class QuantizedMatrix:
    """An int8 matrix (in, out) with a scale for each column."""

    def __init__(self, kernel: Array, scale: Array) -> None:
        self.kernel, self.scale = kernel, scale

    @property
    def shape(self) -> tuple[int, ...]:
        return self.kernel.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of what is multiplied."""
        return self.scale.dtype

    def __len__(self) -> int:
        return len(self.kernel)

    def __getitem__(self, part: tuple[slice, slice]) -> QuantizedMatrix:
        """Some columns of all rows."""
        return QuantizedMatrix(self.kernel[part], self.scale[part[1]])

    def product(self, x: Array) -> Array:
        """x times the matrix, the rows of x quantized."""
        largest = np.abs(x).max(axis=-1, keepdims=True, initial=0)
        scale = np.asarray(127, x.dtype) / (largest + np.asarray(EPSILON, x.dtype))
        integers = np.round(x * scale).astype(np.int64) @ self.kernel.astype(np.int64)
        return integers.astype(x.dtype) / (scale * self.scale)


def quantized_dense_forward(x: Array, w: QuantizedMatrix, b: Array | None, activation: str) -> Array:
    y = w.product(x)
    return activate(y if b is None else y + b, activation)


def quantized_conv_forward(
    x: Array,
    w: QuantizedMatrix,
    gain: Array | None,
    b: Array | None,
    kernel_size: Any,
    strides: Any,
    padding: Any,
    dilation_rate: Any,
    groups: int,
    activation: str,
) -> Array:
    axes = tuple(range(1, x.ndim))
    taps = (kernel_size,) * (x.ndim - 2) if isinstance(kernel_size, int) else tuple(kernel_size)
    largest = np.abs(x).max(axis=axes, keepdims=True, initial=0)
    scale = np.asarray(127, x.dtype) / (largest + np.asarray(EPSILON, x.dtype))
    kernel = w.kernel.reshape(*taps, x.shape[-1] // groups, w.shape[1]).astype(np.float64)  # sums are exact
    integers = np.round(x * scale).astype(np.float64)
    y = conv_forward(integers, kernel, None, strides, padding, dilation_rate, groups, "linear").astype(x.dtype)
    y = y / (scale * w.scale)
    if gain is not None:
        y = y * gain
    return activate(y if b is None else y + b, activation)
