"""What a model file keeps: what is frozen, how it was compiled, numbers that JSON does not have."""

from __future__ import annotations

import math

import numpy as np
import pytest

import lamina
from lamina import Input, Sequential, layers, optimizers

X = np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)


def net(**options):
    return Sequential([Input((3,)), layers.Dense(3, name="a"), layers.Dense(3, name="b")], **options)


def later(model):
    model.trainable = False


def one_of_them(model):
    model.layers[0].trainable = False


def but_one(model):
    model.trainable = False
    model.layers[1].trainable = True


def a_weight(model):
    model.layers[0].weights[1].trainable = False


def nothing(model):
    pass


@pytest.mark.parametrize("freeze", [nothing, later, one_of_them, but_one, a_weight])
@pytest.mark.parametrize("as_made", [False, True])
def test_what_is_frozen_stays_frozen(tmp_path, freeze, as_made):
    model = net(trainable=not as_made)
    freeze(model)
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina")

    def seen(each):
        return [v.path for v in each.trainable_weights], [layer.trainable for layer in (each, *each.layers)]

    assert seen(again) == seen(model)
    for change in (
        lambda each: setattr(each.layers[1], "trainable", True),
        lambda each: setattr(each, "trainable", True),
    ):
        change(model)
        change(again)
        assert seen(again) == seen(model)
    assert len(seen(again)[0]) == 4


@pytest.mark.parametrize("options", [{}, {"include_optimizer": True}, {"include_optimizer": False}])
def test_whether_the_optimizer_is_kept(tmp_path, options):
    model = net()
    model.compile(optimizers.Adam(0.1, weight_decay=0.5), "mse")
    model.optimizer.exclude_from_weight_decay([model.weights[0]], ["b/bias"])
    model.fit(X, X, shuffle=False, verbose=0)
    model.save(tmp_path / "m.lamina", **options)
    again = lamina.load_model(tmp_path / "m.lamina")
    assert again.compiled == options.get("include_optimizer", True)
    if again.compiled:
        assert int(again.optimizer.iterations) == 1
        for each in (model, again):
            each.fit(X, X, shuffle=False, verbose=0)
        for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert not lamina.load_model(tmp_path / "m.lamina", compile=False).compiled


def test_files_are_replaced_only_if_wanted(tmp_path):
    path = tmp_path / "m.lamina"
    model = net()
    for save in (model.save, model.save_weights):
        save(path)
        save(path, overwrite=True)
        before = path.read_bytes()
        with pytest.raises(FileExistsError, match="overwrite=False"):
            save(path, overwrite=False)
        assert path.read_bytes() == before
        path.unlink()
        save(path, overwrite=False)


def test_weights_that_do_not_fit_are_left_only_if_wanted(tmp_path):
    path = tmp_path / "w.lamina"
    net().save_weights(path)
    other = Sequential([Input((3,)), layers.Dense(3, name="a"), layers.Dense(2, name="b")])
    before = other.get_weights()
    with pytest.raises(ValueError, match="'b/"):
        other.load_weights(path)
    np.testing.assert_array_equal(other.get_weights()[0], before[0])
    other.load_weights(path, skip_mismatch=True)
    assert (other.get_weights()[0] != before[0]).any()
    np.testing.assert_array_equal(other.get_weights()[2], before[2])


@pytest.mark.parametrize("slope", [math.nan, math.inf])
def test_numbers_that_json_does_not_have(tmp_path, slope):
    model = Sequential([Input((3,)), layers.Dense(3), layers.LeakyReLU(slope)])
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina")
    assert again.layers[-1].get_config()["negative_slope"] == pytest.approx(slope, nan_ok=True)


def test_names_of_other_formats():
    for name in ("m.h5", "m.hdf5", "m.pt", "m.pth"):
        for save in (net().save, net().save_weights):
            with pytest.raises(ValueError, match=r"cannot be written to a file of this name; .* like m\.lamina"):
                save(name)


def test_what_is_no_regular_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a directory"):
        net().save(tmp_path)
    with pytest.raises(ValueError, match="is no regular file"):
        net().save("/dev/null")
    with pytest.raises(ValueError, match="is no regular file"):
        lamina.load_model("/dev/null")
    with pytest.raises(FileNotFoundError, match="no such file"):
        lamina.load_model(tmp_path / "m.lamina")


@lamina.saving.register_serializable("test_model_file")
class Holds(lamina.Model):
    """A model whose constructor takes objects that are no layers."""

    def __init__(self, loss, metric, optimizer, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(2)
        self.parts = [loss, metric, optimizer]

    def call(self, inputs):
        return self.dense(inputs)


@pytest.mark.parametrize("name", ["m.lamina", "m.keras"])
def test_losses_metrics_and_optimizers_among_a_constructor_s_arguments(tmp_path, name):
    rate = optimizers.schedules.CosineDecay(0.1, 10)
    model = Holds(lamina.losses.Huber(0.5), lamina.metrics.AUC(20), optimizers.SGD(rate, 0.5))
    model(X)
    model.save(tmp_path / name)
    again = lamina.load_model(tmp_path / name).parts
    assert [type(part) for part in again] == [type(part) for part in model.parts]
    assert [part.get_config() for part in again] == [part.get_config() for part in model.parts]


def test_private_modules_of_keras():
    described = lamina.saving.serialize(optimizers.SGD(0.5))
    assert described["module"] == "keras.optimizers"
    described["module"] = "keras.src.backend.torch.optimizers.torch_sgd"  # as Keras writes it where it runs on PyTorch
    assert isinstance(lamina.saving.deserialize(described), optimizers.SGD)
    with pytest.raises(ValueError, match="class 'Tensor' of the description is not known here"):
        lamina.saving.deserialize({"module": "lamina.core", "class_name": "Tensor", "config": {}})
    for other in ("src.optimizers.sgd", "keras.src.layers.core", None, 3):
        with pytest.raises(ValueError, match="class 'SGD' of the description is not known here"):
            lamina.saving.deserialize(described | {"module": other})


@pytest.mark.parametrize("room", [lamina.losses, lamina.metrics, optimizers])
def test_every_loss_metric_and_optimizer_is_described(room):
    described = 0
    for cls in (c for n, c in vars(room).items() if n in room.__all__ and isinstance(c, type)):
        try:
            made = cls()
        except (TypeError, ValueError):  # that cannot be made without arguments
            continue
        if not hasattr(made, "get_config"):
            continue
        again = lamina.saving.deserialize(lamina.saving.serialize(made))
        assert type(again) is cls
        described += 1
    assert described > 10
