"""Losses of margins: how far the right class is before the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..core.autograd import Tensor
from ..core.explain import named
from ..ops.conversion import as_tensor
from .function_loss import DeclaredLoss
from .targets import class_indices, match


def _margin(y_true: Tensor, y_pred: Tensor) -> Tensor:
    signs = ops.where(ops.equal(y_true, 0.0), -1.0, y_true)
    return ops.maximum(ops.subtract(1.0, ops.multiply(signs, y_pred)), 0.0)


@named("hinge")
def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """``mean(max(1 - y_true y_pred, 0))`` over the last axis; labels 0 and 1 are read as -1 and 1.

    Example:
        >>> losses.hinge([[1.0, -1.0]], [[0.5, -2.0]])
        Tensor([0.25], shape=(1,), dtype=float32)
    """
    y_true, y_pred = match("hinge", y_true, y_pred)
    return ops.mean(_margin(y_true, y_pred), axis=-1)


class Hinge(DeclaredLoss, function=hinge):
    """Hinge loss: ``max(1 - y_true y_pred, 0)``, labels -1 and 1 (or 0 and 1).

    Example:
        >>> losses.Hinge()([[1.0, -1.0]], [[0.5, -2.0]])
        Tensor(0.25, shape=(), dtype=float32)
    """


@named("squared_hinge")
def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """``mean(max(1 - y_true y_pred, 0)^2)`` over the last axis; labels 0 and 1 are read as -1 and 1.

    Example:
        >>> losses.squared_hinge([[1.0, -1.0]], [[0.5, -2.0]])
        Tensor([0.125], shape=(1,), dtype=float32)
    """
    y_true, y_pred = match("squared_hinge", y_true, y_pred)
    return ops.mean(ops.square(_margin(y_true, y_pred)), axis=-1)


class SquaredHinge(DeclaredLoss, function=squared_hinge):
    """Square of the hinge loss: ``max(1 - y_true y_pred, 0)^2``, labels -1 and 1 (or 0 and 1).

    Example:
        >>> losses.SquaredHinge()([[1.0, -1.0]], [[0.5, -2.0]])
        Tensor(0.125, shape=(), dtype=float32)
    """


@named("categorical_hinge")
def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """``max(1 + max((1 - y_true) y_pred) - sum(y_true y_pred), 0)`` over the last axis.

    Args:
        y_true: one-hot labels (..., classes).

    Example:
        >>> losses.categorical_hinge([[0.0, 1.0]], [[0.4, 0.6]])
        Tensor([0.8], shape=(1,), dtype=float32)
    """
    y_true, y_pred = match("categorical_hinge", y_true, y_pred)
    right = ops.sum(ops.multiply(y_true, y_pred), axis=-1)
    wrong = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=-1)
    return ops.maximum(ops.add(ops.subtract(wrong, right), 1.0), 0.0)


class CategoricalHinge(DeclaredLoss, function=categorical_hinge):
    """Hinge loss of classes: ``max(1 + best wrong score - right score, 0)``, one-hot labels.

    Example:
        >>> losses.CategoricalHinge()([[0.0, 1.0]], [[0.4, 0.6]])
        Tensor(0.8, shape=(), dtype=float32)
    """


@named("margin_ranking")
def margin_ranking(y_true: Any, y_pred: Any, margin: float = 0.0) -> Tensor:
    """``max(margin - t (a - b), 0)``: which of two scores is to be the higher one.

    Args:
        y_true: t, 1 where a is to be higher and -1 (or 0) where b is, (...) or (..., 1).
        y_pred: the scores a and b, (..., 2).
        margin: how much higher.

    Returns: losses (...).

    Source: PyTorch, torch.nn.functional.margin_ranking_loss.

    Example:
        >>> losses.margin_ranking([1.0, -1.0], [np.float32([2, 3]), np.float32([1, 4])], margin=0.5)
        Tensor([1.5, 0. ], shape=(2,), dtype=float32)
    """
    y_pred = as_tensor(y_pred)
    if y_pred.shape[-1:] != (2,):
        raise ValueError(f"margin_ranking: y_pred is {y_pred.shape}, expected two scores on the last axis, (..., 2)")
    y_true, difference = match("margin_ranking", y_true, ops.subtract(y_pred[..., 0], y_pred[..., 1]))
    signs = ops.where(ops.equal(y_true, 0.0), -1.0, y_true)
    return ops.maximum(ops.subtract(margin, ops.multiply(signs, difference)), 0.0)


class MarginRanking(DeclaredLoss, function=margin_ranking):
    """Loss of two scores, y_pred (..., 2), of which the first (y_true 1) or the second (-1 or 0) is to be higher.

    Args:
        margin: how much higher.

    Source: PyTorch, torch.nn.MarginRankingLoss.

    Example:
        >>> losses.MarginRanking(margin=0.5)([1.0, -1.0], [np.float32([2, 3]), np.float32([1, 4])])
        Tensor(0.75, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            margin: float = 0.0,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "margin_ranking",
            dtype: Any = None,
        ) -> None: ...


@named("multi_margin")
def multi_margin(y_true: Any, y_pred: Any, p: int = 1, margin: float = 1.0) -> Tensor:
    """``sum over other classes j of max(margin - x_y + x_j, 0)^p / classes``, x_y the score of the right class.

    Args:
        y_true: class indices (...), integers.
        y_pred: scores x (..., classes).
        p: 1 or 2.
        margin: how much higher the right score is to be.

    Returns: losses (...).

    Raises:
        ValueError: shapes do not fit; p is neither 1 nor 2; a label is outside of the classes.

    Source: PyTorch, torch.nn.functional.multi_margin_loss.

    Example:
        >>> losses.multi_margin([1], [[0.2, 0.9, 0.4]])
        Tensor([0.2667], shape=(1,), dtype=float32)
    """
    _check_power(p)
    y_pred = as_tensor(y_pred)
    labels = ops.expand_dims(class_indices("multi_margin", y_true, y_pred), -1)
    right = ops.take_along_axis(y_pred, labels, axis=-1)
    classes = y_pred.shape[-1]
    over = ops.maximum(ops.add(ops.subtract(y_pred, right), margin), 0.0)
    over = ops.where(ops.equal(labels, np.arange(classes)), 0.0, over if p == 1 else ops.square(over))
    return ops.divide(ops.sum(over, axis=-1), float(classes))


def _check_power(p: Any) -> None:
    if p not in (1, 2):
        raise ValueError(f"multi_margin: p must be 1 or 2, got {p!r}")


class MultiMargin(DeclaredLoss, function=multi_margin):
    """Hinge loss of classes with class indices: by how much any other score comes within ``margin`` of the right one.

    Args:
        p: 1 or 2, the power of what is within the margin.
        margin: how much higher the right score is to be.

    Raises:
        ValueError: ``p`` or ``reduction`` is out of its range; at a call: targets and predictions do not fit.

    Source: PyTorch, torch.nn.MultiMarginLoss.

    Example:
        >>> losses.MultiMargin()([1], [[0.2, 0.9, 0.4]])
        Tensor(0.2667, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            p: int = 1,
            margin: float = 1.0,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "multi_margin",
            dtype: Any = None,
        ) -> None: ...

    integer_targets = index_of_each = True

    def check_options(self) -> None:
        _check_power(self.options["p"])


@named("hinge_embedding")
def hinge_embedding(y_true: Any, y_pred: Any, margin: float = 1.0) -> Tensor:
    """``d`` where y_true is 1, ``max(margin - d, 0)`` where it is -1 (or 0); the mean over the last axis.

    Args:
        y_true: 1 for pairs of the same kind and -1 (or 0) for others, of the predictions' shape.
        y_pred: distances d.

    Source: PyTorch, torch.nn.functional.hinge_embedding_loss.

    Example:
        >>> losses.hinge_embedding([1.0, -1.0], [0.2, 0.4])
        Tensor(0.4, shape=(), dtype=float32)
    """
    y_true, y_pred = match("hinge_embedding", y_true, y_pred)
    apart = ops.maximum(ops.subtract(margin, y_pred), 0.0)
    return ops.mean(ops.where(ops.greater(y_true, 0), y_pred, apart), axis=-1)


class HingeEmbedding(DeclaredLoss, function=hinge_embedding):
    """Loss of distances: those of one kind (y_true 1) themselves, of others (-1 or 0) what is missing to ``margin``.

    Source: PyTorch, torch.nn.HingeEmbeddingLoss.

    Example:
        >>> losses.HingeEmbedding()([1.0, -1.0], [0.2, 0.4])
        Tensor(0.4, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            margin: float = 1.0,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "hinge_embedding",
            dtype: Any = None,
        ) -> None: ...


__all__ = [
    "CategoricalHinge", "Hinge", "HingeEmbedding", "MarginRanking", "MultiMargin", "SquaredHinge", "categorical_hinge",
    "hinge", "hinge_embedding", "margin_ranking", "multi_margin", "squared_hinge",
]  # fmt: skip
