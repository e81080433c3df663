"""Rows of a table by index."""

from __future__ import annotations

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, record_lookup
from .conversion import TensorLike, as_tensor

__all__ = ["embedding"]


def embedding(indices: TensorLike, table: TensorLike) -> Tensor:
    """Rows of a table: ``table[indices]``.

    Args:
        indices: integers of any shape.
        table: (rows, features).

    Returns: a tensor (..., features).

    Raises:
        IndexError: an index is outside of 0..rows-1; the message names it and its place.
        TypeError: ``indices`` are no integers.

    Source: Lamina; the layer Embedding as a function.

    Example:
        >>> ops.embedding([2, 1], np.float32([[0, 0], [1, 2], [3, 4]]))
        Tensor([[3., 4.],
                [1., 2.]], shape=(2, 2), dtype=float32)
    """
    indices, table = as_tensor(indices), as_tensor(table)
    kind = indices._array.dtype
    if kind.kind not in "iu":
        raise TypeError(f"embedding: indices must be integers, got {kind}")
    if kind not in (np.int32, np.int64):
        indices = as_tensor(indices, np.int64)
    at = indices._array
    y = _native.embedding_forward(at, table._array)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.embedding_backward(at, dy, grads[0], grads.accumulate, table.touched)

    return record_lookup(y, table, backward)
