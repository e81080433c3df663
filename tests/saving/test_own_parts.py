"""Layers of one's own that keep more than variables in Keras's files: save_own_variables and save_assets."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import lamina
from lamina import layers

X = np.random.default_rng(0).standard_normal((4, 3)).astype("f")


class Shifted(layers.Dense):
    """Keeps an array that is no variable."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.shift = np.zeros(units, "f")

    def call(self, inputs):
        return super().call(inputs) + self.shift

    def save_own_variables(self, store):
        super().save_own_variables(store)
        store["shift"] = self.shift

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self.shift = np.array(store["shift"])


class Worded(layers.Layer):
    """Keeps texts in files."""

    def __init__(self, words=None, **kwargs):
        super().__init__(**kwargs)
        self.words = words

    def call(self, inputs):
        return inputs

    def save_assets(self, dir_path):
        Path(dir_path, "more").mkdir()
        Path(dir_path, "words.txt").write_text(self.words)
        Path(dir_path, "more", "words.json").write_text(json.dumps(self.words))

    def load_assets(self, dir_path):
        self.words = Path(dir_path, "words.txt").read_text()
        assert json.loads(Path(dir_path, "more", "words.json").read_text()) == self.words


OWN = {"Shifted": Shifted, "Worded": Worded}


def made():
    model = lamina.Sequential([lamina.Input((3,)), layers.Dense(3), Shifted(2), Worded("a b c"), layers.Dense(2)])
    model.layers[1].shift[:] = 7, 8
    return model


@pytest.mark.parametrize("zipped", [True, False])
def test_whole_models(tmp_path, zipped):
    model = made()
    path = tmp_path / ("m.keras" if zipped else "m")
    model.save(path, zipped=zipped)
    again = lamina.models.load_model(path, custom_objects=OWN)
    assert again.layers[1].shift.tolist() == [7, 8]
    assert again.layers[2].words == "a b c"
    np.testing.assert_array_equal(again(X).numpy(), model(X).numpy())


def test_weights_alone(tmp_path):
    model, other = made(), made()
    other.layers[1].shift[:] = 0
    model.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(other(X).numpy(), model(X).numpy())


def test_a_missing_array_is_named(tmp_path):
    lamina.Sequential([lamina.Input((3,)), layers.Dense(2, use_bias=False)]).save_weights(tmp_path / "m.weights.h5")
    model = lamina.Sequential([lamina.Input((3,)), Shifted(2)])
    model.layers[0]._class_in_keras = "dense"
    with pytest.raises(ValueError, match="load_own_variables found no array '1'"):
        model.load_weights(tmp_path / "m.weights.h5")


def test_assets_stay_in_their_directory(tmp_path):
    made().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    place = next(name for name in members if name.endswith("/words.txt"))
    members[place.replace("words.txt", "../../../outside.txt")] = b"!"
    with zipfile.ZipFile(tmp_path / "bad.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(ValueError, match="outside"):
        lamina.models.load_model(tmp_path / "bad.keras", custom_objects=OWN)


class Banded(layers.Layer):
    """Its weights depend on what its arguments and the input's shape do not tell."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units, self.bands = units, None

    def build(self, input_shape):
        self.bands = self.bands or 2
        self.shape = tuple(input_shape)
        self.kernel = self.add_weight(shape=(self.shape[-1], self.bands))
        self.out = self.add_weight(shape=(self.bands, self.units))

    def call(self, x):
        return x @ self.kernel @ self.out

    def get_config(self):
        return super().get_config() | {"units": self.units}

    def get_build_config(self):
        return {"bands": self.bands, "shape": self.shape} if self.built else None

    def build_from_config(self, config):
        self.bands = config["bands"]
        self.build(config["shape"])


@pytest.mark.parametrize("name", ["m.lamina", "m.keras"])
@pytest.mark.parametrize("nested", [False, True])
def test_what_a_layer_of_one_s_own_was_built_with_is_kept(tmp_path, name, nested):
    own = Banded(2)
    own.bands = 7
    x = layers.Dense(4)(i := lamina.Input((3,)))
    model = lamina.Model(i, layers.Dense(1)(lamina.Sequential([own])(x) if nested else own(x)))
    model.save(tmp_path / name)
    with pytest.raises(ValueError, match="Banded"):
        lamina.saving.load_model(tmp_path / name)
    loaded = lamina.saving.load_model(tmp_path / name, custom_objects={"Banded": Banded})
    again = lamina.models.clone_model(lamina.Sequential([Banded(2)]))
    x = np.ones((5, 3), "f4")
    np.testing.assert_array_equal(model.predict(x, verbose=0), loaded.predict(x, verbose=0))
    assert loaded.count_params() == model.count_params() == 4 * 4 + 4 * 7 + 7 * 2 + 3
    assert not again.built


class OwnCompile(lamina.Model):
    """Its compile() takes arguments of its own, as in Keras's guide to saving."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units, self.dense = units, layers.Dense(units)

    def call(self, x):
        return self.dense(x)

    def compile(self, model_optimizer, loss_metrics):
        super().compile(optimizer=model_optimizer, loss="mse", metrics=loss_metrics)
        self.model_optimizer, self.loss_metrics = model_optimizer, loss_metrics

    def get_config(self):
        return super().get_config() | {"units": self.units}

    def get_compile_config(self):
        return {"model_optimizer": self.model_optimizer, "loss_metrics": self.loss_metrics}

    def compile_from_config(self, config):
        assert isinstance(config["model_optimizer"], (dict, lamina.optimizers.Optimizer))  # a file's, or a copy's
        self.compile(*(lamina.saving.deserialize(config[key]) for key in ("model_optimizer", "loss_metrics")))


class OwnArguments(OwnCompile):
    compile_from_config = lamina.Model.compile_from_config  # the library's knows optimizers and losses by their module


@pytest.mark.parametrize("name", ["m.lamina", "m.keras"])
@pytest.mark.parametrize("cls", [OwnCompile, OwnArguments])
def test_arguments_of_an_own_compile_are_kept(tmp_path, name, cls):
    model = cls(2)
    model.compile(lamina.optimizers.SGD(0.25), ["mae"])
    model.fit(X, X[:, :2], verbose=0)
    model.save(tmp_path / name)
    loaded = lamina.saving.load_model(tmp_path / name, custom_objects={cls.__name__: cls})
    assert float(loaded.model_optimizer.learning_rate) == 0.25
    assert loaded.evaluate(X, X[:, :2], verbose=0) == model.evaluate(X, X[:, :2], verbose=0)
    assert lamina.models.clone_model(model).loss_metrics == ["mae"]
