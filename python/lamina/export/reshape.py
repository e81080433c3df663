"""Shapes, axes, joining and cutting."""

from __future__ import annotations

from typing import Any

from .graph import INT64, Graph
from .handlers import exports
from .values import Size, Value


@exports("reshape", "flatten", "ravel", "expand_dims", "squeeze")
def reshape(g: Graph, x: Any, *_: Any, **__: Any) -> Value:
    return g.reshape(g.value(x, g.dtype), g.shape)


@exports("transpose")
def transpose(g: Graph, x: Any, axes: Any = None) -> Value:
    x = g.value(x, g.dtype)
    return x.turned(tuple(reversed(range(x.ndim))) if axes is None else [a % x.ndim for a in axes])


@exports("unstack")
def unstack(g: Graph, x: Any, num: Any = None, axis: int = 0) -> list[Value]:
    x = g.value(x)
    axis = axis % x.ndim
    if isinstance(x.shape[axis], Size):
        g.refuse("the number of parts follows a free size")
    rest = tuple(n for a, n in enumerate(x.shape) if a != axis)
    return [
        g.made(g.node("Gather", x, g.constant(i, INT64), axis=axis), None, rest, x.dtype) for i in range(x.shape[axis])
    ]


@exports("concatenate")
def concatenate(g: Graph, xs: Any, axis: int | None = 0) -> Value:
    values = [g.value(x, g.dtype) for x in (unstack(g, xs) if isinstance(xs, Value) else xs)]
    if axis is None:
        values, axis = [g.reshape(v, (v.size,)) for v in values], 0
    ndim = values[0].ndim
    order = next((v.order for v in values if v.array is None), values[0].plain)
    name = g.node("Concat", *(g.name(v, order) for v in values), axis=order.index(axis % ndim))
    return g.made(name, order)
