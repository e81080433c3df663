"""Optimizers by name, description or class."""

from __future__ import annotations

from typing import Any

from ..core import registry
from ..core.explain import named
from ..core.rooms import bring
from ..core.suggest import unknown
from .base import Optimizer, classes


@named("optimizers.get")
def get(identifier: Any) -> Any:
    """An optimizer from what names it.

    Args:
        identifier: a name such as "adam", a description, a class, or an Optimizer.

    Raises:
        ValueError: the name is unknown; the message gives the nearest.
        TypeError: it is none of these.

    Example:
        >>> type(optimizers.get("adam")).__name__
        'Adam'
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, dict):
        name = registry.class_name("optimizer", identifier)
        bring("optimizers", name)
        kind: Any = classes.get(name.lower()) or registry.find(name)
        made = get(name) if kind is None else kind  # some cannot be made without arguments
        return made.from_config(identifier.get("config", {}))
    if isinstance(identifier, str):
        bring("optimizers", identifier)
        own = registry.find(identifier) if identifier.lower() not in classes else None
        if isinstance(own, type) and issubclass(own, Optimizer):
            return own()  # type: ignore[call-arg]
        if identifier.lower() not in classes:
            raise unknown("optimizer", identifier, classes)
        return classes[identifier.lower()]()
    if isinstance(identifier, type) and identifier in classes.values():
        return identifier()
    raise TypeError(f"optimizer: expected a name or an Optimizer, got {identifier!r}")


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The description from which ``get`` makes the same optimizer again, without its state.

    Args:
        optimizer: the optimizer.

    Example:
        >>> optimizers.serialize(optimizers.Adam())["class_name"]
        'Adam'
    """
    return registry.describe(optimizer, optimizer.get_config())


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Optimizer:
    """The optimizer of a description.

    Args:
        config: the description.
        custom_objects: {name: class} of optimizers that are not registered.

    Raises:
        ValueError: it names a class that is unknown.

    Source: Keras 3, keras.optimizers.deserialize.

    Example:
        >>> optimizer = optimizers.deserialize(optimizers.serialize(optimizers.SGD(momentum=0.9)))
        >>> optimizer.momentum
        0.9
    """
    with registry.custom_object_scope(custom_objects):
        optimizer: Optimizer = get(config)
        return optimizer


__all__ = ["deserialize", "get", "serialize"]
