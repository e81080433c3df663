"""Files with int8 weights, Keras's here and ours in Keras."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Layer .* does not have a `quantize`")


def parts(library):
    inputs = library.Input((10,), dtype="int32")
    x = library.layers.Embedding(50, 16)(inputs)
    x = library.layers.EinsumDense("abc,cd->abd", (None, 12), bias_axes="d", activation="relu")(x)
    return library.Model(inputs, library.layers.Dense(3)(x))


def test_files_go_both_ways(tmp_path):
    x = np.random.default_rng(0).integers(0, 50, (4, 10))
    theirs = parts(keras)
    theirs.quantize("int8")
    theirs.save(tmp_path / "theirs.keras")
    ours = lamina.saving.load_model(tmp_path / "theirs.keras")
    wanted = theirs.predict(x, verbose=0)
    np.testing.assert_allclose(ours.predict(x, verbose=0), wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())
    assert [(w.name, w.shape, w.dtype.name) for w in ours.weights] == [
        (w.name, tuple(w.shape), w.dtype) for w in theirs.weights
    ]
    ours = parts(lamina)
    ours.quantize("int8")
    ours.save(tmp_path / "ours.keras")
    wanted = ours.predict(x, verbose=0)
    found = keras.saving.load_model(tmp_path / "ours.keras").predict(x, verbose=0)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


def test_projections_of_attention_are_read_where_keras_reads_them_not(tmp_path):
    inputs = keras.Input((6, 8))
    theirs = keras.Model(inputs, keras.layers.MultiHeadAttention(2, 4)(inputs, inputs))
    theirs.quantize("int8")
    theirs.save(tmp_path / "m.keras")
    x = np.random.default_rng(0).standard_normal((3, 6, 8)).astype(np.float32)
    ours, wanted = lamina.saving.load_model(tmp_path / "m.keras"), theirs.predict(x, verbose=0)
    np.testing.assert_allclose(ours.predict(x, verbose=0), wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())
    assert isinstance(ours.layers[1], layers.MultiHeadAttention)
