"""Arenas: arrays of one role (gradients, a slot of an optimizer), one for each weight, in contiguous memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .autograd import Tensor
from .memory import Array, zero_pages, zeros

_LINE = 64  # bytes: arrays of an arena share no cache line


class Arena:
    """Arrays of the shapes and types of tensors, zeros at first: views of as few blocks of memory as possible.

    ``blocks`` are one-dimensional, one for each float type that ``extend`` met; what comes later gets blocks of its
    own, so that no view moves.  Tables of which few rows have a gradient are left out: their pages are made when they
    are written.
    """

    def __init__(self) -> None:
        self.blocks: list[Array] = []
        self.views: list[Array] = []

    def __len__(self) -> int:
        return len(self.views)

    def __iter__(self) -> Iterator[Array]:
        return iter(self.views)

    def __getitem__(self, place: int) -> Array:
        return self.views[place]

    def extend(self, tensors: Sequence[Tensor]) -> None:
        """Add an array for each of these, in their order."""
        starts: list[int] = []
        ends: dict[np.dtype[Any], int] = {}
        for t in tensors:
            at = ends.get(t.dtype, 0)
            starts.append(at)
            if t.touched is None:
                ends[t.dtype] = at + -(-t.size * t.dtype.itemsize // _LINE) * _LINE // t.dtype.itemsize
        blocks = {dtype: zeros((size,), dtype) for dtype, size in ends.items()}
        self.blocks += blocks.values()
        for t, at in zip(tensors, starts, strict=True):
            if t.touched is None:
                self.views.append(blocks[t.dtype][at : at + math.prod(t.shape)].reshape(t.shape))
            else:
                self.views.append(zero_pages(t.shape, t.dtype))

    def __deepcopy__(self, memo: dict[int, Any]) -> Arena:
        new = memo[id(self)] = Arena()
        blocks = [zeros(block.shape, block.dtype) for block in self.blocks]
        for old, block in zip(self.blocks, blocks, strict=True):
            block[:] = old
        new.blocks = blocks
        for view in self.views:
            new.views.append(_same_place(view, self.blocks, blocks))
        return new


def _same_place(view: Array, blocks: Sequence[Array], copies: Sequence[Array]) -> Array:
    """The view of the copied block; a copy of an array that is in none."""
    for block, copy in zip(blocks, copies, strict=True):
        offset = view.ctypes.data - block.ctypes.data
        if view.dtype == block.dtype and 0 <= offset < max(block.nbytes, 1) and np.may_share_memory(view, block):
            at = offset // view.itemsize
            return copy[at : at + view.size].reshape(view.shape)
    copied = zero_pages(view.shape, view.dtype)
    copied[...] = view
    return copied
