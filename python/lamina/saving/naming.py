"""Errors of what is made from a file's description begin with the file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def naming(path: Path | str) -> Iterator[None]:
    """Errors of what is made from a file's description begin with the file."""
    try:
        yield
    except (RecursionError, MemoryError) as error:
        reason = "is nested too deeply" if isinstance(error, RecursionError) else "asks for more memory than there is"
        raise ValueError(f"{path}: its description {reason}") from error
    except (ValueError, TypeError) as error:
        raise type(error)(f"{path}: {error}") from error
    except (KeyError, IndexError, AttributeError, OverflowError, RuntimeError) as error:
        raise ValueError(
            f"{path}: its description is damaged or incomplete ({type(error).__name__}: {error})"
        ) from error
