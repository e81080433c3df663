"""F-scores of classes: the harmonic mean of precision and recall."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.suggest import unknown
from .base import Array, BuiltIn, weights_of
from .targets import divide, rows

_AVERAGES = ("micro", "macro", "weighted")


class FBetaScore(BuiltIn, direction="up", also=("fbeta_score",)):
    """F-score of classes: ``(1 + b^2) precision recall / (b^2 precision + recall)``.

    y_true and y_pred are (batch, classes).

    Args:
        average: "micro" counts all classes together; "macro" is the mean of their scores, "weighted" weighs it by the
            targets of each class; None gives one score for each.
        beta: b: how much more recall counts than precision, above 0.
        threshold: prediction above which a class is there, in (0, 1]; None takes the class of the highest prediction.

    Raises:
        ValueError: ``average`` is unknown, or a number out of its range.

    Source: Keras 3, keras.metrics.FBetaScore; van Rijsbergen 1979, "Information Retrieval", chapter 7.

    Example:
        >>> m = metrics.FBetaScore(average="macro", beta=2.0)
        >>> m.update_state([[1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
        >>> round(float(m.result()), 3)
        0.694
    """

    _sums = ("true_positives", "chosen", "there")

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        if average is not None and average not in _AVERAGES:
            raise unknown("average", average, _AVERAGES)
        if not beta > 0:
            raise ValueError(f"{type(self).__name__}: beta must be above 0, got {beta}")
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(f"{type(self).__name__}: threshold must be above 0 and at most 1, got {threshold}")
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self.reset_state()

    def reset_state(self) -> None:
        self.true_positives: Any = 0.0  # weights of each class
        self.chosen: Any = 0.0
        self.there: Any = 0.0

    def gather(self, y_true: Array, y_pred: Array, sample_weight: Any) -> None:
        y_true, y_pred = rows(type(self).__name__, y_true, y_pred)
        if np.ndim(self.true_positives) and len(self.true_positives) != y_pred.shape[1]:
            known = len(self.true_positives)
            raise ValueError(f"{self.name}: this batch has {y_pred.shape[1]} classes, those before had {known}")
        if self.threshold is None:
            chosen = (y_pred >= y_pred.max(-1, keepdims=True)) & (np.abs(y_pred) > 1e-9)
        else:
            chosen = y_pred > np.asarray(self.threshold, y_pred.dtype if y_pred.dtype.kind == "f" else np.float32)
        judged = chosen
        if sample_weight is not None:
            weight = weights_of(self.name, sample_weight, y_pred.shape)
            left_out = weight == 0
            y_true = np.where(left_out, 0, y_true) * weight  # 0 is free: of infinities it makes numbers
            judged = chosen * weight
        self.true_positives = self.true_positives + np.where(chosen, y_true, 0).sum(0, dtype=np.float64)
        self.chosen = self.chosen + judged.sum(0, dtype=np.float64)
        self.there = self.there + y_true.sum(0, dtype=np.float64)

    def result(self) -> Any:
        counts = self.true_positives, self.chosen, self.there
        right, chosen, there = (np.sum(c) for c in counts) if self.average == "micro" else counts
        b2 = self.beta**2
        scores = divide((1 + b2) * right, b2 * there + chosen)
        if self.average == "weighted":
            return float(divide((scores * there).sum(), np.sum(there)))
        return float(scores.mean()) if self.average is not None or not scores.ndim else scores


class F1Score(FBetaScore, direction="up"):
    """F-score of classes: ``2 precision recall / (precision + recall)``; y_true and y_pred are (batch, classes).

    Args:
        average: "micro" counts all classes together; "macro" is the mean of their scores, "weighted" weighs it by the
            targets of each class; None gives one score for each.
        threshold: prediction above which a class is there, in (0, 1]; None takes the class of the highest prediction.

    Raises:
        ValueError: ``average`` is unknown, or ``threshold`` out of its range.

    Example:
        >>> m = metrics.F1Score(average="macro")
        >>> m.update_state([[1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
        >>> round(float(m.result()), 3)
        0.667
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)


__all__ = ["F1Score", "FBetaScore"]
