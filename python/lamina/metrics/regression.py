"""Metrics of numbers: how far predictions are from targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import losses
from ..core.autograd import no_grad
from ..core.explain import named
from ..core.suggest import unknown
from ..core.warn import warn
from .base import Array, BuiltIn, weights_of
from .function_metric import DeclaredMetric, without_tape
from .targets import divide, pair, rows


@named("mean_squared_error")
def mean_squared_error(y_true: Any, y_pred: Any) -> Array:
    """``mean((y_pred - y_true)^2)`` over the last axis.

    Example:
        >>> metrics.mean_squared_error([[0.0, 0.0]], [[1.0, 2.0]])
        array([2.5])
    """
    return np.mean(_squared_error(y_true, y_pred), axis=-1)


def _squared_error(y_true: Any, y_pred: Any) -> Array:
    y_true, y_pred = pair("mean_squared_error", y_true, y_pred)
    return np.square(y_pred - y_true)


class MeanSquaredError(DeclaredMetric, function=mean_squared_error, direction="down", also=("mse",)):
    """Mean of the squared differences.

    Example:
        >>> m = metrics.MeanSquaredError()
        >>> m.update_state([[0.0, 0.0]], [[1.0, 2.0]])
        >>> float(m.result())
        2.5
    """


@named("mean_absolute_error")
def mean_absolute_error(y_true: Any, y_pred: Any) -> Array:
    """``mean(|y_pred - y_true|)`` over the last axis.

    Example:
        >>> metrics.mean_absolute_error([[0.0, 0.0]], [[1.0, 2.0]])
        array([1.5])
    """
    y_true, y_pred = pair("mean_absolute_error", y_true, y_pred)
    return np.mean(np.abs(y_pred - y_true), axis=-1)


class MeanAbsoluteError(DeclaredMetric, function=mean_absolute_error, direction="down", also=("mae",)):
    """Mean of the absolute differences.

    Example:
        >>> m = metrics.MeanAbsoluteError()
        >>> m.update_state([[0.0, 0.0]], [[1.0, 2.0]])
        >>> float(m.result())
        1.5
    """


mean_absolute_percentage_error = without_tape(losses.mean_absolute_percentage_error, __name__)


class MeanAbsolutePercentageError(
    DeclaredMetric, function=mean_absolute_percentage_error, direction="down", also=("mape",)
):
    """Mean of the absolute differences in percent of the targets: ``100 mean(|y_true - y_pred| / |y_true|)``.

    Example:
        >>> m = metrics.MeanAbsolutePercentageError()
        >>> m.update_state([[1.0, 2.0]], [[1.1, 1.8]])
        >>> round(float(m.result()), 2)
        10.0
    """


mean_squared_logarithmic_error = without_tape(losses.mean_squared_logarithmic_error, __name__)


class MeanSquaredLogarithmicError(
    DeclaredMetric, function=mean_squared_logarithmic_error, direction="down", also=("msle",)
):
    """Mean of the squared differences of logarithms: ``mean((log(1 + y_true) - log(1 + y_pred))^2)``.

    Example:
        >>> m = metrics.MeanSquaredLogarithmicError()
        >>> m.update_state([[0.0, 0.0]], [[1.0, 2.0]])
        >>> round(float(m.result()), 3)
        0.844
    """


log_cosh = without_tape(losses.log_cosh, __name__)


class LogCoshError(DeclaredMetric, function=log_cosh, direction="down", default_name="logcosh", also=("log_cosh",)):
    """Mean of ``log(cosh(y_pred - y_true))``.

    Example:
        >>> m = metrics.LogCoshError()
        >>> m.update_state([[0.0, 0.0]], [[1.0, 2.0]])
        >>> round(float(m.result()), 3)
        0.879
    """


huber = without_tape(losses.huber, __name__)


class RootMeanSquaredError(
    DeclaredMetric,
    function=mean_squared_error,
    direction="down",
    default_name="root_mean_squared_error",
    also=("rmse",),
    elementwise=_squared_error,
):
    """Square root of the mean of the squared differences over all samples.

    Example:
        >>> m = metrics.RootMeanSquaredError()
        >>> m.update_state([[0.0, 0.0]], [[3.0, 3.0]])
        >>> float(m.result())
        3.0
    """

    def result(self) -> float:
        return float(np.sqrt(super().result()))


@named("cosine_similarity")
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Array:
    """The cosine of the angle between y_true and y_pred along ``axis``: the loss of that name without its minus."""
    with no_grad():
        return -np.asarray(losses.cosine_similarity(y_true, y_pred, axis))


class CosineSimilarity(DeclaredMetric, function=cosine_similarity, direction="up"):
    """Mean cosine of the angle between y_true and y_pred: 1 where they point the same way; the loss is minus that.

    Args:
        axis: the axis along which both are vectors.

    Example:
        >>> m = metrics.CosineSimilarity()
        >>> m.update_state([[1.0, 0.0]], [[3.0, 4.0]])
        >>> round(float(m.result()), 3)
        0.6
    """

    if TYPE_CHECKING:

        def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None: ...


class R2Score(BuiltIn, direction="up"):
    """Coefficient of determination: 1 minus the sum of squared errors by that of the differences from the mean.

    An output whose targets are all equal scores 1 where predictions are exact, else 0.  With ``num_regressors`` the
    score is ``1 - (1 - R^2) (n - 1) / (n - num_regressors - 1)``, n the number of target values.

    Args:
        class_aggregation: what becomes of the scores of several outputs: "uniform_average", their mean;
            "variance_weighted_average", weighted by the variances of the targets; None, one score for each.
        num_regressors: how many inputs the predictions were made from, for the adjusted score; 0 for the plain one.

    Raises:
        ValueError: ``class_aggregation`` is unknown, or ``num_regressors`` negative.

    Example:
        >>> m = metrics.R2Score()
        >>> m.update_state([[1.0], [2.0], [3.0]], [[1.0], [2.0], [2.0]])
        >>> float(m.result())
        0.5
    """

    _sums = ("num_samples", "count", "mean", "total", "residual")

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise unknown("class_aggregation", class_aggregation, ("uniform_average", "variance_weighted_average"))
        if num_regressors < 0:
            raise ValueError(f"R2Score: num_regressors must not be negative, got {num_regressors}")
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.reset_state()

    def reset_state(self) -> None:
        self.num_samples = 0
        # Sums of weights, means and sums of squared differences from them and from y_pred, of each output.
        self.count: Any = 0.0
        self.mean: Any = self.count
        self.total: Any = self.count
        self.residual: Any = self.count

    def gather(self, y_true: Array, y_pred: Array, sample_weight: Any) -> None:
        y, p = (np.asarray(a, np.float64) for a in rows("R2Score", y_true, y_pred))
        if np.ndim(self.count) and len(self.count) != y.shape[1]:
            raise ValueError(f"{self.name}: this batch has {y.shape[1]} outputs, those before had {len(self.count)}")
        weight = np.ones((1, 1)) if sample_weight is None else weights_of(self.name, sample_weight, y.shape)
        weight = np.broadcast_to(weight, y.shape)
        if sample_weight is not None:
            y, p = (np.where(weight == 0, 0.0, a) for a in (y, p))  # 0.0 is free: of infinities it makes numbers
        count = weight.sum(0)
        mean = divide((weight * y).sum(0), count)
        both = self.count + count
        apart = mean - self.mean
        share = divide(count, both)
        self.total = self.total + (weight * np.square(y - mean)).sum(0) + np.square(apart) * self.count * share
        self.mean = self.mean + apart * share
        self.count = both
        self.residual = self.residual + (weight * np.square(y - p)).sum(0)
        self.num_samples += y.size

    def result(self) -> Any:
        if not np.ndim(self.count):
            return 0.0
        total = self.total
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = np.where(total == 0, (self.residual == 0) * 1.0, 1.0 - self.residual / total)
        score: Any = scores
        if self.class_aggregation == "uniform_average":
            score = float(scores.mean())
        elif self.class_aggregation == "variance_weighted_average":
            score = float((total * scores).sum() / total.sum()) if total.sum() else float(scores.mean())
        if not self.num_regressors:
            return score
        free = self.num_samples - self.num_regressors - 1
        if free <= 0:
            warn(
                f"{self.name}: {self.num_samples} values are too few for {self.num_regressors} regressors; the score "
                "is not adjusted",
            )
            return score
        return 1.0 - (1.0 - score) * (self.num_samples - 1) / free


__all__ = [
    "CosineSimilarity", "LogCoshError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError",
    "MeanSquaredLogarithmicError", "R2Score", "RootMeanSquaredError", "huber", "log_cosh", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error",
]  # fmt: skip
