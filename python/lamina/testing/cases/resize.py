"""Cases of the resizing family."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case


def _resize(x: tuple[int, int, int, int], height: int, width: int, interpolation: str) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return rng.standard_normal(x).astype(dtype), height, width, interpolation

    def saved(args: tuple[Any, ...], result: Any, dy: Array) -> tuple[Any, ...]:
        return dy, interpolation

    words = float(x[0] * x[3] * (x[1] * x[2] + height * width))
    return Case(
        "resize", f"{interpolation} {'x'.join(map(str, x))} to {height}x{width}", "resize_forward", inputs,
        "resize_backward", (0,), saved,
        bytes=4 * words, backward_bytes=4 * words,
        reduction=max(1, 4 * (height // max(x[1], 1) + 1) * (width // max(x[2], 1) + 1)),
    )  # fmt: skip


def test_cases() -> list[Case]:
    shapes = [((2, 3, 4, 5), 6, 8), ((1, 5, 7, 33), 15, 7), ((3, 4, 4, 1), 12, 16), ((2, 9, 6, 17), 5, 11)]
    shapes += [
        ((1, 1, 1, 3), 4, 3),
        ((0, 3, 3, 2), 6, 6),
        ((2, 5, 4, 3), 0, 8),
        ((2, 5, 4, 3), 8, 0),
        ((4, 40, 30, 20), 80, 60),
    ]
    shapes += [((2, 8, 9, 16), 3, 2), ((1, 6, 6, 4), 6, 6)]
    return [_resize(*s, kind) for s in shapes for kind in ("nearest", "bilinear")]


def bench_cases() -> list[Case]:
    shapes = [((16, 28, 28, 64), 56, 56), ((8, 112, 112, 32), 224, 224), ((8, 64, 64, 3), 128, 128)]
    return [_resize(*s, kind) for s in shapes for kind in ("nearest", "bilinear")]
