"""What every family's operations share: turning arguments into tensors."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from ..autograd import Array, Tensor, wrap

TensorLike: TypeAlias = Any  # a Tensor, a NumPy array, a number, or nested lists of numbers


def as_tensor(x: TensorLike, dtype: Any = None) -> Tensor:
    """x as a Tensor; Python numbers and lists of floats take float32 unless dtype says otherwise."""
    if isinstance(x, Tensor):
        if dtype is None or x._array.dtype == dtype:
            return x
        from .elementwise import cast  # a differentiable conversion

        return cast(x, dtype)
    if isinstance(x, np.ndarray) and dtype is None:
        return wrap(x)
    return Tensor(x, dtype=dtype)


def float_pair(x: TensorLike, y: TensorLike) -> tuple[Tensor, Tensor]:
    """Two operands in one float dtype, as Keras promotes: integers, booleans and Python numbers take the other's."""
    a = x._array.dtype if isinstance(x, (Tensor,)) else x.dtype if isinstance(x, (np.ndarray, np.generic)) else None
    b = y._array.dtype if isinstance(y, (Tensor,)) else y.dtype if isinstance(y, (np.ndarray, np.generic)) else None
    if a is not None and a == b and a.kind == "f":
        return as_tensor(x), as_tensor(y)
    kinds = [d for d in (a, b) if d is not None and d.kind == "f"]
    dtype = max(kinds, key=lambda d: d.itemsize) if kinds else np.dtype(np.float32)
    return as_tensor(x, dtype), as_tensor(y, dtype)


def pair(value: int | tuple[int, int] | list[int], name: str) -> tuple[int, int]:
    """One number for both axes, or (height, width)."""
    if isinstance(value, (int, np.integer)):
        return int(value), int(value)
    if len(value) != 2:
        raise ValueError(f"{name}: expected an integer or (height, width), got {value!r}")
    return int(value[0]), int(value[1])


__all__ = ["Array", "Tensor", "TensorLike", "as_tensor", "float_pair", "pair"]
