"""Larger sequences, images and volumes."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.autograd import Tensor
from ..ops.data_format import around_channels_last
from . import arguments
from .base import Layer
from .symbolic import Shape


class UpSampling2D(Layer):
    """Images with more rows and columns.

    Args:
        size: how many times as many, a positive integer or (rows, columns).
        interpolation: "nearest" repeats each pixel, "bilinear" blends the four around it.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H * size[0], W * size[1], C), or with the channels first.

    Raises:
        ValueError: a size is not positive; ``interpolation`` or ``data_format`` is unknown; the input has other axes.

    Source: Keras 3, UpSampling2D.
    """

    _float_input = True

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.size = arguments.sizes(self, "size", size, 2)
        self.data_format = arguments.data_format(self, data_format)
        if interpolation not in ("nearest", "bilinear"):
            raise ValueError(f"{self._label()}: interpolation is {interpolation!r}, expected 'nearest' or 'bilinear'")
        self.interpolation = interpolation
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        arguments.check_axes(inputs.shape, self.data_format, 2)
        rows, columns = inputs.shape[1:3] if self.data_format == "channels_last" else inputs.shape[2:]
        size = (rows * self.size[0], columns * self.size[1])
        return ops.image.resize(inputs, size, self.interpolation, data_format=self.data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        arguments.check_axes(input_shape, self.data_format, 2)
        first = 2 if self.data_format == "channels_first" else 1
        larger = [n if n is None else n * s for n, s in zip(input_shape[first : first + 2], self.size, strict=True)]
        return (*input_shape[:first], *larger, *input_shape[first + 2 :])


class UpSampling3D(Layer):
    """Volumes with each voxel repeated along all three axes.

    Args:
        size: how many times each voxel stands there, a positive integer or (planes, rows, columns).

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, D * size[0], H * size[1], W * size[2], C), or with the channels first.

    Raises:
        ValueError: a size is not positive; ``data_format`` is unknown; the input has other axes.

    Source: Keras 3, UpSampling3D.
    """

    _float_input = True

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = arguments.sizes(self, "size", size, 3)
        self.data_format = arguments.data_format(self, data_format)
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        arguments.check_axes(inputs.shape, self.data_format, 3)
        return around_channels_last(inputs, self.data_format, "UpSampling3D", self._larger)

    def _larger(self, x: Tensor) -> Tensor:
        """Two images of nearest pixels: planes as rows of one image, then the planes themselves."""
        n, depth, rows, columns, channels = x.shape
        planes, *inner = self.size
        x = ops.reshape(x, (n, depth, rows * columns, channels))
        x = ops.image.resize(x, (depth * planes, rows * columns), "nearest")
        x = ops.reshape(x, (n * depth * planes, rows, columns, channels))
        size = (rows * inner[0], columns * inner[1])
        return ops.reshape(ops.image.resize(x, size, "nearest"), (n, depth * planes, *size, channels))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels, sizes = arguments.stored(input_shape, self.data_format, 3)
        larger = [n if n is None else n * s for n, s in zip(sizes, self.size, strict=True)]
        return arguments.as_stored(input_shape[0], larger, channels, self.data_format)


class UpSampling1D(Layer):
    """Sequences with each step repeated.

    Args:
        size: how many times each step stands there, a positive integer.

    Input shape: (N, T, features).

    Output shape: (N, T * size, features).

    Raises:
        ValueError: ``size`` is not positive; the input has not three axes.

    Source: Keras 3, UpSampling1D.
    """

    _keeps_dtype = True

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = arguments.positive(self, "size", size)
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        self.compute_output_shape(inputs.shape)
        return ops.repeat(inputs, self.size, axis=1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 3:
            raise ValueError(f"x is {input_shape}, expected (batch, time, features)")
        n, steps, features = input_shape
        return (n, None if steps is None else steps * self.size, features)


__all__ = ["UpSampling1D", "UpSampling2D", "UpSampling3D"]
