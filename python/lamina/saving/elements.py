"""The bytes of an array in a file as an array of this machine's types."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.autograd import Array

BFLOAT16 = "bf16"  # beside NumPy's names of types; its bits are the upper half of a float32's


def elements(data: Any, kind: str, order: str = "<") -> Array:
    """Bytes as an array; bfloat16, which NumPy lacks, becomes float32, which holds it exactly."""
    if kind == BFLOAT16:
        return (np.frombuffer(data, order + "u2").astype(np.uint32) << 16).view(np.float32)
    array = np.frombuffer(data, kind if kind == "?" else order + kind)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def width(kind: str) -> int:
    """Bytes of an element."""
    return 2 if kind == BFLOAT16 else np.dtype(kind).itemsize
