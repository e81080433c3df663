"""Indexing: slices, picked places, lookups in tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import BOOL, INT64, Graph
from .handlers import exports
from .values import Size, Value

_END = 2**62  # beyond every axis


@exports("getitem", "get_item")
def getitem(g: Graph, x: Any, key: Any) -> Value:
    x = g.value(x, g.dtype)
    keys = list(key) if isinstance(key, tuple) else [key]
    used = sum(_takes(k) for k in keys)
    if not any(k is Ellipsis for k in keys):
        keys.append(Ellipsis)
    place = next(i for i, k in enumerate(keys) if k is Ellipsis)
    keys[place : place + 1] = [slice(None)] * (x.ndim - used)
    axis = 0
    slices: dict[int, Any] = {}
    picked: dict[int, Value] = {}
    for k in keys:
        if k is None:
            continue
        if isinstance(k, slice):
            if k != slice(None):
                slices[axis] = k
        elif isinstance(k, (int, np.integer, Size)) and not isinstance(k, bool):
            slices[axis] = k
        elif isinstance(k, (bool, np.bool_)):
            g.refuse("indexing by a truth value has no counterpart in ONNX")
        else:
            picked[axis] = g.value(k)
            if picked[axis].dtype == BOOL:
                g.refuse("indexing by booleans gives a result whose size depends on values")
        axis += 1
    single = [a for a, k in slices.items() if not isinstance(k, slice)]
    if len(slices) == len(single) == 1 and not picked and None not in keys and not isinstance(slices[single[0]], Size):
        return g.made(g.node("Gather", x, g.constant(slices[single[0]], INT64), axis=single[0]))
    x = sliced(g, x, slices)
    if not picked:
        return g.reshape(x, g.shape)
    return _picked(g, x, single, picked, keys)


def _takes(k: Any) -> bool:
    """Whether a part of a key belongs to an axis of the tensor."""
    return k is not None and k is not Ellipsis


def sliced(g: Graph, x: Value, slices: dict[int, Any]) -> Value:
    """x with these axes cut; an integer leaves an axis of size 1."""
    if not slices:
        return x
    order = x.order
    starts, ends, steps, places = [], [], [], []
    shape = list(x.shape)
    for axis, k in slices.items():
        if isinstance(k, slice):
            step = 1 if k.step is None else k.step
            if isinstance(step, Size):
                g.refuse("the step of a slice follows a free size")
            back = step < 0
            start = (_END if back else 0) if k.start is None else k.start
            end = (-_END if back else _END) if k.stop is None else k.stop
            shape[axis] = _length(x.shape[axis], k)
        else:
            start, end, step = k, _after(k), 1
            shape[axis] = 1
        starts.append(start)
        ends.append(end)
        steps.append(int(step))
        places.append(order.index(axis))
    more = g.ints(steps) if any(s != 1 for s in steps) else None
    name = g.node("Slice", g.name(x, order), g.sizes(starts), g.sizes(ends), g.ints(places), more)
    return g.made(name, order, tuple(shape), x.dtype)


def _after(k: Any) -> Any:
    return _END if not isinstance(k, Size) and k == -1 else k + 1


def _length(n: Any, k: slice) -> Any:
    first, second = (
        len(range(*slice(*(getattr(v, which, v) for v in (k.start, k.stop, k.step))).indices(getattr(n, which, n))))
        for which in ("first", "second")
    )
    return first if first == second else Size(first, second)


def _picked(g: Graph, x: Value, single: list[int], picked: dict[int, Value], keys: list[Any]) -> Value:
    """Places given by arrays: along one axis a Gather, along several that follow each other a GatherND."""
    if single:
        g.refuse("integers beside arrays in an index have no counterpart here; index twice")
    axes = sorted(picked)
    if axes != list(range(axes[0], axes[0] + len(axes))):
        g.refuse("arrays in an index that do not follow each other have no counterpart here; index twice")
    if len(axes) == 1:
        y = g.node("Gather", x, g.cast(picked[axes[0]], INT64), axis=axes[0])
        shape = (*x.shape[: axes[0]], *picked[axes[0]].shape, *x.shape[axes[0] + 1 :])
        return g.reshape(g.made(y, None, shape), g.shape)
    turned = x.turned([*axes, *(a for a in range(x.ndim) if a not in axes)])
    indices = [g.cast(picked[a], INT64) for a in axes]
    ndim = max(v.ndim for v in indices)
    common = g.value(indices[0])
    for v in indices[1:]:
        common = g.map("Add", common, g.map("Mul", v, 0))
    parts = [g.map("Add", v, g.map("Mul", common, 0)) for v in indices]
    places = g.node("Concat", *(g.node("Unsqueeze", v, g.ints([ndim])) for v in parts), axis=ndim)
    y = g.made(g.node("GatherND", turned, places), None, (*common.shape, *turned.shape[len(axes) :]))
    before = axes[0]
    rest = y.ndim - ndim
    back = [*range(ndim, ndim + before), *range(ndim), *range(ndim + before, ndim + rest)]
    return g.reshape(y.turned(back), g.shape)


@exports("take")
def take(g: Graph, x: Any, indices: Any, axis: Any = None) -> Value:
    x, at = g.value(x, g.dtype), g.value(indices)
    if axis is None:
        x, axis = g.reshape(x, (x.size,)), 0
    return g.made(g.node("Gather", x, _places(g, at), axis=int(axis) % x.ndim))


def _places(g: Graph, at: Value) -> Value:
    return at if at.dtype in (np.int32, np.int64) else g.cast(at, INT64)


@exports("embedding")
def embedding(g: Graph, indices: Any, table: Any) -> Value:
    return g.made(g.node("Gather", g.value(table, g.dtype), _places(g, g.value(indices)), axis=0))


@exports("take_along_axis")
def take_along_axis(g: Graph, x: Any, indices: Any, axis: Any = None) -> Value:
    x, at = g.value(x, g.dtype), g.value(indices)
    if axis is None:
        x, at, axis = g.reshape(x, (x.size,)), g.reshape(at, (at.size,)), 0
    axis = int(axis) % x.ndim
    wanted = [n if a != axis else at.shape[a] for a, n in enumerate(g.shape)]
    if tuple(wanted) != at.shape:
        at = g.made(g.node("Expand", at, g.sizes(wanted)), None, tuple(wanted), at.dtype)
    if tuple(g.shape[a] if a != axis else n for a, n in enumerate(x.shape)) != x.shape:
        wanted = [g.shape[a] if a != axis else n for a, n in enumerate(x.shape)]
        x = g.made(g.node("Expand", x, g.sizes(wanted)), None, tuple(wanted), x.dtype)
    return g.made(g.node("GatherElements", x, _places(g, at), axis=axis))


@exports("one_hot")
def one_hot(
    g: Graph, x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Value:  # fmt: skip
    """Equal instead of OneHot, which takes negative numbers for others."""
    x = _classes(g, x, num_classes)
    axis = int(axis) % (x.ndim + 1)
    places = g.reshape(x, (*x.shape[:axis], 1, *x.shape[axis:]))
    classes = np.arange(num_classes, dtype=x.dtype).reshape(num_classes, *(1,) * (x.ndim - axis))
    return g.cast(g.map("Equal", places, g.constant(classes), dtype=bool), g.dtype)


def _classes(g: Graph, x: Any, count: int) -> Value:
    """Numbers of classes as integers that hold all of them."""
    v = g.value(x)
    holds = v.dtype.kind in "iu" and np.iinfo(v.dtype).max >= count
    return v if holds else g.cast(v, INT64)


@exports("multi_hot")
def multi_hot(
    g: Graph, inputs: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Value:  # fmt: skip
    x = _classes(g, inputs, num_classes)
    hot = g.map("Equal", g.reshape(x, (*x.shape, 1)), g.constant(np.arange(num_classes, dtype=x.dtype)), dtype=bool)
    any_ = g.node("ReduceMax", g.cast(hot, np.int32), g.ints([x.ndim - 1]), keepdims=0)
    return g.cast(g.made(any_, None, g.shape, np.int32), g.dtype)
