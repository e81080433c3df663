"""Worker processes that make batches by number, in order; one that dies or fails ends the iteration with its error."""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any

from .. import _native
from .elements import fail
from .threads import prefetched


class _InWorker(Exception):
    """Where an error was raised in a worker process, as text."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def _serve(source: Any, connection: Connection, inherited: list[Connection]) -> None:
    """The worker: answers numbers with batches until nobody asks."""
    for other in inherited:  # so that this one learns when the asking process is gone
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the asking process's
    _native.set_num_threads(1)  # the other workers have the other cores
    with contextlib.suppress(EOFError, OSError):
        while True:
            index = connection.recv()
            connection.send_bytes(_answer(source, index))


def _answer(source: Any, index: int) -> Any:
    """(True, batch) or (False, (error, where it was raised)), pickled."""
    try:
        batch = source[index]
    except Exception as error:
        return _error(error)
    try:
        return ForkingPickler.dumps((True, batch))
    except Exception as error:
        return _error(TypeError(f"the batch cannot be sent by a process: {error}"))


def _error(error: Exception) -> Any:
    told = (error, traceback.format_exc())
    try:
        pickled = ForkingPickler.dumps((False, told))
        pickle.loads(pickled)
    except Exception:
        return ForkingPickler.dumps((False, (RuntimeError(f"{type(error).__name__}: {error}"), told[1])))
    return pickled


class Workers:
    """Processes that each hold a copy of ``source`` and make ``source[index]``."""

    def __init__(self, source: Any, n: int) -> None:
        context: Any = multiprocessing.get_context()
        self.label = type(source).__name__
        self.stopped = False
        self.workers: list[tuple[Any, Connection]] = []
        try:
            for _ in range(n):
                ours, theirs = context.Pipe()
                mine = [*(c for _, c in self.workers), ours] if context.get_start_method() == "fork" else []
                process = context.Process(target=_serve, args=(source, theirs, mine), daemon=True)
                try:
                    process.start()
                except BaseException:
                    ours.close()
                    raise
                finally:
                    theirs.close()
                self.workers.append((process, ours))
        except BaseException:
            self.stop()
            self.close()
            raise

    def batches(self, indices: Iterable[int]) -> Iterator[Any]:
        """The batches of these numbers, in order; each worker is asked in turn, and one more than it makes."""
        pending: deque[tuple[int, int]] = deque()
        most = 2 * len(self.workers)
        for place, index in enumerate(indices):
            turn = place % len(self.workers)
            with contextlib.suppress(OSError):  # a dead one is found where its batch is awaited
                self.workers[turn][1].send(index)
            pending.append((turn, index))
            if len(pending) >= most:
                yield self._receive(*pending.popleft())
        while pending:
            yield self._receive(*pending.popleft())

    def _receive(self, turn: int, index: int) -> Any:
        process, connection = self.workers[turn]
        answer = None
        if connection in wait([connection, process.sentinel]):
            with contextlib.suppress(EOFError, OSError):
                answer = connection.recv()
        if answer is None:
            process.join(5)
            code = process.exitcode
            how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
            raise RuntimeError(
                f"{self.label}: worker process {process.pid} {how} at batch {index}; out of memory, or a crash of a "
                "library that does not bear a fork, are usual; workers=1 or use_multiprocessing=False tell it apart"
            )
        done, value = answer
        if done:
            return value
        error, text = value
        try:
            fail(error, f"{self.label}[{index}]")
        except Exception as named:
            raise named from _InWorker(text)

    def stop(self) -> None:
        """End the processes at once; who awaits a batch of theirs is told."""
        for process, _ in self.workers:
            process.terminate()

    def close(self) -> None:
        """After the last batch, or ``stop``: wait for the processes' end. Nobody may await a batch."""
        for _, connection in self.workers:
            connection.close()  # upon which they end
        for process, _ in self.workers:
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()
        self.workers = []


def by_processes(source: Any, indices: Iterable[int], processes: int, ahead: int) -> Iterator[Any]:
    """``source[index]`` of each number in order, made by processes, up to about ``ahead`` before they are asked for."""
    workers = Workers(source, processes)
    try:
        yield from prefetched(workers.batches(indices), max(1, ahead - processes), workers.stop)
    finally:
        workers.close()
