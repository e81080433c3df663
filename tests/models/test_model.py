"""Model: its layers by name and place, its shapes and names, copies, and what a subclass must define."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Model, Sequential, layers

X = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)


def net(**options):
    a = Input((3,), name="in")
    return Model(a, layers.Dense(1, name="out")(layers.Dense(2, name="hidden")(a)), **options)


class Own(Model):
    def __init__(self, units=2, rate=0.5):
        super().__init__()
        self.dense, self.drop = layers.Dense(units), layers.Dropout(rate)

    def call(self, x, training=False):
        return self.drop(self.dense(x), training=training)


def test_layers_by_name_and_place():
    model = net()
    names = ["in", "hidden", "out"]
    assert [layer.name for layer in model.layers] == names
    for i, name in enumerate(names):
        assert model.get_layer(name) is model.get_layer(index=i) is model.get_layer(index=i - 3) is model.layers[i]
    for wrong in (3, -4):
        with pytest.raises(ValueError, match=f"index {wrong} is out of range, the model has 3 layers"):
            model.get_layer(index=wrong)
    for wrong in ({}, {"name": "in", "index": 0}):
        with pytest.raises(ValueError, match="pass either name= or index="):
            model.get_layer(**wrong)
    with pytest.raises(ValueError, match=r"unknown layer of .* 'hiden': did you mean 'hidden'"):
        model.get_layer("hiden")


def test_shapes_and_names():
    model, own = net(), Own()
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 1))
    assert (model.input_names, model.output_names) == (["in"], ["out"])
    assert [len(model.inputs), len(model.outputs)] == [1, 1]
    assert model.input is model.inputs[0]
    assert model.output is model.outputs[0]
    assert own.inputs is own.outputs is own.output_names is None
    assert own.input_names == []
    assert own.compute_output_shape((7, 3)) == (7, 2)
    a = Input((3,))
    hidden = layers.Dense(2, name="d")(a)
    assert Model(a, {"x": hidden, 2: hidden}).output_names == ["x", "2"]
    assert Model(a, [hidden, hidden]).output_names == ["d", "d_1"]
    assert Model([a], (hidden, a)).output_shape == ((None, 2), (None, 3))


def test_names_that_are_made():
    assert net(name="mine").name == "mine"
    assert net().name.startswith("functional")
    assert Own().name.startswith("own")
    a = Input((3,))
    assert type("Drawn", (Model,), {})(a, layers.Dense(1)(a)).name.startswith("drawn")


@pytest.mark.parametrize("training", [None, False, True])
def test_training_reaches_the_layers(training):
    a = Input((50,))
    drawn = Model(a, layers.Dropout(0.5)(a))
    own = Own(50)
    x = np.ones((4, 50), np.float32)
    own(x)
    own.set_weights([np.eye(50), np.zeros(50)])
    options = {} if training is None else {"training": training}
    for model in (drawn, own):
        assert (model(x, **options).numpy() == 0).any() == bool(training)


def test_a_mask_goes_with_the_input():
    a = Input((None, 2))
    model = Model(a, layers.LSTM(2, kernel_initializer="ones")(a))
    x = np.arange(12.0, dtype=np.float32).reshape(2, 3, 2)
    mask = np.array([[True, False, False]] * 2)
    np.testing.assert_allclose(model(x, mask=mask).numpy(), model(x[:, :1]).numpy(), rtol=1e-6)
    assert model.supports_masking
    assert model.compute_mask(x, mask) is None


def test_build():
    own = Own()
    assert not own.built
    with pytest.raises(ValueError, match=r"give the shape of the input, such as build\(\(None, 8\)\)"):
        own.build()
    assert not own.built
    own.build((None, 3))
    assert own.built
    assert [w.shape for w in own.weights] == [(3, 2), (2,)]
    assert net().built
    net().build()  # is built already

    class Two(Own):
        def call(self, given):
            return self.dense(given["a"]) + given["b"]

    two = Two()
    two.build({"a": (None, 3), "b": (None, 2)})
    assert two.weights[0].shape == (3, 2)


def test_call_must_be_defined():
    with pytest.raises(NotImplementedError, match=r"Bare must define call\(inputs\), or be given inputs and outputs"):
        type("Bare", (Model,), {})()(X)


@pytest.mark.parametrize("make", [net, Own, lambda: Sequential([Input((3,)), layers.Dense(2)])])
def test_clones_have_weights_of_their_own(make):
    model = make()
    model(X)
    model.trainable = False
    again = lamina.models.clone_model(model)
    again(X)
    assert type(again) is type(model)
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    assert (again.get_weights()[0] != model.get_weights()[0]).any()
    assert again.trainable == model.trainable
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(X).numpy(), model(X).numpy())
    with pytest.raises(TypeError, match="clone_model: expected a model"):
        lamina.models.clone_model(layers.Dense(1))


def test_configurations():
    model = net(name="mine", trainable=False)
    config = model.get_config()
    assert (config["name"], config["trainable"]) == ("mine", False)
    again = Model.from_config(config)
    assert (again.name, again.trainable) == ("mine", False)
    own = Own.from_config(Own(5, rate=0.25).get_config())
    assert (own.dense.units, own.drop.rate) == (5, 0.25)

    class Drawn(Model):
        def __init__(self, units):
            a = Input((3,))
            super().__init__(a, layers.Dense(units)(a))
            self.units = units

        def get_config(self):
            return {"units": self.units}

    assert Drawn.from_config(Drawn(7).get_config()).output_shape == (None, 7)


def test_summaries_of_models_inside(capsys):
    a = Input((3,))
    model = Model(a, net()(a))
    model.summary()
    plain = capsys.readouterr().out
    assert "hidden (Dense" not in plain
    model.summary(expand_nested=True, show_trainable=True)
    assert "hidden (Dense" in capsys.readouterr().out
