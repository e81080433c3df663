"""Parts of a tensor reduced by segments: those whose ids are equal."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wrap
from ..core.autograd import unchecked_record as record
from .comparison import greater_equal, less, logical_and, where
from .conversion import (
    TensorLike,
    as_tensor,
    check_sizes,
    forbid_in_capture,
    index_array,
    integer_tensor,
    sum_dtype,
)


def int64_tensor(op: str, name: str, x: TensorLike) -> Tensor:
    """Integers in 64 bits."""
    return as_tensor(wrap(index_array(integer_tensor(op, name, x))), np.int64)


def summed(values: Tensor, numbers: Tensor, count: int) -> Tensor:
    """y (count, ...) with values[i] (n, ...) added to y[numbers[i]]: the gradient of take, whose gradient is take."""
    y = _native.empty((count, *values.shape[1:]), values._array.dtype)
    places = numbers._array
    _native.take_backward(places, values._array, 0, y, 0)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.copy_into(_native.take_forward(dy, places, 0), grads[0], bool(grads.accumulate))

    return record(y, (values,), backward)


def summable(x: TensorLike) -> tuple[Tensor, Any]:
    """x in a type that is added up, and that of the result: floats as they are, integers in 64 bits."""
    x = as_tensor(x)
    kind = x._array.dtype
    if kind.kind == "f":
        return x, kind
    return as_tensor(x, np.uint64 if kind.kind == "u" else np.int64), sum_dtype(kind)


def narrowed(op: str, sums: Tensor, kind: Any) -> Tensor:
    """Sums in the type of the result; a ValueError that names ``op`` for an integer that does not fit."""
    return sums if sums._array.dtype == kind else wrap(_native.cast_forward(sums._array, kind, op))


def _segments(op: str, data: Tensor, segment_ids: TensorLike, num_segments: int | None) -> tuple[Tensor, int]:
    """The segment of each part of data, and how many there are; ids outside become that number."""
    ids = int64_tensor(op, "segment_ids", segment_ids)
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

    Example:
        >>> ops.segment_sum([1.0, 5.0, 3.0], [0, 0, 1], 2)
        Tensor([6., 3.], shape=(2,), dtype=float32)
    """
    values, kind = summable(data)
    ids, count = _segments("segment_sum", values, segment_ids, num_segments)
    every = summed(values, ids, count + 1)  # 1 is free: behind the segments is what belongs to none
    return narrowed("segment_sum", every[:count], kind)


def _extreme(op: str, data: TensorLike, segment_ids: TensorLike, num_segments: int | None, most: bool) -> Tensor:
    data = as_tensor(data)
    ids, count = _segments(op, data, segment_ids, num_segments)
    forbid_in_capture(op)
    values, places = data._array, ids._array
    kind = values.dtype.kind
    if kind == "f":
        start: Any = -np.inf if most else np.inf
    else:
        limits = np.iinfo(values.dtype) if kind in "iu" else None
        start = not most if limits is None else limits.min if most else limits.max
    y = np.full((count + 1, *values.shape[1:]), start, values.dtype)
    (np.maximum if most else np.minimum).at(y, places, values)

    def backward(dy: Array, grads: Gradients) -> None:
        mine = values == y[places]
        ties = np.zeros(y.shape, values.dtype)
        np.add.at(ties, places, mine)
        share = np.concatenate([dy, np.zeros_like(dy, shape=(1, *dy.shape[1:]))]) / np.maximum(ties, 1)
        _native.copy_into(np.where(mine, share[places], 0).astype(dy.dtype), grads[0], bool(grads.accumulate))

    return record(y[:count], (data,), backward)


def segment_max(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The largest data[i] over all i of one segment; equal largest ones share the gradient equally.  Not captured.

    Args:
        data: (n, ...).

    Returns: a tensor (num_segments, ...), -inf (of integers the least) where a segment is empty.

    Raises:
        ValueError: there is not one id for each part of ``data``.

    Example:
        >>> ops.segment_max([1.0, 5.0, 3.0], [0, 0, 1], 2)
        Tensor([5., 3.], shape=(2,), dtype=float32)
    """
    return _extreme("segment_max", data, segment_ids, num_segments, True)


def segment_min(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The smallest data[i] over all i of one segment; equal smallest ones share the gradient equally.  Not captured.

    Args:
        data: (n, ...).

    Returns: a tensor (num_segments, ...), inf (of integers the largest) where a segment is empty.

    Raises:
        ValueError: there is not one id for each part of ``data``.

    Example:
        >>> ops.segment_min([1.0, 5.0, 3.0], [0, 0, 1], 2)
        Tensor([1., 3.], shape=(2,), dtype=float32)
    """
    return _extreme("segment_min", data, segment_ids, num_segments, False)


def segment_prod(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The product of data[i] over all i of one segment; its gradient is right at zeros, too.  Not captured.

    Args:
        data: (n, ...).

    Returns: a tensor (num_segments, ...), one where a segment is empty.

    Raises:
        ValueError: there is not one id for each part of ``data``; a product of integers does not fit into the type.

    Example:
        >>> ops.segment_prod([1.0, 5.0, 3.0], [0, 0, 1], 2)
        Tensor([5., 3.], shape=(2,), dtype=float32)
    """
    data, kind = summable(data)
    ids, count = _segments("segment_prod", data, segment_ids, num_segments)
    forbid_in_capture("segment_prod")
    values, places = data._array, ids._array
    y = np.ones((count + 1, *values.shape[1:]), values.dtype)
    np.multiply.at(y, places, values)

    def backward(dy: Array, grads: Gradients) -> None:
        zero = values == 0
        zeros, rest = np.zeros(y.shape, np.int64), np.ones_like(y)  # how many zeros, and the product without them
        np.add.at(zeros, places, zero)
        np.multiply.at(rest, places, np.where(zero, 1, values))
        others = np.where(zero, zeros[places] == 1, zeros[places] == 0) * rest[places] / np.where(zero, 1, values)
        upstream = np.zeros_like(dy, shape=y.shape)
        upstream[:count] = dy
        _native.copy_into((others * upstream[places]).astype(dy.dtype), grads[0], bool(grads.accumulate))

    return narrowed("segment_prod", record(y[:count], (data,), backward), kind)


__all__ = ["segment_max", "segment_min", "segment_prod", "segment_sum"]
