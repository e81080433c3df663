"""Blocks of a Transformer: attention and a feedforward network, each with dropout, addition and normalization."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import ops
from ..core.autograd import Tensor
from .arguments import fraction, known, positive
from .attention import MultiHeadAttention
from .base import Layer
from .dense import Dense
from .dropout import Dropout
from .masking import as_mask, attach, mask_of, zeroed
from .normalization import LayerNormalization
from .options import LayerOptions, Unpack
from .symbolic import Shape, SymbolicTensor
from .torch_module import Link, TorchModule


class _TransformerBlock(Layer):
    """What encoder and decoder share: their parts, each a layer, a normalization and a dropout of one name."""

    supports_masking = True
    _float_input = True

    activation: Any
    kernel_initializer: Any
    bias_initializer: Any
    layer_norm_epsilon: float

    def __init__(
        self,
        intermediate_dim: int,
        num_heads: int,
        dropout: float = 0,
        activation: Any = "relu",
        layer_norm_epsilon: float = 1e-05,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        normalize_first: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._keep(locals())
        self.intermediate_dim = positive(self, "intermediate_dim", intermediate_dim)
        self.num_heads = positive(self, "num_heads", num_heads)
        self.dropout = fraction(self, "dropout", dropout)
        self.normalize_first = bool(normalize_first)

    def _options(self, name: str) -> dict[str, Any]:
        return {"name": name, "dtype": self._policy, "trainable": self.trainable}

    def _attention(self, name: str, query: Shape, value: Shape) -> MultiHeadAttention:
        """Its weights made, for as many features as the query has."""
        features = known(self, "the last axis", query[-1], query)
        size = features // self.num_heads
        if size == 0:
            raise ValueError(f"num_heads={self.num_heads} are more than the {features} features of the input")
        layer = MultiHeadAttention(
            self.num_heads, size, dropout=self.dropout, kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer, **self._options(name),
        )  # fmt: skip
        layer.build(query, value)
        return layer

    def _dense(self, name: str, shape: Shape, units: int, activation: Any = None) -> Dense:
        layer = Dense(
            units, activation, kernel_initializer=self.kernel_initializer, bias_initializer=self.bias_initializer,
            **self._options(name),
        )  # fmt: skip
        layer.build(shape)
        return layer

    def _around(self, name: str, shape: Shape) -> tuple[LayerNormalization, Dropout]:
        """The normalization and the dropout of the part ``name``."""
        norm = LayerNormalization(epsilon=self.layer_norm_epsilon, **self._options(f"{name}_layer_norm"))
        norm.build(shape)
        return norm, Dropout(self.dropout, **self._options(f"{name}_dropout"))

    def _build_feedforward(self, shape: Shape) -> None:
        name, middle = "feedforward", (None, self.intermediate_dim)
        self._feedforward_intermediate_dense = self._dense(
            f"{name}_intermediate_dense", shape, self.intermediate_dim, self.activation
        )
        self._feedforward_output_dense = self._dense(
            f"{name}_output_dense", middle, known(self, "the last axis", shape[-1], shape)
        )
        self._feedforward_around = self._around(name, shape)

    def _part(
        self, x: Tensor, around: tuple[LayerNormalization, Dropout], compute: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """x and what a part makes of it; normalized in front of the part, or behind the addition."""
        norm, dropout = around
        y = dropout(compute(norm(x) if self.normalize_first else x))
        y = ops.add(x, y)
        return y if self.normalize_first else norm(y)

    def _feedforward(self, x: Tensor) -> Tensor:
        return self._feedforward_output_dense(self._feedforward_intermediate_dense(x))


def _check(name: str, shape: Shape) -> None:
    if len(shape) != 3:
        raise ValueError(f"{name} is {shape}, expected (batch, time, features)")


def _padding(mask: Any, x: Tensor, name: str) -> Tensor | None:
    """The given mask, else the one that x carries."""
    mask = mask_of(x) if mask is None else mask
    return as_mask(mask, x.shape[:2], f"{name} is")  # type: ignore[arg-type]


_FEEDFORWARD = {"linear1": "_feedforward_intermediate_dense", "linear2": "_feedforward_output_dense"}


def _norms(*names: str) -> dict[str, str]:
    return {f"norm{i}": f"_{name}_around.0" for i, name in enumerate(names, 1)}


class TransformerEncoder(_TransformerBlock):
    """A block of a Transformer that sees whole sequences: self-attention and a feedforward network.

    Args:
        intermediate_dim: features between the two dense layers.
        num_heads: number of heads; each has as many features as the input's, divided by this, rounded down.
        dropout: fraction that is set to zero in training, of the scores and of each part's result.
        activation: activation of the first dense layer.
        layer_norm_epsilon: what is added to the variance in normalizations.
        kernel_initializer: first value of all kernels: a name, an Initializer, or a function f(shape, dtype).
        bias_initializer: first value of all biases.
        normalize_first: whether each part's input is normalized (pre-norm), else the sum behind it (post-norm).

    Call args:
        inputs: (N, T, D).
        padding_mask: (N, T), True where a step counts; a mask that the input carries, if None.
        attention_mask: (T, T) or (N, T, T), True where a step (second to last axis) may see another one.
        return_attention_scores: whether the scores (N, heads, T, T) are returned, too.

    Input shape: (N, T, D).

    Output shape: the input's; with ``return_attention_scores`` a tuple with the scores.

    Weights: those of ``self_attention`` (MultiHeadAttention), ``self_attention_layer_norm``,
        ``feedforward_intermediate_dense``, ``feedforward_output_dense`` and ``feedforward_layer_norm``.

    Raises:
        ValueError: a size is not positive; there are more heads than features; the input or a mask does not fit.

    Source: KerasHub, TransformerEncoder; Vaswani et al. 2017, "Attention Is All You Need".

    Example:
        >>> layers.TransformerEncoder(32, num_heads=4)(np.ones((2, 6, 16), "float32")).shape
        (2, 6, 16)
    """

    _torch = TorchModule(
        "TransformerEncoderLayer",
        parts={"self_attn": "_self_attention", **_FEEDFORWARD, **_norms("self_attention", "feedforward")},
    )

    def build(self, inputs_shape: Shape) -> None:
        _check("x", inputs_shape)
        self._self_attention = self._attention("self_attention", inputs_shape, inputs_shape)
        self._self_attention_around = self._around("self_attention", inputs_shape)
        self._build_feedforward(inputs_shape)

    def call(
        self,
        inputs: Tensor,
        padding_mask: Any = None,
        attention_mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
    ) -> Any:
        _check("x", inputs.shape)
        mask = _padding(padding_mask, inputs, "padding_mask")
        x = inputs if mask is None else zeroed(inputs, mask)
        scores: list[Tensor] = []

        def attend(h: Tensor) -> Tensor:
            y = self._self_attention(
                h, h, query_mask=mask, value_mask=mask, attention_mask=attention_mask,
                return_attention_scores=return_attention_scores,
            )  # fmt: skip
            if return_attention_scores:
                y, found = y
                scores.append(found)
            return y

        x = self._part(x, self._self_attention_around, attend)
        x = self._part(x, self._feedforward_around, self._feedforward)
        if mask is not None:
            x = attach(x, mask)
        return (x, scores[0]) if return_attention_scores else x

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        _check("x", inputs_shape)
        if self.built:
            self._self_attention.compute_output_shape(inputs_shape, inputs_shape)
        return inputs_shape

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        n, t, _ = shape = self.compute_output_shape(inputs.shape)
        y = SymbolicTensor(shape, self.dtype)
        if not kwargs.get("return_attention_scores"):
            return y
        return y, SymbolicTensor((n, self.num_heads, t, t), self.dtype)


def _decoder_links(layer: Any) -> list[Link]:
    """With an encoder PyTorch's decoder layer; without, as in language models, its encoder layer."""
    if layer._cross_attention is None:
        return TransformerEncoder._torch.links(layer)
    parts = {"self_attn": "_self_attention", "multihead_attn": "_cross_attention", **_FEEDFORWARD}
    parts |= _norms("self_attention", "cross_attention", "feedforward")
    return TorchModule("TransformerDecoderLayer", parts=parts).links(layer)


class TransformerDecoder(_TransformerBlock):
    """A block of a Transformer that writes sequences: causal self-attention, attention to the results of an encoder if
    they are given, and a feedforward network.

    Inside of a ``KeyValueCache``'s block it goes on from the steps that the cache keeps.

    Args:
        intermediate_dim: features between the two dense layers.
        num_heads: number of heads; each has as many features as the input's, divided by this, rounded down.
        dropout: fraction that is set to zero in training, of the scores and of each part's result.
        activation: activation of the first dense layer.
        layer_norm_epsilon: what is added to the variance in normalizations.
        kernel_initializer: first value of all kernels: a name, an Initializer, or a function f(shape, dtype).
        bias_initializer: first value of all biases.
        normalize_first: whether each part's input is normalized (pre-norm), else the sum behind it (post-norm).

    Call args:
        decoder_sequence: (N, T, D).
        encoder_sequence: (N, S, E), what an encoder made; None leaves attention to it out.  The first call decides
            whether there is one.
        decoder_padding_mask: (N, T), True where a step counts; a mask that the sequence carries, if None.
        decoder_attention_mask: (T, T) or (N, T, T), True where a step (second to last axis) may see another one.
        encoder_padding_mask: (N, S), True where a step of the encoder counts; a mask that it carries, if None.
        encoder_attention_mask: (T, S) or (N, T, S), True where a step may see one of the encoder.
        use_causal_mask: whether step t sees steps up to t only.

    Input shape: (N, T, D), and (N, S, E) with an encoder.

    Output shape: that of ``decoder_sequence``.

    Weights: those of ``self_attention`` (MultiHeadAttention), ``self_attention_layer_norm``, with an encoder
        ``cross_attention`` and ``cross_attention_layer_norm``, ``feedforward_intermediate_dense``,
        ``feedforward_output_dense`` and ``feedforward_layer_norm``.

    Raises:
        ValueError: a size is not positive; there are more heads than features; an input or a mask does not fit; an
            encoder's result is given to a block that was built without, or lacks for one that was built with it.

    Source: KerasHub, TransformerDecoder; Vaswani et al. 2017, "Attention Is All You Need".

    Example:
        >>> x, memory = np.ones((2, 6, 16), "float32"), np.ones((2, 9, 16), "float32")
        >>> layers.TransformerDecoder(32, num_heads=4)(x, memory).shape
        (2, 6, 16)
    """

    _torch = TorchModule("TransformerDecoderLayer", links=_decoder_links)
    _cross_attention: MultiHeadAttention | None = None

    def build(self, decoder_sequence_shape: Shape, encoder_sequence_shape: Shape | None = None) -> None:
        shape, memory = decoder_sequence_shape, encoder_sequence_shape
        _check("decoder_sequence", shape)
        self._self_attention = self._attention("self_attention", shape, shape)
        self._self_attention_around = self._around("self_attention", shape)
        if memory is not None:
            _check("encoder_sequence", memory)
            self._cross_attention = self._attention("cross_attention", shape, memory)
            self._cross_attention_around = self._around("cross_attention", shape)
        self._build_feedforward(shape)

    def call(
        self,
        decoder_sequence: Tensor,
        encoder_sequence: Tensor | None = None,
        decoder_padding_mask: Any = None,
        decoder_attention_mask: Any = None,
        encoder_padding_mask: Any = None,
        encoder_attention_mask: Any = None,
        use_causal_mask: bool = True,
        training: bool = False,
    ) -> Any:
        x, memory = decoder_sequence, encoder_sequence
        self._check_both(x.shape, None if memory is None else memory.shape)
        mask = _padding(decoder_padding_mask, x, "decoder_padding_mask")
        if mask is not None:
            x = zeroed(x, mask)
        x = self._part(
            x, self._self_attention_around,
            lambda h: self._self_attention(
                h, h, query_mask=mask, value_mask=mask, attention_mask=decoder_attention_mask,
                use_causal_mask=use_causal_mask,
            ),
        )  # fmt: skip
        cross = self._cross_attention
        if cross is not None and memory is not None:
            other = _padding(encoder_padding_mask, memory, "encoder_padding_mask")
            x = self._part(
                x, self._cross_attention_around,
                lambda h: cross(
                    h, memory, query_mask=mask, value_mask=other, attention_mask=encoder_attention_mask
                ),
            )  # fmt: skip
        x = self._part(x, self._feedforward_around, self._feedforward)
        return x if mask is None else attach(x, mask)

    def _check_both(self, sequence: Shape, memory: Shape | None) -> None:
        _check("decoder_sequence", sequence)
        if self.built and (memory is None) != (self._cross_attention is None):
            have = "without" if memory is None else "with"
            raise ValueError(
                f"called {have} an encoder_sequence, but the first call decided otherwise; make another "
                "TransformerDecoder for it"
            )

    def compute_output_shape(self, decoder_sequence_shape: Shape, encoder_sequence_shape: Shape | None = None) -> Shape:
        """The shape of the result.

        Args:
            decoder_sequence_shape: (N, T, D).
            encoder_sequence_shape: (N, S, E), or None without an encoder.

        Raises:
            ValueError: the shapes do not fit each other or the weights.
        """
        shape, memory = decoder_sequence_shape, encoder_sequence_shape
        self._check_both(shape, memory)
        if self.built:
            self._self_attention.compute_output_shape(shape, shape)
        if self.built and self._cross_attention is not None and memory is not None:
            self._cross_attention.compute_output_shape(shape, memory)
        return shape

    def compute_output_spec(
        self, decoder_sequence: Any, encoder_sequence: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        memory = None if encoder_sequence is None else encoder_sequence.shape
        return SymbolicTensor(self.compute_output_shape(decoder_sequence.shape, memory), self.dtype)


__all__ = ["TransformerDecoder", "TransformerEncoder"]
