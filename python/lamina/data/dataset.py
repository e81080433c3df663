"""Pipelines of elements: read, changed, shuffled, batched, made ahead by threads; under tf.data's names."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator
from functools import reduce as fold
from typing import Any

import numpy as np

from ..core.explain import Explained, is_index, show
from ..core.generator import numpy_generator
from ..core.tree import flatten, leaves, map_structure, pack_as
from . import nodes
from .elements import element, is_dataset, rows, shown
from .nodes import INFINITE, UNKNOWN, Node
from .signature import Signature
from .threads import AUTOTUNE, close

INFINITE_CARDINALITY, UNKNOWN_CARDINALITY = INFINITE, UNKNOWN


class Dataset(Explained):
    """A pipeline of elements: arrays, or tuples and dicts of arrays, made when they are asked for.

    Methods give new datasets; nothing is read before an iteration begins, and each iteration begins anew. A function
    that fails is told with the number of its element, and ends the threads. Whatever the number of threads, elements
    keep their order, and random orders follow their seed alone. Loops get arrays that also answer ``numpy()``.

    A dataset of batches goes to ``fit``, ``evaluate``, ``predict`` and ``adapt``.  It pickles if its functions do.

    Args:
        node: what gives the elements; datasets are made by ``from_tensor_slices`` and its siblings.

    Raises:
        TypeError: ``node`` is none.

    Source: TensorFlow, tf.data.Dataset.

    Example:
        >>> squares = lamina.data.Dataset.range(6).map(lambda i: i * i).batch(4)
        >>> [batch.tolist() for batch in squares]
        [[0, 1, 4, 9], [16, 25]]
    """

    def __init__(self, node: Any) -> None:
        if not isinstance(node, Node):
            raise TypeError(
                f"Dataset: make one by Dataset.from_tensor_slices((x, y)), from_generator or range, got {show(node)}"
            )
        self._node = node

    # ---- where elements come from ----

    @staticmethod
    def from_tensors(tensors: Any) -> Dataset:
        """A dataset of one element.

        Args:
            tensors: the element: arrays or a nest of them.
        """
        return Dataset(nodes.Listed([element(tensors)]))

    @staticmethod
    def from_tensor_slices(tensors: Any) -> Dataset:
        """The rows of arrays, one an element.

        Args:
            tensors: an array, or tuples and dicts of arrays of one length, as (x, y).  Lists become arrays, of
                ``config.floatx()`` and int32.

        Raises:
            ValueError: the arrays differ in length.
        """
        return Dataset(nodes.Slices(*rows(tensors, "Dataset.from_tensor_slices")))

    @staticmethod
    def from_generator(
        generator: Callable[..., Iterable[Any]], output_types: Any = None, output_shapes: Any = None, args: Any = None,
        output_signature: Any = None,
    ) -> Dataset:  # fmt: skip
        """What a function's iterable gives; each iteration calls it anew.

        Args:
            generator: a function that returns an iterable: a generator function, or ``lambda: iterable``.
            output_types: the dtypes of an element, in its structure; None leaves them.
            output_shapes: the shapes of an element, in its structure, with None for free sizes; None allows all.
            args: what the function is called with.
            output_signature: dtypes and shapes together: objects with ``dtype`` and ``shape``, in the structure of an
                element.

        Raises:
            TypeError: ``generator`` is no function.
        """
        if not callable(generator):
            raise TypeError(
                f"Dataset.from_generator: expected a function that returns an iterable, got {show(generator)}; "
                "give the generator function itself, without calling it, or lambda: iterable"
            )
        convert = Signature(output_types, output_shapes, output_signature)
        return Dataset(nodes.Generated(generator, tuple(args or ()), convert))

    @staticmethod
    def range(*args: Any, output_type: Any = "int64") -> Dataset:
        """Integers, as Python's range gives them.

        Args:
            *args: stop; start and stop; or start, stop and step.
            output_type: dtype of the elements.
        """
        return Dataset(nodes.Range(range(*map(int, args)), output_type))

    @staticmethod
    def list_files(file_pattern: Any, shuffle: bool | None = None, seed: int | None = None) -> Dataset:
        """The names of files.

        Args:
            file_pattern: a pattern as for ``glob``, or a list of them.
            shuffle: whether each iteration takes a new order (None means so, too); else they are sorted.
            seed: integer that makes the orders repeatable; None follows ``lamina.random.seed``.

        Raises:
            ValueError: no file fits.
        """
        given = [file_pattern] if isinstance(file_pattern, (str, os.PathLike)) else list(file_pattern)
        found = sorted({path for pattern in given for path in glob.glob(os.fspath(pattern))})
        if not found:
            raise ValueError(
                f"Dataset.list_files: no file fits {', '.join(repr(os.fspath(pattern)) for pattern in given)}"
            )
        files = Dataset(nodes.Slices(np.array(found), len(found)))
        return files if shuffle is False else files.shuffle(len(found), seed)

    @staticmethod
    def zip(*args: Any, datasets: Any = None) -> Dataset:
        """Elements of several datasets side by side, as long as the shortest.

        Args:
            *args: datasets, or one nest (a tuple or dict) of them, which elements get the structure of.
            datasets: the nest, by name.

        Raises:
            TypeError: a part is no dataset.
        """
        nest = datasets if datasets is not None else args[0] if len(args) == 1 else args
        parts = flatten(nest)
        for part in parts:
            _require("zip", part)
        return Dataset(nodes.Zipped(_Nest(map_structure(lambda _: 0, nest)), *(part._node for part in parts)))

    # ---- what becomes of them ----

    def map(
        self, map_func: Callable[..., Any], num_parallel_calls: int | None = None, deterministic: bool | None = None
    ) -> Dataset:
        """A function of each element.

        Functions that draw random numbers, and layers that do, give the same numbers again only without
        ``num_parallel_calls``; with threads, ``random_map`` does.

        Args:
            map_func: a function of an element, of the parts of a tuple one by one, that returns one: arrays, tensors,
                or nests of them.
            num_parallel_calls: threads that call it; AUTOTUNE takes one for each core; None calls it where elements are
                asked for. They help where NumPy, Pillow or files work without Python's lock.
            deterministic: an option of tf.data without effect here: the order is always kept.
        """
        return Dataset(nodes.Mapped(self._node, _function("map", map_func), _calls("map", num_parallel_calls)))

    def random_map(
        self, map_func: Callable[..., Any], seed: int | None = None, num_parallel_calls: int | None = None
    ) -> Dataset:
        """As ``map``, of a function that also gets a random generator, whose numbers are those of the seed, the
        iteration and the element, whatever the number of threads.

        Args:
            map_func: a function of the parts of an element, and of a ``np.random.Generator``.
            seed: integer that makes the numbers repeatable; None follows ``lamina.random.seed``.
            num_parallel_calls: threads that call it, as for ``map``.
        """
        calls, function = _calls("random_map", num_parallel_calls), _function("random_map", map_func)
        return Dataset(nodes.RandomMapped(self._node, function, calls, _seed("random_map", seed)))

    def filter(self, predicate: Callable[..., Any]) -> Dataset:
        """The elements for which a function is true.

        Args:
            predicate: a function of an element, as for ``map``.
        """
        return Dataset(nodes.Filtered(self._node, _function("filter", predicate)))

    def take_while(self, predicate: Callable[..., Any]) -> Dataset:
        """The elements up to the first for which a function is false.

        Args:
            predicate: a function of an element, as for ``map``.
        """
        return Dataset(nodes.Filtered(self._node, _function("take_while", predicate), True))

    def shuffle(self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True) -> Dataset:
        """A random order: each element is drawn from a buffer of the next ones.

        Args:
            buffer_size: elements in the buffer; as many as the dataset has, or more, give every order the same chance.
            seed: integer that makes the orders repeatable; None follows ``lamina.random.seed``.
            reshuffle_each_iteration: whether each iteration takes a new order.

        Raises:
            ValueError: ``buffer_size`` is not positive.
        """
        n = _number("shuffle", "buffer_size", buffer_size, 1)
        return Dataset(nodes.Shuffled(self._node, n, _seed("shuffle", seed), bool(reshuffle_each_iteration)))

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
    ) -> Dataset:
        """Several elements as one, with an axis in front.

        Args:
            batch_size: elements in a batch; the last one may be smaller.
            drop_remainder: whether a last batch that is smaller is left out.
            num_parallel_calls: an option of tf.data without effect here: ``map`` has threads, and ``prefetch``.
            deterministic: an option of tf.data without effect here: the order is always kept.

        Raises:
            ValueError: ``batch_size`` is not positive; when iterated, elements differ in shape.
        """
        n = _number("batch", "batch_size", batch_size, 1)
        return Dataset(nodes.Batched(self._node, n, bool(drop_remainder)))

    def padded_batch(
        self, batch_size: int, padded_shapes: Any = None, padding_values: Any = None, drop_remainder: bool = False
    ) -> Dataset:
        """Several elements of different shapes as one, padded behind.

        Args:
            batch_size: elements in a batch; the last one may be smaller.
            padded_shapes: the shape that elements get, in their structure; None in it, or in its place, pads to the
                largest of the batch.
            padding_values: what is put in, in the structure of an element or one for all; None is 0, or empty text.
            drop_remainder: whether a last batch that is smaller is left out.

        Raises:
            ValueError: ``batch_size`` is not positive; when iterated, an element is larger than its padded shape.
        """
        n = _number("padded_batch", "batch_size", batch_size, 1)
        join = nodes.Padding(padded_shapes, padding_values)
        return Dataset(nodes.Batched(self._node, n, bool(drop_remainder), join))

    def unbatch(self) -> Dataset:
        """The rows of each element, one by one."""
        return Dataset(nodes.Unbatched(self._node))

    def repeat(self, count: int | None = None) -> Dataset:
        """The dataset several times, one after the other.

        Args:
            count: how often; None or -1 is without end.
        """
        return Dataset(nodes.Repeated(self._node, -1 if count is None else _number("repeat", "count", count, -1)))

    def take(self, count: int) -> Dataset:
        """The first elements.

        Args:
            count: how many; -1 takes all.
        """
        n = _number("take", "count", count, -1)
        return Dataset(nodes.Part(self._node, 0, None if n < 0 else n))

    def skip(self, count: int) -> Dataset:
        """All but the first elements.

        Args:
            count: how many are left out; -1 leaves out all.
        """
        n = _number("skip", "count", count, -1)
        return Dataset(nodes.Part(self._node, max(n, 0), 0 if n < 0 else None))

    def shard(self, num_shards: int, index: int) -> Dataset:
        """Each ``num_shards``-th element.

        Args:
            num_shards: how many parts there are.
            index: which part, from 0.

        Raises:
            ValueError: ``index`` is no part.
        """
        n = _number("shard", "num_shards", num_shards, 1)
        if _number("shard", "index", index, 0) >= n:
            raise ValueError(f"Dataset.shard: index must be smaller than num_shards={n}, got {index}")
        return Dataset(nodes.Part(self._node, int(index), None, n))

    def cache(self) -> Dataset:
        """The elements of the first whole iteration, kept in memory for the next ones."""
        return Dataset(nodes.Cached(self._node))

    def concatenate(self, dataset: Dataset) -> Dataset:
        """This dataset, then another.

        Args:
            dataset: the other.

        Raises:
            TypeError: it is no dataset.
        """
        _require("concatenate", dataset)
        return Dataset(nodes.Concatenated(self._node, dataset._node))

    def enumerate(self, start: int = 0) -> Dataset:
        """(number, element) of each element.

        Args:
            start: the first number.
        """
        return Dataset(nodes.Enumerated(self._node, int(start)))

    def flat_map(self, map_func: Callable[..., Any]) -> Dataset:
        """The elements of the datasets that a function makes of each element, one after the other.

        Args:
            map_func: a function of an element, as for ``map``, that returns a Dataset.
        """
        return Dataset(nodes.Interleaved(self._node, _function("flat_map", map_func), 1, -1, "flat_map"))

    def interleave(
        self,
        map_func: Callable[..., Any],
        cycle_length: int | None = None,
        block_length: int = 1,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
    ) -> Dataset:
        """As ``flat_map``, from several datasets in turn.

        Args:
            map_func: a function of an element, as for ``map``, that returns a Dataset.
            cycle_length: how many datasets take turns; None takes as many as there are cores.
            block_length: elements of each in a turn.
            num_parallel_calls: an option of tf.data without effect here: give the inner datasets ``prefetch``.
            deterministic: an option of tf.data without effect here: the order is always kept.
        """
        cycle = AUTOTUNE if cycle_length is None else _number("interleave", "cycle_length", cycle_length, -1)
        block = _number("interleave", "block_length", block_length, 1)
        return Dataset(nodes.Interleaved(self._node, _function("interleave", map_func), cycle, block, "interleave"))

    def window(self, size: int, shift: int | None = None, stride: int = 1, drop_remainder: bool = False) -> Dataset:
        """Datasets of elements beside each other, as ``flat_map(lambda w: w.batch(size))`` makes batches of.

        Args:
            size: elements of a window.
            shift: distance of the beginnings of windows; None is ``size``.
            stride: distance of the elements of a window.
            drop_remainder: whether windows at the end that are smaller are left out.

        Raises:
            ValueError: a number is not positive.
        """
        n = _number("window", "size", size, 1)
        step = n if shift is None else _number("window", "shift", shift, 1)
        apart = _number("window", "stride", stride, 1)
        return Dataset(nodes.Windows(self._node, n, step, apart, bool(drop_remainder), _window))

    def prefetch(self, buffer_size: int) -> Dataset:
        """The same elements, made by a thread of their own before they are asked for.

        Args:
            buffer_size: how many are kept; AUTOTUNE keeps two, which suffices where batches take about equally long.

        Raises:
            ValueError: ``buffer_size`` is neither positive nor AUTOTUNE.
        """
        n = _number("prefetch", "buffer_size", buffer_size, -1)
        return self if n == 0 else Dataset(nodes.Prefetched(self._node, n))

    def apply(self, transformation_func: Callable[..., Any]) -> Any:
        """``transformation_func(self)``.

        Args:
            transformation_func: a function of a dataset.
        """
        return transformation_func(self)

    # ---- what they give ----

    def reduce(self, initial_state: Any, reduce_func: Callable[..., Any]) -> Any:
        """What remains of all elements.

        Args:
            initial_state: the first state.
            reduce_func: a function of the state and an element that returns the next state.
        """
        return fold(reduce_func, self.as_numpy_iterator(), initial_state)

    def cardinality(self) -> int:
        """The number of elements; INFINITE_CARDINALITY (-1), or UNKNOWN_CARDINALITY (-2) where functions decide."""
        return self._node.size()

    def as_numpy_iterator(self) -> Iterator[Any]:
        """An iterator over the elements, as plain arrays and numbers of NumPy's."""
        return self._node.start()

    def __iter__(self) -> Iterator[Any]:
        return _shown(self._node.start())

    def __len__(self) -> int:
        n = self.cardinality()
        if n == INFINITE:
            raise TypeError("Dataset: its length is infinite; take(n) limits it")
        if n == UNKNOWN:
            raise TypeError("Dataset: its length is unknown, since functions decide it; count by iterating over it")
        return n

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        n = self.cardinality()
        return f"<Dataset: {'endless' if n == INFINITE else 'of unknown length' if n == UNKNOWN else f'{n} elements'}>"


def _shown(items: Iterator[Any]) -> Iterator[Any]:
    try:
        for item in items:
            yield shown(item)
    finally:
        close(items)


class _Nest:
    """Puts the parts of ``zip`` together."""

    def __init__(self, structure: Any) -> None:
        self.structure = structure

    def __call__(self, parts: tuple[Any, ...]) -> Any:
        return pack_as(self.structure, list(parts))


def _window(items: list[Any]) -> Any:
    """The elements of a window as a dataset, or as a nest of datasets."""
    if not any(True for _ in leaves(items[0])):
        return ()
    if isinstance(items[0], dict):
        return {key: _window([item[key] for item in items]) for key in items[0]}
    if isinstance(items[0], tuple):
        return tuple(_window(list(part)) for part in zip(*items, strict=True))
    return Dataset(nodes.Listed(items))


def _number(method: str, name: str, value: Any, least: int) -> int:
    if not is_index(value) or value < least:
        raise ValueError(f"Dataset.{method}: {name} must be an integer from {least}, got {show(value)}")
    return int(value)


def _function(method: str, given: Any) -> Any:
    if not callable(given):
        raise TypeError(f"Dataset.{method}: expected a function of an element, got {show(given)}")
    return given


def _calls(method: str, calls: Any) -> int | None:
    if calls is None:
        return None
    if not is_index(calls) or (calls < 1 and calls != AUTOTUNE):
        raise ValueError(
            f"Dataset.{method}: num_parallel_calls must be a positive integer, AUTOTUNE or None, got {show(calls)}"
        )
    return int(calls)


def _seed(method: str, seed: Any) -> int:
    if seed is None:
        return int(numpy_generator().integers(2**63))
    if not is_index(seed) or seed < 0:
        raise ValueError(f"Dataset.{method}: seed must be a non-negative integer or None, got {show(seed)}")
    return int(seed)


def _require(method: str, given: Any) -> None:
    if not is_dataset(given):
        raise TypeError(f"Dataset.{method}: expected a Dataset, got {show(given)}; from_tensor_slices makes one")


__all__ = ["AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Dataset"]
