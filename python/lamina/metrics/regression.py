"""Metrics of numbers: how far predictions are from targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import losses
from ..core.autograd import no_grad
from ..core.explain import named
from .base import Array
from .function_metric import DeclaredMetric
from .targets import pair


@named("mean_squared_error")
def mean_squared_error(y_true: Any, y_pred: Any) -> Array:
    """``mean((y_pred - y_true)^2)`` over the last axis."""
    y_true, y_pred = pair("mean_squared_error", y_true, y_pred)
    return np.mean(np.square(y_pred - y_true), axis=-1)


class MeanSquaredError(DeclaredMetric, function=mean_squared_error, direction="down", also=("mse",)):
    """Mean of the squared differences."""


@named("mean_absolute_error")
def mean_absolute_error(y_true: Any, y_pred: Any) -> Array:
    """``mean(|y_pred - y_true|)`` over the last axis."""
    y_true, y_pred = pair("mean_absolute_error", y_true, y_pred)
    return np.mean(np.abs(y_pred - y_true), axis=-1)


class MeanAbsoluteError(DeclaredMetric, function=mean_absolute_error, direction="down", also=("mae",)):
    """Mean of the absolute differences."""


class RootMeanSquaredError(
    DeclaredMetric,
    function=mean_squared_error,
    direction="down",
    default_name="root_mean_squared_error",
    also=("rmse",),
):
    """Square root of the mean of the squared differences over all samples."""

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
    """


__all__ = [
    "CosineSimilarity", "MeanAbsoluteError", "MeanSquaredError", "RootMeanSquaredError", "mean_absolute_error",
    "mean_squared_error",
]  # fmt: skip
