"""Datasets of samples that are read when their batch is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ..core.explain import is_index
from ..core.generator import numpy_from, unlocked_in_children
from ..core.suggest import unknown
from ..data import Dataset
from ..data.nodes import Node
from ..data.threads import close, cores, mapped

Array = np.ndarray[Any, np.dtype[Any]]


class _Batches(Node):
    """The batches of ``Samples`` in its next order, made ahead by threads if their reading takes time."""

    def __init__(self, samples: Samples, threads: bool) -> None:
        super().__init__()
        self.samples, self.threads = samples, threads

    def start(self) -> Iterator[Any]:
        return self._read(self.samples.next_order())

    def _read(self, order: Array) -> Iterator[Any]:
        read, numbers = partial(self.samples.batch_at, order), iter(range(self.size()))
        batches = mapped(numbers, read, cores(), cores() + 1) if self.threads else map(read, numbers)
        try:
            for batch in batches:
                if batch is not None:
                    yield batch
        finally:
            close(batches)

    def size(self) -> int:
        samples = self.samples
        return samples.samples if samples.batch_size is None else -(-samples.samples // samples.batch_size)


class Samples(Dataset):
    """Batches of n samples, in a new order each iteration if shuffled; without a batch size, single samples.

    ``read(indices)`` gives a batch, or None where none of its samples can be read; ``self[i]`` is batch i of the order
    that the next iteration has.
    """

    def __init__(self, n: int, batch_size: int | None, shuffle: bool, seed: int | None, threads: bool = False) -> None:
        super().__init__(_Batches(self, threads))
        self.samples, self.batch_size = n, batch_size
        self._rng = unlocked_in_children(numpy_from(seed)) if shuffle else None
        self._order = np.arange(n)
        self._is_new = False
        self.on_epoch_end()

    def read(self, indices: Array) -> Any:
        """A batch: x, or (x, y).

        Args:
            indices: which samples.
        """
        raise NotImplementedError

    def batch_at(self, order: Array, index: int) -> Any:
        """Batch number ``index`` of samples in this order.

        Args:
            order: numbers of all samples.
            index: number of the batch.
        """
        size = 1 if self.batch_size is None else self.batch_size
        batch = self.read(order[index * size : (index + 1) * size])
        if self.batch_size is not None or batch is None:
            return batch
        return tuple(part[0] for part in batch) if isinstance(batch, tuple) else batch[0]

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        return self.batch_at(self._order, index % len(self))

    def next_order(self) -> Array:
        """The order of the iteration that begins: the one that ``self[i]`` shows, if none has had it yet."""
        if not self._is_new:
            self.on_epoch_end()
        self._is_new = False
        return self._order

    def on_epoch_end(self) -> None:
        """Takes a new order, if shuffled."""
        if self._rng is not None:
            self._order = self._rng.permutation(self.samples)
        self._is_new = True


def check_batch_size(what: str, batch_size: Any) -> int | None:
    """A positive integer or None."""
    if batch_size is None:
        return None
    if not is_index(batch_size) or batch_size < 1:
        raise ValueError(f"{what}: batch_size must be a positive integer or None, got {batch_size!r}")
    return int(batch_size)


def check_format(what: str, format: Any) -> None:
    """One of Keras's kinds of datasets, which make no difference here."""
    if format not in ("tf", "grain"):
        raise unknown(f"format of {what}", format, ("tf", "grain"))
