"""What a capture notes in Python while its step runs, and the version of all configuration."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from .grad_mode import grad_mode

if TYPE_CHECKING:
    from typing_extensions import Self

    from .autograd import Tensor


_Class = TypeVar("_Class", bound=type)


class CaptureError(RuntimeError):
    """A step does something that a captured plan could not repeat; the message names it.

    Example:
        >>> @lamina.capture
        ... def step(x):
        ...     return x * 2.0
        >>> issubclass(lamina.CaptureError, RuntimeError)
        True
    """


class KnownAhead:
    """A hook before replays that sets a number, and knows what it will be before later ones."""

    def __init__(self, value: Callable[[int], float], *destinations: Any) -> None:
        """value: of the replay that comes next (0), the one behind it (1) ...; destinations: arrays of one float64."""
        self._value = value
        self._destinations = destinations

    def __call__(self) -> None:
        value = self._value(0)
        for destination in self._destinations:
            destination[0] = value

    def tables(self, replays: int) -> list[tuple[Any, Any]]:
        """The numbers of the next replays, and where each goes."""
        values = np.array([self._value(i) for i in range(replays)], np.float64)
        return [(values, destination) for destination in self._destinations]


class Watcher(Protocol):
    """Sees which native operations of a step under record belong to what: ``plan`` counts them."""

    dry: bool  # whether the step is recorded for its memory alone: large results are not computed

    def begins(self, plan: Any) -> None:
        """A step is recorded from now on, into ``plan``."""

    def steps_back(self, node: Any, step: Callable[[], None]) -> None:
        """Call ``step``, the backward of ``node``."""


class Recording:
    """What a capture learns while its step runs (lamina.capture makes one and reads it afterwards)."""

    def __init__(self, plan: Any = None) -> None:
        self.watcher = None if plan is None else grad_mode.watcher
        if self.watcher is not None:
            self.watcher.begins(plan)
        self.computes = True  # else a failed plan's step runs again, for its error alone
        self.refusal: str | None = None  # why a replay would be wrong
        # Leaves whose gradients the step read, wrote or forgot, and whether they had one when it began: None where
        # that does not matter, since the step forgot it before anything else.
        self.leaves: dict[int, tuple[Tensor, bool | None]] = {}
        self.hooks: list[Callable[[], None]] = []  # to call before each replay: what Python computes anew each step
        self.optimizer_steps: Counter[int] = Counter()  # how many of each optimizer the step did so far
        # Configuration that the step itself changed, by the owner's id and the attribute: the owner, kept so that its
        # id stays its own, and what to call it; "" for what has no name.
        self.changes: dict[tuple[int, str], tuple[Any, str]] = {}
        self.made: dict[int, Any] = {}  # layers, losses and regularizers that the step made, by their ids

    def refuse(self, what: str) -> None:
        if self.refusal is None:
            self.refusal = what

    def reads_values(self, tensor: Tensor, why_not: str) -> None:
        """Note that Python looks at what a tensor holds; why_not: the sentence that says so."""
        self.refuse(why_not)

    def reads_gradient(self, leaf: Tensor) -> None:
        """Note, before it changes, that what the step does depends on whether ``leaf`` has a gradient."""
        self.leaves.setdefault(id(leaf), (leaf, leaf._grad_is_set))

    def forgets_gradient(self, leaf: Tensor) -> None:
        self.leaves.setdefault(id(leaf), (leaf, None))


class _Configuration:
    """Of all layers, models, losses and optimizers of the process: captured plans hold the version they are for."""

    __slots__ = ("version",)

    def __init__(self) -> None:
        self.version = 0  # 0 is free: versions only have to differ


# Why steps are not captured, in a sentence each.
READ_IN_PYTHON = (
    "a tensor's values were read in Python (numpy(), data, item(), float() or bool()). Return the tensor and read it "
    "outside of the step"
)
COPIED = "a tensor was copied or pickled in Python"
NUMPY_ON_TENSOR = (
    "NumPy was called on a tensor. Use lamina.ops, or return the tensor and call NumPy outside of the step"
)

configuration = _Configuration()
_versions = itertools.count(1)  # no version comes twice, whatever threads do


def note_change(owner: Any = None, name: str = "") -> None:
    """Note that some configuration changed (a rate, ``trainable``, a new layer): plans are captured again.

    owner, name: the object and its attribute that was set, for the message if a captured step does it at every call.
    """
    recording = grad_mode.recording
    if recording is not None and id(owner) in recording.made:
        return  # the run under record is the only one that knows it
    configuration.version = next(_versions)
    if recording is not None:
        own = getattr(owner, "name", None)
        label = f" {own!r}" if isinstance(own, str) else ""
        what = "" if owner is None else f"{name!r} of {type(owner).__name__}{label}"
        recording.changes[id(owner), name] = (owner, what)


def note_made(owner: Any) -> None:
    """Note that ``owner`` begins to exist: while the step that makes it is recorded, it is no configuration."""
    if grad_mode.recording is not None:
        grad_mode.recording.made[id(owner)] = owner


noting: list[type] = []  # classes whose objects note what is set on them, or are read where they stand


def notes_changes(cls: _Class) -> _Class:
    """Of a class: captured steps see changes of its objects, which may be their arguments."""
    noting.append(cls)
    return cls


@notes_changes
class Noting:
    """Base of classes whose objects note that they are made and what is set on them."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        note_made(made)
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        note_change(self, name)  # what was captured with the old value is captured again


def forbid_capture(what: str) -> None:
    """Note that the running step does what a replay could not repeat; it goes on eagerly and is not captured."""
    if grad_mode.recording is not None:
        grad_mode.recording.refuse(what)


def forbid_reading(tensor: Tensor, what: str) -> None:
    """``forbid_capture``, because Python looks at what ``tensor`` holds, and what the step does follows it."""
    if grad_mode.recording is not None:
        grad_mode.recording.reads_values(tensor, what)
