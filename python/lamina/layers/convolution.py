"""Convolutions of sequences, images and volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import activations, initializers, ops, regularizers
from ..core.autograd import Tensor
from . import arguments
from .arguments import known, positive, refuse, sizes
from .base import Layer
from .call import context, take_following
from .normalization import BatchNormalization
from .symbolic import Shape
from .variable import Variable


class Convolution(Layer):
    """What all share: windows over so many axes, layout, kernel, bias, activation."""

    _float_input = True
    _axes: int
    _paddings: tuple[str, ...] = ()  # besides "valid" and "same"
    kernel: Variable
    bias: Variable | None

    def _set_windows(
        self, kernel_size: Any, strides: Any, padding: Any, data_format: str | None, dilation_rate: Any
    ) -> None:
        self.kernel_size = sizes(self, "kernel_size", kernel_size, self._axes)
        self.strides = sizes(self, "strides", strides, self._axes)
        self.padding = arguments.padding(self, padding, self._axes, self._paddings)
        self.data_format = arguments.data_format(self, data_format)
        self.dilation_rate = sizes(self, "dilation_rate", dilation_rate, self._axes)

    def _set_outputs(self, activation: Any, use_bias: bool, bias_initializer: Any, bias_regularizer: Any) -> None:
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    def _output_channels(self, channels: int) -> int:
        raise NotImplementedError

    def _kernel_channels(self, channels: int) -> tuple[int, int]:
        """The last two axes of the kernel."""
        raise NotImplementedError

    def _kernel_options(self) -> tuple[Any, Any]:
        """Initializer and regularizer of the kernel."""
        raise NotImplementedError

    def _wanted_channels(self) -> int:
        """The input channels that the kernel was made for."""
        raise NotImplementedError

    def _convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None, activation: str) -> Tensor:
        raise NotImplementedError

    def _output_sizes(self, inner: Sequence[int | None]) -> list[int | None]:
        return arguments.windows_output(
            inner, self.kernel_size, self.strides, self.padding, self.dilation_rate, "kernel"
        )

    def _folded(self, normalization: BatchNormalization) -> tuple[Tensor, Tensor]:
        """Kernel and bias that do what this layer and the normalization behind it do in inference."""
        return normalization.folded_into(self.kernel, self.bias)

    def build(self, input_shape: Shape) -> None:
        found, _ = arguments.stored(input_shape, self.data_format, self._axes)
        channels = known(self, "the channel axis", found, input_shape)
        self.compute_output_shape(input_shape)  # a window larger than the input is an error here already
        initializer, regularizer = self._kernel_options()
        shape = (*self.kernel_size, *self._kernel_channels(channels))
        self.kernel = self.add_weight(shape, initializer, regularizer=regularizer, name="kernel")
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self._output_channels(channels),), self.bias_initializer, regularizer=self.bias_regularizer,
                name="bias",
            )  # fmt: skip

    def call(self, inputs: Tensor) -> Any:
        if inputs._array.ndim != self._axes + 2:
            arguments.check_axes(inputs.shape, self.data_format, self._axes)
        fused = take_following(activations.fused_name(self.activation), activations.FUSED)
        if context.normalization is None:
            y: Any = self._convolve(inputs, self.kernel, self.bias, fused or "linear")
        else:
            y = self._convolve(inputs, *self._folded(context.normalization), fused or "linear")
        return y if fused else self.activation(y)

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
        if not self.built or len(shape) != self._axes + 2:
            return None
        return arguments.complaint(self.compute_output_shape, shape)


class _Conv(Convolution):
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
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        refuse(self, kernel_constraint=kernel_constraint, bias_constraint=bias_constraint)
        self.filters = positive(self, "filters", filters)
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate)
        self.groups = positive(self, "groups", groups)
        if self.filters % self.groups:
            raise ValueError(f"{self._label()}: filters={filters} is not a multiple of groups={groups}")
        self._set_outputs(activation, use_bias, bias_initializer, bias_regularizer)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)

    def _output_channels(self, channels: int) -> int:
        return self.filters

    def _kernel_channels(self, channels: int) -> tuple[int, int]:
        if channels % self.groups:
            raise ValueError(f"the input has {channels} channels, no multiple of groups={self.groups}")
        return channels // self.groups, self.filters

    def _kernel_options(self) -> tuple[Any, Any]:
        return self.kernel_initializer, self.kernel_regularizer

    def _wanted_channels(self) -> int:
        return self.kernel.shape[-2] * self.groups

    def _convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None, activation: str) -> Tensor:
        return ops.conv(
            x, kernel, self.strides, self.padding, self.data_format, self.dilation_rate, bias=bias,
            groups=self.groups, activation=activation,
        )  # fmt: skip


class Conv1D(_Conv):
    """Convolution of sequences along time.

    Args:
        filters: channels of the output, a positive integer.
        kernel_size: steps that the kernel covers, an integer.
        strides: steps from one place of the kernel to the next, an integer.
        padding: "valid" for no zeros, "same" for an output of T / strides steps, "causal" for zeros in front alone, so
            that no step sees a later one; or a number of zeros for both ends, or ((first, last),).
        dilation_rate: distance of neighbouring kernel steps, an integer; may be combined with ``strides``.
        groups: groups of channels that are convolved apart; divides the input's channels and ``filters``.

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, T', filters); (N, filters, T') with ``data_format="channels_first"``.

    Weights: ``kernel`` (kernel_size, C / groups, filters) and ``bias`` (filters,).

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown; ``groups`` does not divide the channels; the input
            has other axes or channels, or is shorter than the kernel.

    Source: Keras 3, Conv1D; causal padding from van den Oord et al. 2016, "WaveNet".
    """

    _axes = 1
    _paddings = ("causal",)


class Conv2D(_Conv):
    """Convolution of images.

    In float32, 3 x 3 and 5 x 5 kernels of stride one go by Winograd's tiles where that is faster, with relative errors
    of 3e-7 to 9e-7 where the direct sum's are 1e-7 to 5e-7.  ``LAMINA_WINOGRAD=0`` in the environment takes the direct
    sum.

    Args:
        filters: channels of the output, a positive integer.
        kernel_size: pixels that the kernel covers, an integer or (height, width).
        strides: pixels from one place of the kernel to the next, an integer or (vertical, horizontal).
        padding: "valid" for no zeros, "same" for an output of H / strides, W / strides; or a number of zeros for all
            sides, (height, width), or ((top, bottom), (left, right)).
        dilation_rate: distance of neighbouring kernel pixels, an integer or two; may be combined with ``strides``.
        groups: groups of channels that are convolved apart; divides the input's channels and ``filters``.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H', W', filters); (N, filters, H', W') with ``data_format="channels_first"``.

    Weights: ``kernel`` (height, width, C / groups, filters) and ``bias`` (filters,).

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown; ``groups`` does not divide the channels; the input
            has other axes or channels, or is smaller than the kernel.

    Source: Keras 3, Conv2D; Winograd's tiles from Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural
        Networks".

    Example:
        >>> from lamina import layers, ops
        >>> layers.Conv2D(8, 3, padding="same", activation="relu")(ops.ones((1, 28, 28, 1))).shape
        (1, 28, 28, 8)
    """

    _axes = 2


class Conv3D(_Conv):
    """Convolution of volumes.

    Args:
        filters: channels of the output, a positive integer.
        kernel_size: voxels that the kernel covers, an integer or (depth, height, width).
        strides: voxels from one place of the kernel to the next, an integer or three.
        padding: "valid" for no zeros, "same" for an output of the input's sizes / strides; or a number of zeros for all
            sides, (depth, height, width), or ((front, back), (top, bottom), (left, right)).
        dilation_rate: distance of neighbouring kernel voxels, an integer or three; may be combined with ``strides``.
        groups: groups of channels that are convolved apart; divides the input's channels and ``filters``.

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, D', H', W', filters); (N, filters, D', H', W') with ``data_format="channels_first"``.

    Weights: ``kernel`` (depth, height, width, C / groups, filters) and ``bias`` (filters,).

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown; ``groups`` does not divide the channels; the input
            has other axes or channels, or is smaller than the kernel.

    Source: Keras 3, Conv3D.
    """

    _axes = 3


class _ConvTranspose(_Conv):
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
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip
        self.output_padding = None
        if output_padding is not None:
            self.output_padding = sizes(self, "output_padding", output_padding, self._axes, 0)
            for more, stride, dilation in zip(self.output_padding, self.strides, self.dilation_rate, strict=True):
                if more and more >= max(stride, dilation):
                    raise ValueError(
                        f"{self._label()}: output_padding={more} must be less than strides={stride}"
                        + f" or dilation_rate={dilation}" * (dilation > 1)
                    )

    def _kernel_channels(self, channels: int) -> tuple[int, int]:
        return super()._kernel_channels(channels)[1] // self.groups, channels

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
            bias=bias, groups=self.groups, activation=activation,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self._config("output_padding")


class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution of images, the gradient of a convolution: makes them larger.

    Args:
        filters: channels of the output, a positive integer.
        kernel_size: pixels of the output that one of the input reaches, an integer or (height, width).
        strides: pixels of the output from one of the input to the next, an integer or (vertical, horizontal).
        padding: "same" for an output of H * strides; "valid" for (H - 1) * strides + the kernel's height, at least H *
            strides; or numbers cut from that: one for all sides, (height, width), or ((top, bottom), (left, right)).
        output_padding: rows and columns added at the bottom and the right, an integer or two, less than ``strides`` (or
            than ``dilation_rate``, if larger); None adds what the padding's name asks for.
        dilation_rate: distance of neighbouring kernel pixels, an integer or two; may be combined with ``strides``.
        groups: groups of channels that are convolved apart; divides the input's channels and ``filters``.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H', W', filters); (N, filters, H', W') with ``data_format="channels_first"``.

    Weights: ``kernel`` (height, width, filters / groups, C) and ``bias`` (filters,).

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown or leaves nothing; ``output_padding`` is too large;
            ``groups`` does not divide the channels; the input has other axes or channels.

    Source: Keras 3, Conv2DTranspose; ``groups`` from PyTorch.
    """

    _axes = 2


class _DepthwiseConv(Convolution):
    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        refuse(self, depthwise_constraint=depthwise_constraint, bias_constraint=bias_constraint)
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate)
        self.depth_multiplier = positive(self, "depth_multiplier", depth_multiplier)
        self._set_outputs(activation, use_bias, bias_initializer, bias_regularizer)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)

    def _output_channels(self, channels: int) -> int:
        return channels * self.depth_multiplier

    def _kernel_channels(self, channels: int) -> tuple[int, int]:
        return channels, self.depth_multiplier

    def _kernel_options(self) -> tuple[Any, Any]:
        return self.depthwise_initializer, self.depthwise_regularizer

    def _wanted_channels(self) -> int:
        return self.kernel.shape[-2]

    def _folded(self, normalization: BatchNormalization) -> tuple[Tensor, Tensor]:
        shape = self.kernel.shape
        outputs = ops.reshape(self.kernel, (*shape[:-2], shape[-2] * shape[-1]))
        kernel, bias = normalization.folded_into(outputs, self.bias)
        return ops.reshape(kernel, shape), bias

    def _convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None, activation: str) -> Tensor:
        return ops.depthwise_conv(
            x, kernel, self.strides, self.padding, self.data_format, self.dilation_rate, bias=bias,
            activation=activation,
        )  # fmt: skip


class DepthwiseConv2D(_DepthwiseConv):
    """Convolution of each channel of images by itself.

    Output channel ``c * depth_multiplier + j`` comes from input channel c.

    Args:
        kernel_size: pixels that the kernel covers, an integer or (height, width).
        strides: pixels from one place of the kernel to the next, an integer or (vertical, horizontal).
        padding: "valid" for no zeros, "same" for an output of H / strides, W / strides; or a number of zeros for all
            sides, (height, width), or ((top, bottom), (left, right)).
        depth_multiplier: output channels for each input channel, a positive integer.
        dilation_rate: distance of neighbouring kernel pixels, an integer or two; may be combined with ``strides``.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H', W', C * depth_multiplier), or with the channels first.

    Weights: ``kernel`` (height, width, C, depth_multiplier) and ``bias`` (C * depth_multiplier,).

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown; the input has other axes or channels, or is smaller
            than the kernel.

    Source: Keras 3, DepthwiseConv2D.
    """

    _axes = 2
