"""Pooling of sequences, images and volumes."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.autograd import Tensor
from ..core.suggest import unknown
from . import arguments
from .base import Layer
from .masking import as_mask
from .symbolic import Shape


class _Pooling(Layer):
    """Windows over so many axes."""

    _float_input = True
    _axes: int

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        ceil_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pool_size = arguments.sizes(self, "pool_size", pool_size, self._axes)
        self.strides = arguments.sizes(self, "strides", self.pool_size if strides is None else strides, self._axes)
        self.padding = arguments.padding(self, padding, self._axes)
        self.data_format = arguments.data_format(self, data_format)
        self.ceil_mode = bool(ceil_mode)
        self._built = True

    def _pool(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def call(self, inputs: Tensor) -> Tensor:
        if inputs._array.ndim != self._axes + 2:
            arguments.check_axes(inputs.shape, self.data_format, self._axes)
        return self._pool(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels, inner = arguments.stored(input_shape, self.data_format, self._axes)
        found = arguments.windows_output(
            inner, self.pool_size, self.strides, self.padding, (1,) * self._axes, "pool", self.ceil_mode
        )
        return arguments.as_stored(input_shape[0], found, channels, self.data_format)

    def _mismatch(self, shape: Shape) -> str | None:
        return arguments.complaint(self.compute_output_shape, shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self._config("ceil_mode")


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

    def _pool(self, x: Tensor) -> Tensor:
        return ops.max_pool(x, self.pool_size, self.strides, self.padding, self.data_format, ceil_mode=self.ceil_mode)


class MaxPooling1D(_Max):
    """The largest value of each window, (N, T, C) -> (N, T', C).

    pool_size and strides: a positive integer; strides defaults to pool_size.
    padding: "valid", "same", or numbers smaller than the window, (before, after) of each axis.  It never wins.
    ceil_mode: a last window may reach beyond the padded input, if it begins inside of the input or its front padding.
    """

    _axes = 1


class MaxPooling2D(_Max):
    """The largest value of each window, (N, H, W, C) -> (N, H', W', C); otherwise as MaxPooling1D.

    pool_size and strides: one positive integer, or two, (height, width).
    """

    _axes = 2


class _Average(_Pooling):
    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        divisor: str = "valid",
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)
        if divisor not in ("valid", "padded", "window"):
            raise unknown(f"divisor of {self._label()}", divisor, ("valid", "padded", "window"))
        self.divisor = divisor

    def _pool(self, x: Tensor) -> Tensor:
        return ops.average_pool(
            x, self.pool_size, self.strides, self.padding, self.data_format, ceil_mode=self.ceil_mode,
            divisor=self.divisor,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"divisor": self.divisor}


class AveragePooling1D(_Average):
    """The mean of each window, (N, T, C) -> (N, T', C).

    divisor: what a window's sum is divided by: "valid", its pixels inside of the input, as in Keras; "padded", those
    inside of the padded input, PyTorch's default; "window", all its taps.  Otherwise as MaxPooling1D.
    """

    _axes = 1


class AveragePooling2D(_Average):
    """The mean of each window, (N, H, W, C) -> (N, H', W', C); otherwise as AveragePooling1D.

    pool_size and strides: one positive integer, or two, (height, width).
    """

    _axes = 2


class _GlobalPooling(Layer):
    _float_input = True
    _axes: int
    _pool: Any

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.keepdims = keepdims
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        if inputs._array.ndim != self._axes + 2:
            arguments.check_axes(inputs.shape, self.data_format, self._axes)
        return type(self)._pool(inputs, 1 if self.keepdims else None, self.data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels, _ = arguments.stored(input_shape, self.data_format, self._axes)
        ones = (1,) * self._axes if self.keepdims else ()
        return arguments.as_stored(input_shape[0], ones, channels, self.data_format)


class _GlobalAverage(_GlobalPooling):
    _pool = staticmethod(ops.adaptive_average_pool)


class _GlobalMax(_GlobalPooling):
    _pool = staticmethod(ops.adaptive_max_pool)


class GlobalAveragePooling1D(_GlobalAverage):
    """The mean over time, (N, T, C) -> (N, C); with keepdims (N, 1, C).

    With a mask (N, T) it is that of the steps that count, NaN for a sequence without any.
    """

    supports_masking = True
    _axes = 1

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        if mask is None:
            return super().call(inputs)
        arguments.check_axes(inputs.shape, self.data_format, self._axes)
        time, channel = (1, 2) if self.data_format == "channels_last" else (2, 1)
        counts = ops.expand_dims(as_mask(mask, (inputs.shape[0], inputs.shape[time])), channel)
        total = ops.sum(ops.where(counts, inputs, 0.0), time, self.keepdims)
        return ops.divide(total, ops.sum(ops.cast(counts, inputs.dtype), time, self.keepdims))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """There is none: the time axis is gone."""


class GlobalAveragePooling2D(_GlobalAverage):
    """The mean over the image, (N, H, W, C) -> (N, C); with keepdims (N, 1, 1, C)."""

    _axes = 2


class GlobalMaxPooling1D(_GlobalMax):
    """The largest value over time, (N, T, C) -> (N, C); with keepdims (N, 1, C)."""

    _axes = 1


class GlobalMaxPooling2D(_GlobalMax):
    """The largest value of the image, (N, H, W, C) -> (N, C); with keepdims (N, 1, 1, C)."""

    _axes = 2


MaxPool1D, MaxPool2D = MaxPooling1D, MaxPooling2D
AvgPool1D, AvgPool2D = AveragePooling1D, AveragePooling2D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D
