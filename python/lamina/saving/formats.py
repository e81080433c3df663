"""Which format a file has, by its content, and by its name which one is written."""

from __future__ import annotations

import io
from pathlib import Path

# What torch.save began a file with before PyTorch 1.6, a number as a pickle.
TORCH_STREAM = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
TORCH = "a file of PyTorch (lamina.torch.load_state_dict reads its weights into a model)"
ONNX = "an ONNX model: load it with lamina.onnx.load"
_KERAS = "a Keras file (lamina.load_model reads it)"
_BEGINNINGS = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, as Keras's .h5 (model.load_weights or lamina.load_model reads it)",
    b"\x1f\x8b": "a gzip file: unpack it first",
    b"\x93NUMPY": "a NumPy array (numpy.load reads it)",
    b"GGUF": "a GGUF file of llama.cpp: take the model's .safetensors",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself: fetch it with 'git lfs pull'",
    b"<": "a web page, not a model: the download went wrong",
}
LAMINA, KERAS, HDF5, LEGACY = "lamina", "keras", "hdf5", "legacy"


def of(path: Path) -> str:
    """The format of a file, or of a folder; LAMINA for what is neither known nor readable, which says so itself."""
    if path.is_dir():
        return KERAS if (path / "config.json").is_file() else LAMINA
    if not path.is_file():
        return LAMINA
    with open(path, "rb") as file:
        start = file.read(9)
    if start[:8] == b"\x89HDF\r\n\x1a\n":
        from . import hdf5, legacy_hdf5  # imports what few programs need

        with hdf5.opened(str(path), str(path), path.stat().st_size) as opened:
            return LEGACY if legacy_hdf5.is_legacy(opened) else HDF5
    if start.startswith(b"PK\x03\x04"):
        return KERAS
    if path.suffix in (".keras", ".h5", ".hdf5") and start[8:] != b"{":
        raise ValueError(f"{path}: neither a zip nor HDF5, so no whole file of Keras; it was cut short{hint(path)}")
    return LAMINA


def of_zip(names: list[str]) -> str | None:
    """What a zip with members of these names is, in words with what reads it; None if that is not known."""
    if "config.json" in names:
        return _KERAS
    if any(name.endswith("data.pkl") for name in names):
        return TORCH
    if names and all(name.endswith(".npy") for name in names):
        return "an archive of NumPy, of numpy.savez (numpy.load reads it)"
    return None


def seems(start: bytes) -> str | None:
    """What a file seems to be by its first 262 bytes, in words with what reads it; None if that is not known."""
    if start[8:9] == b"{":  # a safetensors file, whose first bytes are a length, and so may be any
        return None
    for begin, told in _BEGINNINGS.items():
        if start.startswith(begin):
            return told
    if start[:1] == b"\x08" and start[2:3] in (b"\x12", b"\x1a", b"\x3a", b"\x42"):  # version, then a text or a graph
        return ONNX
    if start.startswith(TORCH_STREAM):
        return TORCH
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a pickle, which is not read: it is none of torch.save, and may run code"
    if start[257:262] == b"ustar":
        return "a tar file, as torch.save wrote before PyTorch 0.2: load it there and save it again"
    return None


def of_bytes(data: bytes) -> str | None:
    """What a whole file seems to be, in words with what reads it; None if that is not known."""
    if data[8:9] == b"{":
        return "a safetensors file (lamina.load_model reads Lamina's, lamina.torch.load_state_dict PyTorch's)"
    if not data.startswith(b"PK\x03\x04"):
        return seems(data[:262])
    from . import zip_file  # only errors need it

    try:
        with zip_file.opened(io.BytesIO(data), len(data)) as archive:
            return of_zip(list(archive.sizes))
    except ValueError as error:
        return f"a zip file: {error}"


def hint(path: Path) -> str:
    """What a file that cannot be read seems to be, in words behind a semicolon; nothing if it is not known."""
    with open(path, "rb") as file:
        told = seems(file.read(262))
    return f"; it looks like {told}" if told else ""


def check_name(path: Path, weights_only: bool = False) -> None:
    """ValueError for the name of a format that isn't written, or not of that which is saved."""
    written = path.name.endswith(".weights.h5") if weights_only else path.suffix == ".keras"
    if path.suffix in (".keras", ".h5", ".hdf5", ".pt", ".pth") and not written:
        what, stem = "weights alone" if weights_only else "a whole model", path.name.partition(".")[0]
        name = f"{stem}.weights.h5" if weights_only else f"{stem}.keras"
        raise ValueError(
            f"{path}: {what} cannot be written to a file of this name; use a name like {stem}.lamina, or {name} for "
            "Keras"
        )
