"""Losses of numbers: how far predictions are from targets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..config import epsilon
from ..core.autograd import Tensor
from ..core.explain import named
from ..ops.conversion import as_tensor
from .function_loss import DeclaredLoss
from .targets import match


@named("mean_squared_error")
def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """``mean((y_pred - y_true)^2)`` over the last axis.

    Example:
        >>> losses.mean_squared_error([[0.0, 0.0]], [[1.0, 2.0]])
        Tensor([2.5], shape=(1,), dtype=float32)
    """
    y_true, y_pred = match("mean_squared_error", y_true, y_pred)
    return ops.mean_squared_error(y_true, y_pred)


class MeanSquaredError(DeclaredLoss, function=mean_squared_error, also=("mse",), leaves_out=True):
    """Mean of the squared differences: ``mean((y_pred - y_true)^2)``.

    Example:
        >>> losses.MeanSquaredError()([[0.0, 0.0]], [[1.0, 2.0]])
        Tensor(2.5, shape=(), dtype=float32)
        >>> losses.MeanSquaredError(reduction="sum")([[0.0], [0.0]], [[1.0], [2.0]])
        Tensor(5., shape=(), dtype=float32)
    """


@named("mean_absolute_error")
def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """``mean(|y_pred - y_true|)`` over the last axis.

    Example:
        >>> losses.mean_absolute_error([[0.0, 0.0]], [[1.0, 2.0]])
        Tensor([1.5], shape=(1,), dtype=float32)
    """
    y_true, y_pred = match("mean_absolute_error", y_true, y_pred)
    return ops.mean_absolute_error(y_true, y_pred)


class MeanAbsoluteError(DeclaredLoss, function=mean_absolute_error, also=("mae",), leaves_out=True):
    """Mean of the absolute differences: ``mean(|y_pred - y_true|)``.

    Example:
        >>> losses.MeanAbsoluteError()([[0.0, 0.0]], [[1.0, 2.0]])
        Tensor(1.5, shape=(), dtype=float32)
    """


@named("mean_absolute_percentage_error")
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """``100 mean(|y_true - y_pred| / max(|y_true|, 1e-7))`` over the last axis.

    Example:
        >>> losses.mean_absolute_percentage_error([[1.0, 2.0]], [[1.1, 1.8]])
        Tensor([10.], shape=(1,), dtype=float32)
    """
    y_true, y_pred = match("mean_absolute_percentage_error", y_true, y_pred)
    difference = ops.abs(ops.divide(ops.subtract(y_true, y_pred), ops.maximum(ops.abs(y_true), epsilon())))
    return ops.multiply(ops.mean(difference, axis=-1), 100.0)


class MeanAbsolutePercentageError(DeclaredLoss, function=mean_absolute_percentage_error, also=("mape",)):
    """Mean of the absolute differences in percent: ``100 mean(|y_true - y_pred| / |y_true|)``.

    Example:
        >>> losses.MeanAbsolutePercentageError()([[1.0, 2.0]], [[1.1, 1.8]])
        Tensor(10., shape=(), dtype=float32)
    """


@named("mean_squared_logarithmic_error")
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """``mean((log(1 + y_true) - log(1 + y_pred))^2)`` over the last axis; values below 1e-7 count as 1e-7.

    Example:
        >>> losses.mean_squared_logarithmic_error([[0.0, 0.0]], [[1.0, 2.0]])
        Tensor([0.8437], shape=(1,), dtype=float32)
    """
    y_true, y_pred = match("mean_squared_logarithmic_error", y_true, y_pred)
    first, second = (ops.log(ops.add(ops.maximum(y, epsilon()), 1.0)) for y in (y_pred, y_true))
    return ops.mean(ops.square(ops.subtract(first, second)), axis=-1)


class MeanSquaredLogarithmicError(DeclaredLoss, function=mean_squared_logarithmic_error, also=("msle",)):
    """Mean of the squared differences of logarithms: ``mean((log(1 + y_true) - log(1 + y_pred))^2)``.

    Example:
        >>> losses.MeanSquaredLogarithmicError()([[0.0, 0.0]], [[1.0, 2.0]])
        Tensor(0.8437, shape=(), dtype=float32)
    """


@named("huber")
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """``e^2 / 2`` where ``e = |y_pred - y_true| <= delta``, else ``delta e - delta^2 / 2``; mean over the last axis.

    Source: Keras 3, keras.losses.huber; Huber 1964, "Robust Estimation of a Location Parameter".

    Example:
        >>> losses.huber([[0.0, 0.0]], [[0.5, 3.0]])
        Tensor([1.3125], shape=(1,), dtype=float32)
    """
    y_true, y_pred = match("huber", y_true, y_pred)
    return ops.huber(y_true, y_pred, delta)


class Huber(DeclaredLoss, function=huber, default_name="huber_loss", leaves_out=True):
    """Loss that is quadratic within ``delta`` and linear beyond, so that outliers weigh less.

    Source: Keras 3, keras.losses.Huber; Huber 1964, "Robust Estimation of a Location Parameter".

    Example:
        >>> losses.Huber()([[0.0, 0.0]], [[0.5, 3.0]])
        Tensor(1.3125, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            delta: float = 1.0,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "huber_loss",
            dtype: Any = None,
        ) -> None: ...


@named("log_cosh")
def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """``mean(log(cosh(y_pred - y_true)))`` over the last axis.

    Example:
        >>> losses.log_cosh([[0.0, 0.0]], [[1.0, 2.0]])
        Tensor([0.8794], shape=(1,), dtype=float32)
    """
    y_true, y_pred = match("log_cosh", y_true, y_pred)
    return ops.log_cosh(y_true, y_pred)


class LogCosh(DeclaredLoss, function=log_cosh, also=("logcosh",), leaves_out=True):
    """Mean of ``log(cosh(y_pred - y_true))``: quadratic for small differences, linear for large ones.

    Example:
        >>> losses.LogCosh()([[0.0, 0.0]], [[1.0, 2.0]])
        Tensor(0.8794, shape=(), dtype=float32)
    """


@named("cosine_similarity")
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Minus the cosine of the angle between y_true and y_pred: -1 where they point the same way.

    Args:
        axis: the axis along which both are vectors.

    Example:
        >>> losses.cosine_similarity([[1.0, 0.0]], [[3.0, 4.0]])
        Tensor([-0.6], shape=(1,), dtype=float32)
    """
    y_true, y_pred = match("cosine_similarity", y_true, y_pred)
    unit_true, unit_pred = (ops.normalize(y, axis=axis) for y in (y_true, y_pred))
    return ops.negative(ops.sum(ops.multiply(unit_true, unit_pred), axis=axis))


class CosineSimilarity(DeclaredLoss, function=cosine_similarity):
    """Minus the cosine of the angle between y_true and y_pred: -1 where they point the same way.

    Args:
        axis: the axis along which both are vectors.

    Example:
        >>> losses.CosineSimilarity()([[1.0, 0.0]], [[3.0, 4.0]])
        Tensor(-0.6, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            axis: int = -1,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "cosine_similarity",
            dtype: Any = None,
        ) -> None: ...


def _check_quantile(quantile: Any) -> None:
    values = np.asarray(quantile, np.float64)
    if values.ndim > 1 or not ((values > 0) & (values < 1)).all() or not values.size:
        raise ValueError(f"quantile: expected a number between 0 and 1, or a list of such, got {quantile!r}")


@named("quantile")
def quantile(y_true: Any, y_pred: Any, quantile: float | Sequence[float] = 0.5) -> Tensor:
    """``max(q e, (q - 1) e)`` where ``e = y_true - y_pred``, which the q-quantile makes least; mean over the last axis.

    Args:
        y_true: targets, of the predictions' shape; with several quantiles (...) or (..., 1).
        quantile: q, between 0 and 1, or a list of them, one for each of y_pred's last axis.

    Raises:
        ValueError: the shapes do not fit, or a quantile is out of its range.

    Source: Koenker and Bassett 1978, "Regression Quantiles"; also called the pinball loss.

    Example:
        >>> losses.quantile([[1.0, 1.0]], [[0.0, 2.0]], quantile=0.9)
        Tensor([0.5], shape=(1,), dtype=float32)
    """
    _check_quantile(quantile)
    y_pred = as_tensor(y_pred)
    if not isinstance(quantile, (float, int)):
        q = as_tensor(np.asarray(quantile), y_pred.dtype)
        y_true = as_tensor(y_true)
        if y_pred.shape[-1:] != q.shape or y_true.shape not in (y_pred.shape[:-1], (*y_pred.shape[:-1], 1)):
            raise ValueError(
                f"quantile: y_true is {y_true.shape}, y_pred {y_pred.shape}, expected (...) and (..., {len(q)}), one "
                "prediction for each quantile"
            )
        y_true = ops.broadcast_to(ops.reshape(y_true, (*y_pred.shape[:-1], 1)), y_pred.shape)
    else:
        q = as_tensor(quantile, y_pred.dtype)
    y_true, y_pred = match("quantile", y_true, y_pred)
    e = ops.subtract(y_true, y_pred)
    return ops.mean(ops.maximum(ops.multiply(e, q), ops.multiply(e, ops.subtract(q, 1.0))), axis=-1)


class Quantile(DeclaredLoss, function=quantile, also=("pinball",)):
    """Loss of quantiles (pinball loss): a target above the prediction weighs q, one below 1 - q.

    Args:
        quantile: q, between 0 and 1, or a list of them, one for each of y_pred's last axis.

    Raises:
        ValueError: ``quantile`` or ``reduction`` is out of its range; at a call: targets and predictions do not fit.

    Source: Koenker and Bassett 1978, "Regression Quantiles".

    Example:
        >>> losses.Quantile(0.9)([[1.0, 1.0]], [[0.0, 2.0]])
        Tensor(0.5, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            quantile: float | Sequence[float] = 0.5,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "quantile",
            dtype: Any = None,
        ) -> None: ...

    def check_options(self) -> None:
        _check_quantile(self.options["quantile"])


@named("gaussian_nll")
def gaussian_nll(y_true: Any, y_pred: Any, full: bool = False, eps: float = 1e-6) -> Tensor:
    """``(log v + (t - m)^2 / v) / 2`` of Gaussians of means m and variances v; mean over the last axis.

    Args:
        y_true: targets t, (..., d).
        y_pred: means and behind them variances, (..., 2 d); variances are not negative, as ``softplus`` makes them.
        full: whether ``log(2 pi) / 2`` is added.
        eps: smaller variances count as this; their gradient is that of it.

    Raises:
        ValueError: the shapes do not fit, or eps is not positive.

    Source: PyTorch, torch.nn.functional.gaussian_nll_loss, which takes both apart; Nix and Weigend 1994, "Estimating
        the Mean and Variance of the Target Probability Distribution".

    Example:
        >>> losses.gaussian_nll([[1.0]], np.float32([[0.0, 1.0]]))
        Tensor([0.5], shape=(1,), dtype=float32)
    """
    if not eps > 0:
        raise ValueError(f"gaussian_nll: eps must be positive, got {eps}")
    y_pred, t = as_tensor(y_pred), as_tensor(y_true)
    d = y_pred.shape[-1] // 2 if y_pred.ndim else 0
    if not d or y_pred.shape[-1] != 2 * d:
        raise ValueError(
            f"gaussian_nll: y_pred is {y_pred.shape}, expected means and variances on the last axis, (..., 2 d)"
        )
    t, mean = match("gaussian_nll", t, y_pred[..., :d])
    variance = y_pred[..., d:]
    if variance.dtype != mean.dtype:
        variance = ops.cast(variance, mean.dtype)
    variance = ops.add(variance, ops.stop_gradient(ops.subtract(ops.maximum(variance, eps), variance)))
    losses = ops.add(ops.log(variance), ops.divide(ops.square(ops.subtract(t, mean)), variance))
    losses = ops.multiply(ops.mean(losses, axis=-1), 0.5)
    return ops.add(losses, 0.5 * math.log(2 * math.pi)) if full else losses


class GaussianNLL(DeclaredLoss, function=gaussian_nll):
    """Minus the log-likelihood of Gaussians, whose means and variances y_pred (..., 2 d) holds.

    Args:
        full: whether ``log(2 pi) / 2`` is added.
        eps: smaller variances count as this.

    Source: PyTorch, torch.nn.GaussianNLLLoss.

    Example:
        >>> mean_and_variance = np.float32([[0.0, 1.0]])
        >>> losses.GaussianNLL()([[1.0]], mean_and_variance)
        Tensor(0.5, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            full: bool = False,
            eps: float = 1e-06,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "gaussian_nll",
            dtype: Any = None,
        ) -> None: ...


__all__ = [
    "CosineSimilarity", "GaussianNLL", "Huber", "LogCosh", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanSquaredError", "MeanSquaredLogarithmicError", "Quantile", "cosine_similarity", "gaussian_nll", "huber",
    "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error",
    "mean_squared_logarithmic_error", "quantile",
]  # fmt: skip
