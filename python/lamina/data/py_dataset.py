"""One's own batches by number, and what stands in a batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


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

    Example:
        >>> class Squares(data.PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, i):
        ...         x = np.arange(4.0).reshape(4, 1) + i
        ...         return x, x**2
        >>> model = lamina.Sequential([lamina.Input((1,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(Squares(), verbose=0)
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
    given = tuple(data) if isinstance(data, (tuple, list)) else (data,)
    if not 1 <= len(given) <= 3:
        raise ValueError(f"data must be x, (x, y) or (x, y, sample_weight), got {len(given)} parts")
    return (*given, None, None)[:3]


__all__ = ["PyDataset", "Sequence"]
