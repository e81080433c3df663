"""Saved models: whole, exact, safe against a full disk and damaged files."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import lamina
from lamina import Input, Model, Sequential, layers, ops, saving

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 6, 6, 2)).astype(np.float32)


def network():
    x = Input((6, 6, 2), name="image")
    y = layers.Conv2D(4, 3, padding=((1, 1), (0, 2)), kernel_regularizer="l2", name="stem")(x)
    y = layers.BatchNormalization()(y)
    y = layers.Add()([y, layers.ReLU()(y)])
    y = layers.GlobalAveragePooling2D()(y)
    return Model(x, {"logits": layers.Dense(3, activation="gelu")(y * 2.0), "features": y}, name="net")


def test_functional_round_trip(tmp_path):
    model = network()
    model(X, training=True)
    path = tmp_path / "net.lamina"
    model.save(path)
    again = lamina.load_model(path)
    for key, value in model(X).items():
        np.testing.assert_array_equal(again(X)[key].numpy(), value.numpy())
    assert again.name == "net"
    assert again.get_config() == model.get_config()
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    assert os.listdir(tmp_path) == ["net.lamina"]


def test_sequence_model_round_trip(tmp_path):
    model = Sequential([
        layers.Embedding(20, 8, mask_zero=True), layers.LSTM(4, return_sequences=True), layers.LayerNormalization(),
        layers.LSTM(4, dropout=0.1, seed=3), layers.Dense(2),
    ])  # fmt: skip
    tokens = np.array([[1, 5, 0, 0], [3, 4, 5, 6]])
    wanted = model(tokens).numpy()
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(str(tmp_path / "m.lamina"))
    np.testing.assert_array_equal(again(tokens).numpy(), wanted)
    assert again.layers[1].cell.units == 4


@saving.register_serializable(package="tests")
class Scaled(layers.Layer):
    def __init__(self, inner, factor=2.0):
        super().__init__()
        self.inner = inner
        self.factor = factor

    def build(self, input_shape):
        self.head = layers.Dense(2)  # made here, so it exists only after build

    def call(self, x):
        return ops.multiply(self.head(self.inner(x)), self.factor)


@saving.register_serializable(package="tests")
class Net(Model):
    def __init__(self, units):
        super().__init__()
        self.block = Scaled(layers.Dense(units, "tanh"), 3.0)

    def call(self, x, training=False):
        return self.block(x)


def test_own_classes(tmp_path):
    model = Net(5)
    x = rng.standard_normal((4, 3)).astype(np.float32)
    wanted = model(x).numpy()
    model.block.inner.trainable = False
    model.save(tmp_path / "own.lamina")
    again = lamina.load_model(tmp_path / "own.lamina")
    np.testing.assert_array_equal(again(x).numpy(), wanted)
    assert isinstance(again.block, Scaled)
    assert again.name == model.name
    assert not again.block.inner.trainable  # though Net.__init__ makes it trainable
    assert len(again.trainable_weights) == 2


def test_custom_objects(tmp_path):
    class Unregistered(layers.Layer):
        def call(self, x):
            return ops.negative(x)

    model = Sequential([Input((3,)), Unregistered(), layers.Dense(1)])
    path = tmp_path / "m.lamina"
    model.save(path)
    with pytest.raises(ValueError, match=r"m.lamina: class 'Unregistered'.*custom_objects"):
        lamina.load_model(path)
    again = lamina.load_model(path, custom_objects={"Unregistered": Unregistered})
    np.testing.assert_array_equal(again(np.ones((1, 3))).numpy(), model(np.ones((1, 3))).numpy())


def test_what_cannot_be_described(tmp_path):
    path = tmp_path / "m.lamina"
    Sequential([Input((3,)), layers.Dense(1)]).save(path)
    before = path.read_bytes()
    lambdas = Sequential([Input((3,)), layers.Lambda(lambda x: x), layers.Dense(1)])
    with pytest.raises(TypeError, match=r"Lambda 'lambda.*cannot be saved"):
        lambdas.save(path)
    with pytest.raises(ValueError, match="has no weights yet"):
        Sequential([layers.Dense(1)]).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.lamina"]

    @saving.register_serializable()
    def double(x):
        return ops.multiply(x, 2.0)

    Sequential([Input((3,)), layers.Lambda(double), layers.Dense(1)]).save(path)
    assert lamina.load_model(path)(np.ones((1, 3))).shape == (1, 1)


def test_weights_alone(tmp_path):
    model, other = network(), network()
    path = tmp_path / "w.lamina"
    model.save_weights(path)
    other.load_weights(path)
    np.testing.assert_array_equal(other(X)["logits"].numpy(), model(X)["logits"].numpy())
    model.save(tmp_path / "m.lamina")
    other.load_weights(tmp_path / "m.lamina")  # a whole model holds weights too
    with pytest.raises(ValueError, match="holds weights only"):
        lamina.load_model(path)
    smaller = Sequential([Input((4,)), layers.Dense(3)])
    before = smaller.get_weights()
    with pytest.raises(ValueError, match=r"w.lamina: there is no weight '.*' \(and 5 more\)"):
        smaller.load_weights(path)
    smaller.load_weights(path, skip_mismatch=True)
    assert (smaller.get_weights()[0] != before[0]).any()


def change(path, edit):
    """Write the file again with other tensors or header entries."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        header = dict(file.metadata())
    tensors = load_file(path)
    edit(tensors, header)
    save_file(tensors, path, header)


def widen(tensors, header):
    tensors["weights/dense/kernel"] = np.zeros((4, 9), np.float32)


EDITS = [
    (lambda t, h: t.pop("weights/stem/bias"), "m.lamina: no value for weight 'stem/bias'"),
    (lambda t, h: t.update({"weights/more": np.ones(3)}), "m.lamina: there is no weight 'more'"),
    (widen, r"m.lamina: weight 'dense/kernel' has shape \(4, 3\), got \(4, 9\)"),
    (lambda t, h: h.update(version="2"), "m.lamina: format version 2, this Lamina .* reads version 1"),
    (lambda t, h: h.pop("format"), "not one of Lamina's"),
    (lambda t, h: h.update(model="{"), "its description is damaged"),
    (lambda t, h: h.update(model=h["model"].replace('"Conv2D"', '"Conv2E"')),
     "m.lamina: class 'Conv2E'.*did you mean 'Conv2D'"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(EDITS)))
def test_damaged_contents(tmp_path, case):
    edit, message = EDITS[case]
    path = tmp_path / "m.lamina"
    network().save(path)
    change(path, edit)
    with pytest.raises(ValueError, match=message):
        lamina.load_model(path)


@pytest.mark.parametrize("keep", [0, 4, 100, 0.5, -1])
def test_truncated_file(tmp_path, keep):
    path = tmp_path / "m.lamina"
    network().save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep) if isinstance(keep, float) else keep])
    with pytest.raises(ValueError, match=r"m.lamina: not a whole Lamina file"):
        lamina.load_model(path)
    with pytest.raises(ValueError, match=r"m.lamina: not a whole Lamina file"):
        network().load_weights(path)


def test_paths(tmp_path):
    model = Sequential([Input((3,)), layers.Dense(1)])
    with pytest.raises(FileNotFoundError, match="no such file"):
        lamina.load_model(tmp_path / "none.lamina")
    with pytest.raises(ValueError, match=r"use a name like m.lamina"):
        model.save(tmp_path / "m.h5")
    model.save(tmp_path / "m.lamina")
    with pytest.raises(FileExistsError):
        model.save(tmp_path / "m.lamina", overwrite=False)
    with pytest.raises(FileNotFoundError):
        model.save(tmp_path / "no" / "m.lamina")


FULL_DISK = """
import resource, signal, sys
import numpy as np
import lamina
from lamina import Input, Sequential, layers

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
model = Sequential([Input((3,)), layers.Dense(1)])
model.save(sys.argv[1])
big = Sequential([Input((100,)), layers.Dense(1000)])
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # writes beyond fail as on a full disk
try:
    big.save(sys.argv[1])
except OSError as error:
    print("refused", error.errno, error.filename)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
"""


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_FSIZE)[1] != resource.RLIM_INFINITY, reason="files are limited")
def test_full_disk(tmp_path):
    path = tmp_path / "m.lamina"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK.replace("(20_000, 20_000)", "(20_000, resource.RLIM_INFINITY)"), str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "refused" in done.stdout
    assert str(path) in done.stdout
    assert lamina.load_model(path).output_shape == (None, 1)
    assert os.listdir(tmp_path) == ["m.lamina"]


def test_interrupted_rename(tmp_path, monkeypatch):
    path = tmp_path / "m.lamina"
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.save(path)
    before = path.read_bytes()
    model.set_weights([w + 1 for w in model.get_weights()])

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        model.save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.lamina"]


def test_the_description_is_plain_json(tmp_path):
    from safetensors import safe_open

    path = tmp_path / "m.lamina"
    network().save(path)
    with safe_open(path, framework="numpy") as file:
        header = file.metadata()
    assert header["format"] == "lamina"
    assert json.loads(header["model"])["model"]["class_name"] == "Model"


def test_compiled_model(tmp_path):
    model = Sequential([Input((3,)), layers.Dense(4, "relu"), layers.Dense(1)])
    model.compile(optimizer=lamina.optimizers.AdamW(0.01, weight_decay=0.1), loss="mse", metrics=["mae"])
    model.optimizer.exclude_from_weight_decay([model.layers[0].kernel], ["bias"])
    x, y = rng.standard_normal((32, 3)), rng.standard_normal((32, 1))
    model.fit(x, y, epochs=2, verbose=0, shuffle=False)
    model.save(tmp_path / "m.lamina")
    lamina.load_model(tmp_path / "m.lamina").save(tmp_path / "m.lamina")  # keeps the optimizer's state as well
    again = lamina.load_model(tmp_path / "m.lamina")
    assert float(again.optimizer.learning_rate) == pytest.approx(0.01)
    model.fit(x, y, epochs=2, verbose=0, shuffle=False)  # going on gives what the loaded one gives
    again.fit(x, y, epochs=2, verbose=0, shuffle=False)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    bare = lamina.load_model(tmp_path / "m.lamina", compile=False)
    assert not bare.compiled


def test_compile_arguments_that_have_no_name(tmp_path):
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile(optimizer="sgd", loss=lambda y_true, y_pred: ops.mean(ops.square(y_true - y_pred), axis=-1))
    with pytest.warns(UserWarning, match="without its compile"):
        model.save(tmp_path / "m.lamina")
    assert not lamina.load_model(tmp_path / "m.lamina").compiled


def compiled_model(optimizer="adam"):
    """A compiled model, two of whose layers have weights of one shape."""
    model = Sequential([Input((3,)), layers.Dense(3, "relu"), layers.Dense(3, "relu"), layers.Dense(1)])
    model.compile(optimizer=optimizer, loss="mse")
    return model


def freeze_first(model):
    fit_once(model)
    model.layers[0].trainable = False


def freeze_all(model):
    fit_once(model)
    model.trainable = False


def unfreeze_first(model):
    model.layers[0].trainable = False
    fit_once(model)
    model.layers[0].trainable = True


def unfreeze_and_go_on(model):  # the optimizer meets the first layer last
    unfreeze_first(model)
    fit_once(model)


def other_head(model):
    fit_once(model)
    model.pop()
    model.add(layers.Dense(1, name="head"))


def shared_optimizer(model):
    fit_once(compiled_model(model.optimizer))
    fit_once(model)


def new_slot(model):
    fit_once(model)
    model.optimizer.amsgrad = True


def fit_once(model):
    x = np.random.default_rng(1).standard_normal((32, 3))
    model.fit(x, x[:, :1], epochs=1, verbose=0, shuffle=False)


HISTORIES = [
    freeze_first, freeze_all, unfreeze_first, unfreeze_and_go_on, other_head, shared_optimizer, new_slot,
]  # fmt: skip


@pytest.mark.parametrize("change_model", HISTORIES)
def test_optimizer_state_goes_to_the_weights_it_belongs_to(tmp_path, change_model):
    model = compiled_model()
    change_model(model)
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina")
    kept = [m.optimizer.get_state(saving.model_file.named_variables(m)) for m in (model, again)]
    assert kept[0].keys() == kept[1].keys()
    for key, value in kept[0].items():
        np.testing.assert_array_equal(kept[1][key], value)
    for m in (model, again):
        m.trainable = True
        fit_once(m)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def squares(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def largest(y_true, y_pred):
    return np.abs(y_true - y_pred).max(-1)


COMPILED = [
    {"loss": squares, "metrics": [largest]},
    {"loss": lamina.losses.FunctionLoss(squares, name="s"), "metrics": [lamina.metrics.MeanMetricWrapper(largest)]},
]  # fmt: skip


@pytest.mark.parametrize("arguments", COMPILED)
def test_functions_of_ones_own_are_saved_by_name(tmp_path, arguments):
    model, path = compiled_model(), tmp_path / "m.lamina"
    model.compile("adam", **arguments)
    fit_once(model)
    model.save(path)
    with pytest.raises(
        ValueError,
        match=r"m.lamina: loss function 'squares' is not known here: pass custom_objects="
        r"\{'squares': ...\}.*compile=False loads",
    ):
        lamina.load_model(path)
    assert not lamina.load_model(path, compile=False).compiled
    with pytest.raises(ValueError, match=r"metric function 'largest' is not known"):
        lamina.load_model(path, {"squares": squares})
    again = lamina.load_model(path, {"squares": squares, "largest": largest})
    for m in (model, again):
        fit_once(m)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert sorted(again.history.history) == ["largest", "loss"]


def test_a_compile_of_ones_own_is_left_to_its_owner(tmp_path):
    @saving.register_serializable(package="tests")
    class Own(Sequential):
        def compile(self, rate):
            super().compile(lamina.optimizers.SGD(rate), "mse")

    model = Own([Input((3,)), layers.Dense(1)])
    model.compile(0.1)
    model.save(tmp_path / "m.lamina")
    with pytest.warns(UserWarning, match=r"m.lamina: Own.compile\(\) is to be called again"):
        assert not lamina.load_model(tmp_path / "m.lamina").compiled


class Halving(lamina.optimizers.schedules.LearningRateSchedule):
    def __init__(self, rate):
        self.rate = rate

    def __call__(self, step):
        return self.rate / 2**step


def test_a_schedule_of_ones_own(tmp_path):
    compiled_model(lamina.optimizers.SGD(Halving(0.5))).save(tmp_path / "m.lamina")
    with pytest.raises(ValueError, match=r"m.lamina: unknown learning-rate schedule 'Halving'.*custom_objects="):
        lamina.load_model(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina", {"Halving": Halving})
    fit_once(again)
    assert float(again.optimizer.learning_rate) == 0.25


@pytest.mark.parametrize("name", ["gelu", "leaky_relu", "softmax", "exp"])
def test_operations_as_activations(tmp_path, name):
    model = Sequential([Input((3,)), layers.Dense(2, activation=getattr(ops, name))])
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina")
    np.testing.assert_array_equal(again(np.eye(3)).numpy(), model(np.eye(3)).numpy())


def test_descriptions_that_lack_something(tmp_path):
    path = tmp_path / "m.lamina"
    compiled_model().save(path)
    whole = path.read_bytes()
    for edit, message in (
        (lambda t, h: h.update(model='{"model": {}}'), r"m.lamina: .*damaged or incomplete \(KeyError: 'built'\)"),
        (lambda t, h: h.update(model="{}"), r"m.lamina: .*damaged or incomplete \(KeyError: 'model'\)"),
        (lambda t, h: h.update(model=h["model"].replace('"Adam"', '"Adan"')),
         r"m.lamina: optimizer 'Adan' is not known here.*did you mean 'Adam'\? known are Adadelta, .*SGD,"),
    ):  # fmt: skip
        path.write_bytes(whole)
        change(path, edit)
        with pytest.raises(ValueError, match=message):
            lamina.load_model(path)
    with pytest.raises(IsADirectoryError, match="is a directory, not a file that"):
        lamina.load_model(tmp_path)


def test_errors_of_the_system_name_the_file(tmp_path):
    model = compiled_model()
    with pytest.raises(
        FileNotFoundError, match=r"there is no folder '.*no' to write into; make it first: '.*m.lamina'"
    ):
        model.save(tmp_path / "no" / "m.lamina")
    (tmp_path / "real.lamina").write_bytes(b"")
    (tmp_path / "link.lamina").symlink_to("real.lamina")
    model.save(tmp_path / "link.lamina")
    assert (tmp_path / "link.lamina").is_symlink()
    assert lamina.load_model(tmp_path / "real.lamina").compiled


def test_random_streams_go_on_after_loading(tmp_path):
    path = tmp_path / "m.lamina"
    drop = layers.Bidirectional(layers.LSTM(3, dropout=0.5))
    model = Sequential([Input((4, 2)), layers.Dropout(0.5), drop, layers.Dropout(0.5), layers.Dense(1)])
    model.compile("adam", "mse")
    x, options = np.ones((8, 4, 2), np.float32), {"shuffle": False, "verbose": 0}
    model.fit(x, x[:, 0, :1], **options)
    model.save(path)
    again = lamina.load_model(path)
    for each in (model, again):
        each.fit(x, x[:, 0, :1], epochs=2, **options)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    change(path, lambda t, h: [t.pop(k) for k in list(t) if k.startswith("random/")])
    assert lamina.load_model(path)(x).shape == (8, 1)
    change(path, lambda t, h: t.update({"random/dropout/seed_generator": np.zeros(3, np.uint64)}))
    with pytest.raises(ValueError, match=r"m.lamina: random state 'dropout/seed_generator' is uint64 of shape \(3,\)"):
        lamina.load_model(path)
