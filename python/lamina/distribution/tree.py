r"""Sums of shards in an order that does not depend on who has which shard.

    total             0..7
                 /          \
             0..3            4..7          ranks 0, 1, 2 of three have the shards 0 1 | 2 3 4 | 5 6 7, and so
            /    \          /    \         the blocks 0..1 | 2..3, 4 | 5, 6..7: each adds up its own, and whoever
         0..1    2..3    4..5    6..7      has all blocks goes on along the same tree.
         0  1    2  3    4  5    6  7
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Block = tuple[int, int]  # first shard, how many: a power of two that divides the first


def bounds(parts: int, n: int) -> list[int]:
    """Where each of ``parts`` parts of n things begins, and the end: sizes differ by one at most."""
    return [i * n // parts for i in range(parts + 1)]


def blocks(first: int, last: int, present: list[bool]) -> list[Block]:
    """The shards first .. last - 1 as the largest blocks of the tree; those without a present shard are left out."""
    found = []
    while first < last:
        size = first & -first if first else 1 << (last - first).bit_length()
        while size > last - first:
            size //= 2
        if any(present[first : first + size]):
            found.append((first, size))
        first += size
    return found


def total(values: Mapping[Block, Array], block: Block) -> Array | None:
    """The sum over a block of what is known of blocks inside; None where nothing is."""
    if block in values:
        return values[block]
    first, size = block
    if size == 1:
        return None
    left, right = total(values, (first, size // 2)), total(values, (first + size // 2, size // 2))
    if left is None or right is None:
        return right if left is None else left
    return np.add(left, right)
