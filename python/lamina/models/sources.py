"""Data of other libraries as arrays or batches: sparse matrices, and datasets of single samples.

None of the libraries is imported: whoever gives its objects has done so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..data.elements import element, stacked
from ..data.nodes import Batched, Generated

Array = np.ndarray[Any, np.dtype[Any]]


class SparseRows:
    """A sparse matrix of SciPy's whose rows become dense a batch at a time."""

    ndim = 2

    def __init__(self, matrix: Any) -> None:
        self._matrix = matrix.tocsr()
        self.shape, self.dtype = tuple(matrix.shape), matrix.dtype

    itemsize = property(lambda self: self.dtype.itemsize)

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: slice | Array) -> SparseRows:
        return SparseRows(self._matrix[rows])

    def dense(self, rows: slice | Array) -> Array:
        """Some rows as an array."""
        return np.asarray(self._matrix[rows].toarray())


def is_sparse(given: Any) -> bool:
    """Whether a thing is a sparse matrix of SciPy's."""
    return hasattr(given, "tocsr") and hasattr(given, "nnz") and len(given.shape) == 2


def _is_of(library: str, name: str, given: Any) -> bool:
    """Whether ``given`` is an instance of a class of a library that somebody imported."""
    module: Any = sys.modules.get(library)
    for part in name.split("."):
        module = getattr(module, part, None)
    return isinstance(module, type) and isinstance(given, module)


class _Samples:
    """Batches of numbered samples, read batch by batch, in a new order each epoch if ``order`` gives one."""

    def __init__(
        self, n: int, batch_size: int, order: Callable[[int], Array] | None, read: Callable[[Array], Any]
    ) -> None:
        self._n, self._batch_size, self._order, self._read = n, batch_size, order, read

    def __len__(self) -> int:
        return (self._n + self._batch_size - 1) // self._batch_size

    def __iter__(self) -> Iterator[Any]:
        order = np.arange(self._n) if self._order is None else self._order(self._n)
        for start in range(0, self._n, self._batch_size):
            yield self._read(order[start : start + self._batch_size])


class _Stream:
    """Batches of a stream of samples."""

    def __init__(self, source: Any, batch_size: int) -> None:
        self._node = Batched(Generated(lambda: source, (), element), batch_size, False, lambda s: stacked(s, "fit: x"))

    def __iter__(self) -> Iterator[Any]:
        return self._node.start()


def batches_of_samples(what: str, x: Any, batch_size: int, order: Callable[[int], Array] | None) -> Any:
    """Batches of a dataset of single samples, of PyTorch or Hugging Face; None for other things.

    order: gives the order of n samples for an epoch; None keeps theirs.
    """
    if _is_of("datasets", "DatasetDict", x):
        raise TypeError(
            f"{what}: x has the parts {', '.join(map(repr, x))}; give one, as x[{next(iter(x), 'train')!r}]"
        )
    if _is_of("datasets", "Dataset", x):
        rows = x.with_format("numpy") if x.format["type"] is None else x
        return _Samples(len(x), batch_size, order, lambda part: _columns(what, rows[part.tolist()]))
    if _is_of("datasets", "IterableDataset", x):
        return _Rows(what, x, batch_size)
    if _is_of("torch", "utils.data.IterableDataset", x):
        return _Stream(x, batch_size)
    if _is_of("torch", "utils.data.Dataset", x):
        if not hasattr(x, "__len__"):
            raise TypeError(f"{what}: x is a {type(x).__name__} without __len__; define it, or give a DataLoader")
        return _Samples(len(x), batch_size, order, lambda part: _collated(what, x, part))
    return None


def _collated(what: str, x: Any, part: Array) -> Any:
    fetch = getattr(x, "__getitems__", None)
    samples = fetch(part.tolist()) if callable(fetch) else [x[i] for i in part.tolist()]
    return stacked([element(sample) for sample in samples], f"{what}: x")


class _Rows:
    """Batches of a Hugging Face stream."""

    def __init__(self, what: str, x: Any, batch_size: int) -> None:
        self._what, self._rows, self._batch_size = what, x.with_format("numpy"), batch_size

    def __iter__(self) -> Iterator[Any]:
        return (_columns(self._what, rows) for rows in self._rows.iter(self._batch_size))


_LABELS = ("label", "labels", "target", "targets", "y")


def _columns(what: str, rows: dict[str, Any]) -> Any:
    """(x, y) of a batch by column, or x: the column of labels is found by its name; of several others x is a dict."""
    named = [name for name in _LABELS if name in rows]
    rest: dict[str, Any] = {name: value for name, value in rows.items() if name not in named[:1]}
    if not rest:
        raise ValueError(f"{what}: x has no column but {named[0]!r}")
    x = next(iter(rest.values())) if len(rest) == 1 else rest
    return (x, rows[named[0]]) if named else x


def is_column(given: Any) -> bool:
    """Whether a thing is a column of a Hugging Face dataset, which is read when it is sliced."""
    return _is_of("datasets", "arrow_dataset.Column", given)
