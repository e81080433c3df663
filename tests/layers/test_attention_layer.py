"""MultiHeadAttention: values against NumPy with its weights, all masks, numbers as inputs, shapes; bad input."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Tensor, layers, ops
from lamina.core.masked_tensor import attach

RNG = np.random.default_rng(0)
N, T, S, HEADS = 2, 4, 3, 2
QUERY, VALUE, KEY = (RNG.standard_normal((N, n, d)) for n, d in ((T, 5), (S, 6), (S, 7)))
QUERY_MASK = np.array([[1, 1, 1, 0], [1, 0, 0, 1]], bool)
VALUE_MASK = np.array([[1, 1, 0], [1, 0, 0]], bool)
KEY_MASK = np.array([[1, 0, 1], [1, 1, 1]], bool)


def made(**options):
    return layers.MultiHeadAttention(HEADS, 3, 4, bias_initializer="normal", dtype="float64", **options)


def by_hand(layer, query, value, key, mask):
    """What the layer should give, and its scores, from its weights."""
    kept = np.broadcast_to(mask, (N, HEADS, query.shape[1], value.shape[1]))
    project = lambda x, dense: np.einsum("ntd,dhk->nhtk", x, dense.kernel.numpy()) + dense.bias.numpy()[:, None]  # noqa: E731
    q, k, v = project(query, layer._query_dense), project(key, layer._key_dense), project(value, layer._value_dense)
    scores = np.where(kept, np.exp(q @ k.swapaxes(-1, -2) / np.sqrt(3)), 0)
    scores /= np.maximum(scores.sum(-1, keepdims=True), 1e-300)
    out = layer._output_dense
    return np.einsum("nhtk,hkd->ntd", scores @ v, out.kernel.numpy()) + out.bias.numpy(), scores


MASKS = {
    "query": ({"query_mask": QUERY_MASK}, QUERY_MASK[:, None, :, None]),
    "value": ({"value_mask": VALUE_MASK}, VALUE_MASK[:, None, None]),
    "key": ({"key_mask": KEY_MASK}, KEY_MASK[:, None, None]),
    "all": (
        {"query_mask": QUERY_MASK, "value_mask": VALUE_MASK, "key_mask": KEY_MASK},
        QUERY_MASK[:, None, :, None] & (VALUE_MASK & KEY_MASK)[:, None, None],
    ),
    "causal": ({"use_causal_mask": True}, np.tri(T, S, dtype=bool)),
    "two axes": ({"attention_mask": np.tri(T, S, dtype=bool)}, np.tri(T, S, dtype=bool)),
    "three axes": ({"attention_mask": KEY_MASK[:, None]}, KEY_MASK[:, None, None]),
    "four axes": (
        {"attention_mask": np.array([[1, 1, 0], [0, 1, 1]])[None, :, None]},
        np.array([[1, 1, 0], [0, 1, 1]], bool)[None, :, None],
    ),
    "none": ({}, np.ones((1, 1, 1, 1), bool)),
}


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("own_key", [True, False])
def test_values_are_those_of_the_formula(name, own_key):
    options, mask = MASKS[name]
    layer = made()
    key = KEY if own_key else VALUE
    given = {**options, "key": key} if own_key else options
    y = layer(QUERY, VALUE, **given)
    wanted, scores = by_hand(layer, QUERY, VALUE, key, mask)
    counts = np.broadcast_to(mask, (N, HEADS, T, S)).any((1, 3))
    np.testing.assert_allclose(y.numpy()[counts], wanted[counts], rtol=1e-9, atol=1e-12)
    again, found = layer(QUERY, VALUE, return_attention_scores=True, **given)
    np.testing.assert_allclose(again.numpy()[counts], y.numpy()[counts], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.numpy().swapaxes(1, 2)[counts], scores.swapaxes(1, 2)[counts], rtol=1e-9)


@pytest.mark.parametrize("way", ["itself", "value", "key"])
def test_what_a_mask_leaves_out_reaches_neither_values_nor_gradients(way):
    layer = made()
    arrays = {"itself": [QUERY], "value": [QUERY, VALUE], "key": [QUERY, VALUE, KEY]}[way]
    masks = [QUERY_MASK, VALUE_MASK, KEY_MASK][: len(arrays)]
    results = []
    for hidden in (0.0, np.nan):
        given = [
            attach(Tensor(np.where(m[..., None], a, hidden)), Tensor(m)) for a, m in zip(arrays, masks, strict=True)
        ]
        y = layer(*(given * 2 if way == "itself" else given))
        ops.sum(ops.where(QUERY_MASK[..., None], y, 0.0)).backward()
        results.append([np.where(QUERY_MASK[..., None], y.numpy(), 0), *(w.grad.numpy().copy() for w in layer.weights)])
        assert y.mask.numpy().tolist() == QUERY_MASK.tolist()
        for w in layer.weights:
            w.zero_grad()
    for a, b in zip(*results, strict=True):
        assert np.isfinite(b).all()
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_integers_on_every_side():
    layer = layers.MultiHeadAttention(1, 2)
    q, v, k = (np.round(3 * x).astype(np.int64) for x in (QUERY, VALUE, KEY))
    y = layer(q, v, k)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y.numpy(), layer(*(x.astype(np.float32) for x in (q, v, k))).numpy())


@pytest.mark.parametrize("output_shape", [None, 3, (2, 3)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_shapes(output_shape, use_bias):
    layer = made(output_shape=output_shape, use_bias=use_bias)
    symbols = [Input(x.shape[1:], dtype="float64") for x in (QUERY, VALUE, KEY)]
    y, scores = layer(*symbols, return_attention_scores=True)
    last = (5,) if output_shape is None else (output_shape,) if output_shape == 3 else output_shape
    assert y.shape == (None, T, *last)
    assert scores.shape == (None, HEADS, T, S)
    assert layer(*symbols).shape == layer.compute_output_shape(*(x.shape for x in symbols)) == (None, T, *last)
    real, found = layer(QUERY, VALUE, KEY, return_attention_scores=True)
    assert real.shape == (N, T, *last)
    assert found.shape == (N, HEADS, T, S)
    sizes = {w.shape for w in layer.weights}
    assert sizes == {(5, 2, 3), (6, 2, 4), (7, 2, 3), (2, 4, *last)} | ({(2, 3), (2, 4), last} if use_bias else set())


def test_dropout_is_for_training():
    layer = made(dropout=0.5)
    quiet = layer(QUERY, VALUE).numpy()
    np.testing.assert_array_equal(layer(QUERY, VALUE, training=False).numpy(), quiet)
    assert (layer(QUERY, VALUE, training=True).numpy() != quiet).any()
    sure = made()
    np.testing.assert_array_equal(sure(QUERY, VALUE, training=True).numpy(), sure(QUERY, VALUE).numpy())


@pytest.mark.parametrize("mask", [np.ones((S, T)), np.ones((N, T, S + 1)), np.ones(S), np.ones((N, 3, T, S))])
def test_attention_masks_that_do_not_fit(mask):
    with pytest.raises(ValueError, match=r"attention_mask is .*, expected \(T, S\) = \(4, 3\)"):
        made()(QUERY, VALUE, attention_mask=mask)


def test_shapes_that_do_not_fit():
    layer = made()
    layer(QUERY, VALUE, KEY)
    for args, message in (
        ((QUERY[..., :4], VALUE, KEY), "built for 5 features of query"),
        ((QUERY, VALUE[..., :4], KEY), "built for 6 features of value"),
        ((QUERY, VALUE, KEY[..., :4]), "built for 7 features of key"),
        ((QUERY, VALUE, KEY[:1]), "batch and time must agree"),
        ((QUERY, VALUE, KEY[:, :2]), "batch and time must agree"),
        ((QUERY[:1], VALUE, KEY), "the batch sizes differ"),
        ((QUERY[0], VALUE, KEY), r"expected \(batch, time, features\)"),
        ((QUERY, VALUE[None], KEY), r"expected \(batch, time, features\)"),
    ):
        with pytest.raises(ValueError, match=message):
            layer(*args)
        with pytest.raises(ValueError, match=message):
            layer.compute_output_shape(*(x.shape for x in args))
    for shapes in (((None, None, 5), (2, None, 6), (2, 3, 7)), ((2, 4, 5), (None, 3, 6), (2, None, 7))):
        assert layer.compute_output_shape(*shapes) == shapes[0]
    with pytest.raises(ValueError, match="query_mask is"):
        layer(QUERY, VALUE, KEY, query_mask=VALUE_MASK)


def test_in_a_model():
    """Masks of an embedding go the same way drawn and called."""
    tokens = np.array([[1, 2, 3, 0], [4, 0, 0, 0]])
    x = Input((4,), dtype="int32")
    e = layers.Embedding(5, 6, mask_zero=True)(x)
    model = lamina.Model(x, layers.MultiHeadAttention(2, 3)(e, e))
    y = model(tokens).numpy()
    changed = model.layers[1].embeddings.numpy()
    changed[0] = 99.0
    np.testing.assert_array_equal(model(tokens).numpy()[tokens > 0], y[tokens > 0])
