"""Zip files that anybody may have written: their parts ask for no more memory than the file has bytes."""

from __future__ import annotations

import contextlib
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, NotImplementedError)


class Zip(NamedTuple):
    """An open zip file: the bytes of each part by its name."""

    archive: zipfile.ZipFile
    sizes: dict[str, int]

    def read(self, name: str) -> bytes:
        return self.archive.read(name)


@contextlib.contextmanager
def opened(file: Path | IO[bytes], size: int) -> Iterator[Zip]:
    """A zip file of ``size`` bytes; ValueError for a damaged one, also if only reading a part shows that, for one that
    is compressed, and for parts of one name."""
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            sizes = {part.filename: part.file_size for part in parts}
            if len(sizes) < len(parts):
                raise ValueError("a part of it is there twice")
            if sum(sizes.values()) > size:
                raise ValueError("its parts are larger than the file; it is compressed or damaged")
            yield Zip(archive, sizes)
    except (PermissionError, IsADirectoryError):
        raise  # they name the file
    except _DAMAGED as error:
        raise ValueError(f"it is no whole zip file ({error}); it was cut short or damaged") from error
