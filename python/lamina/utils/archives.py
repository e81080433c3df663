"""Archives that anybody may have made, unpacked below one folder: whole, or not at all."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError,
            NotImplementedError)  # fmt: skip
_LARGEST = 2**30  # bytes that any archive may give, however small it is
_RATIO = 100  # and as many times its own; texts are packed to a tenth
_ENTRY = 512  # what an empty file counts


class _Entry(NamedTuple):
    name: str
    size: int
    is_folder: bool
    link: str | None  # the entry whose content it has
    open: Callable[[], Any]  # a file object


def unpack(label: str, archive: Path, folder: Path, formats: tuple[str, ...]) -> None:
    """Unpack a tar or zip file into ``folder``.

    What is there in whole already is left as it is.  Files are unpacked beside and renamed, so that an archive with one
    bad entry gives nothing; files of the folder that the archive does not hold stay.

    Raises:
        ValueError: it is no archive of these formats, is damaged, is far larger unpacked than packed, or has an entry
            outside of its folder, a link to something else than one of its files, or a device.
    """
    kind = next((f for f in formats if _KINDS[f][0](archive)), None)
    if kind is None:
        known = " or ".join(formats) or "known"
        raise ValueError(f"{label}: {archive} is no {known} archive; extract=False keeps the file as it is")
    _, entries = _KINDS[kind]
    aside = folder.parent / f".{folder.name}.{os.getpid()}.part"
    shutil.rmtree(aside, ignore_errors=True)  # of a killed process that had the same number
    try:
        if not _is_there(entries(archive), folder, archive.stat().st_size):
            aside.mkdir()
            _write(entries(archive), aside, archive.stat().st_size)
            _move(aside, folder)
    except _DAMAGED as error:
        raise ValueError(f"{label}: {archive} cannot be unpacked: {error}; nothing was unpacked") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _tar(path: Path) -> Iterator[_Entry]:
    with tarfile.open(path) as archive:
        for member in archive:
            name, link = _inside(member.name), None
            if member.issym():
                link = _inside(os.path.normpath(os.path.join(os.path.dirname(name), member.linkname)), member.name)
            elif member.islnk():
                link = _inside(member.linkname, member.name)
            elif not (member.isfile() or member.isdir()):
                raise ValueError(f"{member.name!r} is a device or a pipe")
            content = functools.partial(archive.extractfile, member)
            yield _Entry(name, member.size if link is None else 0, member.isdir(), link, content)


def _zip(path: Path) -> Iterator[_Entry]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            content = functools.partial(archive.open, info)
            yield _Entry(_inside(info.filename), info.file_size, info.is_dir(), None, content)


_KINDS: dict[str, tuple[Callable[[Path], bool], Callable[[Path], Iterator[_Entry]]]] = {
    "tar": (tarfile.is_tarfile, _tar),
    "zip": (zipfile.is_zipfile, _zip),
}


def _inside(name: str, whose: str | None = None) -> str:
    """A name below the folder, without dots; ValueError for all others."""
    parts = PurePosixPath(name.replace(os.sep, "/")).parts
    what = f"{name!r}" if whose is None else f"{whose!r}, a link to {name!r},"
    if not parts or parts[0].startswith("/") or ".." in parts or "\0" in name or os.path.splitdrive(name)[0]:
        if PurePosixPath(name) == PurePosixPath("."):
            return "."
        raise ValueError(f"{what} lies outside of its folder")
    return "/".join(parts)


def _checked(entries: Iterator[_Entry], packed: int) -> Iterator[_Entry]:
    """The entries; ValueError as soon as they are too large together."""
    total = 0
    for entry in entries:
        total += entry.size + _ENTRY
        if total > _LARGEST + _RATIO * packed:
            raise ValueError(f"its {packed} bytes unpack to more than {total}")
        yield entry


def _is_there(entries: Iterator[_Entry], folder: Path, packed: int) -> bool:
    """Whether a folder holds all files of an archive, in their sizes."""
    if not folder.is_dir():
        return False
    for entry in _checked(entries, packed):
        path = folder / entry.name
        if not (path.is_dir() if entry.is_folder else path.is_file()):
            return False
        if not (entry.is_folder or entry.link) and path.stat().st_size != entry.size:
            return False
    return True


def _write(entries: Iterator[_Entry], folder: Path, packed: int) -> None:
    """Write folders and files; a link becomes one more name of its file, so that none is ever followed."""
    links = {}
    for entry in _checked(entries, packed):
        path = folder / entry.name
        if entry.is_folder:
            path.mkdir(parents=True, exist_ok=True)
        elif entry.link is not None:
            links[entry.name] = entry.link
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(entry.open()) as source, open(path, "wb") as file:
                shutil.copyfileobj(source, file, 2**20)
            if path.stat().st_size != entry.size:
                raise ValueError(f"{entry.name!r} is cut short")
    for name in links:
        target, seen = name, set()
        while target in links and target not in seen:
            seen.add(target)
            target = links[target]
        if not (folder / target).is_file():
            raise ValueError(f"{name!r} is a link to {target!r}, which is no file of the archive")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / target, folder / name)


def _move(aside: Path, folder: Path) -> None:
    """Rename the folder, or its files one by one if there is such a folder already."""
    if not folder.exists():
        with contextlib.suppress(FileExistsError, OSError):  # another process was faster
            os.rename(aside, folder)
            return
    for root, _, files in os.walk(aside):
        place = folder / Path(root).relative_to(aside)
        place.mkdir(parents=True, exist_ok=True)
        for name in files:
            os.replace(os.path.join(root, name), place / name)
