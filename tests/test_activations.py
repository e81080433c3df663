"""``lamina.activations``: Keras's names and options; values from their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lamina import Sequential, Tensor, activations, layers, ops

X = np.array([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0])
VALUES = {
    "hard_shrink": ({}, [-3, -1, 0, 0, 0, 1, 3]),
    "soft_shrink": ({"threshold": 0.75}, [-2.25, -0.25, 0, 0, 0, 0.25, 2.25]),
    "tanh_shrink": ({}, [v - math.tanh(v) for v in X]),
    "threshold": ({"threshold": 0.5, "default_value": -7}, [-7, -7, -7, -7, -7, 1, 3]),
    "squareplus": ({}, [(v + math.sqrt(v * v + 4)) / 2 for v in X]),
    "sparse_plus": ({}, [0, 0, 0.0625, 0.25, 0.5625, 1, 3]),
    "sparse_sigmoid": ({}, [0, 0, 0.25, 0.5, 0.75, 1, 1]),
    "sparsemax": ({}, [0, 0, 0, 0, 0, 0, 1]),
    "swish": ({}, [v / (1 + math.exp(-v)) for v in X]),
    "hard_swish": ({}, [v * min(max(v + 3, 0), 6) / 6 for v in X]),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name):
    options, want = VALUES[name]
    np.testing.assert_allclose(getattr(activations, name)(X, **options).numpy(), want, rtol=1e-14, atol=1e-15)


def test_glu_gates_the_first_half_by_the_second():
    x = np.array([[1.0, -2.0, 0.0, math.log(3)]])
    np.testing.assert_allclose(activations.glu(x).numpy(), [[0.5, -1.5]])
    np.testing.assert_allclose(activations.glu(x.T, axis=0).numpy(), [[0.5], [-1.5]])
    with pytest.raises(ValueError, match="two halves"):
        activations.glu(np.zeros((2, 3)))


@pytest.mark.parametrize("name", ["relu6", "hard_tanh"])
def test_saturating_slopes_are_zero_at_both_ends(name):
    x = Tensor(np.array([-1.0, 0.0, 1.0, 6.0]), requires_grad=True)
    getattr(activations, name)(x).sum().backward()
    assert x.grad.numpy().tolist() == {"relu6": [0, 0, 1, 0], "hard_tanh": [0, 1, 0, 0]}[name]


NAMES = [n for n in activations.__all__ if n not in ("get", "serialize", "deserialize")]


@pytest.mark.parametrize("name", NAMES)
def test_names_find_and_describe_their_functions(name):
    function = getattr(activations, name)
    assert activations.get(name) is function
    assert activations.get("".join(part.capitalize() for part in name.split("_"))) is function or "_" in name
    described = activations.serialize(function)
    assert activations.deserialize(described) is function
    if name != "gelu" and hasattr(ops, name):
        assert activations.serialize(getattr(ops, name)) == described


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"threshold", "glu"}))
def test_activation_of_a_layer_trains_and_is_saved(name):
    model = Sequential([layers.Dense(4, activation=name), layers.Activation(name)])
    model.compile("sgd", "mse", run_eagerly=name == "sparsemax")  # which is not captured
    x = np.linspace(-1, 1, 24, dtype=np.float32).reshape(8, 3)
    model.fit(x, np.zeros((8, 4), np.float32), verbose=0)
    copy = Sequential.from_config(model.get_config())
    copy.build((None, 3))
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy(x).numpy(), model(x).numpy())
