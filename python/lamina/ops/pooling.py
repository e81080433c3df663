"""Pooling over channels-last images."""

from __future__ import annotations

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wants_grad, wrap
from ..core.autograd import unchecked_record as record
from ._common import TensorLike, as_tensor
from .convolution import Padding, Size, around_channels_last


def max_pool2d(x: TensorLike, pool_size: Size, strides: Size | None = None, padding: Padding = "valid") -> Tensor:
    """Maximum over windows of x (N, H, W, C); returns (N, OH, OW, C).

    ``strides`` default to ``pool_size``.  ``padding`` is "valid", "same" or ((top, bottom), (left, right)) and never
    wins.  The gradient goes to the first of equal maxima; NaN counts as the largest.
    """
    x = as_tensor(x)
    if not wants_grad(x):
        return wrap(_native.max_pool2d_forward(x._array, pool_size, strides, padding, False))
    y, index = _native.max_pool2d_forward(x._array, pool_size, strides, padding, True)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.max_pool2d_backward(index, dy, pool_size, strides, padding, grads[0], grads.accumulate)

    return record(y, (x,), backward)


def average_pool2d(
    x: TensorLike,
    pool_size: Size,
    strides: Size | None = None,
    padding: Padding = "valid",
    count_pad: bool = False,
) -> Tensor:
    """Mean over windows of x (N, H, W, C); returns (N, OH, OW, C).

    The zeros of the padding are left out of the mean, as Keras does, unless ``count_pad`` (PyTorch's default).
    """
    x = as_tensor(x)
    y = _native.average_pool2d_forward(x._array, pool_size, strides, padding, count_pad)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.average_pool2d_backward(dy, pool_size, strides, padding, count_pad, grads[0], grads.accumulate)

    return record(y, (x,), backward)


def global_average_pool2d(x: TensorLike, keepdims: bool = False) -> Tensor:
    """Mean over all pixels of x (N, H, W, C): (N, C), or (N, 1, 1, C) with ``keepdims``."""
    x = as_tensor(x)
    y = _native.global_average_pool2d_forward(x._array)
    shape = y.shape

    def backward(dy: Array, grads: Gradients) -> None:
        _native.global_average_pool2d_backward(dy.reshape(shape), grads[0], grads.accumulate)

    return record(y[:, None, None] if keepdims else y, (x,), backward)


def global_max_pool2d(x: TensorLike, keepdims: bool = False) -> Tensor:
    """Maximum over all pixels of x (N, H, W, C): (N, C), or (N, 1, 1, C) with ``keepdims``."""
    x = as_tensor(x)
    if not wants_grad(x):
        y = _native.global_max_pool2d_forward(x._array, False)
        return wrap(y[:, None, None] if keepdims else y)
    y, index = _native.global_max_pool2d_forward(x._array, True)
    shape = y.shape

    def backward(dy: Array, grads: Gradients) -> None:
        _native.global_max_pool2d_backward(index, dy.reshape(shape), grads[0], grads.accumulate)

    return record(y[:, None, None] if keepdims else y, (x,), backward)


def max_pool(
    inputs: TensorLike,
    pool_size: Size,
    strides: Size | None = None,
    padding: Padding = "valid",
    data_format: str | None = None,
) -> Tensor:
    """keras.ops.max_pool over 2-D images."""
    return around_channels_last(inputs, data_format, "max_pool", lambda x: max_pool2d(x, pool_size, strides, padding))


def average_pool(
    inputs: TensorLike,
    pool_size: Size,
    strides: Size | None = None,
    padding: Padding = "valid",
    data_format: str | None = None,
) -> Tensor:
    """keras.ops.average_pool over 2-D images."""
    return around_channels_last(
        inputs, data_format, "average_pool", lambda x: average_pool2d(x, pool_size, strides, padding)
    )


__all__ = [
    "average_pool",
    "average_pool2d",
    "global_average_pool2d",
    "global_max_pool2d",
    "max_pool",
    "max_pool2d",
]
