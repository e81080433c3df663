"""Seeds, class indices and norms."""

from __future__ import annotations

import random as _python_random
from numbers import Integral
from typing import Any

import numpy as np

from .. import random
from ..core.arrays import to_numbers
from ..core.explain import named
from ..data import PyDataset as PyDataset
from ..data import Sequence as Sequence
from ..data import pack_x_y_sample_weight as pack_x_y_sample_weight
from ..data import unpack_x_y_sample_weight as unpack_x_y_sample_weight

Array = np.ndarray[Any, np.dtype[Any]]


def set_random_seed(seed: int) -> None:
    """Seed Python's, NumPy's and Lamina's random numbers.

    Args:
        seed: an integer.

    Raises:
        TypeError: it is no integer.
        ValueError: it is negative.

    Example:
        >>> utils.set_random_seed(1)
        >>> a = random.normal((2,)).tolist()
        >>> utils.set_random_seed(1)
        >>> a == random.normal((2,)).tolist()
        True
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        raise TypeError(f"set_random_seed: expected an integer, got {seed!r}")
    seed = int(seed)
    _python_random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 (users' own NumPy code)
    random.seed(seed)


@named("to_categorical")
def to_categorical(x: Any, num_classes: int | None = None) -> Array:
    """Class indices as one-hot float32 rows.

    Args:
        x: indices (...); a last axis of length one is dropped.
        num_classes: length of a row; None takes the largest index plus one.

    Returns: an array (..., num_classes).

    Raises:
        ValueError: an index is no whole number, or outside of 0..num_classes-1; the message names it.

    Example:
        >>> utils.to_categorical([0, 2], num_classes=3)
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    given = to_numbers("to_categorical: x", x)
    with np.errstate(invalid="ignore"):  # a NaN, which is no whole number
        labels = given.astype(np.int64)
    if not np.array_equal(labels, given):
        raise ValueError("to_categorical: class indices must be whole numbers")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    classes = int(labels.max(initial=-1)) + 1 if num_classes is None else num_classes
    wrong = np.argwhere((labels < 0) | (labels >= classes))
    if wrong.size:
        place = tuple(wrong[0].tolist())
        raise ValueError(f"to_categorical: label {labels[place]} at {list(place)} is outside 0..{classes - 1}")
    result = np.zeros((labels.size, classes), np.float32)
    result[np.arange(labels.size), labels.ravel()] = 1.0
    return result.reshape((*labels.shape, classes))


@named("normalize")
def normalize(x: Any, axis: int = -1, order: int = 2) -> Array:
    """An array scaled to norm 1 along an axis; rows of zeros stay.

    Args:
        x: numbers.
        axis: the axis; negative ones count from the end.
        order: order of the norm, as in ``numpy.linalg.norm``.

    Raises:
        ValueError: ``x`` holds no numbers.
        IndexError: ``axis`` is out of range.

    Example:
        >>> utils.normalize([[3.0, 4.0]])
        array([[0.6, 0.8]])
    """
    x = to_numbers("normalize: x", x)
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norm == 0, 1.0, norm)  # 1.0 is free: zeros stay


__all__ = [
    "PyDataset", "Sequence", "normalize", "pack_x_y_sample_weight", "set_random_seed", "to_categorical",
    "unpack_x_y_sample_weight",
]  # fmt: skip
