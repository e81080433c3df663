"""Attention, rotary embeddings, linear attention and the convolution beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ...ops.conversion import as_tensor
from ..graph import OWN
from ..layout import ordered, plain, stored
from ..registry import Call, Run, operator
from .activation import along

_HEADS = (0, 2, 1, 3)  # (B, H, T, D) as Lamina stores it: (B, T, H, D)


@operator("Attention", 23, ordered=True)
def attention(call: Call) -> Run:
    causal, scale = bool(call.get("is_causal", 0)), call.get("scale")
    heads = call.get("q_num_heads", 0), call.get("kv_num_heads", 0)
    cap, mode = call.get("softcap", 0.0), call.get("qk_matmul_output_mode", 0)
    window = call.get("left_window_size", -1), call.get("right_window_size", -1)
    call.get("softmax_precision", 0)
    wants_scores = call.wants(3)

    def run(
        q: Any, k: Any, v: Any, mask: Any = None, past_key: Any = None, past_value: Any = None, lengths: Any = None
    ) -> Any:
        flat = q.ndim == 3
        q, k, v = (_by_heads(x, n) for x, n in ((q, heads[0]), (k, heads[1]), (v, heads[1])))
        past = 0
        if past_key is not None:
            past = past_key.shape[2]
            k = ops.concatenate([stored(past_key, _HEADS), k], 1)
            v = ops.concatenate([stored(past_value, _HEADS), v], 1)
        steps, keys = q.shape[1], k.shape[1]
        mask = None if mask is None else _as_wide(plain(mask), keys)
        allowed = _allowed(steps, keys, past, causal, window, lengths)
        bias = None
        if mask is not None and mask.dtype.kind == "b":
            allowed = mask if allowed is None else ops.logical_and(mask, allowed)
        elif mask is not None:
            bias = mask
        options = {"bias": bias, "mask": allowed, "scale": scale, "attn_logits_soft_cap": cap or None}
        scores = None
        if wants_scores and mode == 3:
            y, scores = ops.attention_with_scores(q, k, v, **options)
        else:
            y = ops.dot_product_attention(q, k, v, **options)
            if wants_scores:
                scores = _scores(q, k, scale, cap if mode else 0.0, bias if mode == 2 else None,
                                 allowed if mode == 2 else None)  # fmt: skip
        result = ops.reshape(y, (*y.shape[:2], -1)) if flat else ordered(y, _HEADS)
        return result, ordered(k, _HEADS), ordered(v, _HEADS), scores

    return run


@operator("Attention", domain=OWN, ordered=True)
def lifted_attention(call: Call) -> Run:
    """softmax(scale q k + mask) v, where k is (B, H, D, T) as in the product that it stood in."""
    scale, weights_of = call.required("scale"), along(call, ops.softmax)

    def run(q: Any, k: Any, v: Any, mask: Any = None) -> Any:
        heads = q.ndim == 4 and k.ndim == 4 and v.ndim == 4 and q.shape[:2] == k.shape[:2] == v.shape[:2]
        if heads and (mask is None or _fits(mask.shape, (*q.shape[:3], k.shape[3]))):
            query, value = (as_tensor(stored(x, _HEADS)) for x in (q, v))
            key = as_tensor(stored(k, (0, 3, 1, 2)))
            bias = None if mask is None else plain(mask)
            return ordered(ops.dot_product_attention(query, key, value, bias=bias, scale=scale), _HEADS)
        scores = ops.multiply(ops.matmul(plain(q), plain(k)), scale)
        scores = scores if mask is None else ops.add(scores, plain(mask))
        return ops.matmul(plain(weights_of(scores)), plain(v))

    return run


def _fits(shape: Sequence[int], scores: tuple[int, ...]) -> bool:
    """Whether a mask broadcasts to the scores and leaves their shape."""
    return len(shape) <= 4 and all(m in (1, n) for m, n in zip(shape[::-1], scores[::-1], strict=False))


def _by_heads(x: Any, heads: int) -> Tensor:
    """(B, H, T, D) or (B, T, H D) as (B, T, H, D)."""
    if x.ndim == 4:
        return as_tensor(stored(x, _HEADS))
    if not heads:
        raise ValueError("inputs of three axes need q_num_heads and kv_num_heads")
    x = plain(x)
    return ops.reshape(x, (*x.shape[:2], heads, x.shape[2] // heads))


def _as_wide(mask: Any, keys: int) -> Any:
    """A mask for all keys; those behind its end do not count."""
    missing = keys - mask.shape[-1]
    if missing > 0:
        sides = [(0, 0)] * (mask.ndim - 1) + [(0, missing)]
        mask = ops.pad(mask, sides, "constant", False if mask.dtype.kind == "b" else -np.inf)
    return ops.reshape(mask, ((1,) * (4 - mask.ndim)) + tuple(mask.shape))


def _allowed(steps: int, keys: int, past: int, causal: bool, window: tuple[int, int], lengths: Any) -> Any:
    """Which query sees which key, by their places alone; None for all."""
    left, right = window
    if causal:
        right = 0 if right < 0 else min(right, 0)
    if left < 0 and right < 0 and lengths is None:
        return None
    i = np.arange(steps, dtype=np.int64).reshape(1, 1, steps, 1)
    j = np.arange(keys, dtype=np.int64).reshape(1, 1, 1, keys)
    distance: Any = j - i - past
    seen: Any = None
    if lengths is not None:
        count = ops.reshape(ops.cast(plain(lengths), np.int64), (-1, 1, 1, 1))
        seen = ops.less(j, count)
        distance = ops.subtract(j - i + steps, count) if past == 0 else distance
    if right >= 0:
        seen = _both(seen, ops.less_equal(distance, right))
    if left >= 0:
        seen = _both(seen, ops.greater_equal(distance, -left))
    return seen


def _both(a: Any, b: Any) -> Any:
    return b if a is None else ops.logical_and(a, b)


def _scores(q: Tensor, k: Tensor, scale: float | None, cap: float, bias: Any, allowed: Any) -> Tensor:
    """The scores (B, H, Tq, Tk) as far as a node asks for them."""
    groups = q.shape[2] // k.shape[2]
    k = ops.repeat(k, groups, 2) if groups > 1 else k
    y = ops.matmul(ops.transpose(q, (0, 2, 1, 3)), ops.transpose(k, (0, 2, 3, 1)))
    y = ops.multiply(y, float(q.shape[3] ** -0.5) if scale is None else scale)
    if cap:
        y = ops.multiply(ops.tanh(ops.divide(y, cap)), cap)
    if bias is not None:
        y = ops.add(y, bias)
    return y if allowed is None else ops.where(allowed, y, np.array(-np.inf, y.dtype))


@operator("RotaryEmbedding", 23, ordered=True)
def rotary_embedding(call: Call) -> Run:
    interleaved, width = bool(call.get("interleaved", 0)), call.get("rotary_embedding_dim", 0)
    heads = call.get("num_heads", 0)

    def run(x: Any, cosines: Any, sines: Any, places: Any = None) -> Any:
        flat = x.ndim == 3
        t = _by_heads(x, heads)
        shape = t.shape
        size = width or shape[3]
        cosines, sines = plain(cosines), plain(sines)
        if places is not None:
            cosines, sines = (ops.take(table, plain(places), 0) for table in (cosines, sines))
        c, s = (ops.expand_dims(table, 2) for table in (cosines, sines))
        turned, rest = (t, None) if size == shape[3] else ops.split(t, [size], -1)
        if interleaved:
            pairs = ops.reshape(turned, (*shape[:3], size // 2, 2))
            a, b = ops.getitem(pairs, (..., 0)), ops.getitem(pairs, (..., 1))
        else:
            a, b = ops.split(turned, 2, -1)
        real = ops.subtract(ops.multiply(c, a), ops.multiply(s, b))
        imag = ops.add(ops.multiply(s, a), ops.multiply(c, b))
        y = ops.reshape(ops.stack([real, imag], -1), turned.shape) if interleaved else ops.concatenate([real, imag], -1)
        y = y if rest is None else ops.concatenate([y, rest], -1)
        return ops.reshape(y, (*shape[:2], -1)) if flat else ordered(y, _HEADS)

    return run


@operator("LinearAttention", 27)
def linear_attention(call: Call) -> Run:
    rule = call.choice("update_rule", "gated_delta", ("linear", "gated", "delta", "gated_delta"))
    heads, kv_heads = call.required("q_num_heads"), call.required("kv_num_heads")
    scale = call.get("scale", 0.0)
    call.get("chunk_size", 64)

    def run(q: Any, k: Any, v: Any, state: Any = None, decay: Any = None, beta: Any = None) -> tuple[Tensor, Tensor]:
        q, k, v = _by_heads(q, heads), _by_heads(k, kv_heads), _by_heads(v, kv_heads)
        batch, steps, _, size = k.shape
        factor = scale or q.shape[3] ** -0.5
        if state is None:
            state = ops.zeros((batch, kv_heads, size, v.shape[3]), k.dtype)
        decay, beta = (
            None if g is None else _by_heads(g, kv_heads if g.shape[2] % kv_heads == 0 else 1) for g in (decay, beta)
        )
        outputs = []
        for t in range(steps):
            key, value, query = (ops.getitem(x, (slice(None), t)) for x in (k, v, q))  # (B, H, D)
            if "gated" in rule and decay is not None:
                g = ops.exp(ops.getitem(decay, (slice(None), t)))  # (B, H, 1 or D)
                state = ops.multiply(state, ops.expand_dims(g, -1))
            if "delta" in rule:
                found = ops.squeeze(ops.matmul(ops.expand_dims(key, -2), state), -2)
                value = ops.subtract(value, found)
                if beta is not None:
                    value = ops.multiply(value, ops.getitem(beta, (slice(None), t)))
            state = ops.add(state, ops.multiply(ops.expand_dims(key, -1), ops.expand_dims(value, -2)))
            wide = ops.repeat(state, heads // kv_heads, 1) if heads > kv_heads else state
            outputs.append(ops.squeeze(ops.matmul(ops.expand_dims(query, -2), wide), -2))
        y = ops.multiply(ops.stack(outputs, 1), factor)
        return ops.reshape(y, (batch, steps, -1)), state

    return run


@operator("CausalConvWithState", 27, ordered=True)
def causal_conv(call: Call) -> Run:
    activation = call.choice("activation", "none", ("none", "silu", "swish"))

    def run(x: Any, w: Any, b: Any = None, state: Any = None) -> Any:
        order = (0, 2, 1)
        kernel = as_tensor(stored(w, (2, 0, 1)))  # (taps, channels, 1)
        t, more = as_tensor(stored(x, order)), kernel.shape[0] - 1
        if state is None:
            t = ops.pad(t, [(0, 0), (more, 0), (0, 0)])
        else:
            t = ops.concatenate([stored(state, order), t], 1)
        y = ops.depthwise_conv(t, kernel, data_format="channels_last", bias=None if b is None else plain(b))
        y = y if activation == "none" else ops.silu(y)
        kept = ops.getitem(t, (slice(None), slice(t.shape[1] - more, None)))
        return ordered(y, order), ordered(kept, order)

    return run
