"""Losses as fused operations: a value per sample, or the mean of all in one pass.

Functions of logits or probabilities reduce the last axis, the classes.  Integer labels are class indices; floats of
the predictions' shape are one-hot or soft targets.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wants_grad, wrap
from ..core.autograd import unchecked_record as record
from ..core.defaults import Defaults
from .comparison import not_equal, where
from .conversion import TensorLike, as_tensor, cast, float_tensor
from .elementwise import add, clip, divide, log, maximum, multiply, subtract
from .reduction import logsumexp, mean, sum
from .reshape import moveaxis, one_hot, reshape


def _labels(op: str, labels: TensorLike, x: Tensor) -> Tensor:
    """Labels as the kernels take them: int32 or int64 of x's leading axes, or targets of x's type and shape."""
    labels = as_tensor(labels)
    dtype = labels._array.dtype
    if dtype.kind != "f":
        if labels.ndim == x.ndim and labels.shape[-1:] == (1,) != x.shape[-1:]:
            labels = reshape(labels, labels.shape[:-1])  # (batch, 1), as Keras allows
        if labels.shape == x.shape[:-1]:
            return labels if dtype in (np.int32, np.int64) else as_tensor(labels, np.int64)
    if labels.shape != x.shape:
        raise ValueError(
            f"{op}: predictions are {x.shape}, labels {labels.shape}; expected class indices {x.shape[:-1]} "
            f"or targets {x.shape}"
        )
    return as_tensor(labels, x._array.dtype)


def _cross_entropy(
    op: str,
    from_logits: bool,
    predictions: TensorLike,
    labels: TensorLike,
    weights: TensorLike | None,
    label_smoothing: float,
    ignore_class: int | None,
    one: bool,
) -> Tensor:
    x = float_tensor(predictions)
    t = _labels(op, labels, x)
    w = None if weights is None else as_tensor(weights, x._array.dtype)
    if w is not None and wants_grad(w):
        losses = multiply(_cross_entropy(op, from_logits, x, t, None, label_smoothing, ignore_class, one=False), w)
        if not one or ignore_class is None:
            return mean(losses) if one else losses
        return divide(sum(losses), maximum(sum(cast(not_equal(t, ignore_class), x._array.dtype)), 1.0))
    if wants_grad(t):
        return _composed(x, t, w, label_smoothing, from_logits, one)
    wa = None if w is None else w._array
    if not from_logits and Defaults.epsilon != _OF_KERNELS:
        _native.cross_entropy_forward(
            x._array, t._array, wa, False, label_smoothing, ignore_class, one, False
        )  # checks
        return _with_other_epsilon(x, t, w, label_smoothing, ignore_class, one)
    loss, gradient = _native.cross_entropy_forward(
        x._array, t._array, wa, from_logits, label_smoothing, ignore_class, one, wants_grad(x)
    )
    if gradient is None:
        return wrap(loss)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.cross_entropy_backward(gradient, dy, grads[0], grads.accumulate)

    return record(loss, (x,), backward)


def _with_other_epsilon(
    x: Tensor, t: Tensor, w: Tensor | None, smoothing: float, ignore_class: int | None, one: bool
) -> Tensor:
    """The loss of probabilities with another small constant than the kernels', of indices or targets."""
    if t._array.dtype.kind == "f":
        return _composed(x, t, w, smoothing, False, one)
    kept = None if ignore_class is None else not_equal(t, ignore_class)
    chosen = t if kept is None else where(kept, t, 0)
    losses = _composed(x, one_hot(chosen, x.shape[-1], dtype=x._array.dtype), w, smoothing, False, False)
    if kept is None:
        return mean(losses) if one else losses
    losses = where(kept, losses, 0.0)
    return divide(sum(losses), maximum(sum(cast(kept, x._array.dtype)), 1.0)) if one else losses


def _composed(x: Tensor, t: Tensor, w: Tensor | None, smoothing: float, from_logits: bool, one: bool) -> Tensor:
    """The same from single operations: for targets that want a gradient themselves."""
    if smoothing:
        t = add(multiply(t, 1.0 - smoothing), smoothing / x.shape[-1])
    if from_logits:
        logs = subtract(x, logsumexp(x, axis=-1, keepdims=True))
    else:
        least = Defaults.epsilon
        logs = log(clip(divide(x, sum(x, axis=-1, keepdims=True)), least, 1.0 - least))
    losses = multiply(sum(multiply(t, logs), axis=-1), -1.0)
    losses = losses if w is None else multiply(losses, w)
    return mean(losses) if one else losses


_softmax = partial(_cross_entropy, "softmax_cross_entropy", True)
_categorical = partial(_cross_entropy, "categorical_cross_entropy", False)


def softmax_cross_entropy(
    logits: TensorLike,
    labels: TensorLike,
    weights: TensorLike | None = None,
    label_smoothing: float = 0.0,
    ignore_class: int | None = None,
) -> Tensor:
    """Cross-entropy of logits: ``-log softmax(logits)`` at the label, or its mean under soft targets.

    Args:
        logits: (..., C).

    Returns: losses (...).

    Raises:
        ValueError: shapes do not fit; a label is outside of 0..C-1, the message names it.

    Source: Lamina; Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7, for the smoothing.

    Example:
        >>> ops.softmax_cross_entropy([[0.0, 0.0], [5.0, 0.0]], [0, 0])
        Tensor([0.6931, 0.0067], shape=(2,), dtype=float32)
    """
    return _softmax(logits, labels, weights, label_smoothing, ignore_class, one=False)


def softmax_cross_entropy_mean(
    logits: TensorLike,
    labels: TensorLike,
    weights: TensorLike | None = None,
    label_smoothing: float = 0.0,
    ignore_class: int | None = None,
) -> Tensor:
    """Mean of ``softmax_cross_entropy`` over all samples that are not ignored.

    Weights multiply the losses; the divisor stays the number of samples (Keras's "sum_over_batch_size").

    Args:
        logits: (..., C).

    Returns: one number.

    Raises:
        ValueError: shapes do not fit; a label is outside of 0..C-1, the message names it.

    Source: Lamina.

    Example:
        >>> ops.softmax_cross_entropy_mean([[0.0, 0.0], [5.0, 0.0]], [0, 0])
        Tensor(0.3499, shape=(), dtype=float32)
    """
    return _softmax(logits, labels, weights, label_smoothing, ignore_class, one=True)


def categorical_cross_entropy(
    probabilities: TensorLike,
    labels: TensorLike,
    weights: TensorLike | None = None,
    label_smoothing: float = 0.0,
    ignore_class: int | None = None,
) -> Tensor:
    """Cross-entropy of probabilities: ``-log p`` at the label, or its mean under soft targets.

    Args:
        probabilities: (..., C); scaled to sum 1 and clipped to [1e-7, 1 - 1e-7].

    Returns: losses (...).

    Raises:
        ValueError: shapes do not fit; a label is outside of 0..C-1, the message names it.

    Source: Lamina.

    Example:
        >>> ops.categorical_cross_entropy([[0.5, 0.5], [0.1, 0.9]], [0, 1])
        Tensor([0.6931, 0.1054], shape=(2,), dtype=float32)
    """
    return _categorical(probabilities, labels, weights, label_smoothing, ignore_class, one=False)


def categorical_cross_entropy_mean(
    probabilities: TensorLike,
    labels: TensorLike,
    weights: TensorLike | None = None,
    label_smoothing: float = 0.0,
    ignore_class: int | None = None,
) -> Tensor:
    """Mean of ``categorical_cross_entropy`` over all samples that are not ignored.

    Args:
        probabilities: (..., C); scaled to sum 1 and clipped to [1e-7, 1 - 1e-7].

    Returns: one number.

    Raises:
        ValueError: shapes do not fit; a label is outside of 0..C-1, the message names it.

    Source: Lamina.

    Example:
        >>> ops.categorical_cross_entropy_mean([[0.5, 0.5], [0.1, 0.9]], [0, 1])
        Tensor(0.3993, shape=(), dtype=float32)
    """
    return _categorical(probabilities, labels, weights, label_smoothing, ignore_class, one=True)


def _binary(t: Tensor, x: Tensor, least: float) -> Tensor:
    p = clip(x, least, 1.0 - least)
    return multiply(add(multiply(t, log(p)), multiply(subtract(1.0, t), log(subtract(1.0, p)))), -1.0)


def _kl(t: Tensor, x: Tensor, least: float) -> Tensor:
    q, p = clip(t, least, 1.0), clip(x, least, 1.0)
    return multiply(q, log(divide(q, p)))


def _poisson(t: Tensor, x: Tensor, least: float) -> Tensor:
    return subtract(x, multiply(t, log(add(x, least))))


_OF_KERNELS = 1e-7  # the small constant of csrc/kernels/loss.cpp
_WITH_EPSILON = {"binary": _binary, "kl": _kl, "poisson": _poisson}


def _points(
    loss: str, y_true: TensorLike, y_pred: TensorLike, reduction: str, scale: float | None = None, delta: float = 1.0
) -> Tensor:
    """A loss of single predictions: "none", "rows" (mean over the last axis unless scale says otherwise) or "all"."""
    x = float_tensor(y_pred)
    t = as_tensor(y_true, x._array.dtype)
    if t.shape != x.shape:
        if reduction == "none" or ((*t.shape, 1) != x.shape and t.shape != (*x.shape, 1)):
            raise ValueError(f"{loss} loss: y_true is {t.shape}, y_pred {x.shape}; expected equal shapes")
        t = reshape(t, x.shape)
    xa, ta = x._array, t._array
    if loss in _WITH_EPSILON and Defaults.epsilon != _OF_KERNELS:
        values = _WITH_EPSILON[loss](t, x, Defaults.epsilon)
        if reduction == "none":
            return values
        axis = None if reduction == "all" else -1
        return mean(values, axis) if scale is None else multiply(sum(values, axis), scale)
    if scale is None:
        n = 1 if reduction == "none" else xa.size if reduction == "all" else xa.shape[-1] if xa.ndim else 1
        scale = 1.0 / n if n else float("nan")
    y = _native.point_loss_forward(xa, ta, loss, reduction, scale, delta)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.point_loss_backward(xa, ta, dy, loss, reduction, scale, delta, grads[0], grads[1], grads.accumulate)

    return record(y, (x, t), backward)


def binary_cross_entropy(x: TensorLike, y_true: TensorLike, from_logits: bool = False) -> Tensor:
    """``-t log p - (1 - t) log(1 - p)``, element by element.

    Args:
        x: predictions: probabilities, which are clipped to [1e-7, 1 - 1e-7], or logits.
        y_true: targets t, of the same shape.

    Raises:
        ValueError: the shapes differ.

    Source: Lamina; ``binary_crossentropy`` has Keras's order of arguments.

    Example:
        >>> ops.binary_cross_entropy([0.9, 0.2], [1.0, 0.0])
        Tensor([0.1054, 0.2231], shape=(2,), dtype=float32)
    """
    return _points("binary_logits" if from_logits else "binary", y_true, x, "none")


def mean_squared_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """``mean((y_pred - y_true)^2)`` over the last axis.

    Source: Keras 3, keras.losses.mean_squared_error.

    Example:
        >>> ops.mean_squared_error([[0.0, 0.0]], [[1.0, 2.0]])
        Tensor([2.5], shape=(1,), dtype=float32)
    """
    return _points("squared", y_true, y_pred, "rows")


def mean_absolute_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """``mean(|y_pred - y_true|)`` over the last axis; the gradient at 0 is 0.

    Source: Keras 3, keras.losses.mean_absolute_error.

    Example:
        >>> ops.mean_absolute_error([[0.0, 0.0]], [[1.0, 2.0]])
        Tensor([1.5], shape=(1,), dtype=float32)
    """
    return _points("absolute", y_true, y_pred, "rows")


def huber(y_true: TensorLike, y_pred: TensorLike, delta: float = 1.0) -> Tensor:
    """``e^2 / 2`` where ``e = |y_pred - y_true| <= delta``, else ``delta e - delta^2 / 2``; mean over the last axis.

    Args:
        delta: where the loss becomes linear.

    Source: Keras 3, keras.losses.huber; Huber 1964, "Robust Estimation of a Location Parameter".

    Example:
        >>> ops.huber([0.0, 0.0], [0.5, 3.0])
        Tensor(1.3125, shape=(), dtype=float32)
    """
    return _points("huber", y_true, y_pred, "rows", delta=delta)


def log_cosh(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """``mean(log(cosh(y_pred - y_true)))`` over the last axis.

    Source: Keras 3, keras.losses.log_cosh.

    Example:
        >>> ops.log_cosh([[0.0, 0.0]], [[1.0, 2.0]])
        Tensor([0.8794], shape=(1,), dtype=float32)
    """
    return _points("log_cosh", y_true, y_pred, "rows")


def kl_divergence(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """``sum(y_true log(y_true / y_pred))`` over the last axis, both clipped to [1e-7, 1].

    Source: Keras 3, keras.losses.kl_divergence; Kullback and Leibler 1951, "On Information and Sufficiency".

    Example:
        >>> ops.kl_divergence([[0.5, 0.5]], [[0.9, 0.1]])
        Tensor([0.5108], shape=(1,), dtype=float32)
    """
    return _points("kl", y_true, y_pred, "rows", scale=1.0)


def poisson(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """``mean(y_pred - y_true log(y_pred + 1e-7))`` over the last axis.

    Source: Keras 3, keras.losses.poisson.

    Example:
        >>> ops.poisson([[1.0]], [[2.0]])
        Tensor([1.3069], shape=(1,), dtype=float32)
    """
    return _points("poisson", y_true, y_pred, "rows")


def point_loss_mean(loss: str, y_true: TensorLike, y_pred: TensorLike, delta: float = 1.0) -> Tensor:
    """Mean over all samples of a loss of single predictions.

    Args:
        loss: "squared", "absolute", "huber" (with ``delta``), "log_cosh", "binary" (of probabilities), "binary_logits",
            "poisson", or "kl", which is summed over the last axis instead.
        delta: where "huber" becomes linear.

    Returns: one number.

    Source: Lamina.

    Example:
        >>> ops.point_loss_mean("squared", np.float32([[0, 0]]), np.float32([[1, 2]]))
        Tensor(2.5, shape=(), dtype=float32)
    """
    y_pred = float_tensor(y_pred)
    rows = y_pred.size // y_pred.shape[-1] if loss == "kl" and y_pred.size else 0
    return _points(loss, y_true, y_pred, "all", scale=1.0 / rows if rows else None, delta=delta)


def _classes_last(x: TensorLike, axis: int) -> Any:
    return x if axis == -1 else moveaxis(x, axis, -1)


def categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """Cross-entropy of soft targets and predictions.

    Args:
        target: (..., C).
        output: (..., C), probabilities or logits.
        axis: the axis of classes; negative ones count from the end.

    Returns: losses (...).

    Raises:
        ValueError: the shapes differ, or the axis is out of range.

    Example:
        >>> ops.categorical_crossentropy([[0, 1]], [[0.1, 0.9]])
        Tensor([0.1054], shape=(1,), dtype=float32)
    """
    f: Callable[..., Tensor] = softmax_cross_entropy if from_logits else categorical_cross_entropy
    output = float_tensor(output)
    return f(_classes_last(output, axis), _classes_last(as_tensor(target, output._array.dtype), axis))


def sparse_categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """Cross-entropy of class indices and predictions.

    Args:
        target: (...), integers.
        output: (..., C), probabilities or logits.
        axis: the axis of classes; negative ones count from the end.

    Returns: losses (...).

    Raises:
        ValueError: shapes do not fit, the axis is out of range, or an index is; the message names it.

    Example:
        >>> ops.sparse_categorical_crossentropy([1], [[0.1, 0.9]])
        Tensor([0.1054], shape=(1,), dtype=float32)
    """
    f: Callable[..., Tensor] = softmax_cross_entropy if from_logits else categorical_cross_entropy
    labels = as_tensor(target)
    return f(_classes_last(output, axis), labels if labels._array.dtype.kind != "f" else as_tensor(labels, np.int64))


def binary_crossentropy(target: TensorLike, output: TensorLike, from_logits: bool = False) -> Tensor:
    """``-t log p - (1 - t) log(1 - p)``, element by element.

    Args:
        target: targets t, of the predictions' shape.
        output: predictions: probabilities, which are clipped to [1e-7, 1 - 1e-7], or logits.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> ops.binary_crossentropy([1.0, 0.0], [0.9, 0.2])
        Tensor([0.1054, 0.2231], shape=(2,), dtype=float32)
    """
    return binary_cross_entropy(output, target, from_logits)


__all__ = [
    "binary_cross_entropy", "binary_crossentropy", "categorical_cross_entropy", "categorical_cross_entropy_mean",
    "categorical_crossentropy", "huber", "kl_divergence", "log_cosh", "mean_absolute_error", "mean_squared_error",
    "point_loss_mean", "poisson", "softmax_cross_entropy", "softmax_cross_entropy_mean",
    "sparse_categorical_crossentropy",
]  # fmt: skip
