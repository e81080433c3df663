"""ONNX's element types and NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.autograd import Array


def numpy_type(element: int, what: str) -> np.dtype[Any]:
    """The NumPy type of an ONNX element type; ValueError for one that cannot be computed with."""
    from onnx import TensorProto, helper

    if element in (TensorProto.STRING, TensorProto.UNDEFINED, TensorProto.COMPLEX64, TensorProto.COMPLEX128):
        name = TensorProto.DataType.Name(element)
        raise ValueError(f"{what} has elements of type {name}, which cannot be computed with")
    try:
        return np.dtype(helper.tensor_dtype_to_np_dtype(element))
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{what} has elements of an unknown type, number {element}") from None


def working_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type in which elements are computed: float32 for shorter floats, int32 for shorter ones than NumPy has."""
    if dtype.kind in "iub" or (dtype.kind == "f" and dtype.itemsize in (4, 8)):
        return dtype
    if "int" in dtype.name:
        return np.dtype(np.int32)
    return np.dtype(np.float32)


def working(array: Array) -> Array:
    """An array in its working type and in this machine's byte order."""
    dtype = working_type(array.dtype)
    return array.astype(dtype.newbyteorder("=")) if array.dtype != dtype or not array.dtype.isnative else array
