"""Ctrl-C waits for the end of a training step, so that no step is left half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType, TracebackType
from typing import Any

_stop: ContextVar[threading.Event | None] = ContextVar("lamina_stop", default=None)


@contextmanager
def stopped_by(event: threading.Event) -> Iterator[None]:
    """Within the block a fit of this thread raises KeyboardInterrupt behind its step once the event is set."""
    token = _stop.set(event)
    try:
        yield
    finally:
        _stop.reset(token)


class WholeSteps:
    """``with WholeSteps() as whole:`` then ``with whole.step:`` around each step.

    SIGINT inside a step raises KeyboardInterrupt after it; outside a step, or a second time, at once.  Does nothing in
    a thread other than the main one, or where somebody has a SIGINT handler of their own.  In a step or a callback of
    another fit the outer steps stay whole, too.
    """

    def __init__(self) -> None:
        self.step = _Step()

    def __enter__(self) -> WholeSteps:
        self.step.install()
        return self

    def __exit__(self, *_: object) -> None:
        self.step.restore()


class _Step:
    """The step under way: whether one is, and whether Ctrl-C came during it.

    A signal may come between any two instructions, also while the handler is being installed or restored.  So nobody
    but the handler itself can promise that none stays behind: it puts the handler before it back first, and raises
    then.  A fit that goes on after that (a callback may catch KeyboardInterrupt) installs it again at its next step.
    """

    def __init__(self) -> None:
        self.inside = False
        self.interrupted = False
        self.released = False
        self.before: Any = None
        self.stop = _stop.get()

    def install(self) -> None:
        self.released = False
        if threading.current_thread() is not threading.main_thread():
            return
        before = signal.getsignal(signal.SIGINT)
        if before is signal.default_int_handler or _step_of(before) not in (None, self):
            self.before = before  # first: the signal may come as soon as the handler is there
            signal.signal(signal.SIGINT, self.on_signal)

    def restore(self) -> None:
        """Put the handler before this one back, unless somebody has set another."""
        if _step_of(signal.getsignal(signal.SIGINT)) is self:
            signal.signal(signal.SIGINT, self.before)

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.inside and not self.interrupted:
            self.interrupted = True
            return
        self.restore()
        self.interrupted, self.released = False, True
        self.before(number, frame)  # raises KeyboardInterrupt, or is an outer step's

    def __enter__(self) -> None:
        if self.released:
            self.install()
        self.inside = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.inside = False
        if self.stop is not None and kind is None and self.stop.is_set():
            raise KeyboardInterrupt
        if self.interrupted:
            self.interrupted = False
            if kind is None or not issubclass(kind, KeyboardInterrupt):
                self.on_signal(signal.SIGINT, None)


def _step_of(handler: Any) -> _Step | None:
    """The step whose handler this is."""
    owner = getattr(handler, "__self__", None)
    return owner if isinstance(owner, _Step) else None
