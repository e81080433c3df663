"""Reductions: sums, means, extremes, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import config
from .elementwise import truth
from .graph import INT64, Graph
from .handlers import HANDLERS, exports
from .values import Value


def axes_of(x: Value, axis: Any) -> list[int]:
    """The axes that an argument names; None names all."""
    if axis is None:
        return list(range(x.ndim))
    return sorted({int(a) % x.ndim for a in (axis if isinstance(axis, (list, tuple)) else (axis,))})


def reduced(g: Graph, op: str, x: Value, axis: Any, keepdims: bool) -> Value:
    """A Reduce node, over x in the order in which it stands."""
    axes = axes_of(x, axis)
    if not axes:
        return x
    order = x.order
    places = sorted(order.index(a) for a in axes)
    name = g.node(op, g.name(x, order), g.ints(places), keepdims=int(bool(keepdims)))
    if keepdims:
        shape = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
        return g.made(name, order, shape, x.dtype)
    left = [a for a in range(x.ndim) if a not in axes]
    kept = tuple(left.index(a) for a in order if a not in axes)
    return g.made(name, kept, tuple(x.shape[a] for a in left), x.dtype)


def _reduction(op: str) -> Callable[..., Value]:
    def put(g: Graph, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
        return reduced(g, op, g.value(x, g.dtype), axis, keepdims)

    return put


HANDLERS["sum"] = _reduction("ReduceSum")
HANDLERS["mean"] = _reduction("ReduceMean")
HANDLERS["logsumexp"] = _reduction("ReduceLogSumExp")


@exports("prod")
def prod(g: Graph, x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Value:
    return reduced(g, "ReduceProd", g.value(x, g.dtype), axis, keepdims)


def _extreme(op: str, with_start: str) -> Callable[..., Value]:
    def put(g: Graph, x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Value:
        v = g.value(x, g.dtype)
        y = reduced(g, op, g.cast(v, np.int32) if v.dtype == bool else v, axis, keepdims)
        y = y if initial is None else g.map(with_start, y, initial)
        return g.cast(y, g.dtype)

    return put


HANDLERS["max"] = HANDLERS["amax"] = _extreme("ReduceMax", "Max")
HANDLERS["min"] = HANDLERS["amin"] = _extreme("ReduceMin", "Min")


@exports("any")
def any_(g: Graph, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
    return g.cast(reduced(g, "ReduceMax", g.cast(truth(g, x), np.int32), axis, keepdims), bool)


@exports("all")
def all_(g: Graph, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
    return g.cast(reduced(g, "ReduceMin", g.cast(truth(g, x), np.int32), axis, keepdims), bool)


def variance(g: Graph, x: Value, axis: Any, keepdims: bool) -> Value:
    """The mean of squared distances from the mean."""
    centred = g.map("Sub", x, reduced(g, "ReduceMean", x, axis, True))
    return reduced(g, "ReduceMean", g.map("Mul", centred, centred), axis, keepdims)


@exports("var")
def var(g: Graph, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
    return variance(g, g.value(x, g.dtype), axis, keepdims)


@exports("std")
def std(g: Graph, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
    return g.map("Sqrt", variance(g, g.value(x, g.dtype), axis, keepdims))


@exports("moments")
def moments(g: Graph, x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple[Value, Value]:
    x = g.value(x, g.dtype)
    return reduced(g, "ReduceMean", x, axes, keepdims), variance(g, x, axes, keepdims)


@exports("average")
def average(g: Graph, x: Any, axis: Any = None, weights: Any = None) -> Value:
    x = g.value(x, g.dtype)
    if weights is None:
        return reduced(g, "ReduceMean", x, axis, False)
    w = g.value(weights, g.dtype)
    if w.ndim == 1 and x.ndim > 1:
        shape = [1] * x.ndim
        place = axes_of(x, axis)[0]
        w = g.reshape(w, [w.size if i == place else n for i, n in enumerate(shape)])
    total = reduced(g, "ReduceSum", g.map("Mul", x, w), axis, False)
    spread = w if w.shape == x.shape else g.made(g.node("Expand", w, g.sizes(x.shape)), None, x.shape, w.dtype)
    return g.map("Div", total, reduced(g, "ReduceSum", spread, axis, False))


@exports("count_nonzero")
def count_nonzero(g: Graph, x: Any, axis: Any = None) -> Value:
    return g.cast(reduced(g, "ReduceSum", g.cast(truth(g, x), INT64), axis, False), g.dtype)


@exports("ptp")
def ptp(g: Graph, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
    x = g.value(x, g.dtype)
    return g.map("Sub", reduced(g, "ReduceMax", x, axis, keepdims), reduced(g, "ReduceMin", x, axis, keepdims))


def _place(op: str) -> Callable[..., Value]:
    def put(g: Graph, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
        x = g.value(x)
        if axis is None:
            x = g.cast(x, np.int32) if x.dtype == bool else x
            flat = g.node(op, g.reshape(x, (x.size,)), axis=0, keepdims=0)
            return g.cast(g.reshape(g.made(flat, None, (), INT64), g.shape), g.dtype)
        y = g.node(op, g.cast(x, np.int32) if x.dtype == bool else x, axis=int(axis), keepdims=int(bool(keepdims)))
        return g.cast(g.made(y, None, g.shape, INT64), g.dtype)

    return put


HANDLERS["argmax"] = _place("ArgMax")
HANDLERS["argmin"] = _place("ArgMin")


@exports("norm")
def norm(g: Graph, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Value:
    x = g.value(x, g.dtype)
    axes = axes_of(x, axis)
    if ord is None or (ord == 2 and len(axes) == 1) or (ord == "fro" and len(axes) == 2):
        return reduced(g, "ReduceL2", x, axis, keepdims)
    if len(axes) != 1:
        g.refuse(f"a matrix norm of order {ord!r} has no counterpart in ONNX")
    if ord == 1:
        return reduced(g, "ReduceL1", x, axis, keepdims)
    size = g.map("Abs", x)
    if ord in (np.inf, -np.inf):
        return reduced(g, "ReduceMax" if ord > 0 else "ReduceMin", size, axis, keepdims)
    if ord == 0:
        return reduced(g, "ReduceSum", g.cast(truth(g, x), x.dtype), axis, keepdims)
    return g.map("Pow", reduced(g, "ReduceSum", g.map("Pow", size, float(ord)), axis, keepdims), float(1 / ord))


@exports("normalize")
def normalize(g: Graph, x: Any, axis: Any = -1, order: float = 2, epsilon: Any = None) -> Value:
    x = g.value(x, g.dtype)
    least = config.epsilon() if epsilon is None else float(epsilon)
    if order == 2:
        squares = reduced(g, "ReduceSumSquare", x, axis, True)
        return g.map("Div", x, g.map("Sqrt", g.map("Max", squares, least**2)))
    return g.map("Div", x, g.map("Max", norm(g, x, order, axis, True), least))
