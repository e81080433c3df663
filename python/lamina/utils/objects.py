"""Names, types and descriptions of objects under keras.utils' names."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from ..config import floatx
from ..core.arrays import as_dtype
from ..core.recording import forbid_capture
from ..core.registry import (
    custom_object_scope,
    deserialize_keras_object,
    find,
    name_of,
    register_serializable,
    serialize,
)
from ..layers import SymbolicTensor
from ..layers.variable import forget_names

register_keras_serializable, serialize_keras_object = register_serializable, serialize  # Keras's names


class CustomObjectScope(AbstractContextManager["CustomObjectScope"]):
    """Inside, descriptions may also use these names; as ``custom_object_scope``, for code of Keras's.

    Args:
        custom_objects: {name: class or function}, or None for none.

    Raises:
        TypeError: ``custom_objects`` is no dict.
    """

    def __init__(self, custom_objects: dict[str, Any] | None) -> None:
        if not isinstance(custom_objects, (dict, type(None))):
            raise TypeError(f"CustomObjectScope: custom_objects must be a dict or None, got {custom_objects!r}")
        self._scope = custom_object_scope(custom_objects)

    def __enter__(self) -> CustomObjectScope:
        self._scope.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._scope.__exit__(*error)


def get_registered_name(obj: Any) -> str:
    """The name of a class or function in descriptions.

    Args:
        obj: the class or function.

    Returns: the name it was registered under, else its own.
    """
    return name_of(obj) or str(obj.__name__)


def get_registered_object(name: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """The class or function of a name in descriptions, None if there is none.

    Args:
        name: the name.
        custom_objects: {name: class or function} that are known besides.

    Raises:
        TypeError: ``custom_objects`` is no dict.
    """
    with custom_object_scope(custom_objects):
        return find(name)


def standardize_dtype(dtype: Any) -> str:
    """The name of a type of elements: "float32" for ``np.float32``, "int64" for ``int``.

    Args:
        dtype: a name, a NumPy type or Python's; None means ``config.floatx()``.

    Raises:
        TypeError: it is no type of numbers or booleans.
    """
    if dtype is None:
        return floatx()
    if dtype is float or dtype == "float":
        return floatx()
    return str(as_dtype(np.int64 if dtype is int or dtype == "int" else dtype, "standardize_dtype: dtype").name)


def is_keras_tensor(x: Any) -> bool:
    """Whether ``x`` is a symbolic tensor of a functional model.

    Args:
        x: anything.
    """
    return isinstance(x, SymbolicTensor)


def clear_session(free_memory: bool = True) -> None:
    """Let automatic names of layers begin anew: the next Dense is "dense" again.

    Nothing else lives on between models here.

    Args:
        free_memory: whether Python collects what nobody refers to any more.
    """
    forbid_capture("clear_session() was called in the step")
    forget_names()
    if free_memory:
        import gc

        gc.collect()


__all__ = [
    "CustomObjectScope", "clear_session", "custom_object_scope", "deserialize_keras_object", "get_registered_name",
    "get_registered_object", "is_keras_tensor", "register_keras_serializable", "serialize_keras_object",
    "standardize_dtype",
]  # fmt: skip
