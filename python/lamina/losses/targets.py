"""Targets in the type and the shape that a loss's function needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..core.arrays import without_last_one
from ..core.autograd import Tensor
from ..core.grad_mode import grad_mode
from ..ops.conversion import as_tensor

_NO_CLASS = -(2.0**62)  # an integer in all types of labels that are not whole, out of the range of any classes


def match(name: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
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


def of_one_rank(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Both with as many axes, where one of them lacks a last axis of length one, or has it alone, as in Keras."""
    if y_true.ndim > y_pred.ndim:
        y_pred, y_true = _of_one_rank(y_pred, y_true)
        return y_true, y_pred
    return _of_one_rank(y_true, y_pred)


def _of_one_rank(shorter: Tensor, longer: Tensor) -> tuple[Tensor, Tensor]:
    if longer.ndim != shorter.ndim + 1 or longer.shape[-1] != 1:
        return shorter, longer
    return (ops.expand_dims(shorter, -1), longer) if shorter.ndim == 1 else (shorter, ops.squeeze(longer, -1))


def class_indices(name: str, y_true: Any, y_pred: Tensor) -> Tensor:
    """Class indices of shape y_pred.shape[:-1]; a last axis of length one is dropped, whole floats become integers."""
    labels = as_tensor(y_true)
    if not y_pred.ndim:
        raise ValueError(f"{name}: y_pred is a single number, expected predictions of the classes on its last axis")
    if labels.dtype.kind not in "iu":
        values = labels._array
        if values.dtype.kind == "f" and (wrong := values[values != np.trunc(values)]).size:
            raise ValueError(f"{name}: y_true holds {wrong[0]}, expected class indices, whole numbers")
        if values.dtype.kind == "f" and grad_mode.recording is not None:  # replays find later ones: they are no class
            labels = ops.where(ops.equal(labels, ops.floor(labels)), labels, _NO_CLASS)
        labels = ops.cast(labels, np.int64)
    shape = without_last_one(labels.shape, y_pred.ndim - 1)
    if shape == y_pred.shape[:-1]:
        return labels if shape == labels.shape else ops.reshape(labels, shape)
    mend = f"class indices must be {y_pred.shape[:-1]}"
    if shape == y_pred.shape:
        mend = "one-hot labels go with categorical_crossentropy, class indices (y.argmax(-1)) with the sparse one"
    raise ValueError(f"{name}: y_true is {shape}, y_pred {y_pred.shape}: {mend}")


def class_axis(name: str, axis: Any, y_pred: Tensor) -> int:
    """The axis of classes, from 0."""
    if not y_pred.ndim:
        raise ValueError(f"{name}: y_pred is a single number, expected predictions of the classes on axis {axis}")
    if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
        raise TypeError(f"{name}: axis must be an integer, the axis of classes, got {axis!r}")
    if not -y_pred.ndim <= axis < y_pred.ndim:
        raise ValueError(f"{name}: axis {axis} is out of range for y_pred of shape {y_pred.shape}")
    return int(axis) % y_pred.ndim


def classes_last(y: Tensor, axis: int) -> Tensor:
    """y with the classes, on ``axis`` from 0, as its last axis."""
    return y if axis == y.ndim - 1 else ops.moveaxis(y, axis, -1)


def smooth(y_true: Tensor, label_smoothing: float, classes: int) -> Tensor:
    """Targets t become t (1 - s) + s / classes."""
    if not label_smoothing:
        return y_true
    return ops.add(ops.multiply(y_true, 1.0 - label_smoothing), label_smoothing / classes)
