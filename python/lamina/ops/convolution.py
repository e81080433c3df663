"""Convolutions, and transposed ones, over batches of sequences, images and volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from .. import _native
from ..core.autograd import Array, Gradients, Tensor
from ..core.autograd import unchecked_record as record
from .conversion import TensorLike, as_tensor
from .data_format import around_channels_last, expect_axes

Size: TypeAlias = "int | Sequence[int]"
Padding: TypeAlias = "str | int | Sequence[int | tuple[int, int]]"


def _run(
    op: str,
    inputs: Tensor,
    kernel: TensorLike,
    bias: TensorLike | None,
    data_format: str | None,
    options: tuple[Any, ...],
) -> Tensor:
    """The native pair of this name."""
    w = as_tensor(kernel)
    b = None if bias is None else as_tensor(bias)

    def run(x: Tensor) -> Tensor:
        xa, wa = x._array, w._array
        y = getattr(_native, op + "_forward")(xa, wa, None if b is None else b._array, *options)

        def backward(dy: Array, grads: Gradients) -> None:
            db = grads[2] if len(grads) > 2 else None
            getattr(_native, op + "_backward")(xa, wa, y, dy, *options, grads[0], grads[1], db, grads.accumulate)

        return record(y, (x, w) if b is None else (x, w, b), backward)

    return around_channels_last(inputs, data_format, op, run)


def conv(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Size = 1,
    padding: Padding = "valid",
    data_format: str | None = None,
    dilation_rate: Size = 1,
    *,
    bias: TensorLike | None = None,
    groups: int | None = None,
    activation: str = "linear",
) -> Tensor:
    """``activation(convolution of inputs with kernel, + bias)`` in one pass, over one, two or three axes.

    inputs: (N, ..., C), or (N, C, ...) with data_format="channels_first".
    kernel: (taps..., C / groups, filters).
    strides, dilation_rate: a positive integer, or one for each axis; any strides go with any dilation.
    padding: "valid", "same" (the odd zero goes to the end, as in Keras), "causal" for one axis (all zeros in front), or
        numbers: one for all sides, or for each axis one or (before, after).
    bias: (filters,), or None.
    groups: channels are cut into so many groups that don't meet; None: as many as the kernel's channels say.
    activation: linear, relu, tanh or sigmoid: those whose gradient follows from the output, which is all that is kept.

    Returns (N, ..., filters) in the layout of inputs.  ValueError where shapes or options don't fit.
    """
    inputs = as_tensor(inputs)
    if groups is None:
        w = as_tensor(kernel)
        channels = inputs.shape[1 if data_format == "channels_first" else -1] if inputs.ndim else 0
        groups = max(1, channels // max(1, w.shape[-2])) if w.ndim > 1 else 1
    return _run("conv", inputs, kernel, bias, data_format, (strides, padding, dilation_rate, groups, activation))


def conv_transpose(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Size = 1,
    padding: Padding = "valid",
    output_padding: Size | None = None,
    data_format: str | None = None,
    dilation_rate: Size = 1,
    *,
    bias: TensorLike | None = None,
    groups: int = 1,
    activation: str = "linear",
) -> Tensor:
    """The transposed convolution, from (N, ..., C) to the larger (N, ..., filters): the data gradient of a convolution.

    kernel: (taps..., filters / groups, C).
    padding: "valid" yields (n - 1) * stride + taps along an axis, at least n * stride, "same" n * stride; numbers, as
        conv's, cut so many from both ends of (n - 1) * stride + taps.
    output_padding: so many more at the end of each axis, fewer than the stride or the dilation.  "same" then counts
        from (n - 1) * stride + taps % 2, as in Keras, "valid" from (n - 1) * stride + taps.
    The other arguments are conv's.
    """
    options = (strides, padding, output_padding, dilation_rate, groups, activation)
    return _run("conv_transpose", as_tensor(inputs), kernel, bias, data_format, options)


def depthwise_conv(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Size = 1,
    padding: Padding = "valid",
    data_format: str | None = None,
    dilation_rate: Size = 1,
    *,
    bias: TensorLike | None = None,
    activation: str = "linear",
) -> Tensor:
    """Each channel of inputs (N, ..., C) with its own m kernels: kernel (taps..., C, m), bias (C m,) or None.

    Returns (N, ..., C m); channel c m + j comes from channel c.  The other arguments are conv's.
    """
    options = (strides, padding, dilation_rate, activation)
    return _run("depthwise_conv", as_tensor(inputs), kernel, bias, data_format, options)


def separable_conv(
    inputs: TensorLike,
    depthwise_kernel: TensorLike,
    pointwise_kernel: TensorLike,
    strides: Size = 1,
    padding: Padding = "valid",
    data_format: str | None = None,
    dilation_rate: Size = 1,
    *,
    bias: TensorLike | None = None,
    activation: str = "linear",
) -> Tensor:
    """depthwise_conv, then a convolution of one tap: depthwise_kernel (taps..., C, m), pointwise_kernel (1..., C m,
    filters), bias (filters,) or None.  The other arguments are conv's.
    """

    def run(x: TensorLike) -> Tensor:
        y = depthwise_conv(x, depthwise_kernel, strides, padding, None, dilation_rate)
        return conv(y, pointwise_kernel, bias=bias, groups=1, activation=activation)

    return around_channels_last(as_tensor(inputs), data_format, "separable_conv", run)


def conv2d(
    x: TensorLike,
    w: TensorLike,
    b: TensorLike | None = None,
    strides: Size = 1,
    padding: Padding = "valid",
    dilation_rate: Size = 1,
    groups: int = 1,
    activation: str = "linear",
) -> Tensor:
    """conv over images x (N, H, W, C): w (kh, kw, C / groups, K), b (K,) or None; returns (N, OH, OW, K)."""
    x = expect_axes(as_tensor(x), 4, "conv2d")
    return conv(x, w, strides, padding, None, dilation_rate, bias=b, groups=groups, activation=activation)


def depthwise_conv2d(
    x: TensorLike,
    w: TensorLike,
    b: TensorLike | None = None,
    strides: Size = 1,
    padding: Padding = "valid",
    dilation_rate: Size = 1,
    activation: str = "linear",
) -> Tensor:
    """depthwise_conv over images x (N, H, W, C): w (kh, kw, C, m), b (C m,) or None; returns (N, OH, OW, C m)."""
    x = expect_axes(as_tensor(x), 4, "depthwise_conv2d")
    return depthwise_conv(x, w, strides, padding, None, dilation_rate, bias=b, activation=activation)


__all__ = ["conv", "conv2d", "conv_transpose", "depthwise_conv", "depthwise_conv2d", "separable_conv"]
