"""Files of Keras, written by Lamina or put together here as Keras does; without Keras."""

from __future__ import annotations

import json
import zipfile

import h5py
import numpy as np
import pytest

import lamina
from lamina import layers


def small(compiled: bool = True):
    model = lamina.Sequential([lamina.Input((4,)), layers.Dense(3, "relu"), layers.Dense(2)], name="small")
    if compiled:
        model.compile("adam", "mse", metrics=["mae"])
        model.fit(X, Y, verbose=0)
    return model


X, Y = np.random.default_rng(0).standard_normal((2, 8, 4)).astype(np.float32)
Y = Y[:, :2].copy()


def test_a_model_comes_back_whole(tmp_path):
    model = small()
    model.save(tmp_path / "m.keras")
    again = lamina.load_model(tmp_path / "m.keras")
    assert type(again) is lamina.Sequential
    assert again.name == "small"
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    for each in (model, again):
        each.fit(X, Y, verbose=0, shuffle=False)
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not lamina.load_model(tmp_path / "m.keras", compile=False).compiled


def test_the_parts_of_a_file_are_keras_s(tmp_path):
    model = small()
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        config = json.loads(archive.read("config.json"))
        assert json.loads(archive.read("metadata.json"))["keras_version"].startswith("3.")
        with h5py.File(archive.open("model.weights.h5")) as weights:
            np.testing.assert_array_equal(weights["layers/dense_1/vars/0"], model.layers[1].kernel.numpy())
            assert weights["layers/dense_1/vars"].attrs["name"] == model.layers[1].name
            assert weights["optimizer/vars/0"][()] == 1
    assert (config["module"], config["class_name"], config["registered_name"]) == ("keras", "Sequential", None)
    dense = config["config"]["layers"][1]
    assert (dense["module"], dense["class_name"]) == ("keras.layers", "Dense")
    assert dense["config"]["kernel_initializer"]["module"] == "keras.initializers"
    assert config["compile_config"]["loss"] == "mse"


def test_weights_of_a_file_made_as_keras_makes_it(tmp_path):
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        kernel = np.arange(12, dtype=np.float32).reshape(4, 3)
        file["layers/dense/vars/0"], file["layers/dense/vars/1"] = kernel, np.ones(3, np.float32)
        file["layers/dense_1/vars/0"], file["layers/dense_1/vars/1"] = np.ones((3, 2)), np.zeros(2, ">f8")
    model = small(compiled=False)
    model.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), kernel)
    assert model.layers[1].kernel.dtype == np.float32


def test_what_a_file_lacks_or_has_too_much_is_named_and_nothing_is_loaded(tmp_path):
    model = small(compiled=False)
    before = model.get_weights()
    path = tmp_path / "w.weights.h5"
    for change, message in (
        (lambda f: f.__delitem__("layers/dense_1/vars/1"), "no value for weight 'layers/dense_1/vars/1'"),
        (lambda f: f.__setitem__("layers/dense_2/vars/0", [1.0]), "there is no weight 'layers/dense_2/vars/0'"),
        (lambda f: f.__setitem__("layers/dense/vars/2", [1.0]), "there is no weight 'layers/dense/vars/2'"),
    ):
        small(compiled=False).save_weights(path)
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(ValueError, match=message):
            model.load_weights(path)
    small(compiled=False).save_weights(path)
    with h5py.File(path, "r+") as file:
        del file["layers/dense_1/vars/1"]
        file["layers/dense_1/vars/1"] = np.zeros(3)
    with pytest.raises(ValueError, match=r"'layers/dense_1/vars/1' has shape \(2,\), got \(3,\)"):
        model.load_weights(path)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    model.load_weights(path, skip_mismatch=True)


def test_names_of_files(tmp_path):
    model = small(compiled=False)
    for name, write in (("m.h5", model.save), ("w.keras", model.save_weights), ("m.weights.h5", model.save)):
        with pytest.raises(ValueError, match="cannot be written to a file of this name; use"):
            write(tmp_path / name)
    with pytest.raises(ValueError, match="zipped=False wants a name that does not end in"):
        model.save(tmp_path / "m.keras", zipped=False)
    with pytest.raises(ValueError, match="zipped=True wants a name that ends in"):
        model.save(tmp_path / "m", zipped=True)
    model.save(tmp_path / "folder", zipped=False)
    np.testing.assert_array_equal(lamina.load_model(tmp_path / "folder").get_weights()[0], model.get_weights()[0])
