"""Attention and AdditiveAttention: the formulas, masks, causal, scores, dropout, gradients; bad input."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, Tensor, layers, ops
from lamina.core.masked_tensor import attach

RNG = np.random.default_rng(0)
QUERY, VALUE, KEY = RNG.standard_normal((2, 4, 5)), RNG.standard_normal((2, 3, 6)), RNG.standard_normal((2, 3, 5))
QUERY_MASK, VALUE_MASK = np.array([[1, 1, 0, 1], [1, 0, 0, 1]], bool), np.array([[1, 0, 1], [1, 1, 0]], bool)

KINDS = {
    "dot": (lambda: layers.Attention(dtype="float64"), lambda q, k, _: np.einsum("ntd,nsd->nts", q, k)),
    "scaled": (
        lambda: layers.Attention(use_scale=True, dtype="float64"),
        lambda q, k, w: w[0] * np.einsum("ntd,nsd->nts", q, k),
    ),
    "concat": (
        lambda: layers.Attention(use_scale=True, score_mode="concat", dtype="float64"),
        lambda q, k, w: w[1] * np.tanh(w[0] * (q[:, :, None] + k[:, None])).sum(-1),
    ),
    "additive": (
        lambda: layers.AdditiveAttention(dtype="float64"),
        lambda q, k, w: (w[0] * np.tanh(q[:, :, None] + k[:, None])).sum(-1),
    ),
    "additive without scale": (
        lambda: layers.AdditiveAttention(use_scale=False, dtype="float64"),
        lambda q, k, _: np.tanh(q[:, :, None] + k[:, None]).sum(-1),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_values_are_those_of_the_formula(kind, causal, masked):
    make, formula = KINDS[kind]
    layer = make()
    layer([QUERY, VALUE, KEY])
    for w in layer.weights:
        w.assign(RNG.standard_normal(w.shape))
    options = {"mask": [QUERY_MASK, VALUE_MASK]} if masked else {}
    y, scores = layer([QUERY, VALUE, KEY], use_causal_mask=causal, return_attention_scores=True, **options)
    s = formula(QUERY, KEY, [w.numpy() for w in layer.weights])
    seen = np.broadcast_to(np.tri(4, 3, dtype=bool) if causal else np.ones((4, 3), bool), s.shape)
    if masked:
        seen = seen & VALUE_MASK[:, None]
    p = np.where(seen, np.exp(s), 0)
    p /= np.maximum(p.sum(-1, keepdims=True), 1e-300)
    wanted = p @ VALUE * (QUERY_MASK[..., None] if masked else 1)
    np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-9, atol=1e-12)
    kept = QUERY_MASK if masked else np.ones((2, 4), bool)
    np.testing.assert_allclose(scores.numpy()[kept], p[kept], rtol=1e-9, atol=1e-12)
    alone = layer([QUERY, VALUE, KEY], use_causal_mask=causal, **options)
    np.testing.assert_allclose(alone.numpy(), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_mask_leaves_out_reaches_neither_values_nor_gradients(kind):
    layer = KINDS[kind][0]()
    results = []
    for hidden in (0.0, np.nan):
        x = [
            attach(Tensor(np.where(m[..., None], a, hidden), requires_grad=True), Tensor(m))
            for a, m in ((QUERY, QUERY_MASK), (VALUE, VALUE_MASK), (KEY, VALUE_MASK))
        ]
        y = layer(x)
        assert y.mask.numpy().tolist() == QUERY_MASK.tolist()
        ops.sum(ops.square(y)).backward()
        results.append([y.numpy(), *(w.grad.numpy().copy() for w in layer.weights)])
        for w in layer.weights:
            w.zero_grad()
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_key_is_the_value_and_masks_in_the_call():
    layer = layers.Attention()
    x = VALUE.astype("float32")
    np.testing.assert_array_equal(layer([x, x]).numpy(), layer([x, x, x]).numpy())
    y = layer([x, x], mask=[None, VALUE_MASK]).numpy()
    np.testing.assert_allclose(y, layer([x, x], mask=[None, VALUE_MASK, None]).numpy(), rtol=0)
    assert layer([Input((4, 5)), Input((3, 6)), Input((3, 5))]).shape == (None, 4, 6)
    y, scores = layer([Input((4, 6)), Input((3, 6))], return_attention_scores=True)
    assert (y.shape, scores.shape) == ((None, 4, 6), (None, 4, 3))
    assert layers.AdditiveAttention().get_config().keys() & {"score_mode"} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_is_for_training(kind):
    options = {"dropout": 0.5, "seed": 1}
    layer = layers.AdditiveAttention(**options) if "additive" in kind else layers.Attention(**options)
    x = [QUERY, VALUE, KEY]
    quiet = layer(x).numpy()
    np.testing.assert_array_equal(layer(x, training=False).numpy(), quiet)
    assert (layer(x, training=True).numpy() != quiet).any()


def test_what_does_not_fit():
    layer = layers.Attention()
    for inputs, message in (
        (QUERY, r"expected a list \[query, value\]"),
        ([QUERY], "got 1 of them"),
        ([QUERY, VALUE], "features axes must agree"),
        ([QUERY, VALUE, KEY[:, :2]], "time axes must agree"),
        ([QUERY[:1], VALUE, KEY], "batch axes must agree"),
        ([QUERY[0], VALUE, KEY], r"query is \(4, 5\), expected \(batch, time, features\)"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            layer(inputs)
    layer([QUERY, VALUE, KEY])
    with pytest.raises(ValueError, match=r"mask must be a list \[query_mask, value_mask\]"):
        layer([QUERY, VALUE, KEY], mask=QUERY_MASK)
    with pytest.raises(ValueError, match="value_mask is"):
        layer([QUERY, VALUE, KEY], mask=[None, QUERY_MASK])
    with pytest.raises(ValueError, match="score_mode is 'sum', expected 'dot' or 'concat'"):
        layers.Attention(score_mode="sum")
    with pytest.raises(ValueError, match="dropout"):
        layers.AdditiveAttention(dropout=1.5)
