"""RMSprop."""

from __future__ import annotations

from .base import Optimizer
from .options import SharedOptions, Unpack
from .schedules import Rate


class RMSprop(Optimizer, rule="rmsprop"):
    """RMSprop: steps divided by the root of a mean squared gradient.

    ``v = rho v + (1 - rho) g^2``, ``w -= rate g / sqrt(v + epsilon)``.

    Args:
        rho: weight of the past in the mean v, from 0 to 1.
        momentum: weight of the past steps, from 0 to 1; 0 keeps none.
        centered: whether the square of the mean gradient is subtracted from v.

    Source: Keras 3, RMSprop; Tieleman and Hinton 2012, "Neural Networks for Machine Learning", lecture 6e.

    Example:
        >>> v = layers.Variable(np.float32([1.0]))
        >>> optimizers.RMSprop(learning_rate=0.1).apply([np.float32([2.0])], [v])
        >>> v.numpy()
        array([0.6838], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self._keep(locals())


__all__ = ["RMSprop"]
