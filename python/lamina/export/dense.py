"""Matrix products, and what is said by them."""

from __future__ import annotations

from typing import Any

from .elementwise import activated
from .graph import Graph
from .handlers import exports
from .reduction import reduced
from .values import Value


@exports("dense")
def dense(g: Graph, x: Any, w: Any, b: Any = None, activation: str = "linear", bfloat16: bool = False) -> Value:
    x, w = g.value(x, g.dtype), g.value(w, g.dtype)
    if x.ndim == 2 and b is not None:
        y = g.made(g.node("Gemm", x, w, g.value(b, g.dtype)))
    else:
        y = product(g, x, w)
        y = y if b is None else g.map("Add", y, g.value(b, g.dtype))
    return activated(g, y, activation)


def product(g: Graph, x: Value, w: Value) -> Value:
    return g.made(g.node("MatMul", x, w), None, (*x.shape[:-1], w.shape[-1]), x.dtype)


@exports("matmul")
def matmul(g: Graph, x1: Any, x2: Any, *, bfloat16: bool = False) -> Value:
    a, b = g.value(x1, g.dtype), g.value(x2, g.dtype)
    return g.made(g.node("MatMul", a, b))


@exports("dot")
def dot(g: Graph, x1: Any, x2: Any) -> Value:
    a, b = g.value(x1, g.dtype), g.value(x2, g.dtype)
    if not a.ndim or not b.ndim:
        return g.map("Mul", a, b)
    if b.ndim <= 2:
        return matmul(g, a, b)
    return tensordot(g, a, b, ([a.ndim - 1], [b.ndim - 2]))


@exports("inner")
def inner(g: Graph, x1: Any, x2: Any) -> Value:
    a, b = g.value(x1, g.dtype), g.value(x2, g.dtype)
    if not a.ndim or not b.ndim:
        return g.map("Mul", a, b)
    return tensordot(g, a, b, ([a.ndim - 1], [b.ndim - 1]))


@exports("vdot")
def vdot(g: Graph, x1: Any, x2: Any) -> Value:
    a, b = (g.reshape(v, (v.size,)) for v in (g.value(x1, g.dtype), g.value(x2, g.dtype)))
    return matmul(g, a, b)


@exports("outer")
def outer(g: Graph, x1: Any, x2: Any) -> Value:
    a, b = g.value(x1, g.dtype), g.value(x2, g.dtype)
    return g.map("Mul", g.reshape(a, (a.size, 1)), g.reshape(b, (b.size,)))


@exports("tensordot")
def tensordot(g: Graph, x1: Any, x2: Any, axes: Any = 2) -> Value:
    a, b = g.value(x1, g.dtype), g.value(x2, g.dtype)
    if isinstance(axes, int):
        first, second = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    else:
        first, second = ([n % v.ndim for n in (p if isinstance(p, (list, tuple)) else [p])]
                         for p, v in zip(axes, (a, b), strict=True))  # fmt: skip
    rest, other = ([n for n in range(v.ndim) if n not in used] for v, used in ((a, first), (b, second)))
    inside = g.total([a.shape[n] for n in first])
    left = g.reshape(a.turned([*rest, *first]), (g.total([a.shape[n] for n in rest]), inside))
    right = g.reshape(b.turned([*second, *other]), (inside, g.total([b.shape[n] for n in other])))
    return g.reshape(product(g, left, right), g.shape)


@exports("einsum")
def einsum(g: Graph, subscripts: str, *operands: Any, **kwargs: Any) -> Value:
    values = [g.value(v, g.dtype) for v in operands]
    equation = subscripts.replace(" ", "")
    if len(values) == 2 and _is_product(equation, values[1]):
        return product(g, *values)
    return g.made(g.node("Einsum", *values, equation=equation))


def _is_product(equation: str, second: Value) -> bool:
    """Whether it is a product with a matrix: the last axis of the one with the first of the other."""
    left, _, result = equation.partition("->")
    a, _, b = left.partition(",")
    return second.ndim == 2 and len(b) == 2 and a[-1:] == b[0] and result == a[:-1] + b[1] and b[1] not in a


@exports("kron")
def kron(g: Graph, x1: Any, x2: Any) -> Value:
    a, b = g.value(x1, g.dtype), g.value(x2, g.dtype)
    ndim = max(a.ndim, b.ndim)
    wide, narrow = ((*(1,) * (ndim - v.ndim), *v.shape) for v in (a, b))
    first = g.reshape(a, [n for m in wide for n in (m, 1)])
    second = g.reshape(b, [n for m in narrow for n in (1, m)])
    return g.reshape(g.map("Mul", first, second), g.shape)


@exports("det")
def det(g: Graph, x: Any) -> Value:
    return g.made(g.node("Det", g.value(x, g.dtype)))


@exports("trace")
def trace(g: Graph, x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    return reduced(g, "ReduceSum", g.cast(diagonal(g, x, offset, axis1, axis2), g.dtype), -1, False)


@exports("diagonal")
def diagonal(g: Graph, x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    v = g.value(x)
    a, b = axis1 % v.ndim, axis2 % v.ndim
    rows, columns = v.shape[a], v.shape[b]
    if not isinstance(rows, int) or not isinstance(columns, int):
        g.refuse("a diagonal of free sizes has no counterpart here; fix the sizes by input_signature")
    rest = [n for n in range(v.ndim) if n not in (a, b)]
    count = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    places = [(i - min(offset, 0)) * columns + i + max(offset, 0) for i in range(count)]
    shape = [v.shape[n] for n in rest]
    flat = g.reshape(v.turned([*rest, a, b]), (*shape, rows * columns))
    return g.made(g.node("Gather", flat, g.ints(places), axis=len(rest)), None, (*shape, count), v.dtype)


@exports("cross")
def cross(
    g: Graph, x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Value:  # fmt: skip
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = g.value(x1, g.dtype), g.value(x2, g.dtype)
    if a.shape[axisa] != 3 or b.shape[axisb] != 3:
        g.refuse("vectors of two elements have no counterpart here")
    a, b = (_last(v, n) for v, n in ((a, axisa), (b, axisb)))

    def turned(v: Value, order: list[int]) -> Value:
        return g.made(g.node("Gather", v, g.ints(order), axis=v.ndim - 1), None, v.shape, v.dtype)

    y = g.map(
        "Sub", g.map("Mul", turned(a, [1, 2, 0]), turned(b, [2, 0, 1])),
        g.map("Mul", turned(a, [2, 0, 1]), turned(b, [1, 2, 0])),
    )  # fmt: skip
    place = axisc % y.ndim
    return y.turned([*range(place), y.ndim - 1, *range(place, y.ndim - 1)])


def _last(v: Value, axis: int) -> Value:
    axis = axis % v.ndim
    return v.turned([*(n for n in range(v.ndim) if n != axis), axis])


@exports("cdist")
def cdist(g: Graph, x: Any, y: Any) -> Value:
    a, b = g.value(x, g.dtype), g.value(y, g.dtype)
    far = g.map("Sub", g.reshape(a, (*a.shape[:-1], 1, a.shape[-1])), g.reshape(b, (*b.shape[:-2], 1, *b.shape[-2:])))
    return reduced(g, "ReduceL2", far, -1, False)
