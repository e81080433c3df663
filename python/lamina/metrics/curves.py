"""Metrics over all thresholds: the area under a curve, and one rate where another is high enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import epsilon
from ..core.constructor import variant
from ..core.suggest import unknown
from .base import Array, weights_of
from .targets import check_count, divide, pair
from .thresholds import ThresholdCounts, inside

_MOST = 10**6  # thresholds or labels


_HEIGHTS: dict[str, Callable[[Array, Array], Array]] = {
    "interpolation": lambda a, b: (a + b) / 2,
    "minoring": np.minimum,
    "majoring": np.maximum,
}


def _evenly(n: int) -> list[float]:
    """n numbers from 0 to 1."""
    return [i / (n - 1) for i in range(n)]


class _AtLeast(ThresholdCounts, listed=False):
    """The best of one rate, ``best``, among thresholds where another, ``at``, has at least a value.

    The constructor's first argument has the name of that other one.
    """

    _at: str
    _best_of: str

    def __init_subclass__(cls, at: str = "", best: str = "", **kwargs: Any) -> None:
        if at:
            cls._at, cls._best_of = at, best
            cls.__init__ = variant(_AtLeast.__init__, {"value": at})  # type: ignore[method-assign]
        super().__init_subclass__(**kwargs)

    def __init__(
        self,
        value: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        if not 0 <= value <= 1:
            raise ValueError(f"{type(self).__name__}: {self._at} must be in [0, 1], got {value}")
        check_count(type(self).__name__, "num_thresholds", num_thresholds, 1, _MOST)
        thresholds = [0.5] if num_thresholds == 1 else _evenly(num_thresholds)
        self._grid = num_thresholds > 1  # > and 1 are free: other thresholds are searched, not computed
        super().__init__(thresholds, class_id, None, name, dtype)
        setattr(self, self._at, value)
        self.num_thresholds = num_thresholds

    def _count(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        super()._count(y_true, inside(y_pred), weight)

    def result(self) -> float:
        enough = self._rate(self._at) >= getattr(self, self._at)
        return float(np.where(enough, self._rate(self._best_of), 0.0).max())


class SensitivityAtSpecificity(_AtLeast, at="specificity", best="sensitivity", direction="up"):
    """The largest TP / (TP + FN) among thresholds where TN / (TN + FP) is at least ``specificity``.

    Args:
        specificity: the least specificity, in [0, 1].

    Example:
        >>> m = metrics.SensitivityAtSpecificity(0.5)
        >>> m.update_state([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
        >>> float(m.result())
        0.5
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            specificity: float,
            num_thresholds: int = 200,
            class_id: int | None = None,
            name: str | None = None,
            dtype: Any = None,
        ) -> None: ...


class SpecificityAtSensitivity(_AtLeast, at="sensitivity", best="specificity", direction="up"):
    """The largest TN / (TN + FP) among thresholds where TP / (TP + FN) is at least ``sensitivity``.

    Args:
        sensitivity: the least sensitivity, in [0, 1].

    Example:
        >>> m = metrics.SpecificityAtSensitivity(0.5)
        >>> m.update_state([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
        >>> round(float(m.result()), 3)
        0.667
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            sensitivity: float,
            num_thresholds: int = 200,
            class_id: int | None = None,
            name: str | None = None,
            dtype: Any = None,
        ) -> None: ...


class PrecisionAtRecall(_AtLeast, at="recall", best="precision", direction="up"):
    """The largest TP / (TP + FP) among thresholds where TP / (TP + FN) is at least ``recall``.

    Args:
        recall: the least recall, in [0, 1].

    Example:
        >>> m = metrics.PrecisionAtRecall(0.5)
        >>> m.update_state([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
        >>> float(m.result())
        0.5
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            recall: float,
            num_thresholds: int = 200,
            class_id: int | None = None,
            name: str | None = None,
            dtype: Any = None,
        ) -> None: ...


class RecallAtPrecision(_AtLeast, at="precision", best="recall", direction="up"):
    """The largest TP / (TP + FN) among thresholds where TP / (TP + FP) is at least ``precision``.

    Args:
        precision: the least precision, in [0, 1].

    Example:
        >>> m = metrics.RecallAtPrecision(0.8)
        >>> m.update_state([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        >>> float(m.result())
        0.5
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            precision: float,
            num_thresholds: int = 200,
            class_id: int | None = None,
            name: str | None = None,
            dtype: Any = None,
        ) -> None: ...


class AUC(ThresholdCounts, direction="up"):
    """Area under a curve of yes/no answers, from sums over many thresholds.

    Args:
        num_thresholds: how many thresholds, evenly from 0 to 1; more make the area more exact.
        curve: "ROC", true by false positive rate; "PR", precision by recall; "PRGAIN", their gains.
        summation_method: "interpolation", trapezoids, for "PR" the hyperbolas between true and false positives;
            "minoring", the lower value of each step; "majoring", the higher.
        thresholds: the thresholds between 0 and 1 themselves; ``num_thresholds`` is ignored then.
        multi_label: whether y_true and y_pred (batch, labels) have an area for each label, of which the result is the
            mean; else all answers make one curve.
        num_labels: how many labels, with ``multi_label``; None takes those of the first batch.
        label_weights: weights of the labels: of their areas with ``multi_label``, else of their answers.
        from_logits: whether predictions are logits, which a sigmoid makes probabilities of.

    Raises:
        ValueError: a number is out of its range, a name unknown, or ``num_labels`` given without ``multi_label``.

    Source: Keras 3, keras.metrics.AUC; Davis and Goadrich 2006, "The Relationship Between Precision-Recall and ROC
        Curves"; Flach and Kull 2015, "Precision-Recall-Gain Curves".

    Example:
        >>> auc = metrics.AUC()
        >>> auc.update_state([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        >>> round(float(auc.result()), 2)
        0.75
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        if thresholds is not None:
            inner = sorted(float(t) for t in thresholds)
            if inner and not 0 <= inner[0] <= inner[-1] <= 1:
                raise ValueError(f"AUC: thresholds must be in [0, 1], got {inner[0]} to {inner[-1]}")
        else:
            check_count("AUC", "num_thresholds", num_thresholds, 2, _MOST)
            inner = _evenly(num_thresholds)[1:-1]
        if str(curve).upper() not in ("ROC", "PR", "PRGAIN"):
            raise unknown("curve", curve, ("ROC", "PR", "PRGAIN"))
        if str(summation_method).lower() not in ("interpolation", "minoring", "majoring"):
            raise unknown("summation_method", summation_method, ("interpolation", "minoring", "majoring"))
        if num_labels and not multi_label:
            raise ValueError(f"AUC: num_labels={num_labels} goes with multi_label=True alone")
        if num_labels is not None:
            check_count("AUC", "num_labels", num_labels, 0, _MOST)
        super().__init__([-epsilon(), *inner, 1 + epsilon()], None, None, name, dtype)
        self._grid = thresholds is None
        self.num_thresholds = len(self.thresholds)
        self.curve = curve.upper()
        self.summation_method = summation_method.lower()
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else np.asarray(label_weights, np.float64)
        self.from_logits = from_logits
        if num_labels:
            self._set_labels(num_labels)

    def _set_labels(self, labels: int) -> None:
        if self.label_weights is not None and self.label_weights.shape != (labels,):
            raise ValueError(f"{self.name}: label_weights is {self.label_weights.shape}, there are {labels} labels")
        self._labels = (labels,)
        self.reset_state()

    def gather(self, y_true: Array, y_pred: Array, sample_weight: Any) -> None:
        y_true, y_pred = pair(self.name, y_true, y_pred)
        weight = None if sample_weight is None else weights_of(self.name, sample_weight, y_pred.shape)
        if self.from_logits:
            with np.errstate(over="ignore"):
                y_pred = 1 / (1 + np.exp(-(y_pred if y_pred.dtype.kind == "f" else y_pred.astype(np.float32))))
        y_pred = inside(y_pred)
        if self.multi_label:
            if not self._labels and y_pred.ndim == 2:
                self._set_labels(y_pred.shape[1])
            if y_pred.shape[1:] != self._labels:
                wanted = self._labels[0] if self._labels else "labels"
                raise ValueError(f"{self.name}: with multi_label y_pred is (batch, {wanted}), got {y_pred.shape}")
        elif self.label_weights is not None:
            if y_pred.shape[-1:] != self.label_weights.shape:
                raise ValueError(f"{self.name}: label_weights is {self.label_weights.shape}, y_pred {y_pred.shape}")
            weight = self.label_weights if weight is None else weight * self.label_weights
        self._count(y_true, y_pred, weight)

    def result(self) -> float:
        tp, fp, tn, fn = self.true_positives, self.false_positives, self.true_negatives, self.false_negatives
        if not self._counts.size:
            return 0.0
        if self.curve == "PR" and self.summation_method == "interpolation":
            terms = _interpolated(tp, fp, fn)
        else:
            x, y = _points(self.curve, tp, fp, tn, fn)
            terms = (x[:-1] - x[1:]) * _HEIGHTS[self.summation_method](y[:-1], y[1:])
        areas = terms.sum(0)
        if not self.multi_label:
            return float(areas)
        if self.label_weights is None or not self._labels:
            return float(areas.mean())
        return float(divide((areas * self.label_weights).sum(), self.label_weights.sum()))


def _points(curve: str, tp: Array, fp: Array, tn: Array, fn: Array) -> tuple[Array, Array]:
    """Coordinates of a curve at all thresholds."""
    if curve == "ROC":
        return divide(fp, fp + tn), divide(tp, tp + fn)
    if curve == "PR":
        return divide(tp, tp + fn), divide(tp, tp + fp)
    odds = divide(tp + fn, tn + fp)
    recall_gain = np.where(tp == 0, 0.0, 1 - odds * divide(fn, tp))
    precision_gain = np.where(tp == 0, 1.0, 1 - odds * divide(fp, tp))
    return np.maximum(recall_gain, 0), precision_gain


def _interpolated(tp: Array, fp: Array, fn: Array) -> Array:
    """Areas under the precision-recall curve between thresholds: true positives are linear in all positives there."""
    dtp, p = tp[:-1] - tp[1:], tp + fp
    slope = divide(dtp, p[:-1] - p[1:])
    intercept = tp[1:] - slope * p[1:]
    ratio = np.maximum(divide(p[:-1], p[1:]), 1.0)  # p falls; its quotient by zero is zero
    areas: Array = divide(slope * (dtp + intercept * np.log(ratio)), tp[1:] + fn[1:])
    return areas


__all__ = ["AUC", "PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity"]
