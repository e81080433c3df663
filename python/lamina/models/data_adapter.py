"""Where fit's batches come from: arrays in memory, or an iterable of batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from operator import methodcaller
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from ..core.arrays import about, is_dataset, to_numbers
from ..core.autograd import Tensor, wrap
from ..core.generator import numpy_generator
from ..core.tree import map_structure
from ..data import PyDataset

Array = np.ndarray[Any, np.dtype[Any]]


@runtime_checkable
class SupportsArray(Protocol):
    """What NumPy can make an array of: data frames, tensors of other libraries."""

    def __array__(self) -> Array: ...


class Batch(NamedTuple):
    """Tensors (or nests of them), valid until the next batch is drawn, and the number of samples.

    Steps that a model defines itself may keep theirs.
    """

    x: Any
    y: Any
    weight: Any
    size: int


def is_arrays(x: Any) -> bool:
    """Whether x is data in memory: an array, or a list, tuple or dict; any other iterable gives batches."""
    return isinstance(x, _IN_MEMORY) or not isinstance(x, Iterable)


_IN_MEMORY = (np.ndarray, Tensor, list, tuple, dict, SupportsArray, str, bytes, set, frozenset)  # some are refused


def to_arrays(what: str, name: str, tree: Any) -> Any:
    """A nest of numeric arrays; lists of numbers become arrays, lists of arrays stay a list of inputs."""
    if isinstance(tree, dict):
        return {k: to_arrays(what, f"{name}[{k!r}]", v) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)) and any(isinstance(v, (np.ndarray, Tensor, dict)) or v is None for v in tree):
        return [to_arrays(what, f"{name}[{i}]", v) for i, v in enumerate(tree)]
    if tree is None:
        return None
    if isinstance(tree, np.ndarray) and tree.dtype.kind in "fiub":
        return tree
    if is_dataset(tree) and isinstance(tree[0], (tuple, list, dict)):
        raise TypeError(f"{what}: {name} is {about(tree)}")
    return to_numbers(f"{what}: {name}", tree)


class Column:
    """One array, read in slices of the wanted dtype; slices that need work share one buffer, unless ``kept``.

    kept: Python code of the user's sees the slices, and may keep them.
    """

    def __init__(self, array: Array, dtype: np.dtype[Any], kept: bool = False) -> None:
        self.array = array
        self._kept = kept
        self.dtype = dtype = dtype if dtype.isnative else dtype.newbyteorder("=")
        self._taken = np.empty(0, array.dtype)
        self._converted = np.empty(0, dtype)

    def _convert(self, part: Array) -> Array:
        if part.dtype == self.dtype and part.flags.c_contiguous:
            return part
        if self._kept or len(self._converted) < len(part):
            self._converted = np.empty(part.shape, self.dtype)
        np.copyto(self._converted[: len(part)], part, casting="unsafe")
        return self._converted[: len(part)]

    def slice(self, start: int, stop: int) -> Array:
        return self._convert(self.array[start:stop])

    def take(self, indices: Array) -> Array:
        if self._kept or len(self._taken) < len(indices):
            self._taken = np.empty((len(indices), *self.array.shape[1:]), self.array.dtype)
        out = self._taken[: len(indices)]
        np.take(self.array, indices, axis=0, out=out, mode="clip")  # "raise" would go through one more buffer
        return self._convert(out)


# A nest of Column for x; for y and the sample weights a Column or None for each output of the model, or for models
# with steps of their own a nest as it was given.
Columns = tuple[Any, Any, Any]
Prepare = Callable[[Any, Any, Any], "tuple[Columns, int]"]  # checks the given x, y, weights; also counts samples


def _batch(columns: Columns, read: Callable[[Column], Array], size: int) -> Batch:
    def tensors(tree: Any) -> Any:
        if type(tree) is Column:
            return wrap(read(tree))
        if type(tree) is list:  # the usual y and weights: not through map_structure, at every step
            return [tensors(part) for part in tree]
        return None if tree is None else map_structure(tensors, tree)

    x, y, weight = columns
    return Batch(tensors(x), tensors(y), tensors(weight), size)


class ArrayFeed:
    """Batches of arrays in memory."""

    def __init__(self, arrays: tuple[Any, Any, Any], prepare: Prepare, batch_size: int, shuffle: bool) -> None:
        self._columns, self.samples = prepare(*arrays)
        columns = getattr(arrays[0], "columns", None)  # of a data frame
        self.columns = None if columns is None else [str(c) for c in columns]
        self.steps: int | None = -(-self.samples // batch_size)
        self._batch_size = batch_size
        self._shuffle = shuffle

    def epoch(self) -> Iterator[Batch]:
        """The batches of one pass over the data, in a new order if shuffled."""
        n, size = self.samples, self._batch_size
        order = numpy_generator().permutation(n) if self._shuffle else None
        for start in range(0, n, size):
            stop = min(start + size, n)
            if order is None:
                yield _batch(self._columns, methodcaller("slice", start, stop), stop - start)
            else:
                yield _batch(self._columns, methodcaller("take", order[start:stop]), stop - start)

    def end_epoch(self) -> None: ...


class IterableFeed:
    """Batches from an iterable of x, (x, y) or (x, y, sample_weight)."""

    columns: list[str] | None = None

    def __init__(self, source: Iterable[Any], prepare: Prepare, what: str, own: bool = False) -> None:
        self.steps = len(source) if isinstance(source, Sized) else None
        self._source = source
        self._prepare = prepare
        self._what = what
        self._own = own  # one batch, which the user gave as such

    def epoch(self) -> Iterator[Batch]:
        for item in self._source:
            given = tuple(item) if isinstance(item, (tuple, list)) else (item,)
            if not 1 <= len(given) <= 3:
                raise ValueError(
                    f"{self._what}: a batch must be x, (x, y) or (x, y, sample_weight), got {len(given)} parts"
                )
            x, y, weight = (*given, None, None)[:3]
            try:
                columns, size = self._prepare(x, y, weight)
            except (TypeError, ValueError):
                if not self._own:
                    self._check(x, y)
                raise
            yield _batch(columns, methodcaller("slice", 0, size), size)

    def _check(self, x: Any, y: Any) -> None:
        """TypeError for what is no batch: it would be explained as if it were all the data."""
        expected = "expected batches: x, (x, y) or (x, y, sample_weight) of arrays"
        if x is None or isinstance(x, (str, bytes, set, frozenset)) or callable(x):
            raise TypeError(f"{self._what}: x gave {about(x)}; {expected}")
        if isinstance(x, (int, float)) or getattr(x, "shape", None) == ():
            raise TypeError(f"{self._what}: x gave the single number {x}; {expected}")
        if isinstance(y, (int, float)) or getattr(y, "shape", None) == ():
            raise TypeError(f"{self._what}: x gave a sample with the label {y}; {expected}, several samples each")

    def end_epoch(self) -> None:
        if isinstance(self._source, PyDataset):
            self._source.on_epoch_end()


class Feed:
    """The batches of each epoch: one pass over the source, or ``steps`` batches, going on where the last one ended."""

    def __init__(self, source: ArrayFeed | IterableFeed, steps: int | None) -> None:
        self.source = source
        self.steps = source.steps if steps is None else steps
        self._limit = steps
        self._rest: Iterator[Batch] | None = None

    def epoch(self) -> Iterator[Batch]:
        if self._limit is None:
            yield from self.source.epoch()
            self.source.end_epoch()
            return
        for _ in range(self._limit):
            batch = self._next()
            if batch is None:
                return
            yield batch

    def _next(self) -> Batch | None:
        if self._rest is not None:
            batch = next(self._rest, None)
            if batch is not None:
                return batch
            self.source.end_epoch()
        self._rest = self.source.epoch()  # an exhausted generator stays empty here
        return next(self._rest, None)
