"""Sums of gradients and statistics over shards and ranks: on the tree, or in MPI's own order."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np

from .. import _native
from .board import PAGE
from .courier import TAG_BITS, Courier
from .shard import UPDATED, Bucket, Shard, Tags
from .tree import Block, blocks, bounds, total

Array = np.ndarray[Any, np.dtype[Any]]


class Reduction:
    """What the courier does with the shards' rounds; on its thread.

    tree: whether sums go along the tree, with the same bits for any number of ranks; compress: "bfloat16" halves the
    bytes of gradients under way.
    """

    def __init__(self, courier: Courier, shards: int, tree: bool, compress: str | None) -> None:
        self.courier, self.shards, self.tree, self.compress = courier, shards, tree, compress
        self.ends = bounds(courier.size, shards)
        rank = courier.rank
        mine = range(self.ends[rank], self.ends[rank + 1])
        tags = Tags(len(courier.reductions) << TAG_BITS)
        early = courier.hides
        self.local = [Shard(courier.exchange, number, number == mine[0], tags, early) for number in mine]
        self.sizes = [0] * shards  # samples of each shard of the running step
        self.awaited: frozenset[int] = frozenset()  # the shards that come to each round
        courier.reductions.append(self)

    @property
    def leader(self) -> Shard:
        """The shard whose replica updates the weights of this process."""
        return self.local[0]

    def begin(self, sizes: list[int]) -> list[Shard]:
        """A step on shards of these sizes begins; the local ones that take part, the leader's always."""
        self.sizes, whole, first = sizes, sum(sizes), np.cumsum([0, *sizes])
        taking = []
        for shard in self.local:
            if sizes[shard.number] or shard.leads:
                shard.begins(int(first[shard.number]), sizes[shard.number], whole)
                taking.append(shard)
        self.awaited = frozenset(shard.number for shard in taking)
        return taking

    def round(self, tag: int, came: dict[int, tuple[Any, Any]]) -> None:
        """All local shards came to the same place."""
        if tag % (1 << TAG_BITS) == UPDATED:
            return
        shards = {shard.number: shard for shard in self.local}
        if next(iter(came.values()))[0] is not None:
            found = self.sum({number: source for number, (source, _) in came.items()})
            for _, destination in came.values():
                destination[:] = found
            return
        buckets = {number: shards[number].buckets[tag] for number in came}
        self._bucket(buckets, buckets[self.leader.number])

    def _bucket(self, buckets: dict[int, Bucket], into: Bucket) -> None:
        """The gradients' mean over all samples, into the leader's: the sum of what each shard's count for."""
        if into.weights[0].touched is not None:
            self._table(buckets, into)
            return
        flat = {n: self._flat(b, n) for n, b in buckets.items()}
        found, memory = self.gradient_sum(flat), None if self.tree else into.memory()
        if memory is None:
            _unpack(found, into.arrays)
        elif found is not memory:
            memory[:] = found

    def _flat(self, bucket: Bucket, number: int) -> Array:
        """The gradients one after the other, in place or copied."""
        flat = None if self.tree else bucket.memory()  # with gaps, which other shards need not have
        if flat is None:
            arrays = bucket.arrays
            size = sum(a.size for a in arrays)
            if bucket.kept is None or bucket.kept.size != size:
                bucket.kept = np.empty(size, arrays[0].dtype)
            flat = np.concatenate([a.reshape(-1) for a in arrays], out=bucket.kept)
        return self._weighed(bucket, flat, number)

    def _weighed(self, bucket: Bucket, flat: Array, number: int) -> Array:
        """``flat`` times the shard's part of all samples, unless ``backward`` did so."""
        if bucket.weighed:
            return flat
        whole = sum(self.sizes)
        share = self.sizes[number] / whole if whole else 0.0
        return np.multiply(flat, flat.dtype.type(share), out=flat)

    def _table(self, buckets: dict[int, Bucket], into: Bucket) -> None:
        """The gradient of a table of which few rows have one: those that any shard touched."""
        touched = [_rows_of(b) for n, b in buckets.items() if self.sizes[n]]
        everything = any(rows.all for rows in touched)
        mine = np.unique(np.concatenate([np.empty(0, np.int64), *(rows.rows for rows in touched if not rows.all)]))
        counts = [int(c[0]) for c in self.courier.gather(np.array([-1 if everything else len(mine)]))]
        table = into.arrays[0]
        if min(counts) < 0:
            _native.touch_all(_rows_of(into))
            flat = {n: self._weighed(b, b.arrays[0].reshape(-1).copy(), n) for n, b in buckets.items()}
            _unpack(self.gradient_sum(flat), into.arrays)
            return
        rows = np.unique(np.concatenate(self.courier.gather(mine, counts)))
        flat = {n: self._weighed(b, b.arrays[0][rows].reshape(-1), n) for n, b in buckets.items()}
        table[rows] = self.gradient_sum(flat).reshape(len(rows), *table.shape[1:])
        _rows_of(into).mark(rows)

    # ---- sums ----

    def gradient_sum(self, flat: dict[int, Array]) -> Array:
        """The sum over all shards of arrays that may be overwritten; of a shard without samples nothing counts."""
        begin = time.perf_counter()
        try:
            if self.tree:
                return self._tree_sum(flat)
            (mine,) = flat.values()
            if not self.sizes[self.leader.number]:
                mine[:] = 0
            return mine if self.courier.size == 1 else self._plain_sum(mine)
        finally:
            self.courier.busy += time.perf_counter() - begin

    def sum(self, arrays: dict[int, Array]) -> Array:
        """As ``gradient_sum``, in a fixed order in any mode and at full precision; for any thread."""
        copies = {n: a.copy() for n, a in arrays.items()}
        if all(a.nbytes <= PAGE for a in copies.values()):
            return self._tree_sum(copies)
        return self.courier.call(lambda: self._tree_sum(copies))

    def _plain_sum(self, mine: Array) -> Array:
        if self.compress is None or mine.dtype != np.float32:
            return self.courier.add(mine)
        return self._sliced([mine], [1] * self.courier.size, _added)

    def _tree_sum(self, arrays: dict[int, Array]) -> Array:
        present = [size > 0 for size in self.sizes]
        size = len(next(iter(arrays.values())))
        dtype = next(iter(arrays.values())).dtype
        of_rank = [blocks(a, b, present) for a, b in zip(self.ends, self.ends[1:], strict=False)]
        leaves = {(n, 1): a for n, a in arrays.items() if present[n]}
        mine = [total(leaves, block) for block in of_rank[self.courier.rank]]
        every = (0, 1 << (self.shards - 1).bit_length())
        if not any(present):
            return np.zeros(size, dtype)
        if self.courier.size == 1:
            found = total(leaves, every)
            assert found is not None
            return found
        known = [m for m in mine if m is not None]
        counts = [len(found) for found in of_rank]
        if size * dtype.itemsize <= PAGE:  # every rank adds up all by itself, in one exchange instead of two
            sent = np.concatenate([np.empty(0, dtype), *known])
            return _on_tree(of_rank, self.courier.gather(sent, [c * size for c in counts]), every)
        return self._sliced(known, counts, lambda parts: _on_tree(of_rank, parts, every), size, dtype)

    def _sliced(
        self, mine: list[Array], counts: list[int], add: Any, size: int | None = None, dtype: Any = None
    ) -> Array:
        """Each rank adds up its slice of what all have, and gets the other slices from the others."""
        courier, rank = self.courier, self.courier.rank
        size, dtype = (mine[0].size, mine[0].dtype) if size is None else (size, dtype)
        if courier.shared is not None:  # bytes that are not sent need no squeezing
            courier.sent += (len(mine) + 1) * size * dtype.itemsize
            return courier.shared.sum(mine, counts, size, dtype, add)
        ends = bounds(courier.size, size)
        lengths = [b - a for a, b in itertools.pairwise(ends)]
        squeeze = self.compress == "bfloat16" and not self.tree and dtype == np.float32
        parts = [m[a:b] for a, b in itertools.pairwise(ends) for m in mine]
        sent = mine[0] if len(mine) == 1 else np.concatenate([np.empty(0, dtype), *parts])
        sent = _to_bfloat16(sent) if squeeze else sent
        came = courier.exchange_parts(sent, [n * len(mine) for n in lengths], [c * lengths[rank] for c in counts])
        own = add([_from_bfloat16(c) for c in came] if squeeze else came)
        found = courier.gather(_to_bfloat16(own) if squeeze else own, lengths)
        return np.concatenate([_from_bfloat16(f) for f in found] if squeeze else found)


def _rows_of(table: Bucket) -> Any:
    """The touched rows of the one table in a bucket."""
    return table.weights[0].touched


def _on_tree(of_rank: list[list[Block]], arrays: list[Array], every: Block) -> Array:
    """The sum of what all ranks know of their blocks, one after the other in the ranks' arrays."""
    values: dict[Block, Array] = {}
    for found, array in zip(of_rank, arrays, strict=True):
        for block, part in zip(found, np.split(array, len(found)) if found else (), strict=True):
            values[block] = part
    result = total(values, every)
    assert result is not None
    return result


def _added(parts: list[Array]) -> Array:
    found = parts[0].copy()
    for part in parts[1:]:
        found += part
    return found


def _unpack(flat: Array, arrays: list[Array]) -> None:
    at = 0
    for a in arrays:
        a.reshape(-1)[:] = flat[at : at + a.size]
        at += a.size


def _to_bfloat16(x: Array) -> Array:
    """The upper halves, rounded to the nearest, ties to even; a NaN stays one."""
    bits = x.view(np.uint32)
    rounded = ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)).astype(np.uint16)
    return np.where(np.isnan(x), np.uint16(0x7FC0), rounded)


def _from_bfloat16(x: Array) -> Array:
    return (x.astype(np.uint32) << np.uint32(16)).view(np.float32)
