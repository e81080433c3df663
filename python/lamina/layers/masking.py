"""Masks on their way from an Embedding to the layers that use them.

A mask is a boolean tensor (batch, time), True where a step counts.  It travels as an attribute of the tensor that it
describes; ``Layer.__call__`` hands it to layers that take ``mask`` and on to the results of those that keep it.
"""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.autograd import Tensor
from ..core.masked_tensor import MaskedTensor as MaskedTensor
from ..core.masked_tensor import attach as attach
from ..core.tree import leaves, map_structure
from ..ops.conversion import as_tensor


def mask_of(tree: Any) -> Any:
    """The masks of a nest of tensors, None for those without; None if there are none at all."""
    if isinstance(tree, MaskedTensor):
        return tree.mask
    if not isinstance(tree, (list, tuple, dict)):
        return None
    masks = map_structure(lambda t: t.mask if isinstance(t, MaskedTensor) else None, tree)
    return masks if any(m is not None for m in leaves(masks)) else None


def zeroed(x: Tensor, mask: Tensor) -> Tensor:
    """x with zeros in the steps that the mask (batch, time) leaves out."""
    return ops.where(ops.expand_dims(mask, -1), x, 0.0)


def as_mask(
    mask: Any, shape: tuple[int, int], what: str = "mask has shape", axes: str = "(batch, time)"
) -> Tensor | None:
    """A mask of steps as booleans of this shape; any numbers will do, zero is False."""
    if mask is None:
        return None
    mask = as_tensor(mask)
    if mask.shape != shape:
        raise ValueError(f"{what} {mask.shape}, expected {axes} = {shape}")
    return ops.cast(mask, "bool")
