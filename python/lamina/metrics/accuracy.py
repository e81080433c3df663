"""Metrics of classes: how often predictions are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.explain import named
from .base import Array
from .function_metric import DeclaredMetric
from .targets import labels_of, pair


@named("accuracy")
def accuracy(y_true: Any, y_pred: Any) -> Array:
    """How often y_pred equals y_true exactly, averaged over the last axis.

    Source: Keras 3, keras.metrics.Accuracy.

    Example:
        >>> round(float(metrics.accuracy([1, 2, 3], [1, 2, 0])), 3)
        0.667
    """
    return np.mean(_equal(y_true, y_pred), axis=-1)


def _equal(y_true: Any, y_pred: Any) -> Array:
    y_true, y_pred = pair("accuracy", y_true, y_pred)
    return y_true == y_pred


class Accuracy(DeclaredMetric, function=accuracy, direction="up", counts=True, elementwise=_equal):
    """How often predictions equal labels exactly; ``compile`` takes "accuracy" for that by shape.

    Example:
        >>> m = metrics.Accuracy()
        >>> m.update_state([1, 2, 3], [1, 2, 0])
        >>> round(float(m.result()), 3)
        0.667
    """


@named("binary_accuracy")
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Array:
    """How often ``y_pred > threshold`` agrees with y_true (0 or 1), averaged over the last axis.

    Example:
        >>> metrics.binary_accuracy([[1], [0]], [[0.9], [0.6]])
        array([1., 0.])
    """
    return np.mean(_on_its_side(y_true, y_pred, threshold), axis=-1)


def _on_its_side(y_true: Any, y_pred: Any, threshold: float) -> Array:
    y_true, y_pred = pair("binary_accuracy", y_true, y_pred)
    return (y_pred > threshold) == y_true


class BinaryAccuracy(DeclaredMetric, function=binary_accuracy, direction="up", counts=True, elementwise=_on_its_side):
    """How often ``y_pred > threshold`` agrees with labels 0 and 1.

    Example:
        >>> m = metrics.BinaryAccuracy()
        >>> m.update_state([[1], [1], [0]], [[0.9], [0.4], [0.1]])
        >>> round(float(m.result()), 3)
        0.667
    """

    if TYPE_CHECKING:

        def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None: ...


@named("categorical_accuracy")
def categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """1 where the largest entries of y_true and y_pred stand at the same place, else 0.

    Args:
        y_true: one-hot labels (..., classes).

    Example:
        >>> metrics.categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]])
        array([ True, False])
    """
    y_true, y_pred = pair("categorical_accuracy", y_true, y_pred)
    return y_true.argmax(-1) == y_pred.argmax(-1)


class CategoricalAccuracy(DeclaredMetric, function=categorical_accuracy, direction="up", counts=True):
    """How often the best class is right, one-hot labels.

    Example:
        >>> m = metrics.CategoricalAccuracy()
        >>> m.update_state([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]])
        >>> float(m.result())
        0.5
    """


@named("sparse_categorical_accuracy")
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """1 where the largest entry of y_pred stands at the class index, else 0.

    Args:
        y_true: class indices (...).
        y_pred: predictions (..., classes).

    Example:
        >>> metrics.sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.4, 0.6]])
        array([ True, False])
    """
    y_pred = np.asarray(y_pred)
    return y_pred.argmax(-1) == labels_of("sparse_categorical_accuracy", y_true, y_pred)


class SparseCategoricalAccuracy(DeclaredMetric, function=sparse_categorical_accuracy, direction="up", counts=True):
    """How often the best class is right, labels are class indices.

    Example:
        >>> m = metrics.SparseCategoricalAccuracy()
        >>> m.update_state([1, 0], [[0.2, 0.8], [0.4, 0.6]])
        >>> float(m.result())
        0.5
    """


@named("sparse_top_k_categorical_accuracy")
def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Array:
    """1 where fewer than k classes score higher than the right one, else 0.

    Args:
        y_true: class indices (...).
        y_pred: predictions (..., classes); with ``from_sorted_ids`` class indices, the best first.

    Example:
        >>> metrics.sparse_top_k_categorical_accuracy([0, 2], [[0.2, 0.5, 0.3], [0.1, 0.3, 0.6]], k=2)
        array([False,  True])
    """
    y_pred = np.asarray(y_pred)
    labels = labels_of("sparse_top_k_categorical_accuracy", y_true, y_pred)
    if from_sorted_ids:
        return (y_pred[..., :k] == labels[..., None]).any(-1)
    score = np.take_along_axis(y_pred, np.asarray(labels, np.int64)[..., None], axis=-1)
    return (np.count_nonzero(y_pred > score, axis=-1) < k) & np.isfinite(score[..., 0])


class SparseTopKCategoricalAccuracy(
    DeclaredMetric,
    function=sparse_top_k_categorical_accuracy,
    direction="up",
    counts=True,
    order=("k", "name", "dtype", "from_sorted_ids"),
):
    """How often the right class is among the k best, labels are class indices.

    Example:
        >>> m = metrics.SparseTopKCategoricalAccuracy(k=2)
        >>> m.update_state([0, 2], [[0.2, 0.5, 0.3], [0.1, 0.3, 0.6]])
        >>> float(m.result())
        0.5
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            k: int = 5,
            name: str | None = "sparse_top_k_categorical_accuracy",
            dtype: Any = None,
            from_sorted_ids: bool = False,
        ) -> None: ...


@named("top_k_categorical_accuracy")
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Array:
    """1 where fewer than k classes score higher than the right one, else 0.

    Args:
        y_true: one-hot labels (..., classes).

    Example:
        >>> metrics.top_k_categorical_accuracy([[1, 0, 0], [0, 0, 1]], [[0.2, 0.5, 0.3], [0.1, 0.3, 0.6]], k=2)
        array([False,  True])
    """
    y_true, y_pred = pair("top_k_categorical_accuracy", y_true, y_pred)
    return sparse_top_k_categorical_accuracy(y_true.argmax(-1), y_pred, k)


class TopKCategoricalAccuracy(
    DeclaredMetric, function=top_k_categorical_accuracy, direction="up", counts=True, order=("k", "name", "dtype")
):
    """How often the right class is among the k best, one-hot labels.

    Example:
        >>> m = metrics.TopKCategoricalAccuracy(k=2)
        >>> m.update_state([[1, 0, 0], [0, 0, 1]], [[0.2, 0.5, 0.3], [0.1, 0.3, 0.6]])
        >>> float(m.result())
        0.5
    """

    if TYPE_CHECKING:

        def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None) -> None: ...


__all__ = [
    "Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy", "accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy", "top_k_categorical_accuracy",
]  # fmt: skip
