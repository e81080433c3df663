"""RotaryEmbedding: complex numbers turned, distances, axes, the cache, inside of attention; bad input."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Tensor, layers, ops

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 5, 3, 8))


def turned(x, positions, wavelength=10000.0):
    """(N, T, H, D) as complex numbers, features i and i + D/2."""
    half = x.shape[-1] // 2
    angles = positions[:, None, None] / wavelength ** (np.arange(half) / half)
    z = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * angles)
    return np.concatenate([z.real, z.imag], axis=-1)


def test_values():
    layer = layers.RotaryEmbedding(max_wavelength=50, scaling_factor=2, dtype="float64")
    for options, positions in (({}, np.arange(5)), ({"start_index": 7}, np.arange(7, 12))):
        np.testing.assert_allclose(layer(X, **options).numpy(), turned(X, positions / 2, 50.0), rtol=1e-12, atol=1e-14)
    given = np.array([3, 0, 9, 1000, 2])
    np.testing.assert_allclose(layer(X, positions=given).numpy(), turned(X, given / 2, 50.0), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(layer(X[:, :0]).numpy(), X[:, :0])


def test_lengths_that_change_take_their_rows_from_one_table(monkeypatch):
    """As in attention to a memory of another length, or a text that grows."""
    layer, made = layers.RotaryEmbedding(dtype="float64"), []
    tables = type(layer)._tables
    monkeypatch.setattr(type(layer), "_tables", lambda *args: made.append(args) or tables(*args))
    for steps, start in ((3, 0), (7, 0), (3, 0), (5, 9)):
        x = RNG.standard_normal((2, steps, 1, 4))
        got = layer(x, start_index=start).numpy()
        np.testing.assert_allclose(got, turned(x, np.arange(start, start + steps)), rtol=1e-12, atol=1e-14)
    assert len(made) == 1


def test_axes():
    wanted = turned(X, np.arange(5))
    for order, axes in (((0, 2, 1, 3), (2, 3)), ((3, 0, 2, 1), (-1, 0)), ((1, 3, 0, 2), (0, 1))):
        layer = layers.RotaryEmbedding(sequence_axis=axes[0], feature_axis=axes[1], dtype="float64")
        np.testing.assert_allclose(layer(X.transpose(order)).numpy(), wanted.transpose(order), rtol=1e-12, atol=1e-14)


def test_dot_products_depend_on_the_distance():
    layer = layers.RotaryEmbedding(dtype="float64")
    q, k = RNG.standard_normal((2, 1, 1, 1, 8))
    at = lambda x, t: layer(x, start_index=t).numpy()  # noqa: E731
    near = (at(q, 3) * at(k, 1)).sum()
    np.testing.assert_allclose((at(q, 103) * at(k, 101)).sum(), near, rtol=1e-10)


def test_gradient_turns_back():
    x = Tensor(X, requires_grad=True)
    layer = layers.RotaryEmbedding(dtype="float64")
    dy = RNG.standard_normal(X.shape)
    layer(x).backward(dy)
    np.testing.assert_allclose(x.grad.numpy(), turned(dy, -np.arange(5)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", ["multi", "grouped"])
def test_inside_of_attention_and_step_by_step(kind):
    rotary = layers.RotaryEmbedding(dtype="float64")
    if kind == "multi":
        layer = layers.MultiHeadAttention(2, 4, rotary_embedding=rotary, dtype="float64")
    else:
        layer = layers.GroupedQueryAttention(4, 4, 2, rotary_embedding=rotary, dtype="float64")
    x = Tensor(RNG.standard_normal((2, 6, 8)))
    whole = layer(x, x, use_causal_mask=True).numpy()
    q, k, v = layer._query_dense(x), layer._key_dense(x), layer._value_dense(x)
    q, k = (turned(t.numpy(), np.arange(6)) for t in (q, k))
    by_hand = layer._output_dense(ops.dot_product_attention(q, k, v, is_causal=True))
    np.testing.assert_allclose(whole, by_hand.numpy(), rtol=1e-11, atol=1e-13)
    cache = layers.KeyValueCache(6)

    @lamina.capture
    def step(x):
        with lamina.no_grad(), cache:
            return layer(x, x, use_causal_mask=True)

    for t in range(6):
        np.testing.assert_allclose(step(x[:, t : t + 1]).numpy(), whole[:, t : t + 1], rtol=1e-11, atol=1e-13)
    assert step.reason is None


def test_bad_input():
    for options, error in (
        ({"max_wavelength": 0}, ValueError),
        ({"max_wavelength": "x"}, TypeError),
        ({"scaling_factor": np.inf}, ValueError),
        ({"sequence_axis": 1.5}, TypeError),
    ):
        with pytest.raises(error, match=next(iter(options))):
            layers.RotaryEmbedding(**options)
    for layer in (layers.RotaryEmbedding(), layers.SinePositionEncoding(), layers.PositionEmbedding(9)):
        for start in (1.5, "x"):
            with pytest.raises(TypeError, match="start_index must be an integer, got"):
                layer(np.zeros((1, 2, 4)), start_index=start)
    layer = layers.RotaryEmbedding()
    for shape, message in (((2, 3, 5), "even number"), ((3,), "no two axes"), ((2, 4), "no two axes")):
        with pytest.raises(ValueError, match=message):
            layer(np.zeros(shape))
        with pytest.raises(ValueError, match=message):
            layer.compute_output_shape(shape)
    with pytest.raises(ValueError, match=r"positions are \(3,\), expected one for each step, \(5,\)"):
        layer(X, positions=[0, 1, 2])
    with pytest.raises(TypeError, match="rotary_embedding must be a RotaryEmbedding or None, got True"):
        layers.MultiHeadAttention(1, 2, rotary_embedding=True)
    with pytest.raises(ValueError, match="even number"):
        layers.MultiHeadAttention(1, 3, rotary_embedding=layers.RotaryEmbedding())(X[0], X[0])
    with pytest.raises(ValueError, match="even number of features on axis 0"):
        ops.rotary_embedding(np.zeros(3), 1.0, 0.0, 0)
    with pytest.raises(ValueError, match="rotary_embedding: axis 2 is outside x"):
        ops.rotary_embedding(np.zeros((2, 4)), 1.0, 0.0, 2)
