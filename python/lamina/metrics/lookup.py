"""Metrics by name, class, object or function."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import losses
from ..core.autograd import no_grad
from ..core.explain import named
from ..core.suggest import unknown
from .base import Array, Mean, Metric, MetricFunction
from .function_metric import MeanMetricWrapper, by_function, by_name

BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")


def classes() -> dict[str, type[Metric]]:
    """The library's own metrics."""
    return {"Mean": Mean, **{cls.__name__: cls for cls in by_name.values()}}


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


@named("metrics.get")
def get(identifier: Any, y_true_shape: tuple[int, ...] = (), y_pred_shape: tuple[int, ...] = ()) -> Metric:
    """A metric from what names it.

    "accuracy" and "crossentropy" (or "acc", "ce") need the shapes of a batch, as in Keras: one output unit means
    binary; labels without y_pred's last axis, or with length one there, mean class indices; else one-hot.

    Args:
        identifier: a name, a class, a Metric, a Loss, or a function (y_true, y_pred).
        y_true_shape: shape of a batch of targets.
        y_pred_shape: shape of a batch of predictions.

    Raises:
        ValueError: the name is unknown; the message gives the nearest.
        TypeError: it is none of these.
    """
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, str):
        if identifier in BY_SHAPE:
            return _by_shape(identifier, y_true_shape, y_pred_shape)
        if identifier in by_name:
            return by_name[identifier](name=identifier)
        if identifier in classes():
            return classes()[identifier]()
        found = _from_loss(identifier)
        if found is None:
            raise unknown("metric", identifier, [*by_name, *classes(), *BY_SHAPE])
        return found
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if isinstance(identifier, losses.Loss):
        return _of_loss(identifier.call, identifier.name)
    if any(identifier is fn for fn in by_function):
        return MeanMetricWrapper(identifier)
    if losses.is_built_in(identifier):
        return _of_loss(identifier, identifier.__name__)
    if callable(identifier):
        return MeanMetricWrapper(_without_tape(identifier), getattr(identifier, "__name__", type(identifier).__name__))
    raise TypeError(f"metric: expected a name, a Metric or a function (y_true, y_pred), got {identifier!r}")


def _by_shape(name: str, y_true: tuple[int, ...], y_pred: tuple[int, ...]) -> Metric:
    if y_pred[-1:] == (1,):
        kind = "binary"
    elif len(y_true) < len(y_pred) or y_true[-1:] == (1,):
        kind = "sparse_categorical"
    else:
        kind = "categorical"
    what = "crossentropy" if name in ("crossentropy", "ce") else "accuracy"
    metric = get(f"{kind}_{what}")
    metric.name = name
    return metric


__all__ = ["get"]
