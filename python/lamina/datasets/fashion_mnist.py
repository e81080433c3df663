"""Fashion-MNIST: pieces of clothing."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ..core.arrays import Array
from ..core.explain import named
from ..core.rooms import publish
from .sources import GOOGLE, SUBDIR, Split, file_of, given

_WHAT = "fashion_mnist.load_data"
_PARTS = (("train", "images", 3), ("train", "labels", 1), ("t10k", "images", 3), ("t10k", "labels", 1))
_DENSEST = 1032  # bytes that deflate makes of one


@named(_WHAT)
def load_data(*, path: Any = None) -> Split:
    """Images of ten kinds of clothing: 60,000 to train on, 10,000 to test.

    T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot.

    Args:
        path: a folder with the four files ``train-images-idx3-ubyte.gz`` ...; None takes Keras's cache, where they are
            downloaded to.

    Returns: ``(x_train, y_train), (x_test, y_test)``: uint8 images (N, 28, 28) and labels (N,).

    Raises:
        ConnectionError: a file is not there and cannot be downloaded; the message says where to put it by hand.
        ValueError: a file is another one.
        FileNotFoundError: there is no such folder.

    Source: Keras 3, keras.datasets.fashion_mnist.load_data; Zalando SE, MIT license.

    Example:
        >>> import gzip
        >>> for name, n in ("train", 6), ("t10k", 2):
        ...     with gzip.open(f"{name}-images-idx3-ubyte.gz", "wb") as file:
        ...         _ = file.write(bytes([0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(n * 28 * 28))
        ...     with gzip.open(f"{name}-labels-idx1-ubyte.gz", "wb") as file:
        ...         _ = file.write(bytes([0, 0, 8, 1, 0, 0, 0, n]) + bytes(n))
        >>> (x_train, y_train), (x_test, y_test) = datasets.fashion_mnist.load_data(path=".")
        >>> x_train.shape
        (6, 28, 28)
    """
    folder = None if path is None else given(_WHAT, path, folder=True)
    arrays = []
    for part, kind, rank in _PARTS:
        name = f"{part}-{kind}-idx{rank}-ubyte.gz"
        if folder is None:
            file = file_of(_WHAT, name, GOOGLE + name, None, f"{SUBDIR}/fashion-mnist")
        else:
            file = given(_WHAT, folder / name)
        arrays.append(_idx(file, rank))
    x_train, y_train, x_test, y_test = arrays
    if len(x_train) != len(y_train) or len(x_test) != len(y_test):
        raise ValueError(f"{_WHAT}: the files have other numbers of images than of labels")
    return (x_train, y_train), (x_test, y_test)


def _idx(path: Path, rank: int) -> Array:
    """An array of bytes as the IDX format has it."""
    try:
        with gzip.open(path) as file:
            start, *shape = struct.unpack(f">{1 + rank}I", file.read(4 + 4 * rank))
            size = math.prod(shape)
            if start != 0x800 + rank or shape[1:] != [28, 28][: rank - 1] or size > _DENSEST * path.stat().st_size:
                raise ValueError(f"it holds no {'images of 28 x 28' if rank == 3 else 'labels'}")
            content = bytearray(file.read(size))
            if len(content) != size or file.read(1):
                raise ValueError(f"it should hold {size} bytes")
    except (OSError, EOFError, zlib.error, struct.error, ValueError) as error:
        raise ValueError(f"{_WHAT}: {path}: not the data set's file: {error}") from error
    return np.frombuffer(content, np.uint8).reshape(shape)


__all__ = ["load_data"]

publish(__name__)
