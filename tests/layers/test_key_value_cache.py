"""KeyValueCache: step by step as at once, captured too; positions; full, other batches, what it has not."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Tensor, layers, ops

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 9, 6))


def attention(**options):
    layer = layers.MultiHeadAttention(3, 4, 5, bias_initializer="normal", dtype="float64", **options)
    layer(X, X)
    return layer


def in_parts(step, cache, sizes):
    """The results of X cut into parts, one block each."""
    found, at = [], 0
    for n in sizes:
        with lamina.no_grad(), cache:
            found.append(step(Tensor(X[:, at : at + n])).numpy())
        at += n
    assert cache.length == at
    return np.concatenate(found, axis=1)


@pytest.mark.parametrize("sizes", [(9,), (1,) * 9, (4, 1, 4), (1, 8), (8, 1)])
@pytest.mark.parametrize("use_gate", [False, True])
def test_parts_are_the_whole(sizes, use_gate):
    layer = attention(use_gate=use_gate)
    whole = layer(X, X, use_causal_mask=True).numpy()
    cache = layers.KeyValueCache(9)
    for _ in range(2):  # the memory is used again
        np.testing.assert_allclose(
            in_parts(lambda x: layer(x, x, use_causal_mask=True), cache, sizes), whole, rtol=1e-12, atol=1e-14
        )
        cache.reset()
    assert cache.nbytes == 8 * 2 * 3 * (4 * 64 + 9 * 5)
    assert "capacity=9, batch=2" in repr(cache)


@pytest.mark.parametrize("make", [lambda: layers.PositionEmbedding(9, dtype="float64"), layers.SinePositionEncoding])
def test_positions_go_on(make):
    layer = make()
    whole = layer(X).numpy()
    np.testing.assert_array_equal(in_parts(layer, layers.KeyValueCache(9), (1, 3, 1, 4)), whole)


def test_one_layer_at_two_places_keeps_two_entries():
    layer = attention(output_shape=6)
    twice = lambda x: layer(y := layer(x, x, use_causal_mask=True), y, use_causal_mask=True)  # noqa: E731
    np.testing.assert_allclose(
        in_parts(twice, layers.KeyValueCache(20), (2, 1, 1, 5)), twice(X).numpy(), rtol=1e-12, atol=1e-14
    )


def test_attention_to_other_sequences_is_not_kept():
    layer, memory = attention(), RNG.standard_normal((2, 4, 6))
    cache = layers.KeyValueCache(9)
    for t in range(9):
        with lamina.no_grad(), cache:
            y = layer(X[:, t : t + 1], memory)
    np.testing.assert_allclose(y.numpy(), layer(X, memory).numpy()[:, 8:], rtol=1e-12, atol=1e-14)
    assert cache.length == cache.nbytes == 0


def test_captured_steps_go_on_and_start_again():
    layer = attention()
    whole = layer(X, X, use_causal_mask=True).numpy()
    cache = layers.KeyValueCache(9)

    @lamina.capture
    def step(x):
        with lamina.no_grad(), cache:
            return layer(x, x, use_causal_mask=True)

    for _ in range(2):
        for t in range(9):
            y = step(X[:, t : t + 1])
            np.testing.assert_allclose(y.numpy(), whole[:, t : t + 1], rtol=1e-12, atol=1e-14)
        with pytest.raises(ValueError, match=r"cache is full: it keeps 9 steps, 1 more come, and its capacity is 9"):
            step(X[:, :1])
        assert cache.length == 9
        cache.reset()
    assert step.reason is None
    assert len(step.plans) == 1


def test_captured_steps_inside_of_a_block_run_eagerly():
    """A replay would not note that the block has steps; a plan from outside knows no cache."""
    layer = attention()
    step = lamina.capture(lambda x: layer(x, x, use_causal_mask=True).detach())
    whole = step(X).numpy()
    first = step(X[:, :1]).numpy()
    cache = layers.KeyValueCache(9)
    for t in range(9):
        with lamina.no_grad(), cache:
            y = step(X[:, t : t + 1])
        np.testing.assert_allclose(y.numpy(), whole[:, t : t + 1], rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(step(X[:, :1]).numpy(), first)
    assert cache.length == 9
    assert len(step.plans) == 2


def test_predict_inside_of_a_block():
    inputs = lamina.Input((None, 6), dtype="float64")
    h = layers.MultiHeadAttention(2, 3, dtype="float64")(inputs, inputs, use_causal_mask=True)
    model = lamina.Model(inputs, h)
    whole = model.predict(X, verbose=0)
    cache = layers.KeyValueCache(9)
    for t in range(9):
        with cache:
            y = model.predict(X[:, t : t + 1], verbose=0)
        np.testing.assert_allclose(y, whole[:, t : t + 1], rtol=1e-12, atol=1e-14)


def test_full():
    layer = attention()
    for call in (lambda: layer(X, X, use_causal_mask=True), lambda: layers.SinePositionEncoding()(X)):
        cache = layers.KeyValueCache(8)
        with lamina.no_grad(), pytest.raises(ValueError, match="full: it keeps 0 steps, 9 more come"), cache:
            call()
        assert cache.length == 0


def test_what_fails_keeps_nothing():
    """Neither steps nor the batch size."""
    layer, cache = attention(), layers.KeyValueCache(3)
    with lamina.no_grad(), pytest.raises(ValueError, match="full"), cache:
        layer(X[:, :4], X[:, :4], use_causal_mask=True)
    assert cache.length == cache.nbytes == 0
    with lamina.no_grad(), cache:
        layer(X[:1, :2], X[:1, :2], use_causal_mask=True)
    assert cache.length == 2


def test_what_does_not_fit():
    layer, x = attention(), Tensor(X)
    cache = layers.KeyValueCache(9)
    for options, message in (
        ({}, "without use_causal_mask"),
        ({"query_mask": np.ones((2, 9), bool)}, "without use_causal_mask"),
        ({"use_causal_mask": True, "attention_mask": np.ones((9, 9))}, "has no masks"),
        ({"use_causal_mask": True, "return_attention_scores": True}, "has no scores"),
        ({"use_causal_mask": True, "training": True}, "has no training"),
    ):
        with lamina.no_grad(), pytest.raises(ValueError, match=message), cache:
            layer(x, x, **options)
    with pytest.raises(ValueError, match="no_grad"), cache:
        layer(X, X, use_causal_mask=True)
    with lamina.no_grad(), cache:
        layer(X, X, use_causal_mask=True)
    cache.reset()
    with lamina.no_grad(), pytest.raises(ValueError, match="batch size 2, got 1"), cache:
        layer(X[:1], X[:1], use_causal_mask=True)
    with lamina.no_grad(), pytest.raises(ValueError, match="block of 2 steps, got 9"), cache:
        ops.add(layer(y := x[:, :2], y, use_causal_mask=True), layer(x, x, use_causal_mask=True))
    with cache, pytest.raises(ValueError, match="inside of itself"), cache:
        pass
    with lamina.no_grad(), pytest.raises(ValueError, match="sequence_length=8 positions"), cache:
        layers.PositionEmbedding(8)(X)
    with lamina.no_grad(), pytest.raises(ValueError, match="start_index=1"), cache:
        layers.PositionEmbedding(9)(X, start_index=1)
    assert cache.length == 0
    for capacity, error in ((0, ValueError), (-1, ValueError), (1.5, TypeError), ("x", TypeError)):
        with pytest.raises(error, match="KeyValueCache: capacity"):
            layers.KeyValueCache(capacity)
