"""NumPy twins of attention step by step; caches change in place."""

from __future__ import annotations

import numpy as np

from ._common import Array
from .attention import attention_forward

_BLOCK = 64  # of keys, whose features stand side by side


def _room(length: Array, steps: int, capacity: int) -> int:
    before = int(length[0])
    if before + steps > capacity:
        raise ValueError(f"the key-value cache is full: {before} + {steps} steps, capacity {capacity}")
    return before


def cached_attention_forward(
    query: Array,
    key: Array,
    value: Array,
    keys: Array,
    values: Array,
    length: Array,
    causal: bool,
    window: int,
    scale: float,
    slopes: Array | None = None,
    soft_cap: float = 0.0,
) -> Array:
    steps = query.shape[1]
    before = _room(length, steps, values.shape[2])
    for t in range(steps):
        block, lane = divmod(before + t, _BLOCK)
        keys[:, :, block, :, lane] = key[:, t]
        values[:, :, before + t] = value[:, t]
    after = before + steps
    B, heads, blocks, D, _ = keys.shape
    k = keys.transpose(0, 2, 4, 1, 3).reshape(B, blocks * _BLOCK, heads, D)[:, :after]
    own, at = np.arange(before, after)[:, None], np.arange(after)
    seen = at <= own if causal else np.ones((steps, after), bool)
    if window:
        seen = seen & (at > own - window)
    v = values.transpose(0, 2, 1, 3)[:, :after]
    bias = None if slopes is None else -slopes[:, None, None] * np.abs(own - at)
    return attention_forward(query, k, v, seen, bias, None, "none", scale, soft_cap=soft_cap)[0]


def next_positions(length: Array, steps: int, capacity: int) -> Array:
    before = _room(length, steps, capacity)
    return np.arange(before, before + steps)


def advance_cache(length: Array, steps: int, capacity: int) -> None:
    length[0] = _room(length, steps, capacity) + steps
