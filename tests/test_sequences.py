"""Layers over sequences: masks, lengths, states, attention."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Sequential, layers, ops

rng = np.random.default_rng(1)
X = rng.standard_normal((2, 5, 4))
MASK = np.array([[0, 1, 1, 0, 1], [1, 0, 0, 1, 0]], bool)


def by_hand(lstm, x, kept, zero=False):
    """Keras's rule step by step, with the layer's own cell: skipped steps keep the state and repeat the output."""
    h, c = np.zeros((2, len(x), lstm.units))
    y = np.zeros_like(h)
    outputs = []
    steps = range(x.shape[1])
    for t in reversed(steps) if lstm.go_backwards else steps:
        out, (h1, c1) = lstm.cell(x[:, t], [h, c])
        now = kept[:, t, None]
        h, c = np.where(now, h1.numpy(), h), np.where(now, c1.numpy(), c)
        y = np.where(now, out.numpy(), 0 if zero else y)
        outputs.append(y)
    return np.stack(outputs, 1), h, c


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("mask", [MASK, np.array([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0]], bool), np.zeros((2, 5), bool)])
@pytest.mark.parametrize("activation", ["tanh", "softsign"])
def test_lstm_mask(mask, backwards, zero, activation):
    options = {"go_backwards": backwards, "zero_output_for_mask": zero, "activation": activation}
    lstm = layers.LSTM(3, return_sequences=True, return_state=True, dtype="float64", **options)
    for got, wanted in zip(lstm(X, mask=mask), by_hand(lstm, X, mask, zero) if lstm(X) else (), strict=True):
        np.testing.assert_allclose(got.numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "softsign"])
@pytest.mark.parametrize("lengths", [[3, 5], [0, 1]])
def test_lstm_lengths(lengths, activation):
    lstm = layers.LSTM(3, activation, return_sequences=True, return_state=True, dtype="float64")
    lstm(X)
    kept = np.arange(5) < np.array(lengths)[:, None]
    for got, wanted in zip(lstm(X, lengths=np.array(lengths)), by_hand(lstm, X, kept, zero=True), strict=True):
        np.testing.assert_allclose(got.numpy(), wanted, atol=1e-12)


def test_lstm_bad_lengths():
    lstm = layers.LSTM(3)
    lstm(X)
    for lengths in ([3, 6], [3, -1], [3]):
        with pytest.raises(ValueError, match="lengths"):
            lstm(X, lengths=np.array(lengths))


def test_lstm_gradients_through_a_mask():
    lstm = layers.LSTM(3, return_sequences=True, dtype="float64")
    lstm(X)
    ops.sum(ops.square(lstm(X, mask=MASK))).backward()
    gradient = lstm.cell.kernel.grad.numpy().copy()
    kernel = lstm.cell.kernel
    for place in ((0, 0), (2, 7)):
        differences = []
        for step in (1e-6, -1e-6):
            kernel.numpy()[place] += step
            differences.append((lstm(X, mask=MASK).numpy() ** 2).sum())
            kernel.numpy()[place] -= step
        numeric = (differences[0] - differences[1]) / 2e-6
        assert gradient[place] == pytest.approx(numeric, rel=1e-6, abs=1e-8)


def test_lstm_state_and_bias():
    lstm = layers.LSTM(3, return_state=True, dtype="float64")
    whole, h, c = lstm(X)
    _, h1, c1 = lstm(X[:, :2])
    resumed, h2, c2 = lstm(X[:, 2:], initial_state=[h1, c1])
    np.testing.assert_allclose(resumed.numpy(), whole.numpy(), atol=1e-12)
    np.testing.assert_allclose(c2.numpy(), c.numpy(), atol=1e-12)
    np.testing.assert_array_equal(whole.numpy(), h.numpy())
    assert h2.shape == (2, 3)
    bias = layers.LSTM(3)
    bias(X)
    np.testing.assert_array_equal(bias.cell.bias.numpy(), [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0])


def test_lstm_against_torch():
    torch = pytest.importorskip("torch")
    lstm = layers.LSTM(3, return_sequences=True, dtype="float64")
    y = lstm(X).numpy()
    other = torch.nn.LSTM(4, 3, batch_first=True).double()
    kernel, recurrent, bias = lstm.get_weights()
    with torch.no_grad():  # i f c o here, i f g o there: the same order under other names
        other.weight_ih_l0.copy_(torch.tensor(kernel.T))
        other.weight_hh_l0.copy_(torch.tensor(recurrent.T))
        other.bias_ih_l0.copy_(torch.tensor(bias))
        other.bias_hh_l0.zero_()
        np.testing.assert_allclose(y, other(torch.tensor(X))[0].numpy(), atol=1e-12)


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
    from lamina import Model

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
