"""Sequential: where its input comes from, what it knows before and after its first call."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Model, Sequential, Tensor, layers, ops


def inner(*shapes, dtype="float32"):
    inputs = [Input(shape, dtype=dtype) for shape in shapes]
    return Model(inputs if len(inputs) > 1 else inputs[0], layers.Dense(2)(inputs[0]))


def test_a_model_in_front_brings_its_input():
    model = Sequential([inner((4,), dtype="float64"), layers.Dense(3, dtype="float64")])
    assert model.built
    assert model.inputs[0].shape == model.input.shape == (None, 4)
    assert model.inputs[0].dtype == "float64"
    assert model.input_shape == (None, 4)
    assert model.output_shape == (None, 3)
    assert model.outputs[0].shape == model.output.shape == (None, 3)
    two = Sequential([inner((4,), (5,))])
    assert not two.built
    assert two.inputs is None


def test_an_input_that_stands_before_counts():
    model = Sequential([Input((4,), name="first"), inner((4,)), layers.Dense(1, input_shape=(2,))])
    assert model.input_names == ["first"]
    assert [layer.name for layer in model.layers] == [layer.name for layer in model.layers[-2:]]
    shaped = Sequential([layers.Dense(1, input_shape=(3,))])
    assert shaped.input_shape == (None, 3)
    assert Sequential([layers.Dense(1, input_dim=3)]).input_shape == (None, 3)  # the older name
    for wrong in ([layers.Dense(1), Input((4,))], [Input((4,)), Input((4,))]):
        with pytest.raises(ValueError, match="an Input must be the first entry"):
            Sequential(wrong)


def test_what_is_known_before_and_after_the_first_call():
    model = Sequential([layers.Dense(3), layers.Dense(2, name="last")])
    assert model.inputs is model.outputs is None
    assert model.input_names == []
    assert model.output_names == ["last"]
    assert Sequential().output_names is None
    for what in ("input", "output", "input_shape"):
        with pytest.raises(AttributeError, match=r"has no \w+ yet"):
            getattr(model, what)
    model(np.ones((5, 4), np.float32))
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 2))
    assert len(model.inputs) == len(model.outputs) == 1
    assert model.outputs[0].shape == (None, 2)
    model.pop()
    assert model.output_shape == (None, 3)
    assert model(np.ones((5, 4), np.float32)).shape == (5, 3)


def test_build_takes_the_first_shape():
    model = Sequential([layers.Dense(3)])
    with pytest.raises(ValueError, match="give the shape of the input"):
        model.build()
    model.build((None, 4))
    model.build((None, 7))
    assert model.weights[0].shape == (4, 3)
    with pytest.raises(ValueError, match="no layers to build"):
        Sequential().build((None, 4))
    wrong = Sequential([layers.Conv2D(1, 3)])
    with pytest.raises(ValueError, match="Conv2D"):
        wrong.build((None, 4))
    assert wrong.inputs is None


@pytest.mark.parametrize("shape", [(1,), (3, 1), (3, 2, 1)])
@pytest.mark.parametrize("kind", [np.asarray, Tensor])
def test_an_axis_of_length_one_may_be_left_out(shape, kind):
    model = Sequential([Input(shape), layers.Dense(2)])
    x = np.random.default_rng(0).standard_normal((5, *shape)).astype(np.float32)
    assert model(kind(x)).shape == (5, *shape[:-1], 2)
    np.testing.assert_array_equal(model(kind(x[..., 0])).numpy(), model(x).numpy())


def test_only_an_axis_of_length_one():
    model = Sequential([Input((3, 2)), layers.Dense(2)])
    with pytest.raises(ValueError, match="Dense"):
        model(np.ones((5, 3), np.float32))


@pytest.mark.parametrize("training", [None, False, True])
def test_training_reaches_the_layers(training):
    model = Sequential([Input((50,)), layers.Dropout(0.5)])
    x = np.ones((4, 50), np.float32)
    options = {} if training is None else {"training": training}
    assert (model(x, **options).numpy() == 0).any() == bool(training)
    assert (model.call(Tensor(x)).numpy() == 1).all()


def test_a_mask_goes_with_the_input():
    model = Sequential([Input((3, 2)), layers.LSTM(2, kernel_initializer="ones")])
    x = np.arange(12.0, dtype=np.float32).reshape(2, 3, 2)
    mask = np.array([[True, False, False]] * 2)
    np.testing.assert_allclose(model(x, mask=mask).numpy(), model(x[:, :1]).numpy(), rtol=1e-6)
    assert abs(model(x, mask=mask).numpy() - model(x).numpy()).max() > 1e-3


def test_configurations():
    model = Sequential([Input((4,), name="in"), layers.Dense(2, "relu")], name="net", trainable=False)
    again = Sequential.from_config(model.get_config())
    assert (again.name, again.trainable, again.input_names) == ("net", False, ["in"])
    plain = Sequential.from_config({"layers": model.get_config()["layers"][1:]})
    assert plain.trainable
    assert plain.inputs is None
    assert len(plain) == 1
    assert Sequential([layers.Dense(2)]).get_config()["layers"][0]["class_name"] == "Dense"


def test_calls_of_symbolic_tensors():
    model = Sequential([layers.Dense(3), layers.ReLU()])
    assert model(Input((4,))).shape == (None, 3)
    assert model.input_shape == (None, 4)
    assert model.compute_output_shape((7, 4)) == (7, 3)
    outer = Model(x := Input((4,)), model(x))
    given = np.ones((2, 4), np.float32)
    np.testing.assert_array_equal(outer(given).numpy(), model(given).numpy())


def test_chains_are_what_their_layers_are():
    model = Sequential(
        [Input((4,)), layers.Dense(3), layers.Activation("relu"), layers.Dense(2), layers.Activation("tanh")]
    )
    x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    y = lamina.Tensor(x)
    for layer in model.layers:
        y = layer(y)
    np.testing.assert_array_equal(model(x).numpy(), y.numpy())
    model.add(layers.Dense(1))
    np.testing.assert_array_equal(model(x).numpy(), model.layers[-1](y).numpy())
    model.pop()
    np.testing.assert_array_equal(model(x).numpy(), y.numpy())
    assert ops.shape(y) == (5, 2)
