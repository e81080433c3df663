"""Datasets of samples that are read when their batch is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.explain import is_index
from ..core.generator import numpy_from, unlocked_in_children
from ..core.suggest import unknown
from ..data import PyDataset

Array = np.ndarray[Any, np.dtype[Any]]


class Samples(PyDataset):
    """Batches of n samples, in a new order each epoch if shuffled; without a batch size, single samples.

    ``read(indices)`` gives a batch.
    """

    def __init__(self, n: int, batch_size: int | None, shuffle: bool, seed: int | None) -> None:
        super().__init__()
        self.samples, self.batch_size = n, batch_size
        self._rng = unlocked_in_children(numpy_from(seed)) if shuffle else None
        self._order = np.arange(n)
        self.on_epoch_end()

    def read(self, indices: Array) -> Any:
        """A batch: x, or (x, y).

        Args:
            indices: which samples.
        """
        raise NotImplementedError

    def __len__(self) -> int:
        return self.samples if self.batch_size is None else -(-self.samples // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        index %= len(self)
        size = 1 if self.batch_size is None else self.batch_size
        batch = self.read(self._order[index * size : (index + 1) * size])
        if self.batch_size is not None:
            return batch
        return tuple(part[0] for part in batch) if isinstance(batch, tuple) else batch[0]

    def on_epoch_end(self) -> None:
        """Takes a new order, if shuffled."""
        if self._rng is not None:
            self._rng.shuffle(self._order)


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
