"""Philox4x32-10 in NumPy: the words of csrc/simd/random.h."""

from __future__ import annotations

import numpy as np

from ._common import Array


def philox(key: int, counter: int, index: Array) -> Array:
    """Four 32-bit words for every index (uint64): shape ``(*index.shape, 4)``, uint32."""
    low, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    index = np.asarray(index, np.uint64)
    c0, c1 = index & mask, index >> low
    c2 = np.full_like(index, counter & 0xFFFFFFFF)
    c3 = np.full_like(index, counter >> 32)
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c2 = (p1 >> low) ^ c1 ^ np.uint64(k0), (p0 >> low) ^ c3 ^ np.uint64(k1)
        c1, c3 = p1 & mask, p0 & mask
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)
