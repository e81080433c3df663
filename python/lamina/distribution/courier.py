"""The one thread that owns the communication: it begins MPI, makes every call of it, and ends it.

Shards leave gradients and sums in an ``Exchange`` and compute on; the courier takes them in order, and hands each
round to its ``Reduction`` once all shards of this process have come.  All ranks run the same steps, so their rounds
come in the same order.  Whoever needs an answer in Python uses ``call``, or ``gather``: on one machine small arrays
take a page of shared memory, without this thread.
"""

from __future__ import annotations

import itertools
import pickle
import queue
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np

from .. import _native
from .board import PAGE, Board
from .shared_memory import SharedMemory
from .watch import Watch

Array = np.ndarray[Any, np.dtype[Any]]
_CALL = -1  # the tag of what is in the queue of calls
TAG_BITS = 24  # of a round within a reduction
_LARGE = 1 << 14  # 1 and 14 are free: bytes of a collective that are worth a meeting before


class Courier:
    """``rank`` and ``size`` of the run, and what it does with the rounds of shards: a ``Reduction`` each."""

    def __init__(self, with_mpi: bool) -> None:
        self.exchange = _native.Exchange()
        self.rank, self.size, self.local_size = 0, 1, 1
        self.host = socket.gethostname()
        self.reductions: list[Any] = []  # by the upper bits of their tags
        self.sent = 0  # bytes that this rank gave to others so far
        self.busy = 0.0  # seconds that gradients took it
        self.watch: Watch | None = None
        self.hides = False  # whether communication costs those who compute nothing: other machines, or cores to spare
        self.shared: SharedMemory | None = None  # of all ranks, where they are on one machine,
        self._boards: dict[bool, Board] = {}  # and their pages: of this thread (True), and of whoever calls
        self._mpi: Any = None
        self._comm: Any = None
        self._rounds: dict[int, dict[int, tuple[Any, Any]]] = {}
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._failure: BaseException | None = None
        self._ended = threading.Event()
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(with_mpi, started), name="lamina-courier", daemon=True)
        self._thread.start()
        started.result()

    # ---- for other threads ----

    def begin_sharing(self, busily: bool) -> None:
        """Memory is what all ranks are on one machine for; run by the courier.

        busily: whether those who wait may keep their cores, which nobody else wants.
        """
        self._boards = {own: Board(self._mpi, self._comm, self._look, busily) for own in (True, False)}
        self.shared = SharedMemory(self._mpi, self._comm, self._boards[True].meet)

    def call(self, function: Callable[[], Any]) -> Any:
        """What ``function`` returns, run by the courier behind all that was left for it before."""
        if threading.current_thread() is self._thread:
            return function()
        self.check()
        answer: Future[Any] = Future()
        self._calls.put((answer, function))
        _native.exchange_post(self.exchange, _CALL, 0, None, None)
        return answer.result()

    @property
    def broken(self) -> bool:
        """Whether nothing can be exchanged any more."""
        return self._failure is not None

    def check(self) -> None:
        """RuntimeError where the communication has failed before."""
        if self._failure is not None:
            raise RuntimeError(str(self._failure)) from self._failure

    def fail(self, error: BaseException) -> None:
        """This rank does not come to what the others wait for: they are told, and whoever waits here goes on."""
        if self.watch is not None:
            self.watch.fail(f"{type(error).__name__}: {error}")
        self._broken(error)

    def end(self) -> None:
        """Say good-bye and end MPI, once all ranks have come so far."""
        if self._ended.is_set():
            return
        if self.watch is not None:
            self.watch.leave()
        self._ended.set()
        if self._failure is None:
            self._thread.join()

    # ---- the thread ----

    def _run(self, with_mpi: bool, started: Future[None]) -> None:
        try:
            if with_mpi:
                self._begin()
        except BaseException as error:
            started.set_exception(error)
            return
        started.set_result(None)
        while True:
            post = self.exchange.take(100)
            if post is None:
                if self._ended.is_set():
                    break
                continue
            tag, shard, source, destination = post
            if tag == _CALL:
                self._answer(*self._calls.get())
                continue
            came = self._rounds.setdefault(tag, {})
            came[shard] = source, destination
            if came.keys() >= self.reductions[tag >> TAG_BITS].awaited:
                del self._rounds[tag]
                self._round(tag, came)
        if self._mpi is not None and self._failure is None:
            if self.shared is not None:
                self.shared.free()
            for board in self._boards.values():
                board.free()
            if self._owns:
                self._mpi.Finalize()

    def _begin(self) -> None:
        import mpi4py

        if not hasattr(mpi4py, "MPI"):  # else the program has begun MPI itself
            mpi4py.rc.initialize = mpi4py.rc.finalize = False
        from mpi4py import MPI

        self._owns = not MPI.Is_initialized()
        if self._owns:
            MPI.Init_thread(MPI.THREAD_SERIALIZED)
        elif MPI.Query_thread() < MPI.THREAD_SERIALIZED:
            raise RuntimeError(
                "lamina.distribution: MPI was begun for one thread alone; let Lamina begin it, or set "
                "mpi4py.rc.thread_level = 'serialized' before importing mpi4py.MPI"
            )
        self._mpi, self._comm = MPI, MPI.COMM_WORLD.Dup()
        self.rank, self.size = self._comm.Get_rank(), self._comm.Get_size()
        here = self._comm.Split_type(MPI.COMM_TYPE_SHARED)
        self.local_size = here.Get_size()
        here.Free()
        if self.size > 1:
            self.watch = Watch(self.rank, self.size, self._comm.bcast)

    def _answer(self, answer: Future[Any], function: Callable[[], Any]) -> None:
        try:
            self.check()
            answer.set_result(function())
        except BaseException as error:
            if isinstance(error, RuntimeError) and str(error).startswith("lamina.distribution"):
                self._broken(error)
            answer.set_exception(error)

    def _round(self, tag: int, came: dict[int, tuple[Any, Any]]) -> None:
        try:
            self.check()
            self.reductions[tag >> TAG_BITS].round(tag, came)
        except BaseException as error:
            self._broken(error)
            return
        for shard in came:
            self.exchange.finish(tag, shard)

    def _broken(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
            self.exchange.fail(str(error))

    # ---- collectives, on the thread but for gather ----

    def _wait(self, request: Any) -> None:
        """Until it is done, leaving the processor to those who compute; an error where another rank cannot come."""
        tries = 0
        while not request.Test():
            tries += 1
            if tries % 64 == 0:
                self._look()
            if tries > 4:
                time.sleep(2e-5 if tries < 200 else 2e-4)  # 2e-5, <, 200 and 2e-4 are free: how often it looks

    def _look(self) -> None:
        if self.watch is not None:
            self.watch.check()

    def _meet(self) -> None:
        self._wait(self._comm.Ibarrier())

    def _transfer(self, collective: str, nbytes: int, *arguments: Any) -> None:
        """A collective on so many bytes.  A large one begins when all ranks are there, and then nothing is waited for:
        MPI's blocking form is faster than looking again and again, of which each moves a part."""
        if nbytes <= _LARGE:
            self._wait(getattr(self._comm, f"I{collective}")(*arguments))
            return
        self._meet()
        getattr(self._comm, collective.capitalize())(*arguments)

    def gather(self, mine: Array, lengths: list[int] | None = None) -> list[Array]:
        """The arrays of all ranks, one-dimensional and of one type; lengths: of each rank's, None: as mine.  For any
        thread; small ones, of ranks of one machine, need no other."""
        if self.size == 1:
            return [mine]
        mine, own = np.ascontiguousarray(mine), threading.current_thread() is self._thread
        sizes = [len(mine)] * self.size if lengths is None else lengths
        if self._boards and max(sizes) * mine.itemsize <= PAGE:
            self.check()
            self.sent += mine.nbytes
            return self._boards[own].gather(mine, sizes)
        if not own:
            return self.call(lambda: self.gather(mine, lengths))
        ends = np.cumsum([0, *sizes])
        found = np.empty(ends[-1], mine.dtype)
        self._transfer("allgatherv", found.nbytes, _bytes(mine), self._parts(found, sizes))
        self.sent += mine.nbytes * (self.size - 1)
        return [found[a:b] for a, b in itertools.pairwise(ends)]

    def exchange_parts(self, mine: Array, sizes: list[int], theirs: list[int]) -> list[Array]:
        """Part q of ``mine``, of sizes[q] elements, goes to rank q; what came, of ``theirs`` elements each."""
        ends = np.cumsum([0, *theirs])
        found = np.empty(ends[-1], mine.dtype)
        self._transfer("alltoallv", mine.nbytes, self._parts(mine, sizes), self._parts(found, theirs))
        self.sent += mine.nbytes - sizes[self.rank] * mine.itemsize
        return [found[a:b] for a, b in itertools.pairwise(ends)]

    def add(self, values: Array) -> Array:
        """The sum over all ranks, in MPI's own order and in place."""
        if self.size == 1:
            return values
        if self.shared is not None and values.nbytes > _LARGE:
            self.shared.add(values)
        else:
            self._transfer("allreduce", values.nbytes, self._mpi.IN_PLACE, values)
        self.sent += 2 * values.nbytes * (self.size - 1) // self.size
        return values

    def share(self, thing: Any) -> Any:
        """Rank 0's object for all."""
        if self.size == 1:
            return thing
        packed = np.frombuffer(pickle.dumps(thing) if self.rank == 0 else b"", np.uint8)
        length = np.array([len(packed)])
        self.share_array(length)
        packed = packed.copy() if self.rank == 0 else np.empty(length[0], np.uint8)
        self.share_array(packed)
        return pickle.loads(packed.tobytes())

    def share_array(self, array: Array) -> None:
        """Rank 0's values for all, in place."""
        if self.size > 1:
            self._transfer("bcast", array.nbytes, _bytes(array))

    def objects(self, thing: Any) -> list[Any]:
        """The objects of all ranks."""
        packed = np.frombuffer(pickle.dumps(thing), np.uint8)
        lengths = [int(n[0]) for n in self.gather(np.array([len(packed)]))]
        return [pickle.loads(one.tobytes()) for one in self.gather(packed, lengths)]

    def _parts(self, array: Array, sizes: list[int]) -> Any:
        counts = [size * array.itemsize for size in sizes]
        starts = [int(n) for n in np.cumsum([0, *counts[:-1]])]
        return [_bytes(array), counts, starts, self._mpi.BYTE]


def _bytes(array: Array) -> Array:
    return array.reshape(-1).view(np.uint8)
