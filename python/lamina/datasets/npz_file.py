"""Files of data sets that anybody may have made: .npz with arrays of numbers or of lists, pickled batches of images.

Lists stand in them as pickles.  Python's own reader takes those, since they hold millions of numbers, but every name
that a pickle mentions stands for a class of this room: nothing that it names is imported or called.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ..core.arrays import Array

_LARGEST = 2**31  # bytes of an array; the data sets' largest has 184 MB
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OverflowError, ValueError)


def read_npz(what: str, path: Path, names: tuple[str, ...]) -> list[Any]:
    """These arrays of a file, those of lists as lists; ValueError if it is damaged or lacks one."""
    found = []
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            for name in names:
                member = f"{name}.npy"
                if member not in sizes:
                    held = ", ".join(n.removesuffix(".npy") for n in sizes) or "nothing"
                    raise ValueError(f"it has no array {name!r}, but {held}")
                if sizes[member] > _LARGEST:
                    raise ValueError(f"its array {name!r} has {sizes[member]} bytes, more than any data set's")
                found.append(_array(name, archive.read(member)))
    except _DAMAGED as error:
        raise ValueError(f"{what}: {path}: not the data set's file: {error}") from error
    return found


def _array(name: str, data: bytes) -> Any:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if dtype.hasobject:
        return _unpickled(stream, "ASCII").lists(name, len(data))
    content = data[stream.tell() :]
    if len(content) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"its array {name!r} is cut short")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C").copy()


def read_batch(what: str, path: Path) -> dict[str, Any]:
    """What a pickled batch of images holds, by name; ValueError if it is something else."""
    try:
        with open(path, "rb") as file:
            found = _unpickled(file, "bytes")
        if not isinstance(found, dict) or not all(isinstance(key, bytes) for key in found):
            raise ValueError("it is no dict")
        return {key.decode(): v.numbers() if isinstance(v, _Array) else v for key, v in found.items()}
    except _DAMAGED as error:
        raise ValueError(f"{what}: {path}: not the data set's file: {error}") from error


# ---- pickles ----


class _Array:
    """What a pickle says of a NumPy array."""

    def __init__(self, *_: Any) -> None:
        self.shape: tuple[int, ...] = ()
        self.form, self.fortran, self.content = "", False, None

    def __setstate__(self, state: Any) -> None:
        match state:
            case (1, tuple() as shape, _Form() as form, fortran, content):
                if all(type(n) is int and n >= 0 for n in shape):
                    self.shape, self.form, self.fortran, self.content = shape, form.text, bool(fortran), content
                    return
        raise ValueError("its pickle has a damaged array")

    def lists(self, name: str, size: int) -> list[list[int]]:
        """The lists of an array of lists.  size: bytes of the pickle, which lists of numbers cannot exceed."""
        content = self.content
        if self.form != "O" or not isinstance(content, list) or self.shape != (len(content),):
            raise ValueError(f"its array {name!r} is none of lists")
        if not all(type(item) is list for item in content) or sum(map(len, content)) > size:
            raise ValueError(f"its array {name!r} holds something else than lists of numbers")
        if not all(type(n) is int for item in content for n in item):
            raise ValueError(f"its array {name!r} holds something else than whole numbers")
        return content

    def numbers(self) -> Array:
        """An array of numbers."""
        if not isinstance(self.content, bytes) or len(self.form) < 2:
            raise ValueError("its pickle has an array of something else than numbers")
        dtype = np.dtype(self.form)
        if len(self.content) != math.prod(self.shape) * dtype.itemsize:
            raise ValueError("its pickle has an array that is cut short")
        return np.frombuffer(self.content, dtype).reshape(self.shape, order="F" if self.fortran else "C")


class _Form:
    """What a pickle says of the type of an array."""

    def __init__(self, *arguments: Any) -> None:
        text = arguments[0] if arguments else ""
        text = text.decode("ascii", "replace") if isinstance(text, bytes) else text
        if text not in ("O", "O8", "O4", *(f"{kind}{n}" for kind in "iuf" for n in (1, 2, 4, 8)), "b1"):
            raise ValueError(f"its pickle has numbers of the type {text!r}")
        self.text = text[:1] if text[0] == "O" else text

    def __setstate__(self, state: Any) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else ""
        order = order.decode("ascii", "replace") if isinstance(order, bytes) else order
        if order not in ("<", ">", "|", "="):
            raise ValueError("its pickle has a damaged type")
        if self.text != "O":
            self.text = f"{order}{self.text}"


class _Name:
    """What stands for a name: it can be called, and nothing else."""

    __slots__ = ("_made",)
    _made: type

    def __init__(self, made: type) -> None:
        object.__setattr__(self, "_made", made)

    def __call__(self, *arguments: Any) -> Any:
        return self._made(*arguments)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise ValueError("its pickle sets attributes")

    def __setstate__(self, state: Any) -> NoReturn:
        raise ValueError("its pickle sets attributes")


_KNOWN = {
    ("numpy", "ndarray"): _Name(_Array),
    ("numpy", "dtype"): _Name(_Form),
    ("numpy.core.multiarray", "_reconstruct"): _Name(_Array),
    ("numpy._core.multiarray", "_reconstruct"): _Name(_Array),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        known = _KNOWN.get((module, name))
        if known is None:
            raise ValueError(f"its pickle names {module}.{name}, and only arrays of NumPy are read")
        return known

    def persistent_load(self, pid: Any) -> NoReturn:
        raise ValueError("its pickle refers to something outside of it")


def _unpickled(file: Any, encoding: str) -> Any:
    try:
        return _Unpickler(file, encoding=encoding).load()
    except (pickle.UnpicklingError, TypeError, AttributeError, IndexError, KeyError, MemoryError, ImportError) as error:
        raise ValueError(f"its pickle is damaged ({error})") from error
