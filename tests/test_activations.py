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


PIECES = {  # values, and slopes between the bends
    "relu": (lambda v: max(v, 0), lambda v: v > 0),
    "relu6": (lambda v: min(max(v, 0), 6), lambda v: 0 < v < 6),
    "leaky_relu": (lambda v: v if v > 0 else 0.2 * v, lambda v: 1 if v > 0 else 0.2),
    "hard_tanh": (lambda v: min(max(v, -1), 1), lambda v: -1 < v < 1),
    "hard_sigmoid": (lambda v: min(max(v / 6 + 0.5, 0), 1), lambda v: 1 / 6 if -3 < v < 3 else 0),
    "hard_shrink": (lambda v: v if abs(v) > 0.5 else 0, lambda v: abs(v) > 0.5),
    "soft_shrink": (lambda v: v - min(max(v, -0.5), 0.5), lambda v: abs(v) > 0.5),
    "sparse_plus": (
        lambda v: v if v > 1 else (max(v, -1) + 1) ** 2 / 4,
        lambda v: 1 if v > 1 else (max(v, -1) + 1) / 2,
    ),
    "sparse_sigmoid": (lambda v: min(max((v + 1) / 2, 0), 1), lambda v: 0.5 if -1 < v < 1 else 0),
}


@pytest.mark.parametrize("name", PIECES)
def test_values_and_slopes_of_pieces(name):
    value, slope = PIECES[name]
    points = np.arange(-7.013, 7, 0.25)
    x = Tensor(points, requires_grad=True)
    y = getattr(activations, name)(x)
    y.sum().backward()
    np.testing.assert_allclose(y.numpy(), [value(v) for v in points], rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(x.grad.numpy(), [slope(v) for v in points], rtol=1e-13, atol=1e-15)


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
