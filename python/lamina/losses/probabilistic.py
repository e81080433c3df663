"""Losses of probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..core.arrays import without_last_one
from ..core.autograd import Tensor
from ..core.explain import named
from ..core.grad_mode import grad_mode
from ..core.warn import warn
from ..ops.conversion import as_tensor
from .function_loss import DeclaredLoss
from .reduction import kept_part
from .targets import class_axis, class_indices, classes_last, match, smooth


@named("kl_divergence")
def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """``sum(y_true log(y_true / y_pred))`` over the last axis, both clipped to [1e-7, 1].

    Example:
        >>> losses.kl_divergence([[0.5, 0.5]], [[0.9, 0.1]])
        Tensor([0.5108], shape=(1,), dtype=float32)
    """
    y_true, y_pred = match("kl_divergence", y_true, y_pred)
    return ops.kl_divergence(y_true, y_pred)


class KLDivergence(DeclaredLoss, function=kl_divergence, also=("kld",), leaves_out=True):
    """Kullback-Leibler divergence: ``sum(y_true log(y_true / y_pred))`` over the classes of the last axis.

    Example:
        >>> losses.KLDivergence()([[0.5, 0.5]], [[0.9, 0.1]])
        Tensor(0.5108, shape=(), dtype=float32)
    """


@named("poisson")
def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """``mean(y_pred - y_true log(y_pred + 1e-7))`` over the last axis.

    Example:
        >>> losses.poisson([[1.0]], [[2.0]])
        Tensor([1.3069], shape=(1,), dtype=float32)
    """
    y_true, y_pred = match("poisson", y_true, y_pred)
    return ops.poisson(y_true, y_pred)


class Poisson(DeclaredLoss, function=poisson, leaves_out=True):
    """Loss of counts: ``y_pred - y_true log(y_pred)``.

    Example:
        >>> losses.Poisson()([[1.0]], [[2.0]])
        Tensor(1.3069, shape=(), dtype=float32)
    """


class Crossentropy(DeclaredLoss):
    """What the three cross-entropies share: one warning when logits and probabilities seem to be mixed up."""

    _looked = False

    @property
    def from_logits(self) -> bool:
        """Whether y_pred is logits rather than probabilities."""
        return bool(self.options["from_logits"])

    @from_logits.setter
    def from_logits(self, value: bool) -> None:
        self.options["from_logits"] = value

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        y_pred = as_tensor(y_pred)
        if not self._looked and grad_mode.recording is None and y_pred.size:
            self.__dict__["_looked"] = True  # no configuration
            self._look(y_pred._array)
        return super().__call__(y_true, y_pred, sample_weight)

    def _look(self, p: np.ndarray[Any, Any]) -> None:
        """Warn of the first predictions seen where their range says that from_logits is wrong."""
        inside = bool(p.min() >= 0.0) and bool(p.max() <= 1.001)
        name = type(self).__name__
        if not self.from_logits and not inside and not np.isnan(p).any():
            warn(
                f"{name}: predictions reach from {p.min():.3g} to {p.max():.3g}, so they are logits; "
                "pass from_logits=True or end the model with softmax (sigmoid for two classes)",
            )
        elif self.from_logits and inside and p.shape[-1:] > (1,) and np.allclose(p.sum(-1), 1.0, atol=1e-3):
            warn(
                f"{name}(from_logits=True): every row of predictions sums to 1, so they are probabilities already; "
                "pass from_logits=False or drop the model's last softmax",
            )


@named("binary_crossentropy")
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """``-(t log p + (1 - t) log(1 - p))``, averaged over an axis.

    Args:
        y_true: targets t in [0, 1], of the predictions' shape.
        label_smoothing: s, which moves targets towards 1/2: t (1 - s) + s / 2.
        axis: the axis of the average.

    Example:
        >>> losses.binary_crossentropy([[1.0, 0.0]], [[0.9, 0.2]])
        Tensor([0.1643], shape=(1,), dtype=float32)
    """
    y_true, y_pred = match("binary_crossentropy", y_true, y_pred)
    y_true = smooth(y_true, label_smoothing, 2)
    return ops.mean(ops.binary_cross_entropy(y_pred, y_true, from_logits=from_logits), axis=axis)


class BinaryCrossentropy(Crossentropy, function=binary_crossentropy, also=("bce",), leaves_out=True):
    """Cross-entropy of independent yes/no targets: y_true in [0, 1], of y_pred's shape.

    Args:
        label_smoothing: s, which moves targets towards 1/2: t (1 - s) + s / 2.
        axis: the axis of the average.

    Example:
        >>> losses.BinaryCrossentropy(from_logits=True)([[1.0], [0.0]], [[0.0], [0.0]])
        Tensor(0.6931, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            from_logits: bool = False,
            label_smoothing: float = 0.0,
            axis: int = -1,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "binary_crossentropy",
            dtype: Any = None,
        ) -> None: ...


@named("categorical_crossentropy")
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """``-sum(t log p)`` over the classes; probabilities are scaled to sum 1.

    Args:
        y_true: t, one-hot labels or probabilities (..., classes).

    Source: Keras 3, keras.losses.categorical_crossentropy; Szegedy et al. 2016, "Rethinking the Inception
        Architecture", section 7, for the smoothing.

    Example:
        >>> losses.categorical_crossentropy([[0.0, 1.0]], [[0.1, 0.9]])
        Tensor([0.1054], shape=(1,), dtype=float32)
    """
    y_true, y_pred = match("categorical_crossentropy", y_true, y_pred)
    last = class_axis("categorical_crossentropy", axis, y_pred)
    y_true, y_pred = classes_last(y_true, last), classes_last(y_pred, last)
    if from_logits:
        return ops.softmax_cross_entropy(y_pred, y_true, label_smoothing=label_smoothing)
    return ops.categorical_cross_entropy(y_pred, y_true, label_smoothing=label_smoothing)


class CategoricalCrossentropy(Crossentropy, function=categorical_crossentropy, leaves_out=True):
    """Cross-entropy with one-hot or soft targets, y_true and y_pred (..., classes).

    Example:
        >>> losses.CategoricalCrossentropy()([[0.0, 1.0]], [[0.1, 0.9]])
        Tensor(0.1054, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            from_logits: bool = False,
            label_smoothing: float = 0.0,
            axis: int = -1,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "categorical_crossentropy",
            dtype: Any = None,
        ) -> None: ...


def _labels_last(y_true: Any, y_pred: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Both with the classes as the last axis; labels may have a length of one on the axis of classes."""
    labels = as_tensor(y_true)
    if axis == -1 and type(axis) is int and y_pred.ndim:  # in every step of most networks
        return labels, y_pred
    last = class_axis("sparse_categorical_crossentropy", axis, y_pred)
    if labels.ndim == y_pred.ndim and labels.shape[last] == 1:
        labels = classes_last(labels, last)
    return labels, classes_last(y_pred, last)


def counted_labels(y_true: Any, y_pred: Tensor, ignore_class: int | None, axis: int) -> Tensor | None:
    """1 for each label that counts, 0 for those of ``ignore_class``; None if all do."""
    if ignore_class is None:
        return None
    labels, _ = _labels_last(y_true, y_pred, axis)
    labels = ops.reshape(labels, without_last_one(labels.shape, y_pred.ndim - 1))
    return ops.cast(ops.not_equal(labels, ignore_class), y_pred.dtype)


@named("sparse_categorical_crossentropy")
def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
) -> Tensor:
    """``-log p[y_true]`` of class indices.

    Args:
        y_true: class indices (...), integers.
        y_pred: predictions (..., classes).

    Raises:
        ValueError: shapes do not fit; a label is outside of the classes, the message names it.

    Example:
        >>> losses.sparse_categorical_crossentropy([1], [[0.1, 0.9]])
        Tensor([0.1054], shape=(1,), dtype=float32)
    """
    y_true, y_pred = _labels_last(y_true, as_tensor(y_pred), axis)
    labels = class_indices("sparse_categorical_crossentropy", y_true, y_pred)
    loss = ops.softmax_cross_entropy if from_logits else ops.categorical_cross_entropy
    return loss(y_pred, labels, label_smoothing=label_smoothing, ignore_class=ignore_class)


class SparseCategoricalCrossentropy(
    Crossentropy,
    function=sparse_categorical_crossentropy,
    leaves_out=True,
    order=("from_logits", "ignore_class", "reduction", "axis", "name", "dtype", "label_smoothing"),
):
    """Cross-entropy with class indices, y_true (...), y_pred (..., classes).

    Example:
        >>> losses.SparseCategoricalCrossentropy(from_logits=True)([1], [[0.0, 0.0]])
        Tensor(0.6931, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            from_logits: bool = False,
            ignore_class: int | None = None,
            reduction: str | None = "sum_over_batch_size",
            axis: int = -1,
            name: str | None = "sparse_categorical_crossentropy",
            dtype: Any = None,
            label_smoothing: float = 0.0,
        ) -> None: ...

    integer_targets = True

    @property
    def ignore_class(self) -> int | None:
        """The label without a loss."""
        label: int | None = self.options["ignore_class"]
        return label

    @ignore_class.setter
    def ignore_class(self, label: int | None) -> None:
        self.options["ignore_class"] = label

    def mean(self, y_true: Any, y_pred: Tensor) -> Tensor:
        y_true, y_pred = _labels_last(y_true, y_pred, self.options["axis"])
        labels = class_indices(self.name, y_true, y_pred)
        mean = ops.softmax_cross_entropy_mean if self.from_logits else ops.categorical_cross_entropy_mean
        smoothing = self.options["label_smoothing"]
        return mean(y_pred, labels, label_smoothing=smoothing, ignore_class=self.ignore_class)

    def kept(self, y_true: Any, y_pred: Tensor, sample_weight: Any, mask: Tensor | None) -> tuple[Any, Tensor]:
        labels, _ = _labels_last(y_true, y_pred, self.options["axis"])
        return kept_part(labels, sample_weight, mask, 0), y_pred  # a label that is left out may be anything

    def counted(self, y_true: Any, y_pred: Tensor) -> Tensor | None:
        return counted_labels(y_true, y_pred, self.ignore_class, self.options["axis"])


__all__ = [
    "BinaryCrossentropy", "CategoricalCrossentropy", "KLDivergence", "Poisson", "SparseCategoricalCrossentropy",
    "binary_crossentropy", "categorical_crossentropy", "kl_divergence", "poisson", "sparse_categorical_crossentropy",
]  # fmt: skip
