"""HDF5 files as arrays by path, and the other way round.

A file is foreign: only plain arrays in groups are read, and none asks for more memory than the file has.  Links to
another place or file, arrays that are kept elsewhere, and arrays of objects are refused.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..core.autograd import Array
from .elements import BFLOAT16, elements

_DEEPEST = 64  # groups inside of groups


def h5py() -> Any:
    """The module; ImportError that says how to get it."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError('files of Keras need h5py: pip install "lamina[keras]"') from error
    return h5py


@contextlib.contextmanager
def opened(label: str, source: Any, size: int) -> Iterator[File]:
    """The file at a path, or in a binary file object, of this size; errors inside begin with ``label``.

    Whatever the HDF5 library says of a damaged file is a ValueError.
    """
    module = h5py()
    try:
        with module.File(source, "r") as root:
            yield File(label, root, size)
    except PermissionError:
        raise  # it names the file
    except (ValueError, TypeError) as error:
        if str(error).startswith(label) and not isinstance(error, UnicodeError):
            raise
        raise ValueError(f"{label}: not a whole HDF5 file ({error}); it was damaged") from error
    except (OSError, RuntimeError, KeyError, IndexError, AttributeError, MemoryError) as error:
        raise ValueError(f"{label}: not a whole HDF5 file ({error}); it was cut short or damaged") from error


class File:
    """An open file: its arrays by path."""

    def __init__(self, label: str, root: Any, size: int) -> None:
        self._label, self._root, self._size, self._left = label, root, size, size
        self._seen: set[Any] = set()

    def arrays(self) -> dict[str, Array]:
        """Every array by its path, names with slashes between."""
        found: dict[str, Array] = {}
        self._collect(self._root, "", found, _DEEPEST)
        return found

    def has(self, path: str) -> bool:
        """Whether there is a group or an array at a path."""
        return path in self._root

    def attributes(self, path: str = "") -> dict[str, Any]:
        """The texts and numbers that stand at a group."""
        group = self._root[path] if path else self._root
        found = {}
        for name in group.attrs:
            handle = group.attrs.get_id(name)
            if math.prod(handle.shape) * handle.dtype.itemsize > self._size:
                raise ValueError(f"{self._label}: {name!r} at {path!r} is larger than the file")
            value = group.attrs[name]
            if isinstance(value, np.ndarray):
                value = [v.decode() if isinstance(v, bytes) else v for v in value.ravel().tolist()]
            found[name] = value.decode() if isinstance(value, bytes) else value
        return found

    def _collect(self, group: Any, path: str, found: dict[str, Array], depth: int) -> None:
        module = h5py()
        if not depth:
            raise ValueError(f"{self._label}: {path!r} is nested too deeply")
        for name in group:
            key = f"{path}/{name}" if path else name
            link = group.get(name, getlink=True)
            if not isinstance(link, module.HardLink):
                raise ValueError(f"{self._label}: {key!r} is a link to another place or file, which is not followed")
            member = group[name]
            place = module.h5o.get_info(member.id).addr
            if place in self._seen:  # a circle, or the same numbers again and again
                raise ValueError(f"{self._label}: {key!r} is there under two names")
            self._seen.add(place)
            if isinstance(member, module.Group):
                self._collect(member, key, found, depth - 1)
            elif isinstance(member, module.Dataset):
                found[key] = self._array(member, key)
            else:
                raise ValueError(f"{self._label}: {key!r} is no array")

    def _array(self, dataset: Any, key: str) -> Array:
        if dataset.is_virtual or dataset.external:
            raise ValueError(f"{self._label}: {key!r} is kept in another file, which is not read")
        brain = _is_bfloat16(dataset)
        if dataset.shape is None or (dataset.dtype.kind not in "fiub" and not brain):
            raise ValueError(f"{self._label}: {key!r} is of type {dataset.dtype}, expected numbers")
        size = math.prod(dataset.shape) * dataset.dtype.itemsize
        self._left -= size
        if self._left < 0 or dataset.id.get_storage_size() < size:
            raise ValueError(
                f"{self._label}: {key!r} of shape {dataset.shape} has more numbers than the file; it is compressed or "
                "damaged"
            )
        array = np.empty(dataset.shape, dataset.dtype)
        if size:
            dataset.read_direct(array)
        if brain:
            return elements(array.tobytes(), BFLOAT16).reshape(array.shape)
        return array.astype(array.dtype.newbyteorder("="), copy=False)


def _is_bfloat16(dataset: Any) -> bool:
    marked = dataset.attrs.get("dtype") if dataset.dtype.itemsize == 2 and dataset.dtype.kind == "V" else None
    return marked in ("bfloat16", b"bfloat16")


def write(file: Any, arrays: Mapping[str, Array], attributes: Mapping[str, Mapping[str, Any]]) -> None:
    """Write arrays by path, and what stands at groups by path, into a binary file object."""
    with h5py().File(file, "w") as root:
        for path, values in attributes.items():
            group = root.require_group(path) if path else root
            for name, value in values.items():
                group.attrs[name] = value
        for path, array in arrays.items():
            root[path] = array
