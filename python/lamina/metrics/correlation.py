"""Correlations of targets and predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.explain import named
from .base import Array
from .function_metric import DeclaredMetric
from .targets import divide, pair


def _deviations(name: str, y_true: Any, y_pred: Any, axis: int) -> tuple[Array, Array, Array]:
    """Both as differences from their means, and the difference of these."""
    both = [np.asarray(y, np.float64) for y in pair(name, y_true, y_pred)]
    with np.errstate(invalid="ignore"):  # an infinity makes NaN
        first, second = (y.mean(axis, keepdims=True) for y in both)
        return both[0] - first, both[1] - second, np.squeeze(first - second, axis)


@named("pearson_correlation")
def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Array:
    """Covariance of y_true and y_pred by the product of their standard deviations; NaN where one of them is 0.

    Args:
        axis: the axis along which they are correlated.

    Example:
        >>> metrics.pearson_correlation([[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.0]])
        array([1.])
    """
    t, p, _ = _deviations("pearson_correlation", y_true, y_pred, axis)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (t * p).sum(axis) / np.sqrt(np.square(t).sum(axis) * np.square(p).sum(axis))


class PearsonCorrelation(DeclaredMetric, function=pearson_correlation, direction="up"):
    """Mean Pearson correlation of y_true and y_pred: 1 where one is a rising line of the other.

    Args:
        axis: the axis along which they are correlated: the last, within samples.

    Example:
        >>> m = metrics.PearsonCorrelation()
        >>> m.update_state([[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.0]])
        >>> round(float(m.result()), 3)
        1.0
    """

    if TYPE_CHECKING:

        def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1) -> None: ...


@named("concordance_correlation")
def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Array:
    """``2 cov(y_true, y_pred) / (var(y_true) + var(y_pred) + (mean(y_true) - mean(y_pred))^2)``; 0 for constants.

    Args:
        axis: the axis along which they are correlated.

    Example:
        >>> metrics.concordance_correlation([[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0]])
        array([1.])
    """
    t, p, apart = _deviations("concordance_correlation", y_true, y_pred, axis)
    spread = np.square(t).mean(axis) + np.square(p).mean(axis) + np.square(apart)
    agreement: Array = divide(2 * (t * p).mean(axis), spread)
    return agreement


class ConcordanceCorrelation(DeclaredMetric, function=concordance_correlation, direction="up"):
    """Mean concordance correlation of y_true and y_pred: 1 where they are equal.

    Args:
        axis: the axis along which they are correlated: the last, within samples.

    Source: Keras 3, keras.metrics.ConcordanceCorrelation; Lin 1989, "A Concordance Correlation Coefficient to Evaluate
        Reproducibility".

    Example:
        >>> m = metrics.ConcordanceCorrelation()
        >>> m.update_state([[1.0, 2.0, 3.0]], [[1.0, 2.0, 4.0]])
        >>> round(float(m.result()), 3)
        0.857
    """

    if TYPE_CHECKING:

        def __init__(self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1) -> None: ...


__all__ = ["ConcordanceCorrelation", "PearsonCorrelation", "concordance_correlation", "pearson_correlation"]
