"""Input, Lambda, embeddings and positions: options and edges."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, layers, ops

X = np.arange(12.0, dtype=np.float32).reshape(2, 3, 2)


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
