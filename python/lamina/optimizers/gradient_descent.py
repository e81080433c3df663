"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from .base import Optimizer
from .schedules import LearningRateSchedule


class SGD(Optimizer, rule="sgd"):
    """Stochastic gradient descent, with (Nesterov) momentum if ``momentum`` > 0.

    m = momentum m - rate g;  w += m, or w += momentum m - rate g with ``nesterov``: the rate is inside the momentum.
    ``shared``: weight_decay, clipnorm, clipvalue, global_clipnorm, name, as in Optimizer.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **shared: Any,
    ) -> None:
        super().__init__(learning_rate, **shared)
        self._keep(locals())


__all__ = ["SGD"]
