"""Images of integers in operations that compute floats: the result has their type again."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.autograd import Tensor
from .conversion import as_tensor, cast, floatx
from .elementwise import maximum, minimum, round


def in_floats(x: Tensor) -> Tensor:
    """x as floats that hold its integers: ``config.floatx()`` to 16 bits, then float64, exact to 2^53."""
    if x._array.dtype.kind == "f":
        return x
    return as_tensor(x, floatx() if x._array.dtype.itemsize < 4 else np.float64)


def in_their_type(y: Tensor, dtype: np.dtype[Any]) -> Tensor:
    """Floats in the type of the images that they were made of: to integers they are rounded, half to even, and kept
    within its limits."""
    if dtype.kind == "f":
        return y
    if dtype.kind == "b":
        return cast(round(minimum(maximum(y, 0.0), 1.0)), dtype)
    limits = np.iinfo(dtype)
    most = y._array.dtype.type(limits.max)
    if int(most) > limits.max:  # it was rounded up
        most = np.nextafter(most, most.dtype.type(0))
    return cast(minimum(maximum(round(y), float(limits.min)), float(most)), dtype)


__all__: list[str] = []
