"""Layers as descriptions, and back."""

from __future__ import annotations

from typing import Any

from ..core import registry
from ..core.explain import named
from .base import Layer


@named("layers.serialize")
def serialize(layer: Any) -> Any:
    """The description from which ``deserialize`` makes the same layer again, without its weights.

    Args:
        layer: the layer.

    Raises:
        TypeError: it is no layer, or has no description.

    Example:
        >>> layers.serialize(layers.Dense(8))["class_name"]
        'Dense'
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"expected a layer, got {layer!r}")
    return registry.serialize(layer)


@named("layers.deserialize")
def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The layer of a description.

    Args:
        config: the description.
        custom_objects: {name: class} of layers that are not registered.

    Raises:
        ValueError: the description is not that of a layer, or names a class that is unknown.

    Example:
        >>> layer = layers.deserialize(layers.serialize(layers.Dense(8, activation="relu")))
        >>> layer.units
        8
    """
    with registry.custom_object_scope(custom_objects):
        layer = registry.deserialize(config, "layer")
    if not isinstance(layer, Layer):
        raise ValueError(f"expected the description of a layer, got {config!r}")
    return layer


__all__ = ["deserialize", "serialize"]
