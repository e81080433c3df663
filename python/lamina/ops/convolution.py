"""Convolutions over channels-last images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from .. import _native
from ..core.autograd import Array, Gradients, Tensor
from ..core.autograd import unchecked_record as record
from ._common import TensorLike, as_tensor

Size: TypeAlias = "int | tuple[int, int] | list[int]"
Padding: TypeAlias = "str | tuple[tuple[int, int], tuple[int, int]]"


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
    """``activation(convolution of x with w, + b)`` in one pass.

    x (N, H, W, C), w (kh, kw, C / groups, K), b (K,) or None; returns (N, OH, OW, K).  ``padding`` is "valid", "same"
    (Keras's rule: the odd zero goes to the end) or ((top, bottom), (left, right)).  ``activation`` is one of linear,
    relu, tanh, sigmoid: those whose gradient follows from the output, which is all that is kept.
    """
    x, w = as_tensor(x), as_tensor(w)
    bias = None if b is None else as_tensor(b)
    xa, wa = x._array, w._array
    ba = None if bias is None else bias._array
    y = _native.conv2d_forward(xa, wa, ba, strides, padding, dilation_rate, groups, activation)

    def backward(dy: Array, grads: Gradients) -> None:
        db = grads[2] if len(grads) > 2 else None
        options = (strides, padding, dilation_rate, groups, activation)
        _native.conv2d_backward(xa, wa, y, dy, *options, grads[0], grads[1], db, grads.accumulate)

    return record(y, (x, w) if bias is None else (x, w, bias), backward)


def depthwise_conv2d(
    x: TensorLike,
    w: TensorLike,
    b: TensorLike | None = None,
    strides: Size = 1,
    padding: Padding = "valid",
    dilation_rate: Size = 1,
    activation: str = "linear",
) -> Tensor:
    """Each channel of x (N, H, W, C) with its own m kernels: w (kh, kw, C, m), b (C m,) or None.

    Returns (N, OH, OW, C m); channel c m + j comes from channel c.  The other arguments are conv2d's.
    """
    x, w = as_tensor(x), as_tensor(w)
    bias = None if b is None else as_tensor(b)
    xa, wa = x._array, w._array
    ba = None if bias is None else bias._array
    y = _native.depthwise_conv2d_forward(xa, wa, ba, strides, padding, dilation_rate, activation)

    def backward(dy: Array, grads: Gradients) -> None:
        db = grads[2] if len(grads) > 2 else None
        options = (strides, padding, dilation_rate, activation)
        _native.depthwise_conv2d_backward(xa, wa, y, dy, *options, grads[0], grads[1], db, grads.accumulate)

    return record(y, (x, w) if bias is None else (x, w, bias), backward)


def _channels_last(data_format: str | None, op: str) -> bool:
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(f"{op}: data_format is {data_format!r}, expected 'channels_last' or 'channels_first'")
    return data_format != "channels_first"


def around_channels_last(x: TensorLike, data_format: str | None, op: str, f: Callable[[TensorLike], Tensor]) -> Tensor:
    """f(x) for images stored either way."""
    if _channels_last(data_format, op):
        return f(x)
    from .reshape import transpose

    return transpose(f(transpose(x, (0, 2, 3, 1))), (0, 3, 1, 2))


def conv(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Size = 1,
    padding: Padding = "valid",
    data_format: str | None = None,
    dilation_rate: Size = 1,
) -> Tensor:
    """keras.ops.conv over 2-D images; the number of groups follows from the channels of inputs and kernel."""
    inputs, kernel = as_tensor(inputs), as_tensor(kernel)
    axis = -1 if _channels_last(data_format, "conv") else 1
    groups = max(1, inputs.shape[axis] // max(1, kernel.shape[-2]))

    def run(x: Tensor) -> Tensor:
        return conv2d(x, kernel, None, strides, padding, dilation_rate, groups)

    return around_channels_last(inputs, data_format, "conv", run)


def depthwise_conv(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Size = 1,
    padding: Padding = "valid",
    data_format: str | None = None,
    dilation_rate: Size = 1,
) -> Tensor:
    """keras.ops.depthwise_conv over 2-D images."""

    def run(x: Tensor) -> Tensor:
        return depthwise_conv2d(x, kernel, None, strides, padding, dilation_rate)

    return around_channels_last(inputs, data_format, "depthwise_conv", run)


__all__ = ["conv", "conv2d", "depthwise_conv", "depthwise_conv2d"]
