"""A page for each rank of a machine that all of them read: small arrays are exchanged without MPI or another thread.

rank 0   writes its page    meets    reads the others'        Two pages a rank, used in turn: whoever comes to the
rank 1   writes its page    meets    reads the others'        next meeting has read what was written for the last.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _native

Array = np.ndarray[Any, np.dtype[Any]]
PAGE = 1 << 14  # bytes that a rank gives at once
_LINE = 64  # of a counter
_PATIENCE = 50  # milliseconds between looks at whether the others still live


class Board:
    """Pages of all ranks of ``comm``, which are on one machine; for one thread of each.

    check: raises where another rank cannot come; busily: keep the processor while waiting, which nobody else wants.
    """

    def __init__(self, mpi: Any, comm: Any, check: Callable[[], None], busily: bool) -> None:
        rank, size = comm.Get_rank(), comm.Get_size()
        self._rank, self._size, self._check, self._busily = rank, size, check, busily
        room = size * (_LINE + 2 * PAGE)
        self._window = mpi.Win.Allocate_shared(room if rank == 0 else 0, 1, comm=comm)
        memory = np.frombuffer(self._window.Shared_query(0)[0], np.uint8)[:room]
        if rank == 0:
            memory[:] = 0
        comm.Barrier()
        self._counters = memory[: size * _LINE].view(np.int64).reshape(size, -1)
        self._pages = memory[size * _LINE :].reshape(2, size, PAGE)
        self._meetings = 0

    def meet(self) -> None:
        """Return once all ranks have come; what they wrote before is seen then."""
        self._meetings += 1
        while not _native.meet(self._counters, self._rank, self._meetings, _PATIENCE, self._busily):
            self._check()

    def gather(self, mine: Array, sizes: Sequence[int]) -> list[Array]:
        """The arrays of all ranks, one-dimensional, of one type, of these sizes and a PAGE at most."""
        pages = self._pages[self._meetings & 1]
        pages[self._rank, : mine.nbytes] = mine.view(np.uint8)
        self.meet()
        found = np.empty(sum(sizes), mine.dtype)
        parts = [found[b - n : b] for n, b in zip(sizes, itertools.accumulate(sizes), strict=True)]
        for page, part in zip(pages, parts, strict=True):
            part.view(np.uint8)[:] = page[: part.nbytes]
        return parts

    def free(self) -> None:
        """Give the memory back, before MPI ends; all ranks call this alike."""
        del self._counters, self._pages
        self._window.Free()
