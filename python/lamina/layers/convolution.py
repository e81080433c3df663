"""Convolutions, and transposed ones, of sequences, images and volumes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .. import activations, ops
from ..core.autograd import Tensor
from ..core.suggest import unknown
from ..ops.convolution import PADDING_MODES, check_border
from ..ops.quantized import quantized_conv
from . import arguments
from .arguments import known, positive, sizes
from .base import Layer
from .batch_normalization import BatchNormalization
from .fused_kinds import FOLDING, TAKEN
from .options import Unpack, UnregularizedOptions
from .symbolic import Shape
from .torch_module import KERNEL, TorchModule
from .variable import Variable

_INT8_TERMS = 32  # of a sum: fewer are 0.5 to 1.2 times as fast as floats, as many 1.0 to 5
_INT8_COLUMNS = 16  # of a strip of packed weights


class Convolution(Layer):
    """What all share: windows over so many axes, layout, kernel, bias, activation."""

    _float_input = True
    _axes: int
    _paddings: tuple[str, ...] = ()  # besides "valid" and "same"
    kernel: Variable
    bias: Variable | None

    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Any
    data_format: str
    dilation_rate: tuple[int, ...]
    activation: Any
    use_bias: bool
    padding_mode: str = "zeros"

    def _set_options(self, options: dict[str, Any]) -> None:
        """Keep and check what a convolution was made with, the ``locals()`` of its constructor."""
        super().__init__(activity_regularizer=options["activity_regularizer"], **options["kwargs"])
        self._keep(options)
        self.kernel_size = sizes(self, "kernel_size", self.kernel_size, self._axes)
        self.strides = sizes(self, "strides", self.strides, self._axes)
        self.padding = arguments.padding(self, self.padding, self._axes, self._paddings)
        self.data_format = arguments.data_format(self, self.data_format)
        self.dilation_rate = sizes(self, "dilation_rate", self.dilation_rate, self._axes)
        if self.padding_mode not in PADDING_MODES:
            raise unknown(f"padding_mode of {self._label()}", self.padding_mode, tuple(PADDING_MODES))

    def _output_channels(self, channels: int) -> int:
        raise NotImplementedError

    def _make_kernels(self, channels: int) -> None:
        """The weights besides the bias, for so many input channels."""
        raise NotImplementedError

    def _wanted_channels(self) -> int:
        """The input channels that the kernel was made for."""
        raise NotImplementedError

    def _convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None, activation: str) -> Tensor:
        raise NotImplementedError

    def _output_sizes(self, inner: Sequence[int | None]) -> list[int | None]:
        found = arguments.windows_output(
            inner, self.kernel_size, self.strides, self.padding, self.dilation_rate, "kernel"
        )
        for axis, n in enumerate(inner):
            if self.padding_mode != "zeros" and n is not None:
                before, after = self._sides(axis, n)
                check_border(self.padding_mode, (n,), (before,), (after,))
        return found

    def _sides(self, axis: int, n: int) -> tuple[int, int]:
        """How many elements stand before and behind an axis of n."""
        extent = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
        return arguments.window_sides(n, extent, self.strides[axis], self.padding, axis)

    def _folded(self, normalization: BatchNormalization) -> tuple[Tensor, Tensor]:
        """Kernel and bias that do what this layer and the normalization behind it do in inference."""
        return normalization.folded_into(self.kernel, self.bias)

    def build(self, input_shape: Shape) -> None:
        found, _ = arguments.stored(input_shape, self.data_format, self._axes)
        channels = known(self, "the channel axis", found, input_shape)
        self.compute_output_shape(input_shape)  # a window larger than the input is an error here already
        self._make_kernels(channels)
        self.bias = self._weight("bias", (self._output_channels(channels),)) if self.use_bias else None

    def call(self, inputs: Tensor) -> Tensor:
        fused = activations.fused_name(self.activation)
        if fused is not None:
            return self._call_fused(fused, inputs)
        return self.activation(self._call_fused("linear", inputs))

    def _call_fused(self, activation: str, inputs: Tensor, normalization: BatchNormalization | None = None) -> Tensor:
        """normalization: the layer between this one and the activation, in inference."""
        if normalization is None:
            return self._convolve(inputs, self.kernel, self.bias, activation)
        return self._convolve(inputs, *self._folded(normalization), activation)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        found, inner = arguments.stored(input_shape, self.data_format, self._axes)
        channels = known(self, "the channel axis", found, input_shape)
        if self.built and (message := self._wrong_channels(input_shape)):
            raise ValueError(message)
        return arguments.as_stored(
            input_shape[0], self._output_sizes(inner), self._output_channels(channels), self.data_format
        )

    def _wrong_channels(self, shape: Shape) -> str | None:
        return arguments.wrong_channels(shape, self.data_format, self._axes, self._wanted_channels())

    def _mismatch(self, shape: Shape) -> str | None:
        if not self.built:
            return None
        return arguments.complaint(self.compute_output_shape, shape)


class _Conv(Convolution):
    _torch = TorchModule("Conv", weight=("kernel", KERNEL), bias="bias")

    _int8_in_keras = False
    filters: int
    groups: int

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        *,
        padding_mode: str = "zeros",
        **kwargs: Unpack[UnregularizedOptions],
    ) -> None:
        self._set_options(locals())

    def _set_options(self, options: dict[str, Any]) -> None:
        super()._set_options(options)
        self.filters = positive(self, "filters", self.filters)
        self.groups = positive(self, "groups", self.groups)
        if self.filters % self.groups:
            raise ValueError(f"{self._label()}: filters={self.filters} is not a multiple of groups={self.groups}")
        if self._quantization is not None and (message := self._without_int8()):
            raise ValueError(message)

    def _output_channels(self, channels: int) -> int:
        return self.filters

    def _make_kernels(self, channels: int) -> None:
        if channels % self.groups:
            raise ValueError(f"the input has {channels} channels, no multiple of groups={self.groups}")
        self.kernel = self._weight("kernel", (*self.kernel_size, *self._kernel_channels(channels)))

    def _kernel_channels(self, channels: int) -> tuple[int, int]:
        """The last two axes of the kernel."""
        return channels // self.groups, self.filters

    def _wanted_channels(self) -> int:
        return self.kernel.shape[-2] * self.groups

    def _int8_axes(self) -> Mapping[str, tuple[int, ...]]:
        return {"kernel": tuple(range(self._axes + 1))}

    def _int8_pays(self) -> bool:
        left_out = max(1.0, math.prod(self.strides) / math.prod(self.kernel_size))  # pixels for each that is met
        return math.prod(self.kernel.shape[:-1]) >= _INT8_TERMS * left_out

    def _check_quantize(self, mode: str, type_check: bool) -> None:
        if message := self._without_int8():
            raise NotImplementedError(message)
        super()._check_quantize(mode, type_check)

    def _without_int8(self) -> str | None:
        each = self.filters // self.groups
        if self.groups == 1 or each % _INT8_COLUMNS == 0:
            return None
        return (
            f"{self._label()}: groups={self.groups} have {each} filters each, int8 weights go with multiples of "
            f"{_INT8_COLUMNS}; it stays float32"
        )

    def _call_fused(self, activation: str, inputs: Tensor, normalization: BatchNormalization | None = None) -> Tensor:
        if self._packed is None:
            return super()._call_fused(activation, inputs, normalization)
        if message := self._mismatch(inputs.shape):
            raise ValueError(message)
        gain: Tensor | None = None
        bias: Tensor | None = self.bias
        padding: Any = self.padding
        if normalization is not None:
            gain, bias = normalization.folded_into(ops.ones((1, self.filters), self._dtype), bias)
            gain = ops.reshape(gain, (self.filters,))
        if self.padding_mode != "zeros":
            _, inner = arguments.stored(inputs.shape, self.data_format, self._axes)
            padding = tuple(self._sides(axis, n or 0) for axis, n in enumerate(inner))
        return quantized_conv(
            inputs, self._packed["kernel"].matrix(), gain, bias, self.kernel_size, self.strides, padding,
            self.data_format, self.dilation_rate, self.groups, activation, self.padding_mode,
        )  # fmt: skip

    def _convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None, activation: str) -> Tensor:
        return ops.conv(
            x, kernel, self.strides, self.padding, self.data_format, self.dilation_rate, bias=bias,
            groups=self.groups, activation=activation, padding_mode=self.padding_mode, bfloat16=self._bfloat16,
        )  # fmt: skip


class Conv1D(_Conv):
    """Convolution of sequences along time.

    Args:
        strides: steps from one place of the kernel to the next, an integer.
        padding: "valid" for no zeros, "same" for an output of T / strides steps, "same_lower" with the odd one in
            front, "causal" for zeros in front alone, so that no step sees a later one; or a number of zeros for both
            ends, or ((first, last),).

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, T', filters); (N, filters, T') with ``data_format="channels_first"``.

    Weights: ``kernel`` (kernel_size, C / groups, filters) and ``bias`` (filters,).

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown; ``groups`` does not divide the channels; the input
            has other axes or channels, or is shorter than the kernel.

    Source: Keras 3, Conv1D; causal padding from van den Oord et al. 2016, "WaveNet".

    Example:
        >>> layers.Conv1D(16, 3, padding="causal", activation="relu")(np.ones((2, 10, 4), "float32")).shape
        (2, 10, 16)
    """

    _axes = 1
    _paddings = ("causal",)


class Conv2D(_Conv):
    """Convolution of images.

    In float32, 3 x 3 and 5 x 5 kernels of stride one go by Winograd's tiles where that is faster, with relative errors
    of 3e-7 to 9e-7 where the direct sum's are 1e-7 to 5e-7.  ``LAMINA_WINOGRAD=0`` in the environment takes the direct
    sum.

    Args:
        strides: pixels from one place of the kernel to the next, an integer or (vertical, horizontal).
        padding: "valid" for no zeros, "same" for an output of H / strides, W / strides, "same_lower" with the odd one
            in front; or a number of zeros for all sides, (height, width), or ((top, bottom), (left, right)).

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H', W', filters); (N, filters, H', W') with ``data_format="channels_first"``.

    Weights: ``kernel`` (height, width, C / groups, filters) and ``bias`` (filters,).

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown; ``groups`` does not divide the channels; the input
            has other axes or channels, or is smaller than the kernel.

    Source: Keras 3, Conv2D; Winograd's tiles from Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural
        Networks".

    Example:
        >>> layers.Conv2D(8, 3, padding="same", activation="relu")(ops.ones((1, 28, 28, 1))).shape
        (1, 28, 28, 8)
    """

    _axes = 2


class Conv3D(_Conv):
    """Convolution of volumes.

    Args:
        strides: voxels from one place of the kernel to the next, an integer or three.
        padding: "valid" for no zeros, "same" for an output of the input's sizes / strides, "same_lower" with the odd
            one in front; or a number of zeros for all sides, (depth, height, width), or ((front, back), (top, bottom),
            (left, right)).

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, D', H', W', filters); (N, filters, D', H', W') with ``data_format="channels_first"``.

    Weights: ``kernel`` (depth, height, width, C / groups, filters) and ``bias`` (filters,).

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown; ``groups`` does not divide the channels; the input
            has other axes or channels, or is smaller than the kernel.

    Source: Keras 3, Conv3D.

    Example:
        >>> layers.Conv3D(8, 3)(np.ones((1, 6, 8, 8, 1), "float32")).shape
        (1, 4, 6, 6, 8)
    """

    _axes = 3


class _ConvTranspose(_Conv):
    _int8_axes = Layer._int8_axes  # these stay float32
    output_padding: tuple[int, ...] | None

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        *,
        groups: int = 1,
        **kwargs: Unpack[UnregularizedOptions],
    ) -> None:
        self._set_options(locals())

    def _set_options(self, options: dict[str, Any]) -> None:
        super()._set_options(options)
        if self.output_padding is None:
            return
        self.output_padding = sizes(self, "output_padding", self.output_padding, self._axes, 0)
        for more, stride, dilation in zip(self.output_padding, self.strides, self.dilation_rate, strict=True):
            if more and more >= max(stride, dilation):
                raise ValueError(
                    f"{self._label()}: output_padding={more} must be less than strides={stride}"
                    + f" or dilation_rate={dilation}" * (dilation > 1)
                )

    def _kernel_channels(self, channels: int) -> tuple[int, int]:
        return self.filters // self.groups, channels

    def _wanted_channels(self) -> int:
        return self.kernel.shape[-1]

    def _output_sizes(self, inner: Sequence[int | None]) -> list[int | None]:
        return arguments.transposed_output(
            inner, self.kernel_size, self.strides, self.padding, self.output_padding, self.dilation_rate
        )

    def _folded(self, normalization: BatchNormalization) -> tuple[Tensor, Tensor]:
        *taps, filters, channels = self.kernel.shape
        n, inner = self._axes, channels // self.groups
        order = (*range(n), n + 2, n + 1, n)  # filters of a group last, after the groups
        turned = ops.transpose(ops.reshape(self.kernel, (*taps, filters, self.groups, inner)), order)
        kernel, bias = normalization.folded_into(ops.reshape(turned, (*taps, inner, self.filters)), self.bias)
        back = ops.transpose(ops.reshape(kernel, (*taps, inner, self.groups, filters)), order)
        return ops.reshape(back, self.kernel.shape), bias

    def _convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None, activation: str) -> Tensor:
        return ops.conv_transpose(
            x, kernel, self.strides, self.padding, self.output_padding, self.data_format, self.dilation_rate,
            bias=bias, groups=self.groups, activation=activation, bfloat16=self._bfloat16,
        )  # fmt: skip


class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution of sequences, the gradient of a convolution: makes them longer.

    With dilation, kernel_size stands for (its size - 1) * dilation_rate + 1.

    Args:
        strides: steps of the output from one of the input to the next, an integer.
        padding: "same" for an output of T * strides, "same_lower" too, cutting the odd one at the start; "valid" for (T
            - 1) * strides + kernel_size, at least T * strides; or numbers cut from (T - 1) * strides + kernel_size: one
            for both ends, or ((first, last),).
        output_padding: steps added at the end of time, an integer, less than ``strides`` (or than ``dilation_rate``, if
            larger); None adds what the padding's name asks for.  "same" then counts from (T - 1) * strides +
            kernel_size % 2.

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, T', filters); (N, filters, T') with ``data_format="channels_first"``.

    Weights: ``kernel`` (kernel_size, filters / groups, C) and ``bias`` (filters,).

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown or leaves nothing; ``output_padding`` is too large;
            ``groups`` does not divide the channels; the input has other axes or channels.

    Source: Keras 3, Conv1DTranspose; ``groups`` from PyTorch.

    Example:
        >>> layers.Conv1DTranspose(8, 4, strides=2, padding="same")(np.ones((2, 10, 4), "float32")).shape
        (2, 20, 8)
    """

    _axes = 1


class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution of images, the gradient of a convolution: makes them larger.

    With dilation, the kernel's height stands for (its size - 1) * dilation_rate + 1.  Columns go likewise.

    Args:
        strides: pixels of the output from one of the input to the next, an integer or (vertical, horizontal).
        padding: "same" for an output of H * strides, "same_lower" too, cutting the odd one at the start; "valid" for (H
            - 1) * strides + the kernel's height, at least H * strides; or numbers cut from (H - 1) * strides + the
            kernel's height: one for all sides, (height, width), or ((top, bottom), (left, right)).
        output_padding: pixels added at the end of each axis, an integer or one for each axis, less than ``strides`` (or
            than ``dilation_rate``, if larger); None adds what the padding's name asks for.  "same" then counts from (H
            - 1) * strides + the kernel's height % 2.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H', W', filters); (N, filters, H', W') with ``data_format="channels_first"``.

    Weights: ``kernel`` (height, width, filters / groups, C) and ``bias`` (filters,).

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown or leaves nothing; ``output_padding`` is too large;
            ``groups`` does not divide the channels; the input has other axes or channels.

    Source: Keras 3, Conv2DTranspose; ``groups`` from PyTorch.

    Example:
        >>> layers.Conv2DTranspose(8, 3, strides=2, padding="same")(np.ones((2, 4, 4, 16), "float32")).shape
        (2, 8, 8, 8)
    """

    _axes = 2


class Conv3DTranspose(_ConvTranspose):
    """Transposed convolution of volumes, the gradient of a convolution: makes them larger.

    With dilation, the kernel's depth stands for (its size - 1) * dilation_rate + 1.  Rows and columns go likewise.

    Args:
        strides: voxels of the output from one of the input to the next, an integer or three.
        padding: "same" for an output of D * strides, "same_lower" too, cutting the odd one at the start; "valid" for (D
            - 1) * strides + the kernel's depth, at least D * strides; or numbers cut from (D - 1) * strides + the
            kernel's depth: one for all sides, (depth, height, width), or ((front, back), (top, bottom), (left, right)).
        output_padding: voxels added at the end of each axis, an integer or one for each axis, less than ``strides`` (or
            than ``dilation_rate``, if larger); None adds what the padding's name asks for.  "same" then counts from (D
            - 1) * strides + the kernel's depth % 2.

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, D', H', W', filters); (N, filters, D', H', W') with ``data_format="channels_first"``.

    Weights: ``kernel`` (depth, height, width, filters / groups, C) and ``bias`` (filters,).

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown or leaves nothing; ``output_padding`` is too large;
            ``groups`` does not divide the channels; the input has other axes or channels.

    Source: Keras 3, Conv3DTranspose; ``groups`` from PyTorch.

    Example:
        >>> layers.Conv3DTranspose(4, 2, strides=2)(np.ones((1, 3, 4, 4, 8), "float32")).shape
        (1, 6, 8, 8, 4)
    """

    _axes = 3

    def __init__(  # data_format before output_padding, as in Keras
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        *,
        groups: int = 1,
        **kwargs: Unpack[UnregularizedOptions],
    ) -> None:
        self._set_options(locals())


Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose

TAKEN[Convolution.call] = activations.FUSED
FOLDING.add(Convolution.call)

__all__ = [
    "Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "Convolution1D",
    "Convolution1DTranspose", "Convolution2D", "Convolution2DTranspose", "Convolution3D", "Convolution3DTranspose",
]  # fmt: skip
