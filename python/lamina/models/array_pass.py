"""One pass over arrays in memory whose steps need no Python: many batches are one native call.

A captured step that nobody watches batch by batch runs as a loop in C++ (``CapturedStep.run_batches``) over rows that
are gathered before; its losses and predictions are kept, and means and metrics take them afterwards, batch by batch in
the same order as they would between the steps: the same bits.  Batches of another size, and those whose step is
recorded first, run one by one as ever.  Where nobody looks between epochs either, short ones run several in a call.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from .. import metrics
from ..callbacks.base import Hooks
from ..core.autograd import Tensor, wrap
from ..core.capture import CapturedStep
from ..core.recorded_plan import RecordedPlan, rebuild
from ..core.tree import leaves, map_structure
from .data_adapter import ArrayFeed, Batch, Feed, memory

_GATHERED, _KEPT = 1 << 20, 1 << 22  # bytes of rows before, and of results after a native call, at most
_MILLISECONDS = 50  # of a native call: how long Ctrl-C and the progress bar wait
_AN_HOUR = 3600000  # milliseconds: a call that is known to be short goes to its end
_AHEAD, _GATHERED_AHEAD = 0.02, 1 << 22  # seconds of epochs in one native call, about, and bytes of their rows
_TRIES = 4  # batches after which a step that was not captured is not tried again

One = Callable[[int, Batch], None]  # the step number i, as Python runs it
Many = Callable[[int, int, Batch, Any], None]  # i, how many, their rows, their results: each with a row for each step


def runs_without_python(model: Any, kind: str, hooks: Hooks) -> bool:
    """Whether nothing in Python has to see the batches of a pass."""
    compiled = model._compiled
    if hooks.watches_batches(kind) or model._defines(f"{kind}_step") or (compiled is not None and compiled.run_eagerly):
        return False
    if kind == "predict":
        return True
    if not getattr(model.compute_loss, "captured", False):
        return False
    if model._defines("compute_metrics", "metrics", "get_metrics_result"):
        return False
    entries = () if compiled.names is None else compiled.metric_set.entries
    return all(entry.metric is None or type(entry.metric) in metrics.BUILT_IN for entry in entries)


class ArrayPass:
    """One pass over the arrays of a feed; ``of`` gives None where Python has to see each batch."""

    def __init__(self, model: Any, kind: str, source: ArrayFeed) -> None:
        self._model = model
        self._kind = kind
        self._source = source

    @classmethod
    def of(cls, model: Any, kind: str, feed: Feed, hooks: Hooks) -> ArrayPass | None:
        source = feed.whole_arrays()
        return cls(model, kind, source) if source is not None and runs_without_python(model, kind, hooks) else None

    def run(self, one: One, many: Many, guard: AbstractContextManager[Any], stopped: Callable[[], bool]) -> None:
        """Go over all batches.  guard: around each native call with what follows it; stopped: asked behind each."""
        source, size, i, tries = self._source, self._source.batch_size, 0, 0
        order = source.order()
        while i * size < source.samples:
            start = i * size
            whole = (source.samples - start) // size
            count = min(source.at_once, whole)
            stop = start + count * size if count else source.samples
            chunk = source.read(order, start, stop)
            at = 0
            while at < max(count, 1):
                plan = self._plan(chunk, at) if count and tries < _TRIES else None
                if plan is None:
                    one(i, chunk if count < 2 else self._part(chunk, at, at + 1))
                    done, tries = 1, tries + 1
                else:
                    tries = 0
                    done = self._native(plan, i, self._part(chunk, at, count), count - at, many, guard)
                    if not source.is_sparse:
                        source.at_once = max(1, _GATHERED // max(1, sum(s.nbytes for s in plan.slots)))
                at, i = at + done, i + done
                if stopped():
                    return

    def run_epochs(self, most: int, many: Many, guard: AbstractContextManager[Any]) -> None:
        """Run up to ``most`` epochs in one native call, none where it is not known to be a short one.

        Their batches follow each other; ``many`` and ``guard`` as in ``run``.
        """
        source, size = self._source, self._source.batch_size
        count = source.samples // size  # of an epoch
        if not source.batch_seconds or count * size != source.samples or source.is_sparse:
            return
        plan = self._plan(source.read(None, 0, size), 0)
        if plan is None:
            return
        results = sum(x._array.nbytes for x in leaves(plan.result) if x is not None)
        most = min(
            most,
            int(_AHEAD / (count * source.batch_seconds)),
            _GATHERED_AHEAD // max(1, count * sum(s.nbytes for s in plan.slots)),
            _KEPT // max(1, count * results),
        )
        if most < 2:
            return
        orders = [np.arange(source.samples) if (order := source.order()) is None else order for _ in range(most)]
        chunk = source.read(np.concatenate(orders), 0, most * source.samples)
        self._native(plan, 0, chunk, most * count, many, guard, _AN_HOUR)

    def _native(
        self,
        plan: RecordedPlan,
        i: int,
        rows: Batch,
        count: int,
        many: Many,
        guard: AbstractContextManager[Any],
        milliseconds: int = _MILLISECONDS,
    ) -> int:
        """As many of ``count`` batches as one native call does."""
        step = self._step()
        arguments = self._arguments(rows)
        results = [x._array for x in leaves(plan.result) if x is not None]
        count = min(count, max(1, _KEPT // max(1, sum(r.nbytes for r in results))))
        kept = [memory((count, *r.shape), r.dtype) for r in results]
        columns = [x._array for x in leaves(arguments) if x is not None]
        with guard:
            start = time.perf_counter()
            done = step.run_batches(plan, columns, count, kept, milliseconds)
            if done:
                self._source.batch_seconds = (time.perf_counter() - start) / done
                remaining = iter(kept)
                stacked = rebuild(plan.result, lambda _: wrap(next(remaining)[:done]))
                many(i, done, self._part(rows, 0, done), stacked)
            if done < count:
                step.raise_failure(plan, self._arguments(self._part(rows, done, done + 1)))
        return done

    def _step(self) -> CapturedStep:
        return self._model._steps[self._kind]

    def _plan(self, chunk: Batch, at: int) -> RecordedPlan | None:
        """The plan that the step of this batch would replay, if it runs batch after batch."""
        step = (self._model._steps or {}).get(self._kind)
        if not isinstance(step, CapturedStep):
            return None
        return step.repeated(self._arguments(self._part(chunk, at, at + 1)))

    def _arguments(self, batch: Batch) -> tuple[Any, ...]:
        """What the step is called with."""
        if self._kind == "predict":
            return (batch.x,)
        return (batch.x, batch.y) if batch.weight is None else (batch.x, batch.y, batch.weight)

    def _part(self, chunk: Batch, first: int, last: int) -> Batch:
        return part(chunk, first * self._source.batch_size, last * self._source.batch_size)


def part(batch: Batch, start: int, stop: int) -> Batch:
    """Some of the rows of a batch, as views."""

    def rows(tree: Any) -> Any:
        if type(tree) is Tensor:
            return wrap(tree._array[start:stop])
        return None if tree is None else map_structure(rows, tree)

    return Batch(rows(batch.x), rows(batch.y), rows(batch.weight), stop - start)
