"""NumPy twins of the embedding kernels."""

from __future__ import annotations

import numpy as np

from ._common import Array, give


def embedding_forward(indices: Array, table: Array) -> Array:
    return table[indices]


class TouchedRows:
    """The rows of a table whose gradient may not be zero, in the order of their first occurrence; or all."""

    def __init__(self, table_rows: int) -> None:
        self.table_rows = table_rows
        self.all = False
        self.rows = np.zeros(0, np.int64)


def touch_all(touched: TouchedRows) -> None:
    touched.all = True


def embedding_backward(
    indices: Array, dy: Array, dtable: Array | None, accumulate: int = 0, touched: TouchedRows | None = None
) -> None:
    if dtable is None:
        return
    flat = indices.reshape(-1)
    sums = np.zeros(dtable.shape, dy.dtype)
    np.add.at(sums, flat, dy.reshape(flat.size, dtable.shape[1]))
    give(dtable, sums, accumulate, 0)
    if touched is not None:
        if not accumulate & 1:
            touched.all, touched.rows = False, touched.rows[:0]
        together = np.concatenate([touched.rows, flat.astype(np.int64)])
        touched.rows = together[np.sort(np.unique(together, return_index=True)[1])]
