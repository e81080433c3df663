"""NumPy twins of the dropout kernels."""

from __future__ import annotations

import numpy as np

from ._common import Array, give
from .random import philox


def _mask(used: Array, n: int, rate: float) -> Array:
    """Which of n elements from place used[2] on stay: e = 64 b + 16 w + l is decided by word w of index 16 b + l."""
    begin, before = divmod(int(used[2]), 64)
    blocks = -(-(before + n) // 64)
    words = philox(int(used[0]), int(used[1]), np.arange(16 * begin, 16 * (begin + blocks), dtype=np.uint64))
    flat = words.reshape(blocks, 16, 4).transpose(0, 2, 1).reshape(-1)[before : before + n]
    return np.asarray(flat >= np.ceil(rate * 2.0**32))


def _drop(x: Array, used: Array, rate: float) -> Array:
    scale = x.dtype.type(1 / (1 - rate) if rate < 1 else 0)
    return np.where(_mask(used, x.size, rate).reshape(x.shape), x * scale, x.dtype.type(0))


def used_state(state: Array, first: Array | None, per_sample: int) -> Array:
    """Key, counter, and the place of the first element in the whole batch."""
    return np.array([*state, 0 if first is None else int(first[0]) * per_sample], np.uint64)


def dropout_forward(x: Array, rate: float, state: Array, first: Array | None, per_sample: int) -> tuple[Array, Array]:
    used = used_state(state, first, per_sample)
    state[1] += np.uint64(1)
    return _drop(x, used, rate), used


def dropout_backward(used: Array, dy: Array, rate: float, dx: Array | None, accumulate: int = 0) -> None:
    give(dx, _drop(dy, used, rate), accumulate, 0)
