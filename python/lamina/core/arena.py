"""Arenas: arrays of one role (gradients, a slot of an optimizer), one for each weight, in contiguous memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .autograd import Tensor
from .memory import Array, zero_pages, zeros

LINE = 64  # bytes: arrays of an arena share no cache line


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
                ends[t.dtype] = at + -(-t.size * t.dtype.itemsize // LINE) * LINE // t.dtype.itemsize
        blocks = {dtype: zeros((size,), dtype) for dtype, size in ends.items()}
        self.blocks += blocks.values()
        for t, at in zip(tensors, starts, strict=True):
            if t.touched is None:
                self.views.append(blocks[t.dtype][at : at + math.prod(t.shape)].reshape(t.shape))
            else:
                self.views.append(zero_pages(t.shape, t.dtype))

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickle: the blocks, and where each view stands; itself if it stands in none."""
        return {"blocks": self.blocks, "views": [_place(view, self.blocks) for view in self.views]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.blocks, self.views = [], []
        for block in state["blocks"]:
            self.blocks.append(zeros(block.shape, block.dtype))
            self.blocks[-1][:] = block
        for view in state["views"]:
            if isinstance(view, np.ndarray):
                self.views.append(zero_pages(view.shape, view.dtype))
                self.views[-1][...] = view
            else:
                i, at, shape = view
                self.views.append(self.blocks[i][at : at + math.prod(shape)].reshape(shape))


def _place(view: Array, blocks: Sequence[Array]) -> Any:
    """The number of its block, the place in it and its shape."""
    for i, block in enumerate(blocks):
        offset = view.ctypes.data - block.ctypes.data
        if view.dtype == block.dtype and 0 <= offset < max(block.nbytes, 1) and np.may_share_memory(view, block):
            return i, offset // view.itemsize, view.shape
    return view
