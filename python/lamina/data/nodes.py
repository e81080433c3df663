"""What a Dataset does when it is iterated over: one node a step, each with the nodes before it.

``start()`` begins an iteration: what counts iterations (a shuffle's next order) is taken then, in the caller's thread;
threads begin with the first element.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..core.tree import leaves
from .elements import Array, call, element, fail, padded, row, stacked, unstacked
from .threads import AUTOTUNE, close, cores, mapped, prefetched

INFINITE = -1  # numbers of elements, as tf.data has them
UNKNOWN = -2


class Node:
    """One step of a dataset. ``run`` gives its elements from the iterators of ``sources``."""

    sources: tuple[Node, ...] = ()
    run: Callable[..., Iterator[Any]]  # the elements, from an iterator of each source
    indexed = False  # whether elements are rows: ``indices`` gives their numbers, ``take`` several of them at once

    def __init__(self, *sources: Node) -> None:
        self.sources = sources

    def start(self) -> Iterator[Any]:
        """Begin an iteration."""
        return self._guarded([source.start() for source in self.sources])

    def _guarded(self, iterators: list[Iterator[Any]]) -> Iterator[Any]:
        try:
            yield from self.run(*iterators)
        finally:
            for iterator in iterators:
                close(iterator)

    def size(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        return self.sources[0].size()

    def indices(self) -> Iterator[int]:
        """The numbers of the rows, in order, where ``indexed``."""
        raise NotImplementedError

    def take(self, indices: Array) -> Any:
        """Rows as one nest of arrays, where ``indexed``."""
        return self.sources[0].take(indices)


class Slices(Node):
    """The rows of arrays."""

    indexed = True

    def __init__(self, rows: Any, n: int) -> None:
        super().__init__()
        self.rows, self.n = rows, n

    def run(self) -> Iterator[Any]:
        return (row(self.rows, i) for i in range(self.n))

    def size(self) -> int:
        return self.n

    def indices(self) -> Iterator[int]:
        return iter(range(self.n))

    def take(self, indices: Array) -> Any:
        if len(indices) and indices[-1] - indices[0] == len(indices) - 1 and (np.diff(indices) == 1).all():
            return row(self.rows, slice(int(indices[0]), int(indices[-1]) + 1))
        return row(self.rows, indices)


class Listed(Node):
    """Elements in a list."""

    def __init__(self, items: list[Any]) -> None:
        super().__init__()
        self.items = items

    def run(self) -> Iterator[Any]:
        return iter(self.items)

    def size(self) -> int:
        return len(self.items)


class Range(Node):
    """Integers."""

    def __init__(self, numbers: range, dtype: Any) -> None:
        super().__init__()
        self.numbers, self.dtype = numbers, np.dtype(dtype)

    def run(self) -> Iterator[Any]:
        return map(self.dtype.type, self.numbers)

    def size(self) -> int:
        return len(self.numbers)


class Generated(Node):
    """What a function's iterable gives."""

    def __init__(
        self, make: Callable[..., Iterable[Any]], args: tuple[Any, ...], convert: Callable[[Any], Any]
    ) -> None:
        super().__init__()
        self.make, self.args, self.convert = make, args, convert

    def run(self) -> Iterator[Any]:
        iterator = iter(self.make(*self.args))
        try:
            for i, item in enumerate(iterator):
                try:
                    found = self.convert(item)
                except (TypeError, ValueError) as error:
                    fail(error, f"Dataset.from_generator: element {i}")
                yield found
        finally:
            close(iterator)

    def size(self) -> int:
        return UNKNOWN


class Mapped(Node):
    """A function of each element, by threads on request."""

    def __init__(self, source: Node, function: Callable[..., Any], calls: int | None, label: str = "map") -> None:
        super().__init__(source)
        self.function, self.calls, self.label = function, calls, label

    def _call(self, numbered: tuple[int, Any]) -> Any:
        i, item = numbered
        try:
            return element(self.apply(i, item))
        except Exception as error:
            fail(error, f"Dataset.{self.label}: element {i}")

    def apply(self, i: int, item: Any) -> Any:
        """The function of element i."""
        return call(self.function, item)

    def run(self, items: Iterator[Any]) -> Iterator[Any]:
        if self.calls is None:
            return map(self._call, enumerate(items))
        threads = cores() if self.calls == AUTOTUNE else self.calls
        return mapped(enumerate(items), self._call, threads, 2 * threads)


class RandomMapped(Mapped):
    """As Mapped, of a function that gets a generator: that of the seed, the iteration and the element's number."""

    def __init__(self, source: Node, function: Callable[..., Any], calls: int | None, seed: int) -> None:
        super().__init__(source, function, calls, "random_map")
        self.seed, self.iteration = seed, -1

    def start(self) -> Iterator[Any]:
        self.iteration += 1
        return super().start()

    def run(self, items: Iterator[Any]) -> Iterator[Any]:
        numbers = _Numbers(self.seed, self.iteration)
        return super().run((numbers, item) for item in items)

    def apply(self, i: int, item: Any) -> Any:
        numbers, item = item
        rng = numbers.at(i)
        return self.function(*item, rng) if type(item) is tuple else self.function(item, rng)


class _Numbers(threading.local):
    """A generator for each thread, set to the beginning of an element's numbers; making one takes ten times as long."""

    def __init__(self, seed: int, iteration: int) -> None:
        self.bits = np.random.Philox(key=np.array([seed, iteration], np.uint64))
        self.rng = np.random.Generator(self.bits)
        self.state = self.bits.state

    def at(self, i: int) -> np.random.Generator:
        self.state["state"]["counter"][-1] = i
        self.bits.state = self.state
        return self.rng


class Filtered(Node):
    """The elements for which a function is true."""

    def __init__(self, source: Node, function: Callable[..., Any], while_only: bool = False) -> None:
        super().__init__(source)
        self.function, self.while_only = function, while_only

    def run(self, items: Iterator[Any]) -> Iterator[Any]:
        for i, item in enumerate(items):
            try:
                wanted = bool(call(self.function, item))
            except Exception as error:
                name = "take_while" if self.while_only else "filter"
                fail(error, f"Dataset.{name}: element {i}")
            if wanted:
                yield item
            elif self.while_only:
                return

    def size(self) -> int:
        return UNKNOWN


class Shuffled(Node):
    """Each element is drawn from a buffer of the next ones."""

    def __init__(self, source: Node, buffer_size: int, seed: int, anew: bool) -> None:
        super().__init__(source)
        self.buffer_size, self.seed, self.anew, self.iteration = buffer_size, seed, anew, -1
        self.indexed = source.indexed

    def _next(self) -> np.random.Generator:
        self.iteration += self.anew or self.iteration < 0
        return np.random.Generator(np.random.Philox(key=[self.seed, self.iteration]))

    def start(self) -> Iterator[Any]:
        rng = self._next()
        source = self.sources[0].start()
        return self._drawn(source, rng)

    def indices(self) -> Iterator[int]:
        rng = self._next()
        return self._drawn(self.sources[0].indices(), rng)

    def _drawn(self, items: Iterator[Any], rng: np.random.Generator) -> Iterator[Any]:
        try:
            buffer = list(itertools.islice(items, self.buffer_size))
            full = True
            while buffer:
                for share in rng.random(min(1024, max(16, len(buffer)))).tolist():
                    if not buffer:
                        break
                    place = int(share * len(buffer))
                    drawn = buffer[place]
                    following = next(items, self) if full else self
                    if following is self:
                        full = False
                        last = buffer.pop()
                        if place < len(buffer):
                            buffer[place] = last
                    else:
                        buffer[place] = following
                    yield drawn
        finally:
            close(items)


class Batched(Node):
    """Several elements as one."""

    def __init__(self, source: Node, size: int, drop: bool, join: Callable[[list[Any]], Any] | None = None) -> None:
        super().__init__(source)
        self.batch_size, self.drop, self.join = size, drop, join

    def start(self) -> Iterator[Any]:
        source = self.sources[0]
        if not source.indexed or self.join is not None:
            return super().start()
        return self._guarded([source.indices()])

    def run(self, items: Iterator[Any]) -> Iterator[Any]:
        source = self.sources[0]
        gather = source.indexed and self.join is None
        while part := list(itertools.islice(items, self.batch_size)):
            if self.drop and len(part) < self.batch_size:
                return
            if gather:
                yield source.take(np.array(part))
            else:
                yield stacked(part, "Dataset.batch") if self.join is None else self.join(part)

    def size(self) -> int:
        n = super().size()
        return n if n < 0 else (n if self.drop else n + self.batch_size - 1) // self.batch_size


class Padding:
    """Joins the elements of ``padded_batch``."""

    def __init__(self, shapes: Any, values: Any) -> None:
        self.shapes, self.values = shapes, values

    def __call__(self, items: list[Any]) -> Any:
        return padded(items, self.shapes, self.values, "Dataset.padded_batch")


class Unbatched(Node):
    """The rows of each element."""

    def run(self, items: Iterator[Any]) -> Iterator[Any]:
        for batch in items:
            yield from unstacked(batch, "Dataset.unbatch")

    def size(self) -> int:
        return UNKNOWN


class Repeated(Node):
    """The source again and again."""

    def __init__(self, source: Node, count: int) -> None:
        super().__init__(source)
        self.count = count

    def run(self, items: Iterator[Any]) -> Iterator[Any]:
        for i in itertools.count():
            if i == self.count:
                return
            if i:
                items = self.sources[0].start()
            any_ = False
            try:
                for item in items:
                    any_ = True
                    yield item
            finally:
                close(items)
            if not any_:  # it would never end
                return

    def size(self) -> int:
        n = super().size()
        return 0 if 0 in (n, self.count) else INFINITE if self.count < 0 or n == INFINITE else _times(n, self.count)


def _times(n: int, count: int) -> int:
    return n if n < 0 else n * count  # < and 0 are free: 0 times any count is 0


class Part(Node):
    """The elements from ``begin`` to ``end``, each ``step``-th."""

    def __init__(self, source: Node, begin: int, end: int | None, step: int = 1) -> None:
        super().__init__(source)
        self.begin, self.end, self.step = begin, end, step

    def run(self, items: Iterator[Any]) -> Iterator[Any]:
        return itertools.islice(items, self.begin, self.end, self.step)

    def size(self) -> int:
        n = super().size()
        if n == INFINITE and self.end is not None:
            n = self.end
        return n if n < 0 else len(range(n)[self.begin : self.end : self.step])  # < and 0 are free: 0 leaves 0


class Cached(Node):
    """The elements of the first whole iteration, kept."""

    kept: list[Any] | None = None

    def start(self) -> Iterator[Any]:
        return self._guarded([iter(self.kept)] if self.kept is not None else [self._filling(self.sources[0].start())])

    def run(self, items: Iterator[Any]) -> Iterator[Any]:
        return items

    def _filling(self, items: Iterator[Any]) -> Iterator[Any]:
        seen = []
        try:
            for item in items:
                for part in leaves(item):
                    if isinstance(part, np.ndarray):
                        part.flags.writeable = False  # the next iteration wants it unchanged
                seen.append(item)
                yield item
        finally:
            close(items)
        self.kept = seen

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "kept"}


class Concatenated(Node):
    """One after the other."""

    def run(self, *iterators: Iterator[Any]) -> Iterator[Any]:
        return itertools.chain(*iterators)

    def size(self) -> int:
        sizes = [source.size() for source in self.sources]
        return INFINITE if INFINITE in sizes else UNKNOWN if UNKNOWN in sizes else sum(sizes)


class Zipped(Node):
    """Elements of several side by side, as long as the shortest; ``pack`` puts them together."""

    def __init__(self, pack: Callable[[tuple[Any, ...]], Any], *sources: Node) -> None:
        super().__init__(*sources)
        self.pack = pack

    def run(self, *iterators: Iterator[Any]) -> Iterator[Any]:
        return map(self.pack, zip(*iterators, strict=False))

    def size(self) -> int:
        sizes = [source.size() for source in self.sources]
        finite = [n for n in sizes if n != INFINITE]
        return INFINITE if not finite else UNKNOWN if UNKNOWN in finite else min(finite)


class Enumerated(Node):
    """(number, element)."""

    def __init__(self, source: Node, first: int) -> None:
        super().__init__(source)
        self.first = first

    def run(self, items: Iterator[Any]) -> Iterator[Any]:
        return ((np.int64(i), item) for i, item in enumerate(items, self.first))


class Interleaved(Node):
    """The elements of the datasets that a function makes of each element, ``block`` of each of ``cycle`` in turn."""

    def __init__(self, source: Node, function: Callable[..., Any], cycle: int, block: int, label: str) -> None:
        super().__init__(source)
        self.function, self.cycle, self.block, self.label = function, cycle, block, label

    def run(self, items: Iterator[Any]) -> Iterator[Any]:
        numbered = enumerate(items)
        slots: list[Iterator[Any] | None] = [None] * (self.cycle if self.cycle > 0 else cores())
        place, more = 0, True
        try:
            while more or any(slots):
                current = slots[place]
                if current is None and more:
                    following = next(numbered, None)
                    more = following is not None
                    if following is not None:
                        slots[place] = self._open(*following)
                    continue
                if current is not None:
                    part = 0
                    for item in itertools.islice(current, self.block if self.block > 0 else None):
                        part += 1
                        yield item
                    if part != self.block:  # it has ended
                        slots[place] = None
                place = (place + 1) % len(slots)
        finally:
            for iterator in slots:
                close(iterator)

    def _open(self, i: int, item: Any) -> Iterator[Any]:
        try:
            made = call(self.function, item)
            iterator: Iterator[Any] = made._node.start()
        except AttributeError:
            raise TypeError(
                f"Dataset.{self.label}: element {i}: the function must return a Dataset, got {type(made).__name__}"
            ) from None
        return iterator

    def size(self) -> int:
        return UNKNOWN


class Windows(Node):
    """Lists of elements, ``shift`` apart, each ``stride``-th."""

    def __init__(self, source: Node, size: int, shift: int, stride: int, drop: bool, make: Callable[..., Any]) -> None:
        super().__init__(source)
        self.length, self.shift, self.stride, self.drop, self.make = size, shift, stride, drop, make

    def run(self, items: Iterator[Any]) -> Iterator[Any]:
        span = (self.length - 1) * self.stride + 1
        held: deque[Any] = deque(itertools.islice(items, span))
        while held:
            window = list(itertools.islice(held, 0, span, self.stride))
            if len(window) < self.length and self.drop:
                return
            yield self.make(window)
            for _ in range(self.shift):
                if held:
                    held.popleft()
                else:
                    next(items, None)
            held.extend(itertools.islice(items, span - len(held)))

    def size(self) -> int:
        n = super().size()
        if n < 0:
            return n
        span = (self.length - 1) * self.stride + 1
        return max(0, (n - span) // self.shift + 1) if self.drop else -(-n // self.shift)


class Prefetched(Node):
    """The source, made ahead by a thread."""

    def __init__(self, source: Node, buffer_size: int) -> None:
        super().__init__(source)
        self.buffer_size = buffer_size

    def run(self, items: Iterator[Any]) -> Iterator[Any]:
        return prefetched(items, 2 if self.buffer_size == AUTOTUNE else self.buffer_size)
