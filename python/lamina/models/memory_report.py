"""model.memory_report: a captured step of a copy of the model that takes its memory and computes next to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import wrap
from ..core.tree import leaves, map_structure
from ..layers import Layer
from ..layers.weights import children
from .data_adapter import Batch
from .example_batch import inputs_of, targets_of
from .memory_table import LayerMemory, MemoryReport
from .prepare import prepared_batch
from .profiling import copied, recorded
from .tracking import FORWARD, Owner, Tracker

_FEW = 2  # rows of a batch on which the model is tried, to see its outputs


class _Memory(Tracker):
    """Watches what a dry step holds and takes, by owner."""

    dry = True

    def begins(self, plan: Any) -> None:
        super().begins(plan)
        self.held: dict[Owner, int] = {}  # bytes of results that were there where an owner ended, and not before
        self.scratch: dict[Owner, int] = {}
        _native.pool_reset_peak()
        self.kept = 0  # bytes of results when the first backward pass began
        self._before = 0

    def settle(self) -> None:
        super().settle()
        if self.plan is None:
            return
        owner, now, pool = self._here(), self.plan.in_use, _native.pool_stats()
        self.held[owner] = self.held.get(owner, 0) + now - self._before
        self._before = now
        self.scratch[owner] = max(self.scratch.get(owner, 0), pool["peak"] - pool["in_use"])
        if not self.behind and not self.backward:
            self.kept = now
        _native.pool_reset_peak()


def report_memory(model: Any, batch_size: int, length: int | None) -> MemoryReport:
    """The MemoryReport of batches of this size."""
    own = copied(model)
    few = inputs_of(own, "memory_report", _FEW, length)
    x = inputs_of(own, "memory_report", batch_size, length)
    inference, _, inference_scratch = _step(own, "predict", few, None, x, None)
    training = _Memory(own)
    training_bytes = training_scratch = 0
    y = None
    if own.compiled:
        y_of_few = targets_of(own, few)
        y = map_structure(lambda a: np.zeros((batch_size, *a.shape[1:]), a.dtype), y_of_few)
        training_bytes, training, training_scratch = _step(own, "train", few, y_of_few, x, y)
    batch = 2 * sum(a.nbytes for a in leaves((x, y)) if a is not None)  # in memory of fit's, and in the plan's
    return MemoryReport(
        own.name,
        type(own).__name__,
        batch_size,
        list(_rows(own, training if own.compiled else None)),
        optimizer=sum(v._array.nbytes for v in own.optimizer.variables) if own.compiled else 0,
        activations=training.kept if own.compiled else 0,
        results=training_bytes,
        scratch=training_scratch,
        batch=batch,
        inference=inference + inference_scratch + 2 * sum(a.nbytes for a in leaves(x)),
    )


def _step(own: Any, kind: str, few: Any, y_of_few: Any, x: Any, y: Any) -> tuple[int, _Memory, int]:
    """Bytes of the results of one step, who held them, and the most bytes of scratch."""
    prepared_batch(own, kind, "memory_report", (few, y_of_few, None))  # which settles losses
    own._steps = None
    batch = Batch(map_structure(wrap, x), None if y is None else map_structure(wrap, y), None, 0)
    memory = _Memory(own)
    with np.errstate(all="ignore"):  # of values that were not computed
        plan = recorded(own, kind, batch, memory)
    own._steps = memory.plan = None
    return plan.native.bytes, memory, max(memory.scratch.values(), default=0)


def _rows(model: Any, memory: _Memory | None) -> Iterator[LayerMemory]:
    paths = {} if memory is None else memory.paths
    trained = {id(v) for v in model.trainable_weights}
    slots = _slot_bytes(model)
    sums: dict[str, list[int]] = {}  # weights, gradients, slots, activations, scratch
    kinds: dict[str, str] = {}
    for layer, path, variables in _owners(model, paths, "", set()):
        row = sums.setdefault(path, [0] * 5)
        kinds.setdefault(path, type(layer).__name__)
        for v in variables:
            row[0] += v._array.nbytes
            row[1] += v._array.nbytes if memory is not None and id(v) in trained else 0
            row[2] += slots.get(id(v), 0)
    held = {} if memory is None else memory.held
    for owner, count in held.items():
        row = sums.setdefault(owner.path, [0] * 5)
        kinds.setdefault(owner.path, owner.kind)
        if owner.direction == FORWARD:
            row[3] += count
        row[4] = max(row[4], 0 if memory is None else memory.scratch[owner])
    for path, row in sums.items():
        if any(row):
            yield LayerMemory(path, kinds[path], *row)


def _owners(layer: Layer, paths: dict[int, str], above: str, seen: set[int]) -> Iterator[tuple[Layer, str, list[Any]]]:
    """Each layer inside with the path of the nearest one that was called, and its variables."""
    if id(layer) in seen:
        return
    seen.add(id(layer))
    path = paths.get(id(layer)) or above or layer.name
    yield layer, path, list(layer._variables)
    for _, child in children(layer):
        inside = f"{above}/{child.name}" if above else child.name
        yield from _owners(child, paths, path if paths else inside, seen)


def _slot_bytes(model: Any) -> dict[int, int]:
    """Bytes of the optimizer's state for each weight."""
    if not model.compiled:
        return {}
    optimizer = model.optimizer
    found: dict[int, int] = {}
    for arrays in getattr(optimizer, "_arrays", dict)().values():
        for i, v in enumerate(optimizer._variables):
            if i in arrays:
                found[id(v)] = found.get(id(v), 0) + arrays[i].nbytes
    return found
