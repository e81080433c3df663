"""Depthwise and separable convolutions: each channel by itself, and then perhaps all channels of a pixel."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.autograd import Tensor
from .arguments import positive
from .batch_normalization import BatchNormalization
from .convolution import Convolution
from .options import Unpack, UnregularizedOptions
from .torch_module import DEPTHWISE, KERNEL, Place, TorchModule, linked
from .variable import Variable


def _two_convolutions(layer: Any) -> list[list[Place]]:
    """In PyTorch: a convolution of as many groups as channels, and one of kernel size 1, which has the bias."""
    bias = [] if layer.bias is None else [linked("bias", layer.bias)]
    first = Place([linked("weight", layer.depthwise_kernel, DEPTHWISE)], "depthwise")
    return [[first, Place([linked("weight", layer.pointwise_kernel, KERNEL), *bias], "pointwise")]]


class _DepthwiseConv(Convolution):
    _torch = TorchModule("Conv", weight=("kernel", DEPTHWISE), bias="bias")

    depth_multiplier: int

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
        *,
        padding_mode: str = "zeros",
        **kwargs: Unpack[UnregularizedOptions],
    ) -> None:
        self._set_options(locals())

    def _set_options(self, options: dict[str, Any]) -> None:
        super()._set_options(options)
        self.depth_multiplier = positive(self, "depth_multiplier", self.depth_multiplier)

    def _output_channels(self, channels: int) -> int:
        return channels * self.depth_multiplier

    def _make_kernels(self, channels: int) -> None:
        self.kernel = self._weight("kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise")

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
            activation=activation, padding_mode=self.padding_mode,
        )  # fmt: skip


class DepthwiseConv1D(_DepthwiseConv):
    """Convolution of each channel of sequences by itself.

    Output channel ``c * depth_multiplier + j`` comes from input channel c.

    Args:
        strides: steps from one place of the kernel to the next, an integer.
        padding: "valid" for no zeros, "same" for an output of T / strides steps, "same_lower" with the odd one in
            front, "causal" for zeros in front alone, so that no step sees a later one; or a number of zeros for both
            ends, or ((first, last),).

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, T', C * depth_multiplier), or with the channels first.

    Weights: ``kernel`` (kernel_size, C, depth_multiplier) and ``bias`` (C * depth_multiplier,).

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown; the input has other axes or channels, or is shorter
            than the kernel.

    Source: Keras 3, DepthwiseConv1D; "causal" from Conv1D.

    Example:
        >>> layers.DepthwiseConv1D(3, padding="same")(np.ones((2, 10, 4), "float32")).shape
        (2, 10, 4)
    """

    _axes = 1
    _paddings = ("causal",)


class DepthwiseConv2D(_DepthwiseConv):
    """Convolution of each channel of images by itself.

    Output channel ``c * depth_multiplier + j`` comes from input channel c.

    Args:
        strides: pixels from one place of the kernel to the next, an integer or (vertical, horizontal).
        padding: "valid" for no zeros, "same" for an output of H / strides, W / strides, "same_lower" with the odd one
            in front; or a number of zeros for all sides, (height, width), or ((top, bottom), (left, right)).

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H', W', C * depth_multiplier), or with the channels first.

    Weights: ``kernel`` (height, width, C, depth_multiplier) and ``bias`` (C * depth_multiplier,).

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown; the input has other axes or channels, or is smaller
            than the kernel.

    Source: Keras 3, DepthwiseConv2D; Howard et al. 2017, "MobileNets".

    Example:
        >>> layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(np.ones((1, 8, 8, 4), "float32")).shape
        (1, 8, 8, 8)
    """

    _axes = 2


class _SeparableConv(Convolution):
    _torch = TorchModule("Sequential of two Conv", others=_two_convolutions)

    filters: int
    depth_multiplier: int
    depthwise_kernel: Variable
    pointwise_kernel: Variable

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        *,
        padding_mode: str = "zeros",
        **kwargs: Unpack[UnregularizedOptions],
    ) -> None:
        self._set_options(locals())

    def _set_options(self, options: dict[str, Any]) -> None:
        super()._set_options(options)
        self.filters = positive(self, "filters", self.filters)
        self.depth_multiplier = positive(self, "depth_multiplier", self.depth_multiplier)

    @property
    def kernel(self) -> Variable:  # type: ignore[override]
        """The pointwise kernel, which a normalization behind the layer is folded into."""
        return self.pointwise_kernel

    def _output_channels(self, channels: int) -> int:
        return self.filters

    def _make_kernels(self, channels: int) -> None:
        taps, between = self.kernel_size, channels * self.depth_multiplier
        self.depthwise_kernel = self._weight("depthwise_kernel", (*taps, channels, self.depth_multiplier), "depthwise")
        shape = (*(1,) * self._axes, between, self.filters)
        self.pointwise_kernel = self._weight("pointwise_kernel", shape, "pointwise")

    def _wanted_channels(self) -> int:
        return self.depthwise_kernel.shape[-2]

    def _convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None, activation: str) -> Tensor:
        return ops.separable_conv(
            x, self.depthwise_kernel, kernel, self.strides, self.padding, self.data_format, self.dilation_rate,
            bias=bias, activation=activation, padding_mode=self.padding_mode,
        )  # fmt: skip


class SeparableConv1D(_SeparableConv):
    """Convolution of each channel of sequences by itself, then of all channels of each step.

    Args:
        strides: steps from one place of the kernel to the next, an integer.
        padding: "valid" for no zeros, "same" for an output of T / strides steps, "same_lower" with the odd one in
            front, "causal" for zeros in front alone, so that no step sees a later one; or a number of zeros for both
            ends, or ((first, last),).

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, T', filters); (N, filters, T') with ``data_format="channels_first"``.

    Weights: ``depthwise_kernel`` (kernel_size, C, depth_multiplier), ``pointwise_kernel`` (1, C * depth_multiplier,
        filters) and ``bias`` (filters,).

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown; the input has other axes or channels, or is shorter
            than the kernel.

    Source: Keras 3, SeparableConv1D; Chollet 2016, "Xception"; "causal" from Conv1D.

    Example:
        >>> layers.SeparableConv1D(16, 3, padding="same")(np.ones((2, 10, 4), "float32")).shape
        (2, 10, 16)
    """

    _axes = 1
    _paddings = ("causal",)


class SeparableConv2D(_SeparableConv):
    """Convolution of each channel of images by itself, then of all channels of each pixel.

    Args:
        strides: pixels from one place of the kernel to the next, an integer or (vertical, horizontal).
        padding: "valid" for no zeros, "same" for an output of H / strides, W / strides, "same_lower" with the odd one
            in front; or a number of zeros for all sides, (height, width), or ((top, bottom), (left, right)).

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H', W', filters); (N, filters, H', W') with ``data_format="channels_first"``.

    Weights: ``depthwise_kernel`` (height, width, C, depth_multiplier), ``pointwise_kernel`` (1, 1, C *
        depth_multiplier, filters) and ``bias`` (filters,).

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown; the input has other axes or channels, or is smaller
            than the kernel.

    Source: Keras 3, SeparableConv2D; Chollet 2016, "Xception".

    Example:
        >>> layers.SeparableConv2D(16, 3, padding="same")(np.ones((2, 8, 8, 4), "float32")).shape
        (2, 8, 8, 16)
    """

    _axes = 2


DepthwiseConvolution2D = DepthwiseConv2D
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D

__all__ = [
    "DepthwiseConv1D", "DepthwiseConv2D", "DepthwiseConvolution2D", "SeparableConv1D", "SeparableConv2D",
    "SeparableConvolution1D", "SeparableConvolution2D",
]  # fmt: skip
