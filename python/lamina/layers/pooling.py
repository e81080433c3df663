"""Pooling of images."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..autograd import Tensor
from . import options
from .base import Layer
from .options import pair
from .symbolic import Shape

_TO_LAST, _TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


class _Pooling(Layer):
    _float_input = True

    def __init__(self, pool_size: Any, strides: Any, padding: Any, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool_size = pair(self, "pool_size", pool_size)
        self.strides = pair(self, "strides", self.pool_size if strides is None else strides)
        self.padding = options.padding(self, padding)
        self.data_format = options.data_format(self, data_format)
        self._built = True

    def _pool(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def call(self, inputs: Tensor) -> Tensor:
        if inputs._array.ndim != 4:
            options.check_image(inputs.shape, self.data_format)
        if self.data_format == "channels_last":
            return self._pool(inputs)
        return ops.transpose(self._pool(ops.transpose(inputs, _TO_LAST)), _TO_FIRST)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        options.check_image(input_shape, self.data_format)
        first = self.data_format == "channels_first"
        return options.image_output(
            input_shape, input_shape[1 if first else 3], self.pool_size, self.strides, self.padding, (1, 1), first,
            "pool",
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        return self._config("pool_size", "strides", "padding", "data_format")


class MaxPooling2D(_Pooling):
    """The largest value of each window, (N, H, W, C) -> (N, H', W', C).

    strides defaults to pool_size.  padding "same" never wins: it counts as minus infinity.
    """

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)

    def _pool(self, x: Tensor) -> Tensor:
        return ops.max_pool2d(x, self.pool_size, self.strides, self.padding)


class AveragePooling2D(_Pooling):
    """The mean of each window, (N, H, W, C) -> (N, H', W', C).

    strides defaults to pool_size.  Padding is left out of the mean, as in Keras.
    """

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)

    def _pool(self, x: Tensor) -> Tensor:
        return ops.average_pool2d(x, self.pool_size, self.strides, self.padding)


class GlobalAveragePooling2D(Layer):
    """The mean over the image, (N, H, W, C) -> (N, C); with keepdims (N, 1, 1, C)."""

    _float_input = True

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = options.data_format(self, data_format)
        self.keepdims = keepdims
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        if inputs._array.ndim != 4:
            options.check_image(inputs.shape, self.data_format)
        if self.data_format == "channels_last":
            return ops.global_average_pool2d(inputs, self.keepdims)
        y = ops.global_average_pool2d(ops.transpose(inputs, _TO_LAST), self.keepdims)
        return ops.transpose(y, _TO_FIRST) if self.keepdims else y

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        options.check_image(input_shape, self.data_format)
        first = self.data_format == "channels_first"
        n, c = input_shape[0], input_shape[1 if first else 3]
        if not self.keepdims:
            return (n, c)
        return (n, c, 1, 1) if first else (n, 1, 1, c)

    def get_config(self) -> dict[str, Any]:
        return self._config("data_format", "keepdims")


MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D
GlobalAvgPool2D = GlobalAveragePooling2D
