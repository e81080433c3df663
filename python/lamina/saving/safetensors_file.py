"""Safetensors files, read to NumPy arrays and written: eight bytes of length, a JSON header, the elements."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from ..core.autograd import Array
from .description import load_json
from .elements import BFLOAT16, elements, width

_KINDS = {
    "F64": "f8", "F32": "f4", "F16": "f2", "BF16": BFLOAT16, "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1",
    "U64": "u8", "U32": "u4", "U16": "u2", "U8": "u1", "BOOL": "?", "C64": "c8",
}  # fmt: skip


def looks_like(data: bytes) -> bool:
    """Whether a file begins with a length that it has, and a JSON header."""
    return len(data) > 9 and int.from_bytes(data[:8], "little") <= len(data) - 8 and data[8:9] == b"{"


class SafetensorsFile:
    """A file in memory: ``metadata``, the texts of its header; whether it is ``whole``; and its ``arrays``."""

    def __init__(self, data: bytes) -> None:
        """ValueError for a header that is damaged."""
        begin = 8 + int.from_bytes(data[:8], "little")
        try:
            header = load_json(data[8:begin])
        except (ValueError, RecursionError) as error:
            raise ValueError(f"its header is damaged ({error})") from None
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
            raise ValueError("its header is damaged (its metadata are no texts)")
        self.metadata: dict[str, str] = metadata
        self._elements = memoryview(data)[begin:]
        self._entries = {name: _entry(name, entry) for name, entry in header.items()}
        spans = sorted(span for *_, span in self._entries.values())
        self.whole = not spans or spans[-1][1] <= len(self._elements)
        if any(a[1] > b[0] for a, b in itertools.pairwise(spans)):
            raise ValueError("two tensors of it share bytes")

    def arrays(self, bfloat16: bool = False) -> dict[str, Array]:
        """The tensors by name, which share the memory of the file.

        bfloat16: whether such ones are read, as float32.  ValueError for types that are not read, and for a tensor that
        is not where it should be.
        """
        found = {}
        for name, (kind, shape, span) in self._entries.items():
            if kind not in _KINDS or (_KINDS[kind] == BFLOAT16 and not bfloat16):
                raise ValueError(f"{name!r} is of type {kind}, which Lamina does not read; save it as float32")
            if span[1] > len(self._elements) or span[1] - span[0] != math.prod(shape) * width(_KINDS[kind]):
                raise ValueError(f"its tensor {name!r}, {kind} {shape}, does not fit its bytes {span}")
            found[name] = elements(self._elements[span[0] : span[1]], _KINDS[kind]).reshape(shape)
        return found


def _entry(name: str, entry: Any) -> tuple[str, list[int], tuple[int, int]]:
    """Type, shape and place of a tensor."""
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
        file.write(np.ascontiguousarray(a, a.dtype.newbyteorder("<")).data)
