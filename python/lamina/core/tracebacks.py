"""Tracebacks without the library's own frames, which say nothing to its users."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from .defaults import Defaults

_ROOT = __name__.partition(".")[0]
F = TypeVar("F", bound=Callable[..., Any])


def shorten(error: BaseException) -> None:
    """Take the library's own frames out of an error's traceback, if ``config`` wants it; also out of its cause's."""
    if Defaults.traceback_filtering:
        error.__traceback__ = _without_own(error.__traceback__)
        if error.__cause__ is not None:
            error.__cause__.__traceback__ = _without_own(error.__cause__.__traceback__)


def _without_own(trace: TracebackType | None) -> TracebackType | None:
    kept = []
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0] != _ROOT:
            kept.append(trace)
        trace = trace.tb_next
    found: TracebackType | None = None
    for part in reversed(kept):
        found = TracebackType(found, part.tb_frame, part.tb_lasti, part.tb_lineno)
    return found


def shortened(function: F) -> F:
    """Decorator: errors that leave a function have short tracebacks."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            shorten(error)
            raise

    return run  # type: ignore[return-value]
