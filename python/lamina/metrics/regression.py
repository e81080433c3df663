"""Metrics of numbers: how far predictions are from targets."""

from __future__ import annotations

from typing import Any

import numpy as np

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


__all__ = [
    "MeanAbsoluteError", "MeanSquaredError", "RootMeanSquaredError", "mean_absolute_error", "mean_squared_error",
]  # fmt: skip
