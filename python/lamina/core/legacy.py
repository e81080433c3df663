"""Descriptions of objects as Keras 2 wrote them: a class name and a configuration."""

from __future__ import annotations

from typing import Any

from . import registry
from .explain import show


def serialize_keras_object(instance: Any) -> Any:
    """An object as its class name and configuration, a function as its name.

    Args:
        instance: the object; None stays.

    Raises:
        ValueError: it has no ``get_config`` and no name.

    Source: Keras 3, keras.legacy.saving.serialize_keras_object.

    Example:
        >>> lamina.legacy.saving.serialize_keras_object(lamina.regularizers.L2(0.5))
        {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        name = registry.name_of(type(instance)) or type(instance).__name__
        return {"class_name": name, "config": registry.serialize(instance.get_config())}
    if hasattr(instance, "__name__"):
        return registry.name_of(instance) or instance.__name__
    raise ValueError(f"serialize_keras_object: expected an object with get_config, or a function, got {show(instance)}")


def deserialize_keras_object(
    identifier: Any,
    module_objects: dict[str, Any] | None = None,
    custom_objects: dict[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """The object of a class name and a configuration, or the function of a name.

    Args:
        identifier: the description, a name, or a class or function, which stays.
        module_objects: {name: class or function} that are looked at last.
        custom_objects: {name: class or function} for what is not registered.
        printable_module_name: what errors call it.

    Raises:
        ValueError: a name is unknown, or the description is damaged.

    Source: Keras 3, keras.legacy.saving.deserialize_keras_object.

    Example:
        >>> found = lamina.legacy.saving.deserialize_keras_object({"class_name": "L2", "config": {"l2": 0.5}})
        >>> found.l2
        0.5
    """
    with registry.custom_object_scope({**(module_objects or {}), **(custom_objects or {})}):
        if identifier is None or callable(identifier):
            return identifier
        if isinstance(identifier, dict):
            registry.class_name(printable_module_name, identifier)
            return registry.deserialize({"config": {}, **identifier})
        found = registry.lookup(identifier, what=printable_module_name)
        return found() if isinstance(found, type) else found


__all__ = ["deserialize_keras_object", "serialize_keras_object"]
