"""Comparison, logic and choice, element by element, with NumPy's broadcasting.

Numbers are compared by their value, whatever their types; booleans come out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wrap
from ..core.autograd import unchecked_record as record
from .conversion import TensorLike, _contiguous, as_tensor, floatx, forbid_in_capture, place_dtype
from .direct import register
from .operands import Number, operands, raw


def booleans(x1: TensorLike, x2: TensorLike) -> bool:
    """Whether both operands are booleans, whose choice is one, too."""
    return _boolean(x1) and _boolean(x2)


def _boolean(x: TensorLike) -> bool:
    return isinstance(x, bool) or (not isinstance(x, Number) and as_tensor(x)._array.dtype.kind == "b")


def _compare(op: str, x1: TensorLike, x2: TensorLike) -> Tensor:
    if not isinstance(x1, Number) and not isinstance(x2, Number):
        x, y = as_tensor(x1), as_tensor(x2)
        if x._array.dtype == y._array.dtype:
            return wrap(_native.compare_forward(x._array, y._array, op))
    x, y = operands(op, x1, x2, by_value=True)
    return wrap(_native.compare_forward(raw(x), raw(y), op))


def equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Whether x1 == x2, as booleans.

    Example:
        >>> ops.equal([1, 2], [1, 3])
        Tensor([ True, False], shape=(2,), dtype=bool)
    """
    return _compare("equal", x1, x2)


def not_equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Whether x1 != x2, as booleans.

    Example:
        >>> ops.not_equal([1, 2], [1, 3])
        Tensor([False,  True], shape=(2,), dtype=bool)
    """
    return _compare("not_equal", x1, x2)


def less(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Whether x1 < x2, as booleans.

    Example:
        >>> ops.less([1, 2, 3], 2)
        Tensor([ True, False, False], shape=(3,), dtype=bool)
    """
    return _compare("less", x1, x2)


def less_equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Whether x1 <= x2, as booleans.

    Example:
        >>> ops.less_equal([1, 2, 3], 2)
        Tensor([ True,  True, False], shape=(3,), dtype=bool)
    """
    return _compare("less_equal", x1, x2)


def greater(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Whether x1 > x2, as booleans.

    Example:
        >>> ops.greater([1, 2, 3], 2)
        Tensor([False, False,  True], shape=(3,), dtype=bool)
    """
    return _compare("less", x2, x1)


def greater_equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Whether x1 >= x2, as booleans.

    Example:
        >>> ops.greater_equal([1, 2, 3], 2)
        Tensor([False,  True,  True], shape=(3,), dtype=bool)
    """
    return _compare("less_equal", x2, x1)


def logical_and(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Whether both are true (not zero).

    Example:
        >>> ops.logical_and([True, True], [True, False])
        Tensor([ True, False], shape=(2,), dtype=bool)
    """
    return _compare("logical_and", x1, x2)


def logical_or(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Whether one of both is true (not zero).

    Example:
        >>> ops.logical_or([True, False], [False, False])
        Tensor([ True, False], shape=(2,), dtype=bool)
    """
    return _compare("logical_or", x1, x2)


def logical_xor(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Whether just one of both is true (not zero).

    Example:
        >>> ops.logical_xor([True, True], [True, False])
        Tensor([False,  True], shape=(2,), dtype=bool)
    """
    return _compare("logical_xor", x1, x2)


def logical_not(x: TensorLike) -> Tensor:
    """Whether x is false (zero).

    Example:
        >>> ops.logical_not([True, False])
        Tensor([False,  True], shape=(2,), dtype=bool)
    """
    x = as_tensor(x)
    return _compare("equal", x, wrap(np.zeros((), x._array.dtype)))


def _classify(op: str, x: TensorLike) -> Tensor:
    x = as_tensor(x)
    if x._array.dtype.kind != "f":
        x = as_tensor(x, np.float64)
    return wrap(_native.classify_forward(x._array, op))


def isfinite(x: TensorLike) -> Tensor:
    """Whether x is neither infinite nor NaN.

    Example:
        >>> ops.isfinite([1.0, np.inf, np.nan])
        Tensor([ True, False, False], shape=(3,), dtype=bool)
    """
    return _classify("isfinite", x)


def isnan(x: TensorLike) -> Tensor:
    """Whether x is NaN.

    Example:
        >>> ops.isnan([1.0, np.inf, np.nan])
        Tensor([False, False,  True], shape=(3,), dtype=bool)
    """
    return _classify("isnan", x)


def isinf(x: TensorLike) -> Tensor:
    """Whether x is infinite.

    Example:
        >>> ops.isinf([1.0, np.inf, np.nan])
        Tensor([False,  True, False], shape=(3,), dtype=bool)
    """
    return _classify("isinf", x)


def nonzero(x: TensorLike) -> tuple[Tensor, ...]:
    """The places of the elements that are not zero, one tensor for each axis.  By NumPy: not captured.

    int32, or int64 where an axis is longer than 2^31.

    Example:
        >>> ops.nonzero([0, 3, 0, 5])
        (Tensor([1, 3], shape=(2,), dtype=int32),)
    """
    forbid_in_capture("nonzero")
    values = np.atleast_1d(_contiguous(as_tensor(x)._array))  # NumPy looks through a view of 2^50 elements for years
    return tuple(wrap(places.astype(place_dtype(max(values.shape)))) for places in np.nonzero(values))


def where(condition: TensorLike, x1: TensorLike = None, x2: TensorLike = None) -> Any:
    """``x1`` where a condition holds, else ``x2``; all three broadcast.

    Args:
        condition: booleans; numbers count as True unless they are zero.
        x1: the elements where it holds; without both the result is that of ``nonzero``.
        x2: the elements where it does not hold.

    Raises:
        ValueError: only one of ``x1`` and ``x2`` is given; the shapes do not broadcast.

    Example:
        >>> ops.where([True, False], 1.0, 0.0)
        Tensor([1., 0.], shape=(2,), dtype=float32)
    """
    if x1 is None and x2 is None:
        return nonzero(condition)
    if x1 is None or x2 is None:
        raise ValueError(f"where: expected both x1 and x2 or neither, got only {'x2' if x1 is None else 'x1'}")
    condition = as_tensor(condition, np.bool_)
    if booleans(x1, x2):
        return logical_or(logical_and(condition, x1), logical_and(logical_not(condition), x2))
    if isinstance(x1, Number) and isinstance(x2, Number):
        whole = np.int32 if all(-(2**31) <= v < 2**31 for v in (x1, x2)) else np.int64
        x1 = as_tensor(x1, floatx() if isinstance(x1, float) or isinstance(x2, float) else whole)
    x, y = operands("where", x1, x2)
    c, xa, ya = condition._array, raw(x), raw(y)
    z = _native.where_forward(c, xa, ya)

    def backward(dy: Array, grads: Gradients) -> None:
        dx, dy_ = grads if len(grads) == 2 else (grads[0], None) if isinstance(x, Tensor) else (None, grads[0])
        _native.where_backward(c, xa, ya, dy, dx, dy_, grads.accumulate << (not isinstance(x, Tensor)))

    return record(z, tuple(t for t in (x, y) if isinstance(t, Tensor)), backward)


for _two in (equal, not_equal, less, less_equal, logical_and, logical_or, logical_xor):
    register(_two, _native.compare_forward, _two.__name__, tensors=2, takes_number=True)
for _two, _op in {greater: "less", greater_equal: "less_equal"}.items():
    register(_two, _native.compare_forward, _op, tensors=2, swapped=True, takes_number=True)
for _one in (isfinite, isinf, isnan):
    register(_one, _native.classify_forward, _one.__name__)

__all__ = [
    "equal", "greater", "greater_equal", "isfinite", "isinf", "isnan", "less", "less_equal", "logical_and",
    "logical_not", "logical_or", "logical_xor", "nonzero", "not_equal", "where",
]  # fmt: skip
