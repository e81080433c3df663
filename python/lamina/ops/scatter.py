"""Values put at places: into zeros, into a tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wrap
from ..core.autograd import unchecked_record as record
from .comparison import greater_equal, less, logical_and, where
from .conversion import TensorLike, _axis, as_tensor, check_sizes, concatenate, floatx, forbid_in_capture
from .elementwise import add, multiply
from .reduction import max as largest
from .reshape import block, moveaxis, one_hot, ravel, reshape, take
from .segments import int64_tensor, narrowed, segment_max, segment_min, segment_prod, summable, summed


def _numbers(op: str, indices: TensorLike, shape: tuple[int, ...]) -> tuple[Tensor, int]:
    """Indices (n, m) of the first m axes of ``shape`` as numbers (n,) of its parts, and how many parts there are."""
    places = int64_tensor(op, "indices", indices)
    if places.ndim < 1 or not 1 <= places.shape[-1] <= len(shape):
        raise ValueError(f"{op}: indices are {places.shape}; the last axis must name 1 to {len(shape)} axes of {shape}")
    m = places.shape[-1]
    leading = np.array(shape[:m], np.int64)
    within = where(less(places, 0), add(places, leading), places)
    inside = logical_and(greater_equal(within, 0), less(within, leading))
    steps = np.array([math.prod(shape[i + 1 : m]) for i in range(m)], np.int64)
    parts = math.prod(shape[:m])
    beyond = where(inside, multiply(within, steps), parts)  # a sum of parts or more is outside: take() refuses it
    return ravel(beyond.sum(axis=-1)), parts


def _outside(op: str, indices: Tensor, numbers: Tensor, parts: int, shape: tuple[int, ...]) -> IndexError:
    first = int((numbers._array >= parts).argmax())
    place = tuple(indices._array.reshape(numbers.size, indices.shape[-1])[first].tolist())
    return IndexError(f"{op}: the place {place} is outside the shape {shape}")


def _rows(op: str, values: Tensor, indices: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Values (..., rest of shape) as (n, elements of a part)."""
    m = indices.shape[-1]
    expected = (*indices.shape[:-1], *shape[m:])
    if values.shape != expected:
        raise ValueError(f"{op}: values are {values.shape}; indices {indices.shape} into {shape} need {expected}")
    return reshape(values, (math.prod(indices.shape[:-1]), math.prod(shape[m:])))


def scatter(indices: TensorLike, values: TensorLike, shape: Sequence[int]) -> Tensor:
    """Zeros with values added at places; values at one place are summed.

    Args:
        indices: (..., m) integers: each row names a place along the first m axes.
        values: (..., *shape[m:]).
        shape: the shape of the result.

    Raises:
        IndexError: a place is outside.
        ValueError: shapes do not fit.

    Example:
        >>> ops.scatter([[0], [2]], [1.0, 3.0], (4,))
        Tensor([1., 0., 3., 0.], shape=(4,), dtype=float32)
    """
    return _scattered("scatter", as_tensor(indices), values, check_sizes("scatter", shape))


def _scattered(op: str, places: Tensor, values: TensorLike, full: tuple[int, ...]) -> Tensor:
    v, kind = summable(values)
    numbers, parts = _numbers(op, places, full)
    rows = _rows(op, v, places, full)
    try:
        return narrowed(op, reshape(summed(rows, numbers, parts), full), kind)
    except IndexError:
        raise _outside(op, places, numbers, parts, full) from None


_REDUCTIONS = {"max": segment_max, "min": segment_min, "mul": segment_prod}


def scatter_update(
    inputs: TensorLike, indices: TensorLike, updates: TensorLike, reduction: str | None = None
) -> Tensor:
    """A tensor with other values at places, as ``inputs[indices] = updates``; of several for one place the last counts.
    Captured with ``reduction="add"`` alone.

    Args:
        inputs: a tensor or an array.
        indices: (..., m) integers: each row names a place along the first m axes.
        updates: (..., *inputs.shape[m:]).
        reduction: None replaces what is there; "add", "mul", "max" and "min" combine it with all updates of the place.

    Raises:
        IndexError: a place is outside.
        ValueError: shapes do not fit; ``reduction`` is another one.

    Example:
        >>> ops.scatter_update([1.0, 2.0, 3.0], [[1]], [9.0])
        Tensor([1., 9., 3.], shape=(3,), dtype=float32)
    """
    if reduction not in (None, "add", *_REDUCTIONS):
        raise ValueError(f"scatter_update: reduction must be None, 'add', 'mul', 'max' or 'min', got {reduction!r}")
    x, places = as_tensor(inputs), as_tensor(indices)
    values = as_tensor(updates, x._array.dtype)
    if reduction == "add" and x._array.dtype.kind != "b":
        return as_tensor(add(x, _scattered("scatter_update", places, values, x.shape)), x._array.dtype)
    numbers, parts = _numbers("scatter_update", places, x.shape)
    rows = _rows("scatter_update", values, places, x.shape)
    forbid_in_capture("scatter_update")
    at = numbers._array
    if at.size and at.max() >= parts:
        raise _outside("scatter_update", places, numbers, parts, x.shape)
    if not at.size:
        return x
    whole = reshape(x, (parts, -1))
    if reduction is not None:
        combine = _REDUCTIONS.get(reduction, segment_max)  # a sum of booleans is their "or"
        ids = np.concatenate([np.arange(parts), at])
        return as_tensor(reshape(combine(concatenate([whole, rows]), ids, parts), x.shape), x._array.dtype)
    source, written = np.zeros(parts, np.int64), np.zeros(parts, np.bool_)
    source[at], written[at] = np.arange(at.size), True
    y = where(written[:, None], take(rows, source, 0), whole)
    return as_tensor(reshape(y, x.shape), x._array.dtype)


def slice_update(inputs: TensorLike, start_indices: Sequence[int], updates: TensorLike) -> Tensor:
    """A tensor with a block replaced.

    Args:
        inputs: a tensor or an array.
        start_indices: where the block begins, one number an axis.
        updates: the block.

    Raises:
        ValueError: the block does not lie in ``inputs``.

    Example:
        >>> ops.slice_update(np.zeros((2, 3), "float32"), (0, 1), np.ones((1, 2), "float32"))
        Tensor([[0., 1., 1.],
                [0., 0., 0.]], shape=(2, 3), dtype=float32)
    """
    x = as_tensor(inputs)
    new = as_tensor(updates, x._array.dtype)
    key = block("slice_update", x, start_indices, new.shape)
    y = _native.contiguous(x._array)
    _native.strided_copy(new._array, y[key])

    def backward(dy: Array, grads: Gradients) -> None:
        dx, dnew = grads
        if dx is not None:
            rest = _native.contiguous(dy)
            _native.strided_copy(_native.full(new.shape, 0.0, dy.dtype), rest[key])
            _native.copy_into(rest, dx, bool(grads.accumulate & 1))
        if dnew is not None:
            _native.strided_copy(dy[key], dnew, bool(grads.accumulate & 2))

    return record(y, (x, new), backward)


def multi_hot(inputs: TensorLike, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Tensor:
    """1 at each index that a row on the last axis holds, else 0; an index outside of the classes counts for nothing.

    Args:
        inputs: (..., n) integers.
        num_classes: number of classes, a positive integer.
        axis: the place of the classes in the result.
        sparse: an option of Keras that is not supported: True is a ValueError.

    Returns: a tensor (..., num_classes).

    Raises:
        ValueError: ``num_classes`` is not positive; the axis is out of range; ``sparse`` is True.

    Example:
        >>> ops.multi_hot([[0, 2], [1, 1]], num_classes=3)
        Tensor([[1., 0., 1.],
                [0., 1., 0.]], shape=(2, 3), dtype=float32)
    """
    if sparse:
        raise ValueError("multi_hot: sparse=True is not supported")
    x = int64_tensor("multi_hot", "inputs", inputs)
    x = ravel(x) if x.ndim == 0 else x
    y = largest(one_hot(x, num_classes), axis=-2) if x.shape[-1] else wrap(np.zeros((*x.shape[:-1], num_classes)))
    axis = _axis(axis, y.ndim, "multi_hot", y.shape)
    return as_tensor(moveaxis(y, -1, axis), dtype or floatx())


__all__ = ["multi_hot", "scatter", "scatter_update", "slice_update"]
