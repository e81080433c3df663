"""Cases of the elementwise family."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import Array, Case

_FROM_RESULT = ("reciprocal", "sqrt", "rsqrt", "exp")
_POSITIVE = ("sqrt", "rsqrt", "log", "log1p", "reciprocal")
_UNARY = ("negative", "square", "abs", "sign", "sin", "cos", "erf", "floor", "ceil", "round", "clip")
_BINARY = ("add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "floor_divide", "mod")

Shape = tuple[int, ...]


def _unary(op: str, n: int) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        x = rng.standard_normal(n)
        if op in _POSITIVE:
            x = np.abs(x) + 0.25
        return x.astype(dtype), op, -0.5, 1.0

    def saved(args: tuple[Any, ...], y: Any, dy: Array) -> tuple[Any, ...]:
        return (y if op in _FROM_RESULT else args[0]), dy, op, -0.5, 1.0

    return Case(
        "elementwise", f"{op} {n}", "unary_forward", inputs, "unary_backward", (0,), saved,
        bytes=8.0 * n, backward_bytes=12.0 * n, reduction=64,
    )  # fmt: skip


def _binary(op: str, x_shape: Shape | float, y_shape: Shape | float) -> Case:
    """A shape that is a number stands for a Python number."""

    def operand(rng: np.random.Generator, shape: Shape | float, dtype: Any) -> Any:
        if not isinstance(shape, tuple):
            return shape
        v = rng.standard_normal(shape)
        return (np.abs(v) + 0.5 if op in ("divide", "power", "floor_divide", "mod") else v).astype(dtype)

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return operand(rng, x_shape, dtype), operand(rng, y_shape, dtype), op

    shapes = [s for s in (x_shape, y_shape) if isinstance(s, tuple)]
    sizes = [math.prod(s) for s in shapes]
    n = math.prod(np.broadcast_shapes(*shapes))
    return Case(
        "elementwise", f"{op} {x_shape} {y_shape}", "binary_forward", inputs, "binary_backward", (0, 1),
        lambda args, y, dy: (args[0], args[1], dy, op),
        bytes=4.0 * (sum(sizes) + n), backward_bytes=4.0 * (2 * n + 2 * sum(sizes)), reduction=max(64, n),
    )  # fmt: skip


def _add_relu(shape: Shape) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return rng.standard_normal(shape).astype(dtype), rng.standard_normal(shape).astype(dtype), "add", True

    return Case("elementwise", f"add relu {shape}", "binary_forward", inputs, bytes=12.0 * math.prod(shape))


def _where(condition: Shape, x_shape: Shape, y_shape: Shape) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        x, y = rng.standard_normal(x_shape).astype(dtype), rng.standard_normal(y_shape).astype(dtype)
        return rng.random(condition) < 0.5, x, y

    n = math.prod(np.broadcast_shapes(condition, x_shape, y_shape))
    return Case(
        "elementwise", f"where {condition} {x_shape} {y_shape}", "where_forward", inputs, "where_backward", (1, 2),
        lambda args, y, dy: (*args, dy), bytes=13.0 * n, backward_bytes=13.0 * n, reduction=max(64, n),
    )  # fmt: skip


def _compare(op: str, x_shape: Shape, y_shape: Shape) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        x, y = rng.integers(0, 3, x_shape).astype(dtype), rng.integers(0, 3, y_shape).astype(dtype)
        return x, y, op

    n = math.prod(np.broadcast_shapes(x_shape, y_shape))
    return Case("elementwise", f"{op} {x_shape} {y_shape}", "compare_forward", inputs, bytes=9.0 * n)


def test_cases() -> list[Case]:
    cases = [_unary(op, 37) for op in (*_UNARY, *_POSITIVE, "exp", "expm1")] + [_unary("exp", n) for n in (0, 1, 40000)]
    cases += [_binary(op, (5, 37), (5, 37)) for op in _BINARY]
    cases += [_binary(op, (5, 37), 1.5) for op in _BINARY] + [_binary(op, 1.5, (37,)) for op in _BINARY]
    for op in ("add", "multiply", "divide"):
        cases += [_binary(op, (33, 17), (17,)), _binary(op, (33, 17), (33, 1)), _binary(op, (3, 1, 7, 1), (5, 1, 19))]
        cases += [_binary(op, (517, 7), (7,)), _binary(op, (3,), (2, 300, 3))]  # short rows, read as longer ones
    shapes: list[tuple[Shape, Shape]] = [((2, 3, 4, 5), (3, 1, 5)), ((0, 4), (4,)), ((), ()), ((1,), (70000,))]
    shapes += [((4,), (0, 4)), ((2, 1, 3, 1, 2, 1, 3, 1), (1, 2, 1, 3, 1, 2, 1, 3)), ((257, 300), (300,))]
    cases += [_binary("multiply", *s) for s in shapes]
    cases += [_add_relu((7, 19)), _add_relu((40000,)), _where((5, 6), (5, 6), (6,)), _where((5, 1), (1, 70), (5, 70))]
    ops = ("equal", "not_equal", "less", "less_equal", "logical_and", "logical_or", "logical_xor")
    return cases + [_compare(op, (5, 37), (37,)) for op in ops]


def bench_cases() -> list[Case]:
    n = 1 << 22
    cases = [_unary(op, n) for op in ("square", "sqrt", "exp", "log")]
    cases += [_binary(op, (n,), (n,)) for op in ("add", "multiply", "divide")] + [_binary("multiply", (n,), 0.5)]
    cases += [_binary("add", (1 << 16, 64), (64,)), _binary("multiply", (1 << 12, 1024), (1 << 12, 1))]
    cases += [_add_relu((64, 32, 32, 64)), _binary("add", (128, 512), (128, 512)), _binary("power", (1 << 16,), 3.0)]
    return cases + [_where((n,), (n,), (n,)), _compare("less", (n,), (n,))]
