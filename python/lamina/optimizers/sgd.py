"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from .. import _native
from .base import Optimizer
from .schedules import LearningRateSchedule


class SGD(Optimizer):
    """Stochastic gradient descent, with (Nesterov) momentum if ``momentum`` > 0.

    m = momentum m - rate g;  w += m, or w += momentum m - rate g with ``nesterov``: the rate is inside the momentum.
    ``shared``: weight_decay, clipnorm, clipvalue, global_clipnorm, name, as in Optimizer.
    """

    _own = ("momentum", "nesterov")
    _native_step = staticmethod(_native.sgd_step)

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **shared: Any,
    ) -> None:
        super().__init__(learning_rate, **shared)
        if not 0.0 <= momentum <= 1.0:
            raise ValueError(f"SGD: momentum must be between 0 and 1, got {momentum}")
        self.momentum = momentum
        self.nesterov = nesterov

    def _slot_names(self) -> tuple[str, ...]:
        return ("momentum",) if self.momentum else ()

    def _options(self) -> tuple[Any, ...]:
        return self.momentum, self.nesterov


__all__ = ["SGD"]
