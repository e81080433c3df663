"""Symbolic calls with every form of arguments: nest, shapes and types are those of the call, and so are the numbers."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.tree import flatten

RNG = np.random.default_rng(0)


def array(*shape):
    return RNG.standard_normal(shape).astype("f4")


def nest(x):
    """The form of a result: lists, tuples and dicts, with a dot for each tensor."""
    if isinstance(x, dict):
        return {k: nest(v) for k, v in x.items()}
    return type(x)(nest(v) for v in x) if isinstance(x, (list, tuple)) else "."


X, H, C = array(2, 4), array(2, 3), array(2, 3)
SEQUENCE, OTHER = array(2, 5, 4), array(2, 3, 4)
IMAGE = array(2, 6, 5, 3)
STEPS = array(2, 3, 5, 5, 2)  # images in time
# A layer, and how it is called with arrays or symbolic tensors.
CASES = {
    "rnn cell, a tensor": (lambda: layers.SimpleRNNCell(3), lambda f, x, h: f(x, h), X, H),
    "rnn cell, a list": (lambda: layers.SimpleRNNCell(3), lambda f, x, h: f(x, [h]), X, H),
    "gru cell, a tensor": (lambda: layers.GRUCell(3), lambda f, x, h: f(x, h), X, H),
    "gru cell, a list": (lambda: layers.GRUCell(3), lambda f, x, h: f(x, [h]), X, H),
    "lstm cell": (lambda: layers.LSTMCell(3), lambda f, x, h, c: f(x, [h, c]), X, H, C),
    "stacked cells": (
        lambda: layers.StackedRNNCells([layers.LSTMCell(3), layers.GRUCell(3)]),
        lambda f, x, h, c: f(x, [[h, c], [h]]), X, H, C,
    ),
    "rnn, states": (lambda: layers.SimpleRNN(3, return_state=True), lambda f, x: f(x), SEQUENCE),
    "gru, all": (
        lambda: layers.GRU(3, return_sequences=True, return_state=True),
        lambda f, x, h: f(x, initial_state=h), SEQUENCE, H,
    ),
    "lstm, states": (
        lambda: layers.LSTM(3, return_state=True), lambda f, x, h, c: f(x, initial_state=[h, c]), SEQUENCE, H, C,
    ),
    "both ways, states": (
        lambda: layers.Bidirectional(layers.LSTM(3, return_state=True)), lambda f, x: f(x), SEQUENCE,
    ),
    "both ways, apart": (
        lambda: layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode=None),
        lambda f, x: f(x), SEQUENCE,
    ),
    "images in time": (
        lambda: layers.ConvLSTM2D(2, 3, padding="same", return_state=True, return_sequences=True),
        lambda f, x: f(x), STEPS,
    ),
    "attention": (lambda: layers.MultiHeadAttention(2, 3), lambda f, q, v: f(q, v), SEQUENCE, OTHER),
    "attention, scores": (
        lambda: layers.MultiHeadAttention(2, 3), lambda f, q, v: f(q, v, return_attention_scores=True), SEQUENCE, OTHER,
    ),
    "attention, keys": (
        lambda: layers.MultiHeadAttention(2, 3, output_shape=7), lambda f, q, v, k: f(q, v, k), SEQUENCE, OTHER, OTHER,
    ),
    "grouped attention, scores": (
        lambda: layers.GroupQueryAttention(3, 4, 2),
        lambda f, q, v: f(q, v, return_attention_scores=True), SEQUENCE, OTHER,
    ),
    "scores of sequences": (
        layers.Attention, lambda f, q, v: f([q, v], return_attention_scores=True), SEQUENCE, OTHER,
    ),
    "sequences": (layers.AdditiveAttention, lambda f, q, v, k: f([q, v, k]), SEQUENCE, array(2, 3, 6), OTHER),
    "encoder, scores": (
        lambda: layers.TransformerEncoder(8, 2), lambda f, x: f(x, return_attention_scores=True), SEQUENCE,
    ),
    "decoder": (lambda: layers.TransformerDecoder(8, 2), lambda f, x, m: f(x, m), SEQUENCE, OTHER),
    "largest, places": (lambda: layers.MaxPooling2D(2, return_indices=True), lambda f, x: f(x), IMAGE),
    "each step": (lambda: layers.TimeDistributed(layers.Conv2D(4, 3)), lambda f, x: f(x), STEPS),
    "own shape": (
        lambda: layers.Lambda(lambda x: [x[:, :1], x * 2], output_shape=[(1, 4), (5, 4)]), lambda f, x: f(x), SEQUENCE,
    ),
    "own shape by a function": (
        lambda: layers.Lambda(lambda x: x[:, :2], output_shape=lambda s: (s[0], 2, s[2])), lambda f, x: f(x), SEQUENCE,
    ),
    "nests": (layers.Identity, lambda f, x, y: f({"a": x, "b": [y, x]}), X, H),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_symbolic_call_gives_what_the_call_gives(name):
    make, call, *given = CASES[name]
    layer = make()
    want = call(layer, *map(lamina.Tensor, given))
    inputs = [lamina.Input(x.shape[1:]) for x in given]
    drawn = call(layer, *inputs)
    assert nest(drawn) == nest(want)
    for symbol, value in zip(flatten(drawn), flatten(want), strict=True):
        assert (len(symbol.shape), symbol.dtype) == (value.ndim, value.dtype)
        assert all(n in (None, m) for n, m in zip(symbol.shape, value.shape, strict=True)), (symbol.shape, value.shape)
        assert None not in symbol.shape[1:]
    found = lamina.Model(inputs, drawn)(given if len(given) > 1 else given[0])
    assert nest(found) == nest(want)
    for a, b in zip(flatten(found), flatten(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
