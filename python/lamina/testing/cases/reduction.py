"""Cases of the reductions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import Array, Case

Shape = tuple[int, ...]
_OPS = ("sum", "mean", "prod", "max", "min", "norm", "logsumexp", "var")


def _reduce(op: str, shape: Shape, axes: Any, keepdims: bool = False, ties: bool = False) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        x = rng.integers(0, 4, shape) if ties else rng.standard_normal(shape)
        return (1 + 0.01 * x if op == "prod" else x).astype(dtype), op, axes, keepdims

    def saved(args: tuple[Any, ...], result: Any, dy: Array) -> tuple[Any, ...]:
        return args[0], result[1] if op == "var" else result, dy, op, axes

    n = math.prod(shape)
    return Case(
        "reduction", f"{op} {shape} {axes}{' keepdims' if keepdims else ''}{' ties' if ties else ''}",
        "reduction_forward", inputs, "reduction_backward", (0,), saved,
        bytes=4.0 * n, backward_bytes=8.0 * n, reduction=max(n, 1),
    )  # fmt: skip


def _cumsum(shape: Shape, axis: int) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return rng.standard_normal(shape).astype(dtype), axis

    return Case(
        "reduction", f"cumsum {shape} {axis}", "cumsum_forward", inputs, "cumsum_backward", (0,),
        lambda args, y, dy: (dy, axis), bytes=8.0 * math.prod(shape), reduction=max(1, *shape) ** 2,
    )  # fmt: skip


def _arg(largest: bool, shape: Shape, axis: int) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return rng.integers(0, 9, shape).astype(dtype), axis, largest

    return Case(
        "reduction", f"{'argmax' if largest else 'argmin'} {shape} {axis}", "arg_extreme_forward", inputs,
        bytes=4.0 * math.prod(shape),
    )  # fmt: skip


def test_cases() -> list[Case]:
    cases = []
    for op in _OPS:
        cases += [_reduce(op, (3, 5, 7), a) for a in (None, 0, 1, -1, (0, 2), (0, 1), (1, 2))]
        cases += [_reduce(op, (1, 1), None), _reduce(op, (300, 33), 1, True)]
    cases += [_reduce(op, (6, 20), a, ties=True) for op in ("max", "min") for a in (None, 0, 1)]
    cases += [_reduce("sum", s, a) for s, a in (((), None), ((0,), None), ((0, 3), 1), ((3, 0, 2), 1))]
    shapes: list[tuple[Shape, Any]] = [((200000,), None), ((70000, 3), 0), ((3, 70000), 1), ((2, 300, 129), 1)]
    shapes += [((5, 1, 4), 1), ((4, 3, 5, 2, 3), (0, 2, 4)), ((1000, 3000), 0), ((129, 2), 0), ((9, 5000), 0)]
    cases += [_reduce(op, *s) for op in ("sum", "max") for s in shapes]
    cases += [_cumsum((3, 5, 7), a) for a in (0, 1, 2)] + [_cumsum((70000,), 0), _cumsum((3, 0), 1)]
    return cases + [_arg(large, (4, 9, 5), a) for large in (True, False) for a in (0, 1, -1)]


def bench_cases() -> list[Case]:
    n = 1 << 22
    cases = [_reduce("sum", (n,), None), _reduce("sum", (4096, 1024), 1), _reduce("sum", (4096, 1024), 0)]
    cases += [_reduce("mean", (64, 32, 32, 64), (1, 2)), _reduce("mean", (64, 32, 32, 64), (0, 1, 2))]
    cases += [_reduce("max", (4096, 1024), 1), _reduce("sum", (1 << 20, 3), 1), _reduce("sum", (1 << 20, 3), 0)]
    cases += [_reduce("var", (4096, 1024), 1), _reduce("logsumexp", (4096, 1024), 1), _reduce("mean", (128, 512), None)]
    return cases + [_arg(True, (65536, 10), 1), _cumsum((4096, 1024), 1)]
