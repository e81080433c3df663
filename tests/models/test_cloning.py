"""clone_model: copies with new weights, in whole or layer by layer."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Model, Sequential, layers, ops
from lamina.models import clone_model

X, Y = np.random.default_rng(0).standard_normal((6, 4)).astype("f"), np.ones((6, 2), "f")


class Own(layers.Layer):
    """A class that is not registered."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units, self.inner = units, layers.Dense(units)

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        return super().get_config() | {"units": self.units}


def drawn():
    x = Input((4,), name="x")
    y = ops.relu(layers.Dense(5, name="first")(x) * 2.0)
    y = Sequential([Own(3, name="own")], name="inner")(y)
    return Model(x, layers.Dense(2, name="last")(y), name="net")


def test_what_it_was_compiled_with_is_kept_and_apart():
    model = drawn()
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, Y, verbose=0)
    copy = clone_model(model)
    assert copy.compiled
    assert copy.optimizer is not model.optimizer
    assert int(copy.optimizer.iterations) == 0
    copy.set_weights(model.get_weights())
    assert copy.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    assert not clone_model(drawn()).compiled


def test_each_layer_goes_through_the_function():
    seen = []

    def clone(layer):
        seen.append(layer.name)
        if isinstance(layer, layers.Dense):
            return layers.Dense.from_config(layer.get_config() | {"name": f"new_{layer.name}"})
        return layer if isinstance(layer, Own) else type(layer).from_config(layer.get_config())

    model = drawn()
    copy = clone_model(model, clone_function=clone)
    assert seen == ["first", model._graph.nodes[1].layer.name, model._graph.nodes[2].layer.name, "inner", "last"]
    assert [layer.name for layer in copy.layers] == ["x", "new_first", "inner", "new_last"]
    seen.clear()
    copy = clone_model(model, clone_function=clone, recursive=True)
    assert "own" in seen
    assert "inner" not in seen
    assert copy.get_layer("inner").layers[0] is model.get_layer("inner").layers[0]  # the same layer, shared weights
    both = clone_model(model, clone_function=lambda layer: layer)
    np.testing.assert_array_equal(both(X).numpy(), model(X).numpy())
    with pytest.raises(TypeError, match=r"clone_function returned None for .*first"):
        clone_model(model, clone_function=lambda layer: None)


def test_shared_layers_stay_shared():
    shared = layers.Dense(3)
    a, b = Input((4,)), Input((4,))
    model = Model([a, b], layers.Add()([shared(a), shared(b)]))
    for options in ({}, {"clone_function": lambda layer: type(layer).from_config(layer.get_config())}):
        copy = clone_model(model, **options)
        assert copy.count_params() == 4 * 3 + 3
        assert copy.weights[0] is not model.weights[0]


def test_calls_go_through_the_function():
    called = []

    def call(layer, *args, **kwargs):
        called.append(layer.name)
        return layer(*args, **kwargs) if layer.name != "last" else ops.tanh(layer(*args, **kwargs))

    copy = clone_model(drawn(), call_function=call)
    assert called[0] == "first"
    assert called[-1] == "last"
    assert float(abs(copy(10 * X).numpy()).max()) <= 1
    with pytest.raises(ValueError, match="call_function needs a functional model"):
        clone_model(Sequential([layers.Dense(1)]), call_function=call)


def test_input_tensors():
    x = Input((4,), name="mine")
    copy = clone_model(drawn(), input_tensors=ops.abs(x))
    assert copy.inputs[0].shape == (None, 4)
    copy = clone_model(drawn(), input_tensors=x)
    assert copy.inputs[0] is x
    assert copy.name == "net"
    sequential = Sequential([Input((4,)), layers.Dense(2)])
    assert clone_model(sequential, input_tensors=[Input((4,), dtype="float64")]).inputs[0].dtype == "float64"
    sequential = Sequential([Input((4,), name="own"), layers.Dense(2)])
    assert clone_model(sequential, input_tensors=x)._input.name == clone_model(sequential)._input.name == "own"
    assert clone_model(Sequential([layers.Dense(2)]), input_tensors=x).inputs[0].shape == (None, 4)
    with pytest.raises(TypeError, match="must be symbolic tensors"):
        clone_model(drawn(), input_tensors=X)
    with pytest.raises(ValueError, match="has 1 inputs, got 2 input_tensors"):
        clone_model(drawn(), input_tensors=[x, x])
    with pytest.raises(TypeError, match="input_tensors of a Sequential must be one symbolic tensor"):
        clone_model(sequential, input_tensors=[x, x])


def test_a_subclassed_model_is_copied_whole_or_not_at_all():
    class Net(Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    model = Net()
    model(X)
    assert type(clone_model(model)) is Net
    with pytest.raises(ValueError, match="need a Sequential or a functional model"):
        clone_model(model, clone_function=lambda layer: layer)
    assert lamina.models.clone_model(model)(X).shape == (6, 2)
