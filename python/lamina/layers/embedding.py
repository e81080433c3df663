"""Embedding of indices, and positions of a sequence."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import _native, initializers, ops
from ..config import standardize_dtype
from ..core.autograd import Array, Tensor, wrap
from ..ops.conversion import as_tensor
from ..ops.quantized import quantized_embedding
from .arguments import known, positive, positive_number, refuse
from .base import Layer
from .bases import SameShape
from .call import context
from .key_value_cache import KeyValueCache
from .masking import attach
from .options import EmbeddingOptions, LayerOptions, Unpack
from .position_rows import PositionRows
from .quantization import accept_config
from .symbolic import Shape, SymbolicTensor, trial
from .torch_module import TorchModule
from .variable import Variable


class _EmbeddingOptions(EmbeddingOptions, total=False):
    input_length: int | None


class Embedding(Layer):
    """Rows of a table, looked up by integers.

    With ``sparse`` training costs what the rows of a batch do, not the table: gradients are kept for those rows alone,
    and optimizers leave all other rows and their state as they are (momentum does not move them, weight decay does not
    shrink them).  ``grad`` of such a table is read-only.  Where a gradient reaches the table in another way (tied
    weights, a regularizer, assignment to ``grad``), that step goes over all rows.

    Args:
        input_dim: number of rows, a positive integer; indices are below it.
        output_dim: features of a row, a positive integer.
        mask_zero: whether index 0 is padding: layers behind that take masks leave those steps out.
        weights: the table, or a list that holds it; None leaves it to the initializer.
        sparse: whether gradients are kept for the rows of a batch alone.

    Input shape: any, integers; floats lose their decimals.

    Output shape: (*input shape, output_dim).

    Weights: ``embeddings`` (input_dim, output_dim).

    Raises:
        ValueError: a size is not positive; an option is not supported; ``weights`` has another shape.
        IndexError: an index is negative, not below ``input_dim``, or NaN; the message names it and its place.

    Source: Keras 3, Embedding; ``sparse`` from PyTorch.

    Example:
        >>> layers.Embedding(1000, 16)(np.array([[4, 20, 7]])).shape
        (1, 3, 16)
    """

    _torch = TorchModule("Embedding", weight="embeddings")

    mask_zero: bool
    embeddings_scale: Variable  # of a quantized layer

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        *,
        sparse: bool = False,
        **kwargs: Unpack[_EmbeddingOptions],
    ) -> None:
        kwargs.pop("input_length", None)  # Keras 2's argument: the length is never needed
        super().__init__(**kwargs)  # type: ignore[misc]  # it is gone
        self._keep(locals())
        refuse(self, lora_rank=lora_rank, lora_alpha=lora_alpha)
        self.quantization_config = accept_config(self, quantization_config)
        self.input_dim = positive(self, "input_dim", input_dim)
        self.output_dim = positive(self, "output_dim", output_dim)
        self.sparse = bool(sparse)
        self.autocast = False
        self.build(None)
        if weights is not None:
            self.set_weights(weights if isinstance(weights, (list, tuple)) else [weights])

    def build(self, input_shape: Shape | None = None) -> None:
        self.embeddings = self._weight("embeddings", (self.input_dim, self.output_dim))  # fmt: skip
        if self.sparse and self._quantization is None:
            self.embeddings.touched = _native.TouchedRows(self.input_dim)

    def call(self, inputs: Tensor) -> Tensor:
        indices = _as_indices(inputs)
        try:
            y = self._rows(indices)
        except IndexError:
            self._refuse(inputs._array)
            raise
        return attach(y, ops.not_equal(indices, 0)) if self.mask_zero else y

    def _rows(self, indices: Tensor) -> Tensor:
        if self._quantization is None:
            return ops.embedding(indices, self.embeddings)
        return quantized_embedding(indices, self.embeddings, self.embeddings_scale)

    def _int8_axes(self) -> Mapping[str, tuple[int, ...]]:
        return {"embeddings": (1,)}

    def _refuse(self, values: Array) -> None:
        """IndexError for the first index out of range, as it was before it was converted."""
        inside = (values > -1) & (values < self.input_dim)  # neither holds for NaN
        if not inside.all():
            place = np.argwhere(~inside)[0].tolist()
            raise IndexError(f"embedding: index {values[tuple(place)]} at {place} is outside 0..{self.input_dim - 1}")

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Which indices are not 0, with ``mask_zero``; else None.

        Args:
            inputs: the indices.
            previous_mask: their mask, which is not used.
        """
        return ops.not_equal(_as_indices(as_tensor(inputs)), 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.output_dim)


class ReversibleEmbedding(Embedding):
    """An embedding that also goes back: from features to one number for each row of its table, as logits.

    Args:
        input_dim: number of rows.
        output_dim: length of a row.
        mask_zero: whether the index 0 stands for nothing: it makes a mask.
        tie_weights: whether the way back uses the transposed table; else it has a kernel of its own.
        reverse_dtype: type in which the way back computes; None means the layer's.
        logit_soft_cap: limit of the logits' size, ``cap * tanh(logits / cap)``; None sets none.

    Call args:
        reverse: whether features are given, for logits; else indices, for rows.

    Input shape: any, integers; with ``reverse`` (..., output_dim).

    Output shape: (*input shape, output_dim); with ``reverse`` (..., input_dim).

    Weights: ``embeddings`` (input_dim, output_dim), and without ``tie_weights`` also ``reverse_embeddings``
        (output_dim, input_dim).

    Raises:
        ValueError: as Embedding; ``logit_soft_cap`` is not positive; features have another size than the rows.
        IndexError: an index is out of range.

    Source: Keras 3, ReversibleEmbedding.

    Example:
        >>> embedding = layers.ReversibleEmbedding(1000, 16)
        >>> x = embedding(np.array([[4, 20, 7]]))
        >>> embedding(x, reverse=True).shape
        (1, 3, 1000)
    """

    _int8_axes = Layer._int8_axes  # the way back multiplies with the table: it stays float32

    embeddings_initializer: Any

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        *,
        sparse: bool = False,
        **kwargs: Unpack[EmbeddingOptions],
    ) -> None:
        self.tie_weights = bool(tie_weights)  # which the weights depend on
        super().__init__(
            input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero,
            sparse=sparse, **kwargs,
        )  # fmt: skip
        wanted = None if reverse_dtype is None else standardize_dtype(reverse_dtype, f"{self._label()}: reverse_dtype")
        self.reverse_dtype = None if wanted is None else str(wanted)
        if logit_soft_cap is not None and not logit_soft_cap > 0:
            raise ValueError(f"{self._label()}: logit_soft_cap must be positive or None, got {logit_soft_cap!r}")
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Shape | None = None) -> None:
        super().build(input_shape)
        if not self.tie_weights:
            size = (self.output_dim, self.input_dim)
            self.reverse_embeddings = self.add_weight(size, self.embeddings_initializer, name="reverse_embeddings")

    def call(self, inputs: Tensor, reverse: bool = False) -> Tensor:
        if not reverse:
            return super().call(inputs)
        if inputs.shape[-1:] != (self.output_dim,):
            raise ValueError(f"x is {inputs.shape}, expected {self.output_dim} features last for reverse=True")
        kernel = ops.transpose(self.embeddings) if self.tie_weights else self.reverse_embeddings
        kind = self.reverse_dtype or self.dtype
        logits = ops.matmul(ops.cast(inputs, kind), ops.cast(kernel, kind))
        if self.logit_soft_cap is None:
            return logits
        return ops.multiply(ops.tanh(ops.divide(logits, self.logit_soft_cap)), self.logit_soft_cap)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Which indices are not 0, with ``mask_zero``; None for features.

        Args:
            inputs: the input of the call.
            previous_mask: its mask, which is not used.
        """
        return None if np.dtype(inputs.dtype).kind == "f" else super().compute_mask(inputs)

    def compute_output_spec(self, inputs: Any, reverse: bool = False, **kwargs: Any) -> Any:
        dtype = (self.reverse_dtype or self.dtype) if reverse else self.dtype
        return SymbolicTensor(self.compute_output_shape(inputs.shape, reverse), dtype)

    def compute_output_shape(self, input_shape: Shape, reverse: bool = False) -> Shape:
        return (*input_shape[:-1], self.input_dim) if reverse else super().compute_output_shape(input_shape)


def _as_indices(x: Tensor) -> Tensor:
    """Integers that operations know; those that int64 cannot hold, and floats that are no numbers, become -1."""
    kind = x._array.dtype
    if kind.kind == "f":  # as Keras: token arrays are often stored as floats
        x = ops.where(ops.less(ops.abs(x), 2.0**62), x, -1.0)
    elif kind.kind == "b" or kind in (np.int32, np.int64):
        return x
    return ops.cast(x, "int64")


class PositionEmbedding(SameShape):
    """Learned positions: the first T rows of a table, broadcast to the input's shape.  Add the result to the input.

    Args:
        sequence_length: number of rows, the longest input.
        initializer: first value of ``embeddings``: a name, an Initializer, or a function f(shape, dtype).

    Call args:
        start_index: the row of the first step.

    Input shape: (N, T, features).

    Output shape: the input's.

    Weights: ``embeddings`` (sequence_length, features).

    Raises:
        ValueError: ``sequence_length`` is not positive; the positions exceed it; the input has less than two axes or
            other features than the table.

    Source: KerasHub, PositionEmbedding.

    Example:
        >>> layers.PositionEmbedding(sequence_length=50)(np.ones((2, 10, 16), "float32")).shape
        (2, 10, 16)
    """

    _torch = TorchModule("Embedding", weight="position_embeddings")

    def __init__(
        self, sequence_length: int, initializer: Any = "glorot_uniform", **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.sequence_length = positive(self, "sequence_length", sequence_length)
        self.initializer = initializers.get(initializer)

    def build(self, inputs_shape: Shape) -> None:
        _check_steps(inputs_shape)
        features = known(self, "the last axis", inputs_shape[-1], inputs_shape)
        self.position_embeddings = self.add_weight(
            (self.sequence_length, features), self.initializer, name="embeddings"
        )

    def call(self, inputs: Tensor, start_index: int = 0) -> Tensor:
        shape = inputs.shape
        _check_steps(shape)
        if shape[-1] != self.position_embeddings.shape[1]:
            raise ValueError(f"x is {shape}, but the table was built for {self.position_embeddings.shape[1]} features")
        if context.cache is not None:
            return ops.broadcast_to(self._next_rows(context.cache, start_index, shape[-2]), shape)
        start_index = operator.index(start_index)
        stop = start_index + shape[-2]
        if start_index < 0 or stop > self.sequence_length:
            raise ValueError(f"positions {start_index} to {stop} do not fit sequence_length={self.sequence_length}")
        rows: Tensor = self.position_embeddings
        if stop - start_index != self.sequence_length:
            rows = ops.getitem(rows, slice(start_index, stop))
        return ops.broadcast_to(rows, shape)

    def _next_rows(self, cache: KeyValueCache, start_index: int, steps: int) -> Tensor:
        """Of the steps that follow those kept."""
        if start_index:
            raise ValueError(f"with a KeyValueCache positions follow those kept; got start_index={start_index}")
        if cache.capacity > self.sequence_length:
            raise ValueError(
                f"the key-value cache has capacity {cache.capacity}, but there are only "
                f"sequence_length={self.sequence_length} positions; make a cache of at most as many steps"
            )
        return ops.embedding(cache.positions(steps), self.position_embeddings)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        _check_steps(input_shape)
        if self.built and input_shape[-1] not in (None, self.position_embeddings.shape[1]):
            raise ValueError(
                f"x is {input_shape}, but the table was built for {self.position_embeddings.shape[1]} features"
            )
        steps = input_shape[-2]
        if steps is not None and steps > self.sequence_length:
            raise ValueError(f"x is {input_shape}: {steps} steps exceed sequence_length={self.sequence_length}")
        return input_shape


class SinePositionEncoding(SameShape):
    """Fixed positions: sines and cosines of many wavelengths, broadcast to the input's shape.  Add the result to the
    input.

    Features 2i and 2i + 1 are the sine and the cosine of ``position / max_wavelength ** (2i / features)``.

    Args:
        max_wavelength: the longest wavelength, a positive number of steps (divided by 2 pi).

    Call args:
        start_index: the position of the first step.

    Input shape: (N, T, features).

    Output shape: the input's.

    Raises:
        TypeError: ``max_wavelength`` is no number.
        ValueError: it is not positive and finite; the input has less than two axes.

    Source: KerasHub, SinePositionEncoding; Vaswani et al. 2017, "Attention Is All You Need", section 3.5.

    Example:
        >>> layers.SinePositionEncoding()(np.ones((2, 10, 16), "float32")).shape
        (2, 10, 16)
    """

    def __init__(self, max_wavelength: float = 10000, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.max_wavelength = positive_number(self, "max_wavelength", max_wavelength)
        self._rows = PositionRows()
        self._built = True

    def call(self, inputs: Tensor, start_index: int = 0) -> Tensor:
        shape = inputs.shape
        _check_steps(shape)
        if context.cache is not None:
            (table,) = self._rows(start_index, context.cache.capacity, shape[-1], self._sines)
            return ops.broadcast_to(ops.embedding(context.cache.positions(shape[-2]), wrap(table)), shape)
        if trial.running:  # seen as operations, that follow a free number of steps
            at = ops.cast(ops.arange(start_index, start_index + shape[-2]), "float64")
            angles = ops.multiply(ops.expand_dims(at, 1), self._frequencies(shape[-1]))
            sines = ops.where(np.arange(shape[-1]) % 2 == 1, ops.cos(angles), ops.sin(angles))
            return ops.broadcast_to(ops.cast(sines, self.dtype), shape)
        (rows,) = self._rows(start_index, shape[-2], shape[-1], self._sines)
        return ops.broadcast_to(wrap(rows), shape)

    def _frequencies(self, features: int) -> Array:
        return float(self.max_wavelength) ** (-2.0 * (np.arange(features) // 2) / max(1, features))

    def _sines(self, positions: Array, features: int) -> tuple[Array]:
        angles = positions * self._frequencies(features)
        return (np.where(np.arange(features) % 2, np.cos(angles), np.sin(angles)).astype(self.dtype),)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        _check_steps(input_shape)
        return input_shape


def _check_steps(shape: Shape) -> None:
    if len(shape) < 2:
        raise ValueError(f"x is {shape}, expected (batch, time, features)")


__all__ = ["Embedding", "PositionEmbedding", "ReversibleEmbedding", "SinePositionEncoding"]
