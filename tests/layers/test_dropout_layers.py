"""Layers of dropout and noise: rates at their ends, what is dropped together, means that stay."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import layers

X = np.arange(12.0, dtype=np.float32).reshape(2, 3, 2)

NOISY = {
    "Dropout": lambda n: layers.Dropout(n, seed=1),
    "GaussianNoise": lambda n: layers.GaussianNoise(n, seed=1),
    "GaussianDropout": lambda n: layers.GaussianDropout(n, seed=1),
    "SpatialDropout1D": lambda n: layers.SpatialDropout1D(n, seed=1),
}


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def test_alpha_dropout_keeps_mean_and_variance():
    x = normal(400, 500)
    y = layers.AlphaDropout(0.3, seed=1, dtype="float64")(x, training=True).numpy()
    assert abs(y.mean()) < 0.02
    assert abs(y.std() - 1) < 0.02
    limit = -1.0507009873554805 * 1.6732632423543772
    a = (0.7 * (1 + 0.3 * limit**2)) ** -0.5
    dropped = np.abs(y - a * (limit - limit * 0.3)) < 1e-9
    assert abs(dropped.mean() - 0.3) < 0.01
    np.testing.assert_allclose(y[~dropped], (a * x - a * limit * 0.3)[~dropped], rtol=1e-12)
    with pytest.raises(ValueError, match="rate must be below 1"):
        layers.AlphaDropout(1.0)
    np.testing.assert_array_equal(layers.AlphaDropout(0.3)(x.astype(np.float32)).numpy(), x.astype(np.float32))


def test_paths_are_dropped_by_example():
    y = layers.DropPath(0.25, seed=1)(np.ones((2000, 2, 3), np.float32), training=True).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1) / np.float32(0.75)}
    assert (y == y[:, :1, :1]).all()
    assert abs((y[:, 0, 0] == 0).mean() - 0.25) < 0.03
    with pytest.raises(ValueError, match="single number"):
        layers.DropPath(0.5)(np.float32(3.0), training=True)


def test_channels_of_volumes_are_dropped_together():
    y = layers.SpatialDropout3D(0.5, seed=2)(np.ones((3, 2, 3, 4, 5), np.float32), training=True).numpy()
    assert (y == y[:, :1, :1, :1]).all()
    assert set(np.unique(y)) == {0.0, 2.0}


@pytest.mark.parametrize("name", NOISY)
def test_a_rate_of_zero_draws_nothing(name):
    layer = NOISY[name](0.0)
    before = layer.seed_generator.state.copy()
    np.testing.assert_array_equal(layer(X, training=True).numpy(), X)
    np.testing.assert_array_equal(layer.seed_generator.state, before)
    tiny = NOISY[name](1e-3)
    np.testing.assert_array_equal(tiny(X).numpy(), X)
    np.testing.assert_array_equal(tiny.seed_generator.state, before)
    tiny(X, training=True)
    assert (tiny.seed_generator.state != before).any()
    for wrong in (-1e-4, 1.0001, True, "0.5", float("nan")):
        with pytest.raises(ValueError, match="must be a number between 0 and 1"):
            NOISY[name](wrong)


def test_little_noise_moves_nothing():
    """Means stay: 0 for what is added, 1 for what is multiplied."""
    y = layers.GaussianNoise(1e-6, seed=1)(np.zeros(100, np.float32), training=True).numpy()
    assert np.abs(y).max() < 1e-5
    y = layers.GaussianDropout(1e-8, seed=1)(np.ones(100, np.float32), training=True).numpy()
    assert np.abs(y - 1).max() < 1e-3


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("axes", [1, 2])
def test_spatial_dropout_is_the_same_all_over_a_channel(first, axes):
    kind = (layers.SpatialDropout1D, layers.SpatialDropout2D)[axes - 1]
    options = {"data_format": "channels_first"} if first and axes == 2 else {}
    shape = (8, *(4, 3)[:axes], 16)
    x = np.ones(np.moveaxis(np.empty(shape), -1, 1).shape if options else shape, np.float32)
    y = kind(0.5, seed=1, **options)(x, training=True).numpy()
    y = np.moveaxis(y, 1, -1) if options else y
    channels = y.reshape(8, -1, 16)
    assert (channels == channels[:, :1]).all()
    assert len(np.unique(channels[:, 0], axis=0)) > 1
    assert len(np.unique(channels[:, 0], axis=1)) > 1
    assert set(np.unique(y)) == {0.0, 2.0}
