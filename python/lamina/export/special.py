"""Special functions, tests of floating-point numbers, integers bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elementwise import floats, operands, truth
from .graph import BOOL, INT64, Graph
from .handlers import HANDLERS, exports
from .reduction import reduced
from .values import Value


def two(g: Graph, x1: Any, x2: Any) -> tuple[Value, Value]:
    return g.value(x1, g.dtype), g.value(x2, g.dtype)


@exports("logaddexp")
def logaddexp(g: Graph, x1: Any, x2: Any) -> Value:
    a, b = two(g, x1, x2)
    distance = g.map("Neg", g.map("Abs", g.map("Sub", a, b)))
    return g.map("Add", g.map("Max", a, b), g.map("Log", g.map("Add", g.map("Exp", distance), 1)))


@exports("logaddexp2")
def logaddexp2(g: Graph, x1: Any, x2: Any) -> Value:
    log2 = float(np.log(2))
    a, b = (g.map("Mul", v, log2) for v in two(g, x1, x2))
    return g.map("Div", logaddexp(g, a, b), log2)


@exports("cbrt")
def cbrt(g: Graph, x: Any) -> Value:
    x = g.value(x, g.dtype)
    return g.map("Mul", g.map("Sign", x), g.map("Pow", g.map("Abs", x), 1 / 3))


@exports("hypot")
def hypot(g: Graph, x1: Any, x2: Any) -> Value:
    a, b = two(g, x1, x2)
    return g.map("Sqrt", g.map("Add", g.map("Mul", a, a), g.map("Mul", b, b)))


@exports("heaviside")
def heaviside(g: Graph, x1: Any, x2: Any) -> Value:
    a, b = two(g, x1, x2)
    step = g.cast(g.map("Greater", a, 0, dtype=BOOL), a.dtype)
    return g.map("Where", g.map("Equal", a, 0, dtype=BOOL), b, step)


@exports("erfc")
def erfc(g: Graph, x: Any) -> Value:
    return g.map("Sub", 1.0, g.map("Erf", g.value(x, g.dtype)))


@exports("sinc")
def sinc(g: Graph, x: Any) -> Value:
    x = g.map("Mul", g.value(x, g.dtype), float(np.pi))
    zero = g.map("Equal", x, 0, dtype=BOOL)
    safe = g.map("Where", zero, g.constant(1, x.dtype), x)
    return g.map("Where", zero, g.constant(1, x.dtype), g.map("Div", g.map("Sin", safe), safe))


@exports("deg2rad")
def deg2rad(g: Graph, x: Any) -> Value:
    return g.map("Mul", g.value(x, g.dtype), float(np.pi / 180))


@exports("rad2deg")
def rad2deg(g: Graph, x: Any) -> Value:
    return g.map("Mul", g.value(x, g.dtype), float(180 / np.pi))


@exports("arctan2")
def arctan2(g: Graph, x1: Any, x2: Any) -> Value:
    y, x = two(g, x1, x2)
    half, zero = float(np.pi), g.constant(0, g.dtype)
    on_axis = g.map("Equal", x, 0, dtype=BOOL)
    quotient = g.map("Div", y, g.map("Where", on_axis, g.constant(1, g.dtype), x))
    low = g.map("Less", y, 0, dtype=BOOL)
    turn = g.map("Where", low, g.constant(-half, g.dtype), g.constant(half, g.dtype))
    left = g.map("Where", g.map("Less", x, 0, dtype=BOOL), turn, zero)
    upright = g.map("Mul", g.map("Sign", y), half / 2)
    return g.map("Where", on_axis, upright, g.map("Add", g.map("Atan", quotient), left))


@exports("nan_to_num")
def nan_to_num(g: Graph, x: Any, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Value:
    x = g.value(x, g.dtype)
    if x.dtype.kind != "f":
        return x
    limits = np.finfo(x.dtype)
    y = g.map("Where", g.map("IsNaN", x, dtype=BOOL), g.constant(nan, x.dtype), x)
    for number, sign, instead in ((np.inf, 1, posinf), (-np.inf, -1, neginf)):
        wanted = sign * limits.max if instead is None else instead
        y = g.map("Where", g.map("Equal", x, number, dtype=BOOL), g.constant(wanted, x.dtype), y)
    return y


@exports("isposinf")
def isposinf(g: Graph, x: Any) -> Value:
    return g.map("Equal", floats(g, x), np.inf, dtype=BOOL)


@exports("isneginf")
def isneginf(g: Graph, x: Any) -> Value:
    return g.map("Equal", floats(g, x), -np.inf, dtype=BOOL)


@exports("isreal")
def isreal(g: Graph, x: Any) -> Value:
    return g.filled(True, g.shape, BOOL)


@exports("signbit")
def signbit(g: Graph, x: Any) -> Value:
    v = g.value(x)
    below = g.map("Less", v, 0, dtype=BOOL)
    return below if v.dtype.kind != "f" else g.map("Or", below, g.map("Less", g.map("Reciprocal", v), 0, dtype=BOOL))


@exports("isclose")
def isclose(
    g: Graph, x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Value:  # fmt: skip
    a, b = (floats(g, v) for v in operands(g, x1, x2))
    near = g.map("Add", g.map("Mul", g.map("Abs", b), float(rtol)), float(atol))
    finite = g.map("Not", g.map("IsInf", b, dtype=BOOL))
    close = g.map("LessOrEqual", g.map("Abs", g.map("Sub", a, b)), near, dtype=BOOL)
    y = g.map("Or", g.map("And", close, finite), g.map("Equal", a, b, dtype=BOOL))
    if equal_nan:
        y = g.map("Or", y, g.map("And", g.map("IsNaN", a, dtype=BOOL), g.map("IsNaN", b, dtype=BOOL)))
    return y


@exports("allclose")
def allclose(
    g: Graph, x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Value:  # fmt: skip
    y = isclose(g, x1, x2, rtol, atol, equal_nan)
    return g.cast(reduced(g, "ReduceMin", g.cast(y, np.int32), None, False), BOOL)


def _not_nan(op: str) -> Any:
    def put(g: Graph, x1: Any, x2: Any) -> Value:
        a, b = two(g, x1, x2)
        if g.dtype.kind != "f":
            return g.map(op, a, b)
        a_bad, b_bad = (g.map("IsNaN", v, dtype=BOOL) for v in (a, b))
        a, b = g.map("Where", a_bad, b, a), g.map("Where", b_bad, a, b)
        return g.map(op, a, b)

    return put


HANDLERS["fmax"] = _not_nan("Max")
HANDLERS["fmin"] = _not_nan("Min")


@exports("ldexp")
def ldexp(g: Graph, x1: Any, x2: Any) -> Value:
    a, b = two(g, x1, x2)
    return g.map("Mul", a, g.map("Pow", g.constant(2, g.dtype), b))


@exports("saturate_cast")
def saturate_cast(g: Graph, x: Any, dtype: Any) -> Value:
    v = g.value(x)
    if g.dtype.kind in "iu" and v.dtype.kind == "f":
        return saturated(g, v, g.dtype)
    if g.dtype.kind in "iu" and v.dtype.kind in "iu":
        own, wanted = np.iinfo(v.dtype), np.iinfo(g.dtype)
        low, high = max(own.min, wanted.min), min(own.max, wanted.max)
        v = g.map("Min", g.map("Max", v, g.constant(low, v.dtype)), g.constant(high, v.dtype))
    return g.cast(v, g.dtype)


def saturated(g: Graph, v: Value, dtype: Any) -> Value:
    """Floating-point numbers as integers; those beyond the limits of their type become these."""
    limits = np.iinfo(dtype)
    most = v.dtype.type(limits.max)
    if int(most) > limits.max:  # it was rounded up
        most = np.nextafter(most, v.dtype.type(0))
    return g.cast(g.map("Min", g.map("Max", v, g.constant(limits.min, v.dtype)), g.constant(most)), dtype)


@exports("select")
def select(g: Graph, condlist: Any, choicelist: Any, default: Any = 0) -> Value:
    y = g.value(default, g.dtype)
    for condition, choice in zip(reversed(list(condlist)), reversed(list(choicelist)), strict=True):
        y = g.map("Where", truth(g, condition), g.value(choice, g.dtype), y)
    return y


def _bitwise(op: str, logical: str) -> Any:
    def put(g: Graph, x: Any, y: Any) -> Value:
        a, b = two(g, x, y)
        return g.map(logical if g.dtype == BOOL else op, a, b)

    return put


HANDLERS["bitwise_and"] = _bitwise("BitwiseAnd", "And")
HANDLERS["bitwise_or"] = _bitwise("BitwiseOr", "Or")
HANDLERS["bitwise_xor"] = _bitwise("BitwiseXor", "Xor")


@exports("bitwise_invert", "bitwise_not")
def bitwise_invert(g: Graph, x: Any) -> Value:
    v = g.value(x, g.dtype)
    return g.map("Not" if v.dtype == BOOL else "BitwiseNot", v)


@exports("bitwise_left_shift", "left_shift")
def left_shift(g: Graph, x: Any, y: Any) -> Value:
    a, b = two(g, x, y)
    if g.dtype.kind != "u":
        unsigned = np.dtype(f"uint{8 * max(g.dtype.itemsize, 4)}")
        return g.cast(g.map("BitShift", g.cast(a, unsigned), g.cast(b, unsigned), direction="LEFT"), g.dtype)
    return g.map("BitShift", a, b, direction="LEFT")


@exports("bitwise_right_shift", "right_shift")
def right_shift(g: Graph, x: Any, y: Any) -> Value:
    a, b = two(g, x, y)
    if g.dtype.kind == "u":
        return g.map("BitShift", a, b, direction="RIGHT")
    # Of negative numbers it rounds down: the quotient by a power of two.
    power = g.map("Pow", g.constant(2, INT64), g.cast(b, INT64))
    wide = g.cast(a, INT64)
    return g.cast(g.map("Div", g.map("Sub", wide, g.map("Mod", wide, power)), power), g.dtype)
