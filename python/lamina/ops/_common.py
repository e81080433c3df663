"""What every family's operations share: turning arguments into tensors, and calls with symbolic tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np

from .. import tape
from ..autograd import Array, Tensor, wrap

TensorLike: TypeAlias = Any  # a Tensor, a NumPy array, a number, or nested lists of numbers
F = TypeVar("F", bound=Callable[..., Any])


class SymbolicArgument(Exception):
    """An operation met a tensor without values; ``op`` hands the whole call to the model that is being drawn."""


class _Symbolic:
    """Set once by the layers' floor, which stands above this one."""

    type: tuple[type, ...] = ()
    call: Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]


def register_symbolic(cls: type, call: Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]) -> None:
    """Tensors of type ``cls`` have no values: an operation on one becomes ``call(operation, args, kwargs)``."""
    _Symbolic.type, _Symbolic.call = (cls,), call


def op(function: F) -> F:
    """A public operation: called with a symbolic tensor it is drawn, else it runs."""

    @functools.wraps(function)
    def public(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except SymbolicArgument:
            return _Symbolic.call(public, args, kwargs)

    return public  # type: ignore[return-value]


def as_tensor(x: TensorLike, dtype: Any = None) -> Tensor:
    """x as a Tensor; Python numbers and lists of floats take float32 unless dtype says otherwise."""
    if isinstance(x, Tensor):
        if dtype is None or x._array.dtype == dtype:
            return x
        from .elementwise import cast  # a differentiable conversion

        return cast(x, dtype)
    if isinstance(x, np.ndarray) and dtype is None:
        return wrap(x)
    if isinstance(x, _Symbolic.type):
        raise SymbolicArgument
    if isinstance(x, (list, tuple)) and any(isinstance(v, _Symbolic.type) for v in x):
        raise SymbolicArgument
    return Tensor(x, dtype=dtype)


def float_tensor(x: TensorLike) -> Tensor:
    """x as a Tensor of floats; integers and booleans become float32."""
    x = as_tensor(x)
    return x if x._array.dtype.kind == "f" else as_tensor(x, np.float32)


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


def forbid_in_capture(name: str) -> None:
    """For operations that look at values in Python: a captured step could not repeat them and stays eager."""
    tape.refuse(f"{name} looks at the values of a tensor")


__all__ = [
    "Array",
    "Tensor",
    "TensorLike",
    "as_tensor",
    "float_pair",
    "float_tensor",
    "forbid_in_capture",
    "op",
    "pair",
    "register_symbolic",
]
