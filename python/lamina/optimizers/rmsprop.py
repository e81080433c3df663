"""RMSprop."""

from __future__ import annotations

from typing import Any

from .. import _native
from .base import Optimizer
from .ranges import check_epsilon
from .schedules import LearningRateSchedule


class RMSprop(Optimizer):
    """RMSprop (Hinton, lecture 6e): v = rho v + (1 - rho) g^2;  w -= rate g / sqrt(v + epsilon), with momentum if > 0.

    ``centered`` subtracts the square of the mean gradient from v.
    ``shared``: weight_decay, clipnorm, clipvalue, global_clipnorm, name, as in Optimizer.
    """

    _own = ("rho", "momentum", "epsilon", "centered")
    _native_step = staticmethod(_native.rmsprop_step)

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
        check_epsilon(self, epsilon)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def _slot_names(self) -> tuple[str, ...]:
        momentum = ("momentum",) if self.momentum else ()
        return ("velocity", *momentum, "average_gradient") if self.centered else ("velocity", *momentum)

    def _options(self) -> tuple[Any, ...]:
        return self.rho, self.momentum, self.epsilon, self.centered


__all__ = ["RMSprop"]
