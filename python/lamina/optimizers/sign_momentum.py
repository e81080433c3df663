"""Lion."""

from __future__ import annotations

from .base import Optimizer
from .options import SharedOptions, Unpack
from .schedules import Rate


class Lion(Optimizer, rule="lion"):
    """Lion: steps of one size, along the sign of a mean gradient.

    ``w -= rate sign(beta_1 m + (1 - beta_1) g)``, then ``m = beta_2 m + (1 - beta_2) g``.  Rates are 3 to 10 times
    smaller, and weight decay as much larger, than for Adam.

    Args:
        beta_1: weight of the past in the mean whose sign a step takes, from 0 to below 1.
        beta_2: weight of the past in the mean that is kept, from 0 to below 1.

    Source: Keras 3, Lion; Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms".

    Example:
        >>> v = layers.Variable(np.float32([1.0]))
        >>> optimizers.Lion(learning_rate=0.1).apply([np.float32([2.0])], [v])
        >>> v.numpy()
        array([0.9], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self._keep(locals())


__all__ = ["Lion"]
