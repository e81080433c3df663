"""Order: sorting, the largest few, quantiles, places of values.

Values follow their places through native operations, so gradients flow; the places themselves come from NumPy where the
docstring says so, and such a step is not captured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.autograd import Array, Tensor, wants_grad, wrap
from .comparison import equal, greater, greater_equal, isfinite, isnan, less, logical_and, where
from .conversion import (
    TensorLike,
    _axis,
    as_tensor,
    common_integer,
    expand_dims,
    float_tensor,
    forbid_in_capture,
    index_array,
    integer_tensor,
    place_dtype,
)
from .elementwise import add, maximum, minimum, multiply, subtract
from .expansion import broadcast_to
from .reduction import argmax, sum
from .reshape import Axis, moveaxis, ravel, reshape, take, transpose


def _values(op: str, x: TensorLike) -> Array:
    """The array of x, for NumPy; the step is not captured."""
    x = as_tensor(x)
    forbid_in_capture(op)
    return x._array


def _alike(op: str, x: Tensor, y: Tensor) -> None:
    """A TypeError where NumPy would compare integers as floats."""
    a, b = x._array.dtype, y._array.dtype
    if a.kind in "iub" and b.kind in "iub":
        common_integer(op, a, b)


def take_along_axis(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Tensor:
    """Of every row along an axis the elements whose numbers stand in the same row of ``indices``.

    Args:
        x: (..., n, ...).
        indices: (..., k, ...) integers; all other axes broadcast, negative numbers count from the end.
        axis: the axis; None takes both as one row.

    Raises:
        IndexError: a number is outside of the axis.
        ValueError: the shapes do not fit, or the axis is out of range.

    Example:
        >>> ops.take_along_axis([[3.0, 1.0, 2.0]], [[1, 2, 0]], axis=1)
        Tensor([[1., 2., 3.]], shape=(1, 3), dtype=float32)
    """
    x, places = (
        as_tensor(x),
        as_tensor(wrap(index_array(integer_tensor("take_along_axis", "indices", indices))), np.int64),
    )
    if axis is None:
        x, places, axis = ravel(x), ravel(places), 0
    if x.ndim != places.ndim:
        raise ValueError(f"take_along_axis: x is {x.shape}, indices {places.shape}; expected as many axes")
    axis = _axis(axis, x.ndim, "take_along_axis", x.shape)
    n, k = x.shape[axis], places.shape[axis]
    shapes = [[1 if i == axis else size for i, size in enumerate(t.shape)] for t in (x, places)]
    try:
        sizes = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(
            f"take_along_axis: x is {x.shape}, indices {places.shape}; all axes but {axis} must be equal or 1"
        ) from None
    x = broadcast_to(x, (*sizes[:axis], n, *sizes[axis + 1 :]))
    places = broadcast_to(places, (*sizes[:axis], k, *sizes[axis + 1 :]))
    outer, inner = math.prod(sizes[:axis]), math.prod(sizes[axis + 1 :])
    rows = (np.arange(outer)[:, None] * (n * inner) + np.arange(inner)).reshape(sizes)  # where each row begins
    within = where(less(places, 0), add(places, n), places)
    inside = logical_and(greater_equal(within, 0), less(within, n))
    numbers = where(inside, add(multiply(within, inner), rows), x.size)  # x.size is outside: take() refuses it
    try:
        return take(ravel(x), numbers)
    except IndexError:
        wrong = places._array[~inside._array][0]
        raise IndexError(f"take_along_axis: index {wrong} is outside axis {axis} of x, which is {x.shape}") from None


def argsort(x: TensorLike, axis: int | None = -1) -> Tensor:
    """Places (int32) of the elements in ascending order along an axis.  Not captured.

    Equal ones stay in their order, NaN is last.

    Args:
        axis: the axis; None takes all elements in C order.

    Example:
        >>> ops.argsort([3.0, 1.0, 2.0])
        Tensor([1, 2, 0], shape=(3,), dtype=int32)
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = _axis(axis, x.ndim, "argsort", x.shape)
    return wrap(np.argsort(_values("argsort", x), axis=axis, kind="stable").astype(place_dtype(x.shape[axis])))


def sort(x: TensorLike, axis: int | None = -1) -> Tensor:
    """The elements in ascending order along an axis; NaN is last.  Not captured.

    Args:
        axis: the axis; None takes all elements in C order.

    Example:
        >>> ops.sort([3.0, 1.0, 2.0])
        Tensor([1., 2., 3.], shape=(3,), dtype=float32)
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = _axis(axis, x.ndim, "sort", x.shape)
    if not wants_grad(x):
        return wrap(np.sort(_values("sort", x), axis))
    return take_along_axis(x, argsort(x, axis), axis)


def argpartition(x: TensorLike, kth: int, axis: int = -1) -> Tensor:
    """Places (int32) along an axis, those of the smallest elements first.  Not captured.

    Args:
        kth: so many places are those of the smallest elements.
        axis: the axis; negative ones count from the end.

    Raises:
        ValueError: ``kth`` or the axis is out of range.

    Example:
        >>> ops.argpartition([5.0, 1.0, 3.0], 0)[0]
        Tensor(1, shape=(), dtype=int32)
    """
    x = as_tensor(x)
    axis = _axis(axis, x.ndim, "argpartition", x.shape)
    _axis(kth, x.shape[axis], "argpartition: kth as an", x.shape)
    return argsort(x, axis)


def top_k(x: TensorLike, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The largest elements of each row on the last axis, in descending order, and their places (int32).

    Of equal elements the first comes first.  Not captured, unless k is 1.

    Args:
        k: how many.
        sorted: an option of Keras without effect here: they always are in order.

    Returns: elements (..., k) and places (..., k).

    Raises:
        ValueError: ``k`` is negative, or larger than the axis.

    Example:
        >>> values, indices = ops.top_k([1.0, 3.0, 2.0], k=2)
        >>> values.numpy(), indices.numpy()
        (array([3., 2.], dtype=float32), array([1, 2], dtype=int32))
    """
    x = as_tensor(x)
    if x.ndim == 0 or not 0 <= k <= x.shape[-1]:
        raise ValueError(f"top_k: expected k between 0 and the size of x's last axis, got k={k} and x of {x.shape}")
    if k == 1:
        places = argmax(x, -1, keepdims=True)
    else:
        backwards = np.argsort(_values("top_k", x)[..., ::-1], axis=-1, kind="stable")[..., ::-1][..., :k]
        places = wrap((x.shape[-1] - 1 - backwards).astype(place_dtype(x.shape[-1])))
    return take_along_axis(x, places, -1), places


def in_top_k(targets: TensorLike, predictions: TensorLike, k: int) -> Tensor:
    """Whether the prediction of the target's class is one of the k largest; equal ones count as such.

    Args:
        targets: (...) class indices; one outside of the classes is in no top k.
        predictions: (..., C); one that is not finite is in no top k.
        k: how many.

    Raises:
        ValueError: the shapes do not fit.
        TypeError: ``targets`` are no integers.

    Example:
        >>> ops.in_top_k([1, 0], [[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]], k=2)
        Tensor([ True, False], shape=(2,), dtype=bool)
    """
    targets, predictions = integer_tensor("in_top_k", "targets", targets), float_tensor(predictions)
    if targets.shape != predictions.shape[:-1] or predictions.ndim == 0:
        raise ValueError(f"in_top_k: targets are {targets.shape}, predictions {predictions.shape}; expected (..., C)")
    known = maximum(minimum(targets, predictions.shape[-1] - 1), 0)
    of_target = take_along_axis(predictions, expand_dims(known, -1), -1)
    larger = sum(as_tensor(greater(predictions, of_target), np.int32), -1)
    valid = logical_and(equal(known, targets), isfinite(reshape(of_target, targets.shape)))
    return logical_and(valid, less(larger, int(k)))


_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _fraction(at: Any, method: str) -> Any:
    """How far on the way from the element below a place to the one above it the quantile lies."""
    weight = at - np.floor(at)
    if method == "linear":
        return weight
    between = {"lower": 0.0, "higher": 1.0, "midpoint": 0.5, "nearest": np.round(at) - np.floor(at)}[method]
    return np.where(weight == 0, weight, between)


def quantile_of(
    op: str, x: TensorLike, q: Any, axis: Axis, method: str, keepdims: bool, whole: float, valid: bool
) -> Tensor:
    """The quantile of an operation.  whole: what all elements are in units of q; valid: whether NaN is left out."""
    x = float_tensor(x)
    parts = np.asarray(q.numpy() if isinstance(q, Tensor) else q, dtype=np.float64) / whole
    if parts.ndim > 1 or not ((parts >= 0) & (parts <= 1)).all():
        raise ValueError(f"{op}: q must be a number or a list of numbers from 0 to {whole:g}, got {q!r}")
    if method not in _METHODS:
        raise ValueError(f"{op}: method must be one of {', '.join(_METHODS)}, got {method!r}")
    given = range(x.ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = [_axis(a, x.ndim, op, x.shape) for a in given]
    if len(set(axes)) < len(axes):
        raise ValueError(f"{op}: axis {axis} names an axis of x, which is {x.shape}, twice")
    rest = [a for a in range(x.ndim) if a not in axes]
    left = tuple(x.shape[a] for a in rest)
    n = math.prod(x.shape[a] for a in axes)
    if n == 0:
        raise ValueError(f"{op}: x is {x.shape}; nothing to reduce")
    ordered = sort(reshape(transpose(x, rest + axes), (*left, n)))
    if valid:  # NaN is last, so that the places are those among the elements before
        count = np.count_nonzero(~np.isnan(ordered._array), axis=-1)[..., None]
        at = np.maximum(parts.ravel() * (count - 1), 0)
        low, high = (take_along_axis(ordered, f(at).astype(np.int64), -1) for f in (np.floor, np.ceil))
    else:
        at = parts.ravel() * (n - 1)
        low, high = (take(ordered, f(at).astype(np.int64), -1) for f in (np.floor, np.ceil))
    weight = np.asarray(_fraction(at, method), x.dtype)
    y = where(weight == 0, low, where(weight == 1, high, add(low, multiply(subtract(high, low), weight))))
    if not valid:
        y = where(isnan(take(ordered, np.full(parts.size, n - 1), -1)), np.nan, y)
    y = moveaxis(y, -1, 0) if parts.ndim else y
    kept = tuple(1 if a in axes else size for a, size in enumerate(x.shape)) if keepdims else left
    return reshape(y, (*parts.shape, *kept))


def quantile(x: TensorLike, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """The value below which a part of x lies; NaN where there is one.  Not captured.

    Args:
        q: the part, from 0 to 1, or several, which give a first axis.
        method: what decides between two elements: "linear", "lower", "higher", "midpoint" or "nearest".

    Raises:
        ValueError: ``q`` is out of range; ``method`` is another one; an axis is out of range or named twice; x is
            empty.

    Example:
        >>> ops.quantile([1.0, 2.0, 3.0], 0.5)
        Tensor(2., shape=(), dtype=float32)
    """
    return quantile_of("quantile", x, q, axis, method, keepdims, 1, False)


def percentile(x: TensorLike, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """The value below which so many percent of x lie; NaN where there is one.  Not captured.

    Args:
        q: how many percent, from 0 to 100, or several, which give a first axis.
        method: what decides between two elements: "linear", "lower", "higher", "midpoint" or "nearest".

    Raises:
        ValueError: ``q`` is out of range; ``method`` is another one; an axis is out of range or named twice; x is
            empty.

    Example:
        >>> ops.percentile([1.0, 2.0, 3.0], 50)
        Tensor(2., shape=(), dtype=float32)
    """
    return quantile_of("percentile", x, q, axis, method, keepdims, 100, False)


def median(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The middle element, the mean of both of an even number.  Sorted by NumPy: not captured.

    Example:
        >>> ops.median([3.0, 1.0, 2.0])
        Tensor(2., shape=(), dtype=float32)
    """
    return quantile_of("median", x, 0.5, axis, "linear", keepdims, 1, False)


def searchsorted(sorted_sequence: TensorLike, values: TensorLike, side: str = "left") -> Tensor:
    """Where in an ascending row the values would stand, int32.  Not captured.

    Args:
        sorted_sequence: the row, one axis.
        values: a tensor or an array of any shape.
        side: "left" for places before equal elements, "right" for those behind.

    Raises:
        ValueError: the row has not one axis, or ``side`` is another one.

    Example:
        >>> ops.searchsorted([1.0, 3.0, 5.0], [2.0, 3.0])
        Tensor([1, 1], shape=(2,), dtype=int32)
    """
    row, wanted = as_tensor(sorted_sequence), as_tensor(values)
    if row.ndim != 1 or side not in ("left", "right"):
        raise ValueError(f"searchsorted: expected one axis and side 'left' or 'right', got {row.shape} and {side!r}")
    _alike("searchsorted", row, wanted)
    found = np.searchsorted(_values("searchsorted", row), wanted._array, side)  # type: ignore[call-overload]
    return wrap(np.asarray(found, place_dtype(row.size)))


def digitize(x: TensorLike, bins: TensorLike | Sequence[float]) -> Tensor:
    """Number (int32) of the bin of each element, where bin i is ``bins[i - 1] <= x < bins[i]``.  Not captured.

    Args:
        bins: the edges in order, one axis.

    Raises:
        ValueError: ``bins`` have not one axis, or are not in order.

    Example:
        >>> ops.digitize([0.2, 6.4, 3.0], [0.0, 1.0, 2.5, 4.0])
        Tensor([1, 4, 3], shape=(3,), dtype=int32)
    """
    x, edges = as_tensor(x), as_tensor(bins)
    if edges.ndim != 1:
        raise ValueError(f"digitize: bins must have one axis, got {edges.shape}")
    _alike("digitize", x, edges)
    return wrap(np.asarray(np.digitize(_values("digitize", x), edges._array), place_dtype(edges.size)))


def isin(x1: TensorLike, x2: TensorLike, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each element of x1 is among those of x2.  Not captured.

    Args:
        x2: the elements to look for, of any shape.
        assume_unique: whether both hold each element once, which is faster.
        invert: whether the answer is turned around.

    Raises:
        TypeError: an operand holds what is no number.

    Example:
        >>> ops.isin([1, 2, 3], [2, 5])
        Tensor([False,  True, False], shape=(3,), dtype=bool)
    """
    x1, x2 = as_tensor(x1), as_tensor(x2)
    _alike("isin", x1, x2)
    found = np.isin(_values("isin", x1), x2._array, assume_unique=assume_unique, invert=invert)
    return wrap(np.asarray(found))


__all__ = [
    "argpartition", "argsort", "digitize", "in_top_k", "isin", "median", "percentile", "quantile", "searchsorted",
    "sort", "take_along_axis", "top_k",
]  # fmt: skip
