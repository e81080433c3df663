"""What estimators are given to learn, and what networks are trained on: labels become numbers, outputs labels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from .. import losses
from .checks import Array


class Classes:
    """The classes of a problem, and labels as indices of them; of several labels a sample, one column a label."""

    def __init__(self, y: Any, classes: Any = None) -> None:
        none_missing(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise ValueError(
                "y: several labels a sample must be 0 or 1 each; for several of more classes there is "
                "sklearn.multioutput.MultiOutputClassifier, which trains a network for each"
            )
        self.several = kind.startswith("multilabel")
        if self.several:
            self.values: Array = np.arange(y.shape[1])
        else:
            self.values = np.unique(one_column(y) if classes is None else np.asarray(classes))

    @property
    def outputs(self) -> int:
        """How many numbers tell the classes apart: one for two, else one for each."""
        n = len(self.values)
        return n if self.several or n > 2 else 1  # > is free: the index of two classes is one number

    def indices(self, y: Any) -> Array:
        """Indices (N,), or for several labels a sample 0 and 1 (N, labels)."""
        if self.several:
            labels: Array = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
            if labels.shape[1:] != self.values.shape:
                raise ValueError(f"y: expected {len(self.values)} labels a sample, got {labels.shape[1:]}")
            return labels
        y = one_column(y)
        found = np.searchsorted(self.values, y) if len(y) else np.zeros(0, np.int64)
        found = np.minimum(found, len(self.values) - 1)
        new = self.values[found] != y
        if new.any():
            raise ValueError(f"y: {np.unique(y[new])} are not among the classes {self.values}")
        return found

    def places(self, decision: Array) -> Array:
        """The indices that decision values stand for."""
        if self.several or decision.ndim == 1:
            return ((decision > 0) & (self.several or len(self.values) > 1)).astype(np.int64)
        return decision.argmax(1)

    def labels(self, decision: Array) -> Array:
        """The labels that decision values stand for."""
        return self.places(decision) if self.several else self.values[self.places(decision)]

    def weights(self, class_weight: Any, indices: Array, sample_weight: Array | None) -> Array | None:
        """``sample_weight`` times the weights of the samples' classes."""
        if class_weight is None:
            return sample_weight
        if self.several:
            each = compute_sample_weight(class_weight, indices)
        elif isinstance(class_weight, str) and class_weight == "balanced":
            counts = np.bincount(indices, sample_weight, len(self.values))
            each = (counts.sum() / (len(counts) * np.where(counts > 0, counts, 1.0)))[indices]
        else:
            each = compute_class_weight(class_weight, classes=self.values, y=self.values[indices])[indices]
        return each if sample_weight is None else each * sample_weight


def one_column(y: Any) -> Array:
    """Labels as (N,); a column is warned of, several columns or missing labels are a ValueError."""
    none_missing(y)
    check_classification_targets(y)
    return column_or_1d(y, warn=True)


def none_missing(y: Any) -> None:
    """ValueError for labels that are None, NaN or pandas's NA."""
    if not isinstance(getattr(y, "dtype", np.dtype("f")), np.dtype):
        y = np.asarray(y)  # of pandas's own types
    if getattr(getattr(y, "dtype", None), "kind", "") != "O":
        return
    missing = [i for i, label in enumerate(np.ravel(y)) if _is_missing(label)]
    if missing:
        raise ValueError(
            f"y: {len(missing)} labels are missing (None or NaN), the first at {missing[0]}; leave them out"
        )


def _is_missing(label: Any) -> bool:
    """Whether it is None, NaN or pandas's NA, which has no truth value."""
    return label is None or type(label).__name__ == "NAType" or (isinstance(label, float) and math.isnan(label))


class Head:
    """How the outputs of a classifying network are to be read, and what it is trained on.

    Args:
        name: the estimator's.
        classes: the classes of the problem.
        width: length of the outputs' last axis.
        logits: whether the outputs are logits; else they are probabilities.
        loss: the loss that the user gave; None for the usual one.
    """

    def __init__(self, name: str, classes: Classes, width: int, logits: bool, loss: Any = None) -> None:
        n = len(classes.values)
        if width != n and (classes.several or width != 1 or n > 2):
            wanted = f"{n}" if classes.several or n > 2 else "1, or 2,"
            raise ValueError(
                f"{name}: the model gives {width} outputs for {n} classes; give its last layer {wanted} units"
            )
        self.alone = classes.several or width == 1  # each output is a decision of its own
        self.several = classes.several
        self.certain = n == 1 and not classes.several
        self.logits = logits
        usual = losses.BinaryCrossentropy if self.alone else losses.SparseCategoricalCrossentropy
        self.loss = losses.as_loss(loss) if loss is not None else usual(from_logits=logits)
        self.width = width

    def targets(self, indices: Array, dtype: Any) -> Array:
        """What the loss takes for these indices."""
        if self.alone:
            return indices.astype(dtype).reshape(len(indices), -1)
        if self.loss.integer_targets:
            return indices
        return np.eye(self.width, dtype=dtype)[indices]

    def decision(self, outputs: Array) -> Array:
        """Numbers that grow with the probability: (N,) for two classes, positive for the second; else (N, classes)."""
        outputs = outputs.reshape(len(outputs), -1)
        if not self.logits:
            tiny = np.finfo(outputs.dtype).tiny
            logs = np.log(np.maximum(outputs, tiny))
            outputs = logs - np.log(np.maximum(1 - outputs, tiny)) if self.alone else logs
        if self.several:
            return outputs
        if self.alone:
            return outputs[:, 0]
        return outputs[:, 1] - outputs[:, 0] if self.width == 2 else outputs

    def probabilities(self, outputs: Array) -> Array:
        """(N, classes); of several labels a sample the probability of each."""
        outputs = outputs.reshape(len(outputs), -1)
        if self.certain:
            return np.ones_like(outputs)
        if self.logits:
            outputs = _sigmoid(outputs) if self.alone else _softmax(outputs)
        elif not self.alone:
            outputs = outputs / outputs.sum(1, keepdims=True)  # the sum of float32 numbers may miss 1 by more
        if self.several or not self.alone:
            return outputs
        return np.concatenate([1 - outputs, outputs], 1)


def _sigmoid(x: Array) -> Array:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)  # >= is free: both halves agree at 0


def _softmax(x: Array) -> Array:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)
