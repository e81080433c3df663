"""Whether this thread records operations for differentiation, and the capture that it is under."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .recording import Recording


class _GradMode(threading.local):
    """The switches of the tape, of each thread its own: one may train while another predicts."""

    enabled = True
    recording: Recording | None = None


grad_mode = _GradMode()


@contextlib.contextmanager
def no_grad() -> Iterator[None]:
    """Nothing inside is put on the tape of this thread; also a decorator."""
    before, grad_mode.enabled = grad_mode.enabled, False
    try:
        yield
    finally:
        grad_mode.enabled = before


@contextlib.contextmanager
def enable_grad() -> Iterator[None]:
    """Put operations on the tape again inside ``no_grad``."""
    before, grad_mode.enabled = grad_mode.enabled, True
    try:
        yield
    finally:
        grad_mode.enabled = before
