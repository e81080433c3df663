"""Layers over sequences: masks on their way, attention, positions."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Model, Sequential, layers

rng = np.random.default_rng(1)
X = rng.standard_normal((2, 5, 4))


def test_mask_travels():
    model = Sequential([
        layers.Embedding(10, 4, mask_zero=True), layers.Dense(4), layers.LSTM(3, return_sequences=True),
        layers.Dropout(0.1), layers.LSTM(2),
    ])  # fmt: skip
    tokens = np.array([[1, 2, 3], [4, 0, 0]])
    padded = np.pad(tokens, ((0, 0), (0, 4)))
    np.testing.assert_allclose(model(tokens).numpy(), model(padded).numpy(), atol=1e-6)
    x = layers.Input((None,), dtype="int32")
    embedded = layers.Embedding(10, 4, mask_zero=True)(x)
    merged = layers.Add()([embedded, layers.LayerNormalization()(embedded)])
    functional = Model(x, layers.LSTM(2)(merged))
    np.testing.assert_allclose(functional(tokens).numpy(), functional(padded).numpy(), atol=1e-6)


def test_mask_ends_with_a_warning():
    embedded = layers.Embedding(10, 4, mask_zero=True)(np.array([[1, 0]]))
    with pytest.warns(UserWarning, match="does not support masks"):
        layers.Flatten()(embedded)


def attention(q, k, v, kept):
    scores = np.einsum("nthd,nshd->nhts", q, k) / np.sqrt(q.shape[-1])
    weights = np.where(kept, np.exp(scores - scores.max(-1, keepdims=True)), 0)
    total = weights.sum(-1, keepdims=True)
    weights = weights / np.where(total == 0, 1, total)
    return np.einsum("nhts,nshd->nthd", weights, v), weights


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_attention(causal, masked):
    layer = layers.MultiHeadAttention(2, 3, value_dim=5, dtype="float64")
    value = rng.standard_normal((2, 6, 7))
    mask = rng.random((2, 5, 6)) < 0.6 if masked else None
    if masked:
        mask[0, 1] = False  # a row that sees nothing
    y, scores = layer(X, value, attention_mask=mask, use_causal_mask=causal, return_attention_scores=True)
    w = layer.state_dict()
    assert w["query/kernel"].shape == (4, 2, 3)
    assert w["attention_output/kernel"].shape == (2, 5, 4)
    q = np.einsum("btd,dhk->bthk", X, w["query/kernel"]) + w["query/bias"]
    k = np.einsum("btd,dhk->bthk", value, w["key/kernel"]) + w["key/bias"]
    v = np.einsum("btd,dhk->bthk", value, w["value/kernel"]) + w["value/bias"]
    kept = np.ones((2, 1, 5, 6), bool) if mask is None else mask[:, None]
    kept = kept & np.tri(5, 6, dtype=bool) if causal else kept
    heads, weights = attention(q, k, v, kept)
    wanted = np.einsum("bthk,hkd->btd", heads, w["attention_output/kernel"]) + w["attention_output/bias"]
    np.testing.assert_allclose(y.numpy(), wanted, atol=1e-12)
    np.testing.assert_allclose(scores.numpy(), np.where(kept, weights, 0), atol=1e-12)
    streamed = layer(X, value, attention_mask=mask, use_causal_mask=causal)
    np.testing.assert_allclose(streamed.numpy(), wanted, atol=1e-12)


def test_attention_padding():
    embed = layers.Embedding(10, 8, mask_zero=True)
    layer = layers.MultiHeadAttention(2, 4)
    tokens = np.array([[1, 2, 3]])
    short, long = embed(tokens), embed(np.pad(tokens, ((0, 0), (0, 3))))
    np.testing.assert_allclose(layer(short, short).numpy(), layer(long, long).numpy()[:, :3], atol=1e-5)


def test_attention_drawn():
    layer = layers.MultiHeadAttention(2, 4, output_shape=6)
    y, scores = layer(layers.Input((5, 8)), layers.Input((7, 3)), return_attention_scores=True)
    assert y.shape == (None, 5, 6)
    assert scores.shape == (None, 2, 5, 7)
    again = layers.MultiHeadAttention.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def test_sine_positions():
    y = layers.SinePositionEncoding(dtype="float64")(np.zeros((1, 7, 4))).numpy()[0]
    t = np.arange(7)
    np.testing.assert_allclose(y, np.stack([np.sin(t), np.cos(t), np.sin(t / 100), np.cos(t / 100)], 1), atol=1e-12)


def test_a_mask_travels_by_keyword():
    """However a tensor is passed, its mask goes with it: eagerly, drawn, and through a conversion."""
    tokens = np.array([[1, 2, 0], [3, 0, 0]])
    embed, attend, lstm = layers.Embedding(9, 6, mask_zero=True), layers.MultiHeadAttention(2, 3), layers.LSTM(3)
    query = rng.standard_normal((2, 4, 6)).astype(np.float32)
    x = embed(tokens)
    wanted = [attend(x, x).numpy(), attend(query, x).numpy(), lstm(x).numpy()]

    def by_keyword(x, query):
        yield attend(query=x, value=x), wanted[0]
        yield attend(x, value=x), wanted[0]
        yield attend(value=x, key=x, query=x), wanted[0]
        yield attend(query, value=x), wanted[1]
        yield lstm(sequences=x), wanted[2]

    for y, w in by_keyword(x, query):
        np.testing.assert_array_equal(y.numpy(), w)
    i, q = layers.Input((3,), dtype="int32"), layers.Input((4, 6))
    drawn = Model([i, q], [y for y, _ in by_keyword(embed(i), q)])([tokens, query])
    for y, (_, w) in zip(drawn, by_keyword(x, query), strict=True):
        np.testing.assert_array_equal(y.numpy(), w)
    double = layers.LSTM(3, dtype="float64")
    double.build((None, 3, 6))
    double.set_weights(lstm.get_weights())
    np.testing.assert_allclose(double(x).numpy(), wanted[2], atol=1e-6)
    with pytest.raises(ValueError, match=r"LSTM '.*': x is \(2, 3\), expected sequences"):
        lstm(sequences=np.zeros((2, 3)))
