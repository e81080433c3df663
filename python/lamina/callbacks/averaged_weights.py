"""SwapEMAWeights: evaluation with the running means of weights."""

from __future__ import annotations

from typing import Any

from .base import Callback, Logs


class SwapEMAWeights(Callback):
    """Put the running means of an optimizer with ``use_ema=True`` in the weights' place while they are evaluated.

    Args:
        swap_on_epoch: whether the means also stand there from the end of an epoch to the begin of the next, for
            callbacks behind this one such as ModelCheckpoint.

    Raises:
        ValueError: when it is used: the optimizer keeps no running means.

    Source: Keras 3, SwapEMAWeights.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> model.compile(optimizers.SGD(use_ema=True), "mse")
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), callbacks=[callbacks.SwapEMAWeights()], verbose=0)
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._means_are_in_place = False

    def _put(self, means: bool) -> None:
        """Means in the weights' place, or back."""
        if self._means_are_in_place is not means:
            for optimizer, averages in self._averages():
                averages.swap(optimizer._variables)
            self._means_are_in_place = means

    def _averages(self) -> list[tuple[Any, Any]]:
        every = getattr(self.model.optimizer, "optimizers", [self.model.optimizer])
        found = [(optimizer, optimizer._averages) for optimizer in every if optimizer._averages is not None]
        if not found:
            raise ValueError(
                "SwapEMAWeights: the optimizer keeps no running means; make it with use_ema=True, and train first"
            )
        return found

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._put(means=False)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.swap_on_epoch:
            self._put(means=True)

    def on_train_end(self, logs: Logs = None) -> None:
        self._means_are_in_place = False  # fit has given the weights their means

    def on_train_interrupted(self, logs: Logs = None) -> None:
        self._put(means=False)

    def on_test_begin(self, logs: Logs = None) -> None:
        self._put(means=True)

    def on_test_end(self, logs: Logs = None) -> None:
        self._put(means=False)

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._put(means=True)

    def on_predict_end(self, logs: Logs = None) -> None:
        self._put(means=False)


__all__ = ["SwapEMAWeights"]
