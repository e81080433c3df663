"""NumPy twins of the embedding kernels."""

from __future__ import annotations

import numpy as np

from ._common import Array, give


def embedding_forward(indices: Array, table: Array) -> Array:
    return table[indices]


def embedding_backward(indices: Array, dy: Array, dtable: Array | None, accumulate: int = 0) -> None:
    if dtable is not None:
        sums = np.zeros(dtable.shape, dy.dtype)
        np.add.at(sums, indices.reshape(-1), dy.reshape(-1, dtable.shape[1]))
        give(dtable, sums, accumulate, 0)


def embedding_rows_backward(indices: Array, dy: Array, table_rows: int) -> tuple[Array, Array, Array]:
    """(rows, values, count); behind the first count[0], rows are -1 and values 0 (the kernel leaves values alone)."""
    room = min(indices.size, table_rows)
    unique, places = np.unique(indices.reshape(-1), return_inverse=True)
    rows, values = np.full(room, -1, np.int64), np.zeros((room, dy.shape[-1]), dy.dtype)
    rows[: len(unique)] = unique
    np.add.at(values, places.reshape(-1), dy.reshape(indices.size, dy.shape[-1]))
    return rows, values, np.array([len(unique)], np.int64)
