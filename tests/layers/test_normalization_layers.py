"""Layers of normalization: values by their formulas, masks, steps of a plan, bad input."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers, ops

X = np.arange(12.0, dtype=np.float32).reshape(2, 3, 2)


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


@pytest.mark.parametrize("size", [1.0, 1e-4, 1e-9])
def test_vectors_of_any_length_get_length_one(size):
    layer = layers.UnitNormalization(dtype="float64")
    np.testing.assert_allclose(layer(np.array([[3.0, 4.0], [0.0, -2.0]]) * size).numpy(), [[0.6, 0.8], [0, -1]])
    assert layer(np.zeros((1, 2))).numpy().tolist() == [[0, 0]]


@pytest.mark.parametrize("kind", [layers.LayerNormalization, layers.RMSNormalization])
def test_the_last_axis_is_normalized_in_one_step(kind):
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    for axis, steps in ((-1, 1), (2, 1), (1, 3)):
        layer = kind(axis)
        y = layer(x)
        run = lamina.capture(layer.__call__)
        np.testing.assert_array_equal(run(x).numpy(), y.numpy())
        assert len(run.plans[-1].steps) == steps
        centered = x - x.mean(axis, keepdims=True) if kind is layers.LayerNormalization else x
        scale = np.sqrt((centered**2).mean(axis, keepdims=True) + layer.epsilon)
        np.testing.assert_allclose(y.numpy(), centered / scale, rtol=1e-5, atol=1e-6)


def test_a_mask_of_elements_is_none_of_steps():
    for wrong in (np.ones((2, 3, 2)), np.ones((2, 2)), np.ones(3)):
        with pytest.raises(ValueError, match=r"mask is .*, expected the first axes of x"):
            layers.BatchNormalization()(X, training=True, mask=wrong)
    layer = layers.BatchNormalization()
    assert layer(X, training=True, mask=np.ones(2)).shape == X.shape
