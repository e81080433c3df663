"""Layers that merge several tensors element by element: Add, Subtract, Multiply, Average, Maximum, Minimum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..core.autograd import Tensor
from .base import Layer
from .call import take_following
from .symbolic import Shape


class _Merge(Layer):
    """A list of tensors whose shapes broadcast to one; no weights."""

    supports_masking = True
    _keeps_dtype = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._built = True

    def _merge(self, inputs: Sequence[Tensor]) -> Tensor:
        raise NotImplementedError

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError("expected a list of at least two tensors")
        return self._merge(inputs)

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        if not isinstance(input_shape, (list, tuple)) or len(input_shape) < 2:
            raise ValueError("expected a list of at least two shapes")
        merged = list(input_shape[0])
        for i, shape in enumerate(input_shape[1:], 1):
            if len(shape) != len(merged):
                raise ValueError(f"x[{i}] is {tuple(shape)}, x[0] {tuple(input_shape[0])}: the number of axes differs")
            for d, (m, n) in enumerate(zip(merged, shape, strict=True)):
                if m != n and m not in (1, None) and n not in (1, None):
                    raise ValueError(f"x[{i}] is {tuple(shape)}, x[0] {tuple(input_shape[0])}: they do not broadcast")
                merged[d] = n if m in (1, None) and n != 1 else m
        return tuple(merged)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """A step counts where it counts in any input; without a mask on each input there is none."""
        if not previous_mask or any(m is None for m in previous_mask):
            return None
        mask = previous_mask[0]
        for m in previous_mask[1:]:
            mask = ops.logical_or(mask, m)
        return mask


def _fold(function: Any, inputs: Sequence[Tensor]) -> Any:
    total = inputs[0]
    for x in inputs[1:]:
        total = function(total, x)
    return total


class Add(_Merge):
    """Their sum."""

    def _merge(self, inputs: Sequence[Tensor]) -> Any:
        *others, last = inputs
        return ops.add(_fold(ops.add, others), last, take_following() or "linear")


class Subtract(_Merge):
    """The first of two minus the second."""

    def _merge(self, inputs: Sequence[Tensor]) -> Any:
        if len(inputs) != 2:
            raise ValueError(f"expected two tensors, got {len(inputs)}")
        return ops.subtract(*inputs)


class Multiply(_Merge):
    """Their product."""

    def _merge(self, inputs: Sequence[Tensor]) -> Any:
        return _fold(ops.multiply, inputs)


class Average(_Merge):
    """Their mean."""

    def _merge(self, inputs: Sequence[Tensor]) -> Any:
        return ops.divide(_fold(ops.add, inputs), float(len(inputs)))


class Maximum(_Merge):
    """The largest."""

    def _merge(self, inputs: Sequence[Tensor]) -> Any:
        return _fold(ops.maximum, inputs)


class Minimum(_Merge):
    """The smallest."""

    def _merge(self, inputs: Sequence[Tensor]) -> Any:
        return _fold(ops.minimum, inputs)
