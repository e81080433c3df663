"""Layers with int8 weights other than Dense: EinsumDense, attention, Embedding; those inside of others, in files."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import lamina
from lamina import layers

EQUATIONS = [
    ("abc,cd->abd", (None, 12), "d", (2, 3, 5), (1, 1, 12)),
    ("abc,bcd->abd", (3, 4), "d", (2, 3, 5), (1, 3, 4)),
    ("...x,xy->...y", 4, "y", (2, 3, 5), (1, 1, 4)),
    ("ab...,bc->ac...", 6, None, (2, 5, 3), (1, 6, 1)),
    ("abc,dc->abd", (None, 4), None, (2, 3, 5), (1, 1, 4)),
    ("abcd,cde->abe", (None, 7), "e", (2, 3, 4, 5), (1, 1, 7)),
    ("abc,cde->adeb", (2, 3, 3), None, (2, 3, 5), (1, 2, 3, 1)),
]


@pytest.mark.parametrize(("equation", "size", "bias", "shape", "scale"), EQUATIONS)
def test_einsum_dense_is_close_to_floats_and_comes_back(equation, size, bias, shape, scale):
    lamina.utils.set_random_seed(2)
    layer = layers.EinsumDense(equation, size, bias_axes=bias, activation="relu")
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    wanted = layer(x).numpy()
    layer.quantize("int8")
    y = layer(x)
    assert np.abs(y.numpy() - wanted).max() < 0.02 * np.abs(wanted).max()
    assert layer.kernel.dtype == np.int8
    assert layer.kernel_scale.shape == scale  # Keras's
    again = layers.EinsumDense.from_config(layer.get_config())
    again.build(shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x).numpy(), y.numpy())
    with pytest.raises(ValueError, match="int8 weights have no gradient"):
        lamina.ops.sum(layer(lamina.Variable(x))).backward()


def language_model():
    lamina.utils.set_random_seed(4)
    inputs = lamina.Input((6,), dtype="int32")
    x = layers.Embedding(30, 16, mask_zero=True)(inputs)
    x = layers.MultiHeadAttention(2, 8)(x, x, use_causal_mask=True)
    x = layers.LayerNormalization()(x)
    x = layers.TransformerEncoder(32, 2)(x)
    return lamina.Model(inputs, layers.Dense(30)(x))


@pytest.fixture
def indices():
    return np.random.default_rng(5).integers(0, 30, (4, 6))


def test_layers_inside_of_others_are_quantized_and_stay_so_in_files_and_copies(tmp_path, indices):
    m = language_model()
    before = m.predict(indices, verbose=0)
    m.quantize("int8")
    wanted = m.predict(indices, verbose=0)
    assert 0 < np.abs(wanted - before).max() < 0.03 * np.abs(before).max()
    kernels = [w for w in m.weights if w.dtype == np.int8]
    assert len(kernels) == 1 + 4 + 4 + 2 + 1
    assert [w.shape for w in m.layers[2]._query_dense.weights] == [(2, 8), (16, 2, 8), (1, 1, 2, 8)]
    m.save(tmp_path / "m.lamina")
    others = [lamina.saving.load_model(tmp_path / "m.lamina"), copy.deepcopy(m), pickle.loads(pickle.dumps(m))]
    for other in others:
        np.testing.assert_array_equal(other.predict(indices, verbose=0), wanted)


def test_an_index_out_of_range_is_named():
    layer = layers.Embedding(5, 3)
    layer(np.array([1]))
    rows = np.asarray(layer.embeddings)
    layer.quantize("int8")
    np.testing.assert_allclose(layer(np.array([[0, 4]])).numpy()[0], rows[[0, 4]], atol=np.abs(rows).max() / 120)
    assert [(w.name, w.shape) for w in layer.weights] == [("embeddings", (5, 3)), ("embeddings_scale", (5,))]
    for wrong in (5, -1):
        with pytest.raises(IndexError, match=f"index {wrong} at"):
            layer(np.array([2, wrong]))


def test_an_embedding_that_goes_back_stays_float32_and_a_subclass_is_asked_for():
    table = layers.ReversibleEmbedding(10, 4)
    with pytest.raises(NotImplementedError, match="have no int8 weights"):
        table.quantize("int8")

    class Own(layers.Dense):
        pass

    m = lamina.Sequential([lamina.Input((3,)), Own(3), layers.Dense(2)])
    m.quantize("int8")
    assert [layer.dtype_policy.quantization_mode for layer in m.layers] == [None, "int8"]
    with pytest.raises(NotImplementedError, match="type_check=False quantizes it"):
        m.layers[0].quantize("int8")
    m.layers[0].quantize("int8", type_check=False)
    with pytest.raises(ValueError, match=r"export: Own '.*' has int8 weights; export the float32 model"):
        m.export("m.onnx")


def test_a_captured_generation_is_the_eager_one(indices):
    m = language_model()
    m.quantize("int8")
    call = lamina.capture(lambda x: m(x, training=False))
    with lamina.no_grad():
        for _ in range(3):
            np.testing.assert_array_equal(call(indices).numpy(), m(indices, training=False).numpy())
