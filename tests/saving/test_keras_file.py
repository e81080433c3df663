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
    assert (tmp_path / "folder" / "config.json").is_file()
    np.testing.assert_array_equal(lamina.load_model(tmp_path / "folder").get_weights()[0], model.get_weights()[0])
    model.save(tmp_path / "m.keras", zipped=True)
    assert "config.json" in zipfile.ZipFile(tmp_path / "m.keras").namelist()


def test_a_folder_is_replaced_and_read_as_a_file(tmp_path):
    one, other = small(compiled=False), small()
    one.save(tmp_path / "m", zipped=False)
    other.save(tmp_path / "m", zipped=False)
    one.load_weights(tmp_path / "m")
    for ours, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(FileExistsError, match="exists, and overwrite=False"):
        one.save(tmp_path / "m", overwrite=False, zipped=False)
    with pytest.raises(ValueError, match="is a directory of other files; a model is written to a new one"):
        one.save(tmp_path, zipped=False)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="is a file; zipped=False makes a folder"):
        one.save(tmp_path / "file", zipped=False)
    with pytest.raises(IsADirectoryError, match="is a directory"):
        one.save(tmp_path / "m")


def test_an_own_option_is_written_as_lamina_s_and_said(tmp_path):
    model = lamina.Sequential([lamina.Input((4, 2)), layers.LSTM(3, use_layer_norm=True), layers.Linear(2)])
    with pytest.warns(
        UserWarning, match=r"Keras will not load this .* lacks LSTM's argument use_layer_norm=True and 1"
    ):
        model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        config = json.loads(archive.read("config.json"))["config"]["layers"]
    assert [c["module"] for c in config] == ["keras.layers", "lamina.layers", "lamina.layers"]
    again = lamina.load_model(tmp_path / "m.keras")
    x = np.ones((2, 4, 2), np.float32)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_vocabularies_of_adapted_layers(tmp_path):
    def entry(kind, name, **config):
        described = {"module": "keras.layers", "class_name": kind, "registered_name": None}
        return described | {"config": {"name": name, "vocabulary": None, **config}}

    lookups = [
        ("string_lookup", entry("StringLookup", "words"), "[UNK]\nb\na"),
        ("integer_lookup", entry("IntegerLookup", "numbers"), "-1\n7\n5"),
        ("text_vectorization", entry("TextVectorization", "texts", output_mode="tf_idf"), "[UNK]\nyes\nno"),
    ]
    for path, described, text in lookups:
        config = {"name": "m", "layers": [described]}
        model = {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}
        name = described["config"]["name"]
        with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
            archive.writestr("config.json", json.dumps(model))
            with archive.open("model.weights.h5", "w") as member, h5py.File(tmp_path / "w.h5", "w") as file:
                file.create_group(f"layers/{path}/vars").attrs["name"] = name
                if name == "texts":
                    file[f"layers/{path}/vars/idf_weights"] = np.array([0.5, 1, 2], np.float32)
                file.flush()
                member.write((tmp_path / "w.h5").read_bytes())
            archive.writestr(f"assets/layers/{path}/vocabulary.txt", text)
        (layer,) = lamina.load_model(tmp_path / "m.keras").layers
        assert [str(token) for token in layer.get_vocabulary()] == text.split("\n")
        if name == "texts":
            np.testing.assert_allclose(layer(["yes no no"]).numpy(), [[0, 1, 4]])


def test_states_of_random_generators_in_older_files_are_left(tmp_path):
    model = small(compiled=False)
    model.save_weights(tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5", "r+") as file:
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, np.uint32)
    model.load_weights(tmp_path / "w.weights.h5")


def test_narrow_floats_are_widened(tmp_path):
    model = small(compiled=False)
    path = tmp_path / "w.weights.h5"
    model.save_weights(path)
    kernel = np.array([[1, 0.5], [2, -3], [0, 4]], np.float32)
    with h5py.File(path, "r+") as file:
        del file["layers/dense_1/vars/0"]
        narrow = (kernel.view(np.uint32) >> 16).astype(np.uint16).view("V2")
        file["layers/dense_1/vars/0"] = narrow
        file["layers/dense_1/vars/0"].attrs["dtype"] = "bfloat16"
    model.load_weights(path)
    np.testing.assert_array_equal(model.layers[1].kernel.numpy(), kernel)


@lamina.saving.register_serializable("files")
def doubled(x):
    return 2 * x


@lamina.saving.register_serializable("files")
class Net(lamina.Model):
    def __init__(self, width=3, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.hidden = [layers.Dense(width), layers.Lambda(doubled)]
        self.zebra = layers.Dense(2)

    def call(self, inputs):
        return self.zebra(self.hidden[1](self.hidden[0](inputs)))

    def get_config(self):
        return {**super().get_config(), "width": self.width}


def test_a_model_and_a_function_of_one_s_own(tmp_path):
    model = Net(5)
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.keras")
    again = lamina.load_model(tmp_path / "m.keras")
    assert type(again) is Net
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        config = json.loads(archive.read("config.json"))
        with h5py.File(archive.open("model.weights.h5")) as file:
            assert "hidden/dense/vars/0" in file
            assert "layers/dense_1/vars/0" in file  # zebra comes behind "layers" in the alphabet
    assert config["registered_name"] == "files>Net"
    assert config["build_config"] == {"input_shape": [None, 4]}


def test_names_of_one_s_own_by_custom_objects(tmp_path):
    class Local(layers.Layer):
        def call(self, inputs):
            return inputs + 1

    model = lamina.Sequential([lamina.Input((4,)), Local(), layers.Lambda(doubled)])
    model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="class 'Local' of the description is not known here"):
        lamina.load_model(tmp_path / "m.keras")
    again = lamina.load_model(tmp_path / "m.keras", custom_objects={"Local": Local})
    np.testing.assert_array_equal(again.predict(X, verbose=0), 2 * (X + 1))


@pytest.mark.parametrize("name", ["m.keras", "m.lamina"])
def test_a_layer_of_two_models_inside_stays_one(tmp_path, name):
    shared = layers.Dense(4, name="shared")
    first = lamina.Sequential([lamina.Input((4,)), shared, layers.ReLU()])
    i = lamina.Input((4,))
    second = lamina.Model(i, layers.Dense(2)(shared(i)))
    x = lamina.Input((4,))
    model = lamina.Model(x, second(first(x)))
    model.save(tmp_path / name)
    again = lamina.load_model(tmp_path / name)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert again.count_params() == model.count_params()
    assert again.layers[1].layers[0] is next(layer for layer in again.layers[2].layers if layer.name == "shared")


def test_text_descriptions():
    x = lamina.Input((4,))
    h = layers.Dense(3, "relu")(x)
    model = lamina.Model(x, [h * 2, lamina.ops.mean(h, axis=-1)])
    model.compile("adam", ["mse", "mae"])
    again = lamina.models.model_from_json(model.to_json(indent=2))
    again.set_weights(model.get_weights())
    for a, b in zip(again.predict(X, verbose=0), model.predict(X, verbose=0), strict=True):
        np.testing.assert_array_equal(a, b)
    assert again.compiled
    with pytest.raises(ValueError, match=r"model_from_json: its config.json is damaged"):
        lamina.models.model_from_json("{")
    with pytest.raises(TypeError, match="model_from_json: expected a text, got dict"):
        lamina.models.model_from_json({})


def test_checkpoints_in_keras_s_files(tmp_path):
    model = small()
    whole = lamina.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    weights = lamina.callbacks.ModelCheckpoint(tmp_path / "{epoch}.weights.h5", save_weights_only=True)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[whole, weights])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1.keras", "1.weights.h5", "2.keras", "2.weights.h5"]
    np.testing.assert_array_equal(lamina.load_model(tmp_path / "2.keras").get_weights()[0], model.get_weights()[0])


def test_an_optimizer_that_has_not_trained_and_one_of_another_kind(tmp_path):
    model = small(compiled=False)
    model.compile("adam", "mse")
    model.save(tmp_path / "m.keras")
    again = lamina.load_model(tmp_path / "m.keras")
    assert int(again.optimizer.iterations.numpy()) == 0
    trained = small()
    trained.save_weights(tmp_path / "w.weights.h5")
    other = small(compiled=False)
    other.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="its optimizer state is not that of this model's SGD"):
        other.load_weights(tmp_path / "w.weights.h5")


def test_a_failed_save_leaves_the_old_file(tmp_path):
    model = small()
    model.save(tmp_path / "m.keras")
    before = (tmp_path / "m.keras").read_bytes()
    broken = lamina.Sequential([lamina.Input((4,)), layers.Lambda(lambda x: x)])
    with pytest.raises(TypeError, match="its Python function cannot be saved"):
        broken.save(tmp_path / "m.keras")
    with pytest.raises(FileExistsError):
        model.save(tmp_path / "m.keras", overwrite=False)
    assert (tmp_path / "m.keras").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.keras"]


def test_warnings_stand_at_the_call(tmp_path):
    model = lamina.Sequential([lamina.Input((4,)), layers.Linear(2)])
    model.compile("adam", lambda y, p: (y - p) ** 2)
    for save in (
        lambda: model.save(tmp_path / "m.keras"), lambda: lamina.saving.save_model(model, tmp_path / "m.keras"),
        model.to_json, lambda: model.save(tmp_path / "m.lamina"),
    ):  # fmt: skip
        with pytest.warns(UserWarning, match=r"lacks the class Linear|without its compile\(\) arguments") as found:
            save()
        assert {warning.filename for warning in found} == {__file__}


def test_weights_of_a_drawn_model_fit_a_subclass_with_the_same_layers(tmp_path):
    class Own(lamina.Model):
        def __init__(self, units=3):
            super().__init__()
            self.first, self.then = layers.Dense(units, "relu"), layers.Dense(2)

        def call(self, x):
            return self.then(self.first(x))

    drawn = small(compiled=False)
    drawn.save_weights(tmp_path / "m.weights.h5")
    own = Own()
    own(X)
    own.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(own(X).numpy(), drawn(X).numpy())
    larger = Own(4)
    larger(X)
    with pytest.raises(ValueError, match=r"weight 'layers/dense/vars/0' has shape \(4, 4\), got \(4, 3\)"):
        larger.load_weights(tmp_path / "m.weights.h5")
