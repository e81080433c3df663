"""Names, types and descriptions of objects under keras.utils' names."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..config import (
    disable_interactive_logging,
    enable_interactive_logging,
    floatx,
    is_interactive_logging_enabled,
)
from ..core.arrays import as_dtype
from ..core.custom_objects import (
    CustomObjectScope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
)
from ..core.recording import forbid_capture
from ..core.registry import (
    custom_object_scope,
    deserialize_keras_object,
    register_serializable,
    serialize,
)
from ..layers import SymbolicTensor
from ..layers.variable import forget_names

register_keras_serializable, serialize_keras_object = register_serializable, serialize  # Keras's names


def standardize_dtype(dtype: Any) -> str:
    """The name of a type of elements: "float32" for ``np.float32``, "int64" for ``int``.

    Args:
        dtype: a name, a NumPy type or Python's; None means ``config.floatx()``.

    Raises:
        TypeError: it is no type of numbers or booleans.

    Example:
        >>> utils.standardize_dtype(np.float64), utils.standardize_dtype(None)
        ('float64', 'float32')
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

    Example:
        >>> utils.is_keras_tensor(lamina.Input((2,))), utils.is_keras_tensor(np.ones(2))
        (True, False)
    """
    return isinstance(x, SymbolicTensor)


def clear_session(free_memory: bool = True) -> None:
    """Let automatic names of layers begin anew: the next Dense is "dense" again.

    Nothing else lives on between models here.

    Args:
        free_memory: whether Python collects what nobody refers to any more.

    Example:
        >>> utils.clear_session()
        >>> layers.Dense(1).name
        'dense'
    """
    forbid_capture("clear_session() was called in the step")
    forget_names()
    if free_memory:
        import gc

        gc.collect()


__all__ = [
    "CustomObjectScope", "clear_session", "custom_object_scope", "deserialize_keras_object",
    "disable_interactive_logging", "enable_interactive_logging", "get_custom_objects", "get_registered_name",
    "get_registered_object", "is_interactive_logging_enabled", "is_keras_tensor", "register_keras_serializable",
    "serialize_keras_object", "standardize_dtype",
]  # fmt: skip
