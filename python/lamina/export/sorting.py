"""Sorting, searching, running sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import BOOL, INT64, Graph
from .handlers import exports
from .values import Size, Value


def _sorted(g: Graph, x: Value, axis: int, largest: bool = False) -> tuple[str, str]:
    n = x.shape[axis]
    values, places = g.node("TopK", x, g.sizes([n]), axis=axis, largest=int(largest), outputs=2)
    return values, places


def _along(g: Graph, x: Any, axis: Any) -> tuple[Value, int]:
    v = g.value(x)
    if axis is None:
        return g.reshape(v, (v.size,)), 0
    return v, int(axis) % v.ndim


@exports("sort")
def sort(g: Graph, x: Any, axis: Any = -1) -> Value:
    v, axis = _along(g, x, axis)
    return g.made(_sorted(g, v, axis)[0])


@exports("argsort")
def argsort(g: Graph, x: Any, axis: Any = -1) -> Value:
    v, axis = _along(g, x, axis)
    return g.cast(g.made(_sorted(g, v, axis)[1], None, g.shape, INT64), g.dtype)


@exports("top_k")
def top_k(g: Graph, x: Any, k: int, sorted: bool = True) -> tuple[Value, Value]:
    v = g.value(x)
    values, places = g.node("TopK", v, g.ints([k]), axis=-1, outputs=2)
    (_, shape), (kind, _) = g.results
    return g.made(values), g.cast(g.made(places, None, shape, INT64), kind)


@exports("in_top_k")
def in_top_k(g: Graph, targets: Any, predictions: Any, k: int) -> Value:
    p, t = g.value(predictions), g.value(targets, INT64)
    column = g.reshape(t, (*t.shape, 1))
    own = g.node("GatherElements", p, column, axis=1)
    higher = g.node("Cast", g.node("Greater", p, own), to=7)
    count = g.made(g.node("ReduceSum", higher, g.ints([1]), keepdims=0), None, t.shape, INT64)
    return g.map("Less", count, k, dtype=BOOL)


@exports("cumsum")
def cumsum(g: Graph, x: Any, axis: Any = None, dtype: Any = None) -> Value:
    v, axis = _along(g, g.value(x, g.dtype), axis)
    return g.made(g.node("CumSum", v, g.constant(axis, INT64)))


@exports("searchsorted")
def searchsorted(g: Graph, sorted_sequence: Any, values: Any, side: str = "left") -> Value:
    s, v = g.value(sorted_sequence), g.value(values)
    kind = np.result_type(s.dtype, v.dtype)
    s, v = g.cast(s, kind), g.cast(v, kind)
    return _counted(g, s, v, "GreaterOrEqual" if side == "left" else "Greater")


@exports("digitize")
def digitize(g: Graph, x: Any, bins: Any) -> Value:
    v = g.value(x)
    v = v if v.dtype.kind == "f" else g.cast(v, np.float32)
    edges = g.value(bins, v.dtype)
    if edges.array is None:
        g.refuse("whether computed bins grow or fall is not known")
    falling = edges.array.size > 1 and edges.array[0] > edges.array[-1]
    return _counted(g, edges, v, "Greater", negated=not falling)


def _counted(g: Graph, edges: Value, v: Value, above: str, negated: bool = True) -> Value:
    """How many edges are not above each value, so that NaN stands behind all; not negated: how many are."""
    found = g.map(above, edges, g.reshape(v, (*v.shape, 1)), dtype=BOOL)
    found = g.map("Not", found) if negated else found
    count = g.node("ReduceSum", g.cast(found, INT64), g.ints([v.ndim]), keepdims=0)
    return g.cast(g.made(count, None, v.shape, INT64), g.dtype)


@exports("isin")
def isin(g: Graph, x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Value:
    a, b = g.value(x1), g.value(x2)
    kind = np.result_type(a.dtype, b.dtype)
    a, b = g.cast(a, kind), g.cast(b, kind)
    equal = g.map("Equal", g.reshape(a, (*a.shape, 1)), g.reshape(b, (b.size,)), dtype=BOOL)
    any_ = g.made(g.node("ReduceMax", g.cast(equal, np.int32), g.ints([a.ndim]), keepdims=0), None, a.shape, np.int32)
    y = g.cast(any_, BOOL)
    return g.map("Not", y) if invert else y


@exports("median")
def median(g: Graph, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
    v = g.value(x, g.dtype)
    axes = (
        list(range(v.ndim))
        if axis is None
        else [a % v.ndim for a in (axis if isinstance(axis, (list, tuple)) else [axis])]
    )
    rest = [a for a in range(v.ndim) if a not in axes]
    n = g.total([v.shape[a] for a in axes])
    if isinstance(n, Size):
        g.refuse("the middle of a free size has no counterpart here; fix the sizes by input_signature")
    flat = g.reshape(v.turned([*rest, *axes]), (*(v.shape[a] for a in rest), n))
    ordered, _ = _sorted(g, flat, flat.ndim - 1)
    two = g.node("Gather", ordered, g.ints([(n - 1) // 2, n // 2]), axis=flat.ndim - 1)
    mean = g.node("ReduceMean", two, g.ints([flat.ndim - 1]), keepdims=0)
    return g.reshape(g.made(mean, None, flat.shape[:-1], v.dtype), g.shape)


@exports("nanmedian", "nanquantile", "nanpercentile")
def among_nan(g: Graph, *_: Any, **__: Any) -> Value:
    return g.refuse("it sorts numbers among NaN, of which ONNX does not say where they stand")


@exports("unique", "nonzero")
def of_values(g: Graph, *_: Any, **__: Any) -> Value:
    return g.refuse("the size of its result depends on values")
