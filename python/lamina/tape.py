"""Whether operations are recorded, and what a capture notes in Python while its step runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .autograd import Tensor


class CaptureError(RuntimeError):
    """A step does something that a captured plan could not repeat; the message names it."""


class Recording:
    """What a capture learns while its step runs (lamina.capture makes one and reads it afterwards)."""

    def __init__(self) -> None:
        self.refusal: str | None = None  # why a replay would be wrong
        self.leaves: dict[int, tuple[Tensor, bool]] = {}  # leaves that got a gradient; was there one before
        self.hooks: list[Callable[[], None]] = []  # to call before each replay: what Python computes anew each step

    def refuse(self, what: str) -> None:
        if self.refusal is None:
            self.refusal = what


class _State:
    """Process-wide switches of the tape, read once per recorded operation."""

    __slots__ = ("enabled", "recording", "sequence", "version")

    def __init__(self) -> None:
        self.enabled = True
        self.recording: Recording | None = None
        self.sequence = 0
        self.version = 0  # of the configuration of all layers, models and optimizers: captured plans hold one


state = _State()


def touch() -> None:
    """Note that some configuration changed (a rate, ``trainable``, a new layer): plans are captured again."""
    state.version += 1


def refuse(what: str) -> None:
    """Note that the running step does what a replay could not repeat; it goes on eagerly and is not captured."""
    if state.recording is not None:
        state.recording.refuse(what)
