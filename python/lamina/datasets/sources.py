"""Where the files of a data set are: at a path that the user gives, in the cache, or at an address."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..core.arrays import Array
from ..core.warn import warn
from ..utils.download import cached, home

Split = tuple[tuple[Array, Array], tuple[Array, Array]]  # (x_train, y_train), (x_test, y_test)

GOOGLE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
SUBDIR = "datasets"


def is_elsewhere(path: Any) -> bool:
    """Whether a path is a place of the user's, and not a name in the cache."""
    return bool(os.path.dirname(os.fspath(path)))


def given(what: str, path: Any, folder: bool = False) -> Path:
    """The file, or the folder, at a path of the user's; FileNotFoundError if there is none."""
    place = Path(path).expanduser()
    if not (place.is_dir() if folder else place.is_file()):
        raise FileNotFoundError(f"{what}: there is no {'folder' if folder else 'file'} {str(place)!r}")
    return place


def file_of(what: str, path: Any, origin: str, checksum: str | None, subdir: str = SUBDIR) -> Path:
    """The file at ``path``, or of that name in the cache, else downloaded.

    One in the cache that has another checksum is downloaded anew; where that cannot be, it is read with a warning.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{what}: path must be a name in the cache or a path, got {path!r}")
    if is_elsewhere(path):
        return given(what, path)
    name = os.fspath(path)
    try:
        return cached(name, origin, checksum, subdir)
    except ConnectionError:
        place = home() / subdir / name
        if not place.is_file():
            raise
        warn(
            f"{what}: {place} has another checksum than the data set's file, which cannot be downloaded now; it is "
            "read as it is"
        )
        return place


def check_test_split(what: str, test_split: float) -> None:
    """ValueError unless it is a fraction that leaves something to train on."""
    if not 0 <= test_split < 1:
        raise ValueError(f"{what}: test_split must be from 0 to below 1, got {test_split!r}")


def shuffled(n: int, random: Any) -> Array:
    """The order in which Keras takes n samples."""
    order = np.arange(n)
    random.shuffle(order)
    return order


def legacy_random(seed: int) -> Any:
    """The generator by which Keras divides its data sets."""
    return np.random.RandomState(seed)
