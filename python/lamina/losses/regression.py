"""Losses of numbers: how far predictions are from targets."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.autograd import Tensor
from ..core.explain import named
from .function_loss import DeclaredLoss
from .targets import EPSILON, match


@named("mean_squared_error")
def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """``mean((y_pred - y_true)^2)`` over the last axis."""
    y_true, y_pred = match("mean_squared_error", y_true, y_pred)
    return ops.mean_squared_error(y_true, y_pred)


class MeanSquaredError(DeclaredLoss, function=mean_squared_error, also=("mse",), leaves_out=True):
    """Mean of the squared differences: ``mean((y_pred - y_true)^2)``."""


@named("mean_absolute_error")
def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """``mean(|y_pred - y_true|)`` over the last axis."""
    y_true, y_pred = match("mean_absolute_error", y_true, y_pred)
    return ops.mean_absolute_error(y_true, y_pred)


class MeanAbsoluteError(DeclaredLoss, function=mean_absolute_error, also=("mae",), leaves_out=True):
    """Mean of the absolute differences: ``mean(|y_pred - y_true|)``."""


@named("mean_absolute_percentage_error")
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """``100 mean(|y_true - y_pred| / max(|y_true|, 1e-7))`` over the last axis."""
    y_true, y_pred = match("mean_absolute_percentage_error", y_true, y_pred)
    difference = ops.abs(ops.divide(ops.subtract(y_true, y_pred), ops.maximum(ops.abs(y_true), EPSILON)))
    return ops.multiply(ops.mean(difference, axis=-1), 100.0)


class MeanAbsolutePercentageError(DeclaredLoss, function=mean_absolute_percentage_error, also=("mape",)):
    """Mean of the absolute differences in percent: ``100 mean(|y_true - y_pred| / |y_true|)``."""


@named("mean_squared_logarithmic_error")
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """``mean((log(1 + y_true) - log(1 + y_pred))^2)`` over the last axis; values below 1e-7 count as 1e-7."""
    y_true, y_pred = match("mean_squared_logarithmic_error", y_true, y_pred)
    first, second = (ops.log(ops.add(ops.maximum(y, EPSILON), 1.0)) for y in (y_pred, y_true))
    return ops.mean(ops.square(ops.subtract(first, second)), axis=-1)


class MeanSquaredLogarithmicError(DeclaredLoss, function=mean_squared_logarithmic_error, also=("msle",)):
    """Mean of the squared differences of logarithms: ``mean((log(1 + y_true) - log(1 + y_pred))^2)``."""


@named("huber")
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """``e^2 / 2`` where ``e = |y_pred - y_true| <= delta``, else ``delta e - delta^2 / 2``; mean over the last axis.

    Source: Keras 3, keras.losses.huber; Huber 1964, "Robust Estimation of a Location Parameter".
    """
    y_true, y_pred = match("huber", y_true, y_pred)
    return ops.huber(y_true, y_pred, delta)


class Huber(DeclaredLoss, function=huber, default_name="huber_loss", leaves_out=True):
    """Loss that is quadratic within ``delta`` and linear beyond, so that outliers weigh less.

    Source: Keras 3, keras.losses.Huber; Huber 1964, "Robust Estimation of a Location Parameter".
    """


@named("log_cosh")
def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """``mean(log(cosh(y_pred - y_true)))`` over the last axis."""
    y_true, y_pred = match("log_cosh", y_true, y_pred)
    return ops.log_cosh(y_true, y_pred)


class LogCosh(DeclaredLoss, function=log_cosh, also=("logcosh",), leaves_out=True):
    """Mean of ``log(cosh(y_pred - y_true))``: quadratic for small differences, linear for large ones."""


@named("cosine_similarity")
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Minus the cosine of the angle between y_true and y_pred: -1 where they point the same way.

    Args:
        axis: the axis along which both are vectors.
    """
    y_true, y_pred = match("cosine_similarity", y_true, y_pred)
    unit_true, unit_pred = (ops.normalize(y, axis=axis) for y in (y_true, y_pred))
    return ops.negative(ops.sum(ops.multiply(unit_true, unit_pred), axis=axis))


class CosineSimilarity(DeclaredLoss, function=cosine_similarity):
    """Minus the cosine of the angle between y_true and y_pred: -1 where they point the same way.

    Args:
        axis: the axis along which both are vectors.
    """


__all__ = [
    "CosineSimilarity", "Huber", "LogCosh", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError",
    "MeanSquaredLogarithmicError", "cosine_similarity", "huber", "log_cosh", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error",
]  # fmt: skip
