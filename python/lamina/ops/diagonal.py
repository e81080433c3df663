"""Diagonals of matrices, and matrices with a diagonal."""

from __future__ import annotations

import numpy as np

from ..core.autograd import Tensor, wrap
from .comparison import where
from .conversion import TensorLike, _axis, as_tensor, check_sizes
from .creation import zeros
from .reduction import sum
from .reshape import moveaxis, ravel, reshape


def diagonal(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The elements [..., i, i + offset, ...] of two axes, as the last axis of the result.

    Args:
        offset: the diagonal, counted from the main one to the right.
        axis1: the axis of rows.
        axis2: the axis of columns.

    Raises:
        ValueError: x has less than two axes; an axis is out of range; both are the same.

    Example:
        >>> ops.diagonal([[1.0, 2.0], [3.0, 4.0]])
        Tensor([1., 4.], shape=(2,), dtype=float32)
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise ValueError(f"diagonal: expected two axes or more, x is {x.shape}")
    axes = [_axis(a, x.ndim, "diagonal", x.shape) for a in (axis1, axis2)]
    if axes[0] == axes[1]:
        raise ValueError(f"diagonal: axis1 and axis2 are both {axes[0]}; x is {x.shape}")
    x = moveaxis(x, axes, (-2, -1))
    rows, columns = x.shape[-2:]
    first = max(-offset, 0) * columns + max(offset, 0)
    n = max(0, min(rows - max(-offset, 0), columns - max(offset, 0)))
    flat = reshape(x, (*x.shape[:-2], rows * columns))
    return flat[..., first : first + n * (columns + 1) : columns + 1] if n else flat[..., :0]


def trace(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Sum of a diagonal.

    Args:
        offset: the diagonal, counted from the main one to the right.
        axis1: the axis of rows.
        axis2: the axis of columns.

    Raises:
        ValueError: x has less than two axes; an axis is out of range; both are the same.

    Example:
        >>> ops.trace([[1.0, 2.0], [3.0, 4.0]])
        Tensor(5., shape=(), dtype=float32)
    """
    return sum(diagonal(x, offset, axis1, axis2), -1)


def diagflat(x: TensorLike, k: int = 0) -> Tensor:
    """A matrix with x's elements on a diagonal, else zeros.

    Args:
        k: the diagonal, counted from the main one to the right.

    Example:
        >>> ops.diagflat([[1.0, 2.0]])
        Tensor([[1., 0.],
                [0., 2.]], shape=(2, 2), dtype=float32)
    """
    x = ravel(x)
    n = x.size + abs(k)
    check_sizes("diagflat", (n, n))
    if not x.size:
        return zeros((n, n), x.dtype)
    i = np.arange(n)
    row = np.clip(i - max(-k, 0), 0, x.size - 1)  # of each row the element of x that stands in it
    return where(np.eye(n, k=k, dtype=np.bool_), reshape(x[row], (n, 1)), wrap(np.zeros((), x.dtype)))


def diag(x: TensorLike, k: int = 0) -> Tensor:
    """A diagonal of a matrix, or the matrix with a vector on a diagonal.

    Args:
        k: the diagonal, counted from the main one to the right.

    Raises:
        ValueError: x is no vector or matrix.

    Example:
        >>> ops.diag([1.0, 2.0])
        Tensor([[1., 0.],
                [0., 2.]], shape=(2, 2), dtype=float32)
    """
    x = as_tensor(x)
    if x.ndim not in (1, 2):
        raise ValueError(f"diag: expected a vector or a matrix, x is {x.shape}")
    return diagflat(x, k) if x.ndim == 1 else diagonal(x, k)


__all__ = ["diag", "diagflat", "diagonal", "trace"]
