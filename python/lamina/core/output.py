"""Lines for users: on the standard output, or in the log where ``config.disable_interactive_logging`` was called."""

from __future__ import annotations

import logging

from .defaults import Defaults


def say(line: str) -> None:
    """Show a line of progress."""
    if Defaults.interactive_logging:
        print(line, flush=True)
    else:
        logging.getLogger("lamina").info(line)
