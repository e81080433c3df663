"""Options of attention layers that Keras lacks: soft cap, ALiBi, bias, lengths, alignment; decoding with them."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Tensor, layers, ops

RNG = np.random.default_rng(0)
N, T, S, HEADS, SIZE = 2, 5, 7, 4, 3
QUERY, VALUE = RNG.standard_normal((N, T, 6)), RNG.standard_normal((N, S, 6))


def both(**options):
    """Both kinds of layer, with as many key heads as query heads and with fewer."""
    yield layers.MultiHeadAttention(HEADS, SIZE, dtype="float64", **options)
    yield layers.GroupedQueryAttention(SIZE, HEADS, 2, dtype="float64", **options)


def by_hand(layer, query, value, shape=lambda scores: scores, seen=True):
    """The layer's formula with its weights; ``shape`` makes what softmax takes of the scores (N, heads, T, S)."""
    project = lambda x, dense: np.einsum("ntd,dhk->nhtk", x, dense.kernel.numpy()) + dense.bias.numpy()[:, None]  # noqa: E731
    q, k, v = project(query, layer._query_dense), project(value, layer._key_dense), project(value, layer._value_dense)
    k, v = k.repeat(HEADS // k.shape[1], 1), v.repeat(HEADS // v.shape[1], 1)
    scores = shape(q @ k.swapaxes(-1, -2) / np.sqrt(SIZE))
    weights = np.where(seen, np.exp(scores), 0)
    weights = weights / np.maximum(weights.sum(-1, keepdims=True), 1e-300)
    out = layer._output_dense
    return np.einsum("nhtk,hkd->ntd", weights @ v, out.kernel.numpy()) + out.bias.numpy()


def distance(shift=0, t=T, s=S):
    return np.abs(np.arange(t)[:, None] + shift - np.arange(s))


def test_soft_cap():
    for layer in both(logit_soft_cap=0.3):
        y = layer(QUERY, VALUE)
        np.testing.assert_allclose(y, by_hand(layer, QUERY, VALUE, lambda s: 0.3 * np.tanh(s / 0.3)), rtol=1e-9)


@pytest.mark.parametrize("alibi", [True, [0.5, 0.0, 0.2, 1.0]])
def test_alibi(alibi):
    slopes = 2.0 ** -np.array([2, 4, 6, 8]) if alibi is True else np.array(alibi)
    for layer in both(alibi=alibi):
        y = layer(QUERY, VALUE)
        want = by_hand(layer, QUERY, VALUE, lambda s: s - slopes[:, None, None] * distance())
        np.testing.assert_allclose(y, want, rtol=1e-9)


def test_slopes():
    np.testing.assert_allclose(ops.alibi_slopes(8), 0.5 ** np.arange(1, 9))
    np.testing.assert_allclose(ops.alibi_slopes(1), [2.0**-8])
    # Six heads: those of four, then the first and the third of eight.
    np.testing.assert_allclose(ops.alibi_slopes(6), [2.0**-2, 2.0**-4, 2.0**-6, 2.0**-8, 2.0**-1, 2.0**-3])
    with pytest.raises(ValueError, match="heads is 0"):
        ops.alibi_slopes(0)


@pytest.mark.parametrize("form", [(T, S), (N, T, S), (N, HEADS, T, S), (1, S), (N, 1, S), (1, HEADS, 1, S)])
def test_bias(form):
    bias = RNG.standard_normal(form)
    added = bias[:, None] if len(form) == 3 else bias
    for layer in both():
        given = Tensor(bias, requires_grad=True)
        y = layer(QUERY, VALUE, attention_bias=given)
        np.testing.assert_allclose(y, by_hand(layer, QUERY, VALUE, lambda s: s + added), rtol=1e-9)
        dy = RNG.standard_normal(y.shape)
        y.backward(dy)
        moved = bias.copy()
        place = (0,) * len(form)
        moved[place] += 1e-6
        slope = ((layer(QUERY, VALUE, attention_bias=moved).numpy() - y.numpy()) * dy).sum() / 1e-6
        np.testing.assert_allclose(given.grad.numpy()[place], slope, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("own", [True, False])
def test_lengths(own):
    x = VALUE if own else QUERY
    lengths = np.array([0, 3])
    for layer in both():
        seen = (np.arange(S) < lengths[:, None])[:, None, None]
        y = layer(x, VALUE, lengths=lengths)
        np.testing.assert_allclose(y, by_hand(layer, x, VALUE, seen=seen), rtol=1e-9)
        np.testing.assert_array_equal(y.numpy()[0], np.broadcast_to(layer._output_dense.bias.numpy(), y.shape[1:]))


def test_what_lengths_leave_out_may_be_anything():
    spoilt = VALUE.copy()
    spoilt[0, 2:] = np.nan
    for layer in both():
        results = []
        for value in (VALUE, spoilt):
            v = Tensor(value, requires_grad=True)
            y = layer(QUERY, v, lengths=np.array([2, S]))
            y.backward(np.ones(y.shape))
            results.append([y.numpy(), v.grad.numpy(), *(w.grad.numpy() for w in layer.trainable_weights)])
            for w in layer.trainable_weights:
                w.zero_grad()
        for a, b in zip(*results, strict=True):
            np.testing.assert_array_equal(a, b)
        assert (results[0][1][0, 2:] == 0).all()


@pytest.mark.parametrize("alignment", ["top_left", "bottom_right"])
@pytest.mark.parametrize("window", [None, 2])
def test_alignment(alignment, window):
    shift = S - T if alignment == "bottom_right" else 0
    seen = np.arange(S) <= np.arange(T)[:, None] + shift
    seen = seen if window is None else seen & (distance(shift) < window)
    slopes = np.full(HEADS, 0.4)
    for layer in both(alibi=list(slopes), causal_alignment=alignment, sliding_window=window):
        y = layer(QUERY, VALUE, use_causal_mask=True)
        want = by_hand(layer, QUERY, VALUE, lambda s: s - slopes[:, None, None] * distance(shift), seen)
        np.testing.assert_allclose(y, want, rtol=1e-9)


def test_scores_and_several_axes():
    bias = RNG.standard_normal((T, S))
    layer = layers.MultiHeadAttention(HEADS, SIZE, dtype="float64", logit_soft_cap=1.0, alibi=True)
    y, scores = layer(QUERY, VALUE, attention_bias=bias, return_attention_scores=True)
    np.testing.assert_allclose(y, layer(QUERY, VALUE, attention_bias=bias), rtol=1e-9)
    np.testing.assert_allclose(scores.numpy().sum(-1), 1, rtol=1e-9)
    wide = layers.MultiHeadAttention(2, 3, attention_axes=2, dtype="float64")
    x = RNG.standard_normal((2, 3, 4, 5))
    moved = wide(x, x, attention_bias=np.where(np.eye(4) == 1, 0.0, -np.inf))
    np.testing.assert_allclose(moved, wide(x, x, attention_mask=np.eye(4)), rtol=1e-9)


@pytest.mark.parametrize("prompt", [1, 3])
@pytest.mark.parametrize(
    "options", [{"logit_soft_cap": 0.5}, {"alibi": True}, {"logit_soft_cap": 1.5, "alibi": True, "sliding_window": 3}]
)
def test_with_a_cache_it_goes_on(prompt, options):
    x = RNG.standard_normal((2, 9, 6))
    for layer in both(**options):
        whole = layer(x, x, use_causal_mask=True).numpy()
        cache = layers.KeyValueCache(9)
        with lamina.no_grad():
            with cache:
                np.testing.assert_allclose(layer(x[:, :prompt], x[:, :prompt], use_causal_mask=True), whole[:, :prompt])
            for t in range(prompt, 9):
                with cache:
                    y = layer(x[:, t : t + 1], x[:, t : t + 1], use_causal_mask=True)
                np.testing.assert_allclose(y.numpy()[:, 0], whole[:, t], rtol=1e-9)


def test_trained_captured_and_saved(tmp_path):
    inputs = Input((T, 6))
    attention = layers.MultiHeadAttention(HEADS, SIZE, logit_soft_cap=2.0, alibi=True, causal_alignment="bottom_right")
    model = lamina.Model(inputs, layers.Dense(1)(attention(inputs, inputs, use_causal_mask=True)))
    model.compile("adam", "mse")
    losses = model.fit(QUERY, QUERY[..., :1], epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina")
    np.testing.assert_array_equal(again.predict(QUERY, verbose=0), model.predict(QUERY, verbose=0))
    assert again.layers[1].get_config() == attention.get_config()

    layer = layers.MultiHeadAttention(HEADS, SIZE, dtype="float64")
    step = lamina.capture(lambda q, v, n, b: layer(q, v, lengths=n, attention_bias=b))
    for lengths in ([1, 2], [7, 0], [3, 3]):
        bias = RNG.standard_normal((T, S))
        got = step(QUERY, VALUE, np.array(lengths), bias)
        np.testing.assert_array_equal(got, layer(QUERY, VALUE, lengths=np.array(lengths), attention_bias=bias))


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"logit_soft_cap": 0}, ValueError, "logit_soft_cap must be positive"),
        ({"logit_soft_cap": "30"}, TypeError, "logit_soft_cap must be a number"),
        ({"alibi": [0.1, 0.2]}, ValueError, r"alibi must be True, False or 4 slopes.* got \[0.1, 0.2\]"),
        ({"causal_alignment": "bottom"}, ValueError, "causal_alignment.*'bottom'"),
    ],
)
def test_wrong_options(options, kind, message):
    for make in (lambda: layers.MultiHeadAttention(HEADS, 3, **options),
                 lambda: layers.GroupedQueryAttention(3, HEADS, 2, **options)):  # fmt: skip
        with pytest.raises(kind, match=message):
            make()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention_bias": np.zeros((S, T))}, r"attention_bias is \(7, 5\), expected \(T, S\) = \(5, 7\)"),
        ({"lengths": np.array([1, 2, 3])}, "lengths are int64 .3,., expected an integer for each value"),
        ({"lengths": np.array([1.0, 2.0])}, "lengths are float64"),
        ({"lengths": np.array([1, 8])}, r"lengths\[1\] is 8, expected 0 to 7"),
        ({"lengths": np.array([-1, 1])}, r"lengths\[0\] is -1, expected 0 to 7"),
    ],
)
def test_wrong_arguments(options, message):
    for layer in both():
        with pytest.raises(ValueError, match=message):
            layer(QUERY, VALUE, **options)


def test_a_cache_has_no_bias_and_no_lengths():
    layer = layers.MultiHeadAttention(HEADS, SIZE)
    x = np.ones((1, 1, 4), np.float32)
    for options in ({"attention_bias": np.zeros((1, 1))}, {"lengths": np.array([1])}):
        with (
            lamina.no_grad(), layers.KeyValueCache(4),
            pytest.raises(ValueError, match=f"KeyValueCache has no {next(iter(options))}"),
        ):  # fmt: skip
            layer(x, x, use_causal_mask=True, **options)
