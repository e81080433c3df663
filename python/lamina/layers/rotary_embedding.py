"""Rotary positions: pairs of features turned by angles that grow with the position."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..core.autograd import Array, Tensor, wrap
from ..ops.conversion import as_tensor
from .arguments import integers, positive_number
from .bases import SameShape
from .call import context
from .options import LayerOptions, Unpack
from .position_rows import PositionRows
from .symbolic import Shape, trial


class RotaryEmbedding(SameShape):
    """Pairs of features turned by an angle that grows with the position, for queries and keys of attention.

    Features i and i + D/2 of position t turn by ``t / scaling_factor / max_wavelength ** (2i / D)``.  Inside of a
    ``KeyValueCache``'s block positions follow those kept.

    Args:
        max_wavelength: the longest wavelength, a positive number of steps (divided by 2 pi).
        scaling_factor: what positions are divided by.
        sequence_axis: the axis of positions.
        feature_axis: the axis of features, of even size.

    Call args:
        start_index: the position of the first step.
        positions: (T,), the position of each step; None counts from ``start_index``.

    Input shape: (N, T, ..., D), or with these axes elsewhere.

    Output shape: the input's.

    Raises:
        TypeError: a number is none.
        ValueError: a number is not positive and finite; the axes do not fit the input; D is odd.

    Source: KerasHub, RotaryEmbedding; Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding".

    Example:
        >>> layers.RotaryEmbedding()(np.ones((2, 10, 4, 8), "float32")).shape  # batch, time, heads, features
        (2, 10, 4, 8)
    """

    sequence_axis: int
    feature_axis: int

    def __init__(
        self,
        max_wavelength: float = 10000,
        scaling_factor: float = 1.0,
        sequence_axis: int = 1,
        feature_axis: int = -1,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._keep(locals())
        self.max_wavelength = positive_number(self, "max_wavelength", max_wavelength)
        self.scaling_factor = positive_number(self, "scaling_factor", scaling_factor)
        (self.sequence_axis,) = integers(self, "sequence_axis", sequence_axis)
        (self.feature_axis,) = integers(self, "feature_axis", feature_axis)
        self._rows = PositionRows()
        self._built = True

    def call(self, inputs: Tensor, start_index: int = 0, positions: Any = None) -> Tensor:
        shape = inputs.shape
        time, features = self._axes(shape)
        steps, half = shape[time], shape[features] // 2
        place = [1] * len(shape)
        place[time], place[features] = steps, half
        cosines, sines = (
            ops.reshape(x if time < features else ops.transpose(x), tuple(place))  # < is free: they differ
            for x in self._angles(steps, half, start_index, positions)
        )
        return ops.rotary_embedding(inputs, cosines, sines, features)

    def _angles(self, steps: int, half: int, start_index: int, positions: Any) -> tuple[Tensor, Tensor]:
        """Cosines and sines, (steps, half)."""
        if positions is None and trial.running:  # seen as operations, that follow a free number of steps
            positions = ops.arange(start_index, start_index + steps)
        if positions is not None:
            at = as_tensor(positions)
            if at.shape != (steps,):
                raise ValueError(f"positions are {at.shape}, expected one for each step, ({steps},)")
            angles = ops.multiply(ops.expand_dims(ops.cast(at, "float64"), 1), self._frequencies(half))
            return ops.cast(ops.cos(angles), self.dtype), ops.cast(ops.sin(angles), self.dtype)
        if context.cache is None:
            cosines, sines = self._rows(start_index, steps, half, self._tables)
            return wrap(cosines), wrap(sines)
        cosines, sines = self._rows(start_index, context.cache.capacity, half, self._tables)
        following = context.cache.positions(steps)
        return ops.embedding(following, wrap(cosines)), ops.embedding(following, wrap(sines))

    def _frequencies(self, half: int) -> Array:
        return float(self.max_wavelength) ** (-np.arange(half) / half) / self.scaling_factor

    def _tables(self, positions: Array, half: int) -> tuple[Array, Array]:
        angles = positions * self._frequencies(half)
        return np.cos(angles).astype(self.dtype), np.sin(angles).astype(self.dtype)

    def _axes(self, shape: Shape) -> tuple[int, int]:
        """The axes of positions and of features."""
        n = len(shape)
        axes = [a + n if a < 0 else a for a in (self.sequence_axis, self.feature_axis)]
        if not all(0 <= a < n for a in axes) or axes[0] == axes[1]:
            raise ValueError(
                f"x is {shape}, which has no two axes sequence_axis={self.sequence_axis} and "
                f"feature_axis={self.feature_axis}"
            )
        size = shape[axes[1]]
        if size is not None and size % 2:
            raise ValueError(f"x is {shape}, expected an even number of features")
        return axes[0], axes[1]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._axes(input_shape)
        return input_shape


__all__ = ["RotaryEmbedding"]
