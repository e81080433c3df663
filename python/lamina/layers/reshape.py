"""Layers that rearrange their input: Flatten, Reshape, Permute, RepeatVector, Concatenate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import ops
from ..core.autograd import Tensor
from . import arguments
from .base import Layer
from .options import LayerOptions, Unpack
from .symbolic import AnyTensor, Shape


class Flatten(Layer):
    """All axes behind the batch as one.

    Args:
        data_format: "channels_last" (None: see config); with "channels_first" the channels are moved last before.

    Input shape: (N, ...).

    Output shape: (N, product of all other sizes).

    Raises:
        ValueError: ``data_format`` is unknown; the input has no axes.

    Source: Keras 3, Flatten.

    Example:
        >>> layers.Flatten()(np.ones((2, 4, 4, 3), "float32")).shape
        (2, 48)
    """

    _keeps_dtype = True

    def __init__(self, data_format: str | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        shape = inputs.shape
        _check_batch(shape)
        if self.data_format == "channels_first" and len(shape) > 2:
            inputs = ops.transpose(inputs, (0, *range(2, len(shape)), 1))
        return ops.reshape(inputs, (shape[0], math.prod(shape[1:])))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        _check_batch(input_shape)
        known = [n for n in input_shape[1:] if n is not None]
        return (input_shape[0], math.prod(known) if len(known) == len(input_shape) - 1 else None)


def _check_batch(shape: Shape) -> None:
    if not shape:
        raise ValueError("x has no axes, expected at least the batch axis")


class Reshape(Layer):
    """The same elements in another shape.

    Args:
        target_shape: sizes without the batch axis; one may be -1 and takes what is left.

    Input shape: (N, ...).

    Output shape: (N, *target_shape).

    Raises:
        ValueError: a size is below -1, or several are -1; the input's elements do not fill the shape.

    Source: Keras 3, Reshape.

    Example:
        >>> layers.Reshape((3, -1))(np.ones((2, 12), "float32")).shape
        (2, 3, 4)
    """

    _keeps_dtype = True

    def __init__(self, target_shape: Sequence[int] | int, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        target = (target_shape,) if isinstance(target_shape, (int, np.integer)) else tuple(target_shape)
        if sum(n == -1 for n in target) > 1 or any(not isinstance(n, (int, np.integer)) or n < -1 for n in target):
            raise ValueError(f"{self._label()}: target_shape {target} may hold sizes and at most one -1")
        self.target_shape = tuple(int(n) for n in target)
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        shape = self.compute_output_shape(inputs.shape)
        return ops.reshape(inputs, tuple(n for n in shape if n is not None))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        rest = [n for n in input_shape[1:] if n is not None]
        if len(rest) < len(input_shape) - 1:
            return (input_shape[0], *(None if n == -1 else n for n in self.target_shape))
        size, fixed = math.prod(rest), math.prod(n for n in self.target_shape if n != -1)
        free = -1 in self.target_shape
        if (free and (fixed == 0 or size % fixed)) or (not free and size != fixed):
            raise ValueError(f"x is {input_shape}: {size} elements an example do not fill {self.target_shape}")
        return (input_shape[0], *(size // fixed if n == -1 else n for n in self.target_shape))


class Permute(Layer):
    """Axes in another order.

    Args:
        dims: the order of the axes, counted from 1, without the batch axis: (2, 1) swaps the two.

    Input shape: (N, ...), ``len(dims) + 1`` axes.

    Output shape: the input's sizes in that order.

    Raises:
        ValueError: ``dims`` is no permutation of 1, 2 ...; the input has another number of axes.

    Source: Keras 3, Permute.

    Example:
        >>> layers.Permute((2, 1))(np.ones((2, 3, 4), "float32")).shape
        (2, 4, 3)
    """

    _keeps_dtype = True

    def __init__(self, dims: Sequence[int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"{self._label()}: dims must be a permutation of 1..{len(self.dims)}, got {self.dims}")
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        self.compute_output_shape(inputs.shape)
        return ops.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != len(self.dims) + 1:
            raise ValueError(f"x is {input_shape}, but dims={self.dims} needs {len(self.dims) + 1} axes with the batch")
        return (input_shape[0], *(input_shape[d] for d in self.dims))


class RepeatVector(Layer):
    """The same vector at each of n steps.

    Args:
        n: number of steps, a positive integer.

    Input shape: (N, features).

    Output shape: (N, n, features).

    Raises:
        ValueError: ``n`` is not positive; the input has not two axes.

    Source: Keras 3, RepeatVector.

    Example:
        >>> layers.RepeatVector(3)(np.ones((2, 4), "float32")).shape
        (2, 3, 4)
    """

    _keeps_dtype = True

    def __init__(self, n: int, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.n = arguments.positive(self, "n", n)
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        self.compute_output_shape(inputs.shape)
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2:
            raise ValueError(f"x is {input_shape}, expected a batch of vectors, (N, features); Flatten() makes them")
        return (input_shape[0], self.n, input_shape[1])


class Concatenate(Layer):
    """Tensors joined along an axis.

    Args:
        axis: the axis, counted with the batch axis; negative ones from the end.

    Input shape: list of shapes that agree but for ``axis``.

    Output shape: theirs, with the sum of the sizes on ``axis``.

    Raises:
        ValueError: the input is no list; the number of axes, or a size on another axis, differs; ``axis`` is out of
            range.

    Source: Keras 3, Concatenate.

    Example:
        >>> layers.Concatenate()([np.ones((2, 3), "float32"), np.ones((2, 5), "float32")]).shape
        (2, 8)
    """

    _keeps_dtype = True

    def __init__(self, axis: int = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self._built = True

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        self.compute_output_shape([x.shape for x in _several(inputs)])
        return ops.concatenate(list(inputs), axis=self.axis)

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        first = list(_several(input_shape)[0])
        if not -len(first) <= self.axis < len(first):
            raise ValueError(f"axis={self.axis} is out of range for x[0], {tuple(first)}")
        axis = self.axis % len(first)
        for i, shape in enumerate(input_shape):
            if len(shape) != len(first):
                raise ValueError(f"x[{i}] is {tuple(shape)}, x[0] {tuple(input_shape[0])}: the number of axes differs")
            for d, (m, n) in enumerate(zip(first, shape, strict=True)):
                if d != axis and m is not None and n is not None and m != n:
                    raise ValueError(
                        f"x[{i}] is {tuple(shape)}, x[0] {tuple(input_shape[0])}: only axis {axis} may differ"
                    )
                first[d] = n if m is None else m
        sizes = [shape[axis] for shape in input_shape]
        known = [n for n in sizes if n is not None]
        first[axis] = sum(known) if len(known) == len(sizes) else None
        return tuple(first)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The masks joined as the inputs are; an input without a mask counts everywhere, a step where any feature
        counts.

        Args:
            inputs: the list of tensors.
            previous_mask: the list of their masks, None for those without.
        """
        masks = [] if previous_mask is None else list(previous_mask)
        if all(m is None for m in masks):
            return None
        ndim = inputs[0].ndim
        axis = self.axis % ndim
        whole = min(ndim, max(m.ndim for m in masks if m is not None))
        parts = [_spread(m, x.shape[:whole]) for m, x in zip(masks, inputs, strict=True)]
        if axis < whole:
            joined = ops.concatenate(parts, axis=axis)
            return ops.any(joined, axis=-1) if whole == ndim and whole > 1 else joined
        mask = parts[0]
        for m in parts[1:]:
            mask = ops.logical_or(mask, m)
        return mask


def _several(inputs: Any) -> Any:
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ValueError("expected a list of tensors")
    return inputs


def _spread(mask: Any, shape: tuple[int, ...]) -> Any:
    """A mask of the first axes, or none, over all of ``shape``."""
    if mask is None:
        return ops.ones(shape, dtype="bool")
    return ops.broadcast_to(ops.reshape(mask, (*mask.shape, *(1 for _ in shape[mask.ndim :]))), shape)


def concatenate(inputs: Sequence[AnyTensor], axis: int = -1, **kwargs: Unpack[LayerOptions]) -> AnyTensor:
    """Symbolic tensors joined along an axis: ``Concatenate(axis, **kwargs)(inputs)``.

    Args:
        inputs: list of tensors whose shapes agree but for ``axis``.
        axis: the axis, counted with the batch axis; negative ones from the end.

    Raises:
        ValueError: it is no such list.

    Source: Keras 3, concatenate.

    Example:
        >>> layers.concatenate([np.float32([1, 2]), np.float32([3])])
        Tensor([1., 2., 3.], shape=(3,), dtype=float32)
    """
    return Concatenate(axis, **kwargs)(inputs)


__all__ = ["Concatenate", "Flatten", "Permute", "RepeatVector", "Reshape", "concatenate"]
