"""Learning rates that change between epochs."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from ..core.output import say
from .base import Callback, Logs
from .monitor import Monitor


def _needs_a_number(callback: Callback) -> None:
    """TypeError where the optimizer has a schedule, before anything is trained."""
    schedule = callback.model.optimizer._schedule
    if schedule is not None:
        raise TypeError(
            f"{type(callback).__name__}: the optimizer's learning_rate is a schedule, {schedule!r}, which it cannot "
            "change; make the optimizer with a number, or leave the callback out"
        )


class LearningRateScheduler(Callback):
    """Before every epoch sets the learning rate to ``schedule(epoch, learning_rate)``, or ``schedule(epoch)``.

    Args:
        schedule: the function; epochs count from 0.

    Raises:
        TypeError: at the begin of fit: the optimizer has a schedule of its own.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2, callbacks=[halve], verbose=0)
        >>> round(float(model.optimizer.learning_rate), 4)  # from 0.01
        0.0025
    """

    def __init__(self, schedule: Callable[..., float], verbose: bool | int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose
        try:
            inspect.signature(schedule).bind("epoch", "rate")
            self._takes_rate = True
        except TypeError:
            self._takes_rate = False

    def on_train_begin(self, logs: Logs = None) -> None:
        _needs_a_number(self)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        rate = float(self.model.optimizer.learning_rate)
        rate = float(self.schedule(epoch, rate) if self._takes_rate else self.schedule(epoch))
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            say(f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class ReduceLROnPlateau(Monitor):
    """Lower the learning rate when a logged number no longer improves.

    Args:
        factor: what the rate is multiplied by, below 1.
        patience: epochs without improvement after which it is lowered.
        cooldown: epochs to wait after that before counting again.
        min_lr: the rate never falls below it.

    Raises:
        ValueError: ``factor`` is not below 1; ``mode`` is unknown.
        TypeError: at the begin of fit: the optimizer has a schedule.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> lower = callbacks.ReduceLROnPlateau(monitor="loss", patience=1, min_delta=100.0)
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2, callbacks=[lower], verbose=0)
        >>> round(float(model.optimizer.learning_rate), 4)  # from 0.01
        0.001
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: bool | int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1, got {factor}")
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._begin()

    def on_train_begin(self, logs: Logs = None) -> None:
        _needs_a_number(self)
        self._begin()

    def _begin(self) -> None:
        self.best: float | None = None
        self.wait = 0
        self.cooldown_counter = 0

    def in_cooldown(self) -> bool:
        """Whether epochs are let pass after the last reduction."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        rate = float(self.model.optimizer.learning_rate)
        if logs is not None:
            logs["learning_rate"] = rate
        current = self.value(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(current, self.best):
            self.best = current
            self.wait = 0
            return
        if self.in_cooldown():
            return
        self.wait += 1
        if self.wait >= self.patience and rate > self.min_lr:
            reduced = max(rate * self.factor, self.min_lr)
            self.model.optimizer.learning_rate = reduced
            if self.verbose:
                say(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {reduced}.")
            self.cooldown_counter = self.cooldown
            self.wait = 0


__all__ = ["LearningRateScheduler", "ReduceLROnPlateau"]
