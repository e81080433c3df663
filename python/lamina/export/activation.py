"""Activation functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elementwise import in_order
from .graph import Graph
from .handlers import HANDLERS, exports
from .values import Value

_NODES = {"relu": "Relu", "sigmoid": "Sigmoid", "softplus": "Softplus", "softsign": "Softsign", "mish": "Mish"}
for _name, _op in _NODES.items():
    HANDLERS[_name] = lambda g, x, op=_op: in_order(g, op, g.value(x, g.dtype))


@exports("leaky_relu")
def leaky_relu(g: Graph, x: Any, negative_slope: float = 0.2) -> Value:
    return in_order(g, "LeakyRelu", g.value(x, g.dtype), alpha=float(negative_slope))


@exports("elu")
def elu(g: Graph, x: Any, alpha: float = 1.0) -> Value:
    return in_order(g, "Elu", g.value(x, g.dtype), alpha=float(alpha))


@exports("celu")
def celu(g: Graph, x: Any, alpha: float = 1.0) -> Value:
    return in_order(g, "Celu", g.value(x, g.dtype), alpha=float(alpha))


@exports("selu")
def selu(g: Graph, x: Any) -> Value:
    return in_order(g, "Selu", g.value(x, g.dtype), alpha=1.6732632423543772, gamma=1.0507009873554805)


@exports("relu6")
def relu6(g: Graph, x: Any) -> Value:
    return between(g, g.value(x, g.dtype), 0, 6)


def between(g: Graph, x: Value, low: float, high: float) -> Value:
    """x cut to an interval."""
    return in_order(g, "Clip", x, g.constant(low, x.dtype), g.constant(high, x.dtype))


@exports("hard_tanh")
def hard_tanh(g: Graph, x: Any) -> Value:
    return between(g, g.value(x, g.dtype), -1, 1)


@exports("hard_sigmoid")
def hard_sigmoid(g: Graph, x: Any) -> Value:
    return in_order(g, "HardSigmoid", g.value(x, g.dtype), alpha=1 / 6, beta=0.5)


@exports("hard_silu", "hard_swish")
def hard_silu(g: Graph, x: Any) -> Value:
    return in_order(g, "HardSwish", g.value(x, g.dtype))


@exports("silu", "swish")
def silu(g: Graph, x: Any) -> Value:
    x = g.value(x, g.dtype)
    return g.map("Mul", x, g.map("Sigmoid", x))


@exports("gelu")
def gelu(g: Graph, x: Any, approximate: bool = True) -> Value:
    x = g.value(x, g.dtype)
    if g.opset >= 20:
        return in_order(g, "Gelu", x, approximate="tanh" if approximate else "none")
    if approximate:
        cubic = g.map("Mul", g.map("Mul", x, x), x)
        inner = g.map("Mul", g.map("Add", x, g.map("Mul", cubic, 0.044715)), float(np.sqrt(2 / np.pi)))
        grown = g.map("Add", g.map("Tanh", inner), 1)
    else:
        grown = g.map("Add", g.map("Erf", g.map("Div", x, float(np.sqrt(2)))), 1)
    return g.map("Mul", g.map("Mul", x, grown), 0.5)


@exports("log_sigmoid")
def log_sigmoid(g: Graph, x: Any) -> Value:
    return g.map("Neg", g.map("Softplus", g.map("Neg", g.value(x, g.dtype))))


@exports("tanh_shrink")
def tanh_shrink(g: Graph, x: Any) -> Value:
    x = g.value(x, g.dtype)
    return g.map("Sub", x, g.map("Tanh", x))


@exports("soft_shrink")
def soft_shrink(g: Graph, x: Any, threshold: float = 0.5) -> Value:
    return in_order(g, "Shrink", g.value(x, g.dtype), bias=float(threshold), lambd=float(threshold))


@exports("hard_shrink")
def hard_shrink(g: Graph, x: Any, threshold: float = 0.5) -> Value:
    return in_order(g, "Shrink", g.value(x, g.dtype), bias=0.0, lambd=float(threshold))


@exports("threshold")
def threshold(g: Graph, x: Any, threshold: float, default_value: float) -> Value:
    x = g.value(x, g.dtype)
    over = g.map("Greater", x, threshold, dtype=bool)
    return g.map("Where", over, x, g.constant(default_value, x.dtype))


@exports("squareplus")
def squareplus(g: Graph, x: Any, b: float = 4) -> Value:
    x = g.value(x, g.dtype)
    return g.map("Mul", g.map("Add", x, g.map("Sqrt", g.map("Add", g.map("Mul", x, x), float(b)))), 0.5)


@exports("sparse_plus")
def sparse_plus(g: Graph, x: Any) -> Value:
    x = g.value(x, g.dtype)
    bent = g.map("Add", between(g, x, -1, 1), 1)
    curve = g.map("Mul", g.map("Mul", bent, bent), 0.25)
    return g.map("Where", g.map("Greater", x, 1, dtype=bool), x, curve)


@exports("sparse_sigmoid")
def sparse_sigmoid(g: Graph, x: Any) -> Value:
    return g.map("Mul", g.map("Add", between(g, g.value(x, g.dtype), -1, 1), 1), 0.5)


@exports("softmax")
def softmax(g: Graph, x: Any, axis: Any = -1) -> Value:
    return along_axis(g, "Softmax", x, axis)


@exports("log_softmax")
def log_softmax(g: Graph, x: Any, axis: Any = -1) -> Value:
    return along_axis(g, "LogSoftmax", x, axis)


def along_axis(g: Graph, op: str, x: Any, axis: Any) -> Value:
    """A node that normalizes along one axis; several become one."""
    x = g.value(x, g.dtype)
    axes = [a % x.ndim for a in (axis if isinstance(axis, (list, tuple)) else (axis,))]
    if len(axes) == 1:
        return in_order(g, op, x, axis=x.order.index(axes[0]))
    rest = [a for a in range(x.ndim) if a not in axes]
    turned = x.turned([*rest, *axes])
    sizes = [x.shape[a] for a in rest]
    flat = g.reshape(turned, (*sizes, g.total([x.shape[a] for a in axes])))
    y = g.reshape(in_order(g, op, flat, axis=len(rest)), turned.shape)
    back = [*rest, *axes]
    return y.turned([back.index(a) for a in range(x.ndim)])


@exports("glu")
def glu(g: Graph, x: Any, axis: int = -1) -> Value:
    x = g.value(x, g.dtype)
    a, b = g.node("Split", x, axis=axis, num_outputs=2, outputs=2)
    gate = g.node("Sigmoid", b)
    return g.made(g.node("Mul", a, gate))
