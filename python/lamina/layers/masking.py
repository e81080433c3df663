"""Masks on their way from an Embedding to the layers that use them.

A mask is a boolean tensor (batch, time), True where a step counts.  It travels as an attribute of the tensor that it
describes; ``Layer.__call__`` hands it to layers that take ``mask`` and on to the results of those that keep it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..core.autograd import Tensor
from ..core.grad_mode import grad_mode
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


def check_lengths(lengths: Tensor, batch: int, steps: int) -> None:
    """ValueError unless there is an integer from 0 to the number of steps for each sequence."""
    values = lengths._array
    if values.shape != (batch,) or values.dtype.kind not in "iu" or (values < 0).any() or (values > steps).any():
        raise ValueError(f"lengths must be {batch} integers between 0 and {steps}, got {values}")


def mask_of_lengths(lengths: Tensor, batch: int, steps: int) -> Tensor:
    """The mask (batch, time) of sequences of these lengths; in operations, so that a captured plan finds it anew."""
    if grad_mode.recording is None:
        check_lengths(lengths, batch, steps)
        return ops.less(np.arange(steps), ops.expand_dims(lengths, 1))
    # In a plan no Python looks at the values: there take() refuses what is outside of its table, in replays too.
    lengths = ops.cast(lengths, "int64")
    inside = ops.logical_and(ops.greater_equal(lengths, 0), ops.less_equal(lengths, steps))
    try:
        checked = ops.take(np.arange(steps + 1), ops.where(inside, lengths, steps + 1))
    except IndexError as error:
        raise IndexError(f"lengths must be {batch} integers between 0 and {steps}: {error}") from None
    return ops.less(np.arange(steps), ops.reshape(checked, (batch, 1)))
