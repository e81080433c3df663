"""Losses as fused operations: forward saves the gradient's shape, backward is one scaled pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _native
from ..autograd import Array, Gradients, Tensor, record, wants_grad
from ._common import TensorLike, as_tensor, float_pair, float_tensor
from .elementwise import multiply
from .reduction import mean as _mean

__all__ = [
    "binary_cross_entropy",
    "binary_crossentropy",
    "categorical_cross_entropy",
    "categorical_crossentropy",
    "pair_loss",
    "softmax_cross_entropy",
    "softmax_cross_entropy_mean",
    "sparse_categorical_crossentropy",
]


def _target(labels: TensorLike, x: Tensor) -> Array:
    """Class indices as int32 or int64, a distribution in x's dtype."""
    labels = as_tensor(labels)
    kind = labels._array.dtype
    if kind.kind in "iu":
        return (labels if kind in (np.int32, np.int64) else as_tensor(labels, np.int64))._array
    return as_tensor(labels, x._array.dtype)._array


def _cross_entropy(x: TensorLike, labels: TensorLike, from_logits: bool, smoothing: float, mean: bool) -> Tensor:
    x = float_tensor(x)
    save = wants_grad(x)
    loss, slopes = _native.cross_entropy_forward(x._array, _target(labels, x), from_logits, smoothing, mean, save)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.cross_entropy_backward(slopes, dy, grads[0], grads.accumulate)

    return record(loss, (x,), backward)


def softmax_cross_entropy(logits: TensorLike, labels: TensorLike, label_smoothing: float = 0.0) -> Tensor:
    """-log softmax(logits)[labels] over the last axis: logits (..., C) give (...).

    labels: class indices (...), or distributions (..., C).  ``label_smoothing`` s turns the target t into
    t (1 - s) + s / C.  A class outside 0..C-1 is a ValueError that names it and its position.  No gradient flows into
    the labels.
    """
    return _cross_entropy(logits, labels, True, label_smoothing, False)


def softmax_cross_entropy_mean(
    logits: TensorLike, labels: TensorLike, weights: TensorLike | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """The mean of softmax_cross_entropy over all rows, in one pass; ``weights`` (...) multiply the rows' losses."""
    if weights is None:
        return _cross_entropy(logits, labels, True, label_smoothing, True)
    return _mean(multiply(softmax_cross_entropy(logits, labels, label_smoothing), weights))


def categorical_cross_entropy(probabilities: TensorLike, labels: TensorLike, label_smoothing: float = 0.0) -> Tensor:
    """As softmax_cross_entropy, of probabilities: rows are scaled to sum 1 and clipped to [1e-7, 1 - 1e-7] (Keras)."""
    return _cross_entropy(probabilities, labels, False, label_smoothing, False)


def pair_loss(x: TensorLike, target: TensorLike, kind: str, parameter: float = 0.0, reduction: str = "none") -> Tensor:
    """A loss between x and a target of its shape.

    kind: "squared" (x - t)^2, "absolute" |x - t|, "huber" (parameter delta), "binary_logit", "binary_probability"
    (x clipped to [parameter, 1 - parameter]).  reduction: "none", "rows" (mean over the last axis), "mean" (over all).
    No gradient flows into the target.
    """
    x, target = float_pair(x, target)
    xa, ta = x._array, target._array
    loss = _native.pair_loss_forward(xa, ta, kind, parameter, reduction)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.pair_loss_backward(xa, ta, dy, kind, parameter, reduction, grads[0], grads.accumulate)

    return record(loss, (x,), backward)


def binary_cross_entropy(x: TensorLike, y_true: TensorLike, from_logits: bool = False) -> Tensor:
    """-(t log p + (1 - t) log(1 - p)) element by element; p = sigmoid(x) from logits, else x clipped by 1e-7."""
    return pair_loss(x, y_true, "binary_logit" if from_logits else "binary_probability", 1e-7)


def _last_axis(name: str, axis: int, x: Any) -> None:
    if axis not in (-1, len(x.shape) - 1):
        raise ValueError(f"{name}: classes must be on the last axis, got axis={axis}; transpose the output first")


def categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """keras.ops.categorical_crossentropy: target (..., C) a distribution, output (..., C)."""
    output = float_tensor(output)
    _last_axis("categorical_crossentropy", axis, output)
    return _cross_entropy(output, as_tensor(target, output._array.dtype), from_logits, 0.0, False)


def sparse_categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """keras.ops.sparse_categorical_crossentropy: target (...) class indices, output (..., C)."""
    output = float_tensor(output)
    _last_axis("sparse_categorical_crossentropy", axis, output)
    return _cross_entropy(output, target, from_logits, 0.0, False)


def binary_crossentropy(target: TensorLike, output: TensorLike, from_logits: bool = False) -> Tensor:
    """keras.ops.binary_crossentropy: element by element."""
    return binary_cross_entropy(output, target, from_logits)
