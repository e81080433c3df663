"""A tensor with a mask, a boolean tensor (batch, time), True where a step counts; see layers/masking.py."""

from __future__ import annotations

from .autograd import Tensor
from .grad_mode import grad_mode
from .nodes import Node


class MaskedTensor(Tensor):
    """A tensor with a mask; operations on it return plain tensors."""

    __slots__ = ("mask",)

    mask: Tensor

    @property
    def _keras_mask(self) -> Tensor:
        """The mask by the name that Keras's guides read."""
        return self.mask


def attach(x: Tensor, mask: Tensor) -> MaskedTensor:
    """``x`` with a mask: another name of the same array, one step further on the tape."""
    t = MaskedTensor.__new__(MaskedTensor)
    t._array, t._grad, t._grad_is_set, t.mask = x._array, None, False, mask
    t.requires_grad = x.requires_grad and grad_mode.enabled
    t._node = Node((x,), lambda dy: (dy,), True) if t.requires_grad else None
    return t
