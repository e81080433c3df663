"""Attention of several heads: multi-head and grouped-query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .arguments import integers, positive
from .attention_heads import HeadsAttention
from .options import Unpack, UnregularizedOptions
from .symbolic import Shape


class MultiHeadAttention(HeadsAttention):
    """Attention of several heads: each step of ``query`` takes a weighted mean of the steps of ``value``.

    Attention is computed block by block, without a matrix of all scores unless they are asked for.

    Args:
        num_heads: number of heads, a positive integer.
        key_dim: features of query and key in each head.
        value_dim: features of the value in each head; None takes ``key_dim``.
        dropout: fraction of the scores that is set to zero in training, between 0 and 1.
        output_shape: features of the output, an integer or several; None takes those of the query.
        attention_axes: the axes of steps, over which attention goes, an integer or several; each place of the other
            axes is a sequence of its own. None means all between batch and features.
        sliding_window: a step sees those less than so many away, before it and, unless the mask is causal, behind it;
            None is no limit.
        flash_attention: an option of Keras without effect here.
        use_bias: whether the projections add a bias.
        kernel_initializer: first value of the projections' kernels: a name, an Initializer, or a function f(shape,
            dtype).
        bias_initializer: first value of the projections' biases.
        kernel_regularizer: penalty on the projections' kernels, added to the loss: a name, a Regularizer, or a
            function.
        bias_regularizer: penalty on the projections' biases.
        kernel_constraint: limit on the projections' kernels, which optimizers keep.
        bias_constraint: limit on the projections' biases.
        use_gate: whether the result of attention is multiplied by a sigmoid gate, a projection of the query.
        rotary_embedding: a RotaryEmbedding that turns each head's queries and keys; None leaves them as they are.
        logit_soft_cap: limit of the scores' size: they become ``cap * tanh(scores / cap)``; None is none.
        alibi: whether scores are less by the distance of the steps times a slope of each head
            (``lamina.ops.alibi_slopes``); or the list of the heads' slopes.
        causal_alignment: which steps a causal mask leaves where query and value are of different lengths: "top_left",
            for step t those up to t, or "bottom_right", as if the last steps of both were one.  The window counts
            likewise, and under a causal mask the distance of ``alibi``.

    Call args:
        query: (N, T, Dq), the steps that attend; or more axes between the first and the last.
        value: (N, S, Dv), what they attend to.
        key: (N, S, Dk), what the query is compared with; None takes ``value``.
        query_mask: (N, T), True where a step of the query counts; a mask that the query carries, if None.
        value_mask: (N, S), True where a step of the value counts.
        key_mask: (N, S), True where a step of the key counts.
        attention_mask: (T, S), (N, T, S) or (N, heads, T, S), True where a query step may see a value step. With more
            axes (*others, heads, *T, *S), where axes in front of T may be missing at the end.
        return_attention_scores: whether the scores (N, heads, T, S) are returned, too.
        use_causal_mask: whether step t sees steps up to t only.
        attention_bias: numbers that are added to the scores, shaped as ``attention_mask``; they may have a gradient.
        lengths: (N,) integers, how many steps of each value count, the first ones; those beyond are not read.

    Input shape: (N, T, Dq) and (N, S, Dv).

    Output shape: (N, T, Dq), or (N, T, *output_shape); with ``return_attention_scores`` a tuple with the scores.  A row
        of the query that sees nothing gives zero before the last projection.

    Weights: ``query``, ``key`` and ``value`` with kernels (D, heads, key_dim or value_dim), ``attention_output`` with
        kernel (heads, value_dim, *output), each with a bias; ``gate`` with ``use_gate``.

    With a ``KeyValueCache`` causal attention goes on from the steps that it keeps.

    Raises:
        ValueError: a size is not positive; a rate is not between 0 and 1; an option is not supported; inputs or masks
            do not fit each other or the weights.

    Source: Keras 3, MultiHeadAttention; Vaswani et al. 2017, "Attention Is All You Need".

    Example:
        >>> x = np.ones((2, 6, 16), "float32")
        >>> layers.MultiHeadAttention(num_heads=4, key_dim=4)(x, x, use_causal_mask=True).shape
        (2, 6, 16)
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: Any = None,
        *,
        rotary_embedding: Any = None,
        logit_soft_cap: float | None = None,
        alibi: Any = False,
        causal_alignment: str = "top_left",
        **kwargs: Unpack[UnregularizedOptions],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._keep(locals())
        self.num_heads = positive(self, "num_heads", num_heads)
        self.key_dim = positive(self, "key_dim", key_dim)
        self.value_dim = positive(self, "value_dim", key_dim if value_dim is None else value_dim)
        self._set(self.num_heads, self.num_heads, self.key_dim, self.value_dim)
        if output_shape is not None:
            wanted = integers(self, "output_shape", output_shape)
            self.output_shape = tuple(positive(self, "output_shape", n) for n in wanted)
        if attention_axes is not None:
            self.attention_axes = integers(self, "attention_axes", attention_axes)
        self.flash_attention = flash_attention  # attention is always computed so; kept for Keras's sake


MultiHeadAttention._keras_names = {f"_{name}_dense": f"{name}_dense" for name in ("query", "key", "value", "output")}


class GroupedQueryAttention(HeadsAttention):
    """Attention of several heads, of which neighbours share the heads of key and value.

    It is ``MultiHeadAttention`` where there are as many key heads as query heads, multi-query attention where there is
    one.

    Args:
        head_dim: features of query, key and value in each head.
        num_query_heads: number of heads of the query, a multiple of ``num_key_value_heads``.
        num_key_value_heads: number of heads of key and value.
        dropout: fraction of the scores that is set to zero in training, between 0 and 1.
        use_bias: whether the projections add a bias.
        sliding_window: a step sees those less than so many away, before it and, unless the mask is causal, behind it;
            None is no limit.
        flash_attention: an option of Keras without effect here.
        kernel_initializer: first value of the projections' kernels: a name, an Initializer, or a function f(shape,
            dtype).
        bias_initializer: first value of the projections' biases.
        kernel_regularizer: penalty on the projections' kernels, added to the loss: a name, a Regularizer, or a
            function.
        bias_regularizer: penalty on the projections' biases.
        kernel_constraint: limit on the projections' kernels, which optimizers keep.
        bias_constraint: limit on the projections' biases.
        use_gate: whether the result of attention is multiplied by a sigmoid gate, a projection of the query.
        rotary_embedding: a RotaryEmbedding that turns each head's queries and keys; None leaves them as they are.
        logit_soft_cap: limit of the scores' size: they become ``cap * tanh(scores / cap)``; None is none.
        alibi: whether scores are less by the distance of the steps times a slope of each head
            (``lamina.ops.alibi_slopes``); or the list of the heads' slopes.
        causal_alignment: which steps a causal mask leaves where query and value are of different lengths: "top_left",
            for step t those up to t, or "bottom_right", as if the last steps of both were one.  The window counts
            likewise, and under a causal mask the distance of ``alibi``.

    Call args:
        query: (N, T, Dq), the steps that attend.
        value: (N, S, Dv), what they attend to.
        key: (N, S, Dk), what the query is compared with; None takes ``value``.
        query_mask: (N, T), True where a step of the query counts; a mask that the query carries, if None.
        value_mask: (N, S), True where a step of the value counts.
        key_mask: (N, S), True where a step of the key counts.
        attention_mask: (T, S), (N, T, S) or (N, heads, T, S), True where a query step may see a value step.
        return_attention_scores: whether the scores (N, heads, T, S) are returned, too.
        use_causal_mask: whether step t sees steps up to t only.
        attention_bias: numbers that are added to the scores, shaped as ``attention_mask``; they may have a gradient.
        lengths: (N,) integers, how many steps of each value count, the first ones; those beyond are not read.

    Input shape: (N, T, Dq) and (N, S, Dv).

    Output shape: (N, T, Dq); with ``return_attention_scores`` a tuple with the scores.  A row of the query that sees
        nothing gives zero before the last projection.

    Weights: ``query`` with kernel (D, query heads, head_dim), ``key`` and ``value`` with kernels (D, key heads,
        head_dim), ``attention_output`` with kernel (query heads, head_dim, Dq), each with a bias; ``gate`` with
        ``use_gate``.

    With a ``KeyValueCache`` causal attention goes on from the steps that it keeps.

    Raises:
        ValueError: a size is not positive; the heads do not divide; a rate is not between 0 and 1; inputs or masks do
            not fit each other or the weights.

    Source: Keras 3, GroupQueryAttention; Ainslie et al. 2023, "GQA".

    Example:
        >>> x = np.ones((2, 6, 16), "float32")
        >>> layers.GroupedQueryAttention(8, num_query_heads=4, num_key_value_heads=2)(x, x).shape
        (2, 6, 16)
    """

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: Any = None,
        *,
        rotary_embedding: Any = None,
        logit_soft_cap: float | None = None,
        alibi: Any = False,
        causal_alignment: str = "top_left",
        **kwargs: Unpack[UnregularizedOptions],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._keep(locals())
        self.head_dim = positive(self, "head_dim", head_dim)
        self.num_query_heads = positive(self, "num_query_heads", num_query_heads)
        self.num_key_value_heads = positive(self, "num_key_value_heads", num_key_value_heads)
        if self.num_query_heads % self.num_key_value_heads:
            raise ValueError(
                f"{self._label()}: num_query_heads={num_query_heads} must be a multiple of "
                f"num_key_value_heads={num_key_value_heads}"
            )
        self._set(self.num_query_heads, self.num_key_value_heads, self.head_dim, self.head_dim)
        self.flash_attention = flash_attention  # attention is always computed so; kept for Keras's sake

    def _check_ranks(self, query: Shape, value: Shape, key: Shape) -> None:
        super()._check_ranks(query, value, key)
        if len(query) != 3:
            raise ValueError(f"query is {query}, expected (batch, time, features)")


GroupQueryAttention = GroupedQueryAttention  # Keras's public name


__all__ = ["GroupQueryAttention", "GroupedQueryAttention", "MultiHeadAttention"]
