"""Matrix products."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...core.autograd import Tensor
from ...ops.conversion import as_tensor
from ..graph import OWN
from ..layout import data_of, order_of, ordered, plain, reshaped, stored
from ..registry import Call, Run, operator


@operator("Gemm", ordered=True)
def gemm(call: Call) -> Run:
    alpha, beta = call.get("alpha", 1.0), call.get("beta", 1.0)
    turn_a, turn_b = bool(call.get("transA", 0)), bool(call.get("transB", 0))
    call.get("broadcast", 0)

    def run(a: Any, b: Any, c: Any = None) -> Tensor:
        x = as_tensor(stored(a, (1, 0)) if turn_a else plain(a))
        w = as_tensor(stored(b, (1, 0)) if turn_b else plain(b))
        if c is not None:
            c = plain(c)
            if alpha == beta == 1.0 and c.ndim == 1 and c.shape[0] == w.shape[1]:
                return ops.dense(x, w, c)
        y = ops.dense(x, w) if x.dtype.kind == "f" else ops.matmul(x, w)
        if alpha != 1.0:
            y = ops.multiply(y, as_tensor(alpha, y.dtype))
        if c is None or beta == 0.0:
            return y
        return ops.add(y, c if beta == 1.0 else ops.multiply(c, as_tensor(beta, y.dtype)))

    return run


@operator("MatMul", ordered=True)
def matmul(call: Call) -> Run:
    return product


def product(a: Any, b: Any) -> Any:
    """The matrix product; one with a plain matrix goes over the rows as they are stored."""
    if b.ndim == 2 and a.ndim >= 2 and a.dtype.kind == "f" and order_of(a)[-1] == a.ndim - 1:
        return ordered(ops.dense(data_of(a), plain(b)), order_of(a))
    return ops.matmul(plain(a), plain(b))


@operator("Dense", domain=OWN, ordered=True)
def dense(call: Call) -> Run:
    """x @ w + b with an activation in the same pass."""
    activation, axes = call.get("activation", "linear"), call.get("axes", 0)

    def run(x: Any, w: Any, b: Any = None) -> Any:
        if order_of(x)[-1] != x.ndim - 1:
            x = plain(x)
        if b is not None and b.ndim > 1:
            b = reshaped(b, (b.shape[-1],))
        y = ordered(ops.dense(data_of(x), plain(w), None if b is None else plain(b), activation), order_of(x))
        return y if y.ndim >= axes else reshaped(y, (1,) * (axes - y.ndim) + tuple(y.shape))  # the bias had more axes

    return run


@operator("Einsum")
def einsum(call: Call) -> Run:
    equation = call.required("equation").replace(" ", "")
    return lambda *xs: ops.einsum(equation, *xs)


__all__ = ["product"]
