"""One encoder for several inputs, and how far its outputs are from each other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..core.autograd import Tensor
from ..core.suggest import unknown
from ..core.tree import map_structure
from .base import Layer
from .bases import Around
from .build import build_inner
from .masking import attach
from .options import LayerOptions, Unpack
from .symbolic import Shape, SymbolicTensor

_DISTANCES = ("l1", "l2", "cosine")


class Siamese(Around):
    """Distances of the first of several inputs to the others, after one encoder that all share.

    The encoder is called once, with all inputs joined along the batch: batch normalization takes its statistics over
    them together, and dropout draws for each anew.

    Args:
        encoder: the layer or model, whose result is one tensor (N, ...).
        distance: "l1", the sum of the absolute differences; "l2", the Euclidean distance; "cosine", 1 minus the cosine;
            or a layer, called with the list of the encodings.
        head: a layer that is called with the distances, such as ``Dense(1, "sigmoid")``; None returns them.

    Call args:
        mask: the list of the inputs' masks, which the encoder gets joined; None counts all.

    Input shape: list of k shapes (N, ...), two or more, which are equal.

    Output shape: (N, k - 1); or that of the layers ``distance`` and ``head``.

    Weights: those of ``encoder``, ``distance`` and ``head``.

    Raises:
        TypeError: ``encoder`` or ``head`` is no layer, or ``distance`` neither a name nor a layer.
        ValueError: ``distance`` is unknown; the inputs are fewer than two, or their shapes differ; the encoder returns
            several tensors.

    Source: Bromley et al. 1993, "Signature Verification using a Siamese Time Delay Neural Network"; Koch et al. 2015,
        "Siamese Neural Networks for One-shot Image Recognition".

    Example:
        >>> siamese = layers.Siamese(layers.Dense(8), distance="l2")
        >>> siamese([np.ones((2, 4), "float32"), np.ones((2, 4), "float32")]).shape
        (2, 1)
    """

    def __init__(self, encoder: Any, distance: Any = "l1", head: Any = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(encoder, **kwargs)
        for name, layer in (("encoder", encoder), ("head", head)):
            if not isinstance(layer, Layer) and (name == "encoder" or layer is not None):
                raise TypeError(f"{self._label()}: {name} must be a layer, got {layer!r}")
        if isinstance(distance, str) and distance not in _DISTANCES:
            raise unknown("distance", distance, _DISTANCES)
        if not isinstance(distance, (str, Layer)):
            raise TypeError(
                f"{self._label()}: distance must be one of {', '.join(_DISTANCES)} or a layer, got {distance!r}"
            )
        self.autocast = False  # the layers inside convert
        self.encoder, self.distance, self.head = encoder, distance, head

    def build(self, input_shape: Any) -> None:
        shape, _ = self._shapes(input_shape)
        build_inner(self.encoder, shape)
        codes, apart = self._specs(input_shape, self.dtype)
        if isinstance(self.distance, Layer):
            build_inner(self.distance, [code.shape for code in codes])
        if self.head is not None:
            build_inner(self.head, map_structure(lambda t: t.shape, apart))

    def call(self, inputs: Any, mask: Any = None) -> Any:
        _, n = self._shapes([x.shape for x in inputs] if isinstance(inputs, (list, tuple)) else inputs.shape)
        joined = ops.concatenate(list(inputs), axis=0)
        if mask is not None and any(m is not None for m in mask):
            joined = attach(joined, ops.concatenate([self._whole(m, mask) for m in mask], axis=0))
        codes = self.encoder(joined)
        self._check_code(codes)
        parts = list(ops.split(codes, n, axis=0))
        if isinstance(self.distance, Layer):
            apart = self.distance(parts)
        else:
            apart = ops.stack([self._distance(parts[0], other) for other in parts[1:]], axis=1)
        return apart if self.head is None else self.head(apart)

    @staticmethod
    def _whole(mask: Any, masks: Any) -> Any:
        """The mask, or one that counts everything."""
        return mask if mask is not None else ops.ones_like(next(m for m in masks if m is not None))

    def _distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Of each pair of samples (N,)."""
        axes = tuple(range(1, a.ndim))
        if self.distance == "l1":
            return ops.sum(ops.abs(ops.subtract(a, b)), axis=axes)
        if self.distance == "l2":
            squares = ops.sum(ops.square(ops.subtract(a, b)), axis=axes)
            return ops.sqrt(ops.maximum(squares, float(np.finfo(squares.dtype).tiny)))  # the slope at 0 is infinite
        a, b = (ops.normalize(ops.reshape(v, (len(v), math.prod(v.shape[1:]))), axis=-1) for v in (a, b))
        return ops.subtract(1.0, ops.sum(ops.multiply(a, b), axis=-1))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: a distance has no steps.

        Args:
            inputs: the list of tensors.
            previous_mask: the list of their masks.
        """
        return None

    def compute_output_spec(self, inputs: Any, mask: Any = None, **kwargs: Any) -> Any:
        several = isinstance(inputs, (list, tuple))
        _, apart = self._specs([x.shape for x in inputs] if several else inputs.shape, inputs[0].dtype)
        return apart if self.head is None else self.head.compute_output_spec(apart)

    def compute_output_shape(self, input_shape: Any) -> Any:
        _, apart = self._specs(input_shape, self.dtype)
        shape = map_structure(lambda t: t.shape, apart)
        return shape if self.head is None else self.head.compute_output_shape(shape)

    def _specs(self, shapes: Any, dtype: Any) -> tuple[list[SymbolicTensor], Any]:
        """The codes of the inputs, and their distances."""
        shape, n = self._shapes(shapes)
        code = self.encoder.compute_output_spec(SymbolicTensor((None, *shape[1:]), dtype))  # all are one batch
        self._check_code(code)
        codes = [SymbolicTensor((shape[0], *code.shape[1:]), code.dtype) for _ in range(n)]
        if isinstance(self.distance, Layer):
            return codes, self.distance.compute_output_spec(codes)
        return codes, SymbolicTensor((shape[0], n - 1), code.dtype)

    def _check_code(self, code: Any) -> None:
        if not isinstance(code, (Tensor, SymbolicTensor)):
            raise ValueError(f"the encoder {self.encoder.name!r} returns several tensors, expected one (N, ...)")

    def _shapes(self, shapes: Any) -> tuple[Shape, int]:
        """The shape of the inputs, and how many there are."""
        if (
            not isinstance(shapes, (list, tuple))
            or len(shapes) < 2
            or not all(isinstance(s, (list, tuple)) for s in shapes)
        ):
            raise ValueError("expected a list of at least two tensors")
        first = tuple(shapes[0])
        for i, shape in enumerate(shapes[1:], 1):
            if tuple(shape) != first:
                raise ValueError(f"x[{i}] is {tuple(shape)}, x[0] {first}: the shapes differ, expected equal ones")
        return first, len(shapes)


__all__ = ["Siamese"]
