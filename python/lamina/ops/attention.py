"""Scaled dot-product attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wants_grad
from ..core.autograd import unchecked_record as record
from ..core.replica import first_sample
from .conversion import TensorLike, as_tensor, concatenate
from .elementwise import add, multiply, subtract
from .reshape import split


def dot_product_attention(
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    bias: TensorLike | None = None,
    mask: TensorLike | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
    *,
    lengths: TensorLike | None = None,
    dropout: float = 0.0,
    generator: Any = None,
    causal_alignment: str = "top_left",
    alibi_slopes: TensorLike | None = None,
) -> Tensor:
    """``softmax(scale * query @ key^T + bias) @ value`` for every head, by blocks.

    The scores are never stored whole, so that memory grows with the times and not with their product.  A query that
    sees no key gives zeros and gets zero gradients.

    Args:
        query: (B, Tq, H, D).
        key: (B, Tk, Hkv, D); Hkv divides H: neighbouring query heads share a key head (grouped-query attention).
        value: (B, Tk, Hkv, Dv).
        bias: added to the scaled scores; broadcasts to (B, H, Tq, Tk); -inf excludes a key.
        mask: booleans, True where a key counts; broadcasts to (B, H, Tq, Tk).
        scale: factor of the scores; None means ``1 / sqrt(D)``.
        is_causal: whether query i sees keys j <= i only.
        flash_attention: an option of Keras without effect here: it is always the streaming algorithm.
        attn_logits_soft_cap: limit of the scores' size: they become ``cap * tanh(scores / cap)`` before bias, slopes
            and masks; None is none.
        lengths: (B,) integers, how many keys of each sequence count; the others are not even read.
        dropout: fraction of the weights that is dropped, from 0 to below 1.
        generator: the lamina.random.Generator of the dropout.
        causal_alignment: "top_left", or "bottom_right" for keys j <= i + Tk - Tq: the last query sees all keys.
        alibi_slopes: (H,) numbers, by which times the distance of query and key the scores of each head are less
            (``lamina.ops.alibi_slopes``); the distance is ``|i - j|``, with a causal mask at the bottom right
            ``i + Tk - Tq - j``.  They get no gradient.

    Returns: a tensor (B, Tq, H, Dv).

    Raises:
        ValueError: shapes do not fit each other; an option is unknown or not supported.

    Source: Keras 3, keras.ops.dot_product_attention; Dao et al. 2022, "FlashAttention"; Press et al. 2021, "Train
        Short, Test Long" (ALiBi); Gemma Team 2024, "Gemma 2" (soft cap).

    Example:
        >>> q = k = v = np.ones((1, 4, 2, 8), "float32")  # batch, time, heads, features
        >>> ops.dot_product_attention(q, k, v, is_causal=True).shape
        (1, 4, 2, 8)
    """
    call = _Call(
        query, key, value, bias, mask, scale, is_causal, lengths, dropout, generator, causal_alignment,
        attn_logits_soft_cap, alibi_slopes,
    )  # fmt: skip
    return call.output()


def attention_with_scores(
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    bias: TensorLike | None = None,
    mask: TensorLike | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    *,
    lengths: TensorLike | None = None,
    dropout: float = 0.0,
    generator: Any = None,
    causal_alignment: str = "top_left",
    attn_logits_soft_cap: float | None = None,
    alibi_slopes: TensorLike | None = None,
) -> tuple[Tensor, Tensor]:
    """``dot_product_attention``, and its weights, which are stored here.

    Args:
        query: (B, Tq, H, D).
        key: (B, Tk, Hkv, D); Hkv divides H: neighbouring query heads share a key head (grouped-query attention).
        value: (B, Tk, Hkv, Dv).
        bias: added to the scaled scores; broadcasts to (B, H, Tq, Tk); -inf excludes a key.
        mask: booleans, True where a key counts; broadcasts to (B, H, Tq, Tk).
        scale: factor of the scores; None means ``1 / sqrt(D)``.
        is_causal: whether query i sees keys j <= i only.
        lengths: (B,) integers, how many keys of each sequence count.
        dropout: fraction of the weights that is dropped, from 0 to below 1.
        generator: the lamina.random.Generator of the dropout.
        causal_alignment: "top_left", or "bottom_right" for keys j <= i + Tk - Tq: the last query sees all keys.
        attn_logits_soft_cap: limit of the scores' size: they become ``cap * tanh(scores / cap)`` before bias, slopes
            and masks; None is none.
        alibi_slopes: (H,) numbers, by which times the distance of query and key the scores of each head are less
            (``lamina.ops.alibi_slopes``); the distance is ``|i - j|``, with a causal mask at the bottom right
            ``i + Tk - Tq - j``.  They get no gradient.

    Returns: a tensor (B, Tq, H, Dv), and the weights (B, H, Tq, Tk) before dropout.

    Raises:
        ValueError: shapes do not fit each other; an option is unknown.

    Source: Lamina; Vaswani et al. 2017, "Attention Is All You Need".

    Example:
        >>> q = k = v = np.ones((1, 4, 2, 8), "float32")
        >>> y, scores = ops.attention_with_scores(q, k, v)
        >>> y.shape, scores.shape
        ((1, 4, 2, 8), (1, 2, 4, 4))
    """
    call = _Call(
        query, key, value, bias, mask, scale, is_causal, lengths, dropout, generator, causal_alignment,
        attn_logits_soft_cap, alibi_slopes,
    )  # fmt: skip
    return call.output(), call.weights()


class _Call:
    """The checked arguments of one attention, and its results."""

    __slots__ = ("bias", "causal", "dropout", "forward", "inputs", "optional", "scale", "shaping")

    def __init__(
        self,
        query: TensorLike,
        key: TensorLike,
        value: TensorLike,
        bias: TensorLike | None,
        mask: TensorLike | None,
        scale: float | None,
        is_causal: bool,
        lengths: TensorLike | None,
        dropout: float,
        generator: Any,
        causal_alignment: str,
        soft_cap: float | None,
        alibi_slopes: TensorLike | None,
    ) -> None:
        q, k, v = as_tensor(query), as_tensor(key), as_tensor(value)
        if causal_alignment not in ("top_left", "bottom_right"):
            raise ValueError(
                f"dot_product_attention: causal_alignment is {causal_alignment!r}, expected 'top_left' or "
                "'bottom_right'"
            )
        if dropout and generator is None:
            raise ValueError(f"dot_product_attention: dropout={dropout} needs generator=, a lamina.random.Generator")
        if scale is None:
            scale = max((1, *q.shape[-1:])) ** -0.5
        slopes = None if alibi_slopes is None else as_tensor(alibi_slopes, q._array.dtype)
        if slopes is not None and wants_grad(slopes):
            raise ValueError("dot_product_attention: alibi_slopes have no gradient; use alibi_slopes.detach()")
        self.shaping = (None if slopes is None else slopes._array, _limit(soft_cap))
        self.inputs = (q, k, v)
        self.bias = None if bias is None else as_tensor(bias, q._array.dtype)
        self.optional = (
            None if mask is None else as_tensor(mask)._array,
            None if self.bias is None else self.bias._array,
            None if lengths is None else as_tensor(lengths)._array,
        )
        self.causal = causal_alignment if is_causal else "none"
        self.scale = float(scale)
        self.dropout = float(dropout)
        state = generator.state if dropout else None
        self.forward: tuple[Array, Array, Array | None] = _native.attention_forward(
            q._array, k._array, v._array, *self.optional, self.causal, self.scale, self.dropout,
            *self.shaping, state, *first_sample(q.shape[0] if q.ndim else 0),
        )  # fmt: skip

    def output(self) -> Tensor:
        q, k, v = (t._array for t in self.inputs)
        mask, bias, lengths = self.optional
        out, logsumexp, used = self.forward
        causal, scale, dropout, shaping = self.causal, self.scale, self.dropout, self.shaping

        def backward(dy: Array, grads: Gradients) -> None:
            dbias = grads[3] if bias is not None else None
            _native.attention_backward(
                q, k, v, mask, bias, lengths, out, logsumexp, used, dy, causal, scale, dropout,
                *shaping, grads[0], grads[1], grads[2], dbias, grads.accumulate,
            )  # fmt: skip

        return record(out, self.inputs if self.bias is None else (*self.inputs, self.bias), backward)

    def weights(self) -> Tensor:
        query, key, _ = self.inputs
        if self.bias is not None and wants_grad(self.bias):
            raise ValueError("attention_with_scores: the scores have no gradient for bias; use bias.detach()")
        q, k, scale, soft_cap = query._array, key._array, self.scale, self.shaping[1]
        w = _native.attention_weights_forward(q, k, *self.optional, self.forward[1], self.causal, scale, *self.shaping)

        def backward(dy: Array, grads: Gradients) -> None:
            _native.attention_weights_backward(q, k, w, dy, scale, soft_cap, grads[0], grads[1], grads.accumulate)

        return record(w, (query, key), backward)


def _limit(soft_cap: float | None) -> float:
    if soft_cap is None:
        return 0.0
    if not soft_cap > 0:
        raise ValueError(
            f"dot_product_attention: attn_logits_soft_cap is {soft_cap}, expected a positive number or None"
        )
    return float(soft_cap)


def alibi_slopes(heads: int) -> Tensor:
    """The slopes of ALiBi: from 1/2 down to 1/256, by equal factors, for eight heads; others lie between.

    Args:
        heads: number of heads, positive; where it is no power of two, the slopes of the next smaller one come first,
            then every second one of the next larger.

    Returns: a tensor (heads,), to give to ``dot_product_attention(alibi_slopes=...)``.

    Raises:
        ValueError: ``heads`` is not positive.

    Source: Press et al. 2021, "Train Short, Test Long: Attention with Linear Biases Enables Input Length
        Extrapolation".

    Example:
        >>> ops.alibi_slopes(4)
        Tensor([0.25  , 0.0625, 0.0156, 0.0039], shape=(4,), dtype=float64)
    """
    if heads < 1:
        raise ValueError(f"alibi_slopes: heads is {heads}, expected a positive number")
    power = 1 << (int(heads).bit_length() - 1)
    slopes = [2.0 ** (-8 * (i + 1) / power) for i in range(power)]
    slopes += [2.0 ** (-4 * (i + 1) / power) for i in range(0, 2 * (heads - power), 2)]
    return as_tensor(np.array(slopes))


def rotary_embedding(x: TensorLike, cosines: TensorLike, sines: TensorLike, axis: int = -1) -> Tensor:
    """Pairs of features turned by angles: ``(a cos - b sin, b cos + a sin)`` of the halves a and b of an axis.

    With the angles ``position * frequency`` of a query and a key, their dot product depends on the distance of the
    positions alone.

    Args:
        x: a tensor of floating-point numbers.
        cosines: cosines of the angles, which broadcast to a half of ``x``.
        sines: their sines.
        axis: the axis of features, of even size.

    Returns: a tensor of the shape of ``x``.

    Raises:
        ValueError: the axis is of odd size; the angles do not broadcast.

    Source: Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding"; KerasHub's halves.

    Example:
        >>> angle = np.zeros((3, 2), "float32")  # time, half of the features
        >>> ops.rotary_embedding(np.ones((1, 3, 4), "float32"), np.cos(angle), np.sin(angle)).shape
        (1, 3, 4)
    """
    x = as_tensor(x)
    size = x.shape[axis] if -x.ndim <= axis < x.ndim else 0
    if size % 2 or not x.ndim:
        raise ValueError(f"rotary_embedding: x is {x.shape}, expected an even number of features on axis {axis}")
    a, b = split(x, 2, axis)
    first = subtract(multiply(a, cosines), multiply(b, sines))
    return concatenate([first, add(multiply(b, cosines), multiply(a, sines))], axis)


__all__ = ["alibi_slopes", "attention_with_scores", "dot_product_attention", "rotary_embedding"]
