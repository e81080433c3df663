"""Files of PyTorch, built here byte by byte: what is read, and what is refused."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import pickle
import zipfile
from collections import OrderedDict, defaultdict

import numpy as np
import pytest

import lamina
from lamina import Input, Sequential, layers
from lamina.saving.formats import TORCH_STREAM
from lamina.torch import pt_file

RNG = np.random.default_rng(0)
STATE = {
    "0.weight": RNG.standard_normal((4, 3)).astype("float32"),
    "0.bias": np.arange(4, dtype="float32"),
    "1.weight": np.ones(4, "float64"),
    "1.bias": np.zeros(4, "float16"),
    "1.running_mean": np.zeros(4, "float32"),
    "1.running_var": np.ones(4, "float32"),
    "1.num_batches_tracked": np.array(7),
}


def model():
    return Sequential([Input((3,)), layers.Dense(4), layers.BatchNormalization(epsilon=1e-5)])


def pt_bytes(state=STATE):
    file = io.BytesIO()
    pt_file.write(file, state)
    return file.getvalue()


def archive(pickled, storages=(), extra=(), compression=zipfile.ZIP_STORED):
    """A zip file as of torch.save around any pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        made.writestr("archive/data.pkl", pickled)
        for key, content in storages:
            made.writestr(f"archive/data/{key}", content)
        for name, content in extra:
            made.writestr(name, content)
    return file.getvalue()


def tensor(size, stride, offset=0, kind=b"FloatStorage", count=4, key=b"0"):
    """Opcodes of one tensor."""
    numbers = (b"".join(b"M" + n.to_bytes(2, "little") for n in part) for part in (size, stride))
    sizes, strides = numbers
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\n".replace(b"U\x07storage", b"X\x07\0\0\0storage")
        + kind + b"\nX" + len(key).to_bytes(4, "little") + key + b"X\x03\0\0\0cpu"
        + b"J" + count.to_bytes(4, "little") + b"tQK" + bytes([offset]) + b"(" + sizes + b"t(" + strides
        + b"t\x89ccollections\nOrderedDict\n)RtR"
    )  # fmt: skip


def state(opcodes, name=b"w"):
    return b"\x80\x02}X" + len(name).to_bytes(4, "little") + name + opcodes + b"s."


FOUR = np.arange(4, dtype="<f4").tobytes()


def write(tmp_path, data, name="m.pt"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["m.pt", "m.pth", "m.bin", "m.safetensors"])
def test_what_is_written_is_read(name, tmp_path):
    lamina.torch.save_state_dict(STATE, tmp_path / name)
    again = lamina.torch.load(tmp_path / name)
    assert list(again) == list(STATE)
    for key, value in STATE.items():
        assert again[key].dtype == value.dtype
        np.testing.assert_array_equal(again[key], value)
    ours = model()
    lamina.torch.load_state_dict(ours, tmp_path / name)
    np.testing.assert_array_equal(ours.layers[0].kernel.numpy(), STATE["0.weight"].T)


def test_tensors_are_views_of_storages(tmp_path):
    data = archive(state(tensor((2, 1), (1, 2), 1)), [("0", FOUR)])
    assert lamina.torch.load(write(tmp_path, data))["w"].tolist() == [[1], [2]]
    data = archive(state(tensor((2, 2), (1, 2))), [("0", FOUR)])
    assert lamina.torch.load(write(tmp_path, data))["w"].tolist() == [[0, 2], [1, 3]]
    empty = archive(state(tensor((0, 3), (3, 1))), [("0", FOUR)])
    assert lamina.torch.load(write(tmp_path, empty))["w"].shape == (0, 3)


def test_types_of_elements(tmp_path):
    values = np.array([1.5, -2.0, 3.25, 1e30], "<f4")
    upper = (values.view("<u4") >> 16).astype("<u2").tobytes()
    data = archive(state(tensor((4,), (1,), kind=b"BFloat16Storage")), [("0", upper)])
    found = lamina.torch.load(write(tmp_path, data))["w"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, values, rtol=1e-2)
    big = archive(
        state(tensor((4,), (1,))), [("0", np.arange(4, dtype=">f4").tobytes())], [("archive/byteorder", "big")]
    )
    assert lamina.torch.load(write(tmp_path, big))["w"].tolist() == [0, 1, 2, 3]
    for kind, dtype in (("LongStorage", "i8"), ("BoolStorage", "?"), ("ByteStorage", "u1"), ("HalfStorage", "f2")):
        content = np.array([0, 1, 1, 0], dtype).tobytes()
        data = archive(state(tensor((4,), (1,), kind=kind.encode())), [("0", content)])
        found = lamina.torch.load(write(tmp_path, data))["w"]
        assert (found.dtype, found.tolist()) == (np.dtype(dtype), [0, 1, 1, 0])


class Danger:
    def __reduce__(self):
        return print, ("run!",)


HOSTILE = {
    "another function": (
        archive(pickle.dumps(Danger(), 2)), r"names '__builtin__.print'.*torch.save\(model.state_dict\(\), path\)"
    ),
    "a name from the stack": (archive(pickle.dumps(Danger(), 4)), r"names 'builtins.print'"),
    "a class": (archive(b"\x80\x02cos\nsystem\n."), "names 'os.system'"),
    "an instance": (archive(b"(i__main__\nA\n."), "opcode b'i'"),
    "a new object": (archive(b"\x80\x02ccollections\nCounter\n)\x81."), r"names 'collections\.Counter'"),
    "a type that is no number": (archive(b"\x80\x02cnumpy\ndtype\nX\x01\0\0\0O\x85R."), "type that is not read"),
    "a number of another size": (
        archive(
            b"\x80\x02cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\0\0\0f8\x85RC\x02ab\x86R."
        ),
        "damaged",
    ),
    "a set of lists": (archive(b"\x80\x02c__builtin__\nset\n]]a\x85R."), "damaged"),
    "an extension": (archive(b"\x80\x02\x82\x01."), r"opcode b'\\x82'"),
    "a long integer": (archive(b"\x80\x02\x8a\xff" + b"\1" * 255 + b"."), "more than 64 bytes"),
    "a calling of data": (archive(b"\x80\x02K\x01)R."), "damaged"),
    "no end": (archive(b"\x80\x02}"), "cut short"),
    "nothing at all": (archive(b""), "cut short"),
    "an empty stack": (archive(b"\x80\x02s."), "damaged"),
    "a missing memo": (archive(b"\x80\x02h\x05."), "damaged"),
    "a text beyond the end": (archive(b"\x80\x02X\xff\xff\xff\x7fab."), "cut short"),
    "a far frame": (archive(b"\x80\x04\x95" + b"\xff" * 8 + b"."), "cut short"),
    "a newer protocol": (archive(b"\x80\x09."), "protocol 9"),
    "a list as a key": (archive(b"\x80\x02}]K\x01s."), "damaged"),
    "no storage": (archive(state(tensor((4,), (1,)))), "has no storage '0'"),
    "a short storage": (archive(state(tensor((4,), (1,))), [("0", FOUR[:8])]), "has 8 bytes, expected 4 elements"),
    "a storage too large": (
        archive(state(tensor((4,), (1,), count=2**31 - 1)), [("0", FOUR)]), "expected 2147483647 elements"
    ),
    "a tensor beyond its storage": (
        archive(state(tensor((5,), (1,))), [("0", FOUR)]), r"\(5,\) .*larger than its storage of 4 elements"
    ),
    "a stride beyond": (archive(state(tensor((2,), (4,))), [("0", FOUR)]), "larger than its storage"),
    "an offset beyond": (archive(state(tensor((4,), (1,), 1)), [("0", FOUR)]), "larger than its storage"),
    "an expanded tensor": (archive(state(tensor((60000, 60000), (0, 0))), [("0", FOUR)]), "larger than its storage"),
    "sizes without strides": (archive(state(tensor((2, 2), (1,))), [("0", FOUR)]), "sizes .* strides"),
    "a type that is unknown": (archive(state(tensor((4,), (1,), kind=b"QInt8Storage")), [("0", FOUR)]), "QInt8Storage"),
    "compressed": (
        archive(state(tensor((100,), (1,), count=100)), [("0", bytes(400))], compression=zipfile.ZIP_DEFLATED),
        "it is compressed",
    ),
    "TorchScript": (archive(b"\x80\x02}.", extra=[("archive/code/a.py", "")]), "TorchScript"),
    "two pickles": (archive(b"\x80\x02}.", extra=[("other/data.pkl", "")]), "no data.pkl"),
    "a byte order of its own": (archive(b"\x80\x02}.", extra=[("archive/byteorder", "middle")]), "byte order"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_pickles(what, tmp_path, capsys):
    data, message = HOSTILE[what]
    path = write(tmp_path, data)
    with pytest.raises(ValueError, match=message) as caught:
        lamina.torch.load(path)
    assert str(path) in str(caught.value)
    assert capsys.readouterr().out == ""


def safetensors(header, content=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content


ENTRY = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
FORMATS = {
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "this is an HDF5 file.*model.load_weights or lamina.load_model"),
    "NumPy": (b"\x93NUMPY" + bytes(10), "numpy.load"),
    "gzip": (b"\x1f\x8b" + bytes(10), "gzip"),
    "tar": (bytes(257) + b"ustar" + bytes(300), "before PyTorch 0.2"),
    "a pickle": (pickle.dumps({"a": 1}), "none of torch.save"),
    "a web page": (b"<!DOCTYPE html>", "web page"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
    "an empty file": (b"", "empty"),
    "text": (b"hello", "no file of torch.save"),
    "Keras": (archive(b"", extra=[("config.json", "{}"), ("model.weights.h5", "")]), "a Keras file"),
    "a cut zip": (pt_bytes()[:200], "no whole zip file"),
    "a cut stream": (TORCH_STREAM + b"\x80\x02M\xe9\x03.", "cut short"),
    "safetensors of Lamina": (safetensors({"__metadata__": {"format": "lamina"}}), "lamina.load_model"),
    "safetensors beyond the end": (safetensors({"w": {**ENTRY, "data_offsets": [0, 16]}}, FOUR[:8]), "does not fit"),
    "safetensors of another size": (safetensors({"w": {**ENTRY, "shape": [5]}}, FOUR), "does not fit its bytes"),
    "safetensors that overlap": (safetensors({"a": ENTRY, "b": ENTRY}, FOUR), "share bytes"),
    "safetensors of another type": (safetensors({"w": {**ENTRY, "dtype": "F8_E4M3"}}, FOUR), "F8_E4M3"),
    "safetensors of a wrong entry": (safetensors({"w": 3}, FOUR), "entry of its tensor 'w' is damaged"),
    "safetensors of negative sizes": (safetensors({"w": {**ENTRY, "shape": [-4]}}, FOUR), "is damaged"),
    "safetensors of many nests": (safetensors(b'{"w":' + b"[" * 100_000), "its header is damaged"),
    "safetensors cut in the header": (safetensors({"w": ENTRY}, FOUR)[:40], "a safetensors file that was cut short"),
    "safetensors twice": (safetensors(b'{"w": {}, "w": {}}'), "twice"),
    "safetensors of no JSON": (safetensors(b"{oh no"), "m.pt"),
}


@pytest.mark.parametrize("what", FORMATS)
def test_other_formats_are_named(what, tmp_path):
    data, message = FORMATS[what]
    with pytest.raises(ValueError, match=message):
        lamina.torch.load_state_dict(model(), write(tmp_path, data))


@pytest.mark.parametrize("length", [b"\x80\2", b"\x3c\1", b"\x08\x0a\x12"])
def test_a_length_that_looks_like_another_format(length, tmp_path):
    """Safetensors files begin with a number, which may be what pickles, web pages or ONNX models begin with."""
    text = json.dumps({"w": ENTRY}).encode()
    data = safetensors(text.ljust(int.from_bytes(length, "little")), FOUR)
    assert lamina.torch.load(write(tmp_path, data))["w"].tolist() == [0, 1, 2, 3]


def test_strides_of_one_element_may_be_any(tmp_path):
    sizes = b"\x8a\x11" + (10**30).to_bytes(17, "little")
    data = state(tensor((1,), (1,)).replace(b"(M\1\0t\x89", b"(" + sizes + b"t\x89"))
    assert lamina.torch.load(write(tmp_path, archive(data, [("0", FOUR)])))["w"].tolist() == [0]


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pt"):
        lamina.torch.load(tmp_path / "none.pt")
    with pytest.raises(IsADirectoryError):
        lamina.torch.load(tmp_path)
    with pytest.raises(TypeError, match="expected a path"):
        lamina.torch.load(3)
    np.savez(tmp_path / "a.npz", w=np.ones(2))
    with pytest.raises(ValueError, match=r"numpy\.savez"):
        lamina.torch.load(tmp_path / "a.npz")
    model().save(tmp_path / "m.lamina")
    with pytest.raises(ValueError, match=r"load it with lamina\.load_model"):
        lamina.torch.load(tmp_path / "m.lamina")


@pytest.mark.parametrize("kind", ["pt", "safetensors"])
def test_damaged_anywhere(kind, tmp_path):
    """Every cut and flipped bit gives a ValueError, or the right tensors where it hit what nobody reads."""
    path = tmp_path / f"m.{kind}"
    lamina.torch.save_state_dict(STATE, path)
    data = path.read_bytes()
    for n in range(0, len(data), 7):
        path.write_bytes(data[:n])
        with pytest.raises(ValueError, match=path.name):
            lamina.torch.load(path)
    rng = np.random.default_rng(0)
    for _ in range(400):
        changed = bytearray(data)
        changed[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        found = None
        with contextlib.suppress(ValueError):
            found = lamina.torch.load(path)
        if found is not None and kind == "pt":
            assert all(np.array_equal(found[k], v) for k, v in STATE.items() if k in found)


def test_what_else_checkpoints_hold(tmp_path):
    """Options, numbers of NumPy and sets, as plain Python."""
    held = {"args": argparse.Namespace(lr=0.1, name="x"), "best": np.float64(0.5), "epoch": np.int64(3), "seen": {1, 2}}
    held |= {"scores": defaultdict(list, a=[1.5]), "order": OrderedDict(a=None), "shape": (1, -2), "raw": b"abc"}
    for protocol in (2, 3, 4, 5):
        found = lamina.torch.load(write(tmp_path, archive(pickle.dumps(held, protocol))))
        assert found == held | {"args": {"lr": 0.1, "name": "x"}}
        assert type(found["best"]) is float


def test_the_stream_of_old_versions(tmp_path):
    """Magic number, version, system, object, keys, then each storage behind its number of elements."""
    parts = [pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2), pickle.dumps({"little_endian": True}, 2)]
    reference = tensor((4,), (1,)).replace(b"J\4\0\0\0t", b"J\4\0\0\0Nt")
    whole = b"".join([*parts, state(reference), pickle.dumps(["0"], 2), (4).to_bytes(8, "little"), FOUR])
    assert lamina.torch.load(write(tmp_path, whole))["w"].tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="cut short"):
        lamina.torch.load(write(tmp_path, whole[:-1]))
    other = b"".join([*parts, state(reference), pickle.dumps(["1"], 2), (4).to_bytes(8, "little"), FOUR])
    with pytest.raises(ValueError, match="no tensor uses"):
        lamina.torch.load(write(tmp_path, other))


@pytest.mark.parametrize("name", ["m.pt", "m.safetensors"])
def test_dicts_of_whatever_makes_arrays_are_written(name, tmp_path):
    given = {"a": lamina.Tensor(np.ones(2, "f4")), "b": [1.0, 2.0], "c": np.arange(6.0).reshape(2, 3).T, "d": 3}
    given |= {"e": np.zeros((0, 3), "f4"), "f": np.arange(3, dtype=">f4")}
    lamina.torch.save_state_dict(given, tmp_path / name)
    again = lamina.torch.load(tmp_path / name)
    for key, value in given.items():
        np.testing.assert_array_equal(again[key], np.asarray(value), strict=key not in "bdf")
    with pytest.raises(TypeError, match="a state dict has names, got 3"):
        lamina.torch.save_state_dict({3: np.ones(2)}, tmp_path / name)
    with pytest.raises(TypeError, match="'w' is of dtype <U4, expected numbers"):
        lamina.torch.save_state_dict({"w": "text"}, tmp_path / name)


def test_writing_is_safe(tmp_path):
    path = tmp_path / "m.pt"
    lamina.torch.save_state_dict(STATE, path)
    before = path.read_bytes()
    with pytest.raises(TypeError, match="dtype complex64"):
        lamina.torch.save_state_dict({"w": np.ones(2, np.complex64)}, path)
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match=r"m\.pt or m\.safetensors"):
        lamina.torch.save_state_dict(STATE, tmp_path / "m.txt")
    with pytest.raises(ValueError, match="has no weights yet"):
        lamina.torch.save_state_dict(layers.Dense(2), path)
    with pytest.raises(TypeError, match="expected a model or a layer"):
        lamina.torch.save_safetensors(3, tmp_path / "m.safetensors")
