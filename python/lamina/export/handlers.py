"""The table of which function puts which operation into a graph."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from ..core.defaults import Defaults

F = TypeVar("F", bound=Callable[..., Any])

# Of an operation of lamina.ops the function that makes its nodes, called as ``f(graph, *args, **kwargs)`` with the
# operation's arguments: tensors are Values, sizes that are free are Sizes.  It returns Values or names of plain ones,
# in the structure of the operation's result.
HANDLERS: dict[str, Callable[..., Any]] = {}


def exports(*names: str) -> Callable[[F], F]:
    """Of a function that it is the one for these operations."""

    def register(function: F) -> F:
        for name in names:
            HANDLERS[name] = _told_layout(function)
        return function

    return register


def _told_layout(function: F) -> F:
    """``function`` where a layout that was left open is the one of ``config``."""
    if "data_format" not in inspect.signature(function).parameters:
        return function

    def told(*args: Any, **kwargs: Any) -> Any:
        bound = inspect.signature(function).bind(*args, **kwargs)
        if bound.arguments.get("data_format") is None and Defaults.channels_first:
            bound.arguments["data_format"] = "channels_first"
        return function(*bound.args, **bound.kwargs)

    return told  # type: ignore[return-value]
