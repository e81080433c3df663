"""TransformerEncoder and TransformerDecoder: put together by hand, masks, cache; grouped heads, windows, many axes."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Tensor, layers, ops
from lamina.core.masked_tensor import attach

RNG = np.random.default_rng(0)
X, MEMORY = RNG.standard_normal((2, 5, 6)), RNG.standard_normal((2, 3, 4))
MASK = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], bool)


def part(x, norm, first, compute):
    return x + compute(norm(x)) if first else norm(x + compute(x))


def feedforward(layer):
    return lambda h: layer._feedforward_output_dense(layer._feedforward_intermediate_dense(h))


@pytest.mark.parametrize("first", [False, True])
def test_encoder_is_its_parts(first):
    layer = layers.TransformerEncoder(7, 2, activation="gelu", normalize_first=first, dtype="float64")
    y = layer(X)
    attend = layer._self_attention
    assert (attend.num_heads, attend.key_dim, attend.name) == (2, 3, "self_attention")
    wanted = part(Tensor(X), layer._self_attention_around[0], first, lambda h: attend(h, h))
    wanted = part(wanted, layer._feedforward_around[0], first, feedforward(layer))
    np.testing.assert_allclose(y.numpy(), wanted.numpy(), rtol=1e-12)
    again, scores = layer(X, return_attention_scores=True)
    np.testing.assert_allclose(again.numpy(), y.numpy(), rtol=1e-12)
    assert scores.shape == (2, 2, 5, 5)
    y, scores = layer(Input((5, 6), dtype="float64"), return_attention_scores=True)
    assert (y.shape, scores.shape) == ((None, 5, 6), (None, 2, 5, 5))


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_decoder_is_its_parts(first, causal):
    layer = layers.TransformerDecoder(7, 3, normalize_first=first, dtype="float64")
    y = layer(X, MEMORY, use_causal_mask=causal)
    own, cross = layer._self_attention, layer._cross_attention
    wanted = part(Tensor(X), layer._self_attention_around[0], first, lambda h: own(h, h, use_causal_mask=causal))
    wanted = part(wanted, layer._cross_attention_around[0], first, lambda h: cross(h, Tensor(MEMORY)))
    wanted = part(wanted, layer._feedforward_around[0], first, feedforward(layer))
    np.testing.assert_allclose(y.numpy(), wanted.numpy(), rtol=1e-12)
    with pytest.raises(ValueError, match="called without an encoder_sequence"):
        layer(X)
    alone = layers.TransformerDecoder(7, 3)
    alone(X)
    with pytest.raises(ValueError, match="called with an encoder_sequence"):
        alone(X, MEMORY)


def test_padding_is_a_shorter_sequence():
    encoder, decoder = (
        layers.TransformerEncoder(7, 2, dtype="float64"),
        layers.TransformerDecoder(7, 2, dtype="float64"),
    )
    hidden = np.where(MASK[..., None], X, np.nan)
    ways = [encoder(hidden, padding_mask=MASK), encoder(attach(Tensor(hidden), Tensor(MASK)))]
    short = encoder(X[:1, :4]).numpy()
    for y in ways:
        np.testing.assert_allclose(y.numpy()[:1, :4], short, rtol=1e-12)
        assert y.mask.numpy().tolist() == MASK.tolist()
    memory = np.where(MASK[..., None], X, np.nan)
    y = decoder(X, memory, encoder_padding_mask=MASK)
    np.testing.assert_allclose(y.numpy()[1:], decoder(X[1:], X[1:, :2]).numpy(), rtol=1e-12)
    y = decoder(hidden, X, decoder_padding_mask=MASK)
    np.testing.assert_allclose(y.numpy()[:1, :4], decoder(X[:1, :4], X[:1]).numpy(), rtol=1e-12)
    ops.sum(ops.where(MASK[..., None], y, 0.0)).backward()
    assert all(np.isfinite(w.grad.numpy()).all() for w in decoder.trainable_weights)


@pytest.mark.parametrize("memory", [None, MEMORY])
def test_decoder_goes_on_step_by_step(memory):
    layer = layers.TransformerDecoder(7, 2, normalize_first=True, dtype="float64")
    whole = (layer(X) if memory is None else layer(X, memory)).numpy()
    cache = layers.KeyValueCache(5)
    for t in range(5):
        with lamina.no_grad(), cache:
            x = Tensor(X[:, t : t + 1])
            y = layer(x) if memory is None else layer(x, memory)
        np.testing.assert_allclose(y.numpy(), whole[:, t : t + 1], rtol=1e-11, atol=1e-13)


def test_more_heads_than_features():
    with pytest.raises(ValueError, match="num_heads=7 are more than the 6 features"):
        layers.TransformerEncoder(7, 7)(X)
    with pytest.raises(ValueError, match="expected \\(batch, time, features\\)"):
        layers.TransformerEncoder(7, 2)(X[0])
    with pytest.raises(ValueError, match="padding_mask is"):
        layers.TransformerEncoder(7, 2)(X, padding_mask=MASK[:, :3])


def test_grouped_heads_are_repeated_ones():
    layer = layers.GroupedQueryAttention(3, 4, 2, dtype="float64")
    layer(X, X)
    same = layers.MultiHeadAttention(4, 3, dtype="float64")
    same(X, X)
    for mine, other in zip(layer.weights, same.weights, strict=True):
        repeated = mine.numpy() if mine.shape == other.shape else mine.numpy().repeat(2, axis=-2)
        other.assign(repeated)
    for options in ({}, {"use_causal_mask": True}):
        np.testing.assert_allclose(layer(X, X, **options).numpy(), same(X, X, **options).numpy(), rtol=1e-11)
    assert layers.GroupQueryAttention is layers.GroupedQueryAttention
    with pytest.raises(ValueError, match="num_query_heads=4 must be a multiple of num_key_value_heads=3"):
        layers.GroupedQueryAttention(3, 4, 3)


@pytest.mark.parametrize("kind", ["multi", "grouped"])
@pytest.mark.parametrize("window", [1, 2, 5])
def test_sliding_window(kind, window):
    options = {"sliding_window": window, "dtype": "float64"}
    if kind == "multi":
        layer = layers.MultiHeadAttention(2, 3, **options)
    else:
        layer = layers.GroupedQueryAttention(3, 4, 2, **options)
    x = Tensor(X)
    band = np.abs(np.arange(5)[:, None] - np.arange(5)) < window
    windowed, causal = layer(x, x).numpy(), layer(x, x, use_causal_mask=True).numpy()
    cache = layers.KeyValueCache(5)
    for at, n in ((0, 1), (1, 3), (4, 1)):
        with lamina.no_grad(), cache:
            part = x[:, at : at + n]
            y = layer(part, part, use_causal_mask=True)
        np.testing.assert_allclose(y.numpy(), causal[:, at : at + n], rtol=1e-11, atol=1e-13)
    layer.sliding_window = None
    np.testing.assert_allclose(windowed, layer(x, x, attention_mask=band).numpy(), rtol=1e-11)
    np.testing.assert_allclose(causal, layer(x, x, attention_mask=band & np.tri(5, dtype=bool)).numpy(), rtol=1e-11)
    for wrong in (0, -1, 1.5):
        with pytest.raises((ValueError, TypeError), match="sliding_window"):
            layers.MultiHeadAttention(1, 1, sliding_window=wrong)


def test_axes_without_attention_are_sequences_of_their_own():
    x = RNG.standard_normal((2, 3, 4, 6))
    layer = layers.MultiHeadAttention(2, 3, 5, attention_axes=2, dtype="float64")
    y, scores = layer(x, x, return_attention_scores=True)
    assert (y.shape, scores.shape) == ((2, 3, 4, 6), (2, 3, 2, 4, 4))
    flat = layers.MultiHeadAttention(2, 3, 5, dtype="float64")
    flat(X, X)
    flat.set_weights(layer.get_weights())
    rows = x.reshape(6, 4, 6)
    np.testing.assert_allclose(y.numpy().reshape(6, 4, 6), flat(rows, rows).numpy(), rtol=1e-11)
    causal = layer(x, x, use_causal_mask=True).numpy().reshape(6, 4, 6)
    np.testing.assert_allclose(causal, flat(rows, rows, use_causal_mask=True).numpy(), rtol=1e-11)
    turned = layers.MultiHeadAttention(2, 3, 5, attention_axes=-3, dtype="float64")
    turned(x, x)
    turned.set_weights(layer.get_weights())
    np.testing.assert_allclose(turned(x.swapaxes(1, 2), x.swapaxes(1, 2)).numpy().swapaxes(1, 2), y.numpy(), rtol=1e-11)
    whole = layers.MultiHeadAttention(2, 3, 5, dtype="float64")
    mask = RNG.random((2, 3, 4, 3, 4)) > 0.3
    y, scores = whole(x, x, attention_mask=mask, return_attention_scores=True)
    assert scores.shape == (2, 2, 3, 4, 3, 4)
    flat.set_weights(whole.get_weights())
    rows = x.reshape(2, 12, 6)
    same = flat(rows, rows, attention_mask=mask.reshape(2, 12, 12)).numpy()
    np.testing.assert_allclose(y.numpy().reshape(2, 12, 6), same, rtol=1e-10, atol=1e-13)
    with pytest.raises(ValueError, match="need one attention axis"):
        whole(x, x, use_causal_mask=True)
    with pytest.raises(ValueError, match="axes without attention must be of one size"):
        layer(x, x[:, :2])
    with pytest.raises(ValueError, match="give attention_mask"):
        layer(x, x, value_mask=np.ones((2, 3)))
