"""Adagrad and its kin: steps divided by what all gradients so far were."""

from __future__ import annotations

from typing import Any

from ..core.autograd import Tensor
from .base import Optimizer
from .options import SharedOptions, Unpack
from .schedules import Rate


class Adagrad(Optimizer, rule="adagrad"):
    """Adagrad: steps divided by the root of the sum of all squared gradients.

    ``s += g^2``, ``w -= rate g / sqrt(s + epsilon)``.

    Args:
        initial_accumulator_value: what s begins with, not negative.

    Source: Keras 3, Adagrad; Duchi, Hazan and Singer 2011, "Adaptive Subgradient Methods".

    Example:
        >>> model = lamina.Sequential([lamina.Input((4,)), layers.Dense(1)])
        >>> model.compile(optimizers.Adagrad(learning_rate=0.01), "mse")
        >>> history = model.fit(np.ones((8, 4)), np.ones((8, 1)), epochs=2, verbose=0)
        >>> history.history["loss"][1] < history.history["loss"][0]
        True
    """

    _settings = ("initial_accumulator_value",)
    initial_accumulator_value: float

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self._keep(locals())

    def _first_value(self, slot: str, variable: Tensor) -> Any:
        return self.initial_accumulator_value


class Adadelta(Optimizer, rule="adadelta"):
    """Adadelta: steps as large as the steps before, beside gradients as large as those before.

    ``v = rho v + (1 - rho) g^2``, ``d = g sqrt(u + epsilon) / sqrt(v + epsilon)``, ``u = rho u + (1 - rho) d^2``, ``w
    -= rate d``.

    Args:
        rho: weight of the past in the means u and v, from 0 to 1.

    Source: Keras 3, Adadelta; Zeiler 2012, "ADADELTA: An Adaptive Learning Rate Method".

    Example:
        >>> model = lamina.Sequential([lamina.Input((4,)), layers.Dense(1)])
        >>> model.compile(optimizers.Adadelta(learning_rate=1.0), "mse")
        >>> history = model.fit(np.ones((8, 4)), np.ones((8, 1)), epochs=2, verbose=0)
        >>> history.history["loss"][1] < history.history["loss"][0]
        True
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self._keep(locals())


class Ftrl(Optimizer, rule="ftrl"):
    """Follow the regularized leader: few weights that are not zero, for linear models of many features.

    ``n += g^2`` and ``z += g + 2 l2_shrinkage w - (n^p - (n - g^2)^p) / rate w`` with p = -learning_rate_power;  ``w =
    (clamp(z, -l1, l1) - z) / ((n^p + beta) / rate + 2 l2)``.

    Args:
        learning_rate_power: how the rate falls with n, at most 0; 0 keeps it.
        initial_accumulator_value: what n begins with, not negative.
        l1_regularization_strength: pull of small weights to zero, not negative.
        l2_regularization_strength: pull of all weights toward zero, not negative.
        l2_shrinkage_regularization_strength: penalty on squares that goes through z alone, not negative.
        beta: the beta of the paper, not negative.

    Source: Keras 3, Ftrl; McMahan et al. 2013, "Ad Click Prediction: a View from the Trenches".

    Example:
        >>> v = layers.Variable(np.float32([1.0]))
        >>> optimizers.Ftrl(learning_rate=0.1).apply([np.float32([2.0])], [v])
        >>> v.numpy()
        array([0.7451], dtype=float32)
    """

    _settings = ("initial_accumulator_value",)
    initial_accumulator_value: float

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self._keep(locals())

    def _first_value(self, slot: str, variable: Tensor) -> Any:
        return self.initial_accumulator_value if slot == "accumulator" else 0.0


__all__ = ["Adadelta", "Adagrad", "Ftrl"]
