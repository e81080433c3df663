"""Which layer the native operations of a step belong to, and in which direction: seen while the step is recorded."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core import nodes
from ..core.grad_mode import grad_mode
from ..layers.call import observed_by

if TYPE_CHECKING:
    from ..layers import Layer

FORWARD, BACKWARD, RECOMPUTED, UPDATE = "forward", "backward", "recomputed", "update"


class Owner(NamedTuple):
    """Whose an operation is: names from the model down, "loss" or "optimizer"; the class; the direction."""

    path: str
    kind: str
    direction: str


_LOSS, _OPTIMIZER = Owner("loss", "", FORWARD), Owner("optimizer", "", UPDATE)


class Tracker:
    """Watches one step: ``owners`` has an Owner for each operation of the plan recorded last.

    Operations that a layer runs are its own, those of layers inside excepted; so are the backward passes of what it
    put on the tape.  Of the others, those before a backward pass are the loss's, those behind it the optimizer's.
    """

    dry = False

    def __init__(self, model: Layer) -> None:
        self.model = model
        self.paths: dict[int, str] = {}  # of the layers that were called, by their ids
        self.begins(None)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Inside, steps of this thread that are recorded are watched."""
        outer, grad_mode.watcher = grad_mode.watcher, self
        try:
            with observed_by(self._left, self._entered):
                yield
        finally:
            grad_mode.watcher = outer

    def begins(self, plan: Any) -> None:
        self.plan = plan
        self.owners: list[Owner] = []
        self.stack: list[tuple[Layer, Owner]] = []  # of calls under way
        self.backward: list[Owner] = []  # of the nodes that are under way
        self.behind = False  # a backward pass
        self.marks: list[int] = []  # in the order of the tape, and
        self.since: list[Owner] = []  # whose nodes come behind each

    def _here(self) -> Owner:
        if self.backward and not self.stack:
            return self.backward[-1]
        if self.stack:
            return self.stack[-1][1]
        return _OPTIMIZER if self.behind else _LOSS

    def settle(self) -> None:
        """Give the operations recorded since the last call to whom they belong, who changes now."""
        if self.plan is not None:
            self.owners += [self._here()] * (self.plan.size - len(self.owners))

    def _mark(self) -> None:
        self.marks.append(next(nodes._sequence))
        self.since.append(self._here())

    def _entered(self, layer: Layer) -> None:
        if grad_mode.recording is None:
            return
        self.settle()
        outer = self.stack[-1][1].path if self.stack and self.stack[-1][0] is not self.model else ""
        path = f"{outer}/{layer.name}" if outer else layer.name
        self.paths.setdefault(id(layer), path)
        self.stack.append((layer, Owner(path, type(layer).__name__, RECOMPUTED if self.backward else FORWARD)))
        self._mark()

    def _left(self, layer: Layer, args: Any, kwargs: Any, outputs: Any) -> None:
        if not any(inner is layer for inner, _ in self.stack):
            return
        self.settle()
        while self.stack.pop()[0] is not layer:  # calls that failed
            pass
        self._mark()

    def steps_back(self, node: Any, step: Callable[[], None]) -> None:
        self.settle()
        place = bisect_right(self.marks, node.sequence) - 1
        owner = self.since[place] if place >= 0 else _LOSS
        stack, self.stack = self.stack, []
        self.backward.append(owner._replace(direction=BACKWARD))
        try:
            step()
            self.settle()
        finally:
            self.backward.pop()
            self.stack = stack
        self.behind = True
