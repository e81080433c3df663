"""Convolutions, and transposed ones, over batches of sequences, images and volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from .. import _native
from ..core.autograd import Array, Gradients, Tensor
from ..core.autograd import unchecked_record as record
from ..core.suggest import unknown
from .conversion import TensorLike, as_tensor
from .data_format import around_channels_last, images
from .expansion import bordered
from .fused_activation import in_backward

Size: TypeAlias = "int | Sequence[int]"
Padding: TypeAlias = "str | int | Sequence[int | tuple[int, int]]"


# Names of padding modes, and what ``pad`` calls them.
PADDING_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def check_border(mode: str, sizes: Sequence[int], before: Sequence[int], after: Sequence[int]) -> None:
    """ValueError where an axis of these sizes is too short for such a border, by PyTorch's rules."""
    for n, *sides in zip(sizes, before, after, strict=True):
        widest = max(sides)
        least = 0 if widest == 0 else 1 if mode == "replicate" else widest + (mode == "reflect")
        if n < least:
            raise ValueError(
                f"padding_mode={mode!r} makes a border of {sides[0]} and {sides[1]} out of an axis of {n}, which takes "
                f"{least} or more; pad less, use another mode, or larger inputs"
            )


def _with_border(op: str, x: Tensor, w: Tensor, mode: str, geometry: tuple[Any, ...]) -> Tensor:
    """x with the border that the padding of this convolution stands for."""
    before, after = getattr(_native, op + "_padding")(x._array, w._array, *geometry)
    if not any(before) and not any(after):
        return x
    try:
        check_border(mode, x.shape, before, after)
    except ValueError as error:
        raise ValueError(f"{op}: {error}") from None
    return bordered(x, before, after, PADDING_MODES[mode])


def _run(
    op: str,
    inputs: Tensor,
    kernel: TensorLike,
    bias: TensorLike | None,
    data_format: str | None,
    options: tuple[Any, ...],
    padding_mode: str = "zeros",
    rounding: tuple[bool, ...] = (),
) -> Tensor:
    """The native pair of this name; the first two of its options are strides and padding, the last the activation.

    rounding: of those that may round to bfloat16, whether they do.
    """
    w = as_tensor(kernel)
    b = None if bias is None else as_tensor(bias)
    if padding_mode != "zeros":
        if padding_mode not in PADDING_MODES:
            raise unknown("padding_mode", padding_mode, tuple(PADDING_MODES))
        geometry = options[:-1]
        options = (options[0], "valid", *options[2:])

    def run(x: Tensor) -> Tensor:
        if padding_mode != "zeros":
            x = _with_border(op, x, w, padding_mode, geometry)
        xa, wa = x._array, w._array
        y = getattr(_native, op + "_forward")(xa, wa, None if b is None else b._array, *options, *rounding)

        def backward(dy: Array, grads: Gradients) -> None:
            db = grads[2] if len(grads) > 2 else None
            back = (*options[:-1], in_backward(options[-1]))
            to = (grads[0], grads[1], db, grads.accumulate)
            getattr(_native, op + "_backward")(xa, wa, y, dy, *back, *to, *rounding)

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
    padding_mode: str = "zeros",
    bfloat16: bool = False,
) -> Tensor:
    """Convolution over one, two or three axes, with bias and activation in one pass.

    Args:
        inputs: (N, ..., C), sequences, images or volumes.
        kernel: (taps..., C / groups, filters).
        strides: distance of the places that the kernel takes, a positive integer or one for each axis; any strides go
            with any dilation_rate.
        padding: "valid" for no zeros; "same" for an output of size / strides, the odd zero at the end, as in Keras,
            "same_lower" with it at the start; "causal", for one axis, for zeros in front alone; or numbers of zeros:
            one for all sides, or for each axis one or (before, after).
        data_format: "channels_last" (None: see config), or "channels_first" for (N, C, ...), also in the result.
        dilation_rate: distance of neighbouring taps of the kernel, a positive integer or one for each axis.
        bias: (filters,), or None for none.
        groups: groups of channels that are convolved apart; None takes as many as the kernel's channels say.
        activation: "linear", "relu", "tanh" or "sigmoid", applied in the same pass.
        padding_mode: what stands around inputs: "zeros"; "reflect", inputs mirrored at their outermost element;
            "replicate", that element; "circular", inputs again.  A "reflect" border is narrower than inputs, a
            "circular" one as wide at most.
        bfloat16: whether operands of products, and in the gradients dy, are rounded to bfloat16 where that is faster;
            sums are float32.

    Returns:
        activation(conv(inputs, kernel) + bias), (N, ..., filters).

    Raises:
        ValueError: shapes, sizes or options do not fit each other or the rank of inputs; inputs are too small for a
            border of this ``padding_mode``.
        TypeError: inputs are no numbers, or of another dtype than the other tensors.

    Source: Keras 3, keras.ops.conv; ``bias``, ``groups`` and ``activation`` beyond it, ``padding_mode`` from
        PyTorch, "same_lower" from ONNX.

    Example:
        >>> x, kernel = np.ones((1, 8, 8, 3), "float32"), np.ones((3, 3, 3, 16), "float32")
        >>> ops.conv(x, kernel, strides=2, padding="same").shape
        (1, 4, 4, 16)
    """
    inputs = as_tensor(inputs)
    if groups is None:
        try:
            channels = inputs.shape[1 if data_format == "channels_first" else -1]
            groups = channels // as_tensor(kernel).shape[-2] or 1
        except (IndexError, ZeroDivisionError):
            groups = 1  # shapes that are refused below
    options = (strides, padding, dilation_rate, groups, activation)
    return _run("conv", inputs, kernel, bias, data_format, options, padding_mode, (bfloat16,))


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
    bfloat16: bool = False,
) -> Tensor:
    """Transposed convolution, the data gradient of a convolution run forward: from (N, ..., C) to larger results.

    Args:
        inputs: (N, ..., C), sequences, images or volumes.
        kernel: (taps..., filters / groups, C).
        strides: distance in the result of neighbours in inputs, a positive integer or one for each axis; any strides go
            with any dilation_rate.
        padding: "valid" yields (n - 1) * strides + taps along an axis of n, at least n * strides; "same" n * strides,
            cut at both ends, of an odd number one more at the end, "same_lower" at the start;
            numbers, one for all sides, or for each axis one or (before, after), cut from (n - 1) * strides + taps.  A
            dilated kernel counts as (taps - 1) * dilation_rate + 1 taps.
        output_padding: so many more at the end of each axis, fewer than strides or dilation_rate, an integer or one for
            each axis; "same" then counts from (n - 1) * strides + taps % 2, as in Keras, "valid" from (n - 1) * strides
            + taps.  None adds what the padding's name asks for.
        data_format: "channels_last" (None: see config), or "channels_first" for (N, C, ...), also in the result.
        dilation_rate: distance of neighbouring taps of the kernel, a positive integer or one for each axis.
        bias: (filters,), or None for none.
        groups: groups of channels that are convolved apart.
        activation: "linear", "relu", "tanh" or "sigmoid", applied in the same pass.
        bfloat16: whether operands of products, and in the gradients dy, are rounded to bfloat16 where that is faster;
            sums are float32.

    Returns:
        activation(conv_transpose(inputs, kernel) + bias), (N, ..., filters).

    Raises:
        ValueError: shapes, sizes or options do not fit each other or the rank of inputs.
        TypeError: inputs are no numbers, or of another dtype than the other tensors.

    Source: Keras 3, keras.ops.conv_transpose; ``bias`` and ``activation`` beyond it, ``groups`` from PyTorch.

    Example:
        >>> x, kernel = np.ones((1, 4, 4, 3), "float32"), np.ones((3, 3, 8, 3), "float32")
        >>> ops.conv_transpose(x, kernel, strides=2, padding="same").shape
        (1, 8, 8, 8)
    """
    options = (strides, padding, output_padding, dilation_rate, groups, activation)
    return _run("conv_transpose", as_tensor(inputs), kernel, bias, data_format, options, rounding=(bfloat16,))


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
    padding_mode: str = "zeros",
) -> Tensor:
    """Convolution of each channel by itself, with bias and activation in one pass.

    Args:
        inputs: (N, ..., C), sequences, images or volumes.
        kernel: (taps..., C, m), m kernels for each channel.
        strides: distance of the places that the kernel takes, a positive integer or one for each axis; any strides go
            with any dilation_rate.
        padding: "valid" for no zeros; "same" for an output of size / strides, the odd zero at the end, as in Keras,
            "same_lower" with it at the start; "causal", for one axis, for zeros in front alone; or numbers of zeros:
            one for all sides, or for each axis one or (before, after).
        data_format: "channels_last" (None: see config), or "channels_first" for (N, C, ...), also in the result.
        dilation_rate: distance of neighbouring taps of the kernel, a positive integer or one for each axis.
        bias: (C * m,), or None for none.
        activation: "linear", "relu", "tanh" or "sigmoid", applied in the same pass.
        padding_mode: what stands around inputs: "zeros"; "reflect", inputs mirrored at their outermost element;
            "replicate", that element; "circular", inputs again.  A "reflect" border is narrower than inputs, a
            "circular" one as wide at most.

    Returns:
        (N, ..., C * m); channel c * m + j comes from channel c.

    Raises:
        ValueError: shapes, sizes or options do not fit each other or the rank of inputs; inputs are too small for a
            border of this ``padding_mode``.
        TypeError: inputs are no numbers, or of another dtype than the other tensors.

    Source: Keras 3, keras.ops.depthwise_conv; ``bias`` and ``activation`` beyond it, ``padding_mode`` from
        PyTorch, "same_lower" from ONNX.

    Example:
        >>> x, kernel = np.ones((1, 8, 8, 3), "float32"), np.ones((3, 3, 3, 2), "float32")
        >>> ops.depthwise_conv(x, kernel).shape
        (1, 6, 6, 6)
    """
    options = (strides, padding, dilation_rate, activation)
    return _run("depthwise_conv", as_tensor(inputs), kernel, bias, data_format, options, padding_mode)


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
    padding_mode: str = "zeros",
) -> Tensor:
    """depthwise_conv, then a convolution of one tap, with bias and activation.

    Args:
        inputs: (N, ..., C), sequences, images or volumes.
        depthwise_kernel: (taps..., C, m).
        pointwise_kernel: (1..., C * m, filters).
        strides: distance of the places that the kernel takes, a positive integer or one for each axis; any strides go
            with any dilation_rate.
        padding: "valid" for no zeros; "same" for an output of size / strides, the odd zero at the end, as in Keras,
            "same_lower" with it at the start; "causal", for one axis, for zeros in front alone; or numbers of zeros:
            one for all sides, or for each axis one or (before, after).
        data_format: "channels_last" (None: see config), or "channels_first" for (N, C, ...), also in the result.
        dilation_rate: distance of neighbouring taps of the kernel, a positive integer or one for each axis.
        bias: (filters,), or None for none.
        activation: "linear", "relu", "tanh" or "sigmoid", applied in the same pass.
        padding_mode: what stands around inputs: "zeros"; "reflect", inputs mirrored at their outermost element;
            "replicate", that element; "circular", inputs again.  A "reflect" border is narrower than inputs, a
            "circular" one as wide at most.

    Returns:
        (N, ..., filters).

    Raises:
        ValueError: shapes, sizes or options do not fit each other or the rank of inputs; inputs are too small for a
            border of this ``padding_mode``.
        TypeError: inputs are no numbers, or of another dtype than the other tensors.

    Source: Keras 3, keras.ops.separable_conv; ``bias`` and ``activation`` beyond it, ``padding_mode`` from
        PyTorch, "same_lower" from ONNX.

    Example:
        >>> x = np.ones((1, 8, 8, 3), "float32")
        >>> ops.separable_conv(x, np.ones((3, 3, 3, 1), "float32"), np.ones((1, 1, 3, 16), "float32")).shape
        (1, 6, 6, 16)
    """

    def run(x: Tensor) -> Tensor:
        y = depthwise_conv(
            x, depthwise_kernel, strides, padding, "channels_last", dilation_rate, padding_mode=padding_mode
        )
        return conv(y, pointwise_kernel, data_format="channels_last", bias=bias, groups=1, activation=activation)

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
    """conv over images.

    Args:
        x: images (N, H, W, C).
        w: (kh, kw, C / groups, filters).
        b: (filters,), or None for none.
        strides: distance of the places that the kernel takes, a positive integer or (vertical, horizontal).
        padding: "valid", "same", or numbers of zeros: one, (height, width), or ((top, bottom), (left, right)).
        dilation_rate: distance of neighbouring taps of the kernel, a positive integer or two.
        groups: groups of channels that are convolved apart.
        activation: "linear", "relu", "tanh" or "sigmoid", applied in the same pass.

    Returns:
        (N, H', W', filters).

    Raises:
        ValueError: x has other axes; shapes, sizes or options do not fit each other.
        TypeError: x is no numbers, or of another dtype than w and b.

    Source: conv for two axes.

    Example:
        >>> x, kernel = np.ones((1, 8, 8, 3), "float32"), np.ones((3, 3, 3, 16), "float32")
        >>> ops.conv2d(x, kernel, padding="same", activation="relu").shape
        (1, 8, 8, 16)
    """
    x = images(x, "conv2d")
    return conv(x, w, strides, padding, "channels_last", dilation_rate, bias=b, groups=groups, activation=activation)


def depthwise_conv2d(
    x: TensorLike,
    w: TensorLike,
    b: TensorLike | None = None,
    strides: Size = 1,
    padding: Padding = "valid",
    dilation_rate: Size = 1,
    activation: str = "linear",
) -> Tensor:
    """depthwise_conv over images.

    Args:
        x: images (N, H, W, C).
        w: (kh, kw, C, m).
        b: (C * m,), or None for none.
        strides: distance of the places that the kernel takes, a positive integer or (vertical, horizontal).
        padding: "valid", "same", or numbers of zeros: one, (height, width), or ((top, bottom), (left, right)).
        dilation_rate: distance of neighbouring taps of the kernel, a positive integer or two.
        activation: "linear", "relu", "tanh" or "sigmoid", applied in the same pass.

    Returns:
        (N, H', W', C * m).

    Raises:
        ValueError: x has other axes; shapes, sizes or options do not fit each other.
        TypeError: x is no numbers, or of another dtype than w and b.

    Source: depthwise_conv for two axes.

    Example:
        >>> x, kernel = np.ones((1, 8, 8, 3), "float32"), np.ones((3, 3, 3, 2), "float32")
        >>> ops.depthwise_conv2d(x, kernel, padding="same").shape
        (1, 8, 8, 6)
    """
    x = images(x, "depthwise_conv2d")
    return depthwise_conv(x, w, strides, padding, "channels_last", dilation_rate, bias=b, activation=activation)


__all__ = ["conv", "conv2d", "conv_transpose", "depthwise_conv", "depthwise_conv2d", "separable_conv"]
