"""Losses of margins: how far the right class is before the others."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.autograd import Tensor
from ..core.explain import named
from .function_loss import DeclaredLoss
from .targets import match


def _margin(y_true: Tensor, y_pred: Tensor) -> Tensor:
    signs = ops.where(ops.equal(y_true, 0.0), -1.0, y_true)
    return ops.maximum(ops.subtract(1.0, ops.multiply(signs, y_pred)), 0.0)


@named("hinge")
def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """``mean(max(1 - y_true y_pred, 0))`` over the last axis; labels 0 and 1 are read as -1 and 1."""
    y_true, y_pred = match("hinge", y_true, y_pred)
    return ops.mean(_margin(y_true, y_pred), axis=-1)


class Hinge(DeclaredLoss, function=hinge):
    """Hinge loss: ``max(1 - y_true y_pred, 0)``, labels -1 and 1 (or 0 and 1)."""


@named("squared_hinge")
def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """``mean(max(1 - y_true y_pred, 0)^2)`` over the last axis; labels 0 and 1 are read as -1 and 1."""
    y_true, y_pred = match("squared_hinge", y_true, y_pred)
    return ops.mean(ops.square(_margin(y_true, y_pred)), axis=-1)


class SquaredHinge(DeclaredLoss, function=squared_hinge):
    """Square of the hinge loss: ``max(1 - y_true y_pred, 0)^2``, labels -1 and 1 (or 0 and 1)."""


@named("categorical_hinge")
def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """``max(1 + max((1 - y_true) y_pred) - sum(y_true y_pred), 0)`` over the last axis.

    Args:
        y_true: one-hot labels (..., classes).
    """
    y_true, y_pred = match("categorical_hinge", y_true, y_pred)
    right = ops.sum(ops.multiply(y_true, y_pred), axis=-1)
    wrong = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=-1)
    return ops.maximum(ops.add(ops.subtract(wrong, right), 1.0), 0.0)


class CategoricalHinge(DeclaredLoss, function=categorical_hinge):
    """Hinge loss of classes: ``max(1 + best wrong score - right score, 0)``, one-hot labels."""


__all__ = ["CategoricalHinge", "Hinge", "SquaredHinge", "categorical_hinge", "hinge", "squared_hinge"]
