"""Stochastic gradient descent."""

from __future__ import annotations

from .base import Optimizer
from .options import SharedOptions, Unpack
from .schedules import Rate


class SGD(Optimizer, rule="sgd"):
    """Stochastic gradient descent, with or without momentum.

    ``m = momentum m - rate g``, ``w += m``, or ``w += momentum m - rate g`` with ``nesterov``: the rate is inside the
    momentum.

    Args:
        momentum: weight of the past steps, from 0 to 1; 0 keeps none.
        nesterov: whether the gradient counts as that of the place ahead.

    Source: Keras 3, SGD; Sutskever et al. 2013, "On the Importance of Initialization and Momentum in Deep Learning".

    Example:
        >>> v = layers.Variable(np.float32([1.0]))
        >>> optimizers.SGD(learning_rate=0.1).apply([np.float32([2.0])], [v])
        >>> v.numpy()
        array([0.8], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self._keep(locals())


__all__ = ["SGD"]
