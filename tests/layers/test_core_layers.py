"""Input, Lambda, dropout and noise, embeddings: options and edges."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, layers, ops

X = np.arange(12.0, dtype=np.float32).reshape(2, 3, 2)
NOISY = {
    "Dropout": lambda n: layers.Dropout(n, seed=1),
    "GaussianNoise": lambda n: layers.GaussianNoise(n, seed=1),
    "GaussianDropout": lambda n: layers.GaussianDropout(n, seed=1),
    "SpatialDropout1D": lambda n: layers.SpatialDropout1D(n, seed=1),
}


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


def test_inputs():
    assert Input(3).shape == Input((3,)).shape == (None, 3)
    assert Input((0, None), batch_size=2).shape == (2, 0, None)
    assert Input(batch_shape=(None, 4)).shape == (None, 4)
    assert Input(()).shape == (None,)
    assert Input((3,), sparse=False).dtype == "float32"
    assert layers.InputLayer((3,)).built
    for wrong in ({"shape": (-1,)}, {"shape": (1.5,)}, {"batch_shape": (-2, 3)}):
        with pytest.raises(ValueError, match="sizes must be non-negative integers or None"):
            Input(**wrong)
    for wrong in ({}, {"shape": (3,), "batch_shape": (None, 3)}):
        with pytest.raises(ValueError, match="pass either shape="):
            Input(**wrong)
    for wrong in ({"sparse": True}, {"tensor": X}, {"optional": True}):
        with pytest.raises(ValueError, match="not supported"):
            Input((3,), **wrong)
    with pytest.raises(TypeError, match="a dtype of numbers or booleans"):
        Input((3,), dtype="U1")


def test_lambda():
    double = X.astype(np.float64)
    assert layers.Lambda(lambda x: x)(double).dtype == np.float32
    assert layers.Lambda(lambda x: x, autocast=False)(double).dtype == np.float64
    assert layers.Lambda(lambda x: x).built
    assert not layers.Lambda(lambda x: x).supports_masking
    assert layers.Lambda(lambda x: x, mask=lambda x, m: m).supports_masking
    flags = []

    def scaled(x, training=None, scale=1.0):
        flags.append(training)
        return x * scale

    layer = layers.Lambda(scaled, arguments={"scale": 3})
    np.testing.assert_array_equal(layer(X, training=True).numpy(), 3 * X)
    layer(X)
    assert flags == [True, False]
    for output_shape, wanted in (((4,), (None, 4)), ([(4,), (5, 6)], [(None, 4), (None, 5, 6)])):
        drawn = layers.Lambda(lambda x: x, output_shape)(Input((3, 2)))
        assert ([t.shape for t in drawn] if isinstance(drawn, list) else drawn.shape) == wanted
    assert layers.Lambda(lambda x: x, lambda shape: (shape[0], 9))(Input((3, 2), batch_size=5)).shape == (5, 9)
    assert layers.Lambda(ops.transpose)(Input((3,), batch_size=2)).shape == (3, 2)
    with pytest.raises(TypeError, match="expected a function"):
        layers.Lambda(3)
    with pytest.raises(TypeError, match="its Python function cannot be saved"):
        layers.Lambda(lambda x: x).get_config()


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint16", "float32"])
def test_an_index_out_of_range_is_named(dtype):
    layer = layers.Embedding(5, 2)
    np.testing.assert_array_equal(layer(np.array([[0, 4]], dtype)).numpy()[0], layer.embeddings.numpy()[[0, 4]])
    for wrong in (5, 6, -1):
        if wrong < 0 and dtype == "uint16":
            continue
        with pytest.raises(IndexError, match=rf"index {wrong}(\.0)? at \[1, 0\] is outside 0\.\.4"):
            layer(np.array([[0, 4], [wrong, 7]], dtype))


def test_zero_is_masked_in_any_type():
    layer = layers.Embedding(5, 2, mask_zero=True)
    for dtype in ("int8", "uint32", "int64", "float32", "float64"):
        tokens = np.array([[1, 0], [0, 1]]).astype(dtype)
        assert layer(tokens).mask.numpy().tolist() == [[True, False], [False, True]]
        assert layer.compute_mask(tokens).numpy().tolist() == [[True, False], [False, True]]
    assert layers.Embedding(5, 2).compute_mask(tokens) is None


@pytest.mark.parametrize("wavelength", [0.5, 1, 100.0])
def test_positions_by_formula(wavelength):
    layer = layers.SinePositionEncoding(wavelength, dtype="float64")
    for start, steps, features in ((0, 3, 4), (1, 2, 4), (300, 5, 4), (2, 2, 4), (0, 200, 3), (0, 1, 1), (4, 2, 0)):
        y = layer(np.zeros((2, steps, features)), start_index=start).numpy()
        place, feature = np.arange(start, start + steps)[:, None], np.arange(features)
        angle = place / wavelength ** (2 * (feature // 2) / max(features, 1))
        wanted = np.where(feature % 2, np.cos(angle), np.sin(angle))
        np.testing.assert_allclose(y, np.broadcast_to(wanted, y.shape), atol=1e-12)
    for wrong in (0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="must be positive and finite"):
            layers.SinePositionEncoding(wrong)


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
