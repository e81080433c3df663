"""Attention: the node of that name from version 23 on, else matrix products and a softmax; rotary embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elementwise import truth
from .graph import BOOL, INT64, Graph
from .handlers import exports
from .values import Size, Value

_HEADS_FIRST = (0, 2, 1, 3)


@exports("dot_product_attention")
def dot_product_attention(
    g: Graph, query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: Any = None,
    is_causal: bool = False, flash_attention: Any = None, attn_logits_soft_cap: Any = None, *, lengths: Any = None,
    dropout: float = 0.0, generator: Any = None, causal_alignment: str = "top_left", alibi_slopes: Any = None,
) -> Value:  # fmt: skip
    q, k, v = (g.value(x, g.dtype) for x in (query, key, value))
    plain = lengths is None and alibi_slopes is None and attn_logits_soft_cap is None and mask is None
    if g.opset >= 23 and plain and (not is_causal or causal_alignment == "top_left"):
        added = None if bias is None else g.value(bias, g.dtype)
        name = g.node(
            "Attention", *(g.name(x, _HEADS_FIRST) for x in (q, k, v)), added,
            is_causal=int(bool(is_causal)) or None, scale=None if scale is None else float(scale),
        )  # fmt: skip
        return g.made(name, _HEADS_FIRST)
    y, _ = _attend(
        g, q, k, v, bias, mask, scale, is_causal, attn_logits_soft_cap, lengths, causal_alignment, alibi_slopes
    )
    return y


@exports("attention_with_scores")
def attention_with_scores(
    g: Graph, query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: Any = None,
    is_causal: bool = False, *, lengths: Any = None, dropout: float = 0.0, generator: Any = None,
    causal_alignment: str = "top_left", attn_logits_soft_cap: Any = None, alibi_slopes: Any = None,
) -> tuple[Value, Value]:  # fmt: skip
    q, k, v = (g.value(x, g.dtype) for x in (query, key, value))
    return _attend(
        g, q, k, v, bias, mask, scale, is_causal, attn_logits_soft_cap, lengths, causal_alignment, alibi_slopes
    )


def _attend(
    g: Graph, q: Value, k: Value, v: Value, bias: Any, mask: Any, scale: Any, causal: bool, cap: Any, lengths: Any,
    alignment: str, slopes: Any,
) -> tuple[Value, Value]:  # fmt: skip
    batch, queries, heads, size = q.shape
    keys, key_heads = k.shape[1:3]
    scores_shape = (batch, heads, queries, keys)
    q_name, k_name, v_name = g.name(q, _HEADS_FIRST), g.name(k, (0, 2, 3, 1)), g.name(v, _HEADS_FIRST)
    grouped = heads != key_heads
    if grouped:
        share = heads // key_heads
        q_name = _reshaped(g, q_name, (batch, heads, queries, size), (batch, key_heads, share, queries, size))
        k_name, v_name = (g.node("Unsqueeze", n, g.ints([2])) for n in (k_name, v_name))
    factor = float(scale) if scale is not None else float(size) ** -0.5
    name = g.node("MatMul", q_name, k_name)
    if grouped:
        name = _reshaped(g, name, (batch, key_heads, share, queries, keys), scores_shape)
    s = g.made(name, None, scores_shape, q.dtype)
    s = s if factor == 1 else g.map("Mul", s, factor)
    if cap is not None:
        s = g.map("Mul", g.map("Tanh", g.map("Div", s, float(cap))), float(cap))
    shift = keys - queries if causal and alignment == "bottom_right" else 0
    if slopes is not None:
        distance = g.map("Sub", _places(g, queries, True, shift), _places(g, keys, False))
        slope = g.reshape(g.value(slopes, q.dtype), (heads, 1, 1))
        s = g.map("Sub", s, g.map("Mul", slope, g.cast(g.map("Abs", distance), q.dtype)))
    if bias is not None:
        s = g.map("Add", s, g.value(bias, q.dtype))
    seen, sure = _seen(g, mask, causal, lengths, queries, keys, shift)
    if seen is not None:
        least = q.dtype.type(np.finfo(q.dtype).min / 2)
        if seen.array is not None:  # a sum costs less than a choice
            s = g.map("Add", s, g.constant(np.where(seen.array, q.dtype.type(0), least)))
        else:
            s = g.map("Where", seen, s, g.constant(least))
    p = g.made(g.node("Softmax", s, axis=-1), None, scores_shape, q.dtype)
    if seen is not None and not sure:  # a query that sees no key gets zeros
        p = g.map("Where", seen, p, g.constant(0, q.dtype))
    weights = g.name(p)
    if grouped:
        weights = _reshaped(g, weights, scores_shape, (batch, key_heads, share, queries, keys))
    y = g.node("MatMul", weights, v_name)
    out = (batch, heads, queries, v.shape[3])
    if grouped:
        y = _reshaped(g, y, (batch, key_heads, share, queries, v.shape[3]), out)
    return g.made(y, None, out, q.dtype).turned(_HEADS_FIRST), p


def _reshaped(g: Graph, name: str, before: Any, after: Any) -> str:
    return g.name(g.reshape(g.made(name, None, before, g.dtype), after))


def _places(g: Graph, n: Any, column: bool, shift: Any = 0) -> Value:
    """0, 1, ... n - 1, as a column or a row."""
    v = g.counted(n)
    if isinstance(shift, Size) or shift:
        v = g.map("Add", v, g.value(shift, INT64))
    return g.reshape(v, (n, 1)) if column else v


def _seen(
    g: Graph, mask: Any, causal: bool, lengths: Any, queries: Any, keys: Any, shift: Any
) -> tuple[Value | None, bool]:
    """Which query sees which key, None for all; and whether it is sure that each sees one."""
    parts = [] if mask is None else [truth(g, mask)]
    if lengths is not None:
        n = g.value(lengths, INT64)
        parts.append(g.map("Less", _places(g, keys, False), g.reshape(n, (n.shape[0], 1, 1, 1)), dtype=BOOL))
    sure = not parts
    if causal:
        if isinstance(queries, Size) or isinstance(keys, Size):
            rows, columns = _places(g, queries, True, shift), _places(g, keys, False)
            parts.append(g.map("GreaterOrEqual", rows, columns, dtype=BOOL))
        else:
            parts.append(g.constant(np.arange(queries)[:, None] + shift >= np.arange(keys)))
        sure = sure and not isinstance(shift, Size) and shift >= 0
    both = None
    for part in parts:
        both = part if both is None else g.map("And", both, part)
    return both, sure


@exports("rotary_embedding")
def rotary_embedding(g: Graph, x: Any, cosines: Any, sines: Any, axis: int = -1) -> Value:
    x = g.value(x, g.dtype)
    axis = axis % x.ndim
    half = x.shape[axis] // 2
    shape = tuple(half if a == axis else n for a, n in enumerate(x.shape))
    a, b = (g.made(n, None, shape, x.dtype) for n in g.node("Split", x, axis=axis, num_outputs=2, outputs=2))
    cos, sin = g.value(cosines, x.dtype), g.value(sines, x.dtype)
    first = g.map("Sub", g.map("Mul", a, cos), g.map("Mul", b, sin))
    second = g.map("Add", g.map("Mul", b, cos), g.map("Mul", a, sin))
    return g.made(g.node("Concat", first, second, axis=axis))


@exports("alibi_slopes")
def alibi_slopes(g: Graph, heads: int) -> Value:
    return g.refuse("the number of heads follows a free size")
