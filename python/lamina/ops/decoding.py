"""Attention to what a cache keeps.  No gradients: decoding is inference."""

from __future__ import annotations

from typing import Any

from .. import _native
from ..core.autograd import Array, Tensor, wants_grad, wrap

KEY_BLOCK = 64  # keys whose features stand side by side, as the native code wants them


def cached_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    keys: Array,
    values: Array,
    length: Array,
    causal: bool,
    scale: float,
    window: int,
    slopes: Array | None,
    soft_cap: float,
) -> Tensor:
    """Append ``key`` and ``value`` to a cache, in place, and attend to all that it keeps.

    Args:
        query: (B, T, H, D).
        key: (B, T, Hkv, D).
        value: (B, T, Hkv, Dv).
        keys: (B, Hkv, ceil(capacity / KEY_BLOCK), D, KEY_BLOCK), changed in place.
        values: (B, Hkv, capacity, Dv), changed in place.
        length: (1,) int64, the steps kept.
        causal: whether step t sees the kept ones and new ones up to t; else all new ones.
        scale: factor of the scores.
        window: how many steps up to its own each sees; 0 is no limit.
        slopes: (H,) of ALiBi, or None.
        soft_cap: limit of the scores' size; 0 is none.

    Raises:
        ValueError: the cache is full; shapes do not fit; a gradient is wanted.
    """
    if any(wants_grad(t) for t in (query, key, value)):
        raise ValueError("attention with a cache has no gradients: decode inside of lamina.no_grad()")
    return wrap(
        _native.cached_attention_forward(
            query._array, key._array, value._array, keys, values, length, causal, window, scale, slopes, soft_cap
        )
    )


def next_positions(length: Array, steps: int, capacity: int) -> Tensor:
    """The positions of the next steps, (steps,) int64.

    Args:
        length: (1,) int64, how many steps there were.
        steps: how many come.
        capacity: how many there may be.

    Raises:
        ValueError: there would be more.
    """
    return wrap(_native.next_positions(length, steps, capacity))


__all__: list[Any] = []
