"""Files of Keras that were cut, changed, or made to harm: an error that names the file, and nothing is loaded."""

from __future__ import annotations

import io
import json
import re
import resource
import warnings
import zipfile

import h5py
import numpy as np
import pytest

import lamina
from lamina import layers


def model():
    made = lamina.Sequential([lamina.Input((4,)), layers.Dense(3, "relu"), layers.Dense(2)])
    made.compile("adam", "mse")
    made.fit(np.ones((4, 4), np.float32), np.ones((4, 2), np.float32), verbose=0)
    return made


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    path = tmp_path_factory.mktemp("keras") / "m.keras"
    model().save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def refusals(path, load, seed, flips):
    """How many of so many flipped bits are refused; that, and a file cut short, is an error that names the file."""
    data, rng, refused = path.read_bytes(), np.random.default_rng(seed), 0
    for n in (0, 1, 8, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:n])
        with pytest.raises(ValueError, match=re.escape(path.name)):
            load(path)
    for place in rng.integers(0, len(data), flips):
        changed = bytearray(data)
        changed[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        try:
            load(path)
        except (ValueError, TypeError) as error:
            assert path.name in str(error)  # noqa: PT017 (a bit may say nothing, as in times and weights)
            refused += 1
    return refused


def test_a_file_cut_or_with_a_flipped_bit(tmp_path, members):
    write(tmp_path / "m.keras", members)
    assert refusals(tmp_path / "m.keras", lamina.load_model, seed=0, flips=80) > 60


def test_a_weights_file_cut_or_with_flipped_bits(tmp_path):
    made = model()
    made.save_weights(tmp_path / "w.weights.h5")
    assert refusals(tmp_path / "w.weights.h5", made.load_weights, seed=1, flips=150) > 0


def test_zips_that_ask_for_more_than_they_are(tmp_path, members):
    path = tmp_path / "m.keras"
    bomb = {**members, "model.weights.h5": b"\0" * 50_000_000}
    write(path, bomb, zipfile.ZIP_DEFLATED)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"m\.keras: its parts are larger than the file; it is compressed or damaged"):
        lamina.load_model(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 20_000
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")  # that a name is there twice
        for name, data in [*members.items(), ("config.json", b"{}")]:
            archive.writestr(name, data)
    with pytest.raises(ValueError, match=r"m\.keras: a part of it is there twice"):
        lamina.load_model(path)


def test_nothing_is_unpacked(tmp_path, members):
    path = tmp_path / "folder" / "m.keras"
    path.parent.mkdir()
    write(path, {**members, "../evil.txt": b"x", "/tmp/evil_of_keras.txt": b"x", "assets/../../evil.txt": b"x"})
    lamina.load_model(path)
    assert [p.name for p in tmp_path.rglob("*")] == ["folder", "m.keras"]


def hdf5(path, change):
    model().save_weights(path)
    with h5py.File(path, "r+") as file:
        change(file, file["layers/dense/vars"])


CHANGES = {
    "external": (lambda f, g: g.__setitem__("2", h5py.ExternalLink("o.h5", "/x")), "'layers/dense/vars/2' is a link"),
    "soft": (lambda f, g: g.__setitem__("2", h5py.SoftLink("/layers/dense/vars/0")), "'layers/dense/vars/2' is a link"),
    "circle": (lambda f, g: g.__setitem__("2", f["layers"]), "is there under two names"),
    "twice": (lambda f, g: g.__setitem__("2", g["0"]), "is there under two names"),
    "objects": (lambda f, g: g.create_dataset("2", data=["a"], dtype=h5py.string_dtype()), "of type object, expected"),
    "text": (lambda f, g: g.create_dataset("2", data=np.array([b"abc"])), "expected numbers"),
    "records": (lambda f, g: g.create_dataset("2", data=np.zeros(2, [("a", "f4")])), "expected numbers"),
    "complex": (lambda f, g: g.create_dataset("2", data=np.zeros(2, "c8")), "expected numbers"),
    "empty": (lambda f, g: g.create_dataset("2", dtype="f4", data=h5py.Empty("f4")), "expected numbers"),
    "type": (lambda f, g: g.__setitem__("2", np.dtype("f4")), "is no array"),
    "shape bomb": (lambda f, g: g.create_dataset("2", (2**20, 2**20), "f4", chunks=True), "more numbers than the file"),
    "zip bomb": (
        lambda f, g: g.create_dataset("2", data=np.zeros(10**6), chunks=True, compression="gzip"),
        "more numbers than the file; it is compressed or damaged",
    ),
    "virtual": (
        lambda f, g: g.create_virtual_dataset("2", h5py.VirtualLayout((3,), "f4")), "is kept in another file",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_what_an_hdf5_file_may_not_hold(tmp_path, kind):
    change, message = CHANGES[kind]
    path = tmp_path / "w.weights.h5"
    hdf5(path, change)
    made = model()
    before = made.get_weights()
    with pytest.raises(ValueError, match=message) as caught:
        made.load_weights(path)
    assert "w.weights.h5" in str(caught.value)
    for a, b in zip(made.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_groups_as_deep_as_one_likes_and_arrays_kept_elsewhere(tmp_path):
    path = tmp_path / "w.weights.h5"
    hdf5(path, lambda f, g: f.create_group("/".join("a" * 300)))
    with pytest.raises(ValueError, match="nested too deeply"):
        model().load_weights(path)
    (tmp_path / "raw").write_bytes(b"\0" * 64)
    hdf5(path, lambda f, g: g.create_dataset("2", (4,), "f4", external=[(str(tmp_path / "raw"), 0, 16)]))
    with pytest.raises(ValueError, match="is kept in another file"):
        model().load_weights(path)


def changed(members, edit):
    config = json.loads(members["config.json"])
    edit(config)
    return {**members, "config.json": json.dumps(config).encode()}


CONFIGS = {
    "no class": (lambda c: c.pop("class_name"), "no description of a model"),
    "another class": (lambda c: c.update(class_name="GlorotUniform"), "of another kind than layer"),
    "a size": (lambda c: c["config"]["layers"][1]["config"].update(units=10**9), "larger than the saved weights"),
    "no such class": (lambda c: c["config"]["layers"][1].update(class_name="Dnse"), "class 'Dnse'"),
    "an option": (lambda c: c["config"]["layers"][1]["config"].update(unit=3), "'unit'"),
    "a lambda": (
        lambda c: c["config"]["layers"].append({
            "module": "keras.layers", "class_name": "Lambda", "registered_name": None,
            "config": {"name": "l", "function": {"class_name": "__lambda__", "config": {"value": "4wAA"}}},
        }), "Lamina runs no code from files",
    ),
    "a module": (
        lambda c: c["config"]["layers"].append({
            "module": "os", "class_name": "function", "registered_name": "system", "config": "system",
        }), "'system' of the description is not known here",
    ),
    "more layers": (
        lambda c: c["config"]["layers"].append(c["config"]["layers"][2] | {"config": {"name": "d", "units": 2}}),
        "no value for weight 'layers/dense_2/vars/0'",
    ),
    "deep": (lambda c: c.update(config=deep()), "nested too deeply|damaged"),
}  # fmt: skip


def deep():
    found = {}
    for _ in range(300):
        found = {"layers": [{"class_name": "Sequential", "config": found}], "name": "x"}
    return found


@pytest.mark.parametrize("kind", CONFIGS)
def test_configurations_that_keras_does_not_write(tmp_path, members, kind):
    edit, message = CONFIGS[kind]
    path = tmp_path / "m.keras"
    write(path, changed(members, edit))
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        lamina.load_model(path)
    assert "m.keras" in str(caught.value)


def test_json_that_is_none(tmp_path, members):
    path = tmp_path / "m.keras"
    for text, message in (
        (b"[]", "no description of a model"), (b"{", "is damaged"), (b'{"a": 1, "a": 2}', "it has 'a' twice"),
        (b"[" * 100_000, "is damaged"), (b"\xff\xfe", "is damaged"),
    ):  # fmt: skip
        write(path, {**members, "config.json": text})
        with pytest.raises(ValueError, match=message):
            lamina.load_model(path)
    for name, message in (("config.json", "a zip without config.json"), ("model.weights.h5", "it holds neither")):
        write(path, {k: v for k, v in members.items() if k != name})
        with pytest.raises(ValueError, match=message):
            lamina.load_model(path)


def test_other_formats_are_named(tmp_path):
    def npz():
        stored = io.BytesIO()
        np.savez(stored, a=np.zeros(3))
        return stored.getvalue()

    def torch():
        stored = io.BytesIO()
        with zipfile.ZipFile(stored, "w") as archive:
            archive.writestr("m/data.pkl", b"")
        return stored.getvalue()

    contents = {
        "m.npz": (npz(), "an archive of NumPy"),
        "m.pt": (torch(), "a file of PyTorch .lamina.torch.load_state_dict"),
        "m.onnx": (b"\x08\x0a\x12\x04onnx" + b"\0" * 200, "looks like an ONNX model: load it with lamina.onnx.load"),
        "old.pth": (b"\x80\x02}q\x00." + b"\0" * 200, "looks like a pickle, which is not read"),
        "m.keras": (b"hello" * 30, "neither a zip nor HDF5, so no whole file of Keras"),
        "m.h5": (b"", "neither a zip nor HDF5, so no whole file of Keras"),
    }
    for name, (data, message) in contents.items():
        (tmp_path / name).write_bytes(data)
        for load in (lamina.load_model, model().load_weights):
            with pytest.raises(ValueError, match=message) as caught:
                load(tmp_path / name)
            assert name in str(caught.value)
    model().save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(ValueError, match=r"holds weights only; make the model and call model.load_weights"):
        lamina.load_model(tmp_path / "w.weights.h5")
    with pytest.raises(IsADirectoryError, match="is a directory, not a file"):
        lamina.load_model(tmp_path)
    with pytest.raises(ValueError, match="by_name=True reads files of Keras 2"):
        model().load_weights(tmp_path / "w.weights.h5", by_name=True)


def test_a_file_of_a_newer_keras(tmp_path, members):
    path = tmp_path / "m.keras"
    write(path, {**members, "metadata.json": b'{"keras_version": "4.1.0"}'})
    with pytest.warns(
        UserWarning, match=r"m.keras: was written by Keras 4.1.0; this Lamina knows the files of Keras 3"
    ):
        lamina.load_model(path)
    for wrong in (b"[]", b'{"keras_version": 3}', b'{"keras_version": "x"}'):
        write(path, {**members, "metadata.json": wrong})
        lamina.load_model(path)
    write(path, {**members, "metadata.json": b"{"})
    with pytest.raises(ValueError, match=r"m\.keras: not a whole file of Keras"):
        lamina.load_model(path)


def test_an_hdf5_type_that_numpy_lacks(tmp_path):
    path = tmp_path / "w.weights.h5"
    hdf5(path, lambda f, g: None)
    data = bytearray(path.read_bytes())
    kind = data.index(bytes.fromhex("1120 1f00 0400 0000 0000 2000".replace(" ", "")))
    data[kind + 12 : kind + 18] = bytes((23, 8, 0, 31, 0, 0))  # a mantissa of 31 bits
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"w\.weights\.h5: not a whole HDF5 file"):
        model().load_weights(path)


def test_pickled_weights_are_not_read(tmp_path, members):
    path = tmp_path / "m.keras"
    write(path, {"config.json": members["config.json"], "model.weights.npz": b"PK"})
    with pytest.raises(ValueError, match="pickled Python objects, which may run code and are not read"):
        lamina.load_model(path)
