"""Layers about time: which steps count, and another layer at every step."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.autograd import Tensor
from ..core.tree import map_shapes, map_structure
from .base import Layer
from .bases import SameShape, Wrapper
from .build import build_inner
from .masking import MaskedTensor, attach, zeroed
from .normalization import BatchNormalization
from .symbolic import Shape, SymbolicTensor


class Masking(SameShape):
    """Marks steps of sequences as padding and makes them zero: those all of whose features are ``mask_value``.

    Layers behind that take masks leave those steps out.

    Args:
        mask_value: the number that stands for padding.

    Input shape: (N, T, ...).

    Output shape: the input's, with a mask (N, T).

    Raises:
        ValueError: the input has less than two axes.

    Source: Keras 3, Masking.
    """

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = float(mask_value)
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        self._check(inputs.shape)
        kept = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)
        return attach(zeroed(inputs, kept), kept)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._check(input_shape)
        return input_shape

    def _check(self, shape: Shape) -> None:
        if len(shape) < 2:
            raise ValueError(f"x is {shape}, expected (batch, time, ...)")


class TimeDistributed(Wrapper):
    """A layer at every step of sequences: one call over all N * T steps as one batch.

    So batch normalization takes its statistics over all steps at once.  A mask (N, T) goes on to the result, and to
    batch normalization.  A mask with more axes goes to the layer; its own mask, or else whether a step has anything
    that counts, goes on.

    Args:
        layer: the layer to apply.

    Call args:
        mask: (N, T, ...), True where a step counts; None counts all.

    Input shape: (N, T, ...), three axes or more.

    Output shape: (N, T, ...), behind it the layer's output shape without the batch.

    Weights: those of ``layer``.

    Raises:
        TypeError: ``layer`` is no layer.
        ValueError: the input has less than three axes.

    Source: Keras 3, TimeDistributed.
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        if not isinstance(layer, Layer):
            raise TypeError(f"{self._label()}: expected a layer, got {layer!r}")
        self.autocast = False  # the layer inside converts
        self.layer = layer

    def build(self, input_shape: Shape) -> None:
        self._check(input_shape)
        build_inner(self.layer, (input_shape[0], *input_shape[2:]))

    def call(self, inputs: Tensor, mask: Any = None) -> Any:
        self._check(inputs.shape)
        n, steps, *rest = inputs.shape
        x = ops.reshape(inputs, (n * steps, *rest))
        if mask is not None and mask.ndim > 2:
            x = attach(x, ops.reshape(mask, (n * steps, *mask.shape[2:])))
        elif mask is not None and isinstance(self.layer, BatchNormalization):  # whose samples are steps here
            x = attach(x, ops.reshape(mask, (n * steps,)))

        def in_time(t: Tensor) -> Tensor:
            y = ops.reshape(t, (n, steps, *t.shape[1:]))
            return attach(y, in_time(t.mask)) if isinstance(t, MaskedTensor) else y

        return map_structure(in_time, self.layer(x))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        inner = () if previous_mask is None else tuple(range(2, previous_mask.ndim))
        return ops.any(previous_mask, axis=inner) if inner else previous_mask

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        self._check(inputs.shape)
        n, steps, *rest = inputs.shape
        y = self.layer.compute_output_spec(SymbolicTensor((None, *rest), inputs.dtype))
        return map_structure(lambda t: SymbolicTensor((n, steps, *t.shape[1:]), t.dtype), y)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        self._check(input_shape)
        n, steps, *rest = input_shape
        return map_shapes(lambda s: (n, steps, *s[1:]), self.layer.compute_output_shape((None, *rest)))

    def _check(self, shape: Shape) -> None:
        if len(shape) < 3:
            raise ValueError(f"x is {shape}, expected (batch, time, ...)")


__all__ = ["Masking", "TimeDistributed"]
