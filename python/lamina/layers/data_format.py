"""Images and sequences in the one layout that the kernels over windows take: channels last, sequences of height 1."""

from __future__ import annotations

from .. import ops
from ..core.autograd import Tensor

_TO_LAST = {1: (0, 2, 1), 2: (0, 2, 3, 1)}  # by the number of axes between batch and channels
_TO_FIRST = {1: (0, 2, 1), 2: (0, 3, 1, 2)}


def to_images(x: Tensor, axes: int, data_format: str) -> Tensor:
    """(N, H, W, C) of images, (N, 1, T, C) of sequences."""
    if data_format == "channels_first":
        x = ops.transpose(x, _TO_LAST[axes])
    return x if axes == 2 else ops.expand_dims(x, 1)


def from_images(y: Tensor, axes: int, data_format: str) -> Tensor:
    """Undo ``to_images``."""
    if axes == 1:
        y = ops.squeeze(y, 1)
    return ops.transpose(y, _TO_FIRST[axes]) if data_format == "channels_first" else y
