"""Work ahead of who asks for it: one thread that fills a buffer, and several that map elements, in order.

Nothing is begun before the first element is asked for; an error, the end or ``close()`` ends every thread.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Future

AUTOTUNE = -1


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def close(iterator: Any) -> None:
    """End an iterator, and with it its threads, now."""
    if hasattr(iterator, "close"):
        iterator.close()


class _Buffer:
    """What the thread of ``prefetched`` and its consumer share."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.items: deque[Any] = deque()
        self.changed = threading.Condition()
        self.ended = False  # nothing more will come
        self.stopped = False  # nobody wants more
        self.error: BaseException | None = None

    def fill(self, source: Iterator[Any]) -> None:
        """The thread: from the source into the buffer."""
        try:
            while not self.stopped:
                with self.changed:
                    while len(self.items) >= self.size and not self.stopped:
                        self.changed.wait()
                    if self.stopped:
                        return
                item = next(source, self)
                with self.changed:
                    if item is self:
                        return
                    self.items.append(item)
                    self.changed.notify_all()
        except BaseException as error:  # the consumer raises it
            self.error = error
        finally:
            with suppress(ValueError):  # a generator that runs
                close(source)
            with self.changed:
                self.ended = True
                self.changed.notify_all()

    def stop(self) -> None:
        with self.changed:
            self.stopped = True
            self.changed.notify_all()


def prefetched(source: Iterator[Any], size: int, stop: Callable[[], None] | None = None) -> Iterator[Any]:
    """The elements of ``source``, up to ``size`` of them made ahead by a thread.

    stop: called when nobody wants more, before the thread is waited for.
    """
    buffer = _Buffer(size)
    thread = threading.Thread(target=buffer.fill, args=(source,), name="lamina.data", daemon=True)
    thread.start()
    try:
        while True:
            with buffer.changed:
                while not buffer.items and not buffer.ended:
                    buffer.changed.wait()
                if not buffer.items:
                    break
                item = buffer.items.popleft()
                buffer.changed.notify_all()
            yield item
        if buffer.error is not None:
            raise buffer.error
    finally:
        buffer.stop()
        if stop is not None:
            stop()
        thread.join()
        buffer.error = None  # it holds frames, which hold the buffer


def mapped(source: Iterator[Any], function: Callable[[Any], Any], threads: int, ahead: int) -> Iterator[Any]:
    """``function(item)`` of each item in order, made by threads, up to ``ahead`` of them before they are asked for."""
    from concurrent.futures import ThreadPoolExecutor  # when it is used, for quick imports

    pending: deque[Future[Any]] = deque()
    with ThreadPoolExecutor(threads, "lamina.data") as pool:
        try:
            for item in source:
                pending.append(pool.submit(function, item))
                if len(pending) >= ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
            close(source)
