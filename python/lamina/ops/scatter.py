"""Values put at places: into zeros, into a tensor, summed by segments; counts of integers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wrap
from ..core.autograd import unchecked_record as record
from .conversion import (
    TensorLike,
    _axis,
    as_tensor,
    check_sizes,
    floatx,
    forbid_in_capture,
    index_array,
    integer_tensor,
    sum_dtype,
)
from .elementwise import add, greater_equal, less, logical_and, multiply, where
from .reduction import max as largest
from .reshape import block, moveaxis, one_hot, ravel, reshape, take


def _int64(op: str, name: str, x: TensorLike) -> Tensor:
    return as_tensor(wrap(index_array(integer_tensor(op, name, x))), np.int64)


def _summed(values: Tensor, numbers: Tensor, count: int) -> Tensor:
    """y (count, ...) with values[i] (n, ...) added to y[numbers[i]]: the gradient of take, whose gradient is take."""
    y = _native.empty((count, *values.shape[1:]), values._array.dtype)
    places = numbers._array
    _native.take_backward(places, values._array, 0, y, 0)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.copy_into(_native.take_forward(dy, places, 0), grads[0], bool(grads.accumulate))

    return record(y, (values,), backward)


def _summable(x: TensorLike) -> tuple[Tensor, Any]:
    """x in a type that is added up, and that of the result: floats as they are, integers in 64 bits."""
    x = as_tensor(x)
    kind = x._array.dtype
    if kind.kind == "f":
        return x, kind
    return as_tensor(x, np.uint64 if kind.kind == "u" else np.int64), sum_dtype(kind)


def _narrowed(op: str, sums: Tensor, kind: Any) -> Tensor:
    """Sums in the type of the result; a ValueError that names ``op`` for an integer that does not fit."""
    return sums if sums._array.dtype == kind else wrap(_native.cast_forward(sums._array, kind, op))


def _segments(op: str, data: Tensor, segment_ids: TensorLike, num_segments: int | None) -> tuple[Tensor, int]:
    """The segment of each part of data, and how many there are; ids outside become that number."""
    ids = _int64(op, "segment_ids", segment_ids)
    if ids.ndim != 1 or ids.shape != data.shape[:1]:
        raise ValueError(f"{op}: segment_ids are {ids.shape}, data {data.shape}; expected one id for each data[i]")
    if num_segments is None:
        forbid_in_capture(f"{op} without num_segments")
        num_segments = int((ids._array + 1).max(initial=0))
    (count,) = check_sizes(op, num_segments)
    return where(logical_and(greater_equal(ids, 0), less(ids, count)), ids, count), count


def segment_sum(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The sum of data[i] over all i of one segment, for each segment.

    Args:
        data: (n, ...).

    Returns: a tensor (num_segments, ...), zero where a segment is empty.

    Raises:
        ValueError: there is not one id for each part of ``data``.
    """
    values, kind = _summable(data)
    ids, count = _segments("segment_sum", values, segment_ids, num_segments)
    return _narrowed("segment_sum", _summed(values, ids, count + 1)[:count], kind)


def segment_max(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The largest data[i] over all i of one segment; equal largest ones share the gradient equally.  Not captured.

    Args:
        data: (n, ...).

    Returns: a tensor (num_segments, ...), -inf (of integers the least) where a segment is empty.

    Raises:
        ValueError: there is not one id for each part of ``data``.
    """
    data = as_tensor(data)
    ids, count = _segments("segment_max", data, segment_ids, num_segments)
    forbid_in_capture("segment_max")
    values, places = data._array, ids._array
    lowest = -np.inf if values.dtype.kind == "f" else np.iinfo(values.dtype).min if values.dtype.kind in "iu" else False
    y = np.full((count + 1, *values.shape[1:]), lowest, values.dtype)
    np.maximum.at(y, places, values)

    def backward(dy: Array, grads: Gradients) -> None:
        mine = values == y[places]
        ties = np.zeros(y.shape, values.dtype)
        np.add.at(ties, places, mine)
        share = np.concatenate([dy, np.zeros_like(dy, shape=(1, *dy.shape[1:]))]) / np.maximum(ties, 1)
        _native.copy_into(np.where(mine, share[places], 0).astype(dy.dtype), grads[0], bool(grads.accumulate))

    return record(y[:count], (data,), backward)


def _numbers(op: str, indices: TensorLike, shape: tuple[int, ...]) -> tuple[Tensor, int]:
    """Indices (n, m) of the first m axes of ``shape`` as numbers (n,) of its parts, and how many parts there are."""
    places = _int64(op, "indices", indices)
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
    """
    full = check_sizes("scatter", shape)
    places = as_tensor(indices)
    v, kind = _summable(values)
    numbers, parts = _numbers("scatter", places, full)
    rows = _rows("scatter", v, places, full)
    try:
        return _narrowed("scatter", reshape(_summed(rows, numbers, parts), full), kind)
    except IndexError:
        raise _outside("scatter", places, numbers, parts, full) from None


def scatter_update(inputs: TensorLike, indices: TensorLike, updates: TensorLike) -> Tensor:
    """A tensor with other values at places, as ``inputs[indices] = updates``; of several for one place the last counts.
    Not captured.

    Args:
        inputs: a tensor or an array.
        indices: (..., m) integers: each row names a place along the first m axes.
        updates: (..., *inputs.shape[m:]).

    Raises:
        IndexError: a place is outside.
        ValueError: shapes do not fit.
    """
    x, places = as_tensor(inputs), as_tensor(indices)
    values = as_tensor(updates, x._array.dtype)
    numbers, parts = _numbers("scatter_update", places, x.shape)
    rows = _rows("scatter_update", values, places, x.shape)
    forbid_in_capture("scatter_update")
    at = numbers._array
    if at.size and at.max() >= parts:
        raise _outside("scatter_update", places, numbers, parts, x.shape)
    if not at.size:
        return x
    source, written = np.zeros(parts, np.int64), np.zeros(parts, np.bool_)
    source[at], written[at] = np.arange(at.size), True
    y = where(written[:, None], take(rows, source, 0), reshape(x, (parts, -1)))
    return as_tensor(reshape(y, x.shape), x._array.dtype)


def slice_update(inputs: TensorLike, start_indices: Sequence[int], updates: TensorLike) -> Tensor:
    """A tensor with a block replaced.

    Args:
        inputs: a tensor or an array.
        start_indices: where the block begins, one number an axis.
        updates: the block.

    Raises:
        ValueError: the block does not lie in ``inputs``.
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
    """
    if sparse:
        raise ValueError("multi_hot: sparse=True is not supported")
    x = _int64("multi_hot", "inputs", inputs)
    x = ravel(x) if x.ndim == 0 else x
    y = largest(one_hot(x, num_classes), axis=-2) if x.shape[-1] else wrap(np.zeros((*x.shape[:-1], num_classes)))
    axis = _axis(axis, y.ndim, "multi_hot", y.shape)
    return as_tensor(moveaxis(y, -1, axis), dtype or floatx())


def bincount(x: TensorLike, weights: TensorLike | None = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    """How often each integer from 0 to the largest occurs on the last axis, int32.  Not captured: the size follows the
    values.

    Args:
        x: integers from 0, one axis or more.
        weights: summed in place of counting, of x's shape; the result has their type and is differentiable.
        minlength: the least size of the result.
        sparse: an option of Keras that is not supported: True is a ValueError.

    Raises:
        ValueError: an integer is negative; the weights have another shape; ``sparse`` is True.
    """
    if sparse:
        raise ValueError("bincount: sparse=True is not supported")
    x = _int64("bincount", "x", x)
    forbid_in_capture("bincount")
    if x.ndim == 0 or (x._array < 0).any():
        raise ValueError(f"bincount: expected one axis or more of integers from 0, got x of {x.shape}")
    length = max(int(minlength), int((x._array + 1).max(initial=0)))
    rows = math.prod(x.shape[:-1])
    check_sizes("bincount", (rows, length))
    w, kind = (wrap(np.ones(x.shape, np.int64)), np.dtype(np.int32)) if weights is None else _summable(weights)
    if w.shape != x.shape:
        raise ValueError(f"bincount: weights are {w.shape}, x {x.shape}; expected equal shapes")
    firsts = (np.arange(rows) * length).reshape(*x.shape[:-1], 1)
    sums = (
        _summed(ravel(w), ravel(add(x, firsts)), rows * length)
        if x.size
        else wrap(np.zeros(rows * length, w._array.dtype))
    )
    return _narrowed("bincount", reshape(sums, (*x.shape[:-1], length)), kind)


__all__ = ["bincount", "multi_hot", "scatter", "scatter_update", "segment_max", "segment_sum", "slice_update"]
