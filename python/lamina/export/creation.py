"""Tensors made of sizes: where a size is free, by nodes; else they are constants."""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import BOOL, INT64, Graph
from .handlers import exports
from .values import Size, Value


def filled(g: Graph, number: Any) -> Value:
    """The call's result, one number everywhere."""
    v = g.value(number, g.dtype)
    if not any(isinstance(n, Size) for n in g.shape) and v.array is not None:
        return g.constant(np.full([int(n) for n in g.shape], v.array))
    return g.filled(v, g.shape, g.dtype)


@exports("zeros", "zeros_like", "empty", "empty_like")
def zeros(g: Graph, *_: Any, **__: Any) -> Value:
    return filled(g, g.constant(0, g.dtype))


@exports("ones", "ones_like")
def ones(g: Graph, *_: Any, **__: Any) -> Value:
    return filled(g, g.constant(1, g.dtype))


@exports("full", "full_like")
def full(g: Graph, shape: Any, fill_value: Any, dtype: Any = None) -> Value:
    return filled(g, fill_value)


@exports("broadcast_to")
def broadcast_to(g: Graph, x: Any, shape: Any) -> Value:
    x = g.value(x, g.dtype)
    if x.shape == g.shape:
        return x
    y = g.made(g.node("Expand", x, g.sizes(g.shape)))
    y.narrow = x
    return y


@exports("arange")
def arange(g: Graph, start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Value:
    first, last = (0, start) if stop is None else (start, stop)
    kind = g.dtype if g.dtype in (np.int32, np.int64, np.float32, np.float64) else INT64
    ends = [g.value(v, kind) for v in (first, last, step)]
    return g.cast(g.made(g.node("Range", *ends), None, g.shape, kind), g.dtype)


@exports("eye", "identity")
def eye(g: Graph, N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Value:
    return _compared(g, "Equal", k if isinstance(k, int) else 0)


@exports("tri")
def tri(g: Graph, N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Value:
    return _compared(g, "GreaterOrEqual", k)


def _compared(g: Graph, op: str, k: int) -> Value:
    """Where row + k is, or is at least, the column."""
    rows, columns = (g.counted(n) for n in g.shape)
    rows = g.reshape(rows, (g.shape[0], 1))
    rows = g.map("Add", rows, k) if k else rows
    return g.cast(g.map(op, rows, columns, dtype=BOOL), g.dtype)


@exports("tril")
def tril(g: Graph, x: Any, k: int = 0) -> Value:
    return _triangle(g, x, k, 0)


@exports("triu")
def triu(g: Graph, x: Any, k: int = 0) -> Value:
    return _triangle(g, x, k, 1)


def _triangle(g: Graph, x: Any, k: int, upper: int) -> Value:
    x = g.value(x, g.dtype)
    source = g.cast(x, np.int32) if x.dtype == BOOL else x
    name = g.node("Trilu", source, g.constant(k, INT64), upper=upper)
    return g.cast(g.made(name, None, g.shape, source.dtype), g.dtype)


@exports("meshgrid")
def meshgrid(g: Graph, *x: Any, indexing: str = "xy") -> list[Value]:
    values = [g.reshape(v, (v.size,)) for v in (g.value(a) for a in x)]
    turned = indexing == "xy" and len(values) > 1
    found = []
    for i, v in enumerate(values):
        axis = {0: 1, 1: 0}.get(i, i) if turned else i
        beside = g.reshape(v, [v.size if a == axis else 1 for a in range(len(values))])
        dtype, shape = g.results[i]
        found.append(g.made(g.node("Expand", g.cast(beside, dtype), g.sizes(shape)), None, shape, dtype))
    return found


@exports("linspace")
def linspace(
    g: Graph, start: Any, stop: Any, num: Any = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
    axis: int = 0,
) -> Any:  # fmt: skip
    if retstep or axis not in (0, -1) or g.dtype.kind != "f":
        g.refuse("retstep, another axis than the first and integers have no counterpart here")
    a, b = g.value(start, g.dtype), g.value(stop, g.dtype)
    places = g.cast(g.counted(num), g.dtype)
    ndim = max(a.ndim, b.ndim)
    places = g.reshape(places, (num, *(1,) * ndim))
    parts = g.cast(g.value(num - 1 if endpoint else num), g.dtype)
    step = g.map("Div", g.map("Sub", b, a), g.map("Max", parts, 1))
    return g.map("Add", a, g.map("Mul", places, step))
