"""Ends of training."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.output import say
from .base import Callback, Logs
from .monitor import Monitor


class EarlyStopping(Monitor):
    """Stop training when a logged number no longer improves.

    Args:
        patience: epochs without improvement after which training stops.
        baseline: value that an improvement must also beat; None sets none.
        restore_best_weights: whether the weights of the best epoch come back at the end.
        start_from_epoch: epochs before this one do not count.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> stop = callbacks.EarlyStopping(monitor="loss", patience=1, min_delta=100.0)
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=9, callbacks=[stop], verbose=0)
        >>> len(history.epoch)
        2
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: bool | int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.on_train_begin()

    def on_train_begin(self, logs: Logs = None) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def get_monitor_value(self, logs: Logs) -> float | None:
        """The monitored number, which a subclass may compute; None (with a warning) if it is not there.

        Args:
            logs: what the epoch logged.
        """
        return self.value(logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self.improves(current, self.best):
            self.best = current
            self._keep(epoch)
            if self.baseline is None or self.improves(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Logs = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                say(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Stop at the first step whose loss is NaN or infinite.

    Args:
        raise_error: whether it is an error, so that no callback's ``on_train_end`` is called, which keeps backups.

    Raises:
        RuntimeError: in ``fit``, with ``raise_error=True``: a loss is NaN or infinite.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> stop = callbacks.TerminateOnNaN()
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2, callbacks=[stop], verbose=0)
        >>> len(history.epoch)
        2
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not np.isfinite(loss).all():
            if self.raise_error:
                raise RuntimeError(f"TerminateOnNaN: the loss of batch {batch} is {loss}")
            say(f"Batch {batch}: invalid loss, terminating training")
            self.model.stop_training = True


__all__ = ["EarlyStopping", "TerminateOnNaN"]
