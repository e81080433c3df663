"""generate: the same symbols with a cache as without, greedy and drawn, past the context; ends; bad input."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.models import generate
from lamina.models.generation import draw_tokens

SYMBOLS = 11


def decoder(positions=64, steps=None, last=None):
    lamina.random.seed(3)
    x = inputs = lamina.Input((steps,), dtype="int64")
    x = layers.Embedding(SYMBOLS, 16, embeddings_initializer="normal")(x)
    x = layers.Add()([x, layers.PositionEmbedding(positions, initializer="normal")(x)])
    for _ in range(2):
        h = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(2, 8)(h, h, use_causal_mask=True)])
        x = layers.Add()([x, layers.Dense(16, activation="gelu")(layers.LayerNormalization()(x))])
    y = layers.Dense(SYMBOLS, kernel_initializer=lamina.initializers.RandomNormal(0, 1.0))(x)
    return lamina.Model(inputs, y if last is None else last(y))


WAYS = {
    "greedy": {"temperature": 0},
    "drawn": {},
    "hot": {"temperature": 1.7},
    "top k": {"top_k": 3},
    "top p": {"top_p": 0.7, "temperature": 0.9},
    "both": {"top_k": 4, "top_p": 0.8},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("context", [None, 8])
def test_cache_gives_the_symbols_of_the_whole(way, context):
    model = decoder()
    prompt = np.array([[1, 2, 3], [5, 0, 7]])
    kept = generate(model, prompt, 40, **WAYS[way], context=context, seed=4)
    whole = generate(model, prompt, 40, **WAYS[way], context=context, seed=4, use_cache=False)
    assert kept.shape == (2, 43)
    np.testing.assert_array_equal(kept, whole)
    np.testing.assert_array_equal(kept[:, :3], prompt)
    assert len(np.unique(kept)) > 3


def test_one_sequence_a_function_and_the_position_table():
    model = decoder(positions=10)
    y = generate(model, [1, 2], 30, temperature=0)
    assert y.shape == (32,)
    np.testing.assert_array_equal(y, generate(model, np.array([[1, 2]]), 30, temperature=0)[0])
    np.testing.assert_array_equal(y, generate(model.__call__, [1, 2], 30, temperature=0, context=10))
    fixed = decoder(positions=10, steps=10)
    np.testing.assert_array_equal(y, generate(fixed, [1, 2], 30, temperature=0, use_cache=False))
    assert generate(model, [1, 2], 0).tolist() == [1, 2]
    assert len(generate(model, [1] * 25, 3)) == 28  # a prompt longer than the context


def test_steps_are_captured_once():
    model, calls = decoder(), []

    def noted(x):
        calls.append(x.shape)
        return model(x)

    generate(noted, [1, 2, 3], 20, temperature=0)
    assert calls == [(1, 3), (1, 1), (1, 4)]  # the prompt, the recorded step, the comparison


def test_seeds():
    model = decoder()
    first = generate(model, [1], 30, seed=1)
    assert (first == generate(model, [1], 30, seed=1)).all()
    assert (first != generate(model, [1], 30, seed=2)).any()
    stream = lamina.random.Generator(5)
    drawn = [generate(model, [1], 30, seed=stream) for _ in range(2)]
    assert (drawn[0] != drawn[1]).any()
    lamina.random.seed(9)
    of_process = generate(model, [1], 30)
    lamina.random.seed(9)
    assert (of_process == generate(model, [1], 30)).all()


def test_ends():
    model = decoder()
    free = generate(model, [[1], [2]], 30, temperature=0)
    stop = int(free[0, 5])
    first = [int(np.argmax(row[1:] == stop)) + 1 if stop in row[1:] else 30 for row in free]
    y = generate(model, [[1], [2]], 30, temperature=0, stop_token_ids=stop)
    assert y.shape[1] == max(first) + 1
    for row, whole, n in zip(y, free, first, strict=True):
        np.testing.assert_array_equal(row[: n + 1], whole[: n + 1])
        assert (row[n:] == row[n]).all()
    assert generate(model, [1], 30, temperature=0, stop_token_ids=[stop, int(free[0, 1])]).tolist() == [1, free[0, 1]]


def test_draws():
    z = np.log(np.array([[0.5, 0.3, 0.15, 0.05]] * 4000))
    rng = np.random.default_rng(0)
    share = lambda **options: np.bincount(draw_tokens(z, generator=rng, **options), minlength=4) / 4000  # noqa: E731
    np.testing.assert_allclose(share(), [0.5, 0.3, 0.15, 0.05], atol=0.04)
    np.testing.assert_allclose(share(top_k=2), [0.625, 0.375, 0, 0], atol=0.04)
    np.testing.assert_allclose(share(top_p=0.75), [0.625, 0.375, 0, 0], atol=0.04)
    np.testing.assert_allclose(share(top_p=0.85), [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0], atol=0.04)
    np.testing.assert_allclose(share(top_p=1e-9), [1, 0, 0, 0])
    np.testing.assert_allclose(share(temperature=0.5), np.array([25, 9, 2.25, 0.25]) / 36.5, atol=0.04)
    np.testing.assert_allclose(share(temperature=0), [1, 0, 0, 0])
    assert draw_tokens([[-np.inf, 0.0, -np.inf]], generator=rng).tolist() == [1]


def test_layers_that_look_at_several_steps_are_noticed():
    x = lamina.Input((None,), dtype="int64")
    recurrent = layers.LSTM(8, return_sequences=True)(layers.Embedding(SYMBOLS, 8)(x))
    model = lamina.Model(x, layers.Dense(SYMBOLS)(recurrent))
    with pytest.raises(ValueError, match=r"other logits than without.*use_cache=False"):
        generate(model, [1, 2, 3], 5, temperature=0)
    assert generate(model, [1, 2, 3], 5, temperature=0, use_cache=False).shape == (8,)


@pytest.mark.parametrize("use_cache", [False, True])
def test_half_of_the_context_is_kept_where_it_is_full(use_cache):
    """A model of the place in the window alone says where windows begin."""
    x = lamina.Input((None,), dtype="int64")
    table = layers.PositionEmbedding(6, initializer=lambda shape, dtype: np.eye(*shape, dtype=dtype))
    model = lamina.Model(x, table(layers.Embedding(6, 6, embeddings_initializer="zeros")(x)))
    y = generate(model, [0], 14, temperature=0, use_cache=use_cache)
    assert y.tolist() == [0, 0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 2, 3, 4, 5]


def test_bad_input():
    model = decoder()
    for prompt, error, message in (
        ([], (TypeError, ValueError), "prompt"),
        ([1.5], TypeError, "expected integers"),
        ([[[1]]], ValueError, r"expected \(T,\) or \(N, T\)"),
        ("abc", (TypeError, ValueError), "prompt"),
        ([SYMBOLS], IndexError, "index 11"),
    ):
        with pytest.raises(error, match=message):
            generate(model, prompt, 3)
    for options, error, message in (
        ({"temperature": -1}, ValueError, "temperature must be 0"),
        ({"temperature": np.nan}, ValueError, "temperature must be 0"),
        ({"top_k": 0}, ValueError, "top_k must be at least 1, got 0"),
        ({"top_k": 1.5}, TypeError, "top_k must be an integer"),
        ({"top_p": 0}, ValueError, "top_p must be above 0"),
        ({"top_p": 1.1}, ValueError, "top_p must be above 0"),
        ({"context": 0}, ValueError, "context must be at least 1"),
        ({"context": 65}, ValueError, "sequence_length=64 positions"),
    ):
        with pytest.raises(error, match=message):
            generate(model, [1], 70, **options)
    with pytest.raises(ValueError, match="max_new_tokens must be at least 0"):
        generate(model, [1], -1)
    with pytest.raises(ValueError, match="takes exactly 6 steps"):
        generate(decoder(steps=6), [1], 3)
    with pytest.raises(ValueError, match=r"expected logits \(N, T, symbols\)"):
        generate(decoder(last=layers.GlobalAveragePooling1D()), [1], 3)
    with pytest.raises(ValueError, match="gives NaN for sequence 0"):
        generate(lambda x: model(x) * np.nan, [1], 3)
