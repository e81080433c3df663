"""The plan of a captured step for one structure of arguments: the native plan, and what its run did to leaves."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _native
from .autograd import Array, Tensor, wrap
from .grad_mode import grad_mode
from .masked_tensor import MaskedTensor, attach
from .recording import KnownAhead, Recording, configuration
from .tree import leaves


class Calls:
    """What calls of layers pass down to a step inside of them; the layers' floor, which stands above, sets it once."""

    class Context:
        training: bool | None = None
        cache: Any = None

    context: Any = Context


def inside_of(context: Any) -> None:
    """Make ``context.training`` something that plans are recorded for."""
    Calls.context = context


def is_place(x: Tensor) -> bool:
    """Whether an argument is a thing of its own, a leaf or a variable, rather than the values that it holds."""
    return (x.requires_grad and x._node is None) or type(x) not in (Tensor, MaskedTensor)


def rebuild(value: Any, fill: Callable[[Any], Any]) -> Any:
    """The structure of value with every array or Tensor x replaced by fill(x)."""
    if isinstance(value, (Tensor, np.ndarray)):
        return fill(value)
    if isinstance(value, (tuple, list)):
        make = getattr(type(value), "_make", type(value))  # of a named tuple
        return make([rebuild(v, fill) for v in value])
    if isinstance(value, dict):
        return {k: rebuild(v, fill) for k, v in value.items()}
    return value


class RecordedPlan:
    """One recorded run: the native plan, its input slots, its results, and what must hold before a replay."""

    def __init__(self, slots: list[Array]) -> None:
        self.native = _native.Plan()
        self.slots = slots
        self.version = configuration.version
        self.enabled = grad_mode.enabled
        self.training = Calls.context.training
        self.recording = Recording(self.native)
        self.hooks = self.recording.hooks
        self.result: Any = None
        # The array of a result that is one tensor in the plan's memory, or those of a tuple of them, where None may be.
        self.native_result: Array | tuple[Array | None, ...] | None = None
        self.result_is_tensor = False
        self.overwritten: set[int] = set()  # of the results, by their ids: those in memory of the plan
        self.wanting: list[Tensor] = []  # leaves that must want a gradient, and those that
        self.frozen: list[Tensor] = []  # must not
        self.before: list[tuple[Tensor, bool]] = []  # leaves and whether they must have a gradient,
        self.filled: list[Tensor] = []  # and those that have one, or have
        self.emptied: list[Tensor] = []  # none, afterwards
        self.own_gradients: list[Array] = []  # of leaves that the step makes
        self.leaves: tuple[tuple[Tensor, ...], ...] = ()  # these lists as Plan.call takes them

    def start(self) -> None:
        """Record what this thread runs from now on."""
        if self.recording.watcher is not None and self.recording.watcher.dry:
            self.native.start_dry()
        else:
            self.native.start()

    def leaves_match(self) -> bool:
        """Whether every leaf wants a gradient, and has one, exactly where it did in the recorded run."""
        for leaf in self.wanting:
            if not leaf.requires_grad:
                return False
        for leaf in self.frozen:
            if leaf.requires_grad:
                return False
        for leaf, had in self.before:  # noqa: SIM110 (a loop is faster)
            if leaf._grad_is_set is not had:
                return False
        return True

    def finish(self, result: Any, others: list[RecordedPlan]) -> None:
        self.native.set_slots(tuple(self.slots), Tensor)
        self._forget_own_leaves()
        noted = self.recording.leaves.values()
        known = {id(x): x for plan in others for x in (*plan.wanting, *plan.frozen)}  # which this run may not have met
        known.update((id(leaf), leaf) for leaf, _ in noted)
        self.wanting = [leaf for leaf in known.values() if leaf.requires_grad]
        self.frozen = [leaf for leaf in known.values() if not leaf.requires_grad]
        self.before = [(leaf, had) for leaf, had in noted if had is not None]
        changed = [leaf for leaf, had in noted if leaf._grad_is_set is not had]
        self.filled = [leaf for leaf in changed if leaf._grad_is_set]
        self.emptied = [leaf for leaf in changed if not leaf._grad_is_set]
        self.result = result
        rebuild(result, self._look)
        if self._is_own_tensor(result):
            self.native_result, self.result_is_tensor = result._array, True
        elif type(result) is tuple and all(x is None or self._is_own_tensor(x) for x in result):
            self.native_result = tuple(None if x is None else x._array for x in result)
        having = [leaf for leaf, had in self.before if had]
        lacking = [leaf for leaf, had in self.before if not had]
        self.leaves = tuple(map(tuple, (self.wanting, self.frozen, having, lacking, self.filled, self.emptied)))

    def _forget_own_leaves(self) -> None:
        """Of the leaves that each run of the step makes anew nothing matters but the memory of their gradients."""
        noted, self.recording.leaves = self.recording.leaves, {}
        while noted:
            key, (leaf, had) = noted.popitem()
            own, gradient, still = self._holds(leaf._array), leaf._grad, weakref.ref(leaf)
            del leaf
            kept = still()  # by whom else holds it and may find it in the next call
            if kept is not None and not own:
                self.recording.leaves[key] = (kept, had)
            elif gradient is not None:
                self.own_gradients.append(gradient)

    def _is_own_tensor(self, x: Any) -> bool:
        return type(x) is Tensor and id(x) in self.overwritten

    def _look(self, x: Any) -> Any:
        parts = (x._array, x.mask._array) if isinstance(x, MaskedTensor) else (getattr(x, "_array", x),)
        if any(self._holds(a) or any(np.may_share_memory(a, g) for g in self.own_gradients) for a in parts):
            self.overwritten.add(id(x))
        return x

    def _holds(self, array: Array) -> bool:
        """Whether an array is a part of the plan's memory or of a slot."""
        return self.native.owns(array) or any(np.may_share_memory(array, slot) for slot in self.slots)

    def arguments(self, structure: Any) -> Any:
        """The structure with the slots, as tensors, in place of its arrays."""
        remaining = iter(self.slots)

        def to_slot(x: Any) -> Tensor:
            if isinstance(x, Tensor) and is_place(x):
                return x
            slot = wrap(next(remaining))
            return attach(slot, wrap(next(remaining))) if isinstance(x, MaskedTensor) else slot

        return rebuild(structure, to_slot)

    def fill(self, arrays: list[Array]) -> None:
        for slot, array in zip(self.slots, arrays, strict=True):
            np.copyto(slot, array)

    def replay(self) -> Any:
        """Run on what stands in the slots."""
        for hook in self.hooks:
            hook()
        self.native.run()
        for leaf in self.filled:
            leaf._grad_is_set = True
        for leaf in self.emptied:
            leaf._grad_is_set = False
        return self.outputs()

    def repeats(self) -> bool:
        """Whether ``run_batches`` may do what so many replays do: all that Python does is known before."""
        arrays = [x for x in leaves(self.result) if x is not None]
        ahead = all(isinstance(hook, KnownAhead) for hook in self.hooks)
        return ahead and all(
            type(x) is Tensor and id(x) in self.overwritten and x._array.flags.c_contiguous for x in arrays
        )

    def run_batches(self, columns: list[Array], batches: int, kept: list[Array], milliseconds: int) -> None:
        """Replay for batch after batch, at most so long; ``native.batches_done`` says how many.

        columns: for each slot an array of all its batches; kept: for each result one with a row for each batch.
        """
        results = [x._array for x in leaves(self.result) if x is not None]
        tables = [pair for hook in self.hooks for pair in hook.tables(batches)]  # type: ignore[attr-defined]
        pairs = tuple(zip(results, kept, strict=True))
        try:
            self.native.run_batches(tuple(columns), tuple(tables), pairs, batches, milliseconds)
        finally:
            if self.native.batches_done:
                self._after_replay()

    def _after_replay(self) -> None:
        for leaf in self.filled:
            leaf._grad_is_set = True
        for leaf in self.emptied:
            leaf._grad_is_set = False

    def outputs(self) -> Any:
        """The results, copied out of the plan's memory, which the next replay overwrites."""
        return rebuild(self.result, self._copy)

    def _copy(self, x: Any) -> Any:
        if id(x) not in self.overwritten:
            return x if isinstance(x, np.ndarray) or x._node is None else wrap(x._array)
        if isinstance(x, np.ndarray):
            return x.copy()
        copy = wrap(x._array.copy())
        return attach(copy, wrap(x.mask._array.copy())) if isinstance(x, MaskedTensor) else copy
