"""Cross-entropies for hard data: focal ones weigh what is predicted badly, generalized ones doubt the labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..config import epsilon
from ..core.autograd import Tensor
from ..core.explain import named
from ..ops.conversion import as_tensor
from .function_loss import DeclaredLoss
from .probabilistic import Crossentropy
from .targets import class_axis, class_indices, classes_last, match, smooth


def _focus(missing: Tensor, gamma: float) -> Tensor | None:
    """``missing ** gamma`` with a finite slope at 0, or None where it is 1."""
    if gamma == 0:
        return None
    if gamma < 0:
        raise ValueError(f"gamma must not be negative, got {gamma}")
    return ops.power(ops.maximum(missing, float(np.finfo(missing.dtype).tiny)), gamma)


@named("binary_focal_crossentropy")
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """``(1 - p_t)^gamma`` times the binary cross-entropy, averaged over an axis; p_t is p for targets 1, 1 - p for 0.

    Args:
        y_true: targets t in [0, 1], of the predictions' shape.
        apply_class_balancing: whether targets 1 weigh ``alpha`` and targets 0 weigh 1 - ``alpha``.
        alpha: the weight of targets 1.
        label_smoothing: s, which moves targets towards 1/2: t (1 - s) + s / 2.
        axis: the axis of the average.

    Raises:
        ValueError: the shapes do not fit, or gamma is negative.

    Source: Keras 3, keras.losses.binary_focal_crossentropy; Lin et al. 2017, "Focal Loss for Dense Object Detection".

    Example:
        >>> losses.binary_focal_crossentropy([[1.0, 0.0]], [[0.9, 0.4]])
        Tensor([0.0414], shape=(1,), dtype=float32)
    """
    t, y_pred = match("binary_focal_crossentropy", y_true, y_pred)
    t = smooth(t, label_smoothing, 2)
    losses = ops.binary_cross_entropy(y_pred, t, from_logits=from_logits)
    p = ops.sigmoid(y_pred) if from_logits else y_pred
    other = ops.subtract(1.0, t)
    focus = _focus(ops.add(ops.multiply(t, ops.subtract(1.0, p)), ops.multiply(other, p)), gamma)
    if focus is not None:
        losses = ops.multiply(focus, losses)
    if apply_class_balancing:
        losses = ops.multiply(ops.add(ops.multiply(t, alpha), ops.multiply(other, 1.0 - alpha)), losses)
    return ops.mean(losses, axis=axis)


class BinaryFocalCrossentropy(Crossentropy, function=binary_focal_crossentropy):
    """Binary cross-entropy in which what is predicted well already weighs less: ``(1 - p_t)^gamma`` times.

    Args:
        apply_class_balancing: whether targets 1 weigh ``alpha`` and targets 0 weigh 1 - ``alpha``.
        alpha: the weight of targets 1.
        label_smoothing: s, which moves targets towards 1/2: t (1 - s) + s / 2.
        axis: the axis of the average.

    Source: Keras 3, keras.losses.BinaryFocalCrossentropy; Lin et al. 2017, "Focal Loss for Dense Object Detection".

    Example:
        >>> losses.BinaryFocalCrossentropy(gamma=2.0)([[1.0, 0.0]], [[0.9, 0.4]])
        Tensor(0.0414, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            apply_class_balancing: bool = False,
            alpha: float = 0.25,
            gamma: float = 2.0,
            from_logits: bool = False,
            label_smoothing: float = 0.0,
            axis: int = -1,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "binary_focal_crossentropy",
            dtype: Any = None,
        ) -> None: ...


@named("categorical_focal_crossentropy")
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """``-sum(alpha (1 - p)^gamma t log p)`` over the classes; probabilities are scaled to sum 1.

    Args:
        y_true: t, one-hot labels or probabilities (..., classes).
        alpha: the weight of all classes, or a list of one for each.

    Raises:
        ValueError: the shapes do not fit, gamma is negative, or alpha is not one number or one for each class.

    Source: Keras 3, keras.losses.categorical_focal_crossentropy; Lin et al. 2017, "Focal Loss for Dense Object
        Detection".

    Example:
        >>> losses.categorical_focal_crossentropy([[0.0, 1.0]], [[0.4, 0.6]])
        Tensor([0.0204], shape=(1,), dtype=float32)
    """
    name = "categorical_focal_crossentropy"
    t, y_pred = match(name, y_true, y_pred)
    last = class_axis(name, axis, y_pred)
    t, y_pred = classes_last(t, last), classes_last(y_pred, last)
    classes = y_pred.shape[-1]
    weight = as_tensor(alpha, y_pred.dtype)
    if weight.shape not in ((), (1,), (classes,)):
        raise ValueError(
            f"{name}: alpha has shape {weight.shape}, expected one number or {classes}, one for each class"
        )
    t = smooth(t, label_smoothing, classes)
    if from_logits:
        logs = ops.log_softmax(y_pred, axis=-1)
        p = ops.exp(logs)
    else:
        p = ops.divide(y_pred, ops.sum(y_pred, axis=-1, keepdims=True))
        p = ops.clip(p, epsilon(), 1.0 - epsilon())
        logs = ops.log(p)
    losses = ops.multiply(ops.multiply(t, logs), weight)
    focus = _focus(ops.subtract(1.0, p), gamma)
    if focus is not None:
        losses = ops.multiply(losses, focus)
    return ops.negative(ops.sum(losses, axis=-1))


class CategoricalFocalCrossentropy(Crossentropy, function=categorical_focal_crossentropy):
    """Cross-entropy of classes in which what is predicted well already weighs less: ``alpha (1 - p)^gamma`` times.

    Args:
        alpha: the weight of all classes, or a list of one for each.

    Source: Keras 3, keras.losses.CategoricalFocalCrossentropy; Lin et al. 2017, "Focal Loss for Dense Object
        Detection".

    Example:
        >>> losses.CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.4, 0.6]])
        Tensor(0.0204, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            alpha: float | Sequence[float] = 0.25,
            gamma: float = 2.0,
            from_logits: bool = False,
            label_smoothing: float = 0.0,
            axis: int = -1,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "categorical_focal_crossentropy",
            dtype: Any = None,
        ) -> None: ...


def _check_q(q: float) -> None:
    if not 0 < q < 1:
        raise ValueError(f"categorical_generalized_cross_entropy: q must lie between 0 and 1, got {q}")


@named("categorical_generalized_cross_entropy")
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Tensor:
    """``(1 - p^q) / q``, p the probability of the label: between cross-entropy (q near 0) and absolute error (near 1).

    Args:
        y_true: class indices (...), integers.
        y_pred: probabilities (..., classes).
        q: how little wrong labels count, between 0 and 1.  Where p is 0, the slope is infinite, and taken as 0.

    Raises:
        ValueError: shapes do not fit; q is out of its range; a label is outside of the classes.

    Source: Keras 3, keras.losses.categorical_generalized_cross_entropy; Zhang and Sabuncu 2018, "Generalized Cross
        Entropy Loss for Training Deep Neural Networks with Noisy Labels".

    Example:
        >>> losses.categorical_generalized_cross_entropy([1], [[0.19, 0.81]], q=0.5)
        Tensor([0.2], shape=(1,), dtype=float32)
    """
    _check_q(q)
    y_pred = as_tensor(y_pred)
    labels = class_indices("categorical_generalized_cross_entropy", y_true, y_pred)
    p = ops.squeeze(ops.take_along_axis(y_pred, ops.expand_dims(labels, -1), axis=-1), axis=-1)
    some = ops.greater(p, 0.0)
    power = ops.where(some, ops.power(ops.where(some, p, 1.0), q), 0.0)
    return ops.divide(ops.subtract(1.0, power), q)


class CategoricalGeneralizedCrossEntropy(
    DeclaredLoss, function=categorical_generalized_cross_entropy, defaults={"q": 0.5}
):
    """Loss of classes that bears wrong labels: ``(1 - p^q) / q``, y_true (...), probabilities y_pred (..., classes).

    Args:
        q: how little wrong labels count, between 0 (as cross-entropy) and 1 (as the absolute error).

    Raises:
        ValueError: ``q`` or ``reduction`` is out of its range; at a call: targets and predictions do not fit.

    Source: Keras 3, keras.losses.CategoricalGeneralizedCrossEntropy; Zhang and Sabuncu 2018, "Generalized Cross
        Entropy Loss for Training Deep Neural Networks with Noisy Labels".

    Example:
        >>> losses.CategoricalGeneralizedCrossEntropy(q=0.5)([1], [[0.19, 0.81]])
        Tensor(0.2, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            q: float = 0.5,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "categorical_generalized_cross_entropy",
            dtype: Any = None,
        ) -> None: ...

    integer_targets = index_of_each = True

    def check_options(self) -> None:
        _check_q(self.options["q"])


__all__ = [
    "BinaryFocalCrossentropy", "CategoricalFocalCrossentropy", "CategoricalGeneralizedCrossEntropy",
    "binary_focal_crossentropy", "categorical_focal_crossentropy", "categorical_generalized_cross_entropy",
]  # fmt: skip
