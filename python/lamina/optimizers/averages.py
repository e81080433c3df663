"""Running means of weights, ``use_ema``: what they are after each step, and when they take the weights' place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _native
from ..core.arena import Arena
from ..core.arrays import in_own_memory
from ..core.autograd import Array, Tensor

_NO_LIMITS = (0.0, math.inf, math.inf, math.inf)


def check_averages(optimizer: str, momentum: Any, frequency: Any) -> None:
    """ValueError for options that running means cannot have."""
    if not 0 <= momentum <= 1:
        raise ValueError(f"{optimizer}: ema_momentum must be between 0 and 1, got {momentum}")
    whole = isinstance(frequency, (int, np.integer)) and not isinstance(frequency, bool)
    if frequency is not None and not (whole and frequency >= 1):
        raise ValueError(f"{optimizer}: ema_overwrite_frequency must be an integer >= 1 or None, got {frequency!r}")


def _group(weights: Sequence[Array], sources: Sequence[Array], steps: Array, due: Array | None) -> Any:
    on = np.ones(len(weights), np.bool_)
    return _native.ParameterGroup(weights, sources, [], on, on.copy(), np.zeros(1), steps, None, due)


class Averages:
    """A mean of each variable, ``mean = momentum mean + (1 - momentum) w``, w itself at the first step."""

    def __init__(self, momentum: float, frequency: int | None) -> None:
        self.momentum, self.frequency = momentum, frequency
        self.means = Arena()
        self.steps = np.zeros(1, np.int64)
        self.swapped = False  # whether each stands in the other's place

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(in_own_memory(state))

    def extend(self, variables: Sequence[Tensor]) -> None:
        """Make the means of variables that are new; the others come first."""
        new = variables[len(self.means) :]
        first = len(self.means)
        self.means.extend(new)
        for v, mean in zip(new, self.means.views[first:], strict=True):
            mean[...] = v._array

    def bind(
        self, variables: Sequence[Tensor], updates: Array | None = None
    ) -> tuple[Callable[[], None], Callable[[int], None]]:
        """What to call at each step, native operations alone; and before it, with the number of steps before.

        updates: whether a step updates weights, (1,); None: each does.
        """
        due = np.zeros(1, np.bool_)
        weights = [v._array for v in variables]
        update = _group(self.means.views, weights, self.steps, updates)
        back = _group(weights, self.means.views, np.zeros(1, np.int64), due)

        def prepare(steps: int) -> None:
            due[0] = self.frequency is not None and (steps + 1) % self.frequency == 0

        def step() -> None:
            _native.optimizer_step(update, "average", (self.momentum,), *_NO_LIMITS)
            if self.frequency is not None:
                _native.optimizer_step(back, "average", (0.0,), *_NO_LIMITS)

        return step, prepare

    def give(self, variables: Sequence[Tensor], known: Sequence[Tensor]) -> None:
        """Write the means of these variables, where they are known, into them."""
        place = {id(v): i for i, v in enumerate(known)}
        for v in variables:
            if id(v) in place:
                mean = self.means[place[id(v)]]
                a, b = (mean, v._array) if self.swapped else (v._array, mean)
                a[...] = b
        self.swapped = False

    def swap(self, variables: Sequence[Tensor]) -> None:
        """Exchange all weights with their means."""
        self.swapped = not self.swapped
        for v, mean in zip(variables, self.means, strict=True):
            weights = v._array.copy()
            v._array[...] = mean
            mean[...] = weights
