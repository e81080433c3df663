"""Operators whose result's size depends on values: they look at them in Python, so steps with them stay eager."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Array, Tensor
from ...ops.conversion import as_tensor
from ..registry import Call, Run, number, operator


def _values(x: Any) -> Array:
    return x if isinstance(x, np.ndarray) else x.numpy()


@operator("NonZero")
def non_zero(call: Call) -> Run:
    return lambda x: as_tensor(np.array(np.nonzero(_values(x)), np.int64).reshape(max(x.ndim, 1), -1))


@operator("Compress")
def compress(call: Call) -> Run:
    axis = call.get("axis")

    def run(x: Any, condition: Any) -> Tensor:
        places = np.nonzero(_values(condition))[0]
        return ops.take(ops.reshape(x, (-1,)) if axis is None else x, places, 0 if axis is None else axis)

    return run


@operator("Unique", 11)
def unique(call: Call) -> Run:
    axis, in_order = call.get("axis"), bool(call.get("sorted", 1))

    def run(x: Any) -> tuple[Tensor, ...]:
        found = np.unique(_values(x), return_index=True, return_inverse=True, return_counts=True, axis=axis)
        values, first, inverse, counts = (np.asarray(a) for a in found)
        if not in_order:
            order = np.argsort(first)
            values = np.take(values, order, 0 if axis is None else axis)
            first, counts, inverse = first[order], counts[order], np.argsort(order)[inverse]
        return tuple(map(as_tensor, (values, *(a.reshape(-1).astype(np.int64) for a in (first, inverse, counts)))))

    return run


@operator("NonMaxSuppression")
def non_max_suppression(call: Call) -> Run:
    centers = bool(call.get("center_point_box", 0))

    def run(boxes: Any, scores: Any, most: Any = None, overlap: Any = None, least: Any = None) -> Tensor:
        count = 0 if most is None else int(number(most))
        limit = 0.0 if overlap is None else number(overlap)
        found = []
        for b, (corners, of_classes) in enumerate(zip(_corners(_values(boxes), centers), _values(scores), strict=True)):
            for c, s in enumerate(of_classes):
                order = np.argsort(-s, kind="stable")
                if least is not None:
                    order = order[s[order] > number(least)]
                found += [(b, c, i) for i in _kept(corners, order, count, limit)]
        return as_tensor(np.array(found, np.int64).reshape(-1, 3))

    return run


def _corners(boxes: Array, centers: bool) -> Array:
    """(..., 4) boxes as the smaller and the larger corner."""
    if centers:
        half = boxes[..., 2:] / 2
        return np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], -1)
    a, b = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([np.minimum(a, b), np.maximum(a, b)], -1)


def _kept(boxes: Array, order: Array, count: int, limit: float) -> list[int]:
    """The best boxes that overlap none that is better by more than the limit."""
    kept: list[int] = []
    while len(order) and len(kept) < count:
        best, order = int(order[0]), order[1:]
        kept.append(best)
        sides = np.minimum(boxes[order, 2:], boxes[best, 2:]) - np.maximum(boxes[order, :2], boxes[best, :2])
        both = np.prod(np.maximum(sides, 0), -1)
        areas = np.prod(boxes[order, 2:] - boxes[order, :2], -1) + np.prod(boxes[best, 2:] - boxes[best, :2])
        with np.errstate(all="ignore"):
            order = order[~(both / (areas - both) > limit)]
    return kept
