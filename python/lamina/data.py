"""Arrays cut into batches, and split into parts."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import numpy as np

from .core.arrays import to_numbers
from .core.explain import named, require
from .core.generator import numpy_from, numpy_generator, unlocked_in_children
from .core.rooms import publish
from .core.tree import flatten, map_structure

Array = np.ndarray[Any, np.dtype[Any]]


def count(what: str, **named: Any) -> int:
    """The number of samples that all arrays share; ValueError names those that differ."""
    sizes: dict[str, int] = {}
    for name, tree in named.items():
        arrays = [a for a in flatten(tree) if a is not None]
        for i, a in enumerate(arrays):
            label = name if len(arrays) == 1 else f"{name}[{i}]"
            if a.ndim == 0:
                raise ValueError(f"{what}: {label} is a single number, expected an array of samples")
            sizes[label] = a.shape[0]
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} has {n}" for name, n in sizes.items())
        raise ValueError(f"{what}: the arrays hold different numbers of samples: {listed}")
    return next(iter(sizes.values()), 0)


class Batches:
    """What ``batches`` returns: each iteration goes once over the data, in a new order if shuffled.

    Args:
        x: arrays, or tuples, lists or dicts of them.
        y: the same, or None.
        batch_size: samples in a batch.
        shuffle: whether each iteration takes a new order.
        rng: the NumPy generator of the orders.
        drop_last: whether a last batch that is smaller is left out.

    Raises:
        ValueError: the arrays differ in their number of samples.
    """

    def __init__(self, x: Any, y: Any, batch_size: int, shuffle: bool, rng: Any, drop_last: bool) -> None:
        self._x = map_structure(np.asarray, x)
        self._y = None if y is None else map_structure(np.asarray, y)
        self._samples = count("batches", x=self._x, y=self._y)
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._rng = rng
        self._drop_last = drop_last

    def __len__(self) -> int:
        extra = 0 if self._drop_last else self._batch_size - 1
        return (self._samples + extra) // self._batch_size

    def __iter__(self) -> Iterator[Any]:
        order = self._rng.permutation(self._samples) if self._shuffle else None
        for i in range(len(self)):
            part: Any = slice(i * self._batch_size, min((i + 1) * self._batch_size, self._samples))
            if order is not None:
                part = order[part]
            x = map_structure(itemgetter(part), self._x)
            yield x if self._y is None else (x, map_structure(itemgetter(part), self._y))


@named("batches")
def batches(
    x: Any, y: Any = None, batch_size: int = 32, shuffle: bool = False, seed: int | None = None, drop_last: bool = False
) -> Batches:
    """An iterable of batches that can be gone over again and again.

    Args:
        x: arrays, or tuples, lists or dicts of arrays, of one first dimension.
        y: the same; with it batches are (x, y), without it x.
        batch_size: samples in a batch, a positive integer; the last batch may be smaller.
        shuffle: whether each iteration takes a new order.
        seed: integer that makes the orders repeatable; None follows ``lamina.random.seed``.
        drop_last: whether a last batch that is smaller is left out.

    Raises:
        ValueError: ``batch_size`` is not positive; the arrays differ in their number of samples.
    """
    require("batches", batches, batch_size=batch_size, shuffle=shuffle, seed=seed, drop_last=drop_last)
    if batch_size < 1:
        raise ValueError(f"batches: batch_size must be at least 1, got {batch_size}")
    rng = numpy_generator() if seed is None else unlocked_in_children(numpy_from(seed))
    return Batches(x, y, batch_size, shuffle, rng, drop_last)


@named("split")
def split(*arrays: Any, fraction: float = 0.2, shuffle: bool = True, seed: int | None = None) -> list[Array]:
    """Each array in two parts: ``x_train, x_val, y_train, y_val = split(x, y, fraction=0.2)``.

    Args:
        *arrays: arrays of one first dimension; all are split at the same places.
        fraction: share of the samples in the second part; each part has one at least.
        shuffle: whether samples are put in a random order before.
        seed: integer that makes the order repeatable; None follows ``lamina.random.seed``.

    Raises:
        ValueError: a part would be empty; the arrays differ in their number of samples.
    """
    parts = [to_numbers(f"split: array {i}", a) for i, a in enumerate(arrays)]
    samples = count("split", **{f"array {i}": a for i, a in enumerate(parts)})
    held_out = int(samples * fraction)
    if not 0 < held_out < samples:
        raise ValueError(f"split: fraction={fraction} of {samples} samples leaves one part empty")
    order = numpy_from(seed).permutation(samples) if shuffle else np.arange(samples)
    first, second = order[: samples - held_out], order[samples - held_out :]
    return [a[part] for a in parts for part in (first, second)]


class PyDataset:
    """Base of one's own data for ``fit``: ``__len__`` batches, ``__getitem__(i)`` is batch i, (x, y) or (x, y,
    weights).

    Args:
        workers: an option of Keras that is not supported: batches are made one by one in this process.
        use_multiprocessing: an option of Keras that is not supported.
        max_queue_size: an option of Keras that is not supported.

    Raises:
        ValueError: an option has another value than its default.

    Source: Keras 3, keras.utils.PyDataset.
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        given = {"workers": workers, "use_multiprocessing": use_multiprocessing, "max_queue_size": max_queue_size}
        for name, default in {"workers": 1, "use_multiprocessing": False, "max_queue_size": 10}.items():
            if given[name] != default:
                raise ValueError(
                    f"{type(self).__name__}: {name}={given[name]!r} is not supported; leave it out: batches are made "
                    "one by one in this process"
                )

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must define __len__, the number of batches")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index), one batch")

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


Sequence = PyDataset  # Keras 2's name


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """One batch as ``train_step`` gets it: x, (x, y) or (x, y, sample_weight); a list or tuple x alone becomes (x,).

    Args:
        x: inputs.
        y: targets.
        sample_weight: weights of the samples.
    """
    if y is None and sample_weight is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of what ``pack_x_y_sample_weight`` made, None for what it had not.

    Args:
        data: x, (x, y) or (x, y, sample_weight).

    Raises:
        ValueError: there are more than three parts.
    """
    given = tuple(data) if isinstance(data, (tuple, list)) else (data,)
    if not 1 <= len(given) <= 3:
        raise ValueError(f"data must be x, (x, y) or (x, y, sample_weight), got {len(given)} parts")
    return (*given, None, None)[:3]


__all__ = [
    "Batches", "PyDataset", "Sequence", "batches", "split",
]  # fmt: skip

publish(__name__)
