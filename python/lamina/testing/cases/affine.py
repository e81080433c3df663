"""Cases of the affine sampler."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case

FILLS = ("constant", "nearest", "wrap", "mirror", "reflect")


def _affine(x: tuple[int, int, int, int], interpolation: str, fill_mode: str, maps: int, steep: float = 0.3) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        images = rng.standard_normal(x).astype(dtype)
        m = np.zeros((maps, 8))
        m[:, [0, 4]] = 1
        m[:, :6] += rng.uniform(-steep, steep, (maps, 6))
        m[:, [2, 5]] *= 4 * max(x[1:3])
        m[:, 6:] = rng.uniform(0, 0.02, (maps, 2))
        return images, m.astype(np.float32).astype(dtype), interpolation, fill_mode, 0.5

    def saved(args: tuple[Any, ...], result: Any, dy: Array) -> tuple[Any, ...]:
        return dy, args[1], interpolation, fill_mode

    words = float(np.prod(x))
    return Case(
        "affine",
        f"{interpolation} {fill_mode} {'x'.join(map(str, x))} by {maps}",
        "affine_forward",
        inputs,
        "affine_backward",
        (0,),
        saved,
        bytes=8 * words,
        backward_bytes=8 * words,
        reduction=64,
    )


def test_cases() -> list[Case]:
    shapes = [((2, 5, 7, 3), 2), ((3, 8, 6, 1), 1), ((1, 1, 1, 4), 1), ((0, 4, 4, 2), 1), ((2, 1, 9, 5), 2)]
    shapes += [((1, 40, 33, 17), 1)]
    return [_affine(x, kind, fill, maps) for x, maps in shapes for kind in ("nearest", "bilinear") for fill in FILLS]


def bench_cases() -> list[Case]:
    return [
        _affine((64, 32, 32, 3), "bilinear", "reflect", 64, 0.1),
        _affine((8, 224, 224, 3), "bilinear", "nearest", 8),
    ]
