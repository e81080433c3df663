"""Optimizers with Keras 3's names, arguments, defaults and update rules; one native call updates all parameters.

optimizer = Adam(1e-3)
optimizer.build(model.trainable_weights)
loss.backward(); optimizer.step(); optimizer.zero_grad()       # one's own loop
optimizer.apply(gradients, variables)                          # Keras's way
"""

from __future__ import annotations

from typing import Any

from .. import _native
from ..core import registry
from ..core.explain import named
from ..core.suggest import unknown
from . import schedules as schedules
from .base import Optimizer as Optimizer
from .schedules import LearningRateSchedule


def _check_epsilon(optimizer: Optimizer, epsilon: float) -> None:
    if not epsilon >= 0.0:
        raise ValueError(f"{type(optimizer).__name__}: epsilon must be >= 0, got {epsilon}")


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


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015) in the "epsilon hat" form at the end of its section 2, as Keras has it.

    m += (g - m)(1 - beta_1);  v += (g^2 - v)(1 - beta_2);  w -= alpha m / (sqrt(v) + epsilon)
    with alpha = rate sqrt(1 - beta_2^t) / (1 - beta_1^t);  ``amsgrad`` divides by the largest v so far.
    ``shared``: weight_decay, clipnorm, clipvalue, global_clipnorm, name, as in Optimizer.
    """

    _own = ("beta_1", "beta_2", "epsilon", "amsgrad")
    _native_step = staticmethod(_native.adam_step)

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **shared: Any,
    ) -> None:
        super().__init__(learning_rate, **shared)
        for what, value in (("beta_1", beta_1), ("beta_2", beta_2)):
            if not 0.0 <= value < 1.0:
                raise ValueError(f"{type(self).__name__}: {what} must be in [0, 1), got {value}")
        _check_epsilon(self, epsilon)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad

    def _slot_names(self) -> tuple[str, ...]:
        return ("momentum", "velocity", "velocity_hat") if self.amsgrad else ("momentum", "velocity")

    def _options(self) -> tuple[Any, ...]:
        return self.beta_1, self.beta_2, self.epsilon, self.amsgrad


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), 0.004 by default."""

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **shared: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **shared)


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
        _check_epsilon(self, epsilon)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def _slot_names(self) -> tuple[str, ...]:
        momentum = ("momentum",) if self.momentum else ()
        return ("velocity", *momentum, "average_gradient") if self.centered else ("velocity", *momentum)

    def _options(self) -> tuple[Any, ...]:
        return self.rho, self.momentum, self.epsilon, self.centered


_CLASSES: dict[str, Any] = {cls.__name__.lower(): cls for cls in (SGD, Adam, AdamW, RMSprop)}


@named("optimizers.get")
def get(identifier: Any) -> Any:
    """An optimizer from its name ("adam"), config, class or object."""
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, dict):
        return get(registry.class_name("optimizer", identifier)).from_config(identifier.get("config", {}))
    if isinstance(identifier, str):
        if identifier.lower() not in _CLASSES:
            raise unknown("optimizer", identifier, _CLASSES)
        return _CLASSES[identifier.lower()]()
    if isinstance(identifier, type) and identifier in _CLASSES.values():
        return identifier()
    raise TypeError(f"optimizer: expected a name or an Optimizer, got {identifier!r}")


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The config from which get() makes the same optimizer again, without its state."""
    return {"class_name": type(optimizer).__name__, "config": optimizer.get_config()}


def deserialize(config: dict[str, Any]) -> Optimizer:
    return get(config)


__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "LearningRateSchedule",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]  # fmt: skip
