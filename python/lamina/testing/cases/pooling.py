"""Cases of the pooling family."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case


def _pool(
    kind: str,
    x: tuple[int, ...],
    pool_size: Any = 2,
    strides: Any = None,
    padding: Any = "valid",
    last: Any = None,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Case:
    """``last`` is max_pool's ``save`` (True by default), or average_pool's ``divisor`` ("window")."""
    from ...reference._window import sizes, window

    last = last if last is not None else (True if kind == "max" else "window")
    options = (pool_size, strides, padding, dilation, ceil_mode)

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return rng.standard_normal(x).astype(dtype), *options, last

    def saved(args: tuple[Any, ...], result: Any, dy: Array) -> tuple[Any, ...]:
        return (result[1], dy, *options) if kind == "max" else (dy, *options, last)

    taps = sizes(pool_size, len(x) - 2)
    given = pool_size if strides is None else strides
    out = window(np.empty((*x[:-1], 0)), taps, given, padding, dilation, ceil_mode).out
    pixels, outputs = float(np.prod(x)), float(x[0] * np.prod(out) * x[-1])
    index = (1 if np.prod(taps) <= 256 else 4) * outputs if last is True else 0.0
    labels = [(" dilation ", dilation, 1), (" ceil ", ceil_mode, False)]
    label = "".join(f"{text}{value}" for text, value, default in labels if value != default)
    label += f" {'save' if last is True else last}" if last else ""
    return Case(
        "pooling", f"{kind} {'x'.join(map(str, x))} {'x'.join(map(str, taps))}/{strides or pool_size} {padding}{label}",
        f"{kind}_pool_forward", inputs, f"{kind}_pool_backward" if last else "", (0,) if last else (),
        saved if last else None,
        bytes=4 * (pixels + outputs) + index, backward_bytes=4 * (pixels + outputs) + index,
        reduction=int(np.prod(taps)),
    )  # fmt: skip


def _adaptive(kind: str, x: tuple[int, ...], output_size: Any = None) -> Case:
    options = (output_size, True) if kind == "max" else (output_size,)

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return rng.standard_normal(x).astype(dtype), *options

    words = float(np.prod(x)) + x[0] * x[-1]
    return Case(
        "pooling",
        f"{'global' if output_size is None else 'adaptive'} {kind} {'x'.join(map(str, x))} {output_size or ''}".strip(),
        f"adaptive_{kind}_pool_forward", inputs, f"adaptive_{kind}_pool_backward", (0,),
        lambda args, result, dy: (result[1], dy, output_size) if kind == "max" else (dy, output_size),
        bytes=4 * words, backward_bytes=4 * words, reduction=int(np.prod(x[1:-1])),
    )  # fmt: skip


def test_cases() -> list[Case]:
    cases = []
    for kind in ("max", "average"):
        off = False if kind == "max" else "valid"
        cases += [
            _pool(kind, (2, 6, 8, 16)),
            _pool(kind, (2, 7, 9, 5)),
            _pool(kind, (1, 5, 5, 1), 2, 1),
            _pool(kind, (2, 9, 8, 70), 3, 2, "same"),
            _pool(kind, (2, 9, 8, 3), 3, 1, "same", off),
            _pool(kind, (2, 9, 8, 5), (2, 3), (1, 2), "same_lower"),
            _pool(kind, (2, 9, 10, 33), (2, 3), (3, 2), ((1, 0), (0, 2)), off),
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
            _pool(kind, (2, 4, 4, 0)),
            _pool(kind, (2, 17, 5), 3, 2, "same"),
            _pool(kind, (3, 9, 20), (4,), (3,), ((2, 1),), None, 2),
            _pool(kind, (2, 6, 5, 7, 9), 2),
            _pool(kind, (2, 5, 7, 9, 6), 2),  # side by side, with pixels left over on every axis
            _pool(kind, (2, 7, 5, 6, 19), (3, 2, 3), (1, 2, 2), "same"),
            _pool(kind, (1, 6, 7, 5, 3), (2, 3, 2), (3, 1, 2), ((1, 0), 2, (0, 1)), None, (2, 1, 1)),
            _pool(kind, (2, 4, 3, 5, 8), (4, 3, 5)),
            _pool(kind, (1, 9, 9, 9, 2), 7, 1),
            _pool(kind, (2, 8, 9, 5), 3, 2, 1, None, 1, True),
            _pool(kind, (2, 6, 10, 7, 5), (2, 3, 3), (3, 2, 4), (1, (0, 2), 0), None, 1, True),
            _pool(kind, (1, 40, 12, 5), 3, 2, "same"),  # one image, cut into rows
            _pool(kind, (1, 6, 9, 5, 3), (2, 3, 3), (1, 2, 1), 1),
            _adaptive(kind, (1, 40, 9, 33), (12, 4)),
            _adaptive(kind, (2, 7, 9, 5), (3, 4)),
            _adaptive(kind, (2, 8, 6, 20), 2),
            _adaptive(kind, (2, 11, 18), 5),
            _adaptive(kind, (1, 5, 7, 3, 4), (2, 9, 2)),  # more outputs than pixels on an axis
            _adaptive(kind, (1, 20, 21, 3), (6, 4)),  # numbers of pixels that need four bytes
            _adaptive(kind, (2, 5, 3, 4, 9)),
            _adaptive(kind, (3, 12, 7)),
        ]
    cases += [_pool("average", (2, 8, 9, 5), 3, 2, 1, divisor, 1, True) for divisor in ("valid", "padded")]
    cases += [_pool("average", (2, 5, 6, 7, 3), 3, 2, (1, (0, 1), 1), divisor) for divisor in ("valid", "padded")]
    shapes = ((2, 7, 5, 40), (3, 1, 1, 1), (1, 20, 20, 6), (2, 4, 5, 70))
    return cases + [_adaptive(k, s) for k in ("max", "average") for s in shapes]


def bench_cases() -> list[Case]:
    cases = []
    for kind in ("max", "average"):
        cases += [
            _pool(kind, (32, 112, 112, 64)),
            _pool(kind, (64, 26, 26, 64)),
            _pool(kind, (64, 32, 32, 32), 3, 2, "same", kind == "max" or "valid"),
            _pool(kind, (256, 64, 64, 3)),
            _adaptive(kind, (32, 56, 56, 128)),
            _adaptive(kind, (64, 8, 8, 64)),
            _pool(kind, (8, 16, 56, 56, 32)),
            _adaptive(kind, (16, 50, 50, 64), 7),
        ]
    return cases
