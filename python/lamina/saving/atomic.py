"""Files as wholes: read at once, and written so that at every moment either the old or the new one is there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

_started = time.time()  # a file of this process is not older


def as_path(what: str, path: Any) -> Path:
    """``path`` as a Path; TypeError that begins with ``what`` for anything but a string or a path."""
    if isinstance(path, (str, os.PathLike)) and isinstance(os.fspath(path), str):
        if "\0" in os.fspath(path):
            raise ValueError(f"{what}: a path cannot hold a zero character, got {os.fspath(path)!r}")
        return Path(path)
    shown = repr(path)
    shown = shown if len(shown) <= 80 else f"{shown[:60]}..."
    raise TypeError(f"{what}: expected a path, got {type(path).__name__} {shown}")


def read_whole(path: Path) -> bytes:
    """All bytes of a file; ValueError for what is none, such as a pipe, whose end may never come."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a directory, not a file that holds a model")
    if not path.is_file():
        raise ValueError(f"{path}: is no regular file")
    return path.read_bytes()


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """``write`` a file beside, sync, rename, sync the directory; after any error the old file is untouched, the new
    one gone.

    A symbolic link stays, and the file that it points to is replaced.  Errors of the system name ``path``.  What
    processes that were killed while they wrote the same file left behind is removed.
    """
    target = Path(os.path.realpath(path))
    name = target.parent / f".{target.name}.{os.getpid()}.{threading.get_ident():x}.part"
    try:
        _remove_left_behind(target)
        with _locked(name) as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                os.chmod(name, stat.S_IMODE(target.stat().st_mode))  # a new file gets what open() gave
            os.replace(name, target)
    except BaseException as error:  # also Ctrl-C: no half-written file stays behind
        with contextlib.suppress(OSError):
            os.unlink(name)
        if isinstance(error, OSError) and error.errno is not None:
            raise type(error)(error.errno, _reason(error, target), str(path)) from None
        raise
    _sync_folder(target.parent)


@contextlib.contextmanager
def _locked(name: Path) -> Iterator[IO[bytes]]:
    """A new file, locked while it is being written, so that nobody takes it for one left behind."""
    while True:
        with open(name, "wb", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW, 0o666)) as file:
            with contextlib.suppress(OSError):  # a file system without locks: others go by the process alone
                fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink:  # else it was removed between the two lines above
                yield file
                return


def _remove_left_behind(target: Path) -> None:
    """Remove unfinished files of ``target``, and of other models in its folder, whose processes are gone."""
    whose = r".+\.lamina" if target.suffix == ".lamina" else re.escape(target.name)  # checkpoints change their names
    pattern = re.compile(rf"\.{whose}\.(\d{{1,9}})\.[0-9a-f]+\.part")
    with contextlib.suppress(OSError), os.scandir(target.parent) as entries:
        for entry in [e for e in entries if e.name.endswith(".part") and e.is_file(follow_symlinks=False)]:
            match = pattern.fullmatch(entry.name)
            if match:
                with contextlib.suppress(OSError):
                    _remove_unless_alive(entry.path, int(match[1]))


def _remove_unless_alive(path: str, process: int) -> None:
    """OSError where the file is locked: its process lives on another machine, or in another container."""
    with open(path, "rb+") as file:
        if process == os.getpid():
            if os.fstat(file.fileno()).st_mtime >= _started:
                return  # of another thread; an older one is of a process that had the same number
        elif _is_alive(process):
            return
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)  # one of another user is there, but not ours to signal
    return True


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
