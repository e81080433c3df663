"""Metrics with Keras 3's names and formulas, on NumPy arrays.

A metric gathers batches with ``update_state(y_true, y_pred, sample_weight=None)``; ``result()`` is the value over all
of them and ``reset_state()`` starts again.  ``fit`` also takes the name of a metric or any function
``(y_true, y_pred)`` of one value per sample, whose mean it reports.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import losses
from ._suggest import unknown
from .autograd import no_grad
from .layers.variable import Variable
from .masked import MaskedTensor

Array = np.ndarray[Any, np.dtype[Any]]
MetricFunction = Callable[..., Any]


def _pair(name: str, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    """Both as arrays of one shape; a last axis of length one may be missing in either."""
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if y_true.shape == y_pred.shape:
        return y_true, y_pred
    if (*y_true.shape, 1) == y_pred.shape or y_true.shape == (*y_pred.shape, 1):
        return y_true.reshape(y_pred.shape), y_pred
    raise ValueError(f"{name}: y_true is {y_true.shape}, y_pred {y_pred.shape}; they must have the same shape")


def _labels(name: str, y_true: Any, y_pred: Array) -> Array:
    """Class indices of y_pred.shape[:-1]; a last axis of length one is dropped."""
    labels = np.asarray(y_true)
    if labels.ndim == y_pred.ndim and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if labels.shape != y_pred.shape[:-1]:
        raise ValueError(f"{name}: y_true is {labels.shape}, y_pred {y_pred.shape}; wanted y_true {y_pred.shape[:-1]}")
    return labels


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Array:
    """How often y_pred > threshold agrees with y_true (0 or 1), averaged over the last axis."""
    y_true, y_pred = _pair("binary_accuracy", y_true, y_pred)
    return np.mean((y_pred > threshold) == y_true, axis=-1)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """1 where the largest entries of y_true and y_pred, both (..., classes), stand at the same place, else 0."""
    y_true, y_pred = _pair("categorical_accuracy", y_true, y_pred)
    return y_true.argmax(-1) == y_pred.argmax(-1)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """1 where the largest entry of y_pred (..., classes) stands at the class index y_true (...), else 0."""
    y_pred = np.asarray(y_pred)
    return y_pred.argmax(-1) == _labels("sparse_categorical_accuracy", y_true, y_pred)


def accuracy(y_true: Any, y_pred: Any) -> Array:
    """How often y_pred equals y_true exactly, averaged over the last axis."""
    y_true, y_pred = _pair("accuracy", y_true, y_pred)
    return np.mean(y_true == y_pred, axis=-1)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Array:
    """1 where fewer than k classes score higher than the class index y_true (...), y_pred (..., classes), else 0."""
    y_pred = np.asarray(y_pred)
    labels = _labels("sparse_top_k_categorical_accuracy", y_true, y_pred).astype(np.int64, copy=False)
    score = np.take_along_axis(y_pred, labels[..., None], axis=-1)
    return (np.count_nonzero(y_pred > score, axis=-1) < k) & np.isfinite(score[..., 0])


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Array:
    """As sparse_top_k_categorical_accuracy, for one-hot y_true (..., classes)."""
    y_true, y_pred = _pair("top_k_categorical_accuracy", y_true, y_pred)
    return sparse_top_k_categorical_accuracy(y_true.argmax(-1), y_pred, k)


def mean_squared_error(y_true: Any, y_pred: Any) -> Array:
    """mean((y_pred - y_true)^2) over the last axis."""
    y_true, y_pred = _pair("mean_squared_error", y_true, y_pred)
    return np.mean(np.square(y_pred - y_true), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Array:
    """mean(|y_pred - y_true|) over the last axis."""
    y_true, y_pred = _pair("mean_absolute_error", y_true, y_pred)
    return np.mean(np.abs(y_pred - y_true), axis=-1)


class Metric:
    """Base of the metrics: a subclass defines ``update_state(y_true, y_pred, sample_weight=None)`` and ``result()``.

    What it gathers is kept in variables from ``add_variable``, which ``reset_state`` sets to zero; one that keeps it
    elsewhere defines ``reset_state`` as well.  ``update_state`` gets arrays; NumPy and ``lamina.ops`` both take them.
    ``_direction``, as in Keras: "up" where more is better, "down" where less is; callbacks with ``mode="auto"`` ask it.
    """

    _direction: str | None = None

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or type(self).__name__
        self.dtype = dtype
        self._variables: list[Variable] = []

    def add_variable(
        self, shape: Sequence[int] = (), initializer: Any = "zeros", dtype: Any = None, name: str | None = None
    ) -> Variable:
        """A variable of this shape for the metric's state; ``assign`` and ``assign_add`` change it."""
        if not hasattr(self, "_variables"):
            raise RuntimeError(f"{type(self).__name__}.__init__ must begin with super().__init__(name=...)")
        self._variables.append(Variable(initializer, shape, dtype or self.dtype, trainable=False, name=name))
        return self._variables[-1]

    def add_weight(
        self, shape: Sequence[int] = (), initializer: Any = "zeros", dtype: Any = None, name: str | None = None
    ) -> Variable:
        """As add_variable, in Keras's older spelling."""
        return self.add_variable(shape, initializer, dtype, name)

    @property
    def variables(self) -> list[Variable]:
        """What add_variable made, in that order."""
        return list(self._variables)

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} must define update_state(y_true, y_pred, sample_weight)")

    def result(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define result()")

    def reset_state(self) -> None:
        """Start again: all variables become zero."""
        if not self._variables:
            raise NotImplementedError(
                f"{type(self).__name__} must define reset_state(), or keep its state in variables of add_variable()"
            )
        for v in self._variables:
            v.assign(np.zeros(v.shape, v.dtype))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Update, then give the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"


class _Average(Metric):
    """The (weighted) mean of all values added so far; 0 before the first."""

    def __init__(self, name: str, dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = 0.0
        self.count = 0.0

    def add(self, values: Any, sample_weight: Any) -> None:
        values = np.asarray(values)
        if sample_weight is None:
            self.total += float(values.sum(dtype=np.float64))
            self.count += values.size
            return
        weight = np.asarray(sample_weight, dtype=np.float64)
        if weight.ndim == values.ndim + 1 and weight.shape[-1] == 1:
            weight = weight[..., 0]
        if weight.shape == values.shape:
            total = float(np.vdot(weight, values))
        else:
            if weight.ndim > values.ndim or any(
                m not in (1, n) for m, n in zip(weight.shape, values.shape, strict=False)
            ):
                raise ValueError(f"{self.name}: sample_weight has shape {weight.shape}, the values {values.shape}")
            weight = weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))
            with np.errstate(invalid="ignore"):
                total = float((values * weight).sum())
        if total != total:  # what has a weight of 0 is left out, a NaN as well
            with np.errstate(invalid="ignore"):
                total = float(np.where(weight == 0, 0, values * weight).sum())
        self.total += total
        self.count += float(weight.sum()) * (values.size / max(weight.size, 1))

    def result(self) -> float:
        return self.total / self.count if self.count else 0.0

    def reset_state(self) -> None:
        self.total = 0.0
        self.count = 0.0


class Mean(_Average):
    """The (weighted) mean of the values given to ``update_state(values, sample_weight=None)``; 0 before the first."""

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        self.add(values, sample_weight)


# Which way these are better, for callbacks that monitor a metric made of one.
_BETTER: dict[MetricFunction, str] = {
    accuracy: "up",
    binary_accuracy: "up",
    categorical_accuracy: "up",
    sparse_categorical_accuracy: "up",
    sparse_top_k_categorical_accuracy: "up",
    top_k_categorical_accuracy: "up",
    mean_absolute_error: "down",
    mean_squared_error: "down",
}


def _masked(sample_weight: Any, mask: Array) -> Array:
    """sample_weight, (batch) or (batch, time), times the mask."""
    weight = np.asarray(sample_weight)
    if weight.ndim == mask.ndim + 1 and weight.shape[-1] == 1:
        weight = weight[..., 0]
    return weight.reshape(weight.shape + (1,) * (mask.ndim - weight.ndim)) * mask


class MeanMetricWrapper(_Average):
    """The mean of a function ``fn(y_true, y_pred, **options)`` of one value per sample.

    Steps that the mask of y_pred leaves out don't count.
    """

    def __init__(self, fn: MetricFunction, name: str | None = None, dtype: Any = None, **options: Any) -> None:
        super().__init__(name or fn.__name__, dtype)
        self.fn = fn
        self.options = options
        if fn in _BETTER:
            self._direction = _BETTER[fn]
        elif losses.is_built_in(fn):
            self._direction = "down"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        mask = None
        if isinstance(y_pred, MaskedTensor):
            y_pred, mask = y_pred._array, y_pred.mask._array
        values = np.asarray(self.fn(y_true, y_pred, **self.options))
        if values.dtype.kind not in "fiub":
            raise TypeError(f"metric {self.name!r}: its function returned {values!r}, expected one value per sample")
        if mask is not None and mask.shape == values.shape[: mask.ndim]:
            sample_weight = mask if sample_weight is None else _masked(sample_weight, mask)
        self.add(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        own = {"fn": self.fn} if type(self) is MeanMetricWrapper else {}  # its subclasses know theirs
        return {**super().get_config(), **own, **self.options}


class Accuracy(MeanMetricWrapper):
    """How often predictions equal labels exactly (for "accuracy" by shape, give ``compile`` that name instead)."""

    def __init__(self, name: str = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often ``y_pred > threshold`` agrees with labels 0 and 1; for logits pass ``threshold=0.0``."""

    def __init__(self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the best class is right, one-hot labels."""

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the best class is right, labels are class indices."""

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the right class is among the k best, one-hot labels."""

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the right class is among the k best, labels are class indices."""

    def __init__(self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k)


class MeanSquaredError(MeanMetricWrapper):
    """mean((y_pred - y_true)^2)."""

    def __init__(self, name: str = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_error, name, dtype)


class MeanAbsoluteError(MeanMetricWrapper):
    """mean(|y_pred - y_true|)."""

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_error, name, dtype)


class RootMeanSquaredError(MeanMetricWrapper):
    """sqrt(mean((y_pred - y_true)^2)) over all samples."""

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_error, name, dtype)

    def result(self) -> float:
        return float(np.sqrt(super().result()))


_CLASSES: dict[str, type[Metric]] = {
    cls.__name__: cls
    for cls in (
        Accuracy,
        BinaryAccuracy,
        CategoricalAccuracy,
        Mean,
        MeanAbsoluteError,
        MeanSquaredError,
        RootMeanSquaredError,
        SparseCategoricalAccuracy,
        SparseTopKCategoricalAccuracy,
        TopKCategoricalAccuracy,
    )
}
BUILT_IN = frozenset(_CLASSES.values())
_NAMES: dict[str, Callable[[], Metric]] = {
    "binary_accuracy": BinaryAccuracy,
    "categorical_accuracy": CategoricalAccuracy,
    "mae": lambda: MeanAbsoluteError("mae"),
    "mean_absolute_error": MeanAbsoluteError,
    "mean_squared_error": MeanSquaredError,
    "mse": lambda: MeanSquaredError("mse"),
    "rmse": lambda: RootMeanSquaredError("rmse"),
    "root_mean_squared_error": RootMeanSquaredError,
    "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy": SparseTopKCategoricalAccuracy,
    "top_k_categorical_accuracy": TopKCategoricalAccuracy,
}
BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")


def _from_loss(name: str) -> Metric | None:
    """A loss's name also names the metric of its mean."""
    try:
        fn = losses.get(name)
    except ValueError:
        return None
    return _of_loss(fn, name)


def _of_loss(fn: MetricFunction, name: str) -> Metric:
    metric = MeanMetricWrapper(_without_tape(fn), name)
    metric._direction = "down"
    return metric


def _without_tape(fn: MetricFunction) -> MetricFunction:
    """fn, which may be built from lamina.ops, giving arrays and recording nothing."""

    def call(y_true: Any, y_pred: Any, **options: Any) -> Array:
        with no_grad():
            return np.asarray(fn(y_true, y_pred, **options))

    return call


def get(identifier: Any, y_true_shape: tuple[int, ...] = (), y_pred_shape: tuple[int, ...] = ()) -> Metric:
    """A metric from its name, class, object or function.

    "accuracy" and "crossentropy" (or "acc", "ce") need the shapes of a batch, as in Keras: one output unit means
    binary; labels without y_pred's last axis, or with length one there, mean class indices; else one-hot.
    """
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, str):
        if identifier in BY_SHAPE:
            return _by_shape(identifier, y_true_shape, y_pred_shape)
        if identifier in _NAMES:
            return _NAMES[identifier]()
        if identifier in _CLASSES:
            return _CLASSES[identifier]()
        found = _from_loss(identifier)
        if found is None:
            raise unknown("metric", identifier, [*_NAMES, *_CLASSES, *BY_SHAPE])
        return found
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if isinstance(identifier, losses.Loss):
        return _of_loss(identifier.call, identifier.name)
    if identifier in _BETTER:
        return MeanMetricWrapper(identifier)
    if losses.is_built_in(identifier):
        return _of_loss(identifier, identifier.__name__)
    if callable(identifier):
        return MeanMetricWrapper(_without_tape(identifier), getattr(identifier, "__name__", type(identifier).__name__))
    raise TypeError(f"metric: expected a name, a Metric or a function (y_true, y_pred), got {identifier!r}")


def _by_shape(name: str, y_true: tuple[int, ...], y_pred: tuple[int, ...]) -> Metric:
    if y_pred[-1:] == (1,):
        kind = "binary"
    elif len(y_true) < len(y_pred) or (y_true[-1:] == (1,) and y_pred[-1] > 1):
        kind = "sparse_categorical"
    else:
        kind = "categorical"
    what = "crossentropy" if name in ("crossentropy", "ce") else "accuracy"
    metric = get(f"{kind}_{what}")
    metric.name = name
    return metric
