"""NumPy twins of the elementwise kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._common import Array, erf, give, unbroadcast_to

_UNARY: dict[str, Any] = {
    "negative": np.negative,
    "reciprocal": lambda x: 1 / x,
    "square": np.square,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "abs": np.abs,
    "sign": np.sign,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
    "erf": erf,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.round,
}
# Of the result for reciprocal, sqrt, rsqrt, exp, else of the operand.
_SLOPES: dict[str, Any] = {
    "negative": lambda x: -np.ones_like(x),
    "reciprocal": lambda y: -y * y,
    "square": lambda x: 2 * x,
    "sqrt": lambda y: 0.5 / y,
    "rsqrt": lambda y: -0.5 * y**3,
    "abs": np.sign,
    "exp": lambda y: y,
    "expm1": np.exp,
    "log": lambda x: 1 / x,
    "log1p": lambda x: 1 / (1 + x),
    "sin": np.cos,
    "cos": lambda x: -np.sin(x),
    "erf": lambda x: 2 / np.sqrt(np.pi) * np.exp(-x * x),
}


def unary_forward(x: Array, op: str, a: float = 0.0, b: float = 0.0) -> Array:
    return np.clip(x, a, b) if op in ("clip", "saturate") else np.asarray(_UNARY[op](x))


def unary_backward(saved: Array, dy: Array, op: str, a: float, b: float, dx: Array | None, accumulate: int = 0) -> None:
    if op == "clip":
        slope = ((saved >= a) & (saved <= b)).astype(saved.dtype)
    elif op == "saturate":
        slope = ((saved > a) & (saved < b)).astype(saved.dtype)
    else:
        slope = _SLOPES[op](saved) if op in _SLOPES else np.zeros_like(saved)
    give(dx, dy * slope, accumulate, 0)


_BINARY: dict[str, Any] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "power": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "floor_divide": np.floor_divide,
    "mod": np.mod,
    "hypot": np.hypot,
}


def binary_forward(x: Any, y: Any, op: str, relu: bool = False) -> Array:
    z = np.asarray(_BINARY[op](x, y))
    return np.maximum(z, 0) if relu else z


def _slopes(x: Any, y: Any, op: str) -> tuple[Any, Any]:
    one = np.ones(np.broadcast_shapes(np.shape(x), np.shape(y)))
    if op == "add":
        return one, one
    if op == "subtract":
        return one, -one
    if op == "multiply":
        return y * one, x * one
    if op == "divide":
        return one / y, -x / (y * y)
    if op == "power":
        return np.where(y == 0, 0, y * np.power(x, y - one)), np.where(x == 0, 0, np.power(x, y) * np.log(x * one))
    if op in ("maximum", "minimum"):
        first = (x > y) if op == "maximum" else (x < y)
        share = np.where(x == y, 0.5, first * one)
        return share, 1 - share
    if op == "hypot":
        r = np.hypot(x, y)
        return tuple(np.divide(v, r, out=0 * one, where=r != 0) for v in (x, y))
    if op == "mod":
        return one, -np.floor_divide(x, y) * one
    return 0 * one, 0 * one


def binary_backward(
    x: Any, y: Any, dy: Array, op: str, dx: Array | None, dy_: Array | None, accumulate: int = 0
) -> None:
    to_x, to_y = _slopes(x, y, op)
    if dx is not None:
        give(dx, unbroadcast_to(dy * to_x, dx.shape), accumulate, 0)
    if dy_ is not None:
        give(dy_, unbroadcast_to(dy * to_y, dy_.shape), accumulate, 1)


def unbroadcast(dy: Array, dx: Array, scale: float = 1.0, accumulate: bool = False) -> None:
    give(dx, unbroadcast_to(scale * dy, dx.shape), int(accumulate), 0)


def relu_gradient(y: Array, dy: Array) -> Array:
    return np.where(y > 0, dy, np.zeros((), dy.dtype))


def compare_forward(x: Any, y: Any, op: str) -> Array:
    return np.asarray(getattr(np, op)(x, y))


def where_forward(condition: Array, x: Any, y: Any) -> Array:
    return np.where(condition, x, y)


def where_backward(
    condition: Array, x: Any, y: Any, dy: Array, dx: Array | None, dy_: Array | None, accumulate: int = 0
) -> None:
    if dx is not None:
        give(dx, unbroadcast_to(np.where(condition, dy, 0), dx.shape), accumulate, 0)
    if dy_ is not None:
        give(dy_, unbroadcast_to(np.where(condition, 0, dy), dy_.shape), accumulate, 1)


def classify_forward(x: Array, op: str) -> Array:
    return np.asarray(getattr(np, op)(x))


def cast_forward(x: Array, dtype: Any, narrowed: str = "") -> Array:
    y = x.astype(dtype)
    if narrowed and (y != x).any():
        raise ValueError(f"{narrowed}: a result does not fit in {y.dtype}")
    return y


def cast_backward(dy: Array, dx: Array | None, accumulate: int = 0) -> None:
    give(dx, dy, accumulate, 0)
