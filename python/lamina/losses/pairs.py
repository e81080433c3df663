"""Losses of pairs: how far things of one kind are from each other, and from those of another."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..core.autograd import Tensor
from ..core.explain import named
from ..core.masked_tensor import attach
from ..ops.conversion import as_tensor
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


class _Batch(DeclaredLoss):
    """Losses of embeddings, each of which is compared with the others of its batch, by their labels.

    Weights multiply the losses of anchors; what has the weight 0 is still compared with the others.
    """

    integer_targets = True

    def kept(self, y_true: Any, y_pred: Tensor, sample_weight: Any, mask: Tensor | None) -> tuple[Any, Tensor]:
        return y_true, y_pred


def _embeddings(name: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Labels (n,) and embeddings (n, d)."""
    y_pred, labels = as_tensor(y_pred), as_tensor(y_true)
    if y_pred.ndim != 2:
        raise ValueError(f"{name}: y_pred is {y_pred.shape}, expected embeddings (batch, features)")
    if labels.shape not in ((len(y_pred),), (len(y_pred), 1)):
        raise ValueError(f"{name}: y_true is {labels.shape}, expected one label for each of {len(y_pred)} embeddings")
    return ops.reshape(labels, (len(y_pred),)), y_pred


def _same(labels: Tensor, others: Tensor, remove_diagonal: bool) -> tuple[Tensor, Tensor]:
    """Which pairs have one label, and which have not (n, m); without those of an example with itself."""
    same = ops.equal(ops.expand_dims(labels, 1), ops.expand_dims(others, 0))
    apart = ops.logical_not(same)
    if remove_diagonal:
        same = ops.logical_and(same, np.logical_not(np.eye(len(labels), len(others), dtype=bool)))
    return same, apart


@named("circle")
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Tensor:
    """``softplus(logsumexp(gamma a_p (d_p - m)) + logsumexp(gamma a_n (1 - m - d_n)))`` over the cosine distances d of
    an embedding to those of its label (a_p = m + d_p) and to the others (a_n = max(1 + m - d_n, 0)).

    Args:
        y_true: labels (n,) or (n, 1), integers.
        y_pred: embeddings (n, features) of norm 1.
        ref_labels: labels (m,) of what they are compared with; None takes y_true.
        ref_embeddings: embeddings (m, features) of the same; None takes y_pred.
        remove_diagonal: whether embedding i is not compared with reference i.
        gamma: factor of the distances.
        margin: m, distance within which a pair of one label is close enough.

    Returns: losses (n,); those that are 0, as without a pair of one label and one of two, do not count in the mean.

    Raises:
        ValueError: the shapes do not fit, or only one of the two references is given.

    Source: Keras 3, keras.losses.circle; Sun et al. 2020, "Circle Loss: A Unified Perspective of Pair Similarity
        Optimization".
    """
    labels, y_pred = _embeddings("circle", y_true, y_pred)
    others, partners = labels, y_pred
    if ref_labels is not None or ref_embeddings is not None:
        if ref_embeddings is None or ref_labels is None:
            raise ValueError("circle: ref_labels and ref_embeddings go together")
        others, partners = _embeddings("circle: references", ref_labels, ref_embeddings)
    distance = ops.maximum(ops.subtract(1.0, ops.matmul(y_pred, ops.transpose(partners))), 0.0)
    same, apart = _same(labels, others, remove_diagonal)
    near = ops.multiply(ops.multiply(ops.add(distance, margin), ops.subtract(distance, margin)), gamma)
    room = ops.maximum(ops.subtract(1.0 + margin, distance), 0.0)
    far = ops.multiply(ops.multiply(room, ops.subtract(1.0 - margin, distance)), gamma)
    none = -float(np.finfo(y_pred.dtype).max) / 4  # takes the place of minus infinity, whose slopes are NaN
    total = ops.add(
        ops.logsumexp(ops.where(same, near, none), axis=1), ops.logsumexp(ops.where(apart, far, none), axis=1)
    )
    losses = ops.softplus(total)
    return attach(losses, ops.greater(losses, 0.0))


class Circle(_Batch, function=circle, order=("gamma", "margin", "remove_diagonal"), defaults={"gamma": 80.0}):
    """Loss of labelled embeddings of norm 1, (batch, features): those of one label near each other, others apart.

    Args:
        gamma: factor of the distances.
        margin: cosine distance within which a pair of one label is close enough.
        remove_diagonal: whether an embedding is not compared with itself.

    Source: Keras 3, keras.losses.Circle; Sun et al. 2020, "Circle Loss: A Unified Perspective of Pair Similarity
        Optimization".
    """


__all__ = ["Circle", "Contrastive", "circle", "contrastive"]
