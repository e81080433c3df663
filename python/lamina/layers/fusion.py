"""Layers behind each other in one pass, where the first one's kernel can do the others' work.

An activation layer goes into the kernel of the layer before it: the same bits.  Batch normalization goes, in inference
without gradients, into the weights of the convolution before it: the same numbers but for rounding.  Where max pooling
follows relu, its backward takes the gradient back through both, with fewer values to go over: the same bits.  (Other
activations stay where they are: two values may have one tanh, and the gradient goes to the first of the largest.)

A layer that takes an activation along has ``_call_fused(activation, inputs, ...)``: its ``call`` with this activation,
named as kernels name it, in the place of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from .. import activations
from ..core.autograd import Tensor
from ..core.grad_mode import grad_mode
from ..ops.fused_activation import RELU_FORWARD
from .base import Layer
from .call import context, run
from .fused_kinds import ACTIVATIONS, FOLDING, NORMALIZATIONS, POOLINGS, TAKEN
from .symbolic import is_symbolic, trial


def can_follow(layers: Sequence[Layer], layer: Layer) -> bool:
    """Whether ``layer``, the only one that gets the result of ``layers``, may be fused with them."""
    last = layers[-1]
    if type(layer) in POOLINGS and layer.return_indices:  # type: ignore[attr-defined]
        return False
    if type(layer) in POOLINGS and len(layers) > 1 and type(last) in ACTIVATIONS:
        return True
    if type(last).call not in TAKEN or type(last).__call__ is not Layer.__call__:
        return False
    if type(layer) in POOLINGS:
        return hasattr(last, "activation")
    if type(layer) in NORMALIZATIONS:
        return len(layers) == 1 and type(last).call in FOLDING
    return type(layer) in ACTIVATIONS


def chains(layers: Sequence[Layer]) -> list[Layer | Chain]:
    """Layers that follow each other, those that may be fused in chains."""
    found: list[list[Layer]] = []
    for layer in layers:
        if found and can_follow(found[-1], layer):
            found[-1].append(layer)
        else:
            found.append([layer])
    return [chain[0] if len(chain) == 1 else Chain(chain) for chain in found]


class Chain:
    """Layers behind each other, called as one: a first one; batch normalization; an activation; max pooling."""

    __slots__ = ("activation", "first", "layers", "normalization", "pooling")

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self.first, *behind = self.layers
        self.normalization, self.activation, self.pooling = (
            _first_of(behind, kinds) for kinds in (NORMALIZATIONS, ACTIVATIONS, POOLINGS)
        )

    def __call__(self, x: Any) -> Any:
        """``layers[-1](... layers[0](x))``."""
        if (type(x) is not Tensor and is_symbolic(x)) or not all(map(_can_be_fused, self.layers)):
            return _then(x, self.layers)
        first: Any = self.first
        behind: list[Any] = []  # what is left to do afterwards
        options: dict[str, Any] = {}
        if self.normalization is not None:
            if _can_fold(first, self.normalization, x):
                options["normalization"] = self.normalization
            else:
                x, first = first(x), self.normalization
        name = activations.fused_name(getattr(first, "activation", activations.linear))
        if self.activation is not None:
            following = _kernel_name(self.activation) if name == "linear" and self._one_type(first, x) else None
            if following in TAKEN.get(type(first).call, ()):
                options["activation"] = name = following
            else:
                behind, name = [self.activation], None
        if self.pooling is None:
            return _then(_run(first, options, x), behind)
        if name == "relu" and grad_mode.enabled and type(first).call in TAKEN:
            options["activation"] = RELU_FORWARD
            return run(self.pooling, self.pooling._call_of_relu, _run(first, options, x))
        return _then(_run(first, options, x), [*behind, self.pooling])

    def _one_type(self, first: Layer, x: Any) -> bool:
        """Whether ``first(x)`` has the activation's type, which it would be converted to."""
        if first._dtype != self.activation._dtype or not first.autocast:
            return False
        return not first._keeps_dtype or all(getattr(t, "dtype", first._dtype).kind == "f" for t in x)


def _run(layer: Any, options: dict[str, Any], x: Any) -> Any:
    """``layer(x)``, by ``_call_fused`` where there are options for it."""
    if not options:
        return layer(x)
    return run(layer, partial(layer._call_fused, options.pop("activation", "linear"), **options), x)


def _then(x: Any, layers: Sequence[Layer]) -> Any:
    for layer in layers:
        x = layer(x)
    return x


def _first_of(layers: Sequence[Layer], kinds: set[type[Any]]) -> Any:
    return next((layer for layer in layers if type(layer) in kinds), None)


def _can_be_fused(layer: Layer) -> bool:
    """Whether nobody wants to see its call or its result."""
    return "call" not in vars(layer) and layer.activity_regularizer is None


def _kernel_name(layer: Any) -> str | None:
    """The activation of this layer as kernels name it."""
    if hasattr(layer, "activation"):
        return activations.fused_name(layer.activation)
    if layer.max_value is not None or layer.negative_slope or layer.threshold:
        return None
    return "relu"


def _can_fold(first: Any, normalization: Any, x: Any) -> bool:
    if grad_mode.enabled or context.training or not (first.built and normalization.built and type(x) is Tensor):
        return False
    if activations.fused_name(first.activation) != "linear" or first.data_format != "channels_last":
        return False
    if trial.running:  # what is exported keeps the layers apart
        return False
    pixels, outputs = math.prod(x.shape[:-1]), normalization.moving_mean.size
    worth_it = pixels * outputs > 2 * first.kernel.size
    return worth_it and normalization.axis in (-1, x.ndim - 1) and first.dtype == normalization.dtype
