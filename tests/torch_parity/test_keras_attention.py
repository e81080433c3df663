"""Attention layers against Keras 3 itself: the same weights, masks and options; values, scores and gradients.

Keras's einsum of float64 has the digits of float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compare import many, normal, torch
from hypothesis import given
from hypothesis import strategies as st
from keras_live import keras

from lamina import Tensor, layers

pytestmark = [  # of Keras itself: scores of one key, and copies of torch's tensors
    pytest.mark.filterwarnings("ignore:You are using a softmax over axis"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword"),
]


def agree(got: Any, want: Any) -> None:
    assert got.shape == want.shape
    assert np.isfinite(got).all()
    assert np.abs(got - want).max(initial=0) <= 2e-5 * max(1.0, np.abs(want).max(initial=0))


def compared(
    name: str, options: dict[str, Any], arrays: list[Any], listed: bool, call: dict[str, Any], rows: Any
) -> None:
    """Results (in the rows that count) and gradients; the configuration of Keras's layer makes ours."""
    theirs = getattr(keras.layers, name)(dtype="float64", **options)
    config = theirs.get_config()
    config["dtype"] = "float64"
    ours = getattr(layers, name).from_config(config)
    mine = [Tensor(a.copy(), requires_grad=True) for a in arrays]
    other = [torch.tensor(a, requires_grad=True) for a in arrays]
    with torch.no_grad():
        theirs(other) if listed else theirs(*other)
    ours(mine) if listed else ours(*mine)
    rng = np.random.default_rng(5)
    weights = [rng.standard_normal(w.shape) for w in theirs.weights]
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    got = ours(mine, **call) if listed else ours(*mine, **call)
    given_masks = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in call.items()}
    if isinstance(call.get("mask"), list):
        given_masks["mask"] = [None if m is None else torch.tensor(m) for m in call["mask"]]
    want = theirs(other, **given_masks) if listed else theirs(*other, **given_masks)
    if call.get("return_attention_scores"):
        # Keras's scores do not know the mask of a query's own step: only rows that count are compared.
        scores, found = got[1].numpy(), want[1].detach().numpy()
        assert scores.shape == found.shape
        keep = rows if rows.ndim == scores.ndim - 1 else np.broadcast_to(rows[:, None], scores.shape[:-1])
        agree(scores[keep], found[keep])
        got, want = got[0], want[0]
    value = want.detach().numpy()
    assert got.shape == value.shape
    agree(got.numpy()[rows], value[rows])
    dy = np.where(rows.reshape(*rows.shape, *(1,) * (value.ndim - rows.ndim)), rng.standard_normal(value.shape), 0.0)
    got.backward(dy)
    want.backward(torch.tensor(dy))
    for a, b in zip(mine, other, strict=True):
        agree(a.grad.numpy(), b.grad.numpy())
    for a, b in zip(ours.trainable_weights, theirs.trainable_weights, strict=True):
        agree(a.grad.numpy(), b.value.grad.numpy())


def seen(seed: int, *shape: int) -> Any:
    """A mask whose first step counts."""
    mask = np.random.default_rng(seed).random(shape) > 0.4
    mask[..., 0] = True
    return mask


@st.composite
def sequences(draw):
    """A seed, and batch, query time, value time, features of both."""
    return draw(st.integers(0, 999)), *(draw(st.integers(1, n)) for n in (3, 7, 7, 6, 6))


@many
@given(
    sequences(),
    st.booleans(),
    st.sampled_from(["dot", "concat", "add"]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 3),
)
def test_attention(sizes, use_scale, mode, own_key, causal, masked):
    seed, n, t, s, d, dv = sizes
    name = "AdditiveAttention" if mode == "add" else "Attention"
    options = {"use_scale": use_scale} | ({} if mode == "add" else {"score_mode": mode})
    arrays = [normal(seed, n, t, d), normal(seed + 1, n, s, dv if own_key else d)]
    arrays += [normal(seed + 2, n, s, d)] if own_key else []
    masks = [seen(seed, n, t) if masked & 1 else None, seen(seed + 1, n, s) if masked & 2 else None]
    call = {"use_causal_mask": causal, "return_attention_scores": bool(seed & 1)}
    if masked:
        call["mask"] = masks
    rows = np.ones((n, t), bool) if masks[0] is None else masks[0]
    compared(name, options, arrays, True, call, rows)


@st.composite
def heads(draw):
    """How a call of several heads is masked and what it returns."""
    return {
        "use_causal_mask": draw(st.booleans()),
        "return_attention_scores": draw(st.booleans()),
        "masks": draw(st.integers(0, 7)),
        "window": draw(st.sampled_from([None, None, 1, 3])),
        "use_bias": draw(st.booleans()),
        "use_gate": draw(st.booleans()),
    }


def masked_call(seed: int, how: dict[str, Any], n: int, t: int, s: int) -> tuple[dict[str, Any], Any]:
    call = {k: how[k] for k in ("use_causal_mask", "return_attention_scores")}
    rows = np.ones((n, t), bool)
    if how["masks"] & 1:
        call["query_mask"] = rows = seen(seed, n, t)
    if how["window"] is None and how["masks"] & 2:
        call["value_mask"] = seen(seed + 1, n, s)
    if how["masks"] & 4:
        mask = np.random.default_rng(seed + 2).random((n, t, s)) > 0.4
        mask[..., 0] |= how["window"] is None
        call["attention_mask"] = mask | np.eye(t, s, dtype=bool)
        if "value_mask" in call:
            call["value_mask"] = np.ones((n, s), bool)
    return call, rows


@many
@given(sequences(), heads(), st.sampled_from([None, 3, (2, 3)]), st.sampled_from([None, 4]), st.integers(1, 3))
def test_multi_head(sizes, how, output_shape, value_dim, number):
    seed, n, t, s, d, dv = sizes
    s = t if how["window"] else s
    options = {"num_heads": number, "key_dim": 3, "value_dim": value_dim, "output_shape": output_shape}
    options |= {"use_bias": how["use_bias"], "use_gate": how["use_gate"], "sliding_window": how["window"]}
    call, rows = masked_call(seed, how, n, t, s)
    compared("MultiHeadAttention", options, [normal(seed, n, t, d), normal(seed + 1, n, s, dv)], False, call, rows)


@many
@given(sequences(), heads(), st.integers(1, 2), st.integers(1, 3))
def test_grouped_query(sizes, how, shared, number):
    seed, n, t, s, d, dv = sizes
    s = t if how["window"] else s
    options = {"head_dim": 3, "num_query_heads": number * shared, "num_key_value_heads": number}
    options |= {"use_bias": how["use_bias"], "use_gate": how["use_gate"], "sliding_window": how["window"]}
    call, rows = masked_call(seed, how, n, t, s)
    compared("GroupQueryAttention", options, [normal(seed, n, t, d), normal(seed + 1, n, s, dv)], False, call, rows)


@many
@given(st.integers(0, 999), st.integers(4, 5), st.data())
def test_axes(seed, ndim, data):
    sizes = [data.draw(st.integers(1, 3)) for _ in range(ndim - 2)]
    between = list(range(1, ndim - 1))
    axes = data.draw(st.one_of(st.none(), st.lists(st.sampled_from(between), min_size=1, unique=True).map(sorted)))
    q = normal(seed, 2, *sizes, 5)
    attended = between if axes is None else axes
    other = [n + 1 if i + 1 in attended else n for i, n in enumerate(sizes)]
    options = {"num_heads": 2, "key_dim": 3, "attention_axes": None if axes is None else tuple(axes)}
    call: dict[str, Any] = {"return_attention_scores": True}
    if data.draw(st.booleans()):
        sizes_of = [[k[i - 1] for i in attended] for k in (sizes, other)]
        call["attention_mask"] = seen(seed, 2, *(() if axes is None else (1,) * (ndim - 2 - len(axes))), *sizes_of[0],
                                      int(np.prod(sizes_of[1]))).reshape(
            2, *(() if axes is None else (1,) * (ndim - 2 - len(axes))), *sizes_of[0], *sizes_of[1])  # fmt: skip
    ours = layers.MultiHeadAttention(dtype="float64", **options)
    theirs = keras.layers.MultiHeadAttention(dtype="float64", **options)
    v = normal(seed + 1, 2, *other, 4)
    theirs(torch.tensor(q), torch.tensor(v))
    ours(q, v)
    ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
    got, scores = ours(q, v, **call)
    given_masks = {k: torch.tensor(m) if isinstance(m, np.ndarray) else m for k, m in call.items()}
    want, found = theirs(torch.tensor(q), torch.tensor(v), **given_masks)
    agree(scores.numpy(), found.detach().numpy())
    agree(got.numpy(), want.detach().numpy())
