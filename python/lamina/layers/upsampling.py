"""Larger sequences, images and volumes."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.autograd import Tensor
from ..ops.data_format import around_channels_last
from ..ops.resize import KERAS_INTERPOLATIONS, make_rule, resize_axes
from . import arguments
from .base import Layer
from .options import LayerOptions, UnnamedOptions, Unpack
from .symbolic import Shape


def _interpolation(layer: Layer, name: Any) -> str:
    name = name.lower() if isinstance(name, str) else name
    if name not in KERAS_INTERPOLATIONS:
        names = ", ".join(map(repr, KERAS_INTERPOLATIONS))
        raise ValueError(f"{layer._label()}: interpolation is {name!r}, expected one of {names}")
    return str(name)


class UpSampling2D(Layer):
    """Images with more rows and columns.

    Args:
        size: how many times as many, a positive integer or (rows, columns).
        interpolation: "nearest" repeats each pixel, "bilinear" blends the four around it, "bicubic", "lanczos3" and
            "lanczos5" more of them.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H * size[0], W * size[1], C), or with the channels first.

    Raises:
        ValueError: a size is not positive; ``interpolation`` or ``data_format`` is unknown; the input has other axes.

    Source: Keras 3, UpSampling2D.

    Example:
        >>> layers.UpSampling2D(2, interpolation="bilinear")(np.ones((2, 4, 4, 3), "float32")).shape
        (2, 8, 8, 3)
    """

    _keeps_dtype = True

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        name: str | None = None,
        **kwargs: Unpack[UnnamedOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.size = arguments.sizes(self, "size", size, 2)
        self.data_format = arguments.data_format(self, data_format)
        self.interpolation = _interpolation(self, interpolation)
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        arguments.check_axes(inputs.shape, self.data_format, 2)
        return around_channels_last(inputs, self.data_format, "UpSampling2D", self._larger)

    def _larger(self, x: Tensor) -> Tensor:
        _, rows, columns, _ = x.shape
        size = (rows * self.size[0], columns * self.size[1])
        return resize_axes(x, size, make_rule("UpSampling2D", self.interpolation))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        arguments.check_axes(input_shape, self.data_format, 2)
        first = 2 if self.data_format == "channels_first" else 1
        larger = [n if n is None else n * s for n, s in zip(input_shape[first : first + 2], self.size, strict=True)]
        return (*input_shape[:first], *larger, *input_shape[first + 2 :])


class UpSampling3D(Layer):
    """Volumes with more planes, rows and columns.

    Args:
        size: how many times as many, a positive integer or (planes, rows, columns).
        interpolation: "nearest" repeats each voxel, "bilinear" blends the eight around it, "bicubic", "lanczos3" and
            "lanczos5" more of them.  Keras has the first alone.

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, D * size[0], H * size[1], W * size[2], C), or with the channels first.

    Raises:
        ValueError: a size is not positive; ``interpolation`` or ``data_format`` is unknown; the input has other axes.

    Source: Keras 3, UpSampling3D.

    Example:
        >>> layers.UpSampling3D(2)(np.ones((1, 2, 2, 2, 3), "float32")).shape
        (1, 4, 4, 4, 3)
    """

    _keeps_dtype = True

    def __init__(
        self,
        size: Any = (2, 2, 2),
        data_format: str | None = None,
        *,
        interpolation: str = "nearest",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.size = arguments.sizes(self, "size", size, 3)
        self.data_format = arguments.data_format(self, data_format)
        self.interpolation = _interpolation(self, interpolation)
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        arguments.check_axes(inputs.shape, self.data_format, 3)
        return around_channels_last(inputs, self.data_format, "UpSampling3D", self._larger)

    def _larger(self, x: Tensor) -> Tensor:
        size = tuple(n * s for n, s in zip(x.shape[1:4], self.size, strict=True))
        return resize_axes(x, size, make_rule("UpSampling3D", self.interpolation))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels, sizes = arguments.stored(input_shape, self.data_format, 3)
        larger = [n if n is None else n * s for n, s in zip(sizes, self.size, strict=True)]
        return arguments.as_stored(input_shape[0], larger, channels, self.data_format)


class UpSampling1D(Layer):
    """Sequences with more steps.

    Args:
        size: how many times as many, a positive integer.
        interpolation: "nearest" repeats each step, "bilinear" blends the two around it, "bicubic", "lanczos3" and
            "lanczos5" more of them.  Keras has the first alone.

    Input shape: (N, T, features).

    Output shape: (N, T * size, features).

    Raises:
        ValueError: ``size`` is not positive; ``interpolation`` is unknown; the input has not three axes.

    Source: Keras 3, UpSampling1D.

    Example:
        >>> layers.UpSampling1D(2)(np.ones((2, 5, 3), "float32")).shape
        (2, 10, 3)
    """

    _keeps_dtype = True

    def __init__(self, size: int = 2, *, interpolation: str = "nearest", **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.size = arguments.positive(self, "size", size)
        self.interpolation = _interpolation(self, interpolation)
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        steps = self.compute_output_shape(inputs.shape)[1]
        if self.interpolation == "nearest":
            return ops.repeat(inputs, self.size, axis=1)
        assert steps is not None
        return resize_axes(inputs, (steps,), make_rule("UpSampling1D", self.interpolation))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 3:
            raise ValueError(f"x is {input_shape}, expected (batch, time, features)")
        n, steps, features = input_shape
        return (n, None if steps is None else steps * self.size, features)


__all__ = ["UpSampling1D", "UpSampling2D", "UpSampling3D"]
