"""Which format a file is of: those that are read, and others by their names, with what reads them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from ..saving.atomic import as_path
from . import pt_file, safetensors_file

_BEGINNINGS = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, as Keras's .h5; load it with model.load_weights or lamina.load_model",
    b"\x1f\x8b": "a gzip file; unpack it first",
    b"\x93NUMPY": "a NumPy array; load it with numpy.load, and give a dict of arrays by PyTorch's names",
    b"GGUF": "a GGUF file of llama.cpp; take the model's .safetensors",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself; fetch it with 'git lfs pull'",
    b"<": "a web page, not a model; the download went wrong",
}
_ENTRIES = {
    "model.weights.h5": "a Keras file; load it with lamina.load_model",
    "config.json": "a Keras file; load it with lamina.load_model",
}


def load(path: Any) -> Any:
    """What a file of PyTorch holds, with NumPy arrays in place of tensors, read without PyTorch.

    ``.pt`` and ``.pth`` as ``torch.save`` writes them (zip files, and the streams before PyTorch 1.6), and
    ``.safetensors``.  Nothing in the file is run: a pickle may hold tensors, numbers, texts, lists and dicts.  bfloat16
    becomes float32.

    Args:
        path: name of the file.

    Returns: for a state dict a dict of arrays by name; for a checkpoint its dicts and lists.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is of another format (the message says which, and what loads it), damaged or cut short, or holds
            what is not read.

    Source: PyTorch, torch.load(weights_only=True).
    """
    return read(path)[0]


def read(path: Any) -> tuple[Any, bool]:
    """What a file holds, and whether the order of its names says something: that of safetensors does not."""
    file = as_path("lamina.torch.load", path)
    if file.is_dir():
        raise IsADirectoryError(f"{file}: is a directory")
    if file.exists() and not file.is_file():  # reading a pipe would never end
        raise ValueError(f"{file}: is no regular file")
    data = file.read_bytes()
    try:
        if (told := _other(data)) is not None:
            raise ValueError(f"this is {told}")
        if safetensors_file.looks_like(data):
            arrays, metadata = safetensors_file.read(data)
            if metadata.get("format") == "lamina":
                raise ValueError("this is a file of Lamina; load it with lamina.load_model or model.load_weights")
            return arrays, False
        return pt_file.read(data), True
    except (ValueError, MemoryError) as error:
        raise ValueError(f"{file}: {error}") from error


def _other(data: bytes) -> str | None:
    """What a file is, if it is none of PyTorch's."""
    if not data:
        return "an empty file"
    for begin, told in _BEGINNINGS.items():
        if data.startswith(begin):
            return told
    if data[257:262] == b"ustar":
        return "a tar file, as torch.save wrote before PyTorch 0.2; load it there and save it again"
    if data[:2] == b"PK":
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError):
            return None  # the reader says what is wrong with it
        for name, told in _ENTRIES.items():
            if name in names:
                return told
        if names and all(name.endswith(".npy") for name in names):
            return "a file of numpy.savez; load it with numpy.load, and give a dict of arrays by PyTorch's names"
    if data[:1] == b"\x80" and not data.startswith(pt_file.STREAM):
        return "a pickle, but none of torch.save; only Python's pickle or joblib reads it, and runs what is in it"
    if data[:1] == b"\x08" and b"onnx" in data[:200].lower():
        return "an ONNX file; load it with lamina.onnx.load"
    return None


__all__ = ["load"]
