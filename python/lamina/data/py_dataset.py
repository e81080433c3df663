"""One's own batches by number, and what stands in a batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from ..core.explain import require
from .elements import fail
from .threads import mapped


class PyDataset:
    """Base of one's own data for ``fit``: ``__len__`` batches, ``__getitem__(i)`` is batch i, (x, y) or (x, y,
    weights).

    With workers, batches are made ahead, and come in the same order. An error in one ends the epoch with that error, as
    does a worker process that dies. ``fit`` takes the batches in a new order each epoch, if ``shuffle`` is True.

    Args:
        workers: threads or processes that make batches; up to 1, without ``use_multiprocessing``, they are made where
            they are asked for.
        use_multiprocessing: whether workers are processes, which each get a copy of the dataset at the beginning of an
            epoch. They help where Python itself computes; threads suffice where NumPy, Pillow or files work.
        max_queue_size: batches that workers make before they are asked for.

    Raises:
        ValueError: an option is out of range.
        TypeError: an option is no integer, or no flag.

    Source: Keras 3, keras.utils.PyDataset.

    Example:
        >>> class Squares(lamina.utils.PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...
        ...     def __getitem__(self, index):
        ...         return np.arange(2) + index, np.full(2, index**2)
        >>> [y.tolist() for x, y in Squares(workers=2)]
        [[0, 0], [1, 1], [4, 4]]
    """

    workers = 1  # of classes whose constructors don't call this one
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        label = type(self).__name__
        require(
            label, PyDataset.__init__, workers=workers, use_multiprocessing=use_multiprocessing,
            max_queue_size=max_queue_size,
        )  # fmt: skip
        if workers < 0 or max_queue_size < 1:
            raise ValueError(
                f"{label}: workers must be an integer from 0 and max_queue_size one from 1, got {workers} and "
                f"{max_queue_size}"
            )
        self.workers, self.use_multiprocessing = int(workers), bool(use_multiprocessing)
        self.max_queue_size = int(max_queue_size)

    @property
    def num_batches(self) -> int | None:
        """``len(self)``; a class whose batches have no end overrides it, with None."""
        return len(self)

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must define __len__, the number of batches")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index), one batch")

    def __iter__(self) -> Iterator[Any]:
        return batches_of(self)

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


Sequence = PyDataset  # Keras 2's name


def batches_of(dataset: PyDataset, order: Iterable[int] | None = None) -> Iterator[Any]:
    """The batches of a PyDataset, made by its workers.

    order: their numbers; None for all, one after the other.
    """
    n = dataset.num_batches
    if order is None:
        order = itertools.count() if n is None else range(n)
    workers, ahead = dataset.workers, dataset.max_queue_size
    if workers > 0 and dataset.use_multiprocessing:
        from .processes import by_processes  # with multiprocessing, which takes a while to import

        return by_processes(dataset, order, workers, ahead)
    if workers < 2:
        return (dataset[i] for i in order)

    def numbered(index: int) -> Any:
        try:
            return dataset[index]
        except Exception as error:
            fail(error, f"{type(dataset).__name__}[{index}]")

    return mapped(iter(order), numbered, workers, max(workers, ahead))


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """One batch as ``train_step`` gets it: x, (x, y) or (x, y, sample_weight); a list or tuple x alone becomes (x,).

    Args:
        x: inputs.
        y: targets.
        sample_weight: weights of the samples.

    Example:
        >>> utils.pack_x_y_sample_weight("x", "y")
        ('x', 'y')
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

    Example:
        >>> utils.unpack_x_y_sample_weight(("x", "y"))
        ('x', 'y', None)
    """
    if type(data) is tuple and len(data) == 2:
        return (*data, None)
    given = tuple(data) if isinstance(data, (tuple, list)) else (data,)
    if not 1 <= len(given) <= 3:
        raise ValueError(f"data must be x, (x, y) or (x, y, sample_weight), got {len(given)} parts")
    return (*given, None, None)[:3]


__all__ = ["PyDataset", "Sequence"]
