"""Writing a file so that at every moment either the old or the new one is there, whole."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write beside, sync, rename, sync the directory; after any error the old file is untouched, the new one gone.

    A symbolic link stays, and the file that it points to is replaced.  Errors of the system name ``path``.
    """
    target = Path(os.path.realpath(path))
    name = target.parent / f".{target.name}.{os.getpid()}.{threading.get_ident():x}.part"
    try:
        with open(name, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.chmod(name, target.stat().st_mode & 0o7777)  # a new file gets what open() gave
        os.replace(name, target)
    except BaseException as error:  # also Ctrl-C: no half-written file stays behind
        with contextlib.suppress(OSError):
            os.unlink(name)
        if isinstance(error, OSError) and error.errno is not None:
            raise type(error)(error.errno, _reason(error, target), str(path)) from None
        raise
    _sync_folder(target.parent)


def _reason(error: OSError, target: Path) -> str:
    if isinstance(error, FileNotFoundError) and not target.parent.is_dir():
        return f"there is no folder {str(target.parent)!r} to write into; make it first"
    return error.strerror or str(error)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable; some file systems cannot, and then nothing is lost that could be kept."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
