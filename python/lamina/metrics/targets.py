"""Targets and predictions as arrays that fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.arrays import without_last_one
from .base import Array


def pair(name: str, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    """Both as arrays of one shape; a last axis of length one may be missing in either."""
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if y_true.shape == y_pred.shape:
        return y_true, y_pred
    if (*y_true.shape, 1) == y_pred.shape or y_true.shape == (*y_pred.shape, 1):
        return y_true.reshape(y_pred.shape), y_pred
    raise ValueError(f"{name}: y_true is {y_true.shape}, y_pred {y_pred.shape}; they must have the same shape")


def labels_of(name: str, y_true: Any, y_pred: Array) -> Array:
    """Class indices of y_pred.shape[:-1]; a last axis of length one is dropped."""
    labels = np.asarray(y_true)
    if labels.shape == y_pred.shape[:-1]:
        return labels
    labels = labels.reshape(without_last_one(labels.shape, y_pred.ndim - 1))
    if labels.shape != y_pred.shape[:-1]:
        raise ValueError(f"{name}: y_true is {labels.shape}, y_pred {y_pred.shape}; wanted y_true {y_pred.shape[:-1]}")
    return labels


def rows(name: str, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
    """Both as (batch, outputs); one axis alone is one output."""
    y_true, y_pred = pair(name, y_true, y_pred)
    if y_pred.ndim == 1:
        y_true, y_pred = y_true[:, None], y_pred[:, None]
    if y_pred.ndim != 2:
        raise ValueError(f"{name}: y_true and y_pred must be (batch, outputs), got {y_pred.shape}")
    return y_true, y_pred


def divide(a: Any, b: Any) -> Any:
    """a / b, and 0 where b is 0."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b != 0)


def check_count(name: str, what: str, count: int, least: int, most: int) -> None:
    """ValueError unless a number of things, each of which takes memory, is in its range."""
    if not least <= count <= most:
        raise ValueError(f"{name}: {what} must be from {least} to {most}, got {count}")
