"""Lines for users: on the standard output, or in the log where ``config.disable_interactive_logging`` was called.

A line of progress that is written anew stands on terminals and in notebooks alone; elsewhere (a file, a pipe, a log)
only whole lines are written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from .defaults import Defaults
from .processes import writes_files


class _Open:
    clear: Callable[[], object] | None = None  # the line that is being written anew


def say(line: str) -> None:
    """Show a line, on one of the processes that train together."""
    if not writes_files():
        return
    if not Defaults.interactive_logging:
        import logging  # what few programs need

        logging.getLogger("lamina").info(line)
        return
    if _Open.clear is not None:
        _Open.clear()
    print(line, flush=True)


def opened(clear: Callable[[], object] | None) -> None:
    """A line begins that is written anew; ``clear`` takes it away before another one comes.  None: it has ended."""
    _Open.clear = clear


def lives_in() -> str:
    """Where a line can be written anew: "terminal" or "notebook"; "" where it cannot."""
    if not Defaults.interactive_logging:
        return ""
    if sys.stdout.isatty():
        return "" if os.environ.get("TERM") == "dumb" else "terminal"
    return "notebook" if type(sys.stdout).__module__.partition(".")[0] == "ipykernel" else ""


def columns() -> int:
    """Characters in a line of the terminal; those of a notebook's wide output."""
    import shutil  # what few programs need

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 100


def block() -> str:
    """The character of which bars are made."""
    try:
        "━".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "="
    return "━"
