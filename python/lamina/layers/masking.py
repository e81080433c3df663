"""Masks on their way from an Embedding to the layers that use them.

A mask is a boolean tensor (batch, time), True where a step counts.  It travels as an attribute of the tensor that it
describes; ``Layer.__call__`` hands it to layers that take ``mask`` and on to the results of those that keep it.
"""

from __future__ import annotations

from typing import Any

from .. import tape
from .._tree import map_structure
from ..autograd import Node, Tensor


class MaskedTensor(Tensor):
    """A tensor with a mask; operations on it return plain tensors."""

    __slots__ = ("mask",)

    mask: Tensor


def attach(x: Tensor, mask: Tensor) -> MaskedTensor:
    """``x`` with a mask: another name of the same array, one step further on the tape."""
    t = MaskedTensor.__new__(MaskedTensor)
    t._array, t._grad, t._grad_is_set, t.mask = x._array, None, False, mask
    t.requires_grad = tape.state.enabled and x.requires_grad
    t._node = Node((x,), lambda dy: (dy,), True) if t.requires_grad else None
    return t


def mask_of(tree: Any) -> Any:
    """The masks of a nest of tensors, None for those without; None if there are none at all."""
    if isinstance(tree, MaskedTensor):
        return tree.mask
    if not isinstance(tree, (list, tuple, dict)):
        return None
    masks = map_structure(lambda t: t.mask if isinstance(t, MaskedTensor) else None, tree)
    found = masks.values() if isinstance(masks, dict) else masks
    return masks if any(m is not None for m in found) else None
