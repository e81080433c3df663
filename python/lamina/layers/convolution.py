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
    """Convolution of sequences (N, T, C) -> (N, T', filters).

    Weights: ``kernel`` (k, C / groups, filters), ``bias`` (filters,).  Arguments and defaults are Keras 3's; strides
    and dilation may go together.  ``padding`` may also be numbers: one for both ends, or ((first, last),).
    ``padding="causal"`` puts all zeros in front, so that no step sees a later one (van den Oord et al., "WaveNet",
    2016).  With ``data_format="channels_first"`` sequences come and go as (N, C, T).
    """

    _axes = 1
    _paddings = ("causal",)


class Conv2D(_Conv):
    """Convolution of images (N, H, W, C) -> (N, H', W', filters).

    Weights: ``kernel`` (kh, kw, C / groups, filters), ``bias`` (filters,).  Arguments and defaults are Keras 3's;
    ``padding`` may also be explicit, ((top, bottom), (left, right)), and strides and dilation may go together.
    With ``data_format="channels_first"`` images come and go as (N, C, H, W).

    In float32, 3 x 3 and 5 x 5 kernels of stride one go by Winograd's tiles where that is faster (Lavin and Gray 2015),
    with relative errors of 3e-7 to 9e-7 where the direct sum's are 1e-7 to 5e-7.  ``LAMINA_WINOGRAD=0`` in the
    environment takes the direct sum.
    """

    _axes = 2


class Conv3D(_Conv):
    """Convolution of volumes (N, D, H, W, C) -> (N, D', H', W', filters).

    Weights: ``kernel`` (kd, kh, kw, C / groups, filters), ``bias`` (filters,).  Arguments and defaults are Keras 3's;
    ``padding`` may also be explicit, ((front, back), (top, bottom), (left, right)), and strides and dilation may go
    together.  With ``data_format="channels_first"`` volumes come and go as (N, C, D, H, W).
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
    """Transposed convolution of images (N, H, W, C) -> larger ones (N, H', W', filters): the gradient of a convolution.

    Weights: ``kernel`` (kh, kw, filters / groups, C), ``bias`` (filters,).  Arguments and defaults are Keras 3's:
    padding "same" yields H * strides, "valid" (H - 1) * strides + kh, at least H * strides; explicit numbers,
    ((top, bottom), (left, right)), cut so much from it.  ``output_padding`` adds at the bottom and the right, less than
    the strides.  Beyond Keras strides and dilation may go together, and channels into ``groups``.
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
    """Convolution of each channel by itself: (N, H, W, C) -> (N, H', W', C * depth_multiplier).

    Weights: ``kernel`` (kh, kw, C, depth_multiplier), ``bias``; output channel ``c * depth_multiplier + j`` comes from
    input channel c.  Arguments and defaults are Keras 3's, padding as for Conv2D.
    """

    _axes = 2
