"""Metrics of probabilities: the losses of these names as arrays, and their means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import losses
from ..core.autograd import Tensor
from ..losses.focal import binary_focal_crossentropy as binary_focal_loss
from ..losses.focal import categorical_focal_crossentropy as categorical_focal_loss
from ..losses.probabilistic import counted_labels
from ..ops.conversion import as_tensor
from .base import Array
from .function_metric import DeclaredMetric, without_tape

binary_crossentropy = without_tape(losses.binary_crossentropy, __name__)


class BinaryCrossentropy(DeclaredMetric, function=binary_crossentropy, direction="down", also=("bce",)):
    """Mean cross-entropy of independent yes/no targets: y_true in [0, 1], of y_pred's shape.

    Args:
        label_smoothing: s, which moves targets towards 1/2: t (1 - s) + s / 2.
        axis: the axis of the average.

    Example:
        >>> m = metrics.BinaryCrossentropy()
        >>> m.update_state([[1.0, 0.0]], [[0.9, 0.2]])
        >>> round(float(m.result()), 3)
        0.164
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            name: str | None = "binary_crossentropy",
            dtype: Any = None,
            from_logits: bool = False,
            label_smoothing: float = 0.0,
            axis: int = -1,
        ) -> None: ...


categorical_crossentropy = without_tape(losses.categorical_crossentropy, __name__)


class CategoricalCrossentropy(DeclaredMetric, function=categorical_crossentropy, direction="down"):
    """Mean cross-entropy with one-hot or soft targets, y_true and y_pred (..., classes).

    Example:
        >>> m = metrics.CategoricalCrossentropy()
        >>> m.update_state([[0.0, 1.0]], [[0.1, 0.9]])
        >>> round(float(m.result()), 3)
        0.105
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            name: str | None = "categorical_crossentropy",
            dtype: Any = None,
            from_logits: bool = False,
            label_smoothing: float = 0.0,
            axis: int = -1,
        ) -> None: ...


sparse_categorical_crossentropy = without_tape(losses.sparse_categorical_crossentropy, __name__)


class SparseCategoricalCrossentropy(DeclaredMetric, function=sparse_categorical_crossentropy, direction="down"):
    """Mean cross-entropy with class indices, y_true (...), y_pred (..., classes).

    Labels equal to ``ignore_class`` do not count in the mean, with and without weights, as in the loss; Keras 3.15
    counts them as 0 where there are no weights.

    Example:
        >>> m = metrics.SparseCategoricalCrossentropy()
        >>> m.update_state([1], [[0.1, 0.9]])
        >>> round(float(m.result()), 3)
        0.105
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            name: str | None = "sparse_categorical_crossentropy",
            dtype: Any = None,
            from_logits: bool = False,
            ignore_class: int | None = None,
            axis: int = -1,
            label_smoothing: float = 0.0,
        ) -> None: ...

    def unreduced(
        self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Tensor | None
    ) -> tuple[Array, Tensor | None]:
        values, _ = super().unreduced(y_true, y_pred, sample_weight, mask)
        return values, counted_labels(y_true, as_tensor(y_pred), self.options["ignore_class"], self.options["axis"])


class Perplexity(
    SparseCategoricalCrossentropy,
    function=sparse_categorical_crossentropy,
    direction="down",
    default_name="perplexity",
):
    """Exponential of the mean cross-entropy of a next symbol: among how many equally likely ones it would be as hard.

    y_true (...) are class indices, y_pred (..., classes).

    Source: Jelinek, Mercer, Bahl and Baker 1977, "Perplexity, a measure of the difficulty of speech recognition tasks".

    Example:
        >>> m = metrics.Perplexity()
        >>> m.update_state([1], [[0.5, 0.5]])
        >>> round(float(m.result()), 3)
        2.0
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            name: str | None = "perplexity",
            dtype: Any = None,
            from_logits: bool = False,
            ignore_class: int | None = None,
            axis: int = -1,
            label_smoothing: float = 0.0,
        ) -> None: ...

    def result(self) -> float:
        return float(np.exp(super().result()))


binary_focal_crossentropy = without_tape(binary_focal_loss, __name__)
categorical_focal_crossentropy = without_tape(categorical_focal_loss, __name__)
kl_divergence = without_tape(losses.kl_divergence, __name__)


class KLDivergence(DeclaredMetric, function=kl_divergence, direction="down", also=("kld",)):
    """Mean Kullback-Leibler divergence: ``sum(y_true log(y_true / y_pred))`` over the classes of the last axis.

    Example:
        >>> m = metrics.KLDivergence()
        >>> m.update_state([[0.5, 0.5]], [[0.9, 0.1]])
        >>> round(float(m.result()), 3)
        0.511
    """


poisson = without_tape(losses.poisson, __name__)


class Poisson(DeclaredMetric, function=poisson, direction="down"):
    """Mean of ``y_pred - y_true log(y_pred)``, for counts.

    Example:
        >>> m = metrics.Poisson()
        >>> m.update_state([[1.0]], [[2.0]])
        >>> round(float(m.result()), 3)
        1.307
    """


__all__ = [
    "BinaryCrossentropy", "CategoricalCrossentropy", "KLDivergence", "Perplexity", "Poisson",
    "SparseCategoricalCrossentropy", "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "kl_divergence", "poisson", "sparse_categorical_crossentropy",
]  # fmt: skip
