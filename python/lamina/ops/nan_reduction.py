"""Reductions that leave NaN out.

What is left out has no gradient.  Integers hold no NaN and are reduced as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.autograd import Tensor
from .comparison import equal, isnan, logical_not, where
from .conversion import TensorLike, as_tensor
from .elementwise import divide, sqrt, square, subtract
from .reduction import all as every
from .reduction import argmax, argmin, cumprod, cumsum, mean, prod, std, sum, var
from .reduction import max as largest
from .reduction import min as smallest
from .reshape import Axis
from .sorting import quantile_of


def _filled(x: Tensor, value: float) -> Tensor:
    """x with a number in place of NaN."""
    return where(isnan(x), value, x)


def _floats(x: Tensor) -> bool:
    return x._array.dtype.kind == "f"


def _count(x: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    """How many elements are no NaN, in x's type."""
    return as_tensor(sum(as_tensor(logical_not(isnan(x)), np.float64), axis, keepdims), x.dtype)


def nansum(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum of all elements that are no NaN; 0 where there is none.

    Example:
        >>> ops.nansum([1.0, np.nan, 3.0])
        Tensor(4., shape=(), dtype=float32)
    """
    x = as_tensor(x)
    return sum(_filled(x, 0.0) if _floats(x) else x, axis, keepdims)


def nanprod(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The product of all elements that are no NaN; 1 where there is none.

    Example:
        >>> ops.nanprod([2.0, np.nan, 3.0])
        Tensor(6., shape=(), dtype=float32)
    """
    x = as_tensor(x)
    return prod(_filled(x, 1.0) if _floats(x) else x, axis, keepdims)


def nanmean(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean of all elements that are no NaN; NaN where there is none.

    Example:
        >>> ops.nanmean([1.0, np.nan, 3.0])
        Tensor(2., shape=(), dtype=float32)
    """
    x = as_tensor(x)
    if not _floats(x):
        return mean(x, axis, keepdims)
    return divide(sum(_filled(x, 0.0), axis, keepdims), _count(x, axis, keepdims))


def nanvar(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The variance of all elements that are no NaN; NaN where there is none.

    Example:
        >>> ops.nanvar([1.0, np.nan, 3.0])
        Tensor(1., shape=(), dtype=float32)
    """
    x = as_tensor(x)
    if not _floats(x):
        return var(x, axis, keepdims)
    middle = divide(sum(_filled(x, 0.0), axis, True), _count(x, axis, True))
    distance = where(isnan(x), 0.0, subtract(_filled(x, 0.0), middle))
    return divide(sum(square(distance), axis, keepdims), _count(x, axis, keepdims))


def nanstd(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The standard deviation of all elements that are no NaN; its gradient is 0 where these are equal.

    Example:
        >>> ops.nanstd([1.0, np.nan, 3.0])
        Tensor(1., shape=(), dtype=float32)
    """
    x = as_tensor(x)
    if not _floats(x):
        return std(x, axis, keepdims)
    variance = nanvar(x, axis, keepdims)
    zero = equal(variance, 0)
    return where(zero, 0.0, sqrt(where(zero, 1.0, variance)))


def _extreme(x: TensorLike, axis: Axis, keepdims: bool, most: bool) -> Tensor:
    x = as_tensor(x)
    reduce = largest if most else smallest
    if not _floats(x):
        return reduce(x, axis, keepdims)
    y = reduce(_filled(x, -np.inf if most else np.inf), axis, keepdims)
    return where(every(isnan(x), axis, keepdims), np.nan, y)


def nanmax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest element that is no NaN, NaN where there is none; equal largest ones share the gradient equally.

    Example:
        >>> ops.nanmax([1.0, np.nan, 3.0])
        Tensor(3., shape=(), dtype=float32)
    """
    return _extreme(x, axis, keepdims, True)


def nanmin(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest element that is no NaN, NaN where there is none; equal smallest ones share the gradient equally.

    Example:
        >>> ops.nanmin([1.0, np.nan, 3.0])
        Tensor(1., shape=(), dtype=float32)
    """
    return _extreme(x, axis, keepdims, False)


def _place(x: TensorLike, axis: int | None, keepdims: bool, most: bool) -> Tensor:
    x = as_tensor(x)
    find = argmax if most else argmin
    if not _floats(x):
        return find(x, axis, keepdims)
    least = -np.inf if most else np.inf
    missing = isnan(x)
    places = find(where(missing, least, x), axis, keepdims)
    # An infinite element may be the largest one: of these the first that is no NaN.
    found = equal((largest if most else smallest)(where(missing, least, x), axis, keepdims), least)
    places = where(found, argmax(equal(where(missing, 0.0, x), least), axis, keepdims), places)
    return as_tensor(where(every(missing, axis, keepdims), -1, places), places.dtype)


def nanargmax(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Place of the largest element that is no NaN, int32; -1 where there is none.

    Args:
        axis: the axis; None counts all elements in C order.

    Example:
        >>> ops.nanargmax([1.0, np.nan, 3.0])
        Tensor(2, shape=(), dtype=int32)
    """
    return _place(x, axis, keepdims, True)


def nanargmin(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Place of the smallest element that is no NaN, int32; -1 where there is none.

    Args:
        axis: the axis; None counts all elements in C order.

    Example:
        >>> ops.nanargmin([1.0, np.nan, 3.0])
        Tensor(0, shape=(), dtype=int32)
    """
    return _place(x, axis, keepdims, False)


def nancumsum(x: TensorLike, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Cumulative sum along an axis, where NaN counts as 0.

    Args:
        axis: the axis; None takes all elements in C order.
        dtype: type that x is converted to before; None keeps it.

    Example:
        >>> ops.nancumsum([2.0, np.nan, 3.0])
        Tensor([2., 2., 5.], shape=(3,), dtype=float32)
    """
    x = as_tensor(x)
    return cumsum(_filled(x, 0.0) if _floats(x) else x, axis, dtype)


def nancumprod(x: TensorLike, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Cumulative product along an axis, where NaN counts as 1.

    Args:
        axis: the axis; None takes all elements in C order.
        dtype: type that x is converted to before; None keeps it.

    Example:
        >>> ops.nancumprod([2.0, np.nan, 3.0])
        Tensor([2., 2., 6.], shape=(3,), dtype=float32)
    """
    x = as_tensor(x)
    return cumprod(_filled(x, 1.0) if _floats(x) else x, axis, dtype)


def nanquantile(x: TensorLike, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """The value below which a part of all elements lies that are no NaN; NaN where there is none.  Not captured.

    Args:
        q: the part, from 0 to 1, or several, which give a first axis.
        method: what decides between two elements: "linear", "lower", "higher", "midpoint" or "nearest".

    Raises:
        ValueError: ``q`` is out of range; ``method`` is another one; an axis is out of range or named twice; x is
            empty.

    Example:
        >>> ops.nanquantile([1.0, np.nan, 3.0], 0.5)
        Tensor(2., shape=(), dtype=float32)
    """
    return quantile_of("nanquantile", x, q, axis, method, keepdims, 1, True)


def nanpercentile(x: TensorLike, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """The value below which so many percent of the elements lie that are no NaN; NaN without any.  Not captured.

    Args:
        q: how many percent, from 0 to 100, or several, which give a first axis.
        method: what decides between two elements: "linear", "lower", "higher", "midpoint" or "nearest".

    Raises:
        ValueError: ``q`` is out of range; ``method`` is another one; an axis is out of range or named twice; x is
            empty.

    Example:
        >>> ops.nanpercentile([1.0, np.nan, 3.0], 50)
        Tensor(2., shape=(), dtype=float32)
    """
    return quantile_of("nanpercentile", x, q, axis, method, keepdims, 100, True)


def nanmedian(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The middle one of all elements that are no NaN, NaN where there is none.  Not captured.

    Example:
        >>> ops.nanmedian([1.0, np.nan, 3.0])
        Tensor(2., shape=(), dtype=float32)
    """
    return quantile_of("nanmedian", x, 0.5, axis, "linear", keepdims, 1, True)


__all__ = [
    "nanargmax", "nanargmin", "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmedian", "nanmin", "nanpercentile",
    "nanprod", "nanquantile", "nanstd", "nansum", "nanvar",
]  # fmt: skip
