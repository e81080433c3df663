"""Warnings that stand at the line of the user's program, however many calls of the library lie between."""

from __future__ import annotations

import sys
import warnings

_OWN = __name__.partition(".")[0]


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """As ``warnings.warn``, at the innermost call outside of the library."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == _OWN:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
