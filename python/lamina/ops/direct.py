"""The direct way of operations element by element: of tensors of one type of floats, where nothing is to be converted.

A room registers for an operation which native function computes it and what puts the result on the tape; ``op`` calls
the direct way first, which is native, and answers None to arguments of any other kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _native
from ..core.autograd import Tensor

_direct: dict[Callable[..., Any], Callable[..., Any]] = {}


def register(
    function: Callable[..., Any],
    forward: Callable[..., Any],
    *constants: Any,
    record: Callable[..., Any] | None = None,
    tensors: int = 1,
    numbers: int = 0,
    swapped: bool = False,
    takes_number: bool = False,
    without_gradient: bool = False,
) -> None:
    """Let ``function(x)`` be ``forward(x, *constants)`` where that is all that it does.

    record: makes the tensor of a result that wants a gradient, as ``record(x, result, *constants)``; None: none does.
    tensors: how many are given, with ``swapped`` the second one first; one of two may be a number (``takes_number``).
    numbers: how many follow the tensors; they come behind the constants.
    without_gradient: where one is wanted, the operation takes its other way.
    """
    way = _native.direct(forward, constants, tensors, numbers, swapped, takes_number, record, Tensor)

    def where_none_is_wanted(*args: Any) -> Any:
        return None if any(getattr(x, "requires_grad", False) for x in args) else way(*args)

    _direct[function] = where_none_is_wanted if without_gradient else way


def of(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """The direct way of an operation, if it has one: None for a result says that the arguments need the other way."""
    return _direct.get(function)
