"""Layers that merge several tensors element by element: Add, Subtract, Multiply, Average, Maximum, Minimum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..core.autograd import Tensor
from .base import Layer
from .fused_kinds import TAKEN
from .options import LayerOptions, Unpack
from .symbolic import AnyTensor, Shape


class _Merge(Layer):
    """A list of tensors whose shapes broadcast to one; no weights."""

    _keeps_dtype = True

    def __init__(self, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self._built = True

    def _merge(self, inputs: Sequence[Tensor]) -> Tensor:
        raise NotImplementedError

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        return self._merge(_several(inputs))

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
        """A step counts where it counts in any input; without a mask on each input there is none.

        Args:
            inputs: the list of tensors.
            previous_mask: the list of their masks, None for those without.
        """
        if not previous_mask or any(m is None for m in previous_mask):
            return None
        mask = previous_mask[0]
        for m in previous_mask[1:]:
            mask = ops.logical_or(mask, m)
        return mask


def _several(inputs: Any) -> Sequence[Tensor]:
    if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
        raise ValueError("expected a list of at least two tensors")
    return inputs


def _fold(function: Any, inputs: Sequence[Tensor]) -> Any:
    total = inputs[0]
    for x in inputs[1:]:
        total = function(total, x)
    return total


class Add(_Merge):
    """Sum of several tensors.

    Input shape: list of two or more shapes that broadcast to one.

    Output shape: that one.

    Raises:
        ValueError: the input is no list of two or more tensors, or their shapes do not broadcast.

    Source: Keras 3, Add.

    Example:
        >>> layers.Add()([np.float32([1, 2]), np.float32([10, 20])])
        Tensor([11., 22.], shape=(2,), dtype=float32)
    """

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        return self._call_fused("linear", inputs)

    def _call_fused(self, activation: str, inputs: Sequence[Tensor]) -> Tensor:
        *others, last = _several(inputs)
        return ops.add(_fold(ops.add, others), last, activation)


class Subtract(_Merge):
    """The first of two tensors minus the second.

    Input shape: list of two shapes that broadcast to one.

    Output shape: that one.

    Raises:
        ValueError: the input is no list of two tensors, or their shapes do not broadcast.

    Source: Keras 3, Subtract.

    Example:
        >>> layers.Subtract()([np.float32([10, 20]), np.float32([1, 2])])
        Tensor([ 9., 18.], shape=(2,), dtype=float32)
    """

    def _merge(self, inputs: Sequence[Tensor]) -> Any:
        if len(inputs) != 2:
            raise ValueError(f"expected two tensors, got {len(inputs)}")
        return ops.subtract(*inputs)


class Multiply(_Merge):
    """Product of several tensors, element by element.

    Input shape: list of two or more shapes that broadcast to one.

    Output shape: that one.

    Raises:
        ValueError: the input is no list of two or more tensors, or their shapes do not broadcast.

    Source: Keras 3, Multiply.

    Example:
        >>> layers.Multiply()([np.float32([1, 2]), np.float32([10, 20])])
        Tensor([10., 40.], shape=(2,), dtype=float32)
    """

    def _merge(self, inputs: Sequence[Tensor]) -> Any:
        return _fold(ops.multiply, inputs)


class Average(_Merge):
    """Mean of several tensors, element by element.

    Input shape: list of two or more shapes that broadcast to one.

    Output shape: that one.

    Raises:
        ValueError: the input is no list of two or more tensors, or their shapes do not broadcast.

    Source: Keras 3, Average.

    Example:
        >>> layers.Average()([np.float32([1, 2]), np.float32([10, 20])])
        Tensor([ 5.5, 11. ], shape=(2,), dtype=float32)
    """

    _float_input = True
    _keeps_dtype = False

    def _merge(self, inputs: Sequence[Tensor]) -> Any:
        return ops.divide(_fold(ops.add, inputs), float(len(inputs)))


class Maximum(_Merge):
    """Largest of several tensors, element by element.

    Input shape: list of two or more shapes that broadcast to one.

    Output shape: that one.

    Raises:
        ValueError: the input is no list of two or more tensors, or their shapes do not broadcast.

    Source: Keras 3, Maximum.

    Example:
        >>> layers.Maximum()([np.float32([1, 20]), np.float32([10, 2])])
        Tensor([10., 20.], shape=(2,), dtype=float32)
    """

    def _merge(self, inputs: Sequence[Tensor]) -> Any:
        return _fold(ops.maximum, inputs)


class Minimum(_Merge):
    """Smallest of several tensors, element by element.

    Input shape: list of two or more shapes that broadcast to one.

    Output shape: that one.

    Raises:
        ValueError: the input is no list of two or more tensors, or their shapes do not broadcast.

    Source: Keras 3, Minimum.

    Example:
        >>> layers.Minimum()([np.float32([1, 20]), np.float32([10, 2])])
        Tensor([1., 2.], shape=(2,), dtype=float32)
    """

    def _merge(self, inputs: Sequence[Tensor]) -> Any:
        return _fold(ops.minimum, inputs)


def add(inputs: Sequence[AnyTensor], **kwargs: Unpack[LayerOptions]) -> AnyTensor:
    """Sum of several symbolic tensors: ``Add(**kwargs)(inputs)``.

    Args:
        inputs: list of two or more tensors whose shapes broadcast to one.

    Raises:
        ValueError: it is no such list.

    Source: Keras 3, add.

    Example:
        >>> layers.add([np.float32([1, 2]), np.float32([10, 20])])
        Tensor([11., 22.], shape=(2,), dtype=float32)
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[AnyTensor], **kwargs: Unpack[LayerOptions]) -> AnyTensor:
    """The first of two symbolic tensors minus the second: ``Subtract(**kwargs)(inputs)``.

    Args:
        inputs: list of two tensors whose shapes broadcast to one.

    Raises:
        ValueError: it is no such list.

    Source: Keras 3, subtract.

    Example:
        >>> layers.subtract([np.float32([10, 20]), np.float32([1, 2])])
        Tensor([ 9., 18.], shape=(2,), dtype=float32)
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[AnyTensor], **kwargs: Unpack[LayerOptions]) -> AnyTensor:
    """Product of several symbolic tensors: ``Multiply(**kwargs)(inputs)``.

    Args:
        inputs: list of two or more tensors whose shapes broadcast to one.

    Raises:
        ValueError: it is no such list.

    Source: Keras 3, multiply.

    Example:
        >>> layers.multiply([np.float32([1, 2]), np.float32([10, 20])])
        Tensor([10., 40.], shape=(2,), dtype=float32)
    """
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence[AnyTensor], **kwargs: Unpack[LayerOptions]) -> AnyTensor:
    """Mean of several symbolic tensors: ``Average(**kwargs)(inputs)``.

    Args:
        inputs: list of two or more tensors whose shapes broadcast to one.

    Raises:
        ValueError: it is no such list.

    Source: Keras 3, average.

    Example:
        >>> layers.average([np.float32([1, 2]), np.float32([10, 20])])
        Tensor([ 5.5, 11. ], shape=(2,), dtype=float32)
    """
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[AnyTensor], **kwargs: Unpack[LayerOptions]) -> AnyTensor:
    """Largest of several symbolic tensors, element by element: ``Maximum(**kwargs)(inputs)``.

    Args:
        inputs: list of two or more tensors whose shapes broadcast to one.

    Raises:
        ValueError: it is no such list.

    Source: Keras 3, maximum.

    Example:
        >>> layers.maximum([np.float32([1, 20]), np.float32([10, 2])])
        Tensor([10., 20.], shape=(2,), dtype=float32)
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[AnyTensor], **kwargs: Unpack[LayerOptions]) -> AnyTensor:
    """Smallest of several symbolic tensors, element by element: ``Minimum(**kwargs)(inputs)``.

    Args:
        inputs: list of two or more tensors whose shapes broadcast to one.

    Raises:
        ValueError: it is no such list.

    Source: Keras 3, minimum.

    Example:
        >>> layers.minimum([np.float32([1, 20]), np.float32([10, 2])])
        Tensor([1., 2.], shape=(2,), dtype=float32)
    """
    return Minimum(**kwargs)(inputs)


TAKEN[Add.call] = ("relu",)

__all__ = [
    "Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract", "add", "average", "maximum", "minimum",
    "multiply", "subtract",
]  # fmt: skip
