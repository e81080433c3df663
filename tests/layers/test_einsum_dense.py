"""EinsumDense and ReversibleEmbedding: values, shapes, what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers, ops

rng = np.random.default_rng(0)
FORMS = [
    ("ab,bc->ac", 4, "c", (2, 3), (2, 4)),
    ("abc,cd->abd", (None, 4), "d", (2, 3, 5), (2, 3, 4)),
    ("abc,cde->abde", (None, 2, 4), "de", (2, 3, 5), (2, 3, 2, 4)),
    ("...x,xy->...y", 4, "y", (2, 3, 2, 5), (2, 3, 2, 4)),
    ("ab...,bc->ac...", 4, "c", (2, 3, 2, 2), (2, 4, 2, 2)),
    ("abc,bd->acd", (5, 4), None, (2, 3, 5), (2, 5, 4)),
]


@pytest.mark.parametrize(("equation", "output_shape", "bias_axes", "given", "wanted"), FORMS)
def test_values(equation, output_shape, bias_axes, given, wanted):
    layer = layers.EinsumDense(
        equation, output_shape, "tanh", bias_axes, bias_initializer="random_normal", dtype="float64"
    )
    x = rng.standard_normal(given)
    y = layer(x)
    assert y.shape == layer.compute_output_shape(given) == wanted
    expected = np.einsum(equation, x, layer.kernel.numpy())
    if bias_axes:
        expected = expected + layer.bias.numpy()
    np.testing.assert_allclose(y, np.tanh(expected), rtol=1e-12)
    again = layers.EinsumDense.from_config(layer.get_config())
    again(x)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x), y)


@pytest.mark.parametrize(
    ("equation", "output_shape", "given", "message"),
    [
        ("ab,bc", 3, (2, 3), "expected a form such as"),
        ("ab,bc->ac", (3, 4), (2, 3), r"output_shape \(3, 4\) does not fit 'ab,bc->ac': expected 1 sizes"),
        ("ab,bc->ac", 3, (2, 3, 4), "expected one axis for each letter of 'ab'"),
        ("abc,cd->abd", (7, 4), (2, 3, 5), "axis 'b' is 3 in x"),
        ("ab,bc->ad", 3, (2, 3), "axis 'd' of the output .* is in neither input nor kernel"),
    ],
)
def test_what_does_not_fit(equation, output_shape, given, message):
    with pytest.raises(ValueError, match=f"EinsumDense '.*': .*{message}"):
        layers.EinsumDense(equation, output_shape)(np.ones(given, np.float32))


@pytest.mark.parametrize("tied", [True, False])
def test_an_embedding_goes_back(tied):
    layer = layers.ReversibleEmbedding(7, 3, tie_weights=tied, logit_soft_cap=2.0, dtype="float64")
    features = layer(np.array([[1, 2]]))
    kernel = layer.embeddings.numpy().T if tied else layer.weights[1].numpy()
    got = layer(features, reverse=True)
    np.testing.assert_allclose(got, 2 * np.tanh(features.numpy() @ kernel / 2), rtol=1e-12)
    assert len(layer.weights) == 2 - tied
    with pytest.raises(ValueError, match=r"x is \(1, 4\), expected 3 features last for reverse=True"):
        layer(np.ones((1, 4)), reverse=True)
    assert layers.ReversibleEmbedding(7, 3, logit_soft_cap=0.5).logit_soft_cap == 0.5
    with pytest.raises(ValueError, match="logit_soft_cap must be positive or None, got 0"):
        layers.ReversibleEmbedding(7, 3, logit_soft_cap=0)


def test_a_tied_head_trains_one_table():
    class Model(lamina.Model):
        def __init__(self):
            super().__init__()
            self.table = layers.ReversibleEmbedding(5, 8)

        def call(self, x):
            return self.table(self.table(x), reverse=True)

    lamina.random.seed(0)
    model = Model()
    model.compile("adam", lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = rng.integers(0, 5, (64, 3))
    first = model.evaluate(x, (x + 1) % 5, verbose=0)
    model.fit(x, (x + 1) % 5, epochs=20, verbose=0)
    assert model.evaluate(x, (x + 1) % 5, verbose=0) < first
    assert len(model.weights) == 1
    assert ops.ndim(model.weights[0]) == 2
