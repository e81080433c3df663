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
    """Put nothing inside on the tape of this thread; a context manager, also a decorator.

    Source: PyTorch, torch.no_grad.
    """
    before, grad_mode.enabled = grad_mode.enabled, False
    try:
        yield
    finally:
        grad_mode.enabled = before


@contextlib.contextmanager
def enable_grad() -> Iterator[None]:
    """Put operations on the tape again inside of ``no_grad``; a context manager, also a decorator.

    Source: PyTorch, torch.enable_grad.
    """
    before, grad_mode.enabled = grad_mode.enabled, True
    try:
        yield
    finally:
        grad_mode.enabled = before
