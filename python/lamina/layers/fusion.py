"""Layers behind each other in one pass, where the first one's kernel can do the others' work.

An activation layer goes into the kernel of the layer before it: the same bits.  Batch normalization goes, in inference
without gradients, into the weights of the convolution before it: the same numbers but for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import activations
from ..core.autograd import Tensor
from ..core.grad_mode import grad_mode
from .activation import Activation, ReLU
from .base import Layer
from .call import context
from .convolution import Convolution
from .dense import Dense
from .elementwise import Add
from .normalization import BatchNormalization

_FIRST = (Add, BatchNormalization, Dense)  # their calls ask take_following()


def can_follow(chain: Sequence[Layer], layer: Layer) -> bool:
    """Whether ``layer``, the only one that gets the result of ``chain``, may be done by it."""
    if type(layer) in (Activation, ReLU):
        return type(chain[-1]) in _FIRST or _convolves(chain[-1])
    return type(layer) is BatchNormalization and len(chain) == 1 and _convolves(chain[0])


def _convolves(layer: Layer) -> bool:
    """Whether its call asks take_following() and looks at context.normalization."""
    return type(layer).call is Convolution.call


def chains(layers: Sequence[Layer]) -> list[tuple[Layer, ...]]:
    """Layers that follow each other, divided into chains."""
    found: list[tuple[Layer, ...]] = []
    for layer in layers:
        if found and can_follow(found[-1], layer):
            found[-1] += (layer,)
        else:
            found.append((layer,))
    return found


def call_chain(chain: tuple[Layer, ...], x: Any) -> Any:
    """``chain[-1](... chain[0](x))``."""
    first, *behind = chain
    if not behind:
        return first(x)
    folds = type(behind[0]) is BatchNormalization and _can_fold(first, behind[0], x)
    direct = behind[1:] if folds else behind
    name = _kernel_name(direct[0]) if direct else None
    if any(layer.activity_regularizer is not None for layer in chain) or not (folds or name):
        return call_chain(tuple(behind), first(x))
    context.normalization, context.following = behind[0] if folds else None, name
    try:
        y = first(x)
        taken = context.following is None
    finally:
        context.normalization = context.following = None
    rest = tuple(direct[1:] if taken and name else direct)
    return call_chain(rest, y) if rest else y


def _kernel_name(layer: Any) -> str | None:
    """The activation of this layer as kernels name it."""
    if type(layer) is Activation:
        return activations.fused_name(layer.activation)
    if type(layer) is not ReLU or layer.max_value is not None or layer.negative_slope or layer.threshold:
        return None
    return "relu"


def _can_fold(first: Any, normalization: Any, x: Any) -> bool:
    if grad_mode.enabled or context.training or not (first.built and normalization.built and type(x) is Tensor):
        return False
    if activations.fused_name(first.activation) != "linear" or first.data_format != "channels_last":
        return False
    if x.ndim != len(first.kernel_size) + 2:
        return False
    pixels, outputs = x.size // max(1, x.shape[-1]), normalization.moving_mean.size
    worth_it = pixels * outputs > 2 * first.kernel.size
    return worth_it and normalization.axis in (-1, x.ndim - 1) and first.dtype == normalization.dtype
