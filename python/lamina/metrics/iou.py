"""Metrics from the matrix of true and predicted classes: that matrix, and intersection over union."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.constructor import variant
from ..core.suggest import unknown
from .base import Array, BuiltIn, weights_of
from .targets import check_count, divide, pair

_MOST = 2**15  # classes, whose matrix takes 8 GiB


class _ClassMatrix(BuiltIn, listed=False):
    """State: ``total_cm`` (classes, classes), the weights of each true class (rows) and predicted one (columns).

    What is no class in targets or predictions, and ``ignore_class`` in targets, does not count.
    """

    _sums = ("total_cm",)

    def __init__(
        self,
        num_classes: int,
        name: str | None,
        dtype: Any,
        ignore_class: int | None,
        sparse_y_true: bool,
        sparse_y_pred: bool,
        axis: int,
    ) -> None:
        super().__init__(dtype, name)
        check_count(type(self).__name__, "num_classes", num_classes, 1, _MOST)
        self.num_classes = num_classes
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.reset_state()

    def reset_state(self) -> None:
        self.total_cm = np.zeros((self.num_classes, self.num_classes))

    def gather(self, y_true: Array, y_pred: Array, sample_weight: Any) -> None:
        with np.errstate(invalid="ignore"):  # NaN becomes an index that is no class
            t = np.asarray(y_true if self.sparse_y_true else y_true.argmax(self.axis), np.int64)
            p = np.asarray(y_pred if self.sparse_y_pred else y_pred.argmax(self.axis), np.int64)
        t, p = pair(self.name, t, p)
        n = self.num_classes
        counts = (t.view(np.uint64) < n) & (p.view(np.uint64) < n)  # negative ones are large there
        if self.ignore_class is not None:
            counts &= t != self.ignore_class
        factors = None
        if sample_weight is not None:
            factors = np.broadcast_to(weights_of(self.name, sample_weight, t.shape), t.shape)
        if not counts.all():
            t, p, factors = t[counts], p[counts], None if factors is None else factors[counts]
        factors = None if factors is None else factors.ravel()
        self.total_cm += np.bincount((t * n + p).ravel(), factors, n * n).reshape(n, n)


class ConfusionMatrix(_ClassMatrix):
    """How often each true class (rows) was predicted as each class (columns), (classes, classes).

    Args:
        sparse_y_pred: whether predictions are class indices; else their highest entry along ``axis`` is the class.
        normalize: "true" divides by the sums of rows, "pred" by those of columns, "all" by that of all; None does not.

    Raises:
        ValueError: ``normalize`` is unknown, or ``num_classes`` not positive.

    Source: Stehman 1997, "Selecting and interpreting measures of thematic classification accuracy".

    Example:
        >>> m = metrics.ConfusionMatrix(num_classes=2)
        >>> m.update_state([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
        >>> m.result()
        array([[1., 0.],
               [1., 1.]])
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = False,
        axis: int = -1,
        normalize: str | None = None,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)
        if normalize not in (None, "true", "pred", "all"):
            raise unknown("normalize", normalize, ("true", "pred", "all"))
        self.normalize = normalize

    def result(self) -> Array:
        if self.normalize is None:
            return self.total_cm.copy()
        axis = {"true": 1, "pred": 0, "all": None}[self.normalize]
        shares: Array = divide(self.total_cm, self.total_cm.sum(axis, keepdims=True))
        return shares


class IoU(_ClassMatrix, direction="up"):
    """Intersection over union, TP / (TP + FP + FN), mean of some classes; those that never occur do not count.

    Args:
        target_class_ids: the classes of the mean.

    Raises:
        ValueError: a target is no class, or ``num_classes`` not positive.

    Example:
        >>> m = metrics.IoU(num_classes=2, target_class_ids=[1])
        >>> m.update_state([0, 1, 1], [0, 1, 0])
        >>> float(m.result())
        0.5
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)
        self.target_class_ids = [int(c) for c in target_class_ids]
        wrong = [c for c in self.target_class_ids if not 0 <= c < num_classes]
        if wrong or not self.target_class_ids:
            raise ValueError(
                f"{type(self).__name__}: target_class_ids must be classes from 0 to {num_classes - 1}, got "
                f"{wrong or target_class_ids!r}"
            )

    def result(self) -> float:
        right = self.total_cm.diagonal()
        union = (self.total_cm.sum(0) + self.total_cm.sum(1) - right)[self.target_class_ids]
        return float(divide(divide(right[self.target_class_ids], union).sum(), np.count_nonzero(union > 0)))


class BinaryIoU(IoU, direction="up"):
    """Intersection over union of no (class 0) and yes (class 1), which is a prediction of at least ``threshold``.

    Args:
        target_class_ids: the classes of the mean, of 0 and 1.
        threshold: prediction from which on the answer is yes; for logits 0.

    Example:
        >>> m = metrics.BinaryIoU()
        >>> m.update_state([0, 1, 1, 1], [0.1, 0.2, 0.7, 0.9])
        >>> round(float(m.result()), 3)
        0.583
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def gather(self, y_true: Array, y_pred: Array, sample_weight: Any) -> None:
        limit = np.asarray(self.threshold, y_pred.dtype if y_pred.dtype.kind == "f" else np.float32)
        super().gather(y_true, y_pred >= limit, sample_weight)


class MeanIoU(IoU, direction="up"):
    """Intersection over union, TP / (TP + FP + FN), mean of all classes that occur.

    Example:
        >>> m = metrics.MeanIoU(num_classes=2)
        >>> m.update_state([0, 1, 1], [0, 1, 0])
        >>> float(m.result())
        0.5
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


def _one_hot(base: type[IoU]) -> Any:
    """The constructor of base for one-hot targets, and predictions of the same kind unless it is told otherwise."""
    return variant(base.__init__, defaults={"sparse_y_pred": False}, fixed={"sparse_y_true": False})


class OneHotIoU(IoU, direction="up"):
    """Intersection over union of one-hot targets, mean of some classes; those that never occur do not count.

    Args:
        target_class_ids: the classes of the mean.
        sparse_y_pred: whether predictions are class indices; else their highest entry along ``axis`` is the class.

    Example:
        >>> m = metrics.OneHotIoU(num_classes=2, target_class_ids=[1])
        >>> m.update_state([[1, 0], [0, 1]], [[0.9, 0.1], [0.3, 0.7]])
        >>> float(m.result())
        1.0
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            num_classes: int,
            target_class_ids: Sequence[int],
            name: str | None = None,
            dtype: Any = None,
            ignore_class: int | None = None,
            sparse_y_pred: bool = False,
            axis: int = -1,
        ) -> None: ...

    else:
        __init__ = _one_hot(IoU)


class OneHotMeanIoU(MeanIoU, direction="up"):
    """Intersection over union of one-hot targets, mean of all classes that occur.

    Args:
        sparse_y_pred: whether predictions are class indices; else their highest entry along ``axis`` is the class.

    Example:
        >>> m = metrics.OneHotMeanIoU(num_classes=2)
        >>> m.update_state([[1, 0], [0, 1]], [[0.9, 0.1], [0.3, 0.7]])
        >>> float(m.result())
        1.0
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            num_classes: int,
            name: str | None = None,
            dtype: Any = None,
            ignore_class: int | None = None,
            sparse_y_pred: bool = False,
            axis: int = -1,
        ) -> None: ...

    else:
        __init__ = _one_hot(MeanIoU)


__all__ = ["BinaryIoU", "ConfusionMatrix", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"]
