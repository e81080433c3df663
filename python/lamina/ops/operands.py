"""The one type in which operations on two operands run."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.autograd import Tensor
from .conversion import TensorLike, as_tensor, common_integer, floatx

Number = (int, float)


def operands(op: str, x1: TensorLike, x2: TensorLike, integers: bool = True, by_value: bool = False) -> tuple[Any, Any]:
    """Both operands in one type: tensors, or a tensor and a Python number.

    integers: those stay integers; by_value: beside any number, as for a comparison.
    """
    if isinstance(x2, Number):
        x = as_tensor(x1)
        a = x._array.dtype
        if a.kind == "f":
            return x, x2
        if a.kind in "iu" and by_value:
            return _by_value(x, x2)
        if a.kind in "iu" and integers and isinstance(x2, int):
            return x, x2
        return as_tensor(x, np.int32 if integers and isinstance(x2, int) else floatx()), x2
    if isinstance(x1, Number):
        y, number = operands(op, x2, x1, integers, by_value)
        return number, y
    x, y = as_tensor(x1), as_tensor(x2)
    a, b = x._array.dtype, y._array.dtype
    if a == b and (a.kind == "f" or (integers and a.kind in "iu")):
        return x, y
    dtype = _promoted(op, a, b, integers)
    return as_tensor(x, dtype), as_tensor(y, dtype)


def _promoted(op: str, a: np.dtype[Any], b: np.dtype[Any], integers: bool) -> np.dtype[Any]:
    floats = [d for d in (a, b) if d.kind == "f"]
    if floats:
        return max(floats, key=lambda d: d.itemsize)
    if not integers:
        return floatx()
    return np.dtype(np.int32) if a.kind == b.kind == "b" else common_integer(op, a, b)


def _by_value(x: Tensor, number: Any) -> tuple[Tensor, Any]:
    """Integers beside a number as they are, or, where it is none of theirs, as float64: as NumPy compares them."""
    limits = np.iinfo(x._array.dtype)
    if isinstance(number, int) and limits.min <= number <= limits.max:
        return x, number
    beyond = np.inf if number > limits.max else -np.inf if number < limits.min else number
    return as_tensor(x, np.float64), float(beyond)


def raw(x: Any) -> Any:
    return x._array if isinstance(x, Tensor) else x
