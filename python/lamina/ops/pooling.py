"""Pooling over batches of sequences, images and volumes."""

from __future__ import annotations

from typing import Any

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wants_grad, wrap
from ..core.autograd import unchecked_record as record
from .conversion import TensorLike, as_tensor
from .convolution import Padding, Size
from .data_format import around_channels_last, expect_axes


def _max(op: str, inputs: TensorLike, data_format: str | None, options: tuple[Any, ...]) -> Tensor:
    def run(x: Tensor) -> Tensor:
        forward = getattr(_native, op + "_forward")
        if not wants_grad(x):
            return wrap(forward(x._array, *options, False))
        y, index = forward(x._array, *options, True)

        def backward(dy: Array, grads: Gradients) -> None:
            getattr(_native, op + "_backward")(index, dy, *options, grads[0], grads.accumulate)

        return record(y, (x,), backward)

    return around_channels_last(as_tensor(inputs), data_format, op, run)


def _average(op: str, inputs: TensorLike, data_format: str | None, options: tuple[Any, ...]) -> Tensor:
    def run(x: Tensor) -> Tensor:
        y = getattr(_native, op + "_forward")(x._array, *options)

        def backward(dy: Array, grads: Gradients) -> None:
            getattr(_native, op + "_backward")(dy, *options, grads[0], grads.accumulate)

        return record(y, (x,), backward)

    return around_channels_last(as_tensor(inputs), data_format, op, run)


def max_pool(
    inputs: TensorLike,
    pool_size: Size,
    strides: Size | None = None,
    padding: Padding = "valid",
    data_format: str | None = None,
    *,
    dilation_rate: Size = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Maximum over windows of inputs (N, ..., C) along one, two or three axes.

    pool_size, strides, dilation_rate: a positive integer, or one for each axis; strides default to pool_size.
    padding: "valid", "same", or numbers smaller than the window: one for all sides, or for each axis one or (before,
        after).  Padding never wins.
    data_format: "channels_last" (default), or "channels_first" for (N, C, ...).
    ceil_mode: a last window may reach beyond the padded input, if it begins inside of the input or its front padding.

    The gradient goes to the first of equal maxima; NaN counts as the largest.  ValueError where options don't fit.
    """
    return _max("max_pool", inputs, data_format, (pool_size, strides, padding, dilation_rate, ceil_mode))


def average_pool(
    inputs: TensorLike,
    pool_size: Size,
    strides: Size | None = None,
    padding: Padding = "valid",
    data_format: str | None = None,
    *,
    dilation_rate: Size = 1,
    ceil_mode: bool = False,
    divisor: str = "valid",
) -> Tensor:
    """Mean over windows of inputs (N, ..., C).

    divisor: what a window's sum is divided by: "valid", its pixels inside of the input (Keras; ONNX's default);
        "padded", those inside of the padded input (PyTorch's count_include_pad); "window", all its taps.
    The other arguments are max_pool's.
    """
    return _average(
        "average_pool", inputs, data_format, (pool_size, strides, padding, dilation_rate, ceil_mode, divisor)
    )


def adaptive_max_pool(inputs: TensorLike, output_size: Size | None, data_format: str | None = None) -> Tensor:
    """Maximum over windows that cut each axis of inputs (N, ..., C) into so many parts, as even as they can be.

    output_size: a positive integer for all axes, or one for each.  Window i of k over n pixels is [i n / k, (i + 1)
    n / k), rounded outwards.  None: over all pixels, (N, C).
    """
    return _max("adaptive_max_pool", inputs, data_format, (output_size,))


def adaptive_average_pool(inputs: TensorLike, output_size: Size | None, data_format: str | None = None) -> Tensor:
    """Mean over windows that cut each axis of inputs into so many parts; arguments as adaptive_max_pool's."""
    return _average("adaptive_average_pool", inputs, data_format, (output_size,))


def max_pool2d(x: TensorLike, pool_size: Size, strides: Size | None = None, padding: Padding = "valid") -> Tensor:
    """max_pool of images x (N, H, W, C)."""
    return max_pool(expect_axes(as_tensor(x), 4, "max_pool2d"), pool_size, strides, padding)


def average_pool2d(
    x: TensorLike,
    pool_size: Size,
    strides: Size | None = None,
    padding: Padding = "valid",
    count_pad: bool = False,
) -> Tensor:
    """average_pool of images x (N, H, W, C); with ``count_pad`` the padding's zeros count as pixels."""
    x = expect_axes(as_tensor(x), 4, "average_pool2d")
    return average_pool(x, pool_size, strides, padding, divisor="padded" if count_pad else "valid")


def global_average_pool2d(x: TensorLike, keepdims: bool = False) -> Tensor:
    """Mean over all pixels of x (N, H, W, C): (N, C), or (N, 1, 1, C) with ``keepdims``."""
    return adaptive_average_pool(expect_axes(as_tensor(x), 4, "global_average_pool2d"), 1 if keepdims else None)


def global_max_pool2d(x: TensorLike, keepdims: bool = False) -> Tensor:
    """Maximum over all pixels of x (N, H, W, C): (N, C), or (N, 1, 1, C) with ``keepdims``."""
    return adaptive_max_pool(expect_axes(as_tensor(x), 4, "global_max_pool2d"), 1 if keepdims else None)


__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "average_pool",
    "average_pool2d",
    "global_average_pool2d",
    "global_max_pool2d",
    "max_pool",
    "max_pool2d",
]
