"""Matrix products."""

from __future__ import annotations

from typing import Any

from .elementwise import activated
from .graph import Graph
from .handlers import exports
from .values import Value


@exports("dense")
def dense(g: Graph, x: Any, w: Any, b: Any = None, activation: str = "linear") -> Value:
    x, w = g.value(x, g.dtype), g.value(w, g.dtype)
    if x.ndim == 2 and b is not None:
        y = g.made(g.node("Gemm", x, w, g.value(b, g.dtype)))
    else:
        y = g.made(g.node("MatMul", x, w))
        y = y if b is None else g.map("Add", y, g.value(b, g.dtype))
    return activated(g, y, activation)


@exports("matmul")
def matmul(g: Graph, x1: Any, x2: Any) -> Value:
    return g.made(g.node("MatMul", g.value(x1, g.dtype), g.value(x2, g.dtype)))
