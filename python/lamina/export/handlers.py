"""The table of which function puts which operation into a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

# Of an operation of lamina.ops the function that makes its nodes, called as ``f(graph, *args, **kwargs)`` with the
# operation's arguments: tensors are Values, sizes that are free are Sizes.  It returns Values or names of plain ones,
# in the structure of the operation's result.
HANDLERS: dict[str, Callable[..., Any]] = {}


def exports(*names: str) -> Callable[[F], F]:
    """Of a function that it is the one for these operations."""

    def register(function: F) -> F:
        for name in names:
            HANDLERS[name] = function
        return function

    return register
