"""Loss functions ``(y_true, y_pred, ...)`` with Keras 3's names and formulas; ``lamina.losses`` re-exports them.

Each reduces the last axis and returns one value per sample: shape (batch, ...) without the last axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import ops, tape
from .autograd import Tensor
from .ops._common import as_tensor

EPSILON = 1e-7  # keras.config.epsilon()
_NO_CLASS = -(2.0**62)  # an integer in all types of labels that are not whole, out of the range of any classes
REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none")


def _match(name: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Both as tensors of y_pred's dtype and shape; a last axis of length one may be missing in either."""
    y_pred, y_true = as_tensor(y_pred), as_tensor(y_true)
    if y_pred.dtype.kind != "f":
        y_pred = ops.cast(y_pred, np.float32)
    if y_true.dtype != y_pred.dtype:
        y_true = ops.cast(y_true, y_pred.dtype)
    if y_true.shape == y_pred.shape:
        return y_true, y_pred
    if (*y_true.shape, 1) == y_pred.shape or y_true.shape == (*y_pred.shape, 1):
        return ops.reshape(y_true, y_pred.shape), y_pred
    mend = "y_true must have the shape of y_pred"
    if y_true.shape[:1] != y_pred.shape[:1]:
        mend = "the batch sizes differ"
    elif y_true.shape == y_pred.shape[:-1]:
        mend += "; class indices go with a sparse_categorical_crossentropy loss, or through utils.to_categorical"
    raise ValueError(f"{name}: y_true is {y_true.shape}, y_pred {y_pred.shape}: {mend}")


def class_indices(name: str, y_true: Any, y_pred: Tensor) -> Tensor:
    """Class indices of shape y_pred.shape[:-1]; a last axis of length one is dropped, whole floats become integers."""
    labels = as_tensor(y_true)
    if labels.dtype.kind not in "iu":
        values = labels._array
        if values.dtype.kind == "f" and not (values == np.trunc(values)).all():
            wrong = values[values != np.trunc(values)][0]
            raise ValueError(f"{name}: y_true holds {wrong}, expected class indices, whole numbers")
        if values.dtype.kind == "f" and tape.state.recording is not None:  # replays find later ones: they are no class
            labels = ops.where(ops.equal(labels, ops.floor(labels)), labels, _NO_CLASS)
        labels = ops.cast(labels, np.int64)
    if labels.ndim == y_pred.ndim and labels.shape[-1] == 1:
        labels = ops.reshape(labels, labels.shape[:-1])
    if labels.shape == y_pred.shape[:-1]:
        return labels
    mend = f"class indices must be {y_pred.shape[:-1]}"
    if labels.shape == y_pred.shape:
        mend = "one-hot labels go with categorical_crossentropy, class indices (y.argmax(-1)) with the sparse one"
    raise ValueError(f"{name}: y_true is {labels.shape}, y_pred {y_pred.shape}: {mend}")


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """mean((y_pred - y_true)^2) over the last axis."""
    y_true, y_pred = _match("mean_squared_error", y_true, y_pred)
    return ops.mean_squared_error(y_true, y_pred)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """mean(|y_pred - y_true|) over the last axis."""
    y_true, y_pred = _match("mean_absolute_error", y_true, y_pred)
    return ops.mean_absolute_error(y_true, y_pred)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """100 mean(|y_true - y_pred| / max(|y_true|, 1e-7)) over the last axis."""
    y_true, y_pred = _match("mean_absolute_percentage_error", y_true, y_pred)
    difference = ops.abs(ops.divide(ops.subtract(y_true, y_pred), ops.maximum(ops.abs(y_true), EPSILON)))
    return ops.multiply(ops.mean(difference, axis=-1), 100.0)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """mean((log(1 + y_true) - log(1 + y_pred))^2) over the last axis; values below 1e-7 count as 1e-7."""
    y_true, y_pred = _match("mean_squared_logarithmic_error", y_true, y_pred)
    first, second = (ops.log(ops.add(ops.maximum(y, EPSILON), 1.0)) for y in (y_pred, y_true))
    return ops.mean(ops.square(ops.subtract(first, second)), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """Quadratic within delta, linear beyond (Huber 1964), averaged over the last axis.

    With e = |y_pred - y_true|: e^2 / 2 where e <= delta, else delta e - delta^2 / 2.
    """
    y_true, y_pred = _match("huber", y_true, y_pred)
    return ops.huber(y_true, y_pred, delta)


def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """mean(log(cosh(y_pred - y_true))) over the last axis."""
    y_true, y_pred = _match("log_cosh", y_true, y_pred)
    return ops.log_cosh(y_true, y_pred)


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """-(t log p + (1 - t) log(1 - p)) averaged over ``axis``; ``from_logits`` for p = sigmoid(y_pred).

    ``label_smoothing`` s moves targets towards 1/2: t (1 - s) + s / 2.
    """
    y_true, y_pred = _match("binary_crossentropy", y_true, y_pred)
    if label_smoothing:
        y_true = ops.add(ops.multiply(y_true, 1.0 - label_smoothing), 0.5 * label_smoothing)
    return ops.mean(ops.binary_cross_entropy(y_pred, y_true, from_logits=from_logits), axis=axis)


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """-sum(t log p) over the classes of the last axis, y_true (..., C) one-hot or probabilities, y_pred (..., C).

    ``from_logits`` for p = softmax(y_pred); else p is y_pred scaled to sum 1.  ``label_smoothing`` s gives
    t (1 - s) + s / C (Szegedy et al. 2016, section 7).
    """
    y_true, y_pred = _match("categorical_crossentropy", y_true, y_pred)
    _last_axis("categorical_crossentropy", axis, y_pred)
    if from_logits:
        return ops.softmax_cross_entropy(y_pred, y_true, label_smoothing=label_smoothing)
    return ops.categorical_cross_entropy(y_pred, y_true, label_smoothing=label_smoothing)


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Tensor:
    """-log p[y_true], y_true (...) class indices, y_pred (..., C) probabilities or (``from_logits``) logits.

    Labels equal to ``ignore_class`` get a loss of zero; any other label outside 0..C-1 raises ValueError naming it.
    """
    y_pred = as_tensor(y_pred)
    _last_axis("sparse_categorical_crossentropy", axis, y_pred)
    labels = class_indices("sparse_categorical_crossentropy", y_true, y_pred)
    loss = ops.softmax_cross_entropy if from_logits else ops.categorical_cross_entropy
    return loss(y_pred, labels, ignore_class=ignore_class)


def _last_axis(name: str, axis: int, y_pred: Tensor) -> None:
    if axis not in (-1, y_pred.ndim - 1):
        raise ValueError(f"{name}: classes must be on the last axis, got axis={axis}; transpose y_pred first")


def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """sum(y_true log(y_true / y_pred)) over the last axis, both clipped to [1e-7, 1]."""
    y_true, y_pred = _match("kl_divergence", y_true, y_pred)
    return ops.kl_divergence(y_true, y_pred)


def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """mean(y_pred - y_true log(y_pred + 1e-7)) over the last axis."""
    y_true, y_pred = _match("poisson", y_true, y_pred)
    return ops.poisson(y_true, y_pred)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Minus the cosine of the angle between y_true and y_pred along ``axis``: -1 where they point the same way."""
    y_true, y_pred = _match("cosine_similarity", y_true, y_pred)
    unit_true, unit_pred = (ops.normalize(y, axis=axis) for y in (y_true, y_pred))
    return ops.negative(ops.sum(ops.multiply(unit_true, unit_pred), axis=axis))


def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """mean(max(1 - y_true y_pred, 0)) over the last axis; labels 0 and 1 are read as -1 and 1."""
    y_true, y_pred = _match("hinge", y_true, y_pred)
    return ops.mean(_margin(y_true, y_pred), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """mean(max(1 - y_true y_pred, 0)^2) over the last axis; labels 0 and 1 are read as -1 and 1."""
    y_true, y_pred = _match("squared_hinge", y_true, y_pred)
    return ops.mean(ops.square(_margin(y_true, y_pred)), axis=-1)


def _margin(y_true: Tensor, y_pred: Tensor) -> Tensor:
    signs = ops.where(ops.equal(y_true, 0.0), -1.0, y_true)
    return ops.maximum(ops.subtract(1.0, ops.multiply(signs, y_pred)), 0.0)


def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """max(1 + max((1 - y_true) y_pred) - sum(y_true y_pred), 0) over the last axis, y_true one-hot."""
    y_true, y_pred = _match("categorical_hinge", y_true, y_pred)
    right = ops.sum(ops.multiply(y_true, y_pred), axis=-1)
    wrong = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=-1)
    return ops.maximum(ops.add(ops.subtract(wrong, right), 1.0), 0.0)


def contrastive(y_true: Any, y_pred: Any, margin: float = 1.0) -> Tensor:
    """mean(t d^2 + (1 - t) max(margin - d, 0)^2) over the last axis (Hadsell, Chopra and LeCun 2006, section 2.1).

    y_true is 1 for pairs of the same kind and 0 for others, y_pred their distance d >= 0; both (batch, 1).
    """
    y_true, y_pred = _match("contrastive", y_true, y_pred)
    apart = ops.square(ops.maximum(ops.subtract(margin, y_pred), 0.0))
    same = ops.multiply(y_true, ops.subtract(ops.square(y_pred), apart))
    return ops.mean(ops.add(same, apart), axis=-1)


def broadcast_weights(sample_weight: Any, values: Tensor) -> Tensor:
    """sample_weight as a tensor that broadcasts against values: its shape must begin as values.shape does."""
    weight = as_tensor(sample_weight)
    if weight.dtype != values.dtype:
        weight = ops.cast(weight, values.dtype)
    shape = weight.shape
    if len(shape) == values.ndim + 1 and shape[-1] == 1:
        shape = shape[:-1]
    if shape != values.shape[: len(shape)]:
        hint = "; give y_true and y_pred a last axis, (batch, 1)" if values.ndim == 0 else ""
        raise ValueError(f"sample_weight has shape {weight.shape}, the losses it weights {values.shape}{hint}")
    shape += (1,) * (values.ndim - len(shape))
    return weight if shape == weight.shape else ops.reshape(weight, shape)


def reduce_values(
    values: Tensor,
    sample_weight: Any,
    reduction: str | None,
    counted: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """values (one loss a sample), weighted, then reduced.

    "sum_over_batch_size" (or "mean") divides the weighted sum by the number of values, "mean_with_sample_weight" by
    the sum of the weights, "sum" by nothing, "none" or None leaves the values.  counted: 1 for each of the values that
    either mean counts, 0 for the others, whose values must be 0; None counts all.  mask, if its axes are the first ones
    of values: where it is False, a value becomes 0 and isn't counted.
    """
    if mask is not None and mask.shape == values.shape[: mask.ndim]:
        kept = ops.reshape(ops.cast(mask, values.dtype), mask.shape + (1,) * (values.ndim - mask.ndim))
        values = ops.multiply(values, kept)
        counted = ops.broadcast_to(kept, values.shape) if counted is None else ops.multiply(counted, kept)
    weight = None
    if sample_weight is not None:
        weight = broadcast_weights(sample_weight, values)
        values = ops.multiply(values, weight)
    if reduction is None or reduction == "none":
        return values
    if reduction == "sum":
        return ops.sum(values)
    if counted is not None:
        if reduction == "mean_with_sample_weight" and weight is not None:
            counted = ops.multiply(counted, weight)
        return ops.divide(ops.sum(values), ops.maximum(ops.sum(counted), float(np.finfo(values.dtype).tiny)))
    if reduction != "mean_with_sample_weight" or weight is None:
        return ops.mean(values)
    repeats = values.size / max(weight.size, 1)
    total = ops.maximum(ops.multiply(ops.sum(weight), repeats), float(np.finfo(values.dtype).tiny))
    return ops.divide(ops.sum(values), total)
