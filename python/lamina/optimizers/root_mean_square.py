"""RMSprop."""

from __future__ import annotations

from typing import Any

from .base import Optimizer
from .schedules import LearningRateSchedule


class RMSprop(Optimizer, rule="rmsprop"):
    """RMSprop (Hinton, lecture 6e): v = rho v + (1 - rho) g^2;  w -= rate g / sqrt(v + epsilon), with momentum if > 0.

    ``centered`` subtracts the square of the mean gradient from v.
    ``shared``: weight_decay, clipnorm, clipvalue, global_clipnorm, name, as in Optimizer.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **shared: Any,
    ) -> None:
        super().__init__(learning_rate, **shared)
        self._keep(locals())


__all__ = ["RMSprop"]
