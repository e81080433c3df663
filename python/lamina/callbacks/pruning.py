"""Ends of trials of a search."""

from __future__ import annotations

from typing import Any

from .base import Callback, Logs


class OptunaPruning(Callback):
    """Tell a trial of Optuna a logged number after each epoch, and end the trial where Optuna wants that.

    Args:
        trial: the trial that the objective was given.
        monitor: the logged number; in ``lamina.sklearn`` "loss", or with early stopping "validation_score".

    Raises:
        ValueError: in ``fit``: there is no such number.
        Exception: in ``fit``, optuna.TrialPruned: the trial is not worth going on with; Optuna catches it.

    Source: Lamina.

    Example:
        >>> class Trial:  # in its place: what optuna.create_study().optimize(objective) gives the objective
        ...     report = lambda self, value, step: print(f"epoch {step}: {value:.1f}")
        ...     should_prune = lambda self: False
        >>> model = lamina.Sequential([lamina.Input((2,)), lamina.layers.Dense(1, kernel_initializer="zeros")])
        >>> model.compile("adam", "mse")
        >>> pruning = callbacks.OptunaPruning(Trial(), "loss")
        >>> _ = model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, callbacks=pruning)
        epoch 0: 1.0
    """

    def __init__(self, trial: Any, monitor: str = "val_loss") -> None:
        super().__init__()
        self.trial = trial
        self.monitor = monitor

    def __deepcopy__(self, memo: Any) -> OptunaPruning:
        return type(self)(self.trial, self.monitor)  # a copy of the trial would tell nobody

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        value = (logs or {}).get(self.monitor)
        if value is None:
            raise ValueError(
                f"OptunaPruning: {self.monitor!r} is not among the logs {', '.join(logs or {}) or '(none)'}"
            )
        self.trial.report(float(value), epoch)
        if self.trial.should_prune():
            from optuna import TrialPruned

            raise TrialPruned(f"pruned at epoch {epoch + 1}, {self.monitor} {value:.6g}")


__all__ = ["OptunaPruning"]
