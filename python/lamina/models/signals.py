"""Ctrl-C waits for the end of a training step, so that no step is left half done."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class WholeSteps:
    """``with WholeSteps() as whole:`` then ``with whole.step:`` around each step.

    SIGINT inside a step raises KeyboardInterrupt after it; outside a step, or a second time, at once.  Does nothing in
    a thread other than the main one, or where somebody has a SIGINT handler of their own.
    """

    def __init__(self) -> None:
        self.step = _Step()
        self._before: Any = None

    def __enter__(self) -> WholeSteps:
        ours = threading.current_thread() is threading.main_thread()
        if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self.step.on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None


class _Step:
    """The step under way: whether one is, and whether Ctrl-C came during it."""

    def __init__(self) -> None:
        self.inside = False
        self.interrupted = False

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self.inside or self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True

    def __enter__(self) -> None:
        self.inside = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.inside = False
        if self.interrupted:
            self.interrupted = False
            if kind is None:
                raise KeyboardInterrupt
