"""Metrics by name, class, object or function."""

from __future__ import annotations

from typing import Any

from .. import losses
from ..core import registry
from ..core.explain import named
from ..core.rooms import bring
from ..core.suggest import unknown
from .base import Metric, MetricFunction, by_name, classes
from .function_metric import MeanMetricWrapper, MeanOfLoss, by_function

_WRAPPERS = {cls.__name__: cls for cls in (MeanMetricWrapper, MeanOfLoss)}  # of which no name makes an object
BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")


def _from_loss(name: str) -> Metric | None:
    """A loss's name also names the metric of its mean."""
    try:
        return MeanOfLoss(losses.get(name), name)
    except ValueError:
        return None


@named("metrics.get")
def get(identifier: Any, y_true_shape: tuple[int, ...] = (), y_pred_shape: tuple[int, ...] = ()) -> Any:
    """A metric from what names it.

    "accuracy" and "crossentropy" (or "acc", "ce") need the shapes of a batch, as in Keras: one output unit means
    binary; labels without y_pred's last axis, or with length one there, mean class indices; else one-hot.

    Args:
        identifier: a name, a description, a class, a Metric, a Loss, or a function (y_true, y_pred); None stays None.
        y_true_shape: shape of a batch of targets.
        y_pred_shape: shape of a batch of predictions.

    Raises:
        ValueError: the name is unknown; the message gives the nearest.
        TypeError: it is none of these.

    Example:
        >>> type(metrics.get("mse")).__name__
        'MeanSquaredError'
    """
    if identifier is None or isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, dict):
        return _described(identifier)
    if isinstance(identifier, str):
        if identifier in BY_SHAPE:
            return _by_shape(identifier, y_true_shape, y_pred_shape)
        bring("metrics", identifier)
        if identifier in by_name:
            return by_name[identifier](name=identifier)
        if identifier in classes:
            return classes[identifier]()
        own = registry.find(identifier)
        if own is not None and (not isinstance(own, type) or issubclass(own, Metric)):
            return get(own)
        found = _from_loss(identifier)
        if found is None:
            raise unknown("metric", identifier, [*by_name, *classes, *BY_SHAPE])
        return found
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if isinstance(identifier, losses.Loss):
        return MeanOfLoss(identifier)
    if any(identifier is fn for fn in by_function) or losses.is_built_in(getattr(identifier, "__wrapped__", None)):
        return MeanMetricWrapper(identifier)
    if losses.is_built_in(identifier):
        return MeanOfLoss(identifier, identifier.__name__)
    if callable(identifier):
        return MeanMetricWrapper(identifier)
    raise TypeError(f"metric: expected a name, a Metric or a function (y_true, y_pred), got {identifier!r}")


def _described(description: dict[str, Any]) -> Metric:
    """The metric of a description; a class of the user's own must be registered."""
    name = registry.class_name("metric", description)
    bring("metrics", name)
    cls = classes.get(name) or _WRAPPERS.get(name) or registry.find(name)
    if not (isinstance(cls, type) and issubclass(cls, Metric)):
        raise unknown("metric", name, classes)
    with registry.about(f"metric {name}"):
        return cls.from_config(description.get("config", {}))


def _by_shape(name: str, y_true: tuple[int, ...], y_pred: tuple[int, ...]) -> Metric:
    if y_pred[-1:] == (1,):
        kind = "binary"
    elif len(y_true) < len(y_pred) or y_true[-1:] == (1,):
        kind = "sparse_categorical"
    else:
        kind = "categorical"
    what = "crossentropy" if name in ("crossentropy", "ce") else "accuracy"
    metric: Metric = get(f"{kind}_{what}")
    metric.name = name
    return metric


def serialize(metric: Metric | MetricFunction) -> Any:
    """The description from which ``deserialize`` makes the same metric again.

    Args:
        metric: the metric; the name of a function describes it.

    Raises:
        TypeError: it is no metric, or a function without a name.

    Source: Keras 3, keras.metrics.serialize.

    Example:
        >>> metrics.serialize(metrics.AUC())["class_name"]
        'AUC'
    """
    if isinstance(metric, Metric):
        return registry.describe(metric, metric.get_config())
    name = getattr(metric, "__name__", "")
    if not callable(metric) or not name.isidentifier():
        raise TypeError(f"serialize: expected a Metric or a function with a name, got {metric!r}")
    return name


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Metric:
    """The metric of a description.

    Args:
        config: the description, or the name of a function.
        custom_objects: {name: class or function} for what is not registered.

    Raises:
        ValueError: it names a class or function that is unknown.

    Source: Keras 3, keras.metrics.deserialize.

    Example:
        >>> metrics.deserialize(metrics.serialize(metrics.AUC(num_thresholds=50))).num_thresholds
        50
    """
    with registry.custom_object_scope(custom_objects):
        found = registry.find(config) if isinstance(config, str) else None
        metric: Metric = get(config if found is None else found)
        return metric


__all__ = ["deserialize", "get", "serialize"]
