"""capture(step): the native operations of one eager run, remembered and replayed in one call without Python.

A captured step runs eagerly the first time it sees a structure and shape of arguments, while every native call is
appended to a plan; results stand in the plan's own memory, placed by the lifetimes that the eager run showed.  Later
calls copy their arguments into the plan's input slots and replay it: the same kernels on the same addresses in the
same order, hence the same bits.  Weights, optimizer state, learning rate, step count, random counters and running
statistics are read and written where they stand.

Python code in the step runs only while it is recorded.  What a replay could not repeat (reading a tensor's values,
NumPy on a tensor) is noticed while recording: such a step keeps running eagerly, and a warning says why.  Plain
Python values that the step takes from outside are constants; change them through arguments.  Changing a layer, a model
or an optimizer (a rate, ``trainable``) makes every step record itself anew.
"""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _native
from .autograd import Array, Tensor, wrap
from .tape import CaptureError, Recording, state


class CaptureWarning(UserWarning):
    """A step runs eagerly because it could not be captured."""


def _flatten(value: Any, arrays: list[Array]) -> Any:
    """A hashable description of a structure of arguments; its arrays are appended to ``arrays``."""
    if isinstance(value, Tensor):
        if value.requires_grad:
            return ("tensor", id(value), value)  # a weight: a constant place, not a slot
        arrays.append(value._array)
        return (value._array.shape, value._array.dtype, "tensor")
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return (value.shape, value.dtype, "array")
    if isinstance(value, (tuple, list)):
        return (type(value).__name__, *(_flatten(v, arrays) for v in value))
    if isinstance(value, dict):
        return ("dict", *((k, _flatten(v, arrays)) for k, v in value.items()))
    return ("constant", type(value), value)


def _rebuild(value: Any, fill: Callable[[Any], Any]) -> Any:
    """The structure of value with every array or Tensor x replaced by fill(x)."""
    if isinstance(value, (Tensor, np.ndarray)):
        return fill(value)
    if isinstance(value, (tuple, list)):
        return type(value)(_rebuild(v, fill) for v in value)
    if isinstance(value, dict):
        return {k: _rebuild(v, fill) for k, v in value.items()}
    return value


class _Plan:
    """One recorded run: the native plan, its input slots, its results, and what must hold before a replay."""

    def __init__(self, slots: list[Array]) -> None:
        self.native = _native.Plan()
        self.slots = slots
        self.version = state.version
        self.enabled = state.enabled
        self.recording = Recording()
        self.result: Any = None
        self.result_is_tensor = self.is_plain = False

    def gradients_match(self) -> bool:
        """Whether every touched leaf has a gradient exactly where it had one before the recorded run."""
        return all(leaf._grad_is_set is had for leaf, had in self.recording.leaves.values())

    def finish(self, result: Any) -> None:
        self.native.set_slots(self.slots)
        self.result = result
        self.result_is_tensor = isinstance(result, Tensor) and self.native.owns(result._array)
        self.after = [(leaf, leaf._grad_is_set) for leaf, _ in self.recording.leaves.values()]
        self.is_plain = self.result_is_tensor and not self.recording.hooks and not self.after

    def fill(self, arrays: list[Array]) -> None:
        for slot, array in zip(self.slots, arrays, strict=True):
            np.copyto(slot, array)

    def replay(self) -> Any:
        """Run on what stands in the slots."""
        for hook in self.recording.hooks:
            hook()
        self.native.run()
        for leaf, is_set in self.after:
            leaf._grad_is_set = is_set
        return self.outputs()

    def outputs(self) -> Any:
        """The results, copied out of the plan's memory, which the next replay overwrites."""
        if self.result_is_tensor:
            return wrap(self.result._array.copy())
        return _rebuild(self.result, self._copy)

    def _copy(self, x: Any) -> Any:
        array = x._array if isinstance(x, Tensor) else x
        if not self.native.owns(array):
            return x
        return wrap(array.copy())


class CapturedStep:
    """A step that replays its native operations; made by ``capture``.

    ``plans`` are the captured ones, ``reason`` why the step runs eagerly (None if it does not).
    """

    def __init__(self, step: Callable[..., Any], max_plans: int = 8, strict: bool = False) -> None:
        if max_plans < 1:
            raise ValueError(f"capture: max_plans must be at least 1, got {max_plans}")
        self._step = step
        self._max_plans = max_plans
        self._strict = strict
        self._lock = threading.Lock()
        self._plans: OrderedDict[Any, list[_Plan]] = OrderedDict()
        self._latest: _Plan | None = None  # if its arguments were arrays alone: most calls are like the last one
        self.reason: str | None = None
        self.__doc__ = step.__doc__
        self.__name__ = getattr(step, "__name__", type(step).__name__)

    @property
    def plans(self) -> list[Any]:
        """The native plans, the one used last at the end."""
        return [plan.native for plans in self._plans.values() for plan in plans]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if state.recording is not None:
            return self._step(*args, **kwargs)  # part of a larger captured step
        if self.reason is not None:
            return self._eager(args, kwargs)
        latest = self._latest
        if latest is not None and not kwargs and latest.version == state.version and latest.enabled is state.enabled:
            with self._lock:
                if latest.is_plain:  # inference: nothing to look after
                    if latest.native.replay(args):
                        return wrap(latest.result._array.copy())
                elif latest.gradients_match() and latest.native.load(args):
                    return latest.replay()
        arrays: list[Array] = []
        structure = _flatten((args, kwargs), arrays)
        key = (structure, state.enabled)
        try:
            plans = self._plans.get(key)
        except TypeError:  # an argument that is not hashable
            return self._give_up(
                "an argument cannot be compared between calls; pass arrays, numbers or strings", args, kwargs
            )
        with self._lock:
            if plans is not None:
                for plan in plans:
                    if plan.version == state.version and plan.gradients_match():
                        self._plans.move_to_end(key)
                        self._remember(plan, args, kwargs)
                        plan.fill(arrays)
                        return plan.replay()
            return self._record(key, args, kwargs, arrays)

    def _eager(self, args: Any, kwargs: Any) -> Any:
        to_tensor: Callable[[Any], Any] = lambda x: x if isinstance(x, Tensor) else wrap(x)  # noqa: E731
        return self._step(*_rebuild(args, to_tensor), **_rebuild(kwargs, to_tensor))

    def _record(self, key: Any, args: Any, kwargs: Any, arrays: list[Array]) -> Any:
        slots = [np.array(a, order="C") for a in arrays]
        remaining = iter(slots)

        def to_slot(x: Any) -> Tensor:
            return x if isinstance(x, Tensor) and x.requires_grad else wrap(next(remaining))

        args, kwargs = _rebuild(args, to_slot), _rebuild(kwargs, to_slot)
        plan = _Plan(slots)
        state.recording = plan.recording
        plan.native.start()
        try:
            result = self._step(*args, **kwargs)
        finally:
            plan.native.stop()
            state.recording = None
        refusal = plan.recording.refusal or plan.native.refusal
        if refusal:
            self._note(refusal)
        elif plan.version == state.version:  # else the run itself built layers: the next one is recorded
            plan.finish(result)
            kept = [p for p in self._plans.get(key, ()) if p.version == state.version]
            self._plans[key] = (kept + [plan])[-self._max_plans :]
            self._plans.move_to_end(key)
            while len(self._plans) > self._max_plans:
                self._plans.popitem(last=False)
            self._remember(plan, args, kwargs)
            return plan.outputs()
        return result

    def _remember(self, plan: _Plan, args: Any, kwargs: Any) -> None:
        self._latest = plan if not kwargs and len(args) == len(plan.slots) else None

    def _note(self, reason: str) -> None:
        self.reason = reason
        self._plans.clear()
        self._latest = None
        if self._strict:
            raise CaptureError(f"capture: {self.__name__} cannot be captured: {reason}")
        warnings.warn(
            f"capture: {self.__name__} runs eagerly: {reason}. Return the tensor and read it outside of the step",
            CaptureWarning,
            stacklevel=4,
        )

    def _give_up(self, reason: str, args: Any, kwargs: Any) -> Any:
        self._note(reason)
        return self._eager(args, kwargs)


def capture(step: Callable[..., Any], max_plans: int = 8, strict: bool = False) -> CapturedStep:
    """Take Python out of a training or inference step.

    ``step(*arrays)`` takes arrays (or tensors, numbers, strings, and lists, tuples and dicts of them) and may run any
    Lamina operations, ``backward()``, optimizer steps; it gets its arrays as Tensors.  The result of the returned
    callable has the structure of the step's result.

    ``max_plans`` bounds how many structures and shapes of arguments are remembered, the least recently used going
    first.  A step that cannot be captured runs eagerly and a CaptureWarning says why; with ``strict`` it raises
    CaptureError after that run.  A weight passed as an argument is a constant of the plan.
    """
    return step if isinstance(step, CapturedStep) else CapturedStep(step, max_plans, strict)
