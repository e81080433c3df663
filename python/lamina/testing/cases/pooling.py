"""Cases of the pooling family."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case


def _first(x: Any) -> Any:
    """(N, ..., C) as PyTorch has it, (N, C, ...), without a copy."""
    return x.movedim(-1, 1)


def _windows(pool_size: Any, strides: Any, padding: Any, dilation: Any, axes: int) -> tuple[Any, ...] | None:
    """Window, strides, padding and dilation as PyTorch's pooling takes them; None if it can't."""
    from ...reference._window import sizes

    taps, pads = sizes(pool_size, axes), 0 if padding == "valid" else padding
    if isinstance(pads, str) or not all(
        isinstance(n, int) and 2 * n <= k for n, k in zip(sizes(pads, axes), taps, strict=True)
    ):
        return None
    return taps, sizes(pool_size if strides is None else strides, axes), sizes(pads, axes), sizes(dilation, axes)


def _torch_pool(kind: str, shape: tuple[int, ...], options: tuple[Any, ...], last: Any) -> Any:
    """max_pool or average_pool in PyTorch, or None where it has no such windows."""
    axes, (pool_size, given, padding, rate, ceil_mode) = len(shape) - 2, options
    found = _windows(pool_size, given, padding, rate, axes)
    if found is None or 0 in shape:
        return None
    taps, strides, pads, dilation = found
    if kind == "average" and (dilation != (1,) * axes or (last == "window" and (any(pads) or ceil_mode))):
        return None
    largest, mean = f"max_pool{axes}d", f"avg_pool{axes}d"

    def torch_pool(torch: Any, x: Any, *_: Any) -> Any:
        if kind == "max":
            return getattr(torch.nn.functional, largest)(_first(x), taps, strides, pads, dilation, ceil_mode).movedim(
                1, -1
            )
        count = last == "padded"
        return getattr(torch.nn.functional, mean)(_first(x), taps, strides, pads, ceil_mode, count).movedim(1, -1)

    return torch_pool


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
        reduction=int(np.prod(taps)), torch=_torch_pool(kind, x, options, last),
    )  # fmt: skip


def _adaptive(kind: str, x: tuple[int, ...], output_size: Any = None) -> Case:
    options = (output_size, True) if kind == "max" else (output_size,)

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return rng.standard_normal(x).astype(dtype), *options

    axes = len(x) - 2
    name = f"adaptive_{'avg' if kind == 'average' else 'max'}_pool{axes}d"

    def torch_pool(torch: Any, t: Any, *_: Any) -> Any:
        y = getattr(torch.nn.functional, name)(_first(t), 1 if output_size is None else output_size).movedim(1, -1)
        return y.reshape(x[0], x[-1]) if output_size is None else y

    words = float(np.prod(x)) + x[0] * x[-1]
    return Case(
        "pooling",
        f"{'global' if output_size is None else 'adaptive'} {kind} {'x'.join(map(str, x))} {output_size or ''}".strip(),
        f"adaptive_{kind}_pool_forward", inputs, f"adaptive_{kind}_pool_backward", (0,),
        lambda args, result, dy: (result[1], dy, output_size) if kind == "max" else (dy, output_size),
        bytes=4 * words, backward_bytes=4 * words, reduction=int(np.prod(x[1:-1])), torch=torch_pool,
    )  # fmt: skip


def _index(rng: np.random.Generator, numbers: int, shape: tuple[int, ...]) -> Array:
    return rng.integers(0, numbers, shape).astype(np.int32 if numbers > 256 else np.uint8)


def _indices(
    x: tuple[int, ...],
    pool_size: Any,
    strides: Any = None,
    padding: Any = "valid",
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Case:
    """max_pool_indices of any index."""
    from ...reference._window import sizes, window

    taps, options = sizes(pool_size, len(x) - 2), (pool_size, strides, padding, dilation, ceil_mode)
    given = pool_size if strides is None else strides
    out = window(np.empty((*x[:-1], 0)), taps, given, padding, dilation, ceil_mode).out

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return np.zeros(x, dtype), _index(rng, int(np.prod(taps)), (x[0], *out, x[-1])), *options

    return Case("pooling", f"indices {x} {pool_size}/{strides} {padding}", "max_pool_indices", inputs)


def _adaptive_indices(x: tuple[int, ...], output_size: Any) -> Case:
    from ...reference.pooling import adaptive_max_pool_forward

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        image = rng.standard_normal(x).astype(dtype)
        return image, adaptive_max_pool_forward(image, output_size, True)[1], output_size

    return Case("pooling", f"adaptive indices {x} {output_size}", "adaptive_max_pool_indices", inputs)


def _unpool(
    x: tuple[int, ...],
    pool_size: Any,
    strides: Any = None,
    padding: Any = "valid",
    output_shape: Any = None,
    wide: bool = False,
    distinct: bool = False,
) -> Case:
    """Values at any places; ``distinct``: at no place two of them, as PyTorch wants it for gradients."""
    from ...reference.pooling import _unpooled

    options = (pool_size, strides, padding, output_shape)
    size = _unpooled(np.empty((*x[:-1], 0)), *options)
    outputs, pixels, axes = int(np.prod(size)), int(np.prod(x[1:-1])), len(x) - 2

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        values, kind = rng.standard_normal(x).astype(dtype), np.int64 if wide else np.int32
        if distinct:  # one in each window
            corners = max_pool_corners(x, size, pool_size)
            return values, (corners + rng.integers(0, 2, x)).astype(kind), *options
        return values, rng.integers(0, max(outputs, 1), x).astype(kind), *options

    def torch_unpool(torch: Any, t: Any, indices: Any, *_: Any) -> Any:
        f = getattr(torch.nn.functional, f"max_unpool{axes}d")
        return f(_first(t), _first(indices), pool_size, output_size=size).movedim(1, -1)

    numbers = float(x[0] * x[-1]) * (pixels + outputs)
    label = f"{pool_size}/{strides or pool_size} {padding}{' int64' if wide else ''}{' distinct' if distinct else ''}"
    return Case(
        "pooling", f"unpool {'x'.join(map(str, x))} {label}",
        "max_unpool_forward", inputs, "max_unpool_backward", (0,), lambda args, y, dy: (args[1], dy),
        bytes=4 * numbers, backward_bytes=4 * numbers, torch=torch_unpool if distinct else None,
        torch_layout=lambda args: (args[0], args[1].long(), *args[2:]),
    )  # fmt: skip


def max_pool_corners(x: tuple[int, ...], size: tuple[int, ...], pool_size: int) -> Array:
    """The first pixel of each window side by side, as ``max_unpool`` counts it."""
    places = np.zeros((1,) * len(x), np.int64)
    for axis, n in enumerate(x[1:-1]):
        at = np.arange(n).reshape(-1, *(1,) * (len(x) - 2 - axis)) * pool_size
        places = places * size[axis] + at
    return places


def _lp(
    p: float,
    x: tuple[int, ...],
    pool_size: Any = 2,
    strides: Any = None,
    padding: Any = "valid",
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Case:
    from ...reference._window import sizes, window

    taps, options = sizes(pool_size, len(x) - 2), (pool_size, strides, padding, dilation, ceil_mode)
    given, axes = pool_size if strides is None else strides, len(x) - 2
    out = window(np.empty((*x[:-1], 0)), taps, given, padding, dilation, ceil_mode).out
    numbers = float(np.prod(x)) + x[0] * float(np.prod(out)) * x[-1]

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        values = rng.standard_normal(x).astype(dtype)
        return values if p % 2 == 0 else np.abs(values) + 0.01, float(p), *options

    def torch_pool(torch: Any, t: Any, p: float, *_: Any) -> Any:
        return getattr(torch.nn.functional, f"lp_pool{axes}d")(_first(t), p, pool_size, strides).movedim(1, -1)

    plain = padding == "valid" and dilation == 1 and not ceil_mode and 0 not in x
    return Case(
        "pooling", f"Lp {p:g} {'x'.join(map(str, x))} {'x'.join(map(str, taps))}/{strides or pool_size} {padding}",
        "lp_pool_forward", inputs, "lp_pool_backward", (0,), lambda args, y, dy: (args[0], y, dy, *args[1:]),
        bytes=4 * numbers, backward_bytes=4 * (numbers + x[0] * float(np.prod(out)) * x[-1]),
        reduction=int(np.prod(taps)), torch=torch_pool if plain else None,
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
            _pool(kind, (2, 7, 9, 17), 2, 2, "same", off),  # side by side, over the border
            _pool(kind, (2, 7, 10, 3), 3, 3, "same", off),
            _pool(kind, (1, 4, 2, 5), 3, 3, 1),
            _pool(kind, (2, 9, 20), 4, 4, ((3, 2),), off),
            _pool(kind, (2, 8, 11, 4), (2, 5), (2, 5), ((0, 0), (1, 4)), None, 1, True),
            _pool(kind, (2, 5, 7, 8, 9), (2, 3, 2), (2, 3, 2), "same", off),
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
    cases += [_pool("average", (2, 7, 11, 5), 3, 3, 1, divisor, 1, True) for divisor in ("valid", "padded")]
    cases += [_pool("average", (2, 5, 6, 7, 3), 3, 2, (1, (0, 1), 1), divisor) for divisor in ("valid", "padded")]
    for p in (2, 1, 3, 4, 2.5, 0.5):
        cases += [
            _lp(p, (2, 9, 8, 19), 3, 2),
            _lp(p, (2, 7, 9, 3), (2, 3), 1, "same_lower"),
            _lp(p, (2, 5, 6, 4, 5), 2, None, 1, 1, True),
            _lp(p, (3, 11, 6), 3, 2, 2, 2),
        ]
    cases += [_lp(2, (0, 4, 4, 3)), _lp(2, (2, 4, 4, 0)), _lp(2, (1, 8, 8, 70), 8), _lp(2, (2, 5, 3, 4, 9), (5, 3, 4))]
    cases += [
        _indices((2, 7, 9, 5), 2),
        _indices((2, 9, 8, 7), (2, 3), 1, "same_lower"),
        _indices((1, 20, 19, 3), 17, 2, 3),
        _indices((2, 11, 4), 3, 2, 1, 2),
        _indices((2, 5, 6, 4, 3), (2, 3, 2), (3, 1, 2), ((1, 0), 2, (0, 1))),
        _indices((0, 4, 4, 3), 2),
        _adaptive_indices((2, 7, 9, 5), (3, 4)),
        _adaptive_indices((2, 8, 6, 4), 2),
        _adaptive_indices((2, 5, 3, 4, 9), None),
        _adaptive_indices((1, 20, 21, 3), (6, 4)),
        _unpool((2, 3, 4, 5), 2),
        _unpool((5, 4, 3, 33), 3, 2, "same", (7, 6), wide=True),
        _unpool((3, 4, 70), 2, 3, 1, 10),
        _unpool((1, 2, 3, 2, 4), (2, 1, 3), 2, "valid", (5, 5, 5)),
        _unpool((0, 4, 4, 3), 2),
        _unpool((2, 0, 3), 2),
        _unpool((2, 4, 4, 0), 2, wide=True),
        _unpool((2, 3, 4, 5), 2, distinct=True),
        _unpool((2, 2, 3, 2, 40), 2, distinct=True),
    ]
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
    cases += [_lp(p, (64, 26, 26, 64)) for p in (2, 3, 2.5)]
    return [*cases, _lp(2, (64, 32, 32, 32), 3, 2), _unpool((32, 28, 28, 64), 2, distinct=True)]
