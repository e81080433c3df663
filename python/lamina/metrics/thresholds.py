"""What precision, recall and the curves count: predictions above thresholds, of yes and of no answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .base import Array, BuiltIn, weights_of
from .targets import divide, pair

ALL = -1e10  # Keras's threshold of the k best, below any score


def thresholds_of(name: str, given: Any, default: float) -> list[float]:
    """Thresholds as a list; ValueError for one outside of [0, 1]."""
    if given is None:
        return [default]
    chosen = list(given) if isinstance(given, (list, tuple, np.ndarray)) else [given]
    wrong = [t for t in chosen if t is None or not 0 <= t <= 1]
    if wrong or not chosen:
        raise ValueError(f"{name}: thresholds must be in [0, 1], got {wrong or given!r}")
    return [float(t) for t in chosen]


class ThresholdCounts(BuiltIn, listed=False):
    """Base of metrics of yes/no answers by thresholds.

    The state is small whatever the number of thresholds: ``_counts`` (labels..., 2, T + 1) has for each label, for no
    and yes, the weight of predictions that exceed just 0, 1 ... T thresholds.
    """

    _grid = (
        False  # whether thresholds are i / (T - 1), perhaps but for the first and the last, and predictions in [0, 1]
    )

    _sums = ("_counts",)

    def __init__(
        self, thresholds: Sequence[float], class_id: int | None, top_k: int | None, name: str | None, dtype: Any
    ) -> None:
        super().__init__(dtype, name)
        if top_k is not None and top_k < 1:
            raise ValueError(f"{type(self).__name__}: top_k must be at least 1, got {top_k}")
        self.thresholds = list(thresholds)
        self.class_id = class_id
        self.top_k = top_k
        order = np.argsort(self.thresholds, kind="stable")
        self._sorted = np.asarray(self.thresholds, np.float64)[order]
        self._places = np.argsort(order)
        self._labels: tuple[int, ...] = ()
        self.reset_state()

    def reset_state(self) -> None:
        self._counts = np.zeros((*self._labels, 2, len(self.thresholds) + 1))

    def gather(self, y_true: Array, y_pred: Array, sample_weight: Any) -> None:
        y_true, y_pred = pair(self.name, y_true, y_pred)
        weight = None if sample_weight is None else weights_of(self.name, sample_weight, y_pred.shape)
        if self.top_k is not None:
            y_pred = _best(self.name, y_pred, self.top_k)
        if self.class_id is not None:
            c = self.class_id
            if y_pred.ndim < 2 or not -y_pred.shape[-1] <= c < y_pred.shape[-1]:
                raise ValueError(f"{self.name}: class_id={c} needs predictions of that class, y_pred is {y_pred.shape}")
            if weight is not None and weight.shape[-1] > 1:
                weight = weight[..., c]
            elif weight is not None:
                weight = weight[..., 0]
            y_true, y_pred = y_true[..., c], y_pred[..., c]
        self._count(y_true, y_pred, weight)

    def _count(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        """Add predictions; with labels they stand on the last axis."""
        y_pred = _floats(np.atleast_1d(y_pred))
        bins = len(self.thresholds) + 1
        limits = self._sorted.astype(y_pred.dtype)
        if len(limits) == 1:
            exceeded = (y_pred > limits[0]).astype(np.intp)
        elif self._grid:
            exceeded = np.ceil(y_pred * (len(limits) - 1)).astype(np.intp)
            exceeded += y_pred > limits[exceeded]  # where the product was rounded, and beyond the first
            exceeded -= (exceeded > 0) & (y_pred <= limits[exceeded - 1])
        else:
            exceeded = np.searchsorted(limits, y_pred)
            if (exceeded == len(limits)).any():  # where NaN stands, too, which exceeds nothing
                exceeded[np.isnan(y_pred)] = 0
        exceeded += y_true.astype(bool) * bins
        if self._labels:
            exceeded += np.arange(self._labels[0]) * (2 * bins)
        factors = None if weight is None else np.broadcast_to(weight, exceeded.shape).ravel()
        counts = np.bincount(exceeded.ravel(), factors, self._counts.size)
        self._counts += counts.reshape(self._counts.shape)

    def _above(self, answer: int) -> Array:
        """Weight of predictions of that answer above each threshold, (T, labels...)."""
        sums = self._counts[..., answer, ::-1].cumsum(-1)[..., ::-1]
        return np.moveaxis(sums[..., 1:][..., self._places], -1, 0)

    def _below(self, answer: int) -> Array:
        sums = self._counts[..., answer, :].cumsum(-1)
        return np.moveaxis(sums[..., :-1][..., self._places], -1, 0)

    @property
    def true_positives(self) -> Array:
        """Weight of yes answers predicted above each threshold."""
        return self._above(1)

    @property
    def false_positives(self) -> Array:
        """Weight of no answers predicted above each threshold."""
        return self._above(0)

    @property
    def true_negatives(self) -> Array:
        """Weight of no answers not predicted above each threshold."""
        return self._below(0)

    @property
    def false_negatives(self) -> Array:
        """Weight of yes answers not predicted above each threshold."""
        return self._below(1)

    def _rate(self, name: str) -> Array:
        """Precision, recall (sensitivity) or specificity at each threshold; 0 where it would be 0 / 0."""
        right = self.true_negatives if name == "specificity" else self.true_positives
        wrong = self.false_negatives if name in ("sensitivity", "recall") else self.false_positives
        rate: Array = divide(right, right + wrong)
        return rate

    def _each(self, values: Array) -> Any:
        """One number for one threshold, else an array."""
        return float(values[0]) if len(self.thresholds) == 1 else values


def _floats(y_pred: Array) -> Array:
    """Predictions in float32 or wider."""
    return y_pred if issubclass(y_pred.dtype.type, (np.float32, np.float64)) else y_pred.astype(np.float32)


def _best(name: str, y_pred: Array, k: int) -> Array:
    """y_pred where it is among the k best of the last axis, ``ALL`` elsewhere; of equals the first count."""
    if not y_pred.ndim or k > y_pred.shape[-1]:
        raise ValueError(f"{name}: top_k={k}, but y_pred is {y_pred.shape}")
    y_pred = _floats(y_pred)
    best = np.argsort(-y_pred, axis=-1, kind="stable")[..., :k]
    kept = np.full(y_pred.shape, ALL, y_pred.dtype)
    np.put_along_axis(kept, best, np.take_along_axis(y_pred, best, -1), -1)
    return kept


def inside(y_pred: Array) -> Array:
    """Predictions cut off at 0 and 1; NaN becomes 0."""
    return np.fmin(np.fmax(y_pred, 0), 1)
