"""Pooling over batches of sequences, images and volumes."""

from __future__ import annotations

import math
from typing import Any, cast

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wants_grad, wrap
from ..core.autograd import unchecked_record as record
from ..core.explain import is_number
from .conversion import TensorLike, as_tensor
from .conversion import cast as as_type
from .convolution import Padding, Size
from .data_format import around_channels_last, channels_last, images, is_channels_first
from .integer_images import in_floats


def _pool(
    op: str,
    inputs: TensorLike,
    data_format: str | None,
    options: tuple[Any, ...],
    of_relu: bool = False,
    return_indices: bool = False,
) -> Any:
    """The native pair of this name; that of a maximum keeps which place of each window won.

    of_relu: inputs are relu of what their gradient is wanted for, see ``RELU_FORWARD``.
    """

    def run(x: Tensor) -> Any:
        saves = op.endswith("max_pool")
        if saves and not return_indices and not wants_grad(x):
            return wrap(getattr(_native, op + "_forward")(x._array, *options, False))
        result = getattr(_native, op + "_forward")(x._array, *options, *(True,) * saves)
        y, *index = result if saves else (result,)

        def backward(dy: Array, grads: Gradients) -> None:
            dz = _native.relu_gradient(y, dy) if of_relu else dy
            getattr(_native, op + "_backward")(*index, dz, *options, grads[0], grads.accumulate)

        found = record(y, (x,), backward)
        if return_indices:
            return found, wrap(getattr(_native, op + "_indices")(x._array, *index, *options))
        return found

    x = as_tensor(inputs)
    if x._array.dtype.kind in "iub" and op.endswith("max_pool"):
        found = around_channels_last(in_floats(x), data_format, op, run)
        return (as_type(found[0], x.dtype), found[1]) if return_indices else as_type(found, x.dtype)
    return around_channels_last(x, data_format, op, run)


def max_pool_of_relu(
    inputs: Tensor, pool_size: Size, strides: Size, padding: Padding, data_format: str | None, ceil_mode: bool
) -> Tensor:
    """max_pool of what an operation gave with ``activation=RELU_FORWARD``."""
    options = (pool_size, strides, padding, 1, ceil_mode)
    return cast("Tensor", _pool("max_pool", inputs, data_format, options, of_relu=True))


def max_pool(
    inputs: TensorLike,
    pool_size: Size,
    strides: Size | None = None,
    padding: Padding = "valid",
    data_format: str | None = None,
    *,
    dilation_rate: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Largest value of each window along one, two or three axes.

    The gradient goes to the first of equal values; NaN counts as the largest.

    Args:
        inputs: (N, ..., C), sequences, images or volumes.
        pool_size: size of a window, a positive integer or one for each axis.
        strides: distance of neighbouring windows, likewise; None takes pool_size.
        padding: "valid" for none; "same" for an output of size / strides; or numbers smaller than the window: one for
            all sides, or for each axis one or (before, after).  Padding never is the largest.
        data_format: "channels_last" (None: see config), or "channels_first" for (N, C, ...), also in the result.
        dilation_rate: distance of the pixels of a window, a positive integer or one for each axis.
        ceil_mode: whether a last window may reach beyond the padded input, if it begins inside of the input or its
            front padding.
        return_indices: whether to return also where each maximum stood, for ``max_unpool``: the number of its pixel in
            its image, counted row by row from 0, channels not counted: h * W + w in an image of H x W, t in a
            sequence, (d * H + h) * W + w in a volume.

    Returns:
        (N, ..., C); with ``return_indices`` a tuple of it and the indices, int32 of the same shape.

    Raises:
        ValueError: sizes or options do not fit each other or the rank of inputs, or a window holds nothing of inputs.

    Source: Keras 3, keras.ops.max_pool; ``dilation_rate``, ``ceil_mode`` and ``return_indices`` from PyTorch.

    Example:
        >>> ops.max_pool(np.arange(4.0).reshape(1, 4, 1), 2).numpy().ravel()
        array([1., 3.])
    """
    options = (pool_size, strides, padding, dilation_rate, ceil_mode)
    return _pool("max_pool", inputs, data_format, options, return_indices=return_indices)


def max_unpool(
    inputs: TensorLike,
    indices: TensorLike,
    pool_size: Size,
    strides: Size | None = None,
    padding: Padding = "valid",
    output_shape: Size | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Values put back to the places where max_pool found its maxima, among zeros.

    Where windows overlap, one place may be named several times: the last value stays there, and it alone has a
    gradient.

    Args:
        inputs: (N, ..., C), as max_pool gave them, or what became of them.
        indices: where each value goes, of the shape of inputs, int32 or int64: the number of a pixel in its image of
            ``output_shape``, counted row by row from 0, as ``max_pool(..., return_indices=True)`` returns it.
        pool_size: size of a window, a positive integer or one for each axis.
        strides: distance of neighbouring windows, likewise; None takes pool_size.
        padding: the padding of max_pool.
        output_shape: the sizes of the axes between batch and channels, an integer or one for each axis: those of the
            input of max_pool.  None takes the smallest that windows fill, (n - 1) * strides + pool_size without the
            padding; n * strides with "same".
        data_format: "channels_last" (None: see config), or "channels_first" for (N, C, ...), also in the result.

    Returns:
        (N, *output_shape, C).

    Raises:
        ValueError: inputs and indices differ in shape; output_shape is none that max_pool would make inputs of.
        IndexError: an index lies outside of its image.
        TypeError: inputs are no floats, or indices no integers.

    Source: PyTorch, torch.nn.functional.max_unpool2d.

    Example:
        >>> x = np.float32([1, 4, 3, 2]).reshape(1, 4, 1)
        >>> y, at = ops.max_pool(x, 2, return_indices=True)
        >>> ops.max_unpool(y, at, 2).numpy().ravel()
        array([0., 4., 3., 0.], dtype=float32)
    """
    x, places = as_tensor(inputs), as_tensor(indices)
    if is_channels_first("max_unpool", data_format):
        places = channels_last(places)

    def run(x: Tensor) -> Tensor:
        at = places._array
        y = _native.max_unpool_forward(x._array, at, pool_size, strides, padding, output_shape)

        def backward(dy: Array, grads: Gradients) -> None:
            _native.max_unpool_backward(at, dy, grads[0], grads.accumulate)

        return record(y, (x,), backward)

    return cast("Tensor", around_channels_last(x, data_format, "max_unpool", run))


def lp_pool(
    inputs: TensorLike,
    p: float,
    pool_size: Size,
    strides: Size | None = None,
    padding: Padding = "valid",
    data_format: str | None = None,
    *,
    dilation_rate: Size = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-th root of the sum of x^p over each window along one, two or three axes.

    x is not made positive: with an odd p a sum below zero has no root, which gives NaN.  ONNX's LpPool is
    ``lp_pool(abs(x), ...)``.  Where a sum is 0, its gradient is taken as 0 (unless p is 1).  A window that reaches
    beyond the input sums what it holds; PyTorch, in its ``ceil_mode`` alone, scales that up to the whole window.

    Args:
        inputs: (N, ..., C), sequences, images or volumes.
        p: the exponent, a positive number; 1 is the sum of a window, infinity its largest value.
        pool_size: size of a window, a positive integer or one for each axis.
        strides: distance of neighbouring windows, likewise; None takes pool_size.
        padding: "valid" for none; "same" for an output of size / strides, "same_lower" with the odd one in front; or
            numbers smaller than the window: one for all sides, or for each axis one or (before, after).  Padding adds
            nothing to a sum.
        data_format: "channels_last" (None: see config), or "channels_first" for (N, C, ...), also in the result.
        dilation_rate: distance of the pixels of a window, a positive integer or one for each axis.
        ceil_mode: whether a last window may reach beyond the padded input, if it begins inside of the input or its
            front padding.

    Returns:
        (N, ..., C).

    Raises:
        ValueError: p is not positive; sizes or options do not fit each other or the rank of inputs, or a window holds
            nothing of inputs.
        TypeError: inputs are no floats, or p is no number.

    Source: PyTorch, torch.nn.functional.lp_pool2d.

    Example:
        >>> ops.lp_pool(np.float32([3, 4, 0, 1]).reshape(1, 4, 1), 2, 2).numpy().ravel()
        array([5., 1.], dtype=float32)
    """
    if not is_number(p):
        raise TypeError(f"lp_pool: p must be a number, got {p!r}")
    options = (pool_size, strides, padding, dilation_rate, ceil_mode)
    if p == math.inf:
        return cast("Tensor", _pool("max_pool", inputs, data_format, options))

    def run(x: Tensor) -> Tensor:
        xa = x._array
        y = _native.lp_pool_forward(xa, float(p), *options)

        def backward(dy: Array, grads: Gradients) -> None:
            _native.lp_pool_backward(xa, y, dy, float(p), *options, grads[0], grads.accumulate)

        return record(y, (x,), backward)

    return cast("Tensor", around_channels_last(as_tensor(inputs), data_format, "lp_pool", run))


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
    """Mean of each window along one, two or three axes.

    Padding is left out of the mean, also that of "same", as Keras does on TensorFlow, JAX and NumPy; its PyTorch
    backend counts some of it.

    Args:
        inputs: (N, ..., C), sequences, images or volumes.
        pool_size: size of a window, a positive integer or one for each axis.
        strides: distance of neighbouring windows, likewise; None takes pool_size.
        padding: "valid" for none; "same" for an output of size / strides; or numbers smaller than the window: one for
            all sides, or for each axis one or (before, after).
        data_format: "channels_last" (None: see config), or "channels_first" for (N, C, ...), also in the result.
        dilation_rate: distance of the pixels of a window, a positive integer or one for each axis.
        ceil_mode: whether a last window may reach beyond the padded input, if it begins inside of the input or its
            front padding.
        divisor: what the sum of a window is divided by: "valid", its places inside of the input (Keras; the default of
            ONNX); "padded", those inside of the padded input (PyTorch's count_include_pad); "window", all its places.

    Returns:
        (N, ..., C).

    Raises:
        ValueError: sizes or options do not fit each other or the rank of inputs, or a window holds nothing of inputs.
        TypeError: inputs are no floats.

    Source: Keras 3, keras.ops.average_pool; ``ceil_mode`` and ``divisor`` from PyTorch.

    Example:
        >>> ops.average_pool(np.arange(4.0).reshape(1, 4, 1), 2).numpy().ravel()
        array([0.5, 2.5])
    """
    return cast(
        "Tensor",
        _pool("average_pool", inputs, data_format, (pool_size, strides, padding, dilation_rate, ceil_mode, divisor)),
    )


def adaptive_max_pool(
    inputs: TensorLike, output_size: Size | None, data_format: str | None = None, *, return_indices: bool = False
) -> Any:
    """Largest value of each window, for an output of a given size.

    Window i of k over an axis of n covers the places from i n / k to (i + 1) n / k, rounded outwards.

    Args:
        inputs: (N, ..., C), sequences, images or volumes.
        output_size: windows along each axis, a positive integer or one for each axis; None: one window holds all, and
            these axes are gone.
        data_format: "channels_last" (None: see config), or "channels_first" for (N, C, ...), also in the result.

        return_indices: whether to return also where each maximum stood, as ``max_pool`` counts it.

    Returns:
        (N, *output_size, C), or (N, C); with ``return_indices`` a tuple of it and the indices, int32 of the same shape.

    Raises:
        ValueError: output_size does not fit the rank of inputs, or an axis is empty.

    Source: Keras 3.12, keras.ops.adaptive_max_pool; ``return_indices`` from PyTorch.

    Example:
        >>> ops.adaptive_max_pool(np.arange(6.0).reshape(1, 6, 1), 2).numpy().ravel()
        array([2., 5.])
    """
    return _pool("adaptive_max_pool", inputs, data_format, (output_size,), return_indices=return_indices)


def adaptive_average_pool(inputs: TensorLike, output_size: Size | None, data_format: str | None = None) -> Tensor:
    """Mean of each window, for an output of a given size.

    Window i of k over an axis of n covers the places from i n / k to (i + 1) n / k, rounded outwards.

    Args:
        inputs: (N, ..., C), sequences, images or volumes.
        output_size: windows along each axis, a positive integer or one for each axis; None: one window holds all, and
            these axes are gone.
        data_format: "channels_last" (None: see config), or "channels_first" for (N, C, ...), also in the result.

    Returns:
        (N, *output_size, C), or (N, C).

    Raises:
        ValueError: output_size does not fit the rank of inputs, or an axis is empty.
        TypeError: inputs are no floats.

    Source: Keras 3.12, keras.ops.adaptive_average_pool.

    Example:
        >>> ops.adaptive_average_pool(np.ones((1, 7, 9, 3), "float32"), (2, 2)).shape
        (1, 2, 2, 3)
    """
    return cast("Tensor", _pool("adaptive_average_pool", inputs, data_format, (output_size,)))


def max_pool2d(x: TensorLike, pool_size: Size, strides: Size | None = None, padding: Padding = "valid") -> Tensor:
    """max_pool of images.

    Args:
        x: images (N, H, W, C).
        pool_size: size of a window, a positive integer or (height, width).
        strides: distance of neighbouring windows, likewise; None takes pool_size.
        padding: "valid", "same", or numbers smaller than the window: one, (height, width), or ((top, bottom), (left,
            right)).

    Returns:
        (N, H', W', C).

    Raises:
        ValueError: x has other axes, or sizes or options do not fit.

    Source: max_pool for two axes.

    Example:
        >>> ops.max_pool2d(np.ones((1, 4, 4, 3), "float32"), 2).shape
        (1, 2, 2, 3)
    """
    return cast("Tensor", max_pool(images(x, "max_pool2d"), pool_size, strides, padding, "channels_last"))


def average_pool2d(
    x: TensorLike, pool_size: Size, strides: Size | None = None, padding: Padding = "valid", count_pad: bool = False
) -> Tensor:
    """average_pool of images.

    Args:
        x: images (N, H, W, C).
        pool_size: size of a window, a positive integer or (height, width).
        strides: distance of neighbouring windows, likewise; None takes pool_size.
        padding: "valid", "same", or numbers smaller than the window: one, (height, width), or ((top, bottom), (left,
            right)).
        count_pad: whether padding counts as pixels of value 0.

    Returns:
        (N, H', W', C).

    Raises:
        ValueError: x has other axes, or sizes or options do not fit.
        TypeError: x is no floats.

    Source: average_pool for two axes.

    Example:
        >>> ops.average_pool2d(np.ones((1, 4, 4, 3), "float32"), 2).shape
        (1, 2, 2, 3)
    """
    x = images(x, "average_pool2d")
    return average_pool(x, pool_size, strides, padding, "channels_last", divisor="padded" if count_pad else "valid")


def global_average_pool2d(x: TensorLike, keepdims: bool = False) -> Tensor:
    """Mean over all pixels of images.

    Args:
        x: images (N, H, W, C).
        keepdims: whether the image axes stay, with size 1.

    Returns:
        (N, C), or (N, 1, 1, C) with keepdims.

    Raises:
        ValueError: x has other axes, or no pixels.
        TypeError: x is no floats.

    Source: adaptive_average_pool for two axes and one window.

    Example:
        >>> ops.global_average_pool2d(np.ones((2, 8, 8, 3), "float32")).shape
        (2, 3)
    """
    return adaptive_average_pool(images(x, "global_average_pool2d"), 1 if keepdims else None, "channels_last")


def global_max_pool2d(x: TensorLike, keepdims: bool = False) -> Tensor:
    """Largest value over all pixels of images.

    Args:
        x: images (N, H, W, C).
        keepdims: whether the image axes stay, with size 1.

    Returns:
        (N, C), or (N, 1, 1, C) with keepdims.

    Raises:
        ValueError: x has other axes, or no pixels.

    Source: adaptive_max_pool for two axes and one window.

    Example:
        >>> ops.global_max_pool2d(np.ones((2, 8, 8, 3), "float32")).shape
        (2, 3)
    """
    return cast("Tensor", adaptive_max_pool(images(x, "global_max_pool2d"), 1 if keepdims else None, "channels_last"))


__all__ = [
    "adaptive_average_pool", "adaptive_max_pool", "average_pool", "average_pool2d", "global_average_pool2d",
    "global_max_pool2d", "lp_pool", "max_pool", "max_pool2d", "max_unpool",
]  # fmt: skip
