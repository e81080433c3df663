"""What is looked at between epochs: whether training still gets on, and the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..callbacks import Callback


class Progress(Callback):
    """Notes losses and scores, keeps the best weights, and ends training that no longer gets on, as scikit-learn does.

    Args:
        estimator: gets ``n_iter_``, ``loss_curve_``, ``best_loss_``, and with a score ``validation_scores_`` and
            ``best_validation_score_``.
        tol: the least that counts as getting better.
        patience: epochs without getting better after which training ends; None never ends it.
        score: gives the score on data held out; the weights of its best epoch come back.
        smaller: called instead of the end; whether there is something left to try, a smaller learning rate.
        rate: the learning rate of the next epoch.
    """

    def __init__(
        self,
        estimator: Any,
        tol: float,
        patience: int | None,
        score: Callable[[], float] | None = None,
        smaller: Callable[[], bool] | None = None,
        rate: Callable[[], float] | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__()
        self.estimator, self.tol, self.patience, self.score = estimator, tol, patience, score
        self.smaller, self.rate, self.verbose = smaller, rate, verbose
        self.wait = 0
        self.weights: list[Any] | None = None
        self.converged = False

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = {} if logs is None else logs
        e, loss = self.estimator, float(logs["loss"])
        if not math.isfinite(loss):
            raise ValueError(
                f"{type(e).__name__}: training diverged, the loss is {loss} in pass {e.n_iter_ + 1}; a smaller "
                "learning rate, or X and y on a smaller scale (StandardScaler), usually helps"
            )
        e.n_iter_ += 1
        e.loss_curve_.append(loss)
        text = f"Iteration {e.n_iter_}, loss = {loss:.8f}"
        if self.score is None:
            self.wait = self.wait + 1 if loss > e.best_loss_ - self.tol else 0
            e.best_loss_ = min(loss, e.best_loss_)
        else:
            score = logs["validation_score"] = self.score()
            e.validation_scores_.append(score)
            text += f", validation score = {score:.6f}"
            self.wait = self.wait + 1 if score < e.best_validation_score_ + self.tol else 0
            if self.weights is None or score > e.best_validation_score_:
                e.best_validation_score_, self.weights = score, self.model.get_weights()
        if self.verbose:
            print(text)
        if self.rate is not None:
            self.model.optimizer.learning_rate = self.rate()
        if self.patience is not None and self.wait >= self.patience:
            self.wait = 0
            if self.smaller is None or not self.smaller():
                self.converged = self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        if self.weights is not None:
            self.model.set_weights(self.weights)
