"""Borders of sequences, images and volumes: zeros put around them, or their outer parts cut off."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.autograd import Tensor
from . import arguments
from .arguments import Pair
from .base import Layer
from .options import LayerOptions, Unpack
from .symbolic import Shape


class _Border(Layer):
    """``widths`` of the border, (first, last) of each axis between batch and channels."""

    _keeps_dtype = True
    _axes = 2
    _sign = 1  # -1: it is cut off

    def __init__(self, data_format: str | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self._built = True

    @property
    def _widths(self) -> tuple[Pair, ...]:
        raise NotImplementedError

    def _of_all_axes(self) -> tuple[Pair, ...]:
        none = ((0, 0),)
        return (*none * 2, *self._widths) if self.data_format == "channels_first" else (*none, *self._widths, *none)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        arguments.check_axes(input_shape, self.data_format, self._axes)
        widths = [self._sign * sum(w) for w in self._of_all_axes()]
        shape = tuple(None if n is None else n + w for n, w in zip(input_shape, widths, strict=True))
        for axis, (n, w) in enumerate(zip(shape, widths, strict=True)):
            if n is not None and w < 0 and n <= 0:  # an axis that is not cut may be empty
                raise ValueError(
                    f"x is {input_shape}: cutting {-w} from axis {axis} leaves nothing; pass a smaller cropping"
                )
        return shape


class _ZeroPadding(_Border):
    padding: Any

    def call(self, inputs: Tensor) -> Tensor:
        arguments.check_axes(inputs.shape, self.data_format, self._axes)
        return ops.pad(inputs, self._of_all_axes())


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and behind each sequence.

    Args:
        padding: zeros at both ends, a number or (first, last).

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, first + T + last, C), or with the channels first.

    Raises:
        ValueError: ``padding`` is negative or no integer; the input has other axes.

    Source: Keras 3, ZeroPadding1D.

    Example:
        >>> layers.ZeroPadding1D(2)(np.ones((2, 5, 3), "float32")).shape
        (2, 9, 3)
    """

    _axes = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(data_format, **kwargs)
        self.padding = arguments.sides(self, "padding", padding)

    @property
    def _widths(self) -> tuple[Pair, ...]:
        return (self.padding,)


class ZeroPadding2D(_ZeroPadding):
    """Zeros around each image.

    Args:
        padding: zeros at all sides, a number, (height, width), or ((top, bottom), (left, right)).

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, top + H + bottom, left + W + right, C), or with the channels first.

    Raises:
        ValueError: ``padding`` is negative or no integer; the input has other axes.

    Source: Keras 3, ZeroPadding2D.

    Example:
        >>> layers.ZeroPadding2D((1, 2))(np.ones((2, 4, 4, 3), "float32")).shape
        (2, 6, 8, 3)
    """

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(data_format, **kwargs)
        self.padding = arguments.axis_sides(self, "padding", padding, 2)

    @property
    def _widths(self) -> tuple[Pair, ...]:
        return self.padding


class ZeroPadding3D(_ZeroPadding):
    """Zeros around each volume.

    Args:
        padding: zeros at all sides, a number, (depth, height, width), or ((front, back), (top, bottom), (left, right)).

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, front + D + back, top + H + bottom, left + W + right, C), or with the channels first.

    Raises:
        ValueError: ``padding`` is negative or no integer; the input has other axes.

    Source: Keras 3, ZeroPadding3D.

    Example:
        >>> layers.ZeroPadding3D(1)(np.ones((1, 2, 2, 2, 3), "float32")).shape
        (1, 4, 4, 4, 3)
    """

    _axes = 3

    def __init__(
        self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.padding = arguments.axis_sides(self, "padding", padding, 3)

    @property
    def _widths(self) -> tuple[Pair, ...]:
        return self.padding


class _Cropping(_Border):
    _sign = -1
    cropping: Any

    @property
    def _widths(self) -> tuple[Pair, ...]:
        return self.cropping

    def call(self, inputs: Tensor) -> Tensor:
        self.compute_output_shape(inputs.shape)
        ends = zip(inputs.shape, self._of_all_axes(), strict=True)
        return ops.getitem(inputs, tuple(slice(first, n - last) for n, (first, last) in ends))


class Cropping1D(_Cropping):
    """Sequences without their first and last steps.

    Args:
        cropping: steps cut off at both ends, a number or (first, last).

    Input shape: (N, T, C).

    Output shape: (N, T - first - last, C).

    Raises:
        ValueError: ``cropping`` is negative or no integer, or leaves nothing; the input has other axes.

    Source: Keras 3, Cropping1D.

    Example:
        >>> layers.Cropping1D((1, 2))(np.ones((2, 10, 3), "float32")).shape
        (2, 7, 3)
    """

    _axes = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.cropping = arguments.sides(self, "cropping", cropping)

    @property
    def _widths(self) -> tuple[Pair, ...]:
        return (self.cropping,)


class Cropping2D(_Cropping):
    """Images without their outer rows and columns.

    Args:
        cropping: pixels cut off at all sides, a number, (height, width), or ((top, bottom), (left, right)).

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H - top - bottom, W - left - right, C), or with the channels first.

    Raises:
        ValueError: ``cropping`` is negative or no integer, or leaves nothing; the input has other axes.

    Source: Keras 3, Cropping2D.

    Example:
        >>> layers.Cropping2D(((1, 1), (2, 2)))(np.ones((1, 8, 8, 3), "float32")).shape
        (1, 6, 4, 3)
    """

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.cropping = arguments.axis_sides(self, "cropping", cropping, 2)


class Cropping3D(_Cropping):
    """Volumes without their outer voxels.

    Args:
        cropping: voxels cut off at all sides, a number, (depth, height, width), or ((front, back), (top, bottom),
            (left, right)).

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, D - front - back, H - top - bottom, W - left - right, C), or with the channels first.

    Raises:
        ValueError: ``cropping`` is negative or no integer, or leaves nothing; the input has other axes.

    Source: Keras 3, Cropping3D.

    Example:
        >>> layers.Cropping3D(1)(np.ones((1, 4, 6, 8, 3), "float32")).shape
        (1, 2, 4, 6, 3)
    """

    _axes = 3

    def __init__(
        self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.cropping = arguments.axis_sides(self, "cropping", cropping, 3)


__all__ = ["Cropping1D", "Cropping2D", "Cropping3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"]
