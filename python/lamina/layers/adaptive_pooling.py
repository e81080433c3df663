"""Pooling to a size that is asked for: over whole sequences, images and volumes, or over so many parts of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..core.autograd import Tensor
from ..ops.conversion import as_tensor
from . import arguments
from .base import Layer
from .masking import as_mask, mask_of_lengths
from .options import LayerOptions, Unpack
from .symbolic import Shape


class _Adaptive(Layer):
    """Windows that cut each of so many axes into ``_left`` parts; (): one window, and these axes are gone."""

    _float_input = True
    _axes: int
    _pool: Any
    data_format: str

    def __init__(self, data_format: str | None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self._built = True

    @property
    def _left(self) -> tuple[int, ...]:
        raise NotImplementedError

    def call(self, inputs: Tensor) -> Tensor:
        if inputs._array.ndim != self._axes + 2:
            arguments.check_axes(inputs.shape, self.data_format, self._axes)
        return type(self)._pool(inputs, self._left or None, self.data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels, _ = arguments.stored(input_shape, self.data_format, self._axes)
        return arguments.as_stored(input_shape[0], self._left, channels, self.data_format)


class _Global(_Adaptive):
    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(data_format, **kwargs)
        self.keepdims = keepdims

    @property
    def _left(self) -> tuple[int, ...]:
        return (1,) * self._axes if self.keepdims else ()

    def _of_lengths(self, inputs: Tensor, lengths: Any) -> tuple[Tensor, Tensor]:
        """The mask of sequences of these lengths, and which of them have any step, broadcast to the result."""
        arguments.check_axes(inputs.shape, self.data_format, self._axes)
        steps = inputs.shape[1 if self.data_format == "channels_last" else 2]
        lengths = as_tensor(lengths)
        mask = mask_of_lengths(lengths, inputs.shape[0], steps)
        some = ops.reshape(ops.greater(lengths, 0), (-1, *(1,) * (2 if self.keepdims else 1)))
        return mask, some


class _GlobalAverage(_Global):
    _pool = staticmethod(ops.adaptive_average_pool)


class _GlobalMax(_Global):
    _float_input, _keeps_dtype = False, True
    _pool = staticmethod(ops.adaptive_max_pool)


class _AdaptiveSize(_Adaptive):
    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(data_format, **kwargs)
        self.output_size = arguments.sizes(self, "output_size", output_size, self._axes)

    @property
    def _left(self) -> tuple[int, ...]:
        return self.output_size


class _AdaptiveAverage(_AdaptiveSize):
    _pool = staticmethod(ops.adaptive_average_pool)


class _AdaptiveMax(_AdaptiveSize):
    _float_input, _keeps_dtype = False, True
    _pool = staticmethod(ops.adaptive_max_pool)


class GlobalAveragePooling1D(_GlobalAverage):
    """Mean of sequences over time.

    With a mask it is the mean of the steps that count, NaN for a sequence without any.

    Call args:
        mask: (N, T), True where a step counts; None counts all.
        lengths: (N,) integers, how many steps of each sequence count, the first ones, in place of a mask; the mean of
            none is 0.

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, C); with ``keepdims`` (N, 1, C), or (N, C, 1).

    Raises:
        ValueError: ``data_format`` is unknown; the input has other axes, or no steps; the mask has another shape;
            lengths are no integers from 0 to T, or given beside a mask.

    Source: Keras 3, GlobalAveragePooling1D; ``lengths`` is Lamina's.

    Example:
        >>> layers.GlobalAveragePooling1D()(np.ones((2, 10, 3), "float32")).shape
        (2, 3)
    """

    _axes = 1

    def call(self, inputs: Tensor, mask: Any = None, *, lengths: Any = None) -> Tensor:
        if lengths is not None:
            if mask is not None:
                raise ValueError("mask and lengths are both given; give one")
            mask, some = self._of_lengths(inputs, lengths)
            return ops.where(some, self.call(inputs, mask), 0.0)
        if mask is None:
            return super().call(inputs)
        arguments.check_axes(inputs.shape, self.data_format, self._axes)
        time, channel = (1, 2) if self.data_format == "channels_last" else (2, 1)
        counts = ops.expand_dims(as_mask(mask, (inputs.shape[0], inputs.shape[time])), channel)
        total = ops.sum(ops.where(counts, inputs, 0.0), time, self.keepdims)
        return ops.divide(total, ops.sum(ops.cast(counts, inputs.dtype), time, self.keepdims))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """There is none: the time axis is gone.

        Args:
            inputs: the sequences.
            previous_mask: their mask, which ends here.
        """


class GlobalAveragePooling2D(_GlobalAverage):
    """Mean of images over all pixels.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, C); with ``keepdims`` (N, 1, 1, C), or (N, C, 1, 1).

    Raises:
        ValueError: ``data_format`` is unknown; the input has other axes, or no pixels.

    Source: Keras 3, GlobalAveragePooling2D.

    Example:
        >>> layers.GlobalAveragePooling2D()(np.ones((2, 8, 8, 3), "float32")).shape
        (2, 3)
    """

    _axes = 2


class GlobalAveragePooling3D(_GlobalAverage):
    """Mean of volumes over all voxels.

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, C); with ``keepdims`` (N, 1, 1, 1, C), or (N, C, 1, 1, 1).

    Raises:
        ValueError: ``data_format`` is unknown; the input has other axes, or no voxels.

    Source: Keras 3, GlobalAveragePooling3D.

    Example:
        >>> layers.GlobalAveragePooling3D()(np.ones((2, 4, 4, 4, 3), "float32")).shape
        (2, 3)
    """

    _axes = 3


class GlobalMaxPooling1D(_GlobalMax):
    """Largest value of sequences over time.

    A mask is not looked at, as in Keras.

    Call args:
        lengths: (N,) integers, how many steps of each sequence count, the first ones; the largest of none is 0.

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, C); with ``keepdims`` (N, 1, C), or (N, C, 1).

    Raises:
        ValueError: ``data_format`` is unknown; the input has other axes, or no steps; lengths are no integers from 0
            to T.

    Source: Keras 3, GlobalMaxPooling1D; ``lengths`` is Lamina's.

    Example:
        >>> layers.GlobalMaxPooling1D()(np.ones((2, 10, 3), "float32")).shape
        (2, 3)
    """

    _axes = 1

    def call(self, inputs: Tensor, *, lengths: Any = None) -> Tensor:
        if lengths is None:
            return super().call(inputs)
        mask, some = self._of_lengths(inputs, lengths)
        mask = ops.expand_dims(mask, 2 if self.data_format == "channels_last" else 1)
        least = -np.inf if inputs.dtype.kind == "f" else np.iinfo(inputs.dtype).min
        return ops.where(some, super().call(ops.where(mask, inputs, least)), 0)


class GlobalMaxPooling2D(_GlobalMax):
    """Largest value of images over all pixels.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, C); with ``keepdims`` (N, 1, 1, C), or (N, C, 1, 1).

    Raises:
        ValueError: ``data_format`` is unknown; the input has other axes, or no pixels.

    Source: Keras 3, GlobalMaxPooling2D.

    Example:
        >>> layers.GlobalMaxPooling2D()(np.ones((2, 8, 8, 3), "float32")).shape
        (2, 3)
    """

    _axes = 2


class GlobalMaxPooling3D(_GlobalMax):
    """Largest value of volumes over all voxels.

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, C); with ``keepdims`` (N, 1, 1, 1, C), or (N, C, 1, 1, 1).

    Raises:
        ValueError: ``data_format`` is unknown; the input has other axes, or no voxels.

    Source: Keras 3, GlobalMaxPooling3D.

    Example:
        >>> layers.GlobalMaxPooling3D()(np.ones((2, 4, 4, 4, 3), "float32")).shape
        (2, 3)
    """

    _axes = 3


class AdaptiveAveragePooling1D(_AdaptiveAverage):
    """Mean of each window of sequences, for an output of a given size.

    Window i of k over n steps covers those from i n / k to (i + 1) n / k, rounded outwards.

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, output_size, C); (N, C, output_size) with ``data_format="channels_first"``.

    Raises:
        ValueError: ``output_size`` is not positive; ``data_format`` is unknown; the input has other axes, or no steps.

    Source: Keras 3.12, AdaptiveAveragePooling1D; PyTorch, AdaptiveAvgPool1d.

    Example:
        >>> layers.AdaptiveAveragePooling1D(4)(np.ones((2, 10, 3), "float32")).shape
        (2, 4, 3)
    """

    _axes = 1


class AdaptiveAveragePooling2D(_AdaptiveAverage):
    """Mean of each window of images, for an output of a given size.

    Window i of k over n pixels covers those from i n / k to (i + 1) n / k, rounded outwards.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, *output_size, C); (N, C, *output_size) with ``data_format="channels_first"``.

    Raises:
        ValueError: ``output_size`` is not positive; ``data_format`` is unknown; the input has other axes, or no pixels.

    Source: Keras 3.12, AdaptiveAveragePooling2D; PyTorch, AdaptiveAvgPool2d.

    Example:
        >>> layers.AdaptiveAveragePooling2D((2, 2))(np.ones((2, 7, 9, 3), "float32")).shape
        (2, 2, 2, 3)
    """

    _axes = 2


class AdaptiveAveragePooling3D(_AdaptiveAverage):
    """Mean of each window of volumes, for an output of a given size.

    Window i of k over n voxels covers those from i n / k to (i + 1) n / k, rounded outwards.

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, *output_size, C); (N, C, *output_size) with ``data_format="channels_first"``.

    Raises:
        ValueError: ``output_size`` is not positive; ``data_format`` is unknown; the input has other axes, or no voxels.

    Source: Keras 3.12, AdaptiveAveragePooling3D; PyTorch, AdaptiveAvgPool3d.

    Example:
        >>> layers.AdaptiveAveragePooling3D(2)(np.ones((1, 5, 6, 7, 3), "float32")).shape
        (1, 2, 2, 2, 3)
    """

    _axes = 3


class AdaptiveMaxPooling1D(_AdaptiveMax):
    """Largest value of each window of sequences, for an output of a given size.

    Window i of k over n steps covers those from i n / k to (i + 1) n / k, rounded outwards.

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, output_size, C); (N, C, output_size) with ``data_format="channels_first"``.

    Raises:
        ValueError: ``output_size`` is not positive; ``data_format`` is unknown; the input has other axes, or no steps.

    Source: Keras 3.12, AdaptiveMaxPooling1D; PyTorch, AdaptiveMaxPool1d.

    Example:
        >>> layers.AdaptiveMaxPooling1D(4)(np.ones((2, 10, 3), "float32")).shape
        (2, 4, 3)
    """

    _axes = 1


class AdaptiveMaxPooling2D(_AdaptiveMax):
    """Largest value of each window of images, for an output of a given size.

    Window i of k over n pixels covers those from i n / k to (i + 1) n / k, rounded outwards.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, *output_size, C); (N, C, *output_size) with ``data_format="channels_first"``.

    Raises:
        ValueError: ``output_size`` is not positive; ``data_format`` is unknown; the input has other axes, or no pixels.

    Source: Keras 3.12, AdaptiveMaxPooling2D; PyTorch, AdaptiveMaxPool2d.

    Example:
        >>> layers.AdaptiveMaxPooling2D((2, 2))(np.ones((2, 7, 9, 3), "float32")).shape
        (2, 2, 2, 3)
    """

    _axes = 2


class AdaptiveMaxPooling3D(_AdaptiveMax):
    """Largest value of each window of volumes, for an output of a given size.

    Window i of k over n voxels covers those from i n / k to (i + 1) n / k, rounded outwards.

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, *output_size, C); (N, C, *output_size) with ``data_format="channels_first"``.

    Raises:
        ValueError: ``output_size`` is not positive; ``data_format`` is unknown; the input has other axes, or no voxels.

    Source: Keras 3.12, AdaptiveMaxPooling3D; PyTorch, AdaptiveMaxPool3d.

    Example:
        >>> layers.AdaptiveMaxPooling3D(2)(np.ones((1, 5, 6, 7, 3), "float32")).shape
        (1, 2, 2, 2, 3)
    """

    _axes = 3


GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
)
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D

__all__ = [
    "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "GlobalAveragePooling1D", "GlobalAveragePooling2D",
    "GlobalAveragePooling3D", "GlobalAvgPool1D", "GlobalAvgPool2D", "GlobalAvgPool3D", "GlobalMaxPool1D",
    "GlobalMaxPool2D", "GlobalMaxPool3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D",
]  # fmt: skip
