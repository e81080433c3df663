"""Group normalization, renormalization, dropout of paths, layers around layers: values by their formulas, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Sequential, Tensor, layers, ops


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def test_groups_have_mean_zero_and_variance_one():
    x = 5 + 3 * normal(4, 6, 5, 12)
    y = layers.GroupNormalization(3, epsilon=0.0, dtype="float64")(x).numpy().reshape(4, 30, 3, 4)
    np.testing.assert_allclose(y.mean(axis=(1, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=(1, 3)), 1, rtol=1e-12)


def test_one_group_is_layer_normalization_and_as_many_as_channels_instance_normalization():
    x = normal(3, 4, 5, 6)
    of_all = layers.LayerNormalization(axis=(1, 2, 3), dtype="float64")(x).numpy()
    np.testing.assert_allclose(layers.GroupNormalization(1, dtype="float64")(x).numpy(), of_all, atol=1e-12)
    alone = layers.GroupNormalization(-1, dtype="float64")(x).numpy()
    mean, variance = x.mean(axis=(1, 2), keepdims=True), x.var(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(alone, (x - mean) / np.sqrt(variance + 1e-3), atol=1e-12)
    np.testing.assert_array_equal(alone, layers.GroupNormalization(6, dtype="float64")(x).numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e-18, 1e-30, 1e18, 1e30, 1e37])
def test_groups_whose_squares_overflow_or_vanish(size, dtype):
    x = normal(2, 7, 3, 8)
    want = layers.GroupNormalization(4, epsilon=0.0, dtype="float64")(x).numpy()
    got = layers.GroupNormalization(4, epsilon=0.0, dtype=dtype)((x * size).astype(dtype)).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_a_nan_stays_in_its_group():
    x = normal(2, 5, 6)
    x[0, 1, 2] = np.nan
    y = layers.GroupNormalization(3, dtype="float64")(x).numpy()
    assert np.isnan(y[0, :, 2:4]).all()
    assert np.isfinite(y[0][:, [0, 1, 4, 5]]).all()
    assert np.isfinite(y[1]).all()


@pytest.mark.parametrize(("options", "shape", "match"), [
    ({"groups": 0}, None, "groups must be a positive integer"),
    ({"groups": 2.5}, None, "groups must be a positive integer"),
    ({"groups": 4}, (2, 3, 6), "groups=4 does not divide the 6 channels"),
    ({}, (2, 3, 6), "groups=32 does not divide the 6 channels"),
    ({"groups": 1, "axis": 3}, (2, 3, 6), "axis=3 is out of range"),
    ({"groups": 1, "axis": 0}, (2, 3, 6), "axis=0 is the batch's axis"),
])  # fmt: skip
def test_bad_groups(options, shape, match):
    with pytest.raises(ValueError, match=match):
        layers.GroupNormalization(**options)(np.ones(shape, np.float32))


def test_other_channels_than_those_built_for():
    layer = layers.GroupNormalization(2)
    layer(np.ones((2, 3, 6), np.float32))
    with pytest.raises(ValueError, match="expected 6 channels on axis -1"):
        layer(np.ones((2, 3, 8), np.float32))


def test_group_norm_of_bad_arrays():
    with pytest.raises(ValueError, match="expected a divisor of the 6 channels"):
        ops.group_norm(np.ones((2, 6)), groups=4)
    with pytest.raises(ValueError, match=r"expected \(batch, \.\.\., channels\)"):
        ops.group_norm(np.ones(6), groups=2)
    with pytest.raises(ValueError, match="epsilon is -1"):
        ops.group_norm(np.ones((2, 6)), groups=2, epsilon=-1.0)
    with pytest.raises(ValueError, match="gamma"):
        ops.group_norm(np.ones((2, 6)), np.ones(5), groups=2)


def test_renormalization_goes_by_its_own_moving_statistics():
    layer = layers.BatchNormalization(renorm=True, renorm_momentum=0.5, momentum=0.9, epsilon=0.0, dtype="float64")
    x = 3 + 2 * normal(50, 2)
    y = layer(x, training=True).numpy()
    np.testing.assert_allclose(y, x, atol=1e-12)  # moving mean 0 and deviation 1: normalized by these
    np.testing.assert_allclose(layer.renorm_mean.numpy(), 0.5 * x.mean(0))
    np.testing.assert_allclose(layer.renorm_stddev.numpy(), 0.5 + 0.5 * x.std(0))
    np.testing.assert_allclose(layer.moving_variance.numpy(), (0.9 + 0.1 * x.std(0)) ** 2)
    names = [w.path.rpartition("/")[2] for w in layer.weights]
    assert names[-3:] == ["moving_stddev", "renorm_mean", "renorm_stddev"]


def test_renormalization_of_a_masked_batch_is_that_of_its_steps():
    x = normal(4, 5, 3)
    mask = np.arange(5)[None] < np.array([[5], [3], [4], [0]])
    parts = []
    for given, inputs in ((mask, x), (None, x[mask])):
        layer = layers.BatchNormalization(renorm=True, renorm_clipping={"rmax": 1.5, "dmax": 0.1}, dtype="float64")
        y = layer(inputs, training=True, mask=given).numpy()
        parts.append((y if given is None else y[mask], layer.moving_variance.numpy(), layer.renorm_mean.numpy()))
    for a, b in zip(*parts, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("limits", "error", "match"), [
    ({"rmx": 2.0}, ValueError, "rmax"),
    ({"rmax": 1.0, "rmin": 2.0}, ValueError, "expected at least rmin"),
    ({"dmax": -1.0}, ValueError, "dmax is -1"),
    (3.0, TypeError, "must be a dict"),
])  # fmt: skip
def test_bad_limits_of_renormalization(limits, error, match):
    with pytest.raises(error, match=match):
        layers.BatchNormalization(renorm=True, renorm_clipping=limits)


def test_rms_normalization_without_scale():
    x = normal(3, 4)
    layer = layers.RMSNormalization(use_scale=False, dtype="float64")
    np.testing.assert_allclose(layer(x).numpy(), x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6))
    assert layer.weights == []


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


def test_up_sampling_of_volumes_repeats():
    x = normal(2, 3, 2, 4, 5)
    want = x.repeat(2, 1).repeat(3, 2).repeat(1, 3)
    np.testing.assert_array_equal(layers.UpSampling3D((2, 3, 1), dtype="float64")(x).numpy(), want)


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
