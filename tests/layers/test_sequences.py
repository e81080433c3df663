"""Layers over sequences: masks on their way, attention, positions."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lamina import Model, Sequential, capture, layers, optimizers

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


def test_attention_masks_of_any_type():
    layer = layers.MultiHeadAttention(2, 3, dtype="float64")
    value = rng.standard_normal((2, 3, 4))
    query_mask, value_mask = rng.random((2, 5)) < 0.6, np.array([[1, 1, 0], [1, 0, 1]], bool)
    mask = rng.random((2, 2, 5, 3)) < 0.7

    def run(convert=lambda m: m, **masks):
        return layer(X, value, **{k: convert(m) for k, m in masks.items()}).numpy()

    masks = {"query_mask": query_mask, "value_mask": value_mask, "key_mask": value_mask, "attention_mask": mask[:, 0]}
    for convert in (lambda m: m.astype("int8"), lambda m: m * 2, lambda m: m.astype("float32"), lambda m: m.tolist()):
        np.testing.assert_array_equal(run(convert, **masks), run(**masks))
    for part in (mask[:1], mask[:, :1], mask[0, 0], mask[:, 0], mask[:, 0, :1]):
        sizes = np.expand_dims(part, 1) if part.ndim == 3 else part
        whole = np.broadcast_to(sizes, mask.shape)
        np.testing.assert_array_equal(run(attention_mask=part), run(attention_mask=whole))


def test_attention_names_what_is_wrong():
    layer = layers.MultiHeadAttention(2, 3, name="it")
    value = rng.standard_normal((2, 3, 6))
    assert layer.compute_output_shape((None, 5, 4), (None, 3, 6)) == (None, 5, 4)
    layer(X, value)
    assert layer.compute_output_shape((2, 5, 4), (2, 3, 6), (2, 3, 6)) == (2, 5, 4)
    for arguments, message in [
        ({"attention_mask": np.ones((2, 5, 4))}, r"attention_mask is (2, 5, 4), expected (T, S) = (5, 3), (N, T, S) ="),
        ({"attention_mask": np.ones(3)}, "attention_mask is (3,), expected (T, S) = (5, 3)"),
        ({"query_mask": np.ones((2, 3))}, "query_mask is (2, 3), expected (batch, query time) = (2, 5)"),
        ({"value_mask": np.ones((2, 5))}, "value_mask is (2, 5), expected (batch, value time) = (2, 3)"),
        ({"query": X[:, :, :3]}, "query is (2, 5, 3), but the layer was built for 4 features of query"),
        ({"value": X}, "value is (2, 5, 4), but the layer was built for 6 features of value"),
        ({"key": X}, "key is (2, 5, 4), but the layer was built for 6 features of key"),
        ({"value": layers.Input((3, 5))}, "value is (None, 3, 5), but the layer was built for 6 features of value"),
    ]:
        with pytest.raises(ValueError, match=re.escape(f"MultiHeadAttention 'it': {message}")):
            layer(**{"query": X, "value": value, **arguments})


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


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float64"])
def test_embedding_of_any_type(dtype):
    layer = layers.Embedding(9, 3, mask_zero=True)
    tokens = np.array([[0, 1, 8], [3, 0, 0]])
    y = layer(tokens.astype(dtype))
    np.testing.assert_array_equal(y.numpy(), layer.embeddings.numpy()[tokens])
    np.testing.assert_array_equal(y.mask.numpy(), tokens != 0)
    np.testing.assert_array_equal(layer.compute_mask(tokens.astype(dtype)).numpy(), tokens != 0)
    assert layers.Embedding(9, 3).compute_mask(tokens, None) is None


@pytest.mark.parametrize(
    ("value", "dtype", "shown"),
    [
        (np.nan, "float32", "nan"), (-np.inf, "float64", "-inf"), (1e20, "float64", r"1e\+20"),
        (-1.0, "float32", "-1.0"), (3e9, "float64", "3000000000.0"), (2**63 + 3, "uint64", "9223372036854775811"),
        (200, "uint8", "200"),
    ],
)  # fmt: skip
def test_embedding_names_the_index_that_was_given(value, dtype, shown):
    layer = layers.Embedding(9, 3, name="it")
    with pytest.raises(IndexError, match=rf"Embedding 'it': embedding: index {shown} at \[1, 0\] is outside 0\.\.8"):
        layer(np.array([[0], [value]], dtype))


def test_sine_positions_of_many_lengths():
    """One table, whatever the shapes were; it is right from any position on."""
    layer = layers.SinePositionEncoding(dtype="float64")
    held = 0
    for steps in (3, 1000, 5, 997, 300):
        for start in (0, 17, 990, -4):
            for features in (6, 5):
                y = layer(np.zeros((1, steps, features)), start_index=start).numpy()[0]
                t = np.arange(start, start + steps)[:, None] / 10000.0 ** (2 * (np.arange(features) // 2) / features)
                wanted = np.where(np.arange(features) % 2, np.cos(t), np.sin(t))
                np.testing.assert_allclose(y, wanted, atol=1e-12)
                held = max(held, sum(table.nbytes for table in layer._rows._made[2]))
    assert held <= 2 * 1000 * 6 * 8
    for wrong in (0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="'it': max_wavelength must be positive and finite, got"):
            layers.SinePositionEncoding(wrong, name="it")
    with pytest.raises(TypeError, match="'it': max_wavelength must be a number, got 'x'"):
        layers.SinePositionEncoding("x", name="it")


def test_sine_positions_are_captured_for_every_length():
    layer = layers.SinePositionEncoding()
    step = capture(layer, strict=True)
    for steps in (10, 300, 1000, 10, 3000, 300):
        x = np.zeros((1, steps, 4), np.float32)
        np.testing.assert_array_equal(step(x).numpy(), layer(x).numpy())
    assert len(step.plans) == 4


def test_positions_of_other_features():
    layer = layers.PositionEmbedding(4, name="it")
    layer(np.zeros((2, 4, 3)))
    for x in (np.zeros((2, 4, 2)), layers.Input((4, 2))):
        with pytest.raises(ValueError, match=r"'it': x is \(.*, 4, 2\), but the table was built for 3 features"):
            layer(x)


def masked_model(**options):
    model = Sequential([layers.Embedding(7, 4, mask_zero=True), layers.GRU(3, return_sequences=True), layers.Dense(1)])
    x = np.arange(24).reshape(4, 6) % 6 + 1
    x[:, 3:] = 0
    model(x)
    model.compile(optimizers.SGD(0.1), **options)
    return model, x, rng.standard_normal((4, 6, 1)).astype("f")


@pytest.mark.parametrize("eagerly", [False, True])
def test_masked_steps_do_not_count_in_the_loss(eagerly):
    weight = np.array([1.0, 2.0, 0.0, 3.0], "f")
    model, x, y = masked_model(loss="mse", weighted_metrics=["mae"], run_eagerly=eagerly)
    error = (np.asarray(model(x)) - y)[:, :3, 0]
    loss, mae = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx((error**2).mean(), rel=1e-5)
    loss, mae = model.evaluate(x, y, sample_weight=weight, verbose=0)
    assert loss == pytest.approx((error**2 * weight[:, None]).mean(), rel=1e-5)
    assert mae == pytest.approx((abs(error) * weight[:, None]).sum() / (3 * weight.sum()), rel=1e-5)
    for _ in range(3):
        model.train_on_batch(x, y)
    again, _, _ = masked_model(loss="mse")
    model.set_weights(again.get_weights())
    changed = y.copy()
    changed[:, 3:] = 9
    for each, target in ((model, y), (again, changed)):
        each.fit(x, target, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_softmax_of_masked_sequences():
    tokens = np.array([[1, 2, 0], [4, 0, 0]])
    embedded = layers.Embedding(10, 4, mask_zero=True)(tokens)
    y = layers.Softmax()(embedded)
    np.testing.assert_allclose(y.numpy().sum(-1), 1, rtol=1e-6)
    np.testing.assert_array_equal(y.mask.numpy(), tokens != 0)
    scores = layers.Softmax()(X[0], mask=np.array([True, False, True, True]))  # one that is given, broadcasts
    assert not scores.numpy()[:, 1].any()


def test_concatenated_sequences_join_their_masks():
    tokens = np.array([[1, 2, 0], [4, 0, 0]])
    embedded = layers.Embedding(10, 4, mask_zero=True)(tokens)
    joined = layers.Concatenate(axis=1)([embedded, X, embedded])
    wanted = np.concatenate([tokens != 0, np.ones((2, 5), bool), tokens != 0], 1)
    np.testing.assert_array_equal(joined.mask.numpy(), wanted)
    batches = layers.Concatenate(axis=0)([embedded, embedded])
    np.testing.assert_array_equal(batches.mask.numpy(), np.concatenate([tokens != 0] * 2))
    features = layers.Concatenate()([embedded, embedded])
    np.testing.assert_array_equal(features.mask.numpy(), tokens != 0)
