"""Writing a file so that at every moment either the old or the new one is there, whole."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write beside, sync, rename, sync the directory; after any error the old file is untouched, the new one gone."""
    folder = path.parent
    name = folder / f".{path.name}.{os.getpid()}.{threading.get_ident():x}.part"
    try:
        with open(name, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.chmod(name, path.stat().st_mode & 0o7777)  # a new file gets what open() gave
        os.replace(name, path)
    except BaseException:  # also Ctrl-C: no half-written file stays behind
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable; some file systems cannot, and then nothing is lost that could be kept."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
