"""Looking up rows and places."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ...ops.conversion import as_tensor
from ..layout import axis_of, data_of, order_of, ordered, plain
from ..registry import Call, Run, number, operator, sized


def wrapped(indices: Any, size: Any) -> Any:
    """Indices, of which negative ones count from the end."""
    if isinstance(indices, np.ndarray):
        outside = indices[(indices < -size) | (indices >= size)]
        if outside.size:
            raise IndexError(f"index {outside[0]} is outside of an axis of {size}")
        return np.where(indices < 0, indices + size, indices)
    return ops.where(ops.less(indices, 0), ops.add(indices, size), indices) if indices.dtype.kind == "i" else indices


@operator("Gather", ordered=True)
def gather(call: Call) -> Run:
    axis = call.get("axis", 0)

    def run(x: Any, indices: Any) -> Any:
        indices = plain(indices)
        at, size = axis % x.ndim, x.shape[axis]
        if isinstance(indices, np.ndarray) and indices.ndim == 0:  # one place: the axis goes
            place = int(wrapped(indices, size))
            order = order_of(x)
            left = [a for a in order if a != at]
            y = ops.getitem(data_of(x), tuple(place if a == at else slice(None) for a in order))
            return ordered(y, [a - (a > at) for a in left])
        places = wrapped(indices, size)
        if x.ndim == 2 and at == 0 and x.dtype.kind == "f":
            return ops.embedding(places, plain(x))
        if indices.ndim == 1:
            return ordered(ops.take(data_of(x), places, axis_of(x, at)), order_of(x))
        return ops.take(plain(x), places, at)

    return run


@operator("GatherElements")
def gather_elements(call: Call) -> Run:
    axis = call.get("axis", 0)

    def run(x: Any, indices: Any) -> Tensor:
        at = axis % x.ndim
        cut = tuple(slice(None) if i == at else slice(0, n) for i, n in enumerate(indices.shape))
        return ops.take_along_axis(ops.getitem(x, cut), wrapped(indices, x.shape[at]), at)

    return run


@operator("GatherND")
def gather_nd(call: Call) -> Run:
    batch = call.get("batch_dims", 0)

    def run(x: Any, indices: Any) -> Tensor:
        x, depth = as_tensor(x), indices.shape[-1]
        outer = x.shape[:batch]
        looked, rest = x.shape[batch : batch + depth], x.shape[batch + depth :]
        count, table = int(np.prod(outer, dtype=np.int64)), int(np.prod(looked, dtype=np.int64))
        flat: Any = np.zeros((), np.int64)
        for i, n in enumerate(looked):
            place = ops.cast(wrapped(ops.getitem(indices, (..., i)), n), np.int64)
            flat = ops.add(ops.multiply(flat, n), place)
        shape = flat.shape[batch:]
        base = (np.arange(count, dtype=np.int64) * table).reshape(*outer, *(1,) * len(shape))
        places = ops.add(flat, base)
        rows = ops.take(ops.reshape(x, (count * table, *rest)), places, 0)
        return ops.reshape(rows, (*outer, *shape, *rest))

    return run


def _scattered(x: Any, places: Any, updates: Any, reduction: str) -> Tensor:
    """x with other values at places; where Python knows that none comes twice, by an addition, which captured steps
    repeat."""
    if reduction != "none" or not isinstance(places, np.ndarray):
        return ops.scatter_update(x, places, updates, None if reduction == "none" else reduction)
    kept = np.ones(x.shape, bool)
    kept[tuple(np.moveaxis(places, -1, 0))] = False
    changed, whole = math.prod(places.shape[:-1]), math.prod(x.shape[places.shape[-1] :])
    if kept.size - np.count_nonzero(kept) != changed * whole:
        return ops.scatter_update(x, places, updates)
    return ops.scatter_update(ops.where(kept, x, np.zeros((), x.dtype)), places, updates, "add")


@operator("ScatterElements")
@operator("Scatter")
def scatter_elements(call: Call) -> Run:
    axis = call.get("axis", 0)
    reduction = call.choice("reduction", "none", ("none", "add", "mul", "max", "min"))

    def run(x: Any, indices: Any, updates: Any) -> Tensor:
        at = axis % x.ndim
        places = [np.broadcast_to(i, indices.shape) for i in np.indices(indices.shape, np.int64, sparse=True)]
        along = wrapped(indices, x.shape[at])
        if isinstance(along, np.ndarray):
            return _scattered(
                x, np.stack([along if i == at else p for i, p in enumerate(places)], -1), updates, reduction
            )
        where = ops.stack([ops.cast(along, np.int64) if i == at else p for i, p in enumerate(places)], -1)
        return _scattered(x, where, updates, reduction)

    return run


@operator("ScatterND")
def scatter_nd(call: Call) -> Run:
    reduction = call.choice("reduction", "none", ("none", "add", "mul", "max", "min"))

    def run(x: Any, indices: Any, updates: Any) -> Tensor:
        sizes = np.array(x.shape[: indices.shape[-1]], np.int64)
        return _scattered(x, wrapped(indices, sizes), updates, reduction)

    return run


@operator("OneHot")
def one_hot(call: Call) -> Run:
    axis = call.get("axis", -1)

    def run(indices: Any, depth: Any, values: Any) -> Tensor:
        n = int(number(depth))
        sized([*indices.shape, n])
        places = ops.cast(indices, np.int64)
        hot = ops.equal(ops.expand_dims(ops.mod(places, n), -1), np.arange(n, dtype=np.int64))
        inside = ops.logical_and(ops.greater_equal(places, -n), ops.less(places, n))
        hot = ops.logical_and(hot, ops.expand_dims(inside, -1))
        off, on = (ops.getitem(values, i) for i in (0, 1))
        y = ops.where(hot, on, off)
        return ops.moveaxis(y, -1, axis if axis >= 0 else axis + y.ndim)

    return run
