"""Activation layers that the layer before applies: the same bits, and only where nothing can tell the difference."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers, ops


class OwnReLU(layers.Layer):
    """No kernel can apply it."""

    def call(self, x):
        return ops.relu(x)


ACTIVATIONS = {"layer": layers.ReLU, "by name": lambda: layers.Activation("relu"), "own": OwnReLU}


def residual(activation):
    inputs = lamina.Input((8, 8, 3))
    x = activation()(layers.Conv2D(8, 3, padding="same")(inputs))
    y = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(x))
    z = activation()(layers.Add()([x, y]))
    z = activation()(layers.BatchNormalization()(z))
    return lamina.Model(inputs, activation()(layers.Dense(3)(layers.Flatten()(z))))


def stack(activation):
    return lamina.Sequential(
        [
            lamina.Input((8, 8, 3)),
            layers.Conv2D(5, 3),
            activation(),
            layers.BatchNormalization(),
            activation(),
            layers.Flatten(),
            layers.Dense(4),
            activation(),
        ]
    )


def steps(model, x):
    run = lamina.capture(model.__call__)
    run(x)
    return run.plans[-1].steps


@pytest.fixture
def x():
    return np.random.default_rng(1).standard_normal((4, 8, 8, 3)).astype(np.float32)


@pytest.mark.parametrize("draw", [residual, stack])
def test_same_bits_in_fewer_steps(draw, x):
    results = {}
    for name, activation in ACTIVATIONS.items():
        lamina.random.seed(0)
        model = draw(activation)
        y = model(x, training=True)
        ops.sum(ops.square(y)).backward()
        gradients = [np.array(v.grad) for v in model.trainable_weights]
        with lamina.no_grad():
            folded = model(x).numpy()
        np.testing.assert_allclose(folded, model(x).numpy(), rtol=1e-4, atol=1e-5)
        results[name] = [y.numpy(), model(x).numpy(), folded, model.predict(x, verbose=0), *gradients]
        assert ("activation_forward" in steps(model, x)) == (name == "own")
    for name in ("layer", "by name"):
        for a, b in zip(results[name], results["own"], strict=True):
            np.testing.assert_array_equal(a, b)


def test_what_goes_elsewhere_too_stays_itself(x):
    inputs = lamina.Input((8, 8, 3))
    y = layers.BatchNormalization()(inputs)
    z = layers.ReLU()(y)
    used_twice = lamina.Model(inputs, layers.Add()([y, z]))
    np.testing.assert_allclose(used_twice(x).numpy(), x + np.maximum(x, 0), rtol=2e-3)
    both = lamina.Model(inputs, [y, z])
    first, second = both(x)
    np.testing.assert_array_equal(np.maximum(first.numpy(), 0), second.numpy())
    assert first.numpy().min() < 0


def test_changes_after_drawing_take_effect(x):
    relu = layers.ReLU()
    dense = layers.Dense(3)
    model = lamina.Sequential([lamina.Input((8, 8, 3)), layers.BatchNormalization(), relu, layers.Flatten(), dense])
    model.add(layers.Activation("tanh"))
    assert steps(model, x).count("activation_forward") == 0
    before = np.arctanh(model(x).numpy())
    dense.activation = lamina.activations.get("gelu")
    np.testing.assert_allclose(model(x).numpy(), np.tanh(ops.gelu(before).numpy()), rtol=1e-2, atol=1e-3)
    dense.activation = lamina.activations.get(None)
    relu.max_value = 0.1
    inner = lamina.Sequential(model.layers[:2])
    assert inner(x).numpy().max() == np.float32(0.1)
    model.pop()
    assert len(model.layers) == 4
    assert np.abs(model(x).numpy()).max() > 0


def test_regularized_activity_is_that_of_the_layer(x):
    dense = layers.Dense(3, activity_regularizer="l2")
    model = lamina.Sequential([lamina.Input((8, 8, 3)), layers.Flatten(), dense, layers.ReLU()])
    model(x)
    expected = 0.01 * np.square(dense(x.reshape(4, -1)).numpy()).sum() / 4
    model(x)
    np.testing.assert_allclose(float(model.losses[0]), expected, rtol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("make", [lambda **k: layers.Conv2D(6, 3, **k), lambda **k: layers.DepthwiseConv2D(3, **k)])
def test_inference_folds_normalization_into_the_convolution(make, bias, x):
    rng = np.random.default_rng(2)
    x = np.concatenate([x, x[..., :1]], -1)
    model = lamina.Sequential(
        [lamina.Input((8, 8, 4)), make(use_bias=bias), layers.BatchNormalization(), layers.Activation("tanh")]
    )
    model.set_weights([rng.uniform(0.5, 2, w.shape).astype(np.float32) for w in model.weights])
    want = model(x).numpy()  # with gradients: three layers
    run = lamina.capture(model.__call__)
    with lamina.no_grad():
        got, captured = model(x).numpy(), run(x).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(got, captured)
    assert run.plans[-1].steps.count("batch_norm_fold") == 1
    assert "batch_norm_forward" not in run.plans[-1].steps
    model.layers[1].moving_mean.assign(model.layers[1].moving_mean.numpy() + 1)
    with lamina.no_grad():
        assert np.abs(run(x).numpy() - got).max() > 1e-3  # read anew
    before = model.layers[1].moving_mean.numpy().copy()
    with lamina.no_grad():
        model(x, training=True)
    assert np.abs(model.layers[1].moving_mean.numpy() - before).max() > 1e-3


def test_normalization_of_few_pixels_is_not_folded():
    model = lamina.Sequential([lamina.Input((2, 2, 64)), layers.Conv2D(64, 2), layers.BatchNormalization()])
    with lamina.no_grad():
        assert "batch_norm_fold" not in steps(model, np.ones((1, 2, 2, 64), np.float32))
