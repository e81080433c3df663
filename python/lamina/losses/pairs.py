"""Losses of pairs: how far things of one kind are from each other, and from those of another."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.autograd import Tensor
from ..core.explain import named
from .function_loss import DeclaredLoss
from .targets import match


@named("contrastive")
def contrastive(y_true: Any, y_pred: Any, margin: float = 1.0) -> Tensor:
    """``mean(t d^2 + (1 - t) max(margin - d, 0)^2)`` over the last axis.

    Args:
        y_true: t, 1 for pairs of the same kind and 0 for others, (batch, 1).
        y_pred: d, the distances of the pairs, not negative, (batch, 1).

    Source: Hadsell, Chopra and LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping", section 2.1.
    """
    y_true, y_pred = match("contrastive", y_true, y_pred)
    apart = ops.square(ops.maximum(ops.subtract(margin, y_pred), 0.0))
    same = ops.multiply(y_true, ops.subtract(ops.square(y_pred), apart))
    return ops.mean(ops.add(same, apart), axis=-1)


class Contrastive(DeclaredLoss, function=contrastive):
    """Loss of Siamese pairs: ``d^2`` for a pair of one kind (y_true 1), ``max(margin - d, 0)^2`` for others (y_true 0).

    Source: Hadsell, Chopra and LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping", section 2.1.
    """


__all__ = ["Contrastive", "contrastive"]
