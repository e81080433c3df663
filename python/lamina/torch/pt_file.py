"""The files of torch.save, .pt and .pth: read to NumPy arrays without PyTorch, and written.

A zip file holds ``<name>/data.pkl``, a pickle of the object, and ``<name>/data/<key>``, the elements of each storage,
uncompressed.  Before PyTorch 1.6 it was one stream: magic number, version, system, the object, the keys of the
storages, then for each its number of elements and these.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable, Mapping
from typing import IO, Any

import numpy as np

from ..core.autograd import Array
from ..saving import zip_file
from ..saving.elements import BFLOAT16, elements, width
from ..saving.formats import TORCH, TORCH_STREAM, of_zip
from .unpickle import Allowed, NumberType, Reader, Record, encoded, number, plain_set

_MAGIC = 0x1950A86A20F9469CFC6C

# Types of elements: PyTorch's name of the storage -> NumPy's type in the file.
STORAGES = {
    "DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": BFLOAT16, "LongStorage": "i8",
    "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip
_DTYPES = (
    "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64",
    "complex128",
)  # fmt: skip


class Storage:
    """The elements of one storage, read when the first tensor asks."""

    def __init__(self, kind: str, count: int, read: Callable[[], Array]) -> None:
        self.kind, self.count, self._read = kind, count, read
        self._array: Array | None = None

    def array(self) -> Array:
        if self._array is None:
            self._array = self._read()
        return self._array


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Array:
    """What ``torch._utils._rebuild_tensor_v2`` is called with, as an array over the storage."""
    whole = all(type(n) is int and n >= 0 for part in (size, stride) for n in part)
    if not isinstance(storage, Storage) or type(offset) is not int or offset < 0 or not whole:
        raise ValueError("a tensor of it has no storage, or sizes that are none")
    if len(size) != len(stride):
        raise ValueError(f"a tensor of it has sizes {size} and strides {stride}")
    count = math.prod(size)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) if count else -1
    if count > storage.count or last >= storage.count:
        raise ValueError(
            f"a tensor of it, {size} with strides {stride} from {offset}, is larger than its storage of "
            f"{storage.count} elements; call contiguous() before it is saved"
        )
    array = storage.array()
    if not count:
        return np.zeros(size, array.dtype)
    steps = [step * array.itemsize if n > 1 else 0 for n, step in zip(size, stride, strict=True)]
    return np.lib.stride_tricks.as_strided(array[offset:], size, steps, writeable=False)


def _named(cls: Any) -> str:
    if isinstance(cls, str) and cls in STORAGES:
        return cls
    told = cls if isinstance(cls, str) else "none"
    raise ValueError(f"it has a storage of a type that NumPy has not, {told}; convert the tensors to float32 first")


def _known() -> dict[str, Any]:
    """What these pickles may name."""
    known: dict[str, Any] = {
        "collections.OrderedDict": Allowed(lambda pairs=(): dict(pairs)),
        "torch._utils._rebuild_tensor_v2": Allowed(_tensor),
        "torch._utils._rebuild_tensor": Allowed(_tensor),
        "torch._utils._rebuild_parameter": Allowed(lambda data, *_: data),
        "argparse.Namespace": Allowed(Record),
        "collections.defaultdict": Allowed(lambda *_: {}),
        "_codecs.encode": Allowed(encoded),
        "numpy.dtype": Allowed(NumberType),
        "torch.Size": Allowed(lambda sizes=(): tuple(sizes)),
        "torch.device": Allowed(lambda *place: ":".join(map(str, place))),
        "torch.storage.UntypedStorage": "UntypedStorage",
    }
    for builtins in ("builtins", "__builtin__"):  # of protocol 2
        known[f"{builtins}.set"] = Allowed(plain_set)
        known |= {f"{builtins}.{name}": name for name in ("dict", "list", "int", "float", "str")}
    known |= {f"numpy.{core}.multiarray.scalar": Allowed(number) for core in ("core", "_core")}
    known |= {f"torch.{name}": name for name in STORAGES}
    known |= {f"torch.storage.{name}": name for name in STORAGES}
    known |= {f"torch.cuda.{name}": name for name in STORAGES}
    known |= {f"torch.{name}": name for name in (*_DTYPES, "ComplexFloatStorage", "ComplexDoubleStorage")}
    return known


def begins(data: bytes) -> bool:
    """Whether a file is one of the two kinds by its beginning."""
    return data.startswith((b"PK", TORCH_STREAM))


def read(data: bytes) -> Any:
    """The object of a file that torch.save wrote, with arrays in place of tensors; ValueError for all else.

    Nothing is made that is larger than the file, and nothing in it is run.
    """
    if not begins(data):
        raise ValueError("it is no file of torch.save")
    if data.startswith(TORCH_STREAM):
        return _from_stream(data)
    with zip_file.opened(io.BytesIO(data), len(data)) as archive:
        return _from_zip(archive)


def _from_zip(archive: zip_file.Zip) -> Any:
    sizes = archive.sizes
    pickles = [name for name in sizes if name.endswith("data.pkl") and name.count("/") == 1]
    told = of_zip(list(sizes))
    if told != TORCH or len(pickles) != 1:
        raise ValueError(f"this is {told or 'another zip'}; of torch.save is one with no data.pkl but one, in a folder")
    folder = pickles[0].partition("/")[0]
    if any(name.startswith(f"{folder}/code/") for name in sizes):
        raise ValueError(
            "it is a TorchScript program; in PyTorch, save its weights: torch.save(torch.jit.load(path).state_dict(), "
            "path)"
        )
    order = "<"
    if f"{folder}/byteorder" in sizes:
        order = {b"little": "<", b"big": ">"}.get(archive.read(f"{folder}/byteorder"), "")
        if not order:
            raise ValueError("its byte order is neither little nor big")

    known: dict[str, Storage] = {}

    def storage(reference: Any) -> Storage:
        kind, key, count = _reference(reference)
        name = f"{folder}/data/{key}"
        if name not in sizes:
            raise ValueError(f"it has no storage {key!r}")
        if sizes[name] != count * width(kind):
            raise ValueError(f"its storage {key!r} has {sizes[name]} bytes, expected {count} elements of {width(kind)}")
        if name not in known:
            known[name] = Storage(kind, count, lambda: elements(archive.read(name), kind, order))
        return known[name]

    return Reader(archive.read(pickles[0]), _known(), storage).load()


def _reference(reference: Any) -> tuple[str, str, int]:
    """("storage", class, key, place, number of elements)."""
    if not isinstance(reference, tuple) or len(reference) < 5 or reference[0] != "storage":
        raise ValueError("it refers to something outside that is no storage")
    key, count = reference[2], reference[4]
    if not isinstance(key, str) or type(count) is not int or count < 0:
        raise ValueError("a storage of it has no name or size")
    return STORAGES[_named(reference[1])], key, count


def _from_stream(data: bytes) -> Any:
    """The object is read twice: its pickle stands before the elements, which tensors are made of."""
    counts: dict[str, tuple[str, int]] = {}
    arrays: dict[str, Array] = {}

    def found(reference: Any) -> Storage:
        kind, key, count = _reference(reference)
        if len(reference) > 5 and reference[5] is not None:
            raise ValueError("a storage of it is part of another, as before PyTorch 0.4; save it with a newer one")
        if count * width(kind) > len(data):
            raise ValueError(f"its storage {key!r} has {count} elements, more than the file")
        counts[key] = kind, count
        return Storage(kind, count, lambda: arrays[key])

    reader = Reader(data, {}, found)
    magic, version, system = (reader.load() for _ in range(3))
    if magic != _MAGIC or version != 1001 or not isinstance(system, dict):
        raise ValueError(f"it is of version {version!r} of torch.save, expected 1001")
    order = "<" if system.get("little_endian", True) else ">"
    begin = reader.at
    reader.known = {name: Allowed(lambda *_: None) if isinstance(v, Allowed) else v for name, v in _known().items()}
    reader.known["collections.OrderedDict"] = Allowed(lambda *_: {})
    reader.load()
    reader.known = {}
    keys = reader.load()
    if not isinstance(keys, list):
        raise ValueError("the list of its storages is damaged")
    at = reader.at
    for key in keys:
        if key not in counts or key in arrays:
            raise ValueError(f"it has a storage {key!r} that no tensor uses, or twice")
        kind, count = counts[key]
        end = at + 8 + count * width(kind)
        if end > len(data) or int.from_bytes(data[at : at + 8], "little") != count:
            raise ValueError(f"its storage {key!r} is cut short, or not of the size that its tensors say")
        arrays[key] = elements(data[at + 8 : end], kind, order)
        at = end
    missing = sorted(set(counts) - set(arrays))
    if missing:
        raise ValueError(f"it has no storage {missing[0]!r}")
    return Reader(data, _known(), found, begin).load()


# ---- writing ----


def write(file: IO[bytes], tensors: Mapping[str, Array]) -> None:
    """A state dict as torch.save would write it; the pickle is put together here, opcode by opcode."""
    arrays = [np.ascontiguousarray(a).reshape(np.shape(a)) for a in tensors.values()]
    entries = b"".join(
        _text(name) + _tensor_opcodes(a, str(i)) for i, (name, a) in enumerate(zip(tensors, arrays, strict=True))
    )
    pickled = b"\x80\x02}(" + entries + b"u."
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (("data.pkl", pickled), ("byteorder", b"little"), ("version", b"3\n")):
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), content)
        for i, a in enumerate(arrays):
            little = a.astype(a.dtype.newbyteorder("<"), copy=False)
            archive.writestr(zipfile.ZipInfo(f"archive/data/{i}"), little.tobytes())


def _tensor_opcodes(array: Array, key: str) -> bytes:
    """``torch._utils._rebuild_tensor_v2(storage, 0, size, stride, False, OrderedDict())``."""
    kinds = {kind: name for name, kind in STORAGES.items() if kind != BFLOAT16}
    kind = "?" if array.dtype.kind == "b" else f"{array.dtype.kind}{array.dtype.itemsize}"
    if kind not in kinds:
        raise TypeError(f"PyTorch has no tensors of dtype {array.dtype}")
    strides = [math.prod(array.shape[i + 1 :]) for i in range(array.ndim)]
    count = array.size
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(("
        + _text("storage") + b"ctorch\n" + kinds[kind].encode() + b"\n" + _text(key) + _text("cpu") + _integer(count)
        + b"tQK\x00(" + b"".join(map(_integer, array.shape)) + b"t(" + b"".join(map(_integer, strides))
        + b"t\x89ccollections\nOrderedDict\n)RtR"
    )  # fmt: skip


def _text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + len(encoded).to_bytes(4, "little") + encoded


def _integer(value: int) -> bytes:
    return b"\x8a\x08" + value.to_bytes(8, "little", signed=True)
