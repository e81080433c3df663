"""Cases of the pooling family."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case


def _pool(
    kind: str,
    x: tuple[int, int, int, int],
    pool_size: Any = 2,
    strides: Any = None,
    padding: Any = "valid",
    last: bool = True,
) -> Case:
    """``last`` is max_pool2d's ``save``, or average_pool2d's ``count_pad``."""
    from ...reference._window import pair, window

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return rng.standard_normal(x).astype(dtype), pool_size, strides, padding, last

    def saved(args: tuple[Any, ...], result: Any, dy: Array) -> tuple[Any, ...]:
        if kind == "max":
            return result[1], dy, pool_size, strides, padding
        return dy, pool_size, strides, padding, last

    taps = pair(pool_size)
    oh, ow = window(np.empty(x[:3] + (0,)), taps, pool_size if strides is None else strides, padding).out
    pixels, outputs = float(np.prod(x)), float(x[0] * oh * ow * x[3])
    index = (1 if taps[0] * taps[1] <= 256 else 4) * outputs if kind == "max" and last else 0.0
    label = f" {'save' if kind == 'max' else 'count pad'}" if last else ""
    backward = kind != "max" or last
    return Case(
        "pooling",
        f"{kind} {'x'.join(map(str, x))} {taps[0]}x{taps[1]}/{strides or pool_size} {padding}{label}",
        f"{kind}_pool2d_forward",
        inputs,
        f"{kind}_pool2d_backward" if backward else "",
        (0,) if backward else (),
        saved if backward else None,
        bytes=4 * (pixels + outputs) + index,
        backward_bytes=4 * (pixels + outputs) + index,
        reduction=taps[0] * taps[1],
    )


def _global(kind: str, x: tuple[int, int, int, int]) -> Case:
    options = (True,) if kind == "max" else ()

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return rng.standard_normal(x).astype(dtype), *options

    words = float(np.prod(x)) + x[0] * x[3]
    return Case(
        "pooling",
        f"global {kind} {'x'.join(map(str, x))}",
        f"global_{kind}_pool2d_forward",
        inputs,
        f"global_{kind}_pool2d_backward",
        (0,),
        lambda args, result, dy: (result[1], dy) if kind == "max" else (dy,),
        bytes=4 * words,
        backward_bytes=4 * words,
        reduction=x[1] * x[2],
    )


def test_cases() -> list[Case]:
    cases = []
    for kind in ("max", "average"):
        cases += [
            _pool(kind, (2, 6, 8, 16)),
            _pool(kind, (2, 7, 9, 5)),
            _pool(kind, (1, 5, 5, 1), 2, 1),
            _pool(kind, (2, 9, 8, 70), 3, 2, "same"),
            _pool(kind, (2, 9, 8, 3), 3, 1, "same", False),
            _pool(kind, (2, 9, 10, 33), (2, 3), (3, 2), ((1, 0), (0, 2)), False),
            _pool(kind, (2, 9, 10, 33), (2, 3), (1, 4), ((0, 1), (2, 1))),
            _pool(kind, (1, 4, 4, 3), 4),
            _pool(kind, (0, 4, 4, 3)),
            _pool(kind, (3, 40, 40, 6), 20, 7, "same"),
            _pool(kind, (4, 30, 30, 64), 2),
            _pool(kind, (2, 11, 23, 3), 2),
            _pool(kind, (2, 7, 21, 2), (3, 2)),
            _pool(kind, (1, 6, 70, 1), 2, 1),
            _pool(kind, (2, 9, 40, 4), 3, 2),
            _pool(kind, (2, 3, 5, 4), (2, 6), 1, ((0, 0), (2, 2))),
        ]
    shapes = ((2, 7, 5, 40), (3, 1, 1, 1), (1, 20, 20, 6), (2, 4, 5, 70))
    return cases + [_global(k, s) for k in ("max", "average") for s in shapes]


def bench_cases() -> list[Case]:
    cases = []
    for kind in ("max", "average"):
        cases += [
            _pool(kind, (32, 112, 112, 64)),
            _pool(kind, (64, 26, 26, 64)),
            _pool(kind, (64, 32, 32, 32), 3, 2, "same", kind == "max"),
            _pool(kind, (256, 64, 64, 3)),
            _global(kind, (32, 56, 56, 128)),
            _global(kind, (64, 8, 8, 64)),
        ]
    return cases
