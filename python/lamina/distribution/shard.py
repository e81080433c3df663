"""A shard of each batch: what the replica that computes it knows of the others."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import _native
from ..core.arena import LINE
from ..core.autograd import Tensor
from ..core.grad_mode import grad_mode

Array = np.ndarray[Any, np.dtype[Any]]
BUCKET = 1 << 22  # 1 and 22 are free: bytes of gradients that are sent together
UPDATED = 1 << 20  # the tag of the end of an update, which stays in the process; those of sums come behind it


class Bucket:
    """Gradients that are sent together, and their weights."""

    def __init__(self, weights: Sequence[Tensor], weighed: bool) -> None:
        """weighed: the gradients are multiplied by the shard's part of all samples already."""
        self.weights, self.weighed = list(weights), weighed
        self._whole: tuple[list[Array], Array | None] | None = None  # the gradients, and the memory that they fill
        self.kept: Array | None = None  # memory to send from, where they do not fill any

    def memory(self) -> Array | None:
        """The memory that the gradients fill but for some gaps, as they do in an arena; None where they don't."""
        arrays = self.arrays
        if self._whole is None or any(a is not b for a, b in zip(arrays, self._whole[0], strict=True)):
            self._whole = arrays, _filled(arrays)
        return self._whole[1]

    @property
    def arrays(self) -> list[Array]:
        """The gradients, one a weight."""
        return [v._grad for v in self.weights if v._grad is not None]


def _filled(arrays: Sequence[Array]) -> Array | None:
    owner, dtype = arrays[0].base, arrays[0].dtype
    if not isinstance(owner, np.ndarray) or not owner.flags.c_contiguous or any(a.base is not owner for a in arrays):
        return None
    begin = owner.ctypes.data
    places = sorted((a.ctypes.data - begin, a.ctypes.data - begin + a.nbytes) for a in arrays)
    if any(after - end >= LINE for (_, end), (after, _) in itertools.pairwise(places)):
        return None  # others stand between
    return owner.reshape(-1).view(np.uint8)[places[0][0] : places[-1][1]].view(dtype)


class Tags:
    """Numbers of buckets by the places of their weights in the model: the same for all shards, since they meet the same
    buckets in the same order."""

    def __init__(self, first: int) -> None:
        self.first = first
        self._known: dict[tuple[int, ...], int] = {}
        self._lock = threading.Lock()

    def of(self, places: tuple[int, ...]) -> int:
        """The tag of the bucket of these weights."""
        with self._lock:
            return self._known.setdefault(places, self.first + len(self._known))


class Shard:
    """Shard ``number`` of all, computed on the thread that has it as ``grad_mode.replica``."""

    def __init__(self, exchange: Any, number: int, leads: bool, tags: Tags, sends_early: bool) -> None:
        self.exchange, self.number, self.leads, self.tags = exchange, number, leads, tags
        self._sends_early = sends_early
        self.first, self.total = np.zeros(1, np.uint64), np.ones(1, np.int64)
        self.share = np.ones(1, np.float64)
        self.samples = 0
        self.buckets: dict[int, Bucket] = {}  # by tag
        self._places: dict[int, int] = {}  # of the model's weights, by their identities
        self._complete: list[Tensor] = []  # weights whose gradients wait for their bucket
        self._posted: dict[int, Tensor] = {}  # those that are under way
        self._posted_tags: list[int] = []
        self._overlaps = self.weighs = False
        self._weighed = False  # whether this step's gradients are, by a backward that did so
        self._sums = 0  # of the running step

    def computes(self, weights: Sequence[Tensor]) -> None:
        """The weights of its replica, in the order that all replicas have."""
        if len(weights) != len(self._places) or any(id(v) not in self._places for v in weights):
            self._places = {id(v): i for i, v in enumerate(weights)}

    def begins(self, first: int, samples: int, total: int) -> None:
        """A step on samples first .. first + samples - 1 of ``total`` begins."""
        self.first[0], self.total[0], self.samples = first, total, samples
        self.share[0] = samples / total if total else 0.0
        self._sums, self._weighed = 0, False
        self._complete, self._posted, self._posted_tags = [], {}, []

    @contextmanager
    def overlapping(self) -> Iterator[None]:
        """Within the block one backward completes all gradients, which are sent while it goes on; where the courier has
        no core of its own, and MPI copies memory, sending behind it takes less time."""
        self._overlaps, self.weighs, self._weighed = self._sends_early, True, True
        try:
            yield
        finally:
            self._overlaps = self.weighs = False

    def backward_begins(self) -> Callable[[Tensor], None] | None:
        return self._completed if self._overlaps else None

    def _completed(self, weight: Tensor) -> None:
        if id(weight) not in self._places:
            return  # which an optimizer may know
        self._complete.append(weight)
        if sum(v.size * v.dtype.itemsize for v in self._complete) >= BUCKET:
            self._post(self._complete)
            self._complete = []

    def _post(self, weights: list[Tensor]) -> None:
        for kind in dict.fromkeys(v.dtype if v.touched is None else id(v) for v in weights):
            some = [v for v in weights if (v.dtype if v.touched is None else id(v)) == kind]
            tag = self.tags.of(tuple(self._places[id(v)] for v in some))
            self.buckets[tag] = Bucket(some, self._weighed)
            _native.exchange_post(self.exchange, tag, self.number, None, None)
            self._posted_tags.append(tag)
        self._posted |= {id(v): v for v in weights}

    def reduce(self, variables: Sequence[Tensor]) -> None:
        recording = grad_mode.recording
        if recording is not None:
            for v in variables:
                recording.reads_gradient(v)
        for v in variables:
            self._places.setdefault(id(v), len(self._places))
        known = {id(v) for v in self._complete} | set(self._posted)
        rest = self._complete + [v for v in variables if v._grad_is_set and id(v) not in known]
        wanted = {id(v) for v in variables}
        self._complete = []
        if rest:
            self._post(rest)
        for tag in self._posted_tags:
            _native.exchange_wait(self.exchange, tag, self.number)
        self._posted_tags = []
        self._posted = {key: v for key, v in self._posted.items() if key not in wanted}

    def updated(self) -> None:
        tag = self.tags.first + UPDATED
        _native.exchange_post(self.exchange, tag, self.number, None, None)
        _native.exchange_wait(self.exchange, tag, self.number)

    def sum(self, x: Array) -> Array:
        found = _native.empty(x.shape, x.dtype)
        tag = self.tags.first + UPDATED + 1 + self._sums
        self._sums += 1
        _native.exchange_post(self.exchange, tag, self.number, x, found)
        _native.exchange_wait(self.exchange, tag, self.number)
        return found
