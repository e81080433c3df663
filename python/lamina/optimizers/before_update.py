"""What happens to gradients between backward and update: a list of transformations that any optimizer runs.

A transformation is given the gradients in memory that stays and says where the next one finds its own, so that all of
it is bound once; what it does at a step are native operations, which captured steps repeat.  Those of the user's own
(gradient_transformer.py) come first.  Clipping is the last one: the update reads its limits and clips in passing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from .. import _native
from ..core.arena import Arena
from ..core.arrays import in_own_memory
from ..core.autograd import Array, Tensor


class Gradients(NamedTuple):
    """What one transformation hands to the next, one of each a variable."""

    arrays: Sequence[Array]
    active: Array  # bool: whether there is a gradient
    touched: list[Any]  # of tables: the rows outside of which it is zero, or None
    due: Array | None = None  # bool (1,): whether the step updates anything; None: it does


class GradientTransform:
    """One transformation: none of its methods need be defined but those that do something."""

    limits: Mapping[str, float] = MappingProxyType({})  # of clipping, which the update does in passing

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(in_own_memory(state))

    def extend(self, variables: Sequence[Tensor]) -> None:
        """Make what is kept of variables that are new; the others come first."""

    def bind(self, variables: Sequence[Tensor], gradients: Gradients) -> tuple[Gradients, Callable[[], None] | None]:
        """What the next transformation gets, and what to call at each step, native operations alone.

        Called once for a list of variables, and once for every step that is captured.
        """
        return gradients, None

    def state(self) -> dict[str, Arena]:
        """Arrays that are saved with the optimizer's slots, by name; one of each a variable."""
        return {}


class Clip(GradientTransform):
    """Limits of each element (``clipvalue``), of each gradient's norm (``clipnorm``), of all (``global_clipnorm``)."""

    def __init__(self, **limits: float | None) -> None:
        self.limits = {name: math.inf if value is None else value for name, value in limits.items()}


def check_accumulation(optimizer: str, steps: Any) -> None:
    """ValueError for a number of steps of an optimizer that gradients cannot be added up over."""
    whole = isinstance(steps, (int, np.integer)) and not isinstance(steps, bool)
    if steps is not None and not (whole and steps >= 2):
        raise ValueError(f"{optimizer}: gradient_accumulation_steps must be an integer >= 2 or None, got {steps!r}")


class Accumulate(GradientTransform):
    """The mean gradient of each ``steps`` batches, and one update for them: ``gradient_accumulation_steps``."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.sums = Arena()
        self.received = np.zeros(0, np.bool_)  # which variables had a gradient in this cycle
        self.touched: list[Any] = []
        self.count = np.zeros(1, np.int64)  # gradients so far
        self.due = np.zeros(1, np.bool_)

    def extend(self, variables: Sequence[Tensor]) -> None:
        new = variables[len(self.sums) :]
        if new:
            self.sums.extend(new)
            self.received = np.concatenate([self.received, np.zeros(len(new), np.bool_)])
            self.touched += [None if v.touched is None else _native.TouchedRows(len(v)) for v in new]

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"touched": [rows is not None for rows in self.touched]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        tables = zip(state["touched"], self.sums, strict=True)
        self.touched = [_native.TouchedRows(len(sums)) if table else None for table, sums in tables]
        for rows in self.touched:
            if rows is not None:
                _native.touch_all(rows)

    def state(self) -> dict[str, Arena]:
        return {"gradient_accumulator": self.sums}

    def seen(self, updates: int) -> int:
        """Gradients so far, after so many updates."""
        return updates * self.steps + int(self.count[0]) % self.steps

    def restored(self, count: int) -> None:
        """The sums were read from a file, after so many gradients."""
        self.count[0] = count
        self.received[:] = True
        for rows in self.touched:
            if rows is not None:
                _native.touch_all(rows)

    def bind(self, variables: Sequence[Tensor], gradients: Gradients) -> tuple[Gradients, Callable[[], None] | None]:
        rest = (gradients.active, np.zeros(1))
        source = _native.ParameterGroup(
            self.sums.views, gradients.arrays, [], gradients.active, *rest, self.count, gradients.touched,
            gradients.due,
        )  # fmt: skip
        target = _native.ParameterGroup(
            [v._array for v in variables], self.sums.views, [], gradients.active, self.received, np.zeros(1),
            np.zeros(1, np.int64), self.touched, self.due,
        )  # fmt: skip
        given = Gradients(self.sums.views, self.received, self.touched, self.due)
        return given, partial(_native.accumulate_gradients, source, target, self.steps)


class LossScale(GradientTransform):
    """Gradients of a loss that was multiplied by ``state[0]``, divided by it; a step of those that are not finite does
    nothing.  ``state[1]`` counts the others, after ``growth_steps`` of which the scale is doubled."""

    def __init__(self, initial: float, growth_steps: int) -> None:
        self.growth_steps = growth_steps
        self.state_array = np.array([initial, 0.0])
        self.divided = Arena()
        self.due = np.ones(1, np.bool_)

    def extend(self, variables: Sequence[Tensor]) -> None:
        self.divided.extend(variables[len(self.divided) :])

    def bind(self, variables: Sequence[Tensor], gradients: Gradients) -> tuple[Gradients, Callable[[], None] | None]:
        group = _native.ParameterGroup(
            self.divided.views, gradients.arrays, [], gradients.active, gradients.active, np.zeros(1),
            np.zeros(1, np.int64), gradients.touched, self.due,
        )  # fmt: skip
        given = Gradients(self.divided.views, gradients.active, gradients.touched, self.due)
        return given, partial(_native.unscale_gradients, group, self.state_array, self.growth_steps)
