"""lamina.utils.get_file: cache, downloads that fail halfway, checksums, archives that anybody may have made."""

from __future__ import annotations

import hashlib
import http.server
import io
import os
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from lamina.utils import get_file

DATA = bytes(range(256)) * 2000


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        name = self.path.rpartition("/")[2]
        if name == "moved.bin":
            self.send_response(302)
            self.send_header("Location", "/data.bin")
            self.end_headers()
            return
        if name == "outside.bin":
            self.send_response(302)
            self.send_header("Location", f"file://{__file__}")
            self.end_headers()
            return
        if name == "missing.bin":
            self.send_error(404)
            return
        self.send_response(200)
        length = {"cut.bin": len(DATA) + 5, "short.bin": 10, "none.bin": None}.get(name, len(DATA))
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(DATA)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.asked = []
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def at(server):
    server.asked.clear()
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path / "cache"


def content(path):
    return Path(path).read_bytes()


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


SHA, MD5 = hashlib.sha256(DATA).hexdigest(), hashlib.md5(DATA).hexdigest()


@pytest.mark.parametrize("hashed", [{}, {"file_hash": SHA}, {"file_hash": MD5.upper()}, {"md5_hash": MD5},
                                    {"file_hash": SHA, "hash_algorithm": "sha256"}])  # fmt: skip
def test_a_file_is_downloaded_once(server, at, cache, capsys, hashed):
    path = get_file(origin=f"{at}/data.bin?version=2", **hashed)
    assert path == str(cache / "datasets" / "data.bin")
    assert content(path) == DATA
    shown = capsys.readouterr().out
    assert f"Downloading data from {at}" in shown
    assert f"{len(DATA)}/{len(DATA)}" in shown
    assert get_file(origin=f"{at}/data.bin", **hashed) == path
    assert len(server.asked) == 1
    assert not capsys.readouterr().out
    get_file(origin=f"{at}/data.bin", force_download=True, **hashed)
    assert len(server.asked) == 2
    assert files(cache) == ["datasets/data.bin"]


def test_names_and_folders(at, cache, tmp_path):
    assert get_file("mine.bin", f"{at}/data.bin", cache_subdir="a/b") == str(cache / "a" / "b" / "mine.bin")
    assert get_file("x", f"{at}/data.bin", cache_dir=tmp_path / "other") == str(tmp_path / "other" / "datasets" / "x")
    assert get_file("y", f"{at}/data.bin", cache_subdir=str(tmp_path / "z")) == str(tmp_path / "z" / "y")
    assert content(get_file(origin=f"{at}/moved.bin")) == DATA
    assert content(get_file(origin=f"{at}/none.bin")) == DATA
    assert len(content(get_file(origin=f"{at}/short.bin"))) == 10  # as the server says


def test_addresses_of_local_files(cache, tmp_path):
    source = tmp_path / "some file.txt"
    source.write_text("words")
    assert content(get_file("copy.txt", source.as_uri())) == b"words"
    with pytest.raises(ConnectionError, match="No such file"):
        get_file("lost.txt", (tmp_path / "lost.txt").as_uri())
    assert files(cache) == ["datasets/copy.txt"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.bin", "the server says 404"),
        ("cut.bin", "only in part .512000 of 512005 bytes"),
        ("outside.bin", "is not at .* 302"),
    ],
)
@pytest.mark.parametrize("older", [False, True])
def test_a_failed_download_leaves_everything_as_it_was(at, cache, name, message, older):
    place = cache / "datasets" / name
    if older:
        place.parent.mkdir(parents=True)
        place.write_bytes(b"older")
    with pytest.raises(ConnectionError, match=message) as error:
        get_file(origin=f"{at}/{name}", force_download=True)
    assert f"{at}/{name}" in str(error.value)
    assert f"put it at {place}" in str(error.value)
    assert files(cache) == ([f"datasets/{name}"] if older else [])
    assert not older or place.read_bytes() == b"older"


def test_without_a_network(cache):
    with pytest.raises(ConnectionError, match=r"data\.bin cannot be downloaded from http://127.*refused.*put it at"):
        get_file(origin="http://127.0.0.1:9/data.bin")


def test_wrong_checksums(at, cache, capsys):
    wrong = "0" * 64
    with pytest.raises(ValueError, match=f"not the expected file: its sha256 checksum is {SHA}, expected {wrong}"):
        get_file(origin=f"{at}/data.bin", file_hash=wrong)
    assert files(cache) == []
    place = cache / "datasets" / "data.bin"
    place.write_bytes(b"half of it")
    get_file(origin=f"{at}/data.bin", file_hash=SHA)
    assert "it is downloaded anew" in capsys.readouterr().out
    assert place.read_bytes() == DATA
    place.write_bytes(b"half of it")
    with pytest.raises(ConnectionError, match="the file that is there is another: its md5 checksum is"):
        get_file("data.bin", f"{at}/missing.bin", file_hash=MD5)
    assert place.read_bytes() == b"half of it"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ValueError, "origin is missing"),
        ({"origin": "/tmp/x"}, ValueError, "origin must be an address"),
        ({"origin": "data:text/plain,x"}, ValueError, "origin must be an address"),
        ({"origin": "http://a.b/"}, ValueError, "give fname"),
        ({"origin": "http://a.b/.."}, ValueError, "without folders"),
        ({"fname": "a/b", "origin": "http://a.b/c"}, ValueError, "fname must be a name without folders, got 'a/b'"),
        ({"fname": 3, "origin": "http://a.b/c"}, TypeError, "get_file: fname: expected a path"),
        ({"origin": "http://a.b/c", "file_hash": "abc"}, ValueError, "file_hash has 3 digits, expected 32 .MD5. or 64"),
        ({"origin": "http://a.b/c", "md5_hash": SHA}, ValueError, "has 64 digits, expected 32"),
        ({"origin": "http://a.b/c", "hash_algorithm": "crc"}, ValueError, "hash_algorithm of get_file 'crc'"),
        ({"origin": "http://a.b/c", "extract": True, "archive_format": "rar"}, ValueError, "archive_format"),
        ({"origin": "http://a.b/c", "extract": True, "archive_format": None}, ValueError, "archive_format"),
    ],
)
def test_wrong_arguments(cache, arguments, error, message):
    with pytest.raises(error, match=message):
        get_file(**arguments)


def test_a_cache_that_cannot_be_written_is_read(cache, at, monkeypatch):
    place = cache / "datasets" / "data.bin"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"here")
    monkeypatch.setattr(os, "access", lambda path, _: not str(path).startswith(str(cache)))  # root writes everywhere
    assert get_file(origin=f"{at}/data.bin") == str(place)
    subdir = f"lamina-test-{os.getpid()}"
    other = Path(get_file(origin=f"{at}/moved.bin", cache_subdir=subdir))
    try:
        assert other == Path("/tmp/.keras") / subdir / "moved.bin"
        assert other.read_bytes() == DATA
    finally:
        other.unlink()
        other.parent.rmdir()


# ---- archives ----


def a_tar(path, members, mode="w:gz"):
    """members: (name, content) or (name, type, linkname)."""
    with tarfile.open(path, mode) as archive:
        for name, *rest in members:
            info = tarfile.TarInfo(name)
            if len(rest) == 1 and rest[0] is not None:
                info.size = len(rest[0])
                archive.addfile(info, io.BytesIO(rest[0]))
            else:
                info.type, info.linkname = rest if len(rest) == 2 else (tarfile.DIRTYPE, "")
                archive.addfile(info)
    return path.as_uri()


def a_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path.as_uri()


GOOD = [("d/", None), ("d/a.txt", b"a" * 5000), ("./b.txt", b"b")]


@pytest.mark.parametrize("kind", ["w", "w:gz", "w:bz2", "w:xz", "zip"])
def test_archives_are_unpacked(cache, tmp_path, kind):
    if kind == "zip":
        origin = a_zip(tmp_path / "things.zip", [(n, c or b"") for n, c in GOOD])
    else:
        origin = a_tar(tmp_path / "things.zip", GOOD, kind)
    folder = cache / "datasets"
    assert get_file(origin=origin, extract=True) == str(folder / "things.zip")
    assert files(folder) == ["things.zip/b.txt", "things.zip/d/a.txt", "things.zip_archive"]
    assert get_file("one", origin, extract=True) == str(folder / "one")
    assert get_file("two.tar.gz", origin, extract=True) == str(folder / "two_extracted")
    assert get_file("two.tar.gz", origin, untar=kind != "zip", extract=True) == str(folder / "two_extracted")
    one = folder / "one"
    (one / "mine.txt").write_text("kept")
    (one / "b.txt").unlink()
    (one / "d" / "a.txt").write_bytes(b"cut short")
    get_file("one", origin, extract=True)
    assert files(one) == ["b.txt", "d/a.txt", "mine.txt"]
    assert (one / "d" / "a.txt").read_bytes() == b"a" * 5000
    before = (one / "d" / "a.txt").stat().st_ino
    get_file("one", origin, extract=True)
    assert (one / "d" / "a.txt").stat().st_ino == before  # left as it is


def test_links_to_files_of_the_archive_become_files(cache, tmp_path):
    links = [("d/c.txt", tarfile.SYMTYPE, "a.txt"), ("e.txt", tarfile.LNKTYPE, "d/a.txt"),
             ("f/g.txt", tarfile.SYMTYPE, "../e.txt")]  # fmt: skip
    folder = cache / "datasets" / "x"
    get_file("x", a_tar(tmp_path / "x.tar", [*GOOD, *links]), extract=True)
    for name in ("d/c.txt", "e.txt", "f/g.txt"):
        assert (folder / name).read_bytes() == b"a" * 5000
        assert not (folder / name).is_symlink()


BAD = {
    "parent": [("../evil.txt", b"x")],
    "deep": [("d/../../evil.txt", b"x")],
    "absolute": [("/tmp/evil.txt", b"x")],
    "link": [("l", tarfile.SYMTYPE, "/etc/passwd")],
    "parent link": [("l", tarfile.SYMTYPE, "../../secret.txt")],
    "hard link": [("l", tarfile.LNKTYPE, "../../secret.txt")],
    "chain": [("l", tarfile.SYMTYPE, "."), ("m", tarfile.SYMTYPE, "l/.."), ("m/evil.txt", b"x")],
    "circle": [("l", tarfile.SYMTYPE, "m"), ("m", tarfile.SYMTYPE, "l")],
    "pipe": [("p", tarfile.FIFOTYPE, "")],
    "device": [("p", tarfile.CHRTYPE, "")],
}


@pytest.mark.parametrize("name", BAD)
def test_bad_entries_unpack_nothing(cache, tmp_path, name):
    (tmp_path / "secret.txt").write_text("secret")
    origin = a_tar(tmp_path / "x.tar", [*GOOD, *BAD[name]])
    with pytest.raises(ValueError, match=r"cannot be unpacked: .*; nothing was unpacked"):
        get_file("x", origin, extract=True)
    assert files(tmp_path) == ["cache/datasets/x_archive", "secret.txt", "x.tar"]


@pytest.mark.parametrize("name", ["../evil.txt", "/tmp/evil.txt", "a/../../evil.txt"])
def test_bad_names_in_zip_files(cache, tmp_path, name):
    origin = a_zip(tmp_path / "x.zip", [("good.txt", b"x"), (name, b"x")])
    with pytest.raises(ValueError, match="lies outside of its folder"):
        get_file("x", origin, extract=True)
    assert files(cache) == ["datasets/x_archive"]


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_bombs(cache, tmp_path, monkeypatch, kind):
    monkeypatch.setattr("lamina.utils.archives._LARGEST", 2**16)
    members = [(f"{i}.bin", bytes(2**20)) for i in range(3)]
    origin = (a_tar if kind == "tar" else a_zip)(tmp_path / "x", members)
    with pytest.raises(ValueError, match="bytes unpack to more than"):
        get_file("x", origin, extract=True)
    assert files(cache) == ["datasets/x_archive"]


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_damaged_archives(cache, tmp_path, kind):
    (a_tar if kind == "tar" else a_zip)(tmp_path / "whole", [(f"{i}", os.urandom(20000)) for i in range(3)])
    data = bytearray((tmp_path / "whole").read_bytes())
    if kind == "tar":
        del data[30000:]
    else:
        data[30000:30100] = bytes(100)
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(ValueError, match="nothing was unpacked"):
        get_file("x", (tmp_path / "x").as_uri(), extract=True)
    assert files(cache) == ["datasets/x_archive"]
    (tmp_path / "y").write_bytes(b"no archive at all")
    with pytest.raises(ValueError, match="is no tar or zip archive"):
        get_file("y", (tmp_path / "y").as_uri(), extract=True)
