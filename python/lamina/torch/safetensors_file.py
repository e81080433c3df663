"""Safetensors files, read to NumPy arrays and written: eight bytes of length, a JSON header, the elements."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from ..core.autograd import Array
from ..saving.description import load_json
from .pt_file import elements, width

_KINDS = {
    "F64": "f8", "F32": "f4", "F16": "f2", "BF16": "bf16", "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1",
    "U64": "u8", "U32": "u4", "U16": "u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip


def looks_like(data: bytes) -> bool:
    """Whether a file begins with a length that it has, and a JSON header."""
    return len(data) > 10 and int.from_bytes(data[:8], "little") <= len(data) - 8 and data[8:9] == b"{"


def read(data: bytes) -> tuple[dict[str, Array], dict[str, Any]]:
    """The tensors by name, and the header's metadata; ValueError unless the header and the elements fit exactly."""
    begin = 8 + int.from_bytes(data[:8], "little")
    header = load_json(data[8:begin])
    if not isinstance(header, dict):
        raise ValueError("its header is no dict")
    metadata = header.pop("__metadata__", {})
    arrays: dict[str, Array] = {}
    spans = []
    for name, entry in header.items():
        kind, shape, span = _entry(name, entry)
        if kind not in _KINDS:
            raise ValueError(f"its tensor {name!r} is of type {kind}, which NumPy has not; save it as F32")
        if span[1] - span[0] != math.prod(shape) * width(_KINDS[kind]) or span[1] > len(data) - begin:
            raise ValueError(f"its tensor {name!r}, {kind} {shape}, does not fit its bytes {span}")
        arrays[name] = elements(data[begin + span[0] : begin + span[1]], _KINDS[kind]).reshape(shape)
        spans.append(span)
    spans = sorted(spans)
    if any(a[1] > b[0] for a, b in itertools.pairwise(spans)):
        raise ValueError("two tensors of it share bytes")
    return arrays, metadata if isinstance(metadata, dict) else {}


def _entry(name: str, entry: Any) -> tuple[str, list[int], tuple[int, int]]:
    if isinstance(entry, dict) and set(entry) == {"dtype", "shape", "data_offsets"}:
        kind, shape, span = entry["dtype"], entry["shape"], entry["data_offsets"]
        whole = all(isinstance(part, list) and all(type(n) is int and n >= 0 for n in part) for part in (shape, span))
        if isinstance(kind, str) and whole and len(span) == 2 and span[0] <= span[1]:
            return kind, shape, (span[0], span[1])
    raise ValueError(f"the entry of its tensor {name!r} is damaged: {entry!r}")


def write(file: IO[bytes], tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Tensors by name, in this order."""
    names = {kind: name for name, kind in _KINDS.items()}
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    at = 0
    for name, a in tensors.items():
        kind = "?" if a.dtype.kind == "b" else f"{a.dtype.kind}{a.dtype.itemsize}"
        if kind not in names:
            raise TypeError(f"safetensors has no type for {name!r} of dtype {a.dtype}")
        header[name] = {"dtype": names[kind], "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for a in tensors.values():
        file.write(np.ascontiguousarray(a, a.dtype.newbyteorder("<")).tobytes())
