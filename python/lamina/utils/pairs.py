"""Pairs and triplets of labelled samples, drawn anew each epoch."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import numpy as np

from ..core.explain import is_index, is_number
from ..core.generator import numpy_from
from ..core.tree import map_structure
from ..data import PyDataset, count

Array = np.ndarray[Any, np.dtype[Any]]


class _Drawn(PyDataset):
    """Batches that are drawn from samples by their labels; batch i of an epoch depends on the seed and both numbers."""

    def __init__(self, x: Any, y: Any, batch_size: int, batches: int | None, seed: int | None) -> None:
        super().__init__()
        name = type(self).__name__
        self._x, labels = map_structure(np.asarray, x), np.asarray(y)
        n = count(name, x=self._x, y=labels)
        if labels.shape not in ((n,), (n, 1)):
            raise ValueError(f"{name}: y is {labels.shape}, expected one label for each of {n} samples")
        for argument, value in (("batch_size", batch_size), ("batches", 1 if batches is None else batches)):
            if not is_index(value) or value < 1:
                raise ValueError(f"{name}: {argument} must be a positive integer, got {value!r}")
        _, self._labels = np.unique(labels.reshape(n), return_inverse=True)
        self._order = np.argsort(self._labels, kind="stable")  # the samples of each label side by side
        self._counts = np.bincount(self._labels)
        self._starts = np.cumsum(self._counts) - self._counts
        self._place = np.empty(n, np.int64)
        self._place[self._order] = np.arange(n)
        self._with_partner = np.flatnonzero(self._counts[self._labels] > 1)
        if len(self._counts) < 2 or not len(self._with_partner):
            raise ValueError(f"{name}: expected two labels or more, and one that two samples or more have")
        self.batch_size, self._batches = batch_size, batches or -(-n // batch_size)
        self._seed = int(numpy_from(seed).integers(2**62))
        self._epoch = 0  # 0 is free: epochs only have to differ

    def __len__(self) -> int:
        return self._batches

    def on_epoch_end(self) -> None:
        """Draws anew in the next epoch."""
        self._epoch += 1  # 1 is free: epochs only have to differ

    def _rng(self, index: int) -> np.random.Generator:
        if not -len(self) <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        return np.random.default_rng([self._seed, self._epoch, index % len(self)])

    def _like(self, rng: np.random.Generator, anchors: Array) -> Array:
        """Another sample of each anchor's label."""
        label = self._labels[anchors]
        place = self._place[anchors] - self._starts[label]
        step = rng.integers(1, self._counts[label])
        return self._order[self._starts[label] + (place + step) % self._counts[label]]

    def _unlike(self, rng: np.random.Generator, anchors: Array) -> Array:
        """A sample of another label than each anchor's."""
        label = self._labels[anchors]
        own = self._counts[label]
        step = rng.integers(0, len(self._labels) - own)
        return self._order[(self._starts[label] + own + step) % len(self._labels)]

    def _take(self, *indices: Array) -> tuple[Any, ...]:
        return tuple(map_structure(itemgetter(i), self._x) for i in indices)


class PairSampler(_Drawn):
    """Batches of pairs for ``layers.Siamese``: ``((a, b), same)``, same 1.0 for pairs of one label and 0.0 for others.

    Args:
        x: samples: an array, or a tuple, list or dict of them.
        y: their labels (N,) or (N, 1).
        batch_size: pairs in a batch.
        batches: batches of an epoch; None takes as many as show each sample once, on average, as a.
        positive: share of the pairs that are of one label, between 0 and 1.
        seed: integer that makes the pairs repeatable.

    Raises:
        ValueError: the arrays differ in their number of samples; no label stands twice, or all are one; an option is
            out of its range.

    Source: Lamina.

    Example:
        >>> x, y = np.arange(12.0).reshape(6, 2), np.array([0, 0, 0, 1, 1, 1])
        >>> (a, b), same = utils.PairSampler(x, y, batch_size=4, seed=0)[0]
        >>> a.shape, b.shape, same.shape
        ((4, 2), (4, 2), (4, 1))
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        batch_size: int = 32,
        batches: int | None = None,
        positive: float = 0.5,
        seed: int | None = None,
    ) -> None:
        super().__init__(x, y, batch_size, batches, seed)
        if not is_number(positive) or not 0 <= positive <= 1:
            raise ValueError(f"PairSampler: positive must be between 0 and 1, got {positive!r}")
        self._positive = positive

    def __getitem__(self, index: int) -> Any:
        rng = self._rng(index)
        same = np.arange(self.batch_size) < round(self._positive * self.batch_size)
        anchors = rng.integers(0, len(self._labels), self.batch_size)
        anchors[same] = rng.choice(self._with_partner, int(same.sum()))
        partners = self._unlike(rng, anchors)
        partners[same] = self._like(rng, anchors[same])
        order = rng.permutation(self.batch_size)
        return self._take(anchors[order], partners[order]), same[order, None].astype(np.float32)


class TripletSampler(_Drawn):
    """Batches of triplets ``((a, p, n), -1)``: p has the label of a, n another one.

    With ``layers.Siamese``, whose result is the distances of a to p and n, and ``losses.MarginRanking(margin)``, whose
    target -1 says that the second is to be larger, it is the triplet loss.

    Args:
        x: samples: an array, or a tuple, list or dict of them.
        y: their labels (N,) or (N, 1).
        batch_size: triplets in a batch.
        batches: batches of an epoch; None takes as many as show each sample once, on average, as a.
        seed: integer that makes the triplets repeatable.

    Raises:
        ValueError: the arrays differ in their number of samples; no label stands twice, or all are one; an option is
            out of its range.

    Source: Lamina.

    Example:
        >>> x, y = np.arange(12.0).reshape(6, 2), np.array([0, 0, 0, 1, 1, 1])
        >>> (a, p, n), target = utils.TripletSampler(x, y, batch_size=4, seed=0)[0]
        >>> a.shape, p.shape, n.shape
        ((4, 2), (4, 2), (4, 2))
    """

    def __init__(
        self, x: Any, y: Any, batch_size: int = 32, batches: int | None = None, seed: int | None = None
    ) -> None:
        super().__init__(x, y, batch_size, batches, seed)

    def __getitem__(self, index: int) -> Any:
        rng = self._rng(index)
        anchors = rng.choice(self._with_partner, self.batch_size)
        parts = self._take(anchors, self._like(rng, anchors), self._unlike(rng, anchors))
        return parts, np.full((self.batch_size, 1), -1, np.float32)


__all__ = ["PairSampler", "TripletSampler"]
