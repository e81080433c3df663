"""Memory that all ranks of one machine see: sums there are written and read in place, without a copy by MPI.

    rank 0 writes   [ a0 | b0 ]        meet        rank 0 adds a0 + a1 into its a        meet       both copy [ a | b ]
    rank 1 writes   [ a1 | b1 ]                    rank 1 adds b0 + b1 into its b

Nobody waits with a busy processor, as MPI's own collectives do between processes of one machine.  The counters of a
meeting order what is written and read; MPI's epochs, whose locks need the others to call MPI, would only be in the way.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from .tree import bounds

Array = np.ndarray[Any, np.dtype[Any]]
_PIECE = 1 << 16  # elements that are added up, and copied, at a time


class SharedMemory:
    """Two windows with a segment for each rank, used in turn: whoever begins a sum finds that of before the last done.

    meet: returns once all ranks have come.
    """

    def __init__(self, mpi: Any, comm: Any, meet: Callable[[], None]) -> None:
        self._mpi, self._comm, self._meet = mpi, comm, meet
        self._rank, self._size = comm.Get_rank(), comm.Get_size()
        self._windows: list[Any] = [None, None]
        self._segments: list[list[Array]] = [[], []]  # bytes of all ranks
        self._turn = 0

    def sum(
        self, mine: list[Array], counts: list[int], size: int, dtype: Any, add: Callable[[list[Array]], Array]
    ) -> Array:
        """What ``add`` makes of the arrays of all ranks, slice by slice; all ranks call this alike.

        mine: this rank's arrays of ``size`` elements; counts: how many each rank has; add: gets for each rank its
        arrays' slices, one after the other.
        """
        segments = self._room(max(counts) * size * dtype.itemsize)
        rows = [segments[rank].view(dtype)[: count * size].reshape(count, size) for rank, count in enumerate(counts)]
        for row, array in zip(rows[self._rank], mine, strict=True):
            row[:] = array
        self._meet()
        ends = bounds(self._size, size)
        own = slice(ends[self._rank], ends[self._rank + 1])
        results = [segment.view(dtype)[:size] for segment in segments]  # each rank's slice stands where it stood before
        results[self._rank][own] = add([np.ascontiguousarray(row[:, own]).reshape(-1) for row in rows])
        self._meet()
        found = np.empty(size, dtype)
        for rank, result in enumerate(results):
            found[ends[rank] : ends[rank + 1]] = result[ends[rank] : ends[rank + 1]]
        return found

    def add(self, values: Array) -> None:
        """The sum over all ranks of ``values``, in place.  Each rank adds up its slice where it stands, and the others
        copy it from there: a rank's own slice is never copied by itself."""
        segments = self._room(values.nbytes)
        shown = [segment.view(values.dtype)[: len(values)] for segment in segments]
        ends = bounds(self._size, len(values))
        slices = [slice(a, b) for a, b in itertools.pairwise(ends)]
        others = [rank for rank in range(self._size) if rank != self._rank]
        for rank in others:
            shown[self._rank][slices[rank]] = values[slices[rank]]
        self._meet()
        own = slices[self._rank]
        for first in range(own.start, own.stop, _PIECE):  # which stay in the cache
            piece = slice(first, min(first + _PIECE, own.stop))
            for rank in others:
                values[piece] += shown[rank][piece]
            shown[self._rank][piece] = values[piece]
        self._meet()
        for rank in others:
            values[slices[rank]] = shown[rank][slices[rank]]

    def _room(self, nbytes: int) -> list[Array]:
        """The segments of the window whose turn it is, with at least so many bytes each."""
        self._turn = 1 - self._turn
        held = self._segments[self._turn]
        if not held or held[0].nbytes < nbytes:
            window = self._windows[self._turn]
            if window is not None:
                window.Free()
            room = -(-max(nbytes, 1 << 20) // 4096) * 4096
            window = self._windows[self._turn] = self._mpi.Win.Allocate_shared(room, 1, comm=self._comm)
            self._segments[self._turn] = [
                np.frombuffer(window.Shared_query(rank)[0], np.uint8)[:room] for rank in range(self._size)
            ]
        return self._segments[self._turn]

    def free(self) -> None:
        """Give the memory back, before MPI ends; all ranks call this alike."""
        for i, window in enumerate(self._windows):
            if window is not None:
                self._segments[i] = []
                window.Free()
                self._windows[i] = None
