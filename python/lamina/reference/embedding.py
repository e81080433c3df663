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
