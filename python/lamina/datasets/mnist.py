"""MNIST: handwritten digits."""

from __future__ import annotations

from typing import Any

from ..core.explain import named
from ..core.rooms import publish
from .npz_file import read_npz
from .sources import GOOGLE, Split, file_of

_CHECKSUM = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


@named("mnist.load_data")
def load_data(path: Any = "mnist.npz") -> Split:
    """The digits 0 to 9: 60,000 images to train on, 10,000 to test.

    Args:
        path: name of the file in the cache, where it is downloaded to; or, with a folder, the path of a file that is
            read as it is.

    Returns: ``(x_train, y_train), (x_test, y_test)``: uint8 images (N, 28, 28) and labels (N,).

    Raises:
        ConnectionError: it is not there and cannot be downloaded; the message says where to put it by hand.
        ValueError: the file is another one.
        FileNotFoundError: there is no file at the path.

    Source: Keras 3, keras.datasets.mnist.load_data; Y. LeCun, C. Cortes, C. Burges.

    Example:
        >>> images = {"x_train": np.zeros((6, 28, 28), "u1"), "x_test": np.zeros((2, 28, 28), "u1")}
        >>> np.savez("own.npz", **images, y_train=np.arange(6), y_test=np.arange(2))
        >>> (x_train, y_train), (x_test, y_test) = datasets.mnist.load_data("./own.npz")
        >>> x_train.shape
        (6, 28, 28)
    """
    file = file_of("mnist.load_data", path, f"{GOOGLE}mnist.npz", _CHECKSUM)
    x_train, y_train, x_test, y_test = read_npz("mnist.load_data", file, ("x_train", "y_train", "x_test", "y_test"))
    return (x_train, y_train), (x_test, y_test)


__all__ = ["load_data"]

publish(__name__)
