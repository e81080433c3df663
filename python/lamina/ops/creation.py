"""Tensors out of nothing or of other data: constants, ranges, grids, triangles, conversion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import Array, Tensor, wrap
from ._common import TensorLike, as_tensor
from .elementwise import where
from .reshape import broadcast_to, ravel, reshape


def convert_to_tensor(x: TensorLike, dtype: Any = None) -> Tensor:
    """x as a Tensor; Python numbers become float32."""
    return as_tensor(x, dtype)


def convert_to_numpy(x: TensorLike) -> Array:
    """x as an array; a Tensor's without a copy."""
    return x.numpy() if isinstance(x, Tensor) else np.asarray(x)


def shape(x: TensorLike) -> tuple[int, ...]:
    """The shape of x."""
    return as_tensor(x).shape


def ndim(x: TensorLike) -> int:
    """How many axes x has."""
    return as_tensor(x).ndim


def is_tensor(x: Any) -> bool:
    """Whether x is a Tensor."""
    return isinstance(x, Tensor)


def zeros(shape: Sequence[int] | int, dtype: Any = None) -> Tensor:
    """Zeros, float32 by default."""
    return wrap(np.zeros(shape, dtype or np.float32))


def ones(shape: Sequence[int] | int, dtype: Any = None) -> Tensor:
    """Ones, float32 by default."""
    return wrap(np.ones(shape, dtype or np.float32))


def full(shape: Sequence[int] | int, fill_value: Any, dtype: Any = None) -> Tensor:
    """One value everywhere, float32 by default."""
    return wrap(np.full(shape, fill_value, dtype or np.float32))


def zeros_like(x: TensorLike, dtype: Any = None) -> Tensor:
    """Zeros of x's shape and type."""
    x = as_tensor(x)
    return wrap(np.zeros(x.shape, dtype or x.dtype))


def ones_like(x: TensorLike, dtype: Any = None) -> Tensor:
    """Ones of x's shape and type."""
    x = as_tensor(x)
    return wrap(np.ones(x.shape, dtype or x.dtype))


def full_like(x: TensorLike, fill_value: Any, dtype: Any = None) -> Tensor:
    """One value everywhere, of x's shape and type."""
    x = as_tensor(x)
    return wrap(np.full(x.shape, fill_value, dtype or x.dtype))


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Ones on diagonal k, else zeros."""
    return wrap(np.eye(N, M, k, dtype or np.float32))


def identity(n: int, dtype: Any = None) -> Tensor:
    """Ones on the diagonal, else zeros."""
    return eye(n, dtype=dtype)


def arange(start: float, stop: float | None = None, step: float = 1, dtype: Any = None) -> Tensor:
    """Numbers from start (0 if only one is given) to before stop; int32 for integers, float32 for floats."""
    values = np.arange(start, dtype=dtype) if stop is None else np.arange(start, stop, step, dtype=dtype)
    if dtype is None:
        values = values.astype(np.int32 if values.dtype.kind in "iu" else np.float32)
    return wrap(values)


def linspace(start: float, stop: float, num: int = 50, endpoint: bool = True, dtype: Any = None) -> Tensor:
    """So many numbers at equal distances from start to stop."""
    return wrap(np.linspace(start, stop, num, endpoint=endpoint).astype(dtype or np.float32))


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Ones on and below diagonal k, else zeros."""
    return wrap(np.tri(N, M, k).astype(dtype or np.float32))


def _triangle(x: TensorLike, k: int, lower: bool) -> Tensor:
    x = as_tensor(x)
    inside = np.tri(x.shape[-2], x.shape[-1], k if lower else k - 1, dtype=np.bool_)
    return where(inside if lower else ~inside, x, wrap(np.zeros((), x.dtype)))


def tril(x: TensorLike, k: int = 0) -> Tensor:
    """x with zeros above diagonal k of its last two axes."""
    return _triangle(x, k, lower=True)


def triu(x: TensorLike, k: int = 0) -> Tensor:
    """x with zeros below diagonal k of its last two axes."""
    return _triangle(x, k, lower=False)


def meshgrid(*x: TensorLike, indexing: str = "xy") -> list[Tensor]:
    """Coordinates of a grid over vectors."""
    tensors = [ravel(v) for v in x]
    places = [1, 0, *range(2, len(tensors))] if indexing == "xy" and len(tensors) > 1 else list(range(len(tensors)))
    sizes = [0] * len(tensors)
    for t, p in zip(tensors, places, strict=True):
        sizes[p] = t.size
    shapes = [tuple(t.size if i == p else 1 for i in range(len(tensors))) for t, p in zip(tensors, places, strict=True)]
    return [broadcast_to(reshape(t, s), sizes) for t, s in zip(tensors, shapes, strict=True)]


__all__ = [
    "arange",
    "convert_to_numpy",
    "convert_to_tensor",
    "eye",
    "full",
    "full_like",
    "identity",
    "is_tensor",
    "linspace",
    "meshgrid",
    "ndim",
    "ones",
    "ones_like",
    "shape",
    "tri",
    "tril",
    "triu",
    "zeros",
    "zeros_like",
]
