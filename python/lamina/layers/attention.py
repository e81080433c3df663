"""Multi-head attention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import activations, initializers, ops
from ..core.autograd import Tensor
from ..core.generator import Generator
from ..ops.conversion import as_tensor
from .arguments import fraction, known, positive, refuse
from .base import Layer
from .masking import as_mask, attach, zeroed
from .symbolic import Shape, SymbolicTensor
from .variable import Variable


class _Projection(Layer):
    """``x @ kernel + bias`` with several input or output axes: query, key and value make heads, the output joins them.

    The kernel is (*inputs, *outputs); the native code sees it as the matrix that it is in memory.
    """

    _float_input = True

    def __init__(
        self, inputs: tuple[int, ...], outputs: tuple[int, ...], options: dict[str, Any], activation: Any = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._inputs, self._outputs = inputs, outputs
        self._matrix = (math.prod(inputs), math.prod(outputs))
        self._activation = activations.get(activation)
        initializer = options["kernel_initializer"]
        if isinstance(initializer, initializers.VarianceScaling):  # fans of the matrix, not of a "convolution"
            axes = tuple(range(len(inputs) + len(outputs)))
            config = initializer.get_config() | {"input_axes": axes[: len(inputs)], "output_axes": axes[len(inputs) :]}
            initializer = type(initializer)(**config)
        self.kernel = self.add_weight(
            (*inputs, *outputs), initializer, regularizer=options["kernel_regularizer"], name="kernel"
        )
        self.bias: Variable | None = None
        if options["use_bias"]:
            self.bias = self.add_weight(
                outputs, options["bias_initializer"], regularizer=options["bias_regularizer"], name="bias"
            )
        self._built = True

    def call(self, inputs: Tensor) -> Any:
        n = len(self._inputs)
        x = inputs if n == 1 else ops.reshape(inputs, (*inputs.shape[:-n], self._matrix[0]))
        bias = None if self.bias is None else ops.reshape(self.bias, (self._matrix[1],))
        y = ops.dense(x, ops.reshape(self.kernel, self._matrix), bias)
        return self._activation(ops.reshape(y, (*x.shape[:-1], *self._outputs)))


class MultiHeadAttention(Layer):
    """Attention of several heads: each step of ``query`` takes a weighted mean of the steps of ``value``.

    Attention is computed block by block, without a matrix of all scores unless they are asked for.

    Args:
        num_heads: number of heads, a positive integer.
        key_dim: features of query and key in each head.
        value_dim: features of the value in each head; None takes ``key_dim``.
        dropout: fraction of the scores that is set to zero in training, between 0 and 1.
        output_shape: features of the output, an integer or several; None takes those of the query.
        attention_axes: the axis of steps; only 1 is supported, which None means.
        sliding_window: an option of Keras that is not supported: anything but None is a ValueError.
        flash_attention: an option of Keras without effect here.
        use_bias: whether the projections add a bias.
        kernel_initializer: first value of the projections' kernels: a name, an Initializer, or a function f(shape,
            dtype).
        bias_initializer: first value of the projections' biases.
        kernel_regularizer: penalty on the projections' kernels, added to the loss: a name, a Regularizer, or a
            function.
        bias_regularizer: penalty on the projections' biases.
        use_gate: whether the result of attention is multiplied by a sigmoid gate, a projection of the query.

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

    Input shape: (N, T, Dq) and (N, S, Dv).

    Output shape: (N, T, Dq), or (N, T, *output_shape); with ``return_attention_scores`` a tuple with the scores.  A row
        of the query that sees nothing gives zero before the last projection.

    Weights: ``query``, ``key`` and ``value`` with kernels (D, heads, key_dim or value_dim), ``attention_output`` with
        kernel (heads, value_dim, *output), each with a bias; ``gate`` with ``use_gate``.

    Raises:
        ValueError: a size is not positive; a rate is not between 0 and 1; an option is not supported; inputs or masks
            do not fit each other or the weights.

    Source: Keras 3, MultiHeadAttention; Vaswani et al. 2017, "Attention Is All You Need".
    """

    supports_masking = True
    _float_input = True

    use_bias: bool
    use_gate: bool
    kernel_initializer: Any
    bias_initializer: Any
    kernel_regularizer: Any
    bias_regularizer: Any

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
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._keep(locals())
        refuse(self, sliding_window=sliding_window)
        self.num_heads = positive(self, "num_heads", num_heads)
        self.key_dim = positive(self, "key_dim", key_dim)
        self.value_dim = positive(self, "value_dim", key_dim if value_dim is None else value_dim)
        self.dropout = fraction(self, "dropout", dropout)
        self.output_shape = None if output_shape is None else _sizes(output_shape)
        if attention_axes is not None and tuple(_sizes(attention_axes)) not in ((1,), (-2,)):
            raise ValueError(f"{self._label()}: only attention over axis 1 is supported, got {attention_axes!r}")
        self.flash_attention = flash_attention  # attention is always computed so; kept for Keras's sake
        self.seed_generator = seed if isinstance(seed, Generator) else Generator(seed)

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        for name, shape in (("query", query_shape), ("value", value_shape), ("key", key_shape)):
            if len(shape) != 3:
                raise ValueError(f"{name} is {shape}, expected (batch, time, features)")
        q, k, v = (known(self, "the last axis", s[-1], s) for s in (query_shape, key_shape, value_shape))
        heads = self.num_heads
        options = {
            "use_bias": self.use_bias,
            "kernel_initializer": self.kernel_initializer,
            "bias_initializer": self.bias_initializer,
            "kernel_regularizer": self.kernel_regularizer,
            "bias_regularizer": self.bias_regularizer,
        }
        common: dict[str, Any] = {"dtype": self.dtype, "trainable": self.trainable}
        self._query_dense = _Projection((q,), (heads, self.key_dim), options, name="query", **common)
        self._key_dense = _Projection((k,), (heads, self.key_dim), options, name="key", **common)
        if self.use_gate:
            self._gate_dense = _Projection((q,), (heads, self.value_dim), options, "sigmoid", name="gate", **common)
        self._value_dense = _Projection((v,), (heads, self.value_dim), options, name="value", **common)
        self._output_dense = _Projection(
            (heads, self.value_dim), self.output_shape or (q,), options, name="attention_output", **common
        )

    def call(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        self._check(query.shape, value.shape, key.shape)
        (n, t), s = query.shape[:2], value.shape[1]
        query_mask = as_mask(query_mask, (n, t), "query_mask is", "(batch, query time)")
        value_mask = as_mask(value_mask, (n, s), "value_mask is", "(batch, value time)")
        key_mask = as_mask(key_mask, (n, s), "key_mask is", "(batch, value time)")
        attention_mask = _as_attention_mask(attention_mask, (n, self.num_heads, t, s))
        kept_query = _kept(query, query_mask)
        kept_value = kept_query if value is query and value_mask is query_mask else _kept(value, value_mask)
        key = _kept(kept_value if key is value else _kept(key, value_mask), key_mask)
        query, value = kept_query, kept_value
        q, k, v = self._query_dense(query), self._key_dense(key), self._value_dense(value)
        mask = _combined(attention_mask, query_mask, value_mask, key_mask)
        rate = self.dropout if training else 0.0
        scale = 1.0 / math.sqrt(self.key_dim)
        attend: Any = ops.attention_with_scores if return_attention_scores else ops.dot_product_attention
        y = attend(
            q, k, v, mask=mask, scale=scale, is_causal=use_causal_mask, dropout=rate, generator=self.seed_generator
        )
        y, scores = y if return_attention_scores else (y, None)
        if self.use_gate:
            y = ops.multiply(y, self._gate_dense(query))
        y = self._output_dense(y)
        if query_mask is not None:
            y = attach(y, query_mask)
        return (y, scores) if return_attention_scores else y

    def _check(self, query: Shape, value: Shape, key: Shape) -> None:
        """ValueError unless the shapes fit each other and, once there are weights, these."""
        for name, shape in (("query", query), ("value", value), ("key", key)):
            if len(shape) != 3:
                raise ValueError(f"{name} is {shape}, expected (batch, time, features)")
            if self.built and shape[2] is not None:
                features = getattr(self, f"_{name}_dense").kernel.shape[0]
                if shape[2] != features:
                    raise ValueError(f"{name} is {shape}, but the layer was built for {features} features of {name}")
        if _differ(key[0], value[0]) or _differ(key[1], value[1]):
            raise ValueError(f"key is {key}, value {value}: batch and time must agree")
        if _differ(query[0], key[0]):
            raise ValueError(f"query is {query}, key {key}: the batch sizes differ")

    def compute_output_shape(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> Shape:
        """The shape of the result without the scores.

        Args:
            query_shape: (N, T, Dq).
            value_shape: (N, S, Dv).
            key_shape: (N, S, Dk); None takes ``value_shape``.

        Raises:
            ValueError: the shapes do not fit each other or the weights.
        """
        query, value, key = (tuple(s) for s in (query_shape, value_shape, key_shape or value_shape))
        self._check(query, value, key)
        return (*query[:-1], *(self.output_shape or query[-1:]))

    def compute_output_spec(self, query: Any, value: Any, key: Any = None, **kwargs: Any) -> Any:
        shape = self.compute_output_shape(query.shape, value.shape, None if key is None else key.shape)
        y = SymbolicTensor(shape, self.dtype)
        if not kwargs.get("return_attention_scores"):
            return y
        return y, SymbolicTensor((query.shape[0], self.num_heads, query.shape[1], value.shape[1]), self.dtype)


def _kept(x: Tensor, mask: Tensor | None) -> Tensor:
    """x with zeros in the steps that the mask leaves out: a NaN there would reach the gradients of the projections."""
    return x if mask is None else zeroed(x, mask)


def _sizes(value: int | Sequence[int]) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else tuple(value)


def _differ(m: int | None, n: int | None) -> bool:
    return m is not None and n is not None and m != n


def _as_attention_mask(mask: Any, scores: tuple[int, int, int, int]) -> Tensor | None:
    """attention_mask as booleans that broadcast to the scores (N, heads, T, S)."""
    if mask is None:
        return None
    mask = as_tensor(mask)
    shape, (n, _, t, s) = mask.shape, scores
    wanted = {2: (t, s), 3: (n, t, s), 4: scores}.get(len(shape))
    if wanted is None or any(m not in (1, k) for m, k in zip(shape, wanted, strict=True)):
        raise ValueError(
            f"attention_mask is {shape}, expected (T, S) = {(t, s)}, (N, T, S) = {(n, t, s)} or "
            f"(N, heads, T, S) = {scores}, or what broadcasts to one of them"
        )
    mask = ops.cast(mask, "bool")
    return ops.expand_dims(mask, 1) if len(shape) == 3 else mask


def _combined(
    attention_mask: Tensor | None, query_mask: Tensor | None, value_mask: Tensor | None, key_mask: Tensor | None
) -> Tensor | None:
    """All masks as one that broadcasts to (N, heads, T, S), or None."""
    masks = [] if attention_mask is None else [attention_mask]
    if query_mask is not None:
        masks.append(ops.reshape(query_mask, (query_mask.shape[0], 1, query_mask.shape[1], 1)))
    masks.extend(ops.reshape(m, (m.shape[0], 1, 1, m.shape[1])) for m in (value_mask, key_mask) if m is not None)
    if not masks:
        return None
    combined = masks[0]
    for m in masks[1:]:
        combined = ops.logical_and(combined, m)
    return combined


__all__ = ["MultiHeadAttention"]
