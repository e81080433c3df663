"""Different elements, how often they occur, and where they stand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.autograd import Tensor, wrap
from .conversion import (
    TensorLike,
    _axis,
    as_tensor,
    check_sizes,
    concatenate,
    float_tensor,
    forbid_in_capture,
    integer_tensor,
    needs_values,
    place_dtype,
)
from .creation import full
from .elementwise import add
from .reshape import getitem, ravel, reshape, take
from .segments import int64_tensor, narrowed, summable, summed

__all__ = ["bincount", "histogram", "unique", "unravel_index"]


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

    Example:
        >>> ops.bincount([0, 2, 2, 3])
        Tensor([1, 0, 2, 1], shape=(4,), dtype=int32)
    """
    if sparse:
        raise ValueError("bincount: sparse=True is not supported")
    x = int64_tensor("bincount", "x", x)
    forbid_in_capture("bincount")
    if x.ndim == 0 or (x._array < 0).any():
        raise ValueError(f"bincount: expected one axis or more of integers from 0, got x of {x.shape}")
    length = max(int(minlength), int((x._array + 1).max(initial=0)))
    rows = math.prod(x.shape[:-1])
    check_sizes("bincount", (rows, length))
    w, kind = (wrap(np.ones(x.shape, np.int64)), np.dtype(np.int32)) if weights is None else summable(weights)
    if w.shape != x.shape:
        raise ValueError(f"bincount: weights are {w.shape}, x {x.shape}; expected equal shapes")
    firsts = (np.arange(rows) * length).reshape(*x.shape[:-1], 1)
    sums = (
        summed(ravel(w), ravel(add(x, firsts)), rows * length)
        if x.size
        else wrap(np.zeros(rows * length, w._array.dtype))
    )
    return narrowed("bincount", reshape(sums, (*x.shape[:-1], length)), kind)


def histogram(x: TensorLike, bins: int = 10, range: tuple[float, float] | None = None) -> tuple[Tensor, Tensor]:
    """How many elements lie in each of so many intervals of one length.  Not captured.

    Args:
        x: one axis of numbers, or a single one.
        bins: how many intervals.
        range: (first, last) edge; elements outside are left out; None takes the smallest and the largest element.

    Returns: the counts (bins,), int32, and the edges (bins + 1,).

    Raises:
        ValueError: x has more than one axis, or is not finite without ``range``; ``bins`` is not positive; ``range``
            is no pair in ascending order.

    Example:
        >>> counts, edges = ops.histogram([1.0, 2.0, 2.0, 4.0], bins=3)
        >>> counts
        Tensor([1, 2, 1], shape=(3,), dtype=int32)
    """
    x = as_tensor(x)
    if x.ndim > 1:
        raise ValueError(f"histogram: x is {x.shape}; expected one axis")
    if not isinstance(bins, (int, np.integer)) or isinstance(bins, bool) or bins < 1:
        raise ValueError(f"histogram: bins must be a positive integer, got {bins!r}")
    check_sizes("histogram", int(bins) + 1)
    if range is not None and (len(range) != 2 or not -np.inf < range[0] <= range[1] < np.inf):
        raise ValueError(f"histogram: range must be a pair of finite numbers in ascending order, got {range!r}")
    forbid_in_capture("histogram")
    if range is None and not np.isfinite(x._array).all():
        raise ValueError("histogram: x is not finite; give range=(first, last), which leaves out what lies outside")
    counts, edges = np.histogram(x._array, int(bins), range)
    return wrap(counts.astype(place_dtype(x.size))), wrap(edges.astype(float_tensor(x).dtype))


def unique(
    x: TensorLike,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: float | None = None,
) -> Any:
    """The different elements, or parts along an axis, in ascending order; each NaN is one of its own.  Not captured.

    Args:
        sorted: an option of Keras without effect here: they always are in order.
        return_index: whether the first place of each follows, int32.
        return_inverse: whether the number of each element of x among them follows, int32.
        return_counts: whether it follows how often each occurs, int32.
        axis: the axis; None takes all elements.
        size: how many there shall be: others are cut off, missing ones filled in (place 1, count 0); None takes all.
        fill_value: the element that is filled in; None means 0.

    Returns: the elements, or a tuple of them and what follows.

    Raises:
        ValueError: the axis is out of range; ``size`` is negative.

    Example:
        >>> ops.unique([3, 1, 3])
        Tensor([1, 3], shape=(2,), dtype=int64)
    """
    needs_values("unique", x)
    x = as_tensor(x)
    forbid_in_capture("unique")
    along = None if axis is None else _axis(axis, x.ndim, "unique", x.shape)
    _, places, inverse, counts = np.unique(
        x._array, return_index=True, return_inverse=True, return_counts=True, axis=along, equal_nan=False
    )
    dim = along or 0
    values = take(ravel(x) if along is None else x, places, dim)
    if size is not None:
        (wanted,) = check_sizes("unique", size)
        places, counts = places[:wanted], counts[:wanted]
        values = getitem(values, (*(slice(None),) * dim, slice(0, wanted)))
        missing = wanted - places.size
        shape = list(values.shape)
        shape[dim] = missing
        values = concatenate([values, full(shape, fill_value or 0, x.dtype)], dim)
        places, counts = np.pad(places, (0, missing), constant_values=1), np.pad(counts, (0, missing))
    kind = place_dtype(x.size)
    wanted_ones = ((return_index, places), (return_inverse, inverse), (return_counts, counts))
    more = [wrap(np.asarray(a, kind)) for asked, a in wanted_ones if asked]
    return (values, *more) if more else values


def unravel_index(indices: TensorLike, shape: Sequence[int]) -> tuple[Tensor, ...]:
    """Of the numbers of elements in C order their places, a tensor for each axis, of their type.  Not captured.

    Args:
        indices: integers from 0.
        shape: the shape of what they are numbers in.

    Raises:
        TypeError: ``indices`` are no integers.
        IndexError: a number is outside of the shape.

    Example:
        >>> ops.unravel_index(5, (2, 3))
        (Tensor(1, shape=(), dtype=int64), Tensor(2, shape=(), dtype=int64))
    """
    numbers = integer_tensor("unravel_index", "indices", indices)
    sizes = check_sizes("unravel_index", shape)
    forbid_in_capture("unravel_index")
    count = math.prod(sizes)
    outside = (numbers._array < 0) | (numbers._array >= count)
    if outside.any():
        raise IndexError(
            f"unravel_index: {numbers._array[outside].flat[0]} is outside of the {count} elements of {sizes}"
        )
    return tuple(wrap(np.asarray(places, numbers.dtype)) for places in np.unravel_index(numbers._array, sizes))
