"""What layers of attention in several heads share: projections, masks, the step against a cache."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import activations, ops
from ..core.autograd import Tensor
from ..core.explain import show
from ..core.generator import Generator
from ..core.suggest import unknown
from ..initializers.variance_scaling import over_axes
from ..ops.conversion import as_tensor
from ..ops.quantized import quantized_dense
from .arguments import fraction, known, positive, positive_number
from .attention_axes import AttentionAxes
from .base import Layer
from .call import context
from .masking import attach, zeroed
from .options import LayerOptions, Unpack
from .rotary_embedding import RotaryEmbedding
from .symbolic import Shape, SymbolicTensor, trial
from .torch_module import FLAT, Layout, Link, Place, TorchModule, linked, matrix, packed
from .variable import Variable


def _matrix(projection: Any) -> list[Link]:
    """The kernel as PyTorch's matrix (outputs, inputs), the bias flat."""
    links = [linked("weight", projection.kernel, _layout(projection))]
    return links if projection.bias is None else [*links, linked("bias", projection.bias, FLAT)]


def _layout(projection: Any) -> Layout:
    return matrix(len(projection._inputs))


def _packed(layer: Any) -> tuple[list[Link], list[Link]]:
    """Of query, key and value one matrix, and their biases; nothing where they take or give different features."""
    three = (layer._query_dense, layer._key_dense, layer._value_dense)
    if layer.use_gate or len({p._matrix for p in three}) > 1:
        return [], []
    weight = packed("weight", [p.kernel for p in three], _layout(three[0]))
    return [weight], [packed("bias", [p.bias for p in three], FLAT)] if layer.use_bias else []


def _attention_links(layer: Any) -> list[Link]:
    """PyTorch's module of several heads: it has as many features as the query, in the heads together and behind."""
    query, output = layer._query_dense, layer._output_dense
    three = (query, layer._key_dense, layer._value_dense)
    size = query._matrix[0]
    if layer.use_gate or any(p._matrix[1] != size for p in (*three, output)):
        return []
    weights, biases = _packed(layer)
    found = [link.renamed("in_proj_{}".format) for link in weights]
    if not weights:
        names = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
        found = [linked(name, p.kernel, _layout(p)) for name, p in zip(names, three, strict=True)]
        biases = [packed("bias", [p.bias for p in three], FLAT)] if layer.use_bias else []
    found += [link.renamed("in_proj_{}".format) for link in biases]
    return [*found, *(link.within("out_proj") for link in _matrix(output))]


def _attention_places(layer: Any) -> list[list[Place]]:
    """As others write it: one linear module for query, key and value, or three; one behind."""
    weights, biases = _packed(layer)
    behind = Place(_matrix(layer._output_dense), "out_proj")
    parts = [("q", "query", layer._query_dense), ("k", "key", layer._key_dense), ("v", "value", layer._value_dense)]
    if layer.use_gate:
        return []
    around = "(to_?|w_?|fc_?)?({}|{}s?)(_?(proj(ection)?|lin(ear)?|net|fc|w))?"
    three = [Place(_matrix(part), f"{letter}_proj", around.format(letter, word)) for letter, word, part in parts]
    found = [[*three, behind]]
    return [[Place([*weights, *biases], "qkv"), behind], *found] if weights else found


class _Projection(Layer):
    """``x @ kernel + bias`` with several input or output axes: query, key and value make heads, the output joins them.

    The kernel is (*inputs, *outputs); the native code sees it as the matrix that it is in memory.
    """

    _float_input = True
    _torch = TorchModule("Linear", links=_matrix)

    def __init__(
        self, inputs: tuple[int, ...], outputs: tuple[int, ...], options: dict[str, Any], activation: Any = None,
        free: int = 2, **kwargs: Unpack[LayerOptions],
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._inputs, self._outputs = inputs, outputs
        self._free = free  # axes of the input in front of those
        self._matrix = (math.prod(inputs), math.prod(outputs))
        self._activation = activations.get(activation)
        axes = range(len(inputs) + len(outputs))
        initializer = over_axes(options["kernel_initializer"], axes[: len(inputs)], axes[len(inputs) :])
        self.kernel = self.add_weight(
            (*inputs, *outputs), initializer, regularizer=options["kernel_regularizer"],
            constraint=options["kernel_constraint"], name="kernel",
        )  # fmt: skip
        self.bias: Variable | None = None
        if options["use_bias"]:
            self.bias = self.add_weight(
                outputs, options["bias_initializer"], regularizer=options["bias_regularizer"],
                constraint=options["bias_constraint"], name="bias",
            )  # fmt: skip
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        n = len(self._inputs)
        x = inputs if n == 1 else ops.reshape(inputs, (*inputs.shape[:-n], self._matrix[0]))
        bias = None if self.bias is None else ops.reshape(self.bias, (self._matrix[1],))
        if self._packed is None:
            y = ops.dense(x, ops.reshape(self.kernel, self._matrix), bias, "linear", self._bfloat16)
        else:
            y = quantized_dense(x, self._packed["kernel"].matrix(), bias)
        return self._activation(ops.reshape(y, (*x.shape[:-1], *self._outputs)))

    def _int8_axes(self) -> dict[str, tuple[int, ...]]:
        return {"kernel": tuple(range(len(self._inputs)))}

    def _scale_shape(self, shape: Any, axes: Any) -> tuple[int, ...]:
        """As in Keras, whose projections are EinsumDense: as many axes as the output has."""
        return (*(1,) * self._free, *self._outputs)


class HeadsAttention(Layer):
    """Projections to heads, attention of each head, the projection back."""

    supports_masking = True
    _float_input = True
    _torch = TorchModule("MultiheadAttention", links=_attention_links, others=_attention_places)

    use_bias: bool
    use_gate: bool
    kernel_initializer: Any
    bias_initializer: Any
    kernel_regularizer: Any
    bias_regularizer: Any
    kernel_constraint: Any
    bias_constraint: Any
    rotary_embedding: Any
    causal_alignment: str

    output_shape: tuple[int, ...] | None = None
    attention_axes: tuple[int, ...] | None = None

    def _set(self, heads: int, key_heads: int, key_size: int, value_size: int) -> None:
        """What the constructors of both kinds have in common; of the shared arguments ``_keep`` has kept the values."""
        self._heads, self._key_heads, self._key_size, self._value_size = heads, key_heads, key_size, value_size
        kept: dict[str, Any] = vars(self)
        self.dropout = fraction(self, "dropout", kept["dropout"])
        window = kept["sliding_window"]
        self.sliding_window = None if window is None else positive(self, "sliding_window", window)
        rotary = kept["rotary_embedding"]
        if rotary is not None and not isinstance(rotary, RotaryEmbedding):
            raise TypeError(f"{self._label()}: rotary_embedding must be a RotaryEmbedding or None, got {rotary!r}")
        cap = kept["logit_soft_cap"]
        self.logit_soft_cap = None if cap is None else positive_number(self, "logit_soft_cap", cap)
        if kept["causal_alignment"] not in ("top_left", "bottom_right"):
            raise unknown(
                f"causal_alignment of {self._label()}", kept["causal_alignment"], ("top_left", "bottom_right")
            )
        self._slopes = self._slopes_of(kept["alibi"])
        seed = kept["seed"]
        self.seed_generator = seed if isinstance(seed, Generator) else Generator(seed)

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        self._check_ranks(query_shape, value_shape, key_shape)
        q, k, v = (known(self, "the last axis", s[-1], s) for s in (query_shape, key_shape, value_shape))
        options = {
            name: getattr(self, name)
            for name in (
                "use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer",
                "kernel_constraint", "bias_constraint",
            )
        }  # fmt: skip
        free = len(query_shape) - 1
        common: dict[str, Any] = {"dtype": self._policy, "trainable": self.trainable, "free": free}
        heads, key_heads, size, values = self._heads, self._key_heads, self._key_size, self._value_size
        self._query_dense = _Projection((q,), (heads, size), options, name="query", **common)
        self._key_dense = _Projection((k,), (key_heads, size), options, name="key", **common)
        if self.use_gate:
            self._gate_dense = _Projection((q,), (heads, values), options, "sigmoid", name="gate", **common)
        self._value_dense = _Projection((v,), (key_heads, values), options, name="value", **common)
        self._output_dense = _Projection(
            (heads, values), self.output_shape or (q,), options, name="attention_output", **common
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
        attention_bias: Any = None,
        lengths: Any = None,
    ) -> Any:
        key = value if key is None else key
        self._check(query.shape, value.shape, key.shape)
        axes = AttentionAxes(query.shape, value.shape, self.attention_axes)
        if not axes.one and (use_causal_mask or self.sliding_window):
            raise ValueError(
                f"use_causal_mask and sliding_window need one attention axis, got {axes.axes} of query {query.shape}"
            )
        masks = [
            axes.step_mask(query_mask, "query", query.shape),
            axes.step_mask(value_mask, "value", value.shape),
            axes.step_mask(key_mask, "key", value.shape),
        ]
        query_mask, value_mask, key_mask = masks
        attention_mask = axes.of_scores(attention_mask, "attention_mask", "bool", self._heads)
        bias = axes.of_scores(attention_bias, "attention_bias", self.dtype, self._heads)
        itself = value is query
        kept_query = _kept(query, query_mask)
        kept_value = kept_query if itself and value_mask is query_mask else _kept(value, value_mask)
        key = _kept(kept_value if key is value else _kept(key, value_mask), key_mask)
        query, value = kept_query, kept_value
        if lengths is not None:
            lengths = self._check_lengths(lengths, value.shape)
            counted = ops.less(ops.arange(value.shape[1]), ops.expand_dims(lengths, 1))
            same, value = key is value, zeroed(value, counted)
            key = value if same else zeroed(key, counted)
        q, k, v = self._query_dense(query), self._key_dense(key), self._value_dense(value)
        mask = _combined(attention_mask, query_mask, value_mask, key_mask)
        scores = None
        scale = 1.0 / math.sqrt(self._key_size)
        if context.cache is not None and (itself or use_causal_mask):
            refused = {
                "masks": mask is not None, "scores": return_attention_scores, "training": training,
                "several axes": query.ndim != 3, "attention_bias": bias is not None, "lengths": lengths is not None,
            }  # fmt: skip
            check_cached(refused, use_causal_mask)
            y = context.cache.attend(
                self, *self._turned(q, k), v, scale, self.sliding_window, self._slopes, self.logit_soft_cap
            )
        else:
            attend: Any = ops.attention_with_scores if return_attention_scores else ops.dot_product_attention
            rate = self.dropout if training else 0.0
            q, k, v = (axes.fold(x) for x in (q, k, v))
            q, k = self._turned(q, k)
            if self.sliding_window is not None:
                shift = k.shape[1] - q.shape[1] if self.causal_alignment == "bottom_right" else 0
                mask = _and(mask, _band(q.shape[1], k.shape[1], shift, self.sliding_window))
            y = attend(
                q, k, v, bias, mask, scale, use_causal_mask, lengths=lengths, dropout=rate,
                generator=self.seed_generator, causal_alignment=self.causal_alignment,
                attn_logits_soft_cap=self.logit_soft_cap, alibi_slopes=self._slopes,
            )  # fmt: skip
            y, scores = y if return_attention_scores else (y, None)
            y = axes.unfold(y)
        if self.use_gate:
            y = ops.multiply(y, self._gate_dense(query))
        y = self._output_dense(y)
        if query_mask is not None:
            y = attach(y, query_mask)
        return y if scores is None else (y, axes.unfold_scores(scores))

    def _slopes_of(self, alibi: Any) -> Tensor | None:
        """ALiBi's slopes (heads,), or None."""
        if alibi is None or alibi is False:
            return None
        slopes = ops.alibi_slopes(self._heads) if alibi is True else as_tensor(alibi, self._dtype)
        if slopes.shape != (self._heads,):
            raise ValueError(
                f"{self._label()}: alibi must be True, False or {self._heads} slopes, one for each head, got "
                f"{show(alibi)}"
            )
        return ops.cast(slopes, self.dtype)

    @staticmethod
    def _check_lengths(lengths: Any, value: Shape) -> Tensor:
        lengths = as_tensor(lengths)
        if len(value) != 3 or lengths.shape != value[:1] or lengths.dtype.kind not in "iu":
            raise ValueError(
                f"lengths are {lengths.dtype.name} {lengths.shape}, expected an integer for each value of a batch "
                f"(batch, time, features), which is {value}"
            )
        return lengths

    def _turned(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        if self.rotary_embedding is None:
            return query, key
        return self.rotary_embedding(query), self.rotary_embedding(key)

    def _check_ranks(self, query: Shape, value: Shape, key: Shape) -> None:
        for name, shape in (("query", query), ("value", value), ("key", key)):
            if len(shape) < 3 or len(shape) != len(query):
                raise ValueError(f"{name} is {shape}, query {query}: expected (batch, time, features) of both")

    def _check(self, query: Shape, value: Shape, key: Shape) -> None:
        """ValueError unless the shapes fit each other and, once there are weights, these."""
        self._check_ranks(query, value, key)
        for name, shape in (("query", query), ("value", value), ("key", key)):
            if self.built and shape[-1] is not None:
                features = getattr(self, f"_{name}_dense").kernel.shape[0]
                if shape[-1] != features:
                    raise ValueError(f"{name} is {shape}, but the layer was built for {features} features of {name}")
        if any(_differ(m, n) for m, n in zip(key[:-1], value[:-1], strict=True)):
            raise ValueError(f"key is {key}, value {value}: batch and time must agree")
        if _differ(query[0], key[0]):
            raise ValueError(f"query is {query}, key {key}: the batch sizes differ")
        if len(query) == 3 and self.attention_axes is None:  # ==, 3 and is are free: no other axis is left then
            return
        others = AttentionAxes(query, value, self.attention_axes).others
        if any(_differ(query[i], key[i]) for i in others):
            raise ValueError(f"query is {query}, key {key}: axes without attention must be of one size")

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
        scores = AttentionAxes(query.shape, value.shape, self.attention_axes).scores(self._heads)
        return y, SymbolicTensor(scores, self.dtype)


def _kept(x: Tensor, mask: Tensor | None) -> Tensor:
    """x with zeros in the steps that the mask leaves out: a NaN there would reach the gradients of the projections."""
    return x if mask is None else zeroed(x, mask)


def check_cached(refused: dict[str, Any], causal: bool) -> None:
    """ValueError for what attention to a key-value cache has not."""
    if not causal:
        raise ValueError(
            "self-attention without use_causal_mask sees later steps, so that it cannot go on step by step with a "
            "KeyValueCache"
        )
    for name, wanted in refused.items():
        if wanted:
            raise ValueError(f"attention with a KeyValueCache has no {name}; leave it out, or call without the cache")


def _differ(m: int | None, n: int | None) -> bool:
    return m is not None and n is not None and m != n


def _band(queries: int, keys: int, shift: int, window: int) -> Tensor:
    if trial.running:  # seen as operations, that follow free sizes
        rows, columns = ops.arange(shift, shift + queries), ops.arange(keys)
        return ops.less(ops.abs(ops.subtract(ops.expand_dims(rows, 1), columns)), window)
    return as_tensor(np.abs(np.arange(queries)[:, None] + shift - np.arange(keys)) < window)


def _and(mask: Tensor | None, other: Tensor) -> Tensor:
    return other if mask is None else ops.logical_and(mask, other)


def _combined(
    attention_mask: Tensor | None, query_mask: Tensor | None, value_mask: Tensor | None, key_mask: Tensor | None
) -> Tensor | None:
    """All masks as one that broadcasts to (N, heads, T, S), or None."""
    combined = attention_mask
    if query_mask is not None:
        combined = _and(combined, ops.reshape(query_mask, (query_mask.shape[0], 1, query_mask.shape[1], 1)))
    for m in (value_mask, key_mask):
        if m is not None:
            combined = _and(combined, ops.reshape(m, (m.shape[0], 1, 1, m.shape[1])))
    return combined
