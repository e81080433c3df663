"""Losses of embeddings, each of which is compared with the others of its batch, by their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..core.autograd import Tensor
from ..core.explain import named
from ..core.masked_tensor import attach
from ..core.suggest import unknown
from ..ops.conversion import as_tensor
from .function_loss import DeclaredLoss


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


def _beyond(x: Tensor) -> float:
    """A number beyond all distances: squares of larger ones are infinite, its sums are not."""
    return float(np.sqrt(np.finfo(x.dtype).max))


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

    Example:
        >>> losses.circle(np.array([0, 0, 1, 1]), np.eye(4, dtype="float32")).shape
        (4,)
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
    none = -_beyond(y_pred)  # takes the place of minus infinity, whose slopes are NaN
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

    Example:
        >>> embeddings = np.eye(4, dtype="float32")
        >>> losses.Circle()(np.array([0, 0, 1, 1]), embeddings).shape
        ()
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            gamma: float = 80.0,
            margin: float = 0.4,
            remove_diagonal: bool = True,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "circle",
            dtype: Any = None,
        ) -> None: ...


_MINING = ("all", "semi_hard", "hard")
_DISTANCES = ("l2", "squared_l2", "cosine")


def _distances(x: Tensor, distance: str) -> Tensor:
    """Of all pairs of rows (n, n)."""
    if distance == "cosine":
        unit = ops.normalize(x, axis=-1)
        return ops.subtract(1.0, ops.matmul(unit, ops.transpose(unit)))
    if distance not in _DISTANCES:
        raise unknown("distance", distance, _DISTANCES)
    differences = ops.subtract(ops.expand_dims(x, 1), ops.expand_dims(x, 0))
    squares = ops.sum(ops.square(differences), axis=-1)
    if distance == "squared_l2":
        return squares
    return ops.sqrt(ops.maximum(squares, float(np.finfo(x.dtype).tiny)))  # whose slope at 0 is infinite


@named("triplet")
def triplet(y_true: Any, y_pred: Any, margin: float = 1.0, mining: str = "semi_hard", distance: str = "l2") -> Tensor:
    """``max(d(a, p) - d(a, n) + margin, 0)`` of anchors a, others p of their label and others n of another label.

    Args:
        y_true: labels (batch,) or (batch, 1).
        y_pred: embeddings (batch, features).
        margin: how much farther other labels are to be.
        mining: "all" takes the mean over all triplets of an anchor that have a loss; "semi_hard" the mean over its p,
            each with the nearest n that is farther than p, or else the farthest; "hard" its farthest p and nearest n.
        distance: "l2", "squared_l2" or "cosine" (1 minus the cosine).

    Returns: losses (batch,), of which those without a triplet (with "all": without one that has a loss) are 0 and do
        not count in the mean.

    Raises:
        ValueError: the shapes do not fit, or an option is unknown.

    Source: Schroff et al. 2015, "FaceNet", section 3.2, for semi-hard triplets; Hermans et al. 2017, "In Defense of the
        Triplet Loss", section 2, for the others.

    Example:
        >>> losses.triplet([0, 0, 1, 1], np.float32([[1, 0], [1, 0], [0, 1], [0, 1]]))
        Tensor([0., 0., 0., 0.], shape=(4,), dtype=float32)
    """
    labels, y_pred = _embeddings("triplet", y_true, y_pred)
    if mining not in _MINING:
        raise unknown("mining", mining, _MINING)
    d = _distances(y_pred, distance)
    same, apart = _same(labels, labels, True)
    far = _beyond(d)
    near_apart = ops.where(apart, d, far)
    has_triplets = ops.logical_and(ops.any(same, axis=1), ops.any(apart, axis=1))
    if mining == "hard":
        gap = ops.subtract(ops.max(ops.where(same, d, -far), axis=1), ops.min(near_apart, axis=1))
        losses = ops.maximum(ops.add(ops.where(has_triplets, gap, -far), margin), 0.0)
        return attach(losses, has_triplets)
    if mining == "all":
        pairs = ops.subtract(ops.expand_dims(d, 2), ops.expand_dims(d, 1))  # (a, p, n)
        valid = ops.logical_and(ops.expand_dims(same, 2), ops.expand_dims(apart, 1))
        each = ops.maximum(ops.where(valid, ops.add(pairs, margin), 0.0), 0.0)
        active = ops.sum(ops.cast(ops.greater(each, 0.0), d.dtype), axis=(1, 2))
        losses = ops.divide(ops.sum(each, axis=(1, 2)), ops.maximum(active, 1.0))
        return attach(losses, ops.greater(active, 0.0))
    farther = ops.greater(ops.expand_dims(d, 1), ops.expand_dims(d, 2))  # (a, p, n): n beyond p
    beyond = ops.logical_and(farther, ops.expand_dims(apart, 1))
    nearest = ops.min(ops.where(beyond, ops.expand_dims(d, 1), far), axis=2)
    farthest = ops.max(ops.where(apart, d, -far), axis=1, keepdims=True)
    negative = ops.where(ops.any(beyond, axis=2), nearest, farthest)
    wanted = ops.logical_and(same, ops.expand_dims(has_triplets, 1))
    each = ops.maximum(ops.where(wanted, ops.add(ops.subtract(d, negative), margin), 0.0), 0.0)
    count = ops.sum(ops.cast(wanted, d.dtype), axis=1)
    return attach(ops.divide(ops.sum(each, axis=1), ops.maximum(count, 1.0)), has_triplets)


def _check_mining(options: dict[str, Any]) -> None:
    for name, known in (("mining", _MINING), ("distance", _DISTANCES)):
        if options[name] not in known:
            raise unknown(name, options[name], known)


class Triplet(_Batch, function=triplet):
    """Loss of labelled embeddings, (batch, features): those of another label farther by ``margin`` than one's own.

    Args:
        margin: how much farther other labels are to be.
        mining: which triplets of an anchor count: "all" that have a loss, "semi_hard", or the one "hard"est.
        distance: "l2", "squared_l2" or "cosine" (1 minus the cosine).

    Raises:
        ValueError: an option is unknown; at a call: labels and embeddings do not fit.

    Source: Schroff et al. 2015, "FaceNet", section 3.2; Hermans et al. 2017, "In Defense of the Triplet Loss".

    Example:
        >>> embeddings = np.float32([[1, 0], [1, 0], [0, 1], [0, 1]])
        >>> losses.Triplet()([0, 0, 1, 1], embeddings)
        Tensor(0., shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            margin: float = 1.0,
            mining: str = "semi_hard",
            distance: str = "l2",
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "triplet",
            dtype: Any = None,
        ) -> None: ...

    def check_options(self) -> None:
        _check_mining(self.options)


@named("info_nce")
def info_nce(y_true: Any, y_pred: Any, temperature: float = 0.1) -> Tensor:
    """``-log softmax(cos(a, .) / temperature)`` over all others of the batch, its mean at those of the anchor's label.
    With every label twice, two views of each example, it is NT-Xent.

    Args:
        y_true: labels (batch,) or (batch, 1).
        y_pred: embeddings (batch, features), of any norm.
        temperature: divides the cosines; small ones weigh the nearest others more.

    Returns: losses (batch,), of which those without another of their label are 0 and do not count in the mean.

    Raises:
        ValueError: the shapes do not fit, or temperature is not positive.

    Source: van den Oord et al. 2018, "Representation Learning with Contrastive Predictive Coding"; Chen et al. 2020, "A
        Simple Framework for Contrastive Learning", for NT-Xent; Khosla et al. 2020, "Supervised Contrastive Learning",
        for several of one label.

    Example:
        >>> losses.info_nce([0, 0, 1, 1], np.eye(4, dtype="float32"), temperature=1.0).shape
        (4,)
    """
    if not temperature > 0:
        raise ValueError(f"info_nce: temperature must be positive, got {temperature}")
    labels, y_pred = _embeddings("info_nce", y_true, y_pred)
    unit = ops.normalize(y_pred, axis=-1)
    cosines = ops.divide(ops.matmul(unit, ops.transpose(unit)), temperature)
    same, _ = _same(labels, labels, True)
    itself = np.eye(len(labels), dtype=bool)
    logits = ops.where(itself, -_beyond(cosines), cosines)
    logs = ops.where(same, ops.log_softmax(logits, axis=1), 0.0)
    count = ops.sum(ops.cast(same, cosines.dtype), axis=1)
    losses = ops.negative(ops.divide(ops.sum(logs, axis=1), ops.maximum(count, 1.0)))
    return attach(losses, ops.greater(count, 0.0))


class InfoNCE(_Batch, function=info_nce, also=("nt_xent",)):
    """Loss of labelled embeddings, (batch, features): each is to tell those of its label from all others of the batch.

    With every label twice, two views of each example, it is NT-Xent.

    Args:
        temperature: divides the cosines; small ones weigh the nearest others more.

    Raises:
        ValueError: ``temperature`` is not positive, ``reduction`` unknown; at a call: labels and embeddings do not fit.

    Source: van den Oord et al. 2018, "Representation Learning with Contrastive Predictive Coding"; Chen et al. 2020, "A
        Simple Framework for Contrastive Learning".

    Example:
        >>> a = np.eye(4, dtype="float32")
        >>> losses.InfoNCE(temperature=1.0)([0, 0, 1, 1], a).shape
        ()
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            temperature: float = 0.1,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "info_nce",
            dtype: Any = None,
        ) -> None: ...

    def check_options(self) -> None:
        if not self.options["temperature"] > 0:
            raise ValueError(f"InfoNCE: temperature must be positive, got {self.options['temperature']}")


__all__ = ["Circle", "InfoNCE", "Triplet", "circle", "info_nce", "triplet"]
