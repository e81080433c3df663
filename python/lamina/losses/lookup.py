"""Losses by name, description, class or function."""

from __future__ import annotations

from typing import Any

from ..core import registry
from ..core.explain import named
from ..core.rooms import bring
from ..core.suggest import unknown
from .base import Loss
from .function_loss import FunctionLoss, by_function, classes, short_names


@named("losses.get")
def get(identifier: Any) -> Any:
    """A loss from what names it.

    Args:
        identifier: a name ("mse" gives the function, "MeanSquaredError" an object), a description, a class, a Loss, or
            a function (y_true, y_pred); None stays None.

    Raises:
        ValueError: the name is unknown; the message gives the nearest.
        TypeError: it is none of these.

    Example:
        >>> losses.get("mse").__name__
        'mean_squared_error'
    """
    if identifier is None or isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, dict):
        return get(registry.class_name("loss", identifier)).from_config(identifier.get("config", {}))
    if isinstance(identifier, str):
        bring("losses", identifier)
        if identifier in classes:
            return classes[identifier]()
        functions = {fn.__name__: fn for fn in by_function}
        name = short_names.get(identifier.lower(), identifier)
        if name in functions:
            return functions[name]
        own = registry.find(identifier)  # which imports everything for a name that it does not know
        if own is None:
            raise unknown("loss", identifier, [*functions, *classes, *short_names])
        return get(own)
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if callable(identifier):
        return identifier
    raise TypeError(f"loss: expected a name, a Loss or a function (y_true, y_pred), got {identifier!r}")


def as_loss(identifier: Any) -> Loss:
    """As get, but always a Loss object, so that the built-in functions find their fused forms."""
    found = get(identifier)
    if isinstance(found, Loss):
        return found
    return by_function[found]() if is_built_in(found) else FunctionLoss(found)


def is_built_in(function: Any) -> bool:
    """Whether this is the function of one of the library's losses."""
    return any(function is fn for fn in by_function)


def serialize(loss: Any) -> Any:
    """The description from which ``get`` makes the same loss again; the name of one of the library's functions.

    Args:
        loss: the loss.

    Example:
        >>> losses.serialize(losses.Huber(delta=2.0))["class_name"]
        'Huber'
    """
    if is_built_in(loss):
        return loss.__name__
    return registry.describe(loss, loss.get_config())


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The loss of a description or a name.

    Args:
        name: the description, or the name of a class or a function.

    Raises:
        ValueError: it names a class that is unknown.

    Example:
        >>> losses.deserialize("mean_squared_error").__name__
        'mean_squared_error'
    """
    with registry.custom_object_scope(custom_objects):
        return get(name)


__all__ = ["deserialize", "get", "serialize"]
