"""SpectralNormalization, Wrapper, Identity, descriptions of layers: values, training, saving, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Sequential, Tensor, layers


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def test_spectral_norm_becomes_one():
    layer = layers.SpectralNormalization(layers.Dense(4, dtype="float64"), power_iterations=50)
    x = normal(2, 5)
    layer(x)
    layer.layer.kernel.assign(normal(5, 4, seed=1))
    layer.vector_u.assign(normal(1, 4, seed=2))
    before = layer(x).numpy()
    np.testing.assert_allclose(before, x @ normal(5, 4, seed=1))  # inference changes nothing
    layer(x, training=True)
    assert abs(np.linalg.norm(layer.layer.kernel.numpy(), 2) - 1) < 1e-9
    layer.layer.kernel.assign(np.zeros((5, 4)))
    layer(x, training=True)
    assert not layer.layer.kernel.numpy().any()
    assert np.isfinite(layer.vector_u.numpy()).all()


def test_the_first_vector_is_small_and_random():
    layer = layers.SpectralNormalization(layers.Dense(20000, kernel_initializer="zeros"))
    layer.build((None, 1))
    u = layer.vector_u.numpy()
    assert u.shape == (1, 20000)
    assert np.abs(u).max() <= 0.04
    assert abs(u.std() - 0.02 * 0.8796) < 5e-4  # normal, cut off at two deviations
    assert not layer.vector_u.trainable


def test_spectral_normalization_trains_and_is_saved():
    model = Sequential([layers.SpectralNormalization(layers.Dense(8, "relu")), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = normal(32, 3).astype(np.float32)
    model.fit(x, x[:, :1], epochs=2, verbose=0)
    assert np.linalg.norm(model.layers[0].layer.kernel.numpy(), 2) < 1.5
    copy = Sequential.from_config(model.get_config())
    copy.build((None, 3))
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy(x).numpy(), model(x).numpy())


def test_bad_layers_around_layers():
    with pytest.raises(TypeError, match="expected a layer"):
        layers.Wrapper(3)
    with pytest.raises(ValueError, match="power_iterations must be a positive integer"):
        layers.SpectralNormalization(layers.Dense(3), power_iterations=0)
    with pytest.raises(ValueError, match="neither a kernel nor embeddings"):
        layers.SpectralNormalization(layers.ReLU())(np.ones((2, 3), np.float32))


def test_own_wrapper_is_built_and_described():
    class Twice(layers.Wrapper):
        def call(self, inputs):
            return 2.0 * self.layer(inputs)

    layer = Twice(layers.Dense(3))
    y = layer(np.ones((2, 4), np.float32))
    assert layer.layer.kernel.shape == (4, 3)
    again = layers.deserialize(layers.serialize(layer), {"Twice": Twice})
    again.build((None, 4))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(np.ones((2, 4), np.float32)).numpy(), y.numpy())


def test_identity_of_a_nest():
    a, b = Tensor(normal(2, 3)), Tensor(np.arange(3))
    same = layers.Identity()([a, b])
    assert same[1].numpy().tolist() == [0, 1, 2]
    assert layers.Identity().compute_output_shape((None, 3)) == (None, 3)


def test_descriptions_of_layers():
    layer = layers.deserialize(layers.serialize(layers.Dense(3, name="head")))
    assert (type(layer), layer.units, layer.name) == (layers.Dense, 3, "head")
    with pytest.raises(TypeError, match="expected a layer"):
        layers.serialize(3)
    with pytest.raises(ValueError, match=r"Dens"):
        layers.deserialize({"class_name": "Dens", "config": {}})
