"""The two CIFAR data sets: batches of small images as pickles, in a folder of an archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..config import image_data_format
from ..core.arrays import Array
from ..utils.archives import unpack
from ..utils.download import home
from .npz_file import read_batch
from .sources import SUBDIR, file_of, given

_TORONTO = "https://www.cs.toronto.edu/~kriz/"


def folder_of(what: str, path: Any, inner: str, files: tuple[str, ...], archive: str, checksum: str) -> Path:
    """The folder with the batches: the one given, or in the cache, else downloaded and unpacked.

    inner: its name in the archive;  files: what it must hold.
    """
    if path is not None:
        return given(what, path, folder=True)
    name = f"{inner}-target"  # Keras 3's names
    place = home() / SUBDIR
    packed = place / f"{name}_archive"
    if not packed.is_file():
        for folder in (place / name / inner, place / inner):  # unpacked by Keras 3 or 2
            if all((folder / file).is_file() for file in files):
                return folder
    packed = file_of(what, packed.name, _TORONTO + archive, checksum)
    target = packed.parent / name
    unpack(what, packed, target, ("tar",))
    return target / inner


def batch(what: str, path: Path, labels: str) -> tuple[Array, list[int]]:
    """Images, in the layout of ``config.image_data_format()``, and labels of a file."""
    found = read_batch(what, path)
    x, y = found.get("data"), found.get(labels)
    if not isinstance(x, np.ndarray) or x.dtype != np.uint8 or x.ndim != 2 or x.shape[1] != 3072:
        raise ValueError(f"{what}: {path} holds no images of 32 x 32 in three colours")
    if not isinstance(y, list) or len(y) != len(x) or not all(type(label) is int for label in y):
        raise ValueError(f"{what}: {path} holds no {labels!r} of its {len(x)} images")
    x = x.reshape(-1, 3, 32, 32)
    return (x.transpose(0, 2, 3, 1) if image_data_format() == "channels_last" else x), y
