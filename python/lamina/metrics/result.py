"""What metrics return: plain numbers and arrays that answer ``.numpy()`` too, as the tensors that Keras returns."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class Number(float):
    """A float with what scripts ask of a tensor without axes."""

    __slots__ = ()
    shape = ()
    ndim = 0
    dtype = "float64"

    def numpy(self) -> np.float64:
        return np.float64(self)

    def item(self) -> float:
        return float(self)

    def __reduce__(self) -> Any:
        return float, (float(self),)


class Numbers(np.ndarray[Any, np.dtype[Any]]):
    """An array that gives itself as a plain one."""

    def numpy(self) -> Array:
        return self.view(np.ndarray)

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))

    def __reduce__(self) -> Any:
        return self.view(np.ndarray).__reduce__()


def answering(result: Callable[..., Any]) -> Callable[..., Any]:
    """A metric's ``result``, whose floats and arrays know ``.numpy()``; all else stays as it is."""

    @functools.wraps(result)
    def told(self: Any) -> Any:
        value = result(self)
        if type(value) is float:
            return Number(value)
        return value.view(Numbers) if type(value) is np.ndarray else value

    return told
