"""Arithmetic, comparisons and functions of single numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .graph import BOOL, Graph
from .handlers import HANDLERS, exports
from .values import Value


def _same_node(op: str) -> Callable[..., Value]:
    """Two operands in the type of the result."""

    def put(g: Graph, x1: Any, x2: Any) -> Value:
        return g.map(op, g.value(x1, g.dtype), g.value(x2, g.dtype))

    return put


for _name, _op in {
    "subtract": "Sub", "multiply": "Mul", "divide": "Div", "true_divide": "Div", "power": "Pow", "maximum": "Max",
    "minimum": "Min",
}.items():  # fmt: skip
    HANDLERS[_name] = _same_node(_op)
HANDLERS["fmod"] = lambda g, x1, x2: g.map("Mod", g.value(x1, g.dtype), g.value(x2, g.dtype), fmod=1)


@exports("add")
def add(g: Graph, x1: Any, x2: Any, activation: str = "linear") -> Value:
    if g.dtype == BOOL:
        return g.map("Or", g.value(x1, BOOL), g.value(x2, BOOL))
    return activated(g, g.map("Add", g.value(x1, g.dtype), g.value(x2, g.dtype)), activation)


def activated(g: Graph, x: Value, activation: str) -> Value:
    """The activation that an operation applies in its own pass."""
    return x if activation == "linear" else g.map({"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}[activation], x)


@exports("divide_no_nan")
def divide_no_nan(g: Graph, x1: Any, x2: Any) -> Value:
    a, b = g.value(x1, g.dtype), g.value(x2, g.dtype)
    zero = g.map("Equal", b, 0, dtype=BOOL)
    quotient = g.map("Div", a, g.map("Where", zero, g.constant(1, g.dtype), b))
    return g.map("Where", zero, g.constant(0, g.dtype), quotient)


@exports("floor_divide")
def floor_divide(g: Graph, x1: Any, x2: Any) -> Value:
    a, b = g.value(x1, g.dtype), g.value(x2, g.dtype)
    if g.dtype.kind == "f":
        return g.map("Floor", g.map("Div", a, b))
    return g.map("Div", g.map("Sub", a, g.map("Mod", a, b)), b)


@exports("mod", "remainder")
def mod(g: Graph, x1: Any, x2: Any) -> Value:
    a, b = g.value(x1, g.dtype), g.value(x2, g.dtype)
    if g.dtype.kind != "f":
        return g.map("Mod", a, b)
    return g.map("Sub", a, g.map("Mul", g.map("Floor", g.map("Div", a, b)), b))


@exports("clip")
def clip(g: Graph, x: Any, x_min: Any, x_max: Any) -> Value:
    x = g.value(x, g.dtype)
    if any(isinstance(b, Value) and b.ndim for b in (x_min, x_max)):
        y = x if x_min is None else g.map("Max", x, g.value(x_min, g.dtype))
        return y if x_max is None else g.map("Min", y, g.value(x_max, g.dtype))
    bounds = [None if b is None else g.name(g.value(b, g.dtype)) for b in (x_min, x_max)]
    return in_order(g, "Clip", x, *bounds)


def in_order(g: Graph, op: str, x: Value, *rest: Any, **attributes: Any) -> Value:
    """A node that goes over the elements of x alone, in the order in which they stand."""
    name = g.name(x) if x.array is not None else x.forms[x.order]
    return g.made(g.node(op, name, *rest, **attributes), x.order, x.shape, x.dtype)


# ---- comparisons and logic ----


def operands(g: Graph, x1: Any, x2: Any) -> tuple[Value, Value]:
    """Two operands in one type, as the library compares them: numbers take the type of the other."""
    given = [x.dtype for x in (x1, x2) if isinstance(x, Value)]
    floats = [d for d in given if d.kind == "f"]
    if floats:
        kind = max(floats, key=lambda d: d.itemsize)
    elif any(isinstance(x, float) for x in (x1, x2)):
        kind = np.dtype(np.float32)
    else:
        kind = np.result_type(*given) if given else np.dtype(np.int64)
        if any(isinstance(x, int) and not isinstance(x, bool) for x in (x1, x2)) and kind == BOOL:
            kind = np.dtype(np.int32)
    return g.value(x1, kind), g.value(x2, kind)


def _comparison(op: str, negated: bool = False) -> Callable[..., Value]:
    def put(g: Graph, x1: Any, x2: Any) -> Value:
        a, b = operands(g, x1, x2)
        if a.dtype == BOOL and op != "Equal":
            a, b = g.cast(a, np.int32), g.cast(b, np.int32)
        y = g.map(op, a, b, dtype=BOOL)
        return g.map("Not", y) if negated else y

    return put


for _name, _op in {
    "equal": "Equal", "greater": "Greater", "greater_equal": "GreaterOrEqual", "less": "Less",
    "less_equal": "LessOrEqual",
}.items():  # fmt: skip
    HANDLERS[_name] = _comparison(_op)
HANDLERS["not_equal"] = _comparison("Equal", negated=True)


def truth(g: Graph, x: Any) -> Value:
    """x as booleans."""
    return g.value(x, BOOL)


for _name, _op in {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}.items():
    HANDLERS[_name] = lambda g, x1, x2, op=_op: g.map(op, truth(g, x1), truth(g, x2))


@exports("logical_not")
def logical_not(g: Graph, x: Any) -> Value:
    return g.map("Not", truth(g, x))


@exports("where")
def where(g: Graph, condition: Any, x1: Any = None, x2: Any = None) -> Value:
    if x1 is None:
        g.refuse("the number of its results depends on values")
    return g.map("Where", truth(g, condition), g.value(x1, g.dtype), g.value(x2, g.dtype))


# ---- functions of one number ----

_UNARY = {
    "abs": "Abs", "absolute": "Abs", "fabs": "Abs", "arccos": "Acos", "arccosh": "Acosh", "arcsin": "Asin",
    "arcsinh": "Asinh", "arctan": "Atan", "arctanh": "Atanh", "ceil": "Ceil", "cos": "Cos", "cosh": "Cosh",
    "erf": "Erf", "exp": "Exp", "floor": "Floor", "log": "Log", "negative": "Neg", "reciprocal": "Reciprocal",
    "sign": "Sign", "sin": "Sin", "sinh": "Sinh", "sqrt": "Sqrt", "tan": "Tan", "tanh": "Tanh",
}  # fmt: skip
for _name, _op in _UNARY.items():
    HANDLERS[_name] = lambda g, x, op=_op: g.map(op, g.value(x, g.dtype))


@exports("square")
def square(g: Graph, x: Any) -> Value:
    x = g.value(x, g.dtype)
    return g.map("Mul", x, x)


@exports("rsqrt")
def rsqrt(g: Graph, x: Any) -> Value:
    return g.map("Reciprocal", g.map("Sqrt", g.value(x, g.dtype)))


@exports("log1p")
def log1p(g: Graph, x: Any) -> Value:
    return g.map("Log", g.map("Add", g.value(x, g.dtype), 1))


@exports("expm1")
def expm1(g: Graph, x: Any) -> Value:
    return g.map("Sub", g.map("Exp", g.value(x, g.dtype)), 1)


@exports("log2")
def log2(g: Graph, x: Any) -> Value:
    return g.map("Mul", g.map("Log", g.value(x, g.dtype)), float(1 / np.log(2)))


@exports("log10")
def log10(g: Graph, x: Any) -> Value:
    return g.map("Mul", g.map("Log", g.value(x, g.dtype)), float(1 / np.log(10)))


@exports("exp2")
def exp2(g: Graph, x: Any) -> Value:
    return g.map("Pow", g.constant(2, g.dtype), g.value(x, g.dtype))


@exports("cast")
def cast(g: Graph, x: Any, dtype: Any) -> Value:
    return g.value(x, g.dtype)


@exports("stop_gradient", "copy", "array", "convert_to_tensor", "view")
def unchanged(g: Graph, x: Any, *_: Any, **__: Any) -> Value:
    return g.value(x, g.dtype)


@exports("round")
def round_(g: Graph, x: Any, decimals: int = 0) -> Value:
    x = g.value(x, g.dtype)
    if not decimals or x.dtype.kind != "f":
        return g.map("Round", x) if x.dtype.kind == "f" else x
    factor = 10.0**decimals
    return g.map("Div", g.map("Round", g.map("Mul", x, factor)), factor)


@exports("trunc")
def trunc(g: Graph, x: Any) -> Value:
    x = g.value(x, g.dtype)
    return x if x.dtype.kind != "f" else g.map("Mul", g.map("Floor", g.map("Abs", x)), g.map("Sign", x))


@exports("isnan")
def isnan(g: Graph, x: Any) -> Value:
    return g.map("IsNaN", floats(g, x), dtype=BOOL)


@exports("isinf")
def isinf(g: Graph, x: Any) -> Value:
    return g.map("IsInf", floats(g, x), dtype=BOOL)


@exports("isfinite")
def isfinite(g: Graph, x: Any) -> Value:
    v = floats(g, x)
    return g.map("Not", g.map("Or", g.map("IsNaN", v, dtype=BOOL), g.map("IsInf", v, dtype=BOOL)))


def floats(g: Graph, x: Any) -> Value:
    """x as floating-point numbers."""
    v = g.value(x)
    return v if v.dtype.kind == "f" else g.cast(v, np.float32)
