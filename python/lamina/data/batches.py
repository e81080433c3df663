"""Arrays cut into batches, and split into parts."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import numpy as np

from ..core.arrays import to_numbers
from ..core.explain import named, require
from ..core.generator import numpy_from, numpy_generator, unlocked_in_children
from ..core.tree import flatten, map_structure

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

    Example:
        >>> made = lamina.data.batches(np.arange(5), batch_size=2)
        >>> type(made).__name__, len(made)
        ('Batches', 3)
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

    Example:
        >>> [(x.tolist(), y.tolist()) for x, y in lamina.data.batches(np.arange(3), np.arange(3) * 10, 2)]
        [([0, 1], [0, 10]), ([2], [20])]
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

    Example:
        >>> x_train, x_val = lamina.data.split(np.arange(5), fraction=0.4, shuffle=False)
        >>> x_train.tolist(), x_val.tolist()
        ([0, 1, 2], [3, 4])
    """
    parts = [to_numbers(f"split: array {i}", a) for i, a in enumerate(arrays)]
    samples = count("split", **{f"array {i}": a for i, a in enumerate(parts)})
    held_out = int(samples * fraction)
    if not 0 < held_out < samples:
        raise ValueError(f"split: fraction={fraction} of {samples} samples leaves one part empty")
    order = numpy_from(seed).permutation(samples) if shuffle else np.arange(samples)
    first, second = order[: samples - held_out], order[samples - held_out :]
    return [a[part] for a in parts for part in (first, second)]


__all__ = ["Batches", "batches", "split"]
