"""First before a step: whatever fit was given, arrays in memory or an iterable of batches, becomes nests of arrays.

Nothing is checked or computed here but that they are numbers; ``prepare.py`` says what comes next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sized
from operator import methodcaller
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from .. import _native
from ..core.arrays import about, is_dataset, to_numbers
from ..core.autograd import Tensor, wrap
from ..core.defaults import Defaults
from ..core.generator import numpy_generator
from ..core.tree import leaves, map_structure
from ..core.warn import warn
from ..data import PyDataset
from ..data.elements import is_dataset as is_pipeline
from ..data.py_dataset import batches_of
from ..data.threads import close
from .sources import SparseRows, batches_of_samples, is_column, is_sparse

Array = np.ndarray[Any, np.dtype[Any]]


@runtime_checkable
class SupportsArray(Protocol):
    """What NumPy can make an array of: data frames, tensors of other libraries."""

    def __array__(self) -> Array: ...


class Given(NamedTuple):
    """Nests of arrays as the user gave them, of all samples or of one batch; None for what was not given."""

    x: Any
    y: Any
    weight: Any
    batch_size: int | None = None  # of batches that are made of all samples


class Batch(NamedTuple):
    """Nests of tensors in the structure that the user gave, in memory of their own, and the number of samples."""

    x: Any
    y: Any
    weight: Any
    size: int


def is_arrays(x: Any) -> bool:
    """Whether x is data in memory: an array, or a list, tuple or dict; any other iterable gives batches."""
    return isinstance(x, _IN_MEMORY) or not isinstance(x, Iterable) or is_sparse(x) or is_column(x)


_IN_MEMORY = (np.ndarray, Tensor, list, tuple, dict, SupportsArray, str, bytes, set, frozenset)  # some are refused


_PARTS = (np.ndarray, Tensor, dict, SparseRows)  # what makes a list one of inputs


def _is_part(tree: Any) -> bool:
    """Whether a list begins with an array of another library."""
    first = tree[0] if tree else None
    return is_sparse(first) or (hasattr(first, "__array__") and len(getattr(first, "shape", ())) > 0)


def to_arrays(what: str, name: str, tree: Any) -> Any:
    """A nest of numeric arrays; lists of numbers become arrays, lists of arrays stay a list of inputs."""
    if isinstance(tree, dict):
        return {k: to_arrays(what, f"{name}[{k!r}]", v) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)) and (_is_part(tree) or any(isinstance(v, _PARTS) or v is None for v in tree)):
        return [to_arrays(what, f"{name}[{i}]", v) for i, v in enumerate(tree)]
    if tree is None:
        return None
    if isinstance(tree, np.ndarray) and tree.dtype.kind in "fiub":
        return tree if type(tree) is np.ndarray else np.asarray(tree)
    if is_sparse(tree):
        return SparseRows(tree) if name.startswith("x") else np.asarray(tree.toarray())
    if is_column(tree):
        return to_numbers(f"{what}: {name}", tree[:])
    if isinstance(tree, SparseRows):
        return tree
    if is_dataset(tree) and _gives_samples(tree):
        raise TypeError(f"{what}: {name} is {about(tree)}")
    return to_numbers(f"{what}: {name}", tree)


def adapt(what: str, x: Any, y: Any, weight: Any) -> Given:
    """x, y and sample_weight as nests of arrays."""
    if x is None:
        raise ValueError(f"{what}: x is missing")
    return Given(to_arrays(what, "x", x), to_arrays(what, "y", y), to_arrays(what, "sample_weight", weight))


def _gives_samples(tree: Any) -> bool:
    """Whether what has numbers for keys gives (x, y) or the like for the first."""
    try:
        return isinstance(tree[0], (tuple, list, dict))
    except (LookupError, TypeError, ValueError):
        return False


class Column:
    """One array, read in slices of the wanted dtype: views of it, or memory of their own."""

    def __init__(self, array: Any, dtype: np.dtype[Any]) -> None:
        self.array = array
        self._sparse = isinstance(array, SparseRows)
        self.dtype = dtype if dtype.isnative else dtype.newbyteorder("=")
        self._inner = array.shape[1:]

    def _convert(self, part: Array) -> Array:
        if part.dtype == self.dtype and part.flags.c_contiguous:
            return part
        converted = memory(part.shape, self.dtype)
        np.copyto(converted, part, casting="unsafe")
        return converted

    def slice(self, start: int, stop: int) -> Array:
        if self._sparse:
            return self._convert(self.array.dense(slice(start, stop)))
        return self._convert(self.array[start:stop])

    def take(self, indices: Array) -> Array:
        if self._sparse:
            return self._convert(self.array.dense(indices))
        if not self.array.flags.c_contiguous:  # np.take would copy all of it
            return self._convert(self.array[indices])
        out = memory((len(indices), *self._inner), self.array.dtype)
        np.take(self.array, indices, axis=0, out=out, mode="clip")  # "raise" would go through one more buffer
        return self._convert(out)


_LARGE = 1 << 15  # bytes


def memory(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Memory of an array; a large one's from the pool: NumPy would have the system give its pages anew each time."""
    large = math.prod(shape) * dtype.itemsize > _LARGE  # > is free: both give the same
    pooled = large and dtype.char in "fdilqILQbBhH?" and dtype.isnative
    return _native.empty(shape, dtype) if pooled else np.empty(shape, dtype)


Columns = tuple[Any, Any, Any]  # nests of Column, as x, y and the sample weights were given
Prepare = Callable[[Given], "tuple[Columns, int]"]  # what comes after adapting; also counts samples


def _batch(columns: Columns, read: Callable[[Column], Array], size: int) -> Batch:
    def tensors(tree: Any) -> Any:
        if type(tree) is Column:
            return wrap(read(tree))
        return None if tree is None else map_structure(tensors, tree)

    x, y, weight = columns
    return Batch(tensors(x), tensors(y), tensors(weight), size)


def one_batch(what: str, data: tuple[Any, Any, Any], prepare: Prepare) -> Batch:
    """x, y and sample_weight of one batch."""
    columns, size = prepare(adapt(what, *data))
    return _batch(columns, methodcaller("slice", 0, size), size)


def _order(n: int) -> Array:
    return numpy_generator().permutation(n)


class ArrayFeed:
    """Batches of arrays in memory."""

    samples = 0
    steps: int | None = None
    is_sparse = False  # in parts: no more than a batch of it becomes dense
    at_once = 1  # batches that are read together, once a pass knows that it may
    batch_seconds = 0.0  # that a batch took last, where batches ran without Python

    def __init__(self, what: str, data: tuple[Any, Any, Any], batch_size: int, shuffle: bool) -> None:
        columns = getattr(data[0], "columns", None)  # of a data frame
        self.columns = None if columns is None else [str(c) for c in columns]
        self._given = adapt(what, *data)._replace(batch_size=batch_size)
        self._batch_size = batch_size
        self._shuffle = shuffle

    def prepare(self, prepare: Prepare) -> None:
        """Let all samples go through what comes after adapting."""
        self._columns, self.samples = prepare(self._given)
        self.steps = -(-self.samples // self._batch_size)
        self.is_sparse = any(isinstance(c.array, SparseRows) for c in leaves(self._columns) if c is not None)

    @property
    def batch_size(self) -> int:
        return self._batch_size

    def order(self) -> Array | None:
        """The order of one pass over the data, None for that of the arrays."""
        return _order(self.samples) if self._shuffle else None

    def read(self, order: Array | None, start: int, stop: int) -> Batch:
        """Rows of a pass as one batch."""
        if order is None:
            return _batch(self._columns, methodcaller("slice", start, stop), stop - start)
        return _batch(self._columns, methodcaller("take", order[start:stop]), stop - start)

    def epoch(self) -> Iterator[Batch]:
        """The batches of one pass over the data, in a new order if shuffled."""
        order = self.order()
        for start in range(0, self.samples, self._batch_size):
            yield self.read(order, start, min(start + self._batch_size, self.samples))

    def end_epoch(self) -> None: ...


class IterableFeed:
    """Batches from an iterable of x, (x, y) or (x, y, sample_weight)."""

    columns: list[str] | None = None
    _prepare: Prepare

    def __init__(self, what: str, source: Iterable[Any], shuffle: bool = False) -> None:
        self.steps = _length(source)
        self._source = source
        self._shuffle = shuffle
        self._what = what

    def prepare(self, prepare: Prepare) -> None:
        """Let each batch, once it is drawn, go through what comes after adapting."""
        self._prepare = prepare

    def epoch(self) -> Iterator[Batch]:
        source = self._source
        if isinstance(source, PyDataset):
            source.on_epoch_begin()
            n = source.num_batches
            iterator = batches_of(source, None if n is None or not self._shuffle else _order(n).tolist())
        else:
            pipeline: Any = source if is_pipeline(source) else None
            iterator = iter(source) if pipeline is None else pipeline.as_numpy_iterator()
        n = 0
        try:
            for item in iterator:
                n += 1
                yield self._batch(item)
            if n and self.steps is not None and n < self.steps:
                warn(f"{self._what}: x gave {n} batches, its length says {self.steps}")
        finally:
            if iterator is not source:  # a generator may be gone on with
                close(iterator)

    def _batch(self, item: Any) -> Batch:
        given = tuple(item) if isinstance(item, (tuple, list)) else (item,)
        if not 1 <= len(given) <= 3:
            raise ValueError(
                f"{self._what}: a batch must be x, (x, y) or (x, y, sample_weight), got {len(given)} parts"
            )
        x, y, weight = (*given, None, None)[:3]
        try:
            return one_batch(self._what, (x, y, weight), self._prepare)
        except (TypeError, ValueError):
            self._check(x, y)
            raise

    def _check(self, x: Any, y: Any) -> None:
        """TypeError for what is no batch: it would be explained as if it were all the data."""
        expected = "expected batches: x, (x, y) or (x, y, sample_weight) of arrays"
        if x is None or isinstance(x, (str, bytes, set, frozenset)) or callable(x):
            raise TypeError(f"{self._what}: x gave {about(x)}; {expected}")
        if isinstance(x, (int, float)) or getattr(x, "shape", None) == ():
            raise TypeError(f"{self._what}: x gave the single number {x}; {expected}")
        if isinstance(y, (int, float)) or getattr(y, "shape", None) == ():
            raise TypeError(
                f"{self._what}: x gave a sample with the label {y}; {expected}, several samples each, "
                "as .batch(32) of a lamina.data.Dataset makes them"
            )

    def end_epoch(self) -> None:
        if isinstance(self._source, PyDataset):
            self._source.on_epoch_end()


def _length(source: Iterable[Any]) -> int | None:
    """Batches of a pass, if the source knows."""
    if isinstance(source, PyDataset):
        return source.num_batches
    try:
        return len(source) if isinstance(source, Sized) else None
    except TypeError:  # pipelines without end have no length
        return None


class Feed:
    """The batches of each epoch: one pass over the source, or ``steps`` batches, going on where the last one ended."""

    def __init__(self, what: str, source: ArrayFeed | IterableFeed, steps: int | None = None) -> None:
        self.source = source
        self._what = what
        self._limit = steps
        self._rest: Iterator[Batch] | None = None

    @property
    def steps(self) -> int | None:
        """Batches of an epoch, if it is known."""
        steps, most = self.source.steps if self._limit is None else self._limit, Defaults.max_steps_per_epoch
        return steps if most is None else most if steps is None else min(steps, most)

    def epoch(self) -> Iterator[Batch]:
        if self._limit is None and Defaults.max_steps_per_epoch is None:
            self._rest = self.source.epoch()
            yield from self._rest
            self.source.end_epoch()
            return
        for i in range(self.steps or 0):
            batch = self._next()
            if batch is None:
                if i:
                    warn(
                        f"{self._what}: x ran out of data after {i} of {self.steps} batches; a generator must give all "
                        "batches of all epochs, and a lamina.data.Dataset does after .repeat()"
                    )
                return
            yield batch

    def whole_arrays(self) -> ArrayFeed | None:
        """The source, where each epoch is one pass over arrays in memory."""
        whole = self._limit is None and Defaults.max_steps_per_epoch is None
        return self.source if whole and isinstance(self.source, ArrayFeed) else None

    def restart(self) -> None:
        """Let the next epoch begin at the beginning, also if the last one took a part."""
        self.close()
        self._rest = None

    def close(self) -> None:
        """When no more batches are wanted: ends the threads and processes that make them."""
        if self._rest is not None:
            close(self._rest)

    def _next(self) -> Batch | None:
        if self._rest is not None:
            batch = next(self._rest, None)
            if batch is not None:
                return batch
            self.source.end_epoch()
        self._rest = self.source.epoch()  # an exhausted generator stays empty here
        return next(self._rest, None)


def feed(
    what: str, data: tuple[Any, Any, Any], batch_size: int | None, steps: int | None = None, shuffle: bool = False
) -> Feed:
    """The batches of x, y and sample_weight, which ``Feed.source.prepare`` makes ready."""
    size = 32 if batch_size is None else batch_size
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
        raise ValueError(f"{what}: batch_size must be a positive integer, got {batch_size!r}")
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 1):
        raise ValueError(f"{what}: the number of steps must be a positive integer, got {steps!r}")
    source = None
    if type(data[0]) is not np.ndarray:
        source = batches_of_samples(what, data[0], int(size), _order if shuffle else None)
    if source is None and is_arrays(data[0]):
        return Feed(what, ArrayFeed(what, data, int(size), shuffle), steps)
    if data[1] is not None or data[2] is not None:
        raise ValueError(f"{what}: x gives batches, so y and sample_weight must come with them, as (x, y, weights)")
    return Feed(what, IterableFeed(what, data[0] if source is None else source, shuffle=shuffle), steps)
