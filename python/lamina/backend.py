"""keras.backend: types, defaults, names, as far as Keras 3 has them; operations are in lamina.ops."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import ops
from .config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from .core.rooms import publish
from .layers.variable import next_number
from .utils import clear_session, is_keras_tensor, standardize_dtype

_NUMBERS = {bool: True, int: 1, float: 1.0}


def get_uid(prefix: str = "") -> int:
    """How often a name was asked for, from 1; layers without a name count the same.

    Args:
        prefix: the name.

    Source: Keras 3, keras.backend.get_uid.

    Example:
        >>> backend.clear_session()
        >>> backend.get_uid("dense"), backend.get_uid("dense")
        (1, 2)
    """
    return next_number(prefix) + 1


def is_float_dtype(dtype: Any) -> bool:
    """Whether a type is one of floats.

    Args:
        dtype: a name, or a NumPy type.

    Source: Keras 3, keras.backend.is_float_dtype.

    Example:
        >>> backend.is_float_dtype("float64"), backend.is_float_dtype("int32")
        (True, False)
    """
    return np.dtype(standardize_dtype(dtype)).kind == "f"


def is_int_dtype(dtype: Any) -> bool:
    """Whether a type is one of integers, with or without sign.

    Args:
        dtype: a name, or a NumPy type.

    Source: Keras 3, keras.backend.is_int_dtype.

    Example:
        >>> backend.is_int_dtype("uint8"), backend.is_int_dtype("bool")
        (True, False)
    """
    return np.dtype(standardize_dtype(dtype)).kind in "iu"


def result_type(*dtypes: Any) -> str:
    """The type of a sum of tensors of these types; of Python's ``int`` and ``float`` a number is meant.

    64-bit types stay such, where Keras gives 32 bits.

    Args:
        *dtypes: names, NumPy types, ``int``, ``float``, ``bool``, or None for ``config.floatx()``.

    Source: Keras 3, keras.backend.result_type.

    Example:
        >>> backend.result_type("int32", "float32"), backend.result_type("int8", int)
        ('float32', 'int8')
    """
    parts = [
        _NUMBERS.get(dtype) if isinstance(dtype, type) and dtype in _NUMBERS
        else np.zeros(1, standardize_dtype(dtype))
        for dtype in dtypes
    ]  # fmt: skip
    if not parts:
        return floatx()
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    total = ops.convert_to_tensor(arrays[0] if arrays else parts[0])
    for part in [*arrays[1:], *(part for part in parts if not isinstance(part, np.ndarray))]:
        both_flags = total.dtype.kind == "b" and np.asarray(part).dtype.kind == "b"
        total = total if both_flags else ops.add(total, part)
    return str(total.dtype)


__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "get_uid", "image_data_format", "is_float_dtype", "is_int_dtype",
    "is_keras_tensor", "result_type", "set_epsilon", "set_floatx", "set_image_data_format", "standardize_dtype",
]  # fmt: skip

publish(__name__)
