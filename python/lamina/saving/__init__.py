"""Models in one file: safetensors with a JSON description in its header, no pickle, nothing executed."""

from __future__ import annotations

from ..core.custom_objects import (
    CustomObjectScope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
)
from ..core.registry import (
    custom_object_scope,
    deserialize,
    deserialize_keras_object,
    register_serializable,
    serialize,
)
from ..core.rooms import publish
from .model_file import load_model, load_weights, save_model, save_weights

register_keras_serializable, serialize_keras_object = register_serializable, serialize  # Keras's names

__all__ = [
    "CustomObjectScope", "custom_object_scope", "deserialize", "deserialize_keras_object", "get_custom_objects",
    "get_registered_name", "get_registered_object", "load_model", "load_weights", "register_keras_serializable",
    "register_serializable", "save_model", "save_weights", "serialize", "serialize_keras_object",
]  # fmt: skip

publish(__name__)
