"""A layer and the activation layer behind it in one pass, where the first one's kernel can apply it: the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import activations
from .activation import Activation, ReLU
from .base import Layer
from .calling import context
from .convolution import Conv2D, DepthwiseConv2D
from .dense import Dense
from .elementwise import Add
from .normalization import BatchNormalization

_FIRST = frozenset({Add, BatchNormalization, Conv2D, Dense, DepthwiseConv2D})  # their calls ask take_following()


def can_pair(first: Layer, second: Layer) -> bool:
    """Whether ``second``, the only layer that gets the result of ``first``, may be applied by ``first``."""
    return type(first) in _FIRST and type(second) in (Activation, ReLU)


def pairs(layers: Sequence[Layer]) -> list[tuple[Layer, Layer | None]]:
    """Layers that follow each other, each with the activation layer that it may take along."""
    found: list[tuple[Layer, Layer | None]] = []
    for layer in layers:
        if found and found[-1][1] is None and can_pair(found[-1][0], layer):
            found[-1] = (found[-1][0], layer)
        else:
            found.append((layer, None))
    return found


def call_pair(first: Layer, second: Layer, x: Any) -> Any:
    """``second(first(x))``."""
    name = _kernel_name(second)
    if name is None or first.activity_regularizer is not None or second.activity_regularizer is not None:
        return second(first(x))
    context.following = name
    try:
        y = first(x)
        taken = context.following is None
    finally:
        context.following = None
    return y if taken else second(y)


def _kernel_name(layer: Any) -> str | None:
    if type(layer) is Activation:
        return activations.fused_name(layer.activation)
    return None if layer.max_value is not None or layer.negative_slope or layer.threshold else "relu"
