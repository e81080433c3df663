"""Attention of one head without projections: by dot products, or additive."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core.autograd import Tensor
from ..core.generator import Generator
from .arguments import fraction, known
from .attention_heads import check_cached
from .base import Layer
from .call import context
from .masking import as_mask, attach, zeroed
from .options import LayerOptions, Unpack
from .symbolic import Shape, SymbolicTensor


class Attention(Layer):
    """Dot-product attention (Luong's): each step of the query takes a weighted mean of the steps of the value.

    With ``score_mode="dot"`` it is computed block by block, without a matrix of all scores unless they are asked for.

    Args:
        use_scale: whether a weight, 1 at first, multiplies the scores (in "concat" what tanh is taken of).
        score_mode: how query and key are compared: "dot", their dot product, or "concat", a weight times the sum of
            tanh(query + key).
        dropout: fraction of the scores that is set to zero in training, between 0 and 1.

    Call args:
        inputs: [query, value] or [query, value, key]: (N, T, D), (N, S, Dv) and (N, S, D); without a key the value is
            compared with the query.
        mask: [query_mask, value_mask] of shapes (N, T) and (N, S), True where a step counts, or None; those that the
            inputs carry, if not given.  A third one, the key's, is taken and not used, as in Keras.
        return_attention_scores: whether the scores (N, T, S) are returned, too.
        use_causal_mask: whether step t sees steps up to t only.

    Input shape: a list of (N, T, D), (N, S, Dv) and, if given, (N, S, D).

    Output shape: (N, T, Dv); with ``return_attention_scores`` a tuple with the scores.  Steps that the query's mask
        leaves out, and those that see nothing, are zero.

    Weights: ``scale`` () with ``use_scale``, ``concat_score_weight`` () in the mode "concat".

    Raises:
        ValueError: ``score_mode`` is unknown; a rate is not between 0 and 1; inputs or masks do not fit each other.

    Source: Keras 3, Attention; Luong et al. 2015, "Effective Approaches to Attention-based Neural Machine Translation".

    Example:
        >>> query, value = np.ones((2, 4, 8), "float32"), np.ones((2, 6, 8), "float32")
        >>> layers.Attention()([query, value]).shape
        (2, 4, 8)
    """

    supports_masking = True
    _float_input = True
    _modes: ClassVar[tuple[str, ...]] = ("dot", "concat")

    use_scale: bool

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._keep(locals())
        if score_mode not in self._modes:
            raise ValueError(f"{self._label()}: score_mode is {score_mode!r}, expected 'dot' or 'concat'")
        self.score_mode = score_mode
        self.dropout = fraction(self, "dropout", dropout)
        self.seed_generator = seed if isinstance(seed, Generator) else Generator(seed)

    def build(self, input_shape: Any) -> None:
        _check_shapes(input_shape, self.score_mode)
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        self.concat_score_weight = (
            self.add_weight((), "ones", name="concat_score_weight") if self.score_mode == "concat" else None
        )

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        query, value, key = _three(inputs)
        _check_shapes([query.shape, value.shape, key.shape], self.score_mode)
        if context.cache is not None and (value is query or use_causal_mask):
            check_cached({"masks": mask is not None, f"{type(self).__name__} layer": True}, use_causal_mask)
        query_mask, value_mask = _masks(mask, query.shape, value.shape)
        if query_mask is not None:
            query = zeroed(query, query_mask)
        if value_mask is not None:  # a NaN that is left out would reach the gradients
            same, value = key is value, zeroed(value, value_mask)
            key = value if same else zeroed(key, value_mask)
        seen = None if value_mask is None else ops.reshape(value_mask, (value_mask.shape[0], 1, 1, value_mask.shape[1]))
        rate = self.dropout if training else 0.0
        options = {"mask": seen, "is_causal": use_causal_mask, "dropout": rate, "generator": self.seed_generator}
        y, weights = self._attend(query, key, value, return_attention_scores, options)
        if query_mask is not None:
            y = attach(zeroed(y, query_mask), query_mask)
        return y if weights is None else (y, weights)

    def _attend(
        self, query: Tensor, key: Tensor, value: Tensor, with_weights: bool, options: dict[str, Any]
    ) -> tuple[Tensor, Tensor | None]:
        """(result, weights if they are wanted)."""
        if self.score_mode == "dot":
            if self.scale is not None:
                query = ops.multiply(query, self.scale)
            q, k, v = (ops.expand_dims(x, 2) for x in (query, key, value))
            return _attended(q, k, v, with_weights, {**options, "scale": 1.0})
        return _by_scores(self._scores(query, key), value, with_weights, options)

    def _scores(self, query: Tensor, key: Tensor) -> Tensor:
        """(N, T, S), not yet through softmax."""
        x = ops.add(ops.expand_dims(query, 2), ops.expand_dims(key, 1))
        x = ops.tanh(x if self.scale is None else ops.multiply(x, self.scale))
        return ops.multiply(ops.sum(x, axis=-1), self.concat_score_weight)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The query's mask.

        Args:
            inputs: what the layer is called with.
            mask: [query_mask, value_mask], or None.
        """
        return None if mask is None else mask[0]

    def compute_output_shape(self, input_shape: Any) -> Shape:
        _check_shapes(input_shape, self.score_mode)
        return (*input_shape[0][:-1], input_shape[1][-1])

    def compute_output_spec(self, inputs: Any, mask: Any = None, **kwargs: Any) -> Any:
        query, value, _ = _three(inputs)
        y = SymbolicTensor(self.compute_output_shape([x.shape for x in inputs]), self.dtype)
        if not kwargs.get("return_attention_scores"):
            return y
        return y, SymbolicTensor((*query.shape[:-1], value.shape[1]), self.dtype)


class AdditiveAttention(Attention):
    """Additive attention (Bahdanau's): query and key are compared by the sum of ``scale * tanh(query + key)``.

    Args:
        use_scale: whether there is a weight for each feature; else each counts 1.
        dropout: fraction of the scores that is set to zero in training, between 0 and 1.

    Call args:
        inputs: [query, value] or [query, value, key]: (N, T, D), (N, S, Dv) and (N, S, D); without a key the value is
            compared with the query.
        mask: [query_mask, value_mask] of shapes (N, T) and (N, S), True where a step counts, or None; those that the
            inputs carry, if not given.  A third one, the key's, is taken and not used, as in Keras.
        return_attention_scores: whether the scores (N, T, S) are returned, too.
        use_causal_mask: whether step t sees steps up to t only.

    Input shape: a list of (N, T, D), (N, S, Dv) and, if given, (N, S, D).

    Output shape: (N, T, Dv); with ``return_attention_scores`` a tuple with the scores.  Steps that the query's mask
        leaves out, and those that see nothing, are zero.

    Weights: ``scale`` (D,) with ``use_scale``.

    Raises:
        ValueError: a rate is not between 0 and 1; inputs or masks do not fit each other.

    Source: Keras 3, AdditiveAttention; Bahdanau et al. 2015, "Neural Machine Translation by Jointly Learning to Align
        and Translate".

    Example:
        >>> query, value = np.ones((2, 4, 8), "float32"), np.ones((2, 6, 8), "float32")
        >>> layers.AdditiveAttention()([query, value]).shape
        (2, 4, 8)
    """

    def __init__(
        self, use_scale: bool = True, dropout: float = 0.0, seed: Any = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, seed=seed, **kwargs)

    def build(self, input_shape: Any) -> None:
        _check_shapes(input_shape, "add")
        features = known(self, "the last axis", input_shape[0][-1], input_shape[0])
        self.scale = self.add_weight((features,), "glorot_uniform", name="scale") if self.use_scale else None

    def _attend(
        self, query: Tensor, key: Tensor, value: Tensor, with_weights: bool, options: dict[str, Any]
    ) -> tuple[Tensor, Tensor | None]:
        return _by_scores(self._scores(query, key), value, with_weights, options)

    def _scores(self, query: Tensor, key: Tensor) -> Tensor:
        x = ops.tanh(ops.add(ops.expand_dims(query, 2), ops.expand_dims(key, 1)))
        if self.scale is None:
            return ops.sum(x, axis=-1)
        return ops.squeeze(ops.dense(x, ops.reshape(self.scale, (-1, 1))), -1)


def _attended(q: Tensor, k: Tensor, v: Tensor, with_weights: bool, options: dict[str, Any]) -> tuple[Tensor, Any]:
    if not with_weights:
        return ops.squeeze(ops.dot_product_attention(q, k, v, **options), 2), None
    y, weights = ops.attention_with_scores(q, k, v, **options)
    return ops.squeeze(y, 2), ops.squeeze(weights, 1)


def _by_scores(scores: Tensor, value: Tensor, with_weights: bool, options: dict[str, Any]) -> tuple[Tensor, Any]:
    """Attention of scores that are there already: as queries of one feature for each key, whose keys are the axes."""
    n, t, s = scores.shape
    q = ops.reshape(scores, (n, t, 1, s))
    k = ops.broadcast_to(ops.reshape(ops.eye(s, dtype=scores.dtype.name), (1, s, 1, s)), (n, s, 1, s))
    return _attended(q, k, ops.expand_dims(value, 2), with_weights, {**options, "scale": 1.0})


def _three(inputs: Any) -> tuple[Any, Any, Any]:
    if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
        what = f"{len(inputs)} of them" if isinstance(inputs, (list, tuple)) else type(inputs).__name__
        raise ValueError(f"expected a list [query, value] or [query, value, key], got {what}")
    return inputs[0], inputs[1], inputs[2] if len(inputs) == 3 else inputs[1]


def _check_shapes(shapes: Any, mode: str) -> None:
    if all(isinstance(n, int) or n is None for n in shapes):  # of one input
        raise ValueError(f"expected a list [query, value] or [query, value, key], got one input of shape {shapes}")
    query, value, key = (tuple(s) for s in _three(shapes))
    for name, shape in (("query", query), ("value", value), ("key", key)):
        if len(shape) != 3:
            raise ValueError(f"{name} is {shape}, expected (batch, time, features)")
    pairs = [(query, key, 0, "batch"), (query, value, 0, "batch"), (key, value, 1, "time"), (query, key, 2, "features")]
    for a, b, axis, what in pairs:
        if a[axis] is not None and b[axis] is not None and a[axis] != b[axis]:
            raise ValueError(f"query is {query}, value {value}, key {key}: the {what} axes must agree ({mode})")


def _masks(mask: Any, query: Shape, value: Shape) -> tuple[Tensor | None, Tensor | None]:
    if mask is None:
        return None, None
    if not isinstance(mask, (list, tuple)) or len(mask) not in (2, 3):
        raise ValueError(f"mask must be a list [query_mask, value_mask], got {type(mask).__name__}")
    shapes: Any = (query[:2], value[:2])
    return (
        as_mask(mask[0], shapes[0], "query_mask is", "(batch, query time)"),
        as_mask(mask[1], shapes[1], "value_mask is", "(batch, value time)"),
    )


__all__ = ["AdditiveAttention", "Attention"]
