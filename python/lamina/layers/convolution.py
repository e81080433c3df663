"""Convolutions of images and of sequences."""

from __future__ import annotations

from typing import Any

from .. import activations, initializers, ops, regularizers
from ..core.autograd import Tensor
from . import arguments
from .arguments import Pair, known, positive, refuse, sizes
from .base import Layer
from .call import context, take_following
from .data_format import from_images, to_images
from .normalization import BatchNormalization
from .symbolic import Shape
from .variable import Variable


class _Convolution(Layer):
    """What all share: windows over so many axes, layout, bias, activation."""

    _float_input = True
    _axes = 2
    _paddings: tuple[str, ...] = ()  # besides "valid" and "same"
    kernel: Variable
    bias: Variable | None
    activation: Any

    def _set_windows(
        self, kernel_size: Any, strides: Any, padding: Any, data_format: str | None, dilation_rate: Any
    ) -> None:
        self.kernel_size = sizes(self, "kernel_size", kernel_size, self._axes)
        self.strides = sizes(self, "strides", strides, self._axes)
        self.padding = arguments.padding(self, padding, self._axes, self._paddings)
        self.data_format = arguments.data_format(self, data_format)
        self.dilation_rate = sizes(self, "dilation_rate", dilation_rate, self._axes)

    def _channels(self, shape: Shape) -> int:
        arguments.check_axes(shape, self.data_format, self._axes)
        return known(self, "the channel axis", shape[1 if self.data_format == "channels_first" else -1], shape)

    def _output_channels(self, input_channels: int) -> int:
        raise NotImplementedError

    def _convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None, activation: str) -> Tensor:
        raise NotImplementedError

    def _folded(self, normalization: BatchNormalization) -> tuple[Tensor, Tensor]:
        """Kernel and bias that do what this layer and the normalization behind it do in inference."""
        return normalization.folded_into(self.kernel, self.bias)

    def call(self, inputs: Tensor) -> Any:
        if inputs._array.ndim != self._axes + 2:
            arguments.check_axes(inputs.shape, self.data_format, self._axes)
        x = to_images(inputs, self._axes, self.data_format)
        fused = take_following(activations.fused_name(self.activation), activations.FUSED)
        if context.normalization is None:
            y: Any = self._convolve(x, self.kernel, self.bias, fused or "linear")
        else:
            y = self._convolve(x, *self._folded(context.normalization), fused or "linear")
        y = from_images(y, self._axes, self.data_format)
        return y if fused else self.activation(y)

    def _window_padding(self) -> str | tuple[Pair, ...]:
        """``padding`` as kernels take it."""
        return self.padding

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels = self._channels(input_shape)
        if self.built and (message := self._wrong_channels(input_shape)):
            raise ValueError(message)
        return arguments.windows_output(
            input_shape, self._output_channels(channels), self.kernel_size, self.strides, self._window_padding(),
            self.dilation_rate, self.data_format == "channels_first", "kernel",
        )  # fmt: skip

    def _wanted_channels(self) -> int:
        return self.kernel.shape[-2]

    def _mismatch(self, shape: Shape) -> str | None:
        if not self.built or len(shape) != self._axes + 2:
            return None
        message = self._wrong_channels(shape)
        if message is None and self._axes == 1:  # in the words of sequences; the kernels know images
            message = arguments.complaint(self.compute_output_shape, shape)
        return message

    def _wrong_channels(self, shape: Shape) -> str | None:
        wanted = self._wanted_channels()
        what, inner = ("images", "H, W") if self._axes == 2 else ("sequences", "T")
        if self.data_format == "channels_first":
            if shape[1] == wanted:
                return None
            mend = f'; leave data_format="channels_first" out for {what} stored channels last'
            return f"x is {shape} but the kernel wants {wanted} channels first, (N, {wanted}, {inner})" + (
                mend if shape[-1] == wanted else ""
            )
        if shape[-1] == wanted:
            return None
        mend = f'; pass data_format="channels_first" for {what} stored channels first'
        return f"x is {shape} but the kernel wants {wanted} channels last, (N, {inner}, {wanted})" + (
            mend if shape[1] == wanted else ""
        )


class _Conv(_Convolution):
    """Conv1D and Conv2D; the defaults are Conv1D's."""

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
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    def build(self, input_shape: Shape) -> None:
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ValueError(f"the input {input_shape} has {channels} channels, no multiple of groups={self.groups}")
        self.compute_output_shape(input_shape)  # a window larger than the input is an error here already
        self.kernel = self.add_weight(
            (*self.kernel_size, channels // self.groups, self.filters), self.kernel_initializer,
            regularizer=self.kernel_regularizer, name="kernel",
        )  # fmt: skip
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.filters,), self.bias_initializer, regularizer=self.bias_regularizer, name="bias"
            )

    def _wanted_channels(self) -> int:
        return self.kernel.shape[-2] * self.groups

    def _output_channels(self, input_channels: int) -> int:
        return self.filters

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self._config(
            "filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "groups", "activation",
            "use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer",
        )  # fmt: skip


class Conv2D(_Conv):
    """Convolution of images (N, H, W, C) -> (N, H', W', filters).

    Weights: ``kernel`` (kh, kw, C / groups, filters), ``bias`` (filters,).  Arguments and defaults are Keras 3's;
    ``padding`` may also be explicit, ((top, bottom), (left, right)), and strides and dilation may go together.
    With ``data_format="channels_first"`` images come and go as (N, C, H, W).

    In float32, 3 x 3 and 5 x 5 kernels of stride one go by Winograd's tiles where that is faster (Lavin and Gray 2015),
    with relative errors of 3e-7 to 9e-7 where the direct sum's are 1e-7 to 5e-7.  ``LAMINA_WINOGRAD=0`` in the
    environment takes the direct sum.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
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
        super().__init__(
            filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip

    def _convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None, activation: str) -> Tensor:
        return ops.conv2d(x, kernel, bias, self.strides, self.padding, self.dilation_rate, self.groups, activation)


class Conv1D(_Conv):
    """Convolution of sequences (N, T, C) -> (N, T', filters): that of images of height 1.

    Weights: ``kernel`` (k, C / groups, filters), ``bias`` (filters,).  Arguments and defaults are Keras 3's; strides
    and dilation may go together.  ``padding="causal"`` puts all zeros in front, so that no step sees a later one (van
    den Oord et al., "WaveNet", 2016).  With ``data_format="channels_first"`` sequences come and go as (N, C, T).
    """

    _axes = 1
    _paddings = ("causal",)

    def _window_padding(self) -> str | tuple[Pair, ...]:
        if self.padding != "causal":
            return self.padding
        return (((self.kernel_size[0] - 1) * self.dilation_rate[0], 0),)

    def _convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None, activation: str) -> Tensor:
        pad = self._window_padding()
        return ops.conv2d(
            x, ops.expand_dims(kernel, 0), bias, (1, *self.strides), pad if isinstance(pad, str) else ((0, 0), pad[0]),
            (1, *self.dilation_rate), self.groups, activation,
        )  # fmt: skip


class DepthwiseConv2D(_Convolution):
    """Convolution of each channel by itself: (N, H, W, C) -> (N, H', W', C * depth_multiplier).

    Weights: ``kernel`` (kh, kw, C, depth_multiplier), ``bias``; output channel ``c * depth_multiplier + j`` comes from
    input channel c.  Arguments and defaults are Keras 3's, padding as for Conv2D.
    """

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: Any = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
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
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    def build(self, input_shape: Shape) -> None:
        channels = self._channels(input_shape)
        self.compute_output_shape(input_shape)
        self.kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier), self.depthwise_initializer,
            regularizer=self.depthwise_regularizer, name="kernel",
        )  # fmt: skip
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (channels * self.depth_multiplier,), self.bias_initializer, regularizer=self.bias_regularizer,
                name="bias",
            )  # fmt: skip

    def _output_channels(self, input_channels: int) -> int:
        return input_channels * self.depth_multiplier

    def _folded(self, normalization: BatchNormalization) -> tuple[Tensor, Tensor]:
        shape = self.kernel.shape
        kernel, bias = normalization.folded_into(ops.reshape(self.kernel, (*shape[:2], shape[2] * shape[3])), self.bias)
        return ops.reshape(kernel, shape), bias

    def _convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None, activation: str) -> Tensor:
        return ops.depthwise_conv2d(x, kernel, bias, self.strides, self.padding, self.dilation_rate, activation)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self._config(
            "kernel_size", "strides", "padding", "depth_multiplier", "data_format", "dilation_rate", "activation",
            "use_bias", "depthwise_initializer", "bias_initializer", "depthwise_regularizer", "bias_regularizer",
        )  # fmt: skip
