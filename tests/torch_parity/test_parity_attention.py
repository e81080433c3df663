"""Attention against PyTorch: masks, bias, causal, lengths, cross-attention, shared heads."""

from __future__ import annotations

import numpy as np
from compare import compare, many, normal, torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.ops.attention import attention_with_scores, dot_product_attention

F = torch.nn.functional


@st.composite
def shapes(draw):
    """(batch, queries, keys, heads, key heads, head size, value size)"""
    shared, heads = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    sizes = st.sampled_from([1, 3, 4, 8, 16, 20, 33, 64])
    times = st.one_of(st.integers(1, 20), st.integers(1, 150))
    return draw(st.integers(1, 3)), draw(times), draw(times), heads * shared, heads, draw(sizes), draw(sizes)


def qkv(shape, seed: int):
    batch, queries, keys, heads, shared, size, value = shape
    return [
        normal(seed, batch, queries, heads, size),
        normal(seed + 1, batch, keys, shared, size),
        normal(seed + 2, batch, keys, shared, value),
    ]


def theirs(q, k, v, bias=None, mask=None, scale=None):
    """With everything that hides a key in one mask; rows that see nothing give zero."""
    groups = q.shape[2] // k.shape[2]
    k, v = k.repeat_interleave(groups, 2), v.repeat_interleave(groups, 2)
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    full = torch.zeros(q.shape[0], q.shape[1], q.shape[2], k.shape[2], dtype=q.dtype)
    if bias is not None:
        full = full + bias
    seen = torch.ones_like(full, dtype=torch.bool) if mask is None else torch.as_tensor(mask).expand(full.shape)
    some = seen.any(-1, keepdim=True)
    full = full.masked_fill(~seen & some, float("-inf"))
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=full, scale=scale)
    return torch.where(some, y, torch.zeros((), dtype=y.dtype)).transpose(1, 2)


def causal(queries: int, keys: int, alignment: str):
    shift = keys - queries if alignment == "bottom_right" else 0
    return np.arange(keys)[None] <= np.arange(queries)[:, None] + shift


@many
@given(shapes(), st.sampled_from([None, 0.3]), st.sampled_from(["", "top_left", "bottom_right"]), st.integers(0, 99))
def test_plain_and_causal(shape, scale, alignment, seed):
    mask = causal(shape[1], shape[2], alignment) if alignment else None
    options = {"is_causal": True, "causal_alignment": alignment} if alignment else {}
    compare(
        lambda q, k, v: dot_product_attention(q, k, v, scale=scale, **options),
        lambda q, k, v: theirs(q, k, v, mask=mask, scale=scale),
        qkv(shape, seed),
        reduction=sum(shape),
    )


@many
@given(
    shapes(),
    st.sampled_from(["", "batch", "heads", "queries"]),
    st.sampled_from(["", "all", "keys"]),
    st.booleans(),
    st.integers(0, 99),
)
def test_mask_bias_and_lengths(shape, shared_mask, bias_form, with_lengths, seed):
    batch, queries, keys, heads = shape[:4]
    rng = np.random.default_rng(seed)
    sizes = {"batch": batch, "heads": heads, "queries": queries}
    form = [1 if name == shared_mask else n for name, n in sizes.items()]
    mask = rng.random((*form, keys)) < 0.7
    lengths = rng.integers(0, keys + 1, batch) if with_lengths else None
    everything = mask if lengths is None else mask & (np.arange(keys) < lengths[:, None, None, None])
    bias = {"": None, "all": normal(seed + 3, batch, heads, queries, keys), "keys": normal(seed + 3, 1, heads, 1, keys)}
    compare(
        lambda q, k, v, b: dot_product_attention(q, k, v, bias=b, mask=mask, lengths=lengths),
        lambda q, k, v, b: theirs(q, k, v, b, mask=everything),
        [*qkv(shape, seed), bias[bias_form]],
        reduction=sum(shape),
    )


def composed(q, k, v, bias, mask, scale, cap, slopes, shift):
    """In plain operations: the capped scores, less slopes times distances, plus bias."""
    groups = q.shape[2] // k.shape[2]
    k, v = k.repeat_interleave(groups, 2), v.repeat_interleave(groups, 2)
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    scores = q @ k.transpose(2, 3) * (q.shape[-1] ** -0.5 if scale is None else scale)
    scores = scores if cap is None else cap * torch.tanh(scores / cap)
    if slopes is not None:
        distance = (torch.arange(q.shape[2])[:, None] + shift - torch.arange(k.shape[2])).abs()
        scores = scores - torch.as_tensor(slopes)[:, None, None] * distance
    scores = scores if bias is None else scores + bias
    seen = torch.as_tensor(mask).expand(scores.shape)
    some = seen.any(-1, keepdim=True)
    weights = torch.softmax(scores.masked_fill(~seen & some, float("-inf")), -1)
    return torch.where(some, weights, torch.zeros((), dtype=weights.dtype)), v


@many
@given(
    shapes(),
    st.sampled_from([None, 0.2, 3.0]),
    st.booleans(),
    st.sampled_from(["", "top_left", "bottom_right"]),
    st.sampled_from(["", "all", "batch", "heads", "queries", "keys"]),
    st.booleans(),
    st.sampled_from([None, 0.7]),
    st.booleans(),
    st.integers(0, 99),
)
def test_soft_cap_alibi_bias_and_lengths(shape, cap, alibi, alignment, shared_bias, with_lengths, scale, scores, seed):
    """Every option with every other one; where the scores are asked for, the bias has no gradient."""
    batch, queries, keys, heads = shape[:4]
    rng = np.random.default_rng(seed)
    slopes = rng.random(heads) * 0.5 if alibi else None
    lengths = rng.integers(0, keys + 1, batch) if with_lengths else None
    shift = keys - queries if alignment == "bottom_right" else 0
    mask = causal(queries, keys, alignment)[None, None] if alignment else np.ones((1, 1, queries, keys), bool)
    mask = mask if lengths is None else mask & (np.arange(keys) < lengths[:, None, None, None])
    sizes = {"batch": batch, "heads": heads, "queries": queries, "keys": keys}
    form = [1 if name == shared_bias else n for name, n in sizes.items()]
    bias = normal(seed + 3, *form) if shared_bias and not scores else None
    options = {"is_causal": True, "causal_alignment": alignment} if alignment else {}
    options |= {"scale": scale, "lengths": lengths, "attn_logits_soft_cap": cap, "alibi_slopes": slopes}

    def theirs(q, k, v, b):
        weights, v = composed(q, k, v, b, mask, scale, cap, slopes, shift)
        y = (weights @ v).transpose(1, 2)
        return (y, weights) if scores else y

    attend = attention_with_scores if scores else dot_product_attention
    # With a single key the gradient of k is zero, what is left are the roundings of its terms.
    compare(
        lambda q, k, v, b: attend(q, k, v, b, **options), theirs, [*qkv(shape, seed), bias], reduction=sum(shape),
        slack=2.0 if keys == 1 or with_lengths else 1.0,
    )  # fmt: skip
