"""Counts of right and wrong yes/no answers, precision and recall."""

from __future__ import annotations

from typing import Any

from .thresholds import ALL, ThresholdCounts, thresholds_of


class _Count(ThresholdCounts, listed=False):
    """One of the four counts, ``class FalsePositives(_Count, of="false_positives")``."""

    _of: str

    def __init_subclass__(cls, of: str = "", **kwargs: Any) -> None:
        cls._of = of or cls._of
        super().__init_subclass__(**kwargs)

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds_of(type(self).__name__, thresholds, 0.5), None, None, name, dtype)

    def result(self) -> Any:
        return self._each(getattr(self, self._of))


class TruePositives(_Count, of="true_positives", direction="up"):
    """Weight of predictions above a threshold where y_true is 1.

    Example:
        >>> m = metrics.TruePositives()
        >>> m.update_state([0, 1, 1], [0.9, 0.2, 0.8])
        >>> float(m.result())
        1.0
    """


class FalsePositives(_Count, of="false_positives", direction="down"):
    """Weight of predictions above a threshold where y_true is 0.

    Example:
        >>> m = metrics.FalsePositives()
        >>> m.update_state([0, 1, 1], [0.9, 0.2, 0.8])
        >>> float(m.result())
        1.0
    """


class TrueNegatives(_Count, of="true_negatives", direction="up"):
    """Weight of predictions not above a threshold where y_true is 0.

    Example:
        >>> m = metrics.TrueNegatives()
        >>> m.update_state([0, 0, 1], [0.9, 0.2, 0.8])
        >>> float(m.result())
        1.0
    """


class FalseNegatives(_Count, of="false_negatives", direction="down"):
    """Weight of predictions not above a threshold where y_true is 1.

    Example:
        >>> m = metrics.FalseNegatives()
        >>> m.update_state([0, 1, 1], [0.9, 0.2, 0.8])
        >>> float(m.result())
        1.0
    """


class _Rate(ThresholdCounts, listed=False):
    """What precision and recall share."""

    _of: str

    def __init_subclass__(cls, of: str = "", **kwargs: Any) -> None:
        cls._of = of or cls._of
        super().__init_subclass__(**kwargs)

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        default = 0.5 if top_k is None else ALL
        super().__init__(thresholds_of(type(self).__name__, thresholds, default), class_id, top_k, name, dtype)

    def result(self) -> Any:
        return self._each(self._rate(self._of))


class Precision(_Rate, of="precision", direction="up"):
    """How many of the predictions above a threshold are right: TP / (TP + FP); 0 where there are none.

    Example:
        >>> m = metrics.Precision()
        >>> m.update_state([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.7])
        >>> round(float(m.result()), 3)
        0.667
    """


class Recall(_Rate, of="recall", direction="up"):
    """How many of the targets 1 are predicted above a threshold: TP / (TP + FN); 0 where there are none.

    Example:
        >>> m = metrics.Recall()
        >>> m.update_state([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.7])
        >>> round(float(m.result()), 3)
        0.667
    """


__all__ = ["FalseNegatives", "FalsePositives", "Precision", "Recall", "TrueNegatives", "TruePositives"]
