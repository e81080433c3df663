"""Tensors out of nothing or of other data: constants, ranges, grids, triangles, conversion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _native
from ..core.arrays import as_dtype
from ..core.autograd import Array, Tensor, wrap
from ..core.autograd import unchecked_record_view as record_view
from .comparison import where
from .conversion import TensorLike, as_tensor, check_sizes, floatx, shape_of
from .expansion import broadcast_to
from .reshape import ravel, reshape


def _kind(dtype: Any, default: Any = None) -> Any:
    """The dtype to make: ``default``, or ``config.floatx()``, where none is asked for."""
    return as_dtype(dtype) if dtype is not None else floatx() if default is None else default


def convert_to_tensor(
    x: TensorLike, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> Tensor:
    """x as a Tensor; Python floats become ``config.floatx()``.

    Args:
        dtype: type of the elements; None keeps the type of tensors and arrays.
        sparse: an option of Keras that is not supported: True is a ValueError.
        ragged: an option of Keras that is not supported: True is a ValueError.

    Raises:
        ValueError: ``sparse`` or ``ragged`` is True.

    Example:
        >>> ops.convert_to_tensor([1, 2], dtype="float32")
        Tensor([1., 2.], shape=(2,), dtype=float32)
    """
    if sparse or ragged:
        name = "sparse" if sparse else "ragged"
        raise ValueError(f"convert_to_tensor: {name}=True is not supported; tensors are dense here")
    return as_tensor(x, dtype)


def array(x: TensorLike, dtype: Any = None) -> Tensor:
    """x as a Tensor; Python floats become ``config.floatx()``.

    Args:
        dtype: type of the elements; None keeps the type of tensors and arrays.

    Example:
        >>> ops.array([1, 2, 3])
        Tensor([1, 2, 3], shape=(3,), dtype=int64)
    """
    return as_tensor(x, dtype)


def convert_to_numpy(x: TensorLike) -> Array:
    """x as an array; a Tensor's without a copy.

    Example:
        >>> ops.convert_to_numpy(ops.ones(3))
        array([1., 1., 1.], dtype=float32)
    """
    return x.numpy() if isinstance(x, Tensor) else np.asarray(x)


def shape(x: TensorLike) -> tuple[Any, ...]:
    """The shape of x; of a symbolic tensor None stands for free sizes.

    Example:
        >>> ops.shape(np.ones((2, 3)))
        (2, 3)
    """
    return shape_of(x)


def ndim(x: TensorLike) -> int:
    """How many axes x has.

    Example:
        >>> ops.ndim([[1.0, 2.0]])
        2
    """
    return len(shape_of(x))


def is_tensor(x: Any) -> bool:
    """Whether x is a Tensor.

    Args:
        x: anything.

    Example:
        >>> ops.is_tensor(ops.ones(2)), ops.is_tensor(np.ones(2))
        (True, False)
    """
    return isinstance(x, Tensor)


def zeros(shape: Sequence[int] | int, dtype: Any = None) -> Tensor:
    """Zeros, ``config.floatx()`` by default.

    Example:
        >>> ops.zeros((2, 2))
        Tensor([[0., 0.],
                [0., 0.]], shape=(2, 2), dtype=float32)
    """
    return wrap(np.zeros(check_sizes("zeros", shape), _kind(dtype)))


def ones(shape: Sequence[int] | int, dtype: Any = None) -> Tensor:
    """Ones, ``config.floatx()`` by default.

    Example:
        >>> ops.ones((2, 2))
        Tensor([[1., 1.],
                [1., 1.]], shape=(2, 2), dtype=float32)
    """
    return wrap(np.ones(check_sizes("ones", shape), _kind(dtype)))


def full(shape: Sequence[int] | int, fill_value: Any, dtype: Any = None) -> Tensor:
    """One value everywhere.

    Args:
        fill_value: the value, or an array that broadcasts to the shape.

    Raises:
        ValueError: a size is negative; the value does not broadcast to the shape.

    Example:
        >>> ops.full((2, 2), 7.0)
        Tensor([[7., 7.],
                [7., 7.]], shape=(2, 2), dtype=float32)
    """
    return _filled(check_sizes("full", shape), fill_value, _kind(dtype))


def _filled(shape: tuple[int, ...], value: Any, dtype: Any) -> Tensor:
    if isinstance(value, (bool, int, float, np.generic)):
        return wrap(np.full(shape, value, dtype))
    return copy(broadcast_to(as_tensor(value, dtype), shape))


def zeros_like(x: TensorLike, dtype: Any = None) -> Tensor:
    """Zeros of x's shape.

    Args:
        dtype: type of the elements; None takes x's.

    Example:
        >>> ops.zeros_like([1.0, 2.0])
        Tensor([0., 0.], shape=(2,), dtype=float32)
    """
    x = as_tensor(x)
    return wrap(np.zeros(x.shape, _kind(dtype, x.dtype)))


def ones_like(x: TensorLike, dtype: Any = None) -> Tensor:
    """Ones of x's shape.

    Args:
        dtype: type of the elements; None takes x's.

    Example:
        >>> ops.ones_like([1.0, 2.0])
        Tensor([1., 1.], shape=(2,), dtype=float32)
    """
    x = as_tensor(x)
    return wrap(np.ones(x.shape, _kind(dtype, x.dtype)))


def full_like(x: TensorLike, fill_value: Any, dtype: Any = None) -> Tensor:
    """One value everywhere, of x's shape.

    Args:
        fill_value: the value, or an array that broadcasts to the shape.
        dtype: type of the elements; None takes x's.

    Example:
        >>> ops.full_like([1.0, 2.0], 7.0)
        Tensor([7., 7.], shape=(2,), dtype=float32)
    """
    x = as_tensor(x)
    return _filled(x.shape, fill_value, _kind(dtype, x.dtype))


def empty(shape: Sequence[int] | int, dtype: Any = None) -> Tensor:
    """A tensor for values to come: zeros, ``config.floatx()`` by default.

    Example:
        >>> ops.empty((2, 3)).shape
        (2, 3)
    """
    return zeros(check_sizes("empty", shape), dtype)


def empty_like(x: TensorLike, dtype: Any = None) -> Tensor:
    """A tensor of x's shape for values to come: zeros.

    Args:
        dtype: type of the elements; None takes x's.

    Example:
        >>> ops.empty_like([1.0, 2.0]).shape
        (2,)
    """
    return zeros_like(x, dtype)


def copy(x: TensorLike) -> Tensor:
    """The same values in memory of their own; the gradient flows through.

    Example:
        >>> ops.copy([1.0, 2.0])
        Tensor([1., 2.], shape=(2,), dtype=float32)
    """
    x = as_tensor(x)
    return record_view(_native.contiguous(x._array), (x,), lambda dy: (dy,))


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """A matrix with ones on a diagonal, else zeros.

    Args:
        N: number of rows.
        M: number of columns; None takes N.
        k: the diagonal, counted from the main one to the right.

    Example:
        >>> ops.eye(2)
        Tensor([[1., 0.],
                [0., 1.]], shape=(2, 2), dtype=float32)
    """
    check_sizes("eye", (N, N if M is None else M))
    return wrap(np.eye(N, M, k, _kind(dtype)))


def identity(n: int, dtype: Any = None) -> Tensor:
    """A square matrix with ones on the diagonal, else zeros.

    Args:
        n: number of rows and columns.

    Example:
        >>> ops.identity(2)
        Tensor([[1., 0.],
                [0., 1.]], shape=(2, 2), dtype=float32)
    """
    return eye(n, dtype=dtype)


def _ordinary(x: Any) -> Any:
    """A Tensor's array, read in Python; anything else as it is."""
    return x.numpy() if isinstance(x, Tensor) else x


def arange(start: float, stop: float | None = None, step: float = 1, dtype: Any = None) -> Tensor:
    """Numbers at equal distances.

    Args:
        start: the first number; the end, from 0, if it stands alone.
        stop: the end, which is not included.
        step: the distance, not 0.
        dtype: type of the elements; None means int32 for integers, else ``config.floatx()``.

    Raises:
        ValueError: ``step`` is 0, or there are too many numbers to hold.

    Example:
        >>> ops.arange(0, 10, 3)
        Tensor([0, 3, 6, 9], shape=(4,), dtype=int32)
    """
    if stop is None:
        start, stop = 0, start
    start, stop, step = _ordinary(start), _ordinary(stop), _ordinary(step)
    if step == 0:
        raise ValueError(f"arange: step must not be 0, from {start} to {stop}")
    check_sizes("arange", max(0, math.ceil((stop - start) / step)))  # 0 is free: only many numbers are refused
    values = np.arange(start, stop, step, dtype=None if dtype is None else as_dtype(dtype))
    if dtype is None:
        values = values.astype(np.int32 if values.dtype.kind in "iu" else floatx())
    return wrap(values)


def linspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """So many numbers at equal distances, along a new axis where the ends are arrays.

    Args:
        start: the first number.
        stop: the last number.
        num: how many there are.
        endpoint: whether ``stop`` is included.
        retstep: whether the result is (numbers, distance).
        axis: the place of the new axis.

    Raises:
        ValueError: ``num`` is negative.

    Example:
        >>> ops.linspace(0.0, 1.0, 5)
        Tensor([0.  , 0.25, 0.5 , 0.75, 1.  ], shape=(5,), dtype=float32)
    """
    check_sizes("linspace", num)
    kind = _kind(dtype)
    values, step = np.linspace(
        _ordinary(start), _ordinary(stop), num, endpoint=endpoint, retstep=True, dtype=kind, axis=axis
    )
    numbers = wrap(np.ascontiguousarray(values))
    return (numbers, as_tensor(np.asarray(step), floatx())) if retstep else numbers


def logspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Tensor:
    """So many numbers at equal ratios, along a new axis where the ends are arrays.

    Args:
        start: exponent of the first number.
        stop: exponent of the last number.
        num: how many there are.
        endpoint: whether ``stop`` is included.
        base: what the exponents are of.
        axis: the place of the new axis.

    Raises:
        ValueError: ``num`` is negative.

    Example:
        >>> ops.logspace(0.0, 2.0, 3)
        Tensor([  1.,  10., 100.], shape=(3,), dtype=float32)
    """
    check_sizes("logspace", num)
    values = np.logspace(_ordinary(start), _ordinary(stop), num, endpoint=endpoint, base=base, axis=axis)
    return wrap(values.astype(_kind(dtype), order="C"))


def geomspace(
    start: TensorLike, stop: TensorLike, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Tensor:
    """So many numbers at equal ratios, along a new axis where the ends are arrays.

    Args:
        start: the first number, not 0.
        stop: the last number, not 0, of the same sign.
        num: how many there are.
        endpoint: whether ``stop`` is included.
        axis: the place of the new axis.

    Raises:
        ValueError: ``num`` is negative, or an end is 0.

    Example:
        >>> ops.geomspace(1.0, 1000.0, 4)
        Tensor([   1.,   10.,  100., 1000.], shape=(4,), dtype=float32)
    """
    check_sizes("geomspace", num)
    ends = [np.asarray(_ordinary(v), np.float64) for v in (start, stop)]
    if not all(e.all() for e in ends):
        raise ValueError(f"geomspace: the ends must not be 0, got start={start!r} and stop={stop!r}")
    return wrap(np.geomspace(ends[0], ends[1], num, endpoint=endpoint, axis=axis).astype(_kind(dtype), order="C"))


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """A matrix with ones on and below a diagonal, else zeros.

    Args:
        N: number of rows.
        M: number of columns; None takes N.
        k: the diagonal, counted from the main one to the right.

    Example:
        >>> ops.tri(3)
        Tensor([[1., 0., 0.],
                [1., 1., 0.],
                [1., 1., 1.]], shape=(3, 3), dtype=float32)
    """
    check_sizes("tri", (N, N if M is None else M))
    return wrap(np.tri(N, M, k).astype(_kind(dtype)))


def _triangle(x: TensorLike, k: int, lower: bool) -> Tensor:
    x = as_tensor(x)
    if x.ndim < 2:
        raise ValueError(f"{'tril' if lower else 'triu'}: expected two axes or more, x is {x.shape}")
    inside = np.tri(x.shape[-2], x.shape[-1], k if lower else k - 1, dtype=np.bool_)
    return where(inside if lower else ~inside, x, wrap(np.zeros((), x.dtype)))


def tril(x: TensorLike, k: int = 0) -> Tensor:
    """x with zeros above a diagonal of its last two axes.

    Args:
        k: the diagonal, counted from the main one to the right.

    Raises:
        ValueError: x has less than two axes.

    Example:
        >>> ops.tril([[1.0, 2.0], [3.0, 4.0]])
        Tensor([[1., 0.],
                [3., 4.]], shape=(2, 2), dtype=float32)
    """
    return _triangle(x, k, lower=True)


def triu(x: TensorLike, k: int = 0) -> Tensor:
    """x with zeros below a diagonal of its last two axes.

    Args:
        k: the diagonal, counted from the main one to the right.

    Raises:
        ValueError: x has less than two axes.

    Example:
        >>> ops.triu([[1.0, 2.0], [3.0, 4.0]])
        Tensor([[1., 2.],
                [0., 4.]], shape=(2, 2), dtype=float32)
    """
    return _triangle(x, k, lower=False)


def meshgrid(*x: TensorLike, indexing: str = "xy") -> list[Tensor]:
    """Coordinates of a grid over vectors.

    Args:
        *x: the vectors.
        indexing: "xy" puts the first vector on the second axis, "ij" on the first.

    Returns: list of tensors, one for each vector.

    Raises:
        ValueError: ``indexing`` is another one.

    Example:
        >>> rows, columns = ops.meshgrid([1, 2], [3, 4], indexing="ij")
        >>> columns
        Tensor([[3, 4],
                [3, 4]], shape=(2, 2), dtype=int64)
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij', got {indexing!r}")
    tensors = [ravel(v) for v in x]
    places = [1, 0, *range(2, len(tensors))] if indexing == "xy" and len(tensors) > 1 else list(range(len(tensors)))
    sizes = [tensors[p].size for p in places]  # the first two at most change places
    shapes = [tuple(t.size if i == p else 1 for i in range(len(tensors))) for t, p in zip(tensors, places, strict=True)]
    return [broadcast_to(reshape(t, s), sizes) for t, s in zip(tensors, shapes, strict=True)]


__all__ = [
    "arange", "array", "convert_to_numpy", "convert_to_tensor", "copy", "empty", "empty_like", "eye", "full",
    "full_like", "geomspace", "identity", "is_tensor", "linspace", "logspace", "meshgrid", "ndim", "ones", "ones_like",
    "shape", "tri", "tril", "triu", "zeros", "zeros_like",
]  # fmt: skip
