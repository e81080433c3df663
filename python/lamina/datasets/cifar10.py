"""CIFAR-10: small images of ten kinds."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.explain import named
from ..core.rooms import publish
from .cifar import batch, folder_of
from .sources import Split, given

_WHAT = "cifar10.load_data"
_CHECKSUM = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
_TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))


@named(_WHAT)
def load_data(*, path: Any = None) -> Split:
    """Images of ten kinds of things and animals: 50,000 to train on, 10,000 to test.

    Airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.

    Args:
        path: the folder ``cifar-10-batches-py`` with its files ``data_batch_1`` to 5 and ``test_batch``; None takes
            Keras's cache, where the archive is downloaded to and unpacked.

    Returns: ``(x_train, y_train), (x_test, y_test)``: uint8 images (N, 32, 32, 3), with
        ``channels_first`` (N, 3, 32, 32), and labels (N, 1).

    Raises:
        ConnectionError: it is not there and cannot be downloaded; the message says where to put it by hand.
        ValueError: a file is another one.
        FileNotFoundError: there is no such folder, or a file is missing there.

    Source: Keras 3, keras.datasets.cifar10.load_data; A. Krizhevsky, Learning Multiple Layers of Features from Tiny
        Images (2009).

    Example:
        >>> import pickle
        >>> for name in ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"]:
        ...     with open(name, "wb") as file:
        ...         pickle.dump({b"data": np.zeros((3, 3072), "u1"), b"labels": [0, 1, 2]}, file, protocol=4)
        >>> (x_train, y_train), (x_test, y_test) = datasets.cifar10.load_data(path=".")
        >>> x_train.shape, y_test.shape
        ((15, 32, 32, 3), (3, 1))
    """
    folder = folder_of(_WHAT, path, "cifar-10-batches-py", (*_TRAIN, "test_batch"), "cifar-10-python.tar.gz", _CHECKSUM)
    parts = [batch(_WHAT, given(_WHAT, folder / name), "labels") for name in (*_TRAIN, "test_batch")]
    x_train = np.concatenate([x for x, _ in parts[:-1]])
    y_train = np.concatenate([y for _, y in parts[:-1]]).astype(np.uint8)
    return (x_train, y_train[:, None]), (parts[-1][0].copy(), np.array(parts[-1][1], np.uint8)[:, None])


__all__ = ["load_data"]

publish(__name__)
