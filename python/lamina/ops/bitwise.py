"""Operations on integers: bits, common divisors and multiples.  NumPy computes them: they are not captured.

Two integers take the type that holds both, as in ``add``.  Bits of booleans are booleans, which the logical operations
compute, captured; beside a number booleans are int32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.arrays import as_dtype
from ..core.autograd import Tensor, wrap
from ..core.autograd import unchecked_record_view as record_view
from .by_numpy import in_numpy
from .comparison import logical_and, logical_not, logical_or, logical_xor
from .conversion import TensorLike, _contiguous, as_tensor, floatx
from .operands import Number, operands, raw


def _boolean(x: TensorLike) -> bool:
    return isinstance(x, bool) or (not isinstance(x, Number) and as_tensor(x)._array.dtype.kind == "b")


def _integers(
    op: str,
    function: Callable[..., Any],
    x1: TensorLike,
    x2: TensorLike,
    of_booleans: Callable[[TensorLike, TensorLike], Tensor] | None = None,
) -> Tensor:
    """A function of NumPy's on two operands of integers.

    of_booleans: the operation that does the same to two of these; None takes them as integers.
    """
    for x in (x1, x2):
        if isinstance(x, float) or (not isinstance(x, Number) and as_tensor(x)._array.dtype.kind == "f"):
            raise TypeError(f"{op}: expected integers or booleans, got floats; convert them with .astype()")
    if of_booleans is not None and _boolean(x1) and _boolean(x2):
        return of_booleans(x1, x2)
    in_numpy(op)
    x, y = operands(op, x1, x2)
    a, b = raw(x), raw(y)
    with np.errstate(all="ignore"):
        try:
            return wrap(np.asarray(function(a, b)))
        except ValueError:
            shapes = f"{np.shape(a)} and {np.shape(b)}"
            raise ValueError(f"{op}: the operands are {shapes}, which don't broadcast") from None


def bitwise_and(x: TensorLike, y: TensorLike) -> Tensor:
    """The bits that both have, of integers or booleans.  Captured of booleans alone.

    Args:
        y: the second operand; the shapes broadcast.

    Raises:
        TypeError: an operand holds floats.
        ValueError: the shapes do not broadcast.

    Example:
        >>> ops.bitwise_and([6, 5], 3)
        Tensor([2, 1], shape=(2,), dtype=int64)
    """
    return _integers("bitwise_and", np.bitwise_and, x, y, logical_and)


def bitwise_or(x: TensorLike, y: TensorLike) -> Tensor:
    """The bits that one of both has, of integers or booleans.  Captured of booleans alone.

    Args:
        y: the second operand; the shapes broadcast.

    Raises:
        TypeError: an operand holds floats.
        ValueError: the shapes do not broadcast.

    Example:
        >>> ops.bitwise_or([6, 5], 3)
        Tensor([7, 7], shape=(2,), dtype=int64)
    """
    return _integers("bitwise_or", np.bitwise_or, x, y, logical_or)


def bitwise_xor(x: TensorLike, y: TensorLike) -> Tensor:
    """The bits that just one of both has, of integers or booleans.  Captured of booleans alone.

    Args:
        y: the second operand; the shapes broadcast.

    Raises:
        TypeError: an operand holds floats.
        ValueError: the shapes do not broadcast.

    Example:
        >>> ops.bitwise_xor([6, 5], 3)
        Tensor([5, 6], shape=(2,), dtype=int64)
    """
    return _integers("bitwise_xor", np.bitwise_xor, x, y, logical_xor)


def bitwise_invert(x: TensorLike) -> Tensor:
    """The bits that x has not, of integers or booleans.  Captured of booleans alone.

    Raises:
        TypeError: x holds floats.

    Example:
        >>> ops.bitwise_invert([0, 5])
        Tensor([-1, -6], shape=(2,), dtype=int64)
    """
    a = as_tensor(x)._array
    if a.dtype.kind == "f":
        raise TypeError("bitwise_invert: expected integers or booleans, got floats; convert them with .astype()")
    if a.dtype.kind == "b":
        return logical_not(x)
    in_numpy("bitwise_invert")
    return wrap(np.asarray(np.bitwise_not(a)))


bitwise_not = bitwise_invert


def bitwise_left_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """The bits of integers moved up, so x times 2 to the y; those beyond the type are lost.  Not captured.

    Args:
        y: by how many places; the shapes broadcast.

    Raises:
        TypeError: an operand holds floats.
        ValueError: the shapes do not broadcast.

    Example:
        >>> ops.bitwise_left_shift([1, 3], 2)
        Tensor([ 4, 12], shape=(2,), dtype=int64)
    """
    return _integers("bitwise_left_shift", np.left_shift, x, y)


def bitwise_right_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """The bits of integers moved down, so x divided by 2 to the y, rounded down.  Not captured.

    Args:
        y: by how many places; the shapes broadcast.

    Raises:
        TypeError: an operand holds floats.
        ValueError: the shapes do not broadcast.

    Example:
        >>> ops.bitwise_right_shift([8, 3], 1)
        Tensor([4, 1], shape=(2,), dtype=int64)
    """
    return _integers("bitwise_right_shift", np.right_shift, x, y)


left_shift, right_shift = bitwise_left_shift, bitwise_right_shift


def gcd(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The greatest common divisor of integers, not negative.  Not captured.

    Raises:
        TypeError: an operand holds floats.
        ValueError: the shapes do not broadcast.

    Example:
        >>> ops.gcd([12, 18], 8)
        Tensor([4, 2], shape=(2,), dtype=int64)
    """
    return _integers("gcd", np.gcd, x1, x2)


def lcm(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The least common multiple of integers, not negative.  Not captured.

    Raises:
        TypeError: an operand holds floats.
        ValueError: the shapes do not broadcast.

    Example:
        >>> ops.lcm([4, 6], 10)
        Tensor([20, 30], shape=(2,), dtype=int64)
    """
    return _integers("lcm", np.lcm, x1, x2)


def view(x: TensorLike, dtype: Any = None) -> Tensor:
    """The bits of x as numbers of another type, in the same memory; the last axis grows or shrinks with their size.

    The gradient flows where the type stays.

    Args:
        dtype: the type of the result; None means ``config.floatx()``.

    Raises:
        TypeError: ``dtype`` is no type of numbers or booleans.
        ValueError: the bytes of the last axis make no whole numbers of the type.

    Example:
        >>> ops.view(np.float32([1.0]), "int32")
        Tensor([1065353216], shape=(1,), dtype=int32)
    """
    x = as_tensor(x)
    a, kind = _contiguous(x._array), floatx() if dtype is None else as_dtype(dtype, "view: dtype")
    if kind == a.dtype:
        return record_view(a, (x,), lambda dy: (dy,))
    if kind.itemsize != a.dtype.itemsize and (not a.ndim or a.shape[-1] * a.dtype.itemsize % kind.itemsize):
        raise ValueError(f"view: x is {a.dtype} of {a.shape}; its last axis makes no whole numbers of {kind}")
    return wrap(a.view(kind))


__all__ = [
    "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "gcd", "lcm", "left_shift", "right_shift", "view",
]  # fmt: skip
