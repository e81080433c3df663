"""CIFAR-100: small images of a hundred kinds."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.explain import named
from ..core.rooms import publish
from ..core.suggest import unknown
from .cifar import batch, folder_of
from .sources import Split, given

_WHAT = "cifar100.load_data"
_CHECKSUM = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"


@named(_WHAT)
def load_data(label_mode: str = "fine", *, path: Any = None) -> Split:
    """Images of a hundred kinds of things and animals: 50,000 to train on, 10,000 to test.

    Args:
        label_mode: "fine", one of the 100 kinds; "coarse", one of 20 groups of them.
        path: the folder ``cifar-100-python`` with its files ``train`` and ``test``; None takes Keras's cache, where the
            archive is downloaded to and unpacked.

    Returns: ``(x_train, y_train), (x_test, y_test)``: uint8 images (N, 32, 32, 3), with
        ``channels_first`` (N, 3, 32, 32), and int64 labels (N, 1).

    Raises:
        ConnectionError: it is not there and cannot be downloaded; the message says where to put it by hand.
        ValueError: ``label_mode`` is unknown; a file is another one.
        FileNotFoundError: there is no such folder, or a file is missing there.

    Source: Keras 3, keras.datasets.cifar100.load_data; A. Krizhevsky, Learning Multiple Layers of Features from Tiny
        Images (2009).

    Example:
        >>> import pickle
        >>> for name in "train", "test":
        ...     with open(name, "wb") as file:
        ...         pickle.dump({b"data": np.zeros((2, 3072), "u1"), b"coarse_labels": [3, 4]}, file, protocol=4)
        >>> (x_train, y_train), _ = datasets.cifar100.load_data("coarse", path=".")
        >>> y_train.ravel()
        array([3, 4])
    """
    if label_mode not in ("fine", "coarse"):
        raise unknown(f"label_mode of {_WHAT}", label_mode, ("fine", "coarse"))
    folder = folder_of(_WHAT, path, "cifar-100-python", ("train", "test"), "cifar-100-python.tar.gz", _CHECKSUM)
    train, test = (batch(_WHAT, given(_WHAT, folder / name), f"{label_mode}_labels") for name in ("train", "test"))
    return tuple((x.copy(), np.array(y, np.int64)[:, None]) for x, y in (train, test))  # type: ignore[return-value]


__all__ = ["load_data"]

publish(__name__)
