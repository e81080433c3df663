"""Pooling of images and of sequences."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.autograd import Tensor
from . import arguments
from .base import Layer
from .data_format import from_images, to_images
from .masking import as_mask
from .symbolic import Shape


class _Pooling(Layer):
    """Windows over so many axes; over one, those of an image of height 1."""

    _float_input = True
    _axes = 2

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pool_size = arguments.sizes(self, "pool_size", pool_size, self._axes)
        self.strides = arguments.sizes(self, "strides", self.pool_size if strides is None else strides, self._axes)
        self.padding = arguments.padding(self, padding, self._axes)
        self.data_format = arguments.data_format(self, data_format)
        self._built = True

    def _pool(self, x: Tensor, pool_size: Any, strides: Any) -> Tensor:
        raise NotImplementedError

    def call(self, inputs: Tensor) -> Tensor:
        if inputs._array.ndim != self._axes + 2:
            arguments.check_axes(inputs.shape, self.data_format, self._axes)
        lead = (1,) * (2 - self._axes)
        y = self._pool(
            to_images(inputs, self._axes, self.data_format), (*lead, *self.pool_size), (*lead, *self.strides)
        )
        return from_images(y, self._axes, self.data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        arguments.check_axes(input_shape, self.data_format, self._axes)
        first = self.data_format == "channels_first"
        return arguments.windows_output(
            input_shape, input_shape[1 if first else -1], self.pool_size, self.strides, self.padding,
            (1,) * self._axes, first, "pool",
        )  # fmt: skip

    def _mismatch(self, shape: Shape) -> str | None:
        return None if self._axes == 2 else arguments.complaint(self.compute_output_shape, shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self._config("pool_size", "strides", "padding", "data_format")


class _Max(_Pooling):
    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def _pool(self, x: Tensor, pool_size: Any, strides: Any) -> Tensor:
        return ops.max_pool2d(x, pool_size, strides, self.padding)


class MaxPooling2D(_Max):
    """The largest value of each window, (N, H, W, C) -> (N, H', W', C).

    strides defaults to pool_size.  padding "same" never wins: it counts as minus infinity.
    """


class MaxPooling1D(_Max):
    """The largest value of each window, (N, T, C) -> (N, T', C); otherwise as MaxPooling2D."""

    _axes = 1


class _Average(_Pooling):
    def _pool(self, x: Tensor, pool_size: Any, strides: Any) -> Tensor:
        return ops.average_pool2d(x, pool_size, strides, self.padding)


class AveragePooling2D(_Average):
    """The mean of each window, (N, H, W, C) -> (N, H', W', C).

    strides defaults to pool_size.  Padding is left out of the mean, as in Keras.
    """


class AveragePooling1D(_Average):
    """The mean of each window, (N, T, C) -> (N, T', C); otherwise as AveragePooling2D."""

    _axes = 1


class _GlobalPooling(Layer):
    _float_input = True
    _axes = 2

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.keepdims = keepdims
        self._built = True

    def _pool(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def call(self, inputs: Tensor) -> Tensor:
        if inputs._array.ndim != self._axes + 2:
            arguments.check_axes(inputs.shape, self.data_format, self._axes)
        y = self._pool(to_images(inputs, self._axes, self.data_format))
        return from_images(y, self._axes, self.data_format) if self.keepdims else y

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        arguments.check_axes(input_shape, self.data_format, self._axes)
        first = self.data_format == "channels_first"
        n, c = input_shape[0], input_shape[1 if first else -1]
        ones = (1,) * self._axes if self.keepdims else ()
        return (n, c, *ones) if first else (n, *ones, c)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self._config("data_format", "keepdims")


class _GlobalAverage(_GlobalPooling):
    def _pool(self, x: Tensor) -> Tensor:
        return ops.global_average_pool2d(x, self.keepdims)


class GlobalAveragePooling2D(_GlobalAverage):
    """The mean over the image, (N, H, W, C) -> (N, C); with keepdims (N, 1, 1, C)."""


class _GlobalMax(_GlobalPooling):
    def _pool(self, x: Tensor) -> Tensor:
        return ops.global_max_pool2d(x, self.keepdims)


class GlobalMaxPooling2D(_GlobalMax):
    """The largest value of the image, (N, H, W, C) -> (N, C); with keepdims (N, 1, 1, C)."""


class GlobalAveragePooling1D(_GlobalAverage):
    """The mean over time, (N, T, C) -> (N, C); with keepdims (N, 1, C).

    With a mask (N, T) it is that of the steps that count, NaN for a sequence without any.
    """

    supports_masking = True
    _axes = 1

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        if mask is None:
            return super().call(inputs)
        arguments.check_axes(inputs.shape, self.data_format, 1)
        time, channel = (1, 2) if self.data_format == "channels_last" else (2, 1)
        counts = ops.expand_dims(as_mask(mask, (inputs.shape[0], inputs.shape[time])), channel)
        total = ops.sum(ops.where(counts, inputs, 0.0), time, self.keepdims)
        return ops.divide(total, ops.sum(ops.cast(counts, inputs.dtype), time, self.keepdims))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """There is none: the time axis is gone."""


class GlobalMaxPooling1D(_GlobalMax):
    """The largest value over time, (N, T, C) -> (N, C); with keepdims (N, 1, C)."""

    _axes = 1


MaxPool1D, MaxPool2D = MaxPooling1D, MaxPooling2D
AvgPool1D, AvgPool2D = AveragePooling1D, AveragePooling2D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D
