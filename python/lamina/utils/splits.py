"""Datasets in two parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.arrays import to_numbers
from ..core.autograd import Tensor
from ..core.explain import is_index, named, show
from ..core.generator import numpy_from
from ..core.tree import leaves, map_structure
from ..data import Dataset, PyDataset, count
from ..data.nodes import Listed
from .samples import Samples


@named("split_dataset")
def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Data in two parts, as for training and validation.

    Args:
        dataset: an array, a nest of arrays of one first dimension such as (x, y); a PyDataset, or a dataset of a folder
            or of windows, whose batches are joined; or another Dataset, whose elements are divided.
        left_size: samples of the first part, an integer, or their share, a float between 0 and 1; None takes what
            ``right_size`` leaves.
        right_size: the same of the second part.
        shuffle: whether samples are put in a random order before.
        seed: integer that makes the order repeatable; None follows ``lamina.random.seed``.
        preferred_backend: an option of Keras without effect here.

    Returns: two nests of arrays as ``dataset`` is one, or two Datasets.

    Raises:
        ValueError: a size is out of range, both are missing, a part would be empty, or the arrays differ in length.
        TypeError: ``dataset`` is neither, or a size is no number.

    Example:
        >>> left, right = utils.split_dataset(np.arange(10), left_size=0.8)
        >>> len(list(left)), len(list(right))
        (8, 2)
    """
    if isinstance(dataset, Dataset) and not isinstance(dataset, Samples):
        items = list(dataset.as_numpy_iterator())
        parts = split_dataset(np.arange(len(items)), left_size, right_size, shuffle, seed)
        one, other = (Dataset(Listed([items[i] for i in part])) for part in parts)
        return one, other
    if isinstance(dataset, (PyDataset, Samples)):
        batches = [dataset[i] for i in range(len(dataset))]
        if not batches:
            raise ValueError("split_dataset: the dataset is empty")
        columns = zip(*(list(leaves(b)) for b in batches), strict=True)
        joined = iter([np.concatenate(column) for column in columns])
        dataset = map_structure(lambda _: next(joined), batches[0])
    if not isinstance(dataset, (np.ndarray, Tensor, list, tuple, dict)):
        raise TypeError(f"split_dataset: expected arrays or a PyDataset, got {show(dataset)}")
    if isinstance(dataset, list) and not any(isinstance(v, (np.ndarray, Tensor)) for v in leaves(dataset)):
        dataset = to_numbers("split_dataset: dataset", dataset)
    if isinstance(dataset, tuple):
        dataset = tuple(np.asarray(part) if isinstance(part, list) else part for part in dataset)
    arrays = map_structure(np.asarray, dataset)
    n = count("split_dataset", dataset=arrays)
    left, right = _sizes(left_size, right_size, n)
    order = numpy_from(seed).permutation(n) if shuffle else np.arange(n)
    first, second = order[:left], order[n - right :] if shuffle or left + right == n else order[left : left + right]
    return map_structure(lambda a: a[first], arrays), map_structure(lambda a: a[second], arrays)


def _sizes(left: Any, right: Any, n: int) -> tuple[int, int]:
    sizes: list[int | None] = []
    if left is None and right is None:
        raise ValueError("split_dataset: give left_size or right_size")
    for name, size in (("left_size", left), ("right_size", right)):
        if size is None:
            sizes.append(None)
        elif isinstance(size, float):
            if not 0 < size < 1:
                raise ValueError(f"split_dataset: {name} must be a share between 0 and 1, or an integer, got {size}")
            sizes.append(round(size * n))
        elif is_index(size):
            if not 0 < size < n:
                raise ValueError(f"split_dataset: {name} must be positive and smaller than {n} samples, got {size}")
            sizes.append(int(size))
        else:
            raise TypeError(f"split_dataset: {name} must be an integer, a float or None, got {size!r}")
    one, other = sizes
    rest = n - (other or 0)  # 0 is free: one of both is given
    first = rest if one is None else one
    second = n - first if other is None else other
    if first < 1 or second < 1 or first + second > n:
        raise ValueError(
            f"split_dataset: left_size={left!r} and right_size={right!r} would be {first} and {second} of {n} samples"
        )
    return first, second


__all__ = ["split_dataset"]
