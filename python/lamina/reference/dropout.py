"""NumPy twins of the dropout kernels."""

from __future__ import annotations

import numpy as np

from ._common import Array, give
from .random import philox


def _mask(used: Array, n: int, rate: float) -> Array:
    """Which of n elements stay: e = 64 b + 16 w + l is decided by word w of index 16 b + l."""
    blocks = -(-n // 64)
    words = philox(int(used[0]), int(used[1]), np.arange(16 * blocks, dtype=np.uint64))
    flat = words.reshape(blocks, 16, 4).transpose(0, 2, 1).reshape(-1)[:n]
    return np.asarray(flat >= np.ceil(rate * 2.0**32))


def _drop(x: Array, used: Array, rate: float) -> Array:
    scale = x.dtype.type(1 / (1 - rate) if rate < 1 else 0)
    return np.where(_mask(used, x.size, rate).reshape(x.shape), x * scale, x.dtype.type(0))


def dropout_forward(x: Array, rate: float, state: Array) -> tuple[Array, Array]:
    used = state.copy()
    state[1] += np.uint64(1)
    return _drop(x, used, rate), used


def dropout_backward(used: Array, dy: Array, rate: float, dx: Array | None, accumulate: int = 0) -> None:
    give(dx, _drop(dy, used, rate), accumulate, 0)
