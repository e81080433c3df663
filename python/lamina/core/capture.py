"""capture(step): the native operations of one eager run, remembered and replayed in one call without Python.

A captured step runs eagerly the first time it sees a structure and shape of arguments, while every native call is
appended to a plan; results stand in the plan's own memory, placed by the lifetimes that the eager run showed.  Later
calls copy their arguments into the plan's input slots and replay it: the same kernels on the same addresses in the
same order, hence the same bits.  Weights, optimizer state, learning rate, step count, random counters and running
statistics are read and written where they stand; which leaves have or want a gradient is compared before a replay.

Python code in the step runs only while it is recorded (and once more, without computing, when a replay fails, so that
the error names the layer).  What a replay could not repeat (reading a tensor's values, NumPy on a tensor, attributes
set at every call) is noticed while recording: such a step keeps running eagerly, and a warning says why.  Setting an
attribute of a layer, a model, a loss, a regularizer or an optimizer, also ``trainable`` or a Sequential's layers, makes
every step record itself anew.

Nobody sees what the step finds in plain Python: values in closures, globals and containers (``config["scale"]``, the
order of a list of layers), ``requires_grad`` of a tensor that never wanted a gradient in the step, NumPy's random
numbers.  They are constants of the plan.  Pass them as arguments, or call ``reset()`` of the captured step once they
changed; an attribute of a layer that is a list or dict may also be assigned again.  Tensors that a step leaves in
containers are overwritten by replays, and a container never carries a state from one call to the next: arguments,
results and variables do.  All of a step's operations run in the thread that calls it.
"""

from __future__ import annotations

import functools
import os
import threading
import types
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import as_dtype
from .autograd import Array, Tensor, wrap
from .explain import require
from .grad_mode import grad_mode
from .masked_tensor import MaskedTensor
from .recorded_plan import Calls, RecordedPlan, is_place, rebuild
from .recording import CaptureError, Recording, configuration, noting
from .tree import leaves
from .warn import warn

_FUNCTIONS = (type, types.FunctionType, types.ModuleType, functools.partial, np.ufunc)
_PLAIN = (type(None), int, float, complex, str, bytes, np.generic, np.dtype, type)  # results that hold no tensor
MAX_NAMELESS, MAX_NAMED = 16, 256  # runs in a row that may make variables, or set attributes for the first time
BAD_INPUT = (ValueError, TypeError, IndexError)  # what native operations raise


class CaptureWarning(UserWarning):
    """A step runs eagerly because it could not be captured.

    Example:
        >>> import warnings
        >>> warnings.simplefilter("ignore", lamina.CaptureWarning)  # a step that stays eager is known
    """


class _Unsuitable(Exception):
    """An argument that cannot be captured; this call runs eagerly."""


def _flatten(value: Any, arrays: list[Array]) -> Any:
    """A hashable description of a structure of arguments; its arrays are appended to ``arrays``."""
    if isinstance(value, Tensor):
        if value._node is not None and value.requires_grad and grad_mode.enabled:
            raise _Unsuitable(
                "an argument is a computed tensor that wants a gradient, and the tape ends at a captured step: compute "
                "it inside of the step, or pass x.detach()"
            )
        if is_place(value):
            return ("place", id(value), value)
        arrays.append(value._array)
        if not isinstance(value, MaskedTensor):
            return (value._array.shape, value._array.dtype, "tensor")
        arrays.append(value.mask._array)
        return (value._array.shape, value._array.dtype, "masked", value.mask._array.shape)
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return (value.shape, value.dtype, "array")
    if isinstance(value, (tuple, list)):
        return (type(value), *(_flatten(v, arrays) for v in value))
    if isinstance(value, dict):
        return ("dict", *((k, _flatten(v, arrays)) for k, v in value.items()))
    if isinstance(value, (float, complex, np.generic)):
        return ("number", type(value), repr(value))  # which tells -0.0 from 0.0, and finds nan again
    if not isinstance(value, (str, int, bytes)) and _changes_unseen(value):
        raise _Unsuitable(
            f"an argument is a {type(value).__name__}, whose contents may change without notice; pass the arrays, "
            "numbers and strings in it"
        )
    return ("constant", type(value), value)


def _changes_unseen(value: Any) -> bool:
    """Whether an object that is compared by its identity may hold other things at the next call."""
    if isinstance(value, types.MethodType):
        value = value.__self__
    if isinstance(value, (*_FUNCTIONS, CapturedStep, *noting)):
        return False
    by_identity = getattr(type(value), "__hash__", None) is object.__hash__
    return by_identity and (hasattr(value, "__dict__") or hasattr(type(value), "__slots__"))


def _foreign(result: Any) -> str | None:
    """Why a result cannot be given again by replays: it holds an object, in which there may be tensors."""
    for leaf in leaves(result):
        if not isinstance(leaf, (Tensor, np.ndarray, *_PLAIN)):
            return f"it returns a {type(leaf).__name__}; return tensors, numbers, and lists, tuples and dicts of them"
    return None


def _as_tensor(x: Any) -> Tensor:
    return x if isinstance(x, Tensor) else wrap(x)


_steps: weakref.WeakSet[CapturedStep] = weakref.WeakSet()


def _unlock_in_child() -> None:
    """What another thread was running when the process forked does not run in the child."""
    for step in _steps:
        step._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_in_child)


class CapturedStep:
    """A step that replays its native operations; made by ``capture``.

    ``plans`` are the captured ones, ``reason`` why the step runs eagerly (None if it does not).
    """

    def __init__(
        self, step: Callable[..., Any], max_plans: int = 8, strict: bool = False, name: str | None = None
    ) -> None:
        require("capture", capture, max_plans=max_plans, strict=strict, name=name)
        if max_plans < 1:
            raise ValueError(f"capture: max_plans must be at least 1, got {max_plans}")
        self._step = step
        self._max_plans = max_plans
        self._strict = strict
        self._lock = threading.Lock()
        _steps.add(self)
        self._warned: set[str] = set()
        self.__doc__ = step.__doc__
        self.__name__ = name or getattr(step, "__name__", type(step).__name__)
        self.reset()

    def __reduce__(self) -> Any:
        """For copies and pickle: the step and its options; what was recorded is recorded again."""
        return CapturedStep, (self._step, self._max_plans, self._strict, self.__name__)

    def reset(self) -> None:
        """Forget all plans and why the step ran eagerly: the next call is recorded.  Call it after plain Python values
        that the step uses were changed."""
        self._plans: OrderedDict[Any, list[RecordedPlan]] = OrderedDict()
        self._latest: RecordedPlan | None = None  # if its arguments were arrays alone: most calls are like the last one
        self._changes: dict[tuple[int, str], Any] = {}  # what the last runs, which were not kept, configured
        self._dropped = 0  # how many they are
        self.reason: str | None = None

    @property
    def plans(self) -> list[Any]:
        """The native plans, the one used last at the end."""
        return [plan.native for plans in self._plans.values() for plan in plans]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._latest is not None and not kwargs:
            result = self._replayed(args)
            if result is not NotImplemented:
                return result
        # Part of a larger captured step, not captured, or in the block of a cache that began outside of the step.
        if grad_mode.recording is not None or self.reason is not None or Calls.context.cache is not None:
            return self._eager(args, kwargs)
        arrays: list[Array] = []
        try:
            key = (_flatten((args, kwargs), arrays), grad_mode.enabled, Calls.context.training)
            hash(key)
        except _Unsuitable as error:
            return self._eager_once(str(error), args, kwargs)
        except TypeError:
            what = "an argument cannot be compared between calls (it is not hashable); pass arrays, numbers or strings"
            return self._eager_once(what, args, kwargs)
        with self._lock:
            for plan in self._plans.get(key, ()):
                if plan.version == configuration.version and plan.leaves_match():
                    self._plans.move_to_end(key)
                    self._remember(plan, args, kwargs)
                    plan.fill(arrays)
                    try:
                        return plan.replay()
                    except BAD_INPUT as error:
                        self._retrace(plan, args, kwargs, error)
                        raise
            return self._record(key, args, kwargs, arrays)

    def _replayed(self, args: tuple[Any, ...], bare: bool = False) -> Any:
        """The result of the latest plan where these arguments, and all else, are as it needs it; else NotImplemented.

        bare: the array of a result that is one tensor; NotImplemented, and nothing done, for any other.
        """
        plan, context = self._latest, Calls.context  # None where the step runs eagerly
        if (
            plan is None
            or plan.version != configuration.version
            or plan.enabled is not grad_mode.enabled
            or plan.training is not context.training
            or context.cache is not None
            or grad_mode.recording is not None
            or (bare and not plan.result_is_tensor)
        ):
            return NotImplemented
        with self._lock:
            try:
                if not plan.hooks:
                    result = plan.native.call(args, plan.leaves, plan.native_result, bare)
                    if result is None:
                        return NotImplemented
                    return plan.outputs() if result is True else result
                if plan.leaves_match() and plan.native.load(args):
                    return plan.replay()
            except BAD_INPUT as error:
                self._retrace(plan, args, {}, error)
                raise
        return NotImplemented

    def repeated(self, args: tuple[Any, ...]) -> RecordedPlan | None:
        """The plan that a call with such arguments would replay now, if it can run batch after batch by itself."""
        if self.reason is not None or grad_mode.recording is not None or Calls.context.cache is not None:
            return None
        key = (_flatten((args, {}), []), grad_mode.enabled, Calls.context.training)
        for plan in self._plans.get(key, ()):
            if plan.version == configuration.version and plan.leaves_match():
                return plan if plan.repeats() else None
        return None

    def run_batches(
        self, plan: RecordedPlan, columns: list[Array], batches: int, kept: list[Array], milliseconds: int
    ) -> int:
        """Replay a ``repeated`` plan for batch after batch; how many were done.  ``raise_failure`` raises an error."""
        with self._lock:
            self._failure: Exception | None = None
            try:
                plan.run_batches(columns, batches, kept, milliseconds)
            except BAD_INPUT as error:
                self._failure = error
            return int(plan.native.batches_done)

    def raise_failure(self, plan: RecordedPlan, args: tuple[Any, ...]) -> None:
        """Raise what ended ``run_batches``, if anything did; args: those of the batch that was not done."""
        error, self._failure = self._failure, None
        if error is not None:
            with self._lock:
                self._retrace(plan, args, {}, error)
            raise error

    def _eager(self, args: Any, kwargs: Any) -> Any:
        return self._step(*rebuild(args, _as_tensor), **rebuild(kwargs, _as_tensor))

    def _eager_once(self, reason: str, args: Any, kwargs: Any) -> Any:
        """Run this call eagerly; others may be captured."""
        if self._strict:
            raise CaptureError(f"capture: {self.__name__} cannot be captured: {reason}")
        if reason not in self._warned:
            self._warned.add(reason)
            warn(f"capture: a call of {self.__name__} runs eagerly: {reason}", CaptureWarning)
        return self._eager(args, kwargs)

    def _record(self, key: Any, args: Any, kwargs: Any, arrays: list[Array]) -> Any:
        plan = RecordedPlan([np.array(a, as_dtype(a.dtype), order="C") for a in arrays])
        slots, named = plan.arguments((args, kwargs))
        grad_mode.recording = plan.recording
        plan.start()
        try:
            result = self._step(*slots, **named)
        finally:
            plan.native.stop()
            grad_mode.recording = None
        if plan.recording.changes:
            refusal = self._repeats(plan.recording.changes)
        else:
            refusal = plan.recording.refusal or plan.native.refusal or _foreign(result)
        if refusal is not None:
            self._note(refusal)
        elif plan.version == configuration.version:
            kept = [p for p in self._plans.get(key, ()) if p.version == configuration.version]
            plan.finish(result, kept)
            self._plans[key] = (kept + [plan])[-self._max_plans :]
            self._plans.move_to_end(key)
            while len(self._plans) > self._max_plans:
                self._plans.popitem(last=False)
            self._remember(plan, args, kwargs)
            self._changes, self._dropped = {}, 0
            return plan.outputs()
        return result

    def _repeats(self, changes: dict[tuple[int, str], tuple[Any, str]]) -> str | None:
        """Why the step cannot be captured if it configures something again and again; at first calls, with different
        arguments, it may, making layers and their weights, and the next call is recorded."""
        again = {what for key, (_, what) in changes.items() if key in self._changes} - {""}
        self._changes |= changes
        self._dropped += 1
        if again:
            one = min(again, key=lambda what: (what.startswith("'_"), what))  # the user's own, if any
            return f"it sets {one} again and again, which a replay would not; return the value instead"
        nameless = not any(what for _, what in changes.values())
        if self._dropped < (MAX_NAMELESS if nameless else MAX_NAMED):
            return None
        return "it makes or configures variables at every call, which a replay would not"

    def _retrace(self, plan: RecordedPlan, args: Any, kwargs: Any, error: Exception) -> None:
        """Raise the error of a failed replay as the eager step would, which knows the layer.  Nothing is computed."""
        flags = [(leaf, leaf._grad_is_set) for leaf, _ in plan.recording.leaves.values()]
        found = False
        args, kwargs = plan.arguments((args, kwargs))
        grad_mode.recording = Recording()
        grad_mode.recording.computes = False
        plan.native.retrace()
        try:
            self._step(*args, **kwargs)
        except Exception as full:  # another error may come of values that were not computed: it says nothing
            if isinstance(full, type(error)) and str(error) in str(full):
                found = True
                raise full from None
        finally:
            plan.native.stop()
            grad_mode.recording = None
            if not found:  # else the flags are as the eager step leaves them where it fails
                for leaf, is_set in flags:
                    leaf._grad_is_set = is_set

    def _remember(self, plan: RecordedPlan, args: Any, kwargs: Any) -> None:
        simple = not kwargs and len(args) == len(plan.slots)  # and no leaf, which has no slot, is among them
        self._latest = plan if simple and all(type(a) is Tensor or isinstance(a, np.ndarray) for a in args) else None

    def _note(self, reason: str) -> None:
        self.reason = reason
        self._plans.clear()
        self._latest = None
        if self._strict:
            raise CaptureError(f"capture: {self.__name__} cannot be captured: {reason}")
        warn(f"capture: {self.__name__} runs eagerly: {reason}", CaptureWarning)


def capture(
    step: Callable[..., Any], max_plans: int = 8, strict: bool = False, name: str | None = None
) -> CapturedStep:
    """Take Python out of a training or inference step: record its native operations once and replay them.

    The step may run any operations of Lamina, ``backward()`` and optimizer steps.  The result of the captured step has
    the structure of the step's result; it carries no tape, so that ``backward()`` belongs into the step.

    The step's Python code runs only while a call is recorded.  Plain Python values that it takes from outside
    (closures, globals, entries of lists and dicts) and NumPy's random numbers are constants of the plan: pass them as
    arguments, or call ``reset()`` of the captured step after a change.  Attributes of layers, losses and optimizers may
    be set between calls.  A weight or variable passed as an argument is a constant of the plan, which may write to it.

    Args:
        step: a function of arrays, tensors, numbers, strings, and lists, tuples and dicts of them; it gets arrays as
            Tensors.  Of a captured step the function is captured anew, unless these are its options already.
        max_plans: how many structures and shapes of arguments are remembered, the least recently used going first.
        strict: whether a step that cannot be captured is an error; else it runs eagerly, and a CaptureWarning says why.
        name: what warnings and errors call the step; None takes the function's name.

    Returns: a callable with ``reset()``, ``plans``, and ``reason``, which says why the step runs eagerly.

    Raises:
        ValueError: ``max_plans`` is not positive.
        CaptureError: with ``strict``, at a call: the step does what a replay could not repeat.

    Example:
        >>> double = lamina.capture(lambda x: x * 2.0)
        >>> double(np.ones(2, "float32"))  # recorded
        Tensor([2., 2.], shape=(2,), dtype=float32)
        >>> double(np.ones(2, "float32") + 1)  # replayed
        Tensor([4., 4.], shape=(2,), dtype=float32)
    """
    if isinstance(step, CapturedStep):
        name = step.__name__ if name is None else name
        if (step._max_plans, step._strict, step.__name__) == (max_plans, strict, name):
            return step
        step = step._step
    return CapturedStep(step, max_plans, strict, name)
