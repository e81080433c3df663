"""Files from the cache that Keras uses, or from an address."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from .._version import __version__
from ..core.explain import named
from ..core.output import say
from ..core.suggest import unknown
from .progbar import Progbar

_SCHEMES = ("http", "https", "ftp", "file")
_CHUNK = 2**17
_TIMEOUT = 60.0  # seconds without a byte


@named("get_file")
def get_file(
    fname: Any = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
) -> str:
    """The path of a file in the cache, where it is downloaded to if it is not there.

    The cache is that of Keras: the folder in the environment variable ``KERAS_HOME``, else ``~/.keras``; what cannot be
    written there goes to ``/tmp/.keras``.  A download goes to a file beside, is checked and renamed, so that a failed
    one leaves nothing, and an older file as it was.  An archive is unpacked below its folder only, whole or not at all.

    Args:
        fname: name of the file in the cache; None takes that of the address.  With ``extract`` a name without a dot is
            that of the folder, and the archive's is ``<fname>_archive``; of ``name.zip`` the folder is
            ``name_extracted``.
        origin: the address: ``https://...``, ``http://...``, ``ftp://...`` or ``file:///...``.
        untar: as ``extract``, for tar files; older scripts have it.
        md5_hash: as ``file_hash``, an MD5 checksum; older scripts have it.
        file_hash: checksum of the file, as hexadecimal digits.  A file in the cache of another is downloaded anew.
        cache_subdir: folder in the cache; an absolute path stands for both.
        hash_algorithm: "md5", "sha256", or "auto", which tells them by the number of digits.
        extract: whether the file is an archive, which is unpacked.
        archive_format: "tar" (also gzip, bzip2 and xz), "zip", a list of them, or "auto" for both.
        cache_dir: the cache; None takes Keras's.
        force_download: whether to download it even if it is there.

    Returns: the path of the file, or with ``extract`` that of the folder.

    Raises:
        ConnectionError: it is not in the cache and cannot be downloaded; the message says where to put it by hand.
        ValueError: there is no address; a name is a path; the checksum is wrong; an archive is none, is damaged, or has
            entries outside of its folder.

    Source: Keras 3, keras.utils.get_file.

    Example:
        >>> import pathlib, tempfile
        >>> cache = pathlib.Path(tempfile.mkdtemp())
        >>> (cache / "datasets").mkdir()
        >>> _ = (cache / "datasets" / "a.txt").write_text("put there by hand")
        >>> path = utils.get_file("a.txt", "https://example.com/a.txt", cache_dir=cache)
        >>> pathlib.Path(path).read_text()
        'put there by hand'
    """
    if origin is None:
        raise ValueError("get_file: origin is missing, the address of the file to download")
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    name = _name(fname, origin)
    unpacked, formats = None, _formats(archive_format, untar) if extract or untar else ()
    if extract or untar:
        unpacked, name = _archive_names(name, fname is not None and fname != "")
    path = cached(name, origin, file_hash, cache_subdir, hash_algorithm, cache_dir, force_download)
    if unpacked is None:
        return str(path)
    from .archives import unpack  # imports what few programs need

    folder = path.parent if os.access(path.parent, os.W_OK) else _writable(path.parent, cache_subdir)
    unpack("get_file", path, folder / unpacked, formats)
    return str(folder / unpacked)


def cached(
    name: str, origin: str, file_hash: str | None, cache_subdir: str, hash_algorithm: str = "auto",
    cache_dir: Any = None, force_download: bool = False,
) -> Path:  # fmt: skip
    """A file of this name in the cache, downloaded if it is missing or has another checksum."""
    if urllib.parse.urlsplit(origin).scheme not in _SCHEMES:
        raise ValueError(
            f"get_file: origin must be an address that begins with {', '.join(s + '://' for s in _SCHEMES)}, got "
            f"{origin!r}"
        )
    check = _Checksum(hash_algorithm, file_hash)
    base = home() if cache_dir is None else _path("cache_dir", cache_dir).expanduser()
    place = base / _path("cache_subdir", cache_subdir) / name
    found = ""
    if place.is_file():
        found = check.fault(place)
        if not found and not force_download:
            return place
        if found:
            say(f"{place}: {found}; it is downloaded anew")
    if place.is_dir():
        raise ValueError(f"get_file: {place} is a folder, not a file")
    target = _writable(place.parent, cache_subdir) / name
    if target != place and target.is_file() and not force_download and not check.fault(target):
        return target
    _download(origin, target, check, f"the file that is there is another: {found}" if found else "")
    return target


def home() -> Path:
    """The cache: as Keras finds it."""
    if "KERAS_HOME" in os.environ:
        return Path(os.environ["KERAS_HOME"]).expanduser()
    return Path("~").expanduser() / ".keras"


def _writable(folder: Path, cache_subdir: str) -> Path:
    """A folder, or that in /tmp in its place where nothing can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except PermissionError:
        pass  # as on the next line
    except OSError as error:  # a file is in the way, or the file system is read-only
        if isinstance(error, (FileExistsError, NotADirectoryError)):
            raise ValueError(f"get_file: {folder} cannot be a folder: {error.strerror}") from None
    temporary = Path("/tmp") if os.path.isdir("/tmp") else Path(tempfile.gettempdir())
    other = temporary / ".keras" / cache_subdir  # an absolute one stays as it is, and mkdir says why not
    other.mkdir(parents=True, exist_ok=True)
    return other


def _path(argument: str, value: Any) -> Path:
    from ..saving.atomic import as_path

    return as_path(f"get_file: {argument}", value)


def _name(fname: Any, origin: str) -> str:
    if fname is None or fname == "":
        name = os.path.basename(urllib.parse.urlsplit(origin).path)
        if not name:
            raise ValueError(f"get_file: the address {origin!r} has no name of a file; give fname")
    else:
        name = os.fspath(_path("fname", fname))
    if os.path.basename(name) != name or name in (".", ".."):
        raise ValueError(f"get_file: fname must be a name without folders, got {name!r}; folders go into cache_dir")
    return name


def _archive_names(name: str, given: bool) -> tuple[str, str]:
    """The names of the folder and of the archive, as Keras chooses them."""
    if given and "." in name:
        return f"{name[: name.find('.')]}_extracted", name
    return name, f"{name}_archive"


def _formats(archive_format: Any, untar: bool) -> tuple[str, ...]:
    if untar:
        return ("tar",)
    if archive_format == "auto":
        return ("tar", "zip")
    formats = (archive_format,) if isinstance(archive_format, str) else tuple(archive_format or ())
    for one in formats or (archive_format,):
        if one not in ("tar", "zip"):
            raise unknown("archive_format of get_file", one, ("auto", "tar", "zip"))
    return formats


class _Checksum:
    """What a file's checksum should be."""

    def __init__(self, algorithm: str, wanted: str | None) -> None:
        if algorithm not in ("auto", "md5", "sha256"):
            raise unknown("hash_algorithm of get_file", algorithm, ("auto", "md5", "sha256"))
        self.wanted = None if wanted is None else str(wanted).lower()
        digits = {"md5": 32, "sha256": 64}
        if self.wanted is not None:
            length = len(self.wanted)
            if length not in digits.values() if algorithm == "auto" else length != digits[algorithm]:
                wants = "32 (MD5) or 64 (SHA-256)" if algorithm == "auto" else str(digits[algorithm])
                raise ValueError(f"get_file: file_hash has {length} digits, expected {wants}: {wanted!r}")
        self.algorithm = ("sha256" if len(self.wanted or "") == 64 else "md5") if algorithm == "auto" else algorithm

    def begin(self) -> Any:
        return hashlib.new(self.algorithm, usedforsecurity=False)

    def compare(self, state: Any) -> str:
        """What is wrong, in words; nothing if nothing is."""
        if self.wanted is None or state.hexdigest() == self.wanted:
            return ""
        return f"its {self.algorithm} checksum is {state.hexdigest()}, expected {self.wanted}"

    def fault(self, path: Path) -> str:
        """What is wrong with a file."""
        state = self.begin()
        if self.wanted is not None:
            with open(path, "rb") as file:
                while chunk := file.read(_CHUNK):
                    state.update(chunk)
        return self.compare(state)


def _download(origin: str, target: Path, check: _Checksum, beside: str) -> None:
    """Download to a file beside, check, rename.  beside: what to say of a file that is there."""
    from ..saving.atomic import write_whole

    advice = f"Without a network, get the file elsewhere and put it at {target}"
    advice = f"{advice}; {beside}" if beside else advice

    def write(file: IO[bytes]) -> None:
        state, done, total = check.begin(), 0, None
        bar = None
        for total, chunk in _received(origin, target.name, advice):
            state.update(chunk)
            file.write(chunk)
            done += len(chunk)
            bar = bar or Progbar(total, unit_name="byte")
            bar.update(done, finalize=False)
        if total is not None and done != total:
            raise ConnectionError(
                f"get_file: {target.name} came from {origin} only in part ({done} of {total} bytes); nothing of it "
                f"was kept. {advice}"
            )
        if wrong := check.compare(state):
            raise ValueError(
                f"get_file: {target.name} from {origin} is not the expected file: {wrong}; it was not kept. {advice}"
            )
        if bar is not None:
            bar.update(done, finalize=True)

    say(f"Downloading data from {origin}")
    write_whole(target, write)


def _received(origin: str, name: str, advice: str) -> Iterator[tuple[int | None, bytes]]:
    """(bytes of the whole, a part) pairs; ConnectionError for whatever goes wrong."""
    import http.client  # imports what few programs need
    import urllib.error
    import urllib.request

    try:
        request = urllib.request.Request(origin, headers={"User-Agent": f"lamina/{__version__}"})
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            length = answer.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
            while chunk := answer.read(_CHUNK):
                yield total, chunk
            yield total, b""
    except urllib.error.HTTPError as error:
        error.close()  # it is the answer, too
        reason = f"the server says {error.code} {error.reason}"
        raise ConnectionError(f"get_file: {name} is not at {origin} ({reason}). {advice}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = str(getattr(error, "reason", None) or error or type(error).__name__)
        raise ConnectionError(f"get_file: {name} cannot be downloaded from {origin} ({reason}). {advice}") from error


__all__ = ["get_file"]
