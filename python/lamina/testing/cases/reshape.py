"""Cases of the reshaping family."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import Array, Case

Shape = tuple[int, ...]


def _transpose(shape: Shape, axes: Shape) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return rng.standard_normal(shape).astype(dtype), list(axes)

    n = math.prod(shape)
    return Case(
        "reshape", f"transpose {shape} {axes}", "transpose_forward", inputs, "transpose_backward", (0,),
        lambda args, y, dy: (dy, list(axes)), bytes=8.0 * n, backward_bytes=8.0 * n,
    )  # fmt: skip


def _contiguous(shape: Shape, key: tuple[Any, ...]) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return (rng.standard_normal(shape).astype(dtype)[key],)

    return Case("reshape", f"part {shape} {key}", "contiguous", inputs, bytes=8.0 * math.prod(shape))


def _concatenate(shapes: list[Shape], axis: int) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return [rng.standard_normal(s).astype(dtype) for s in shapes], axis

    n = sum(math.prod(s) for s in shapes)
    return Case("reshape", f"concatenate {shapes} {axis}", "concatenate_forward", inputs, bytes=8.0 * n)


def _take(shape: Shape, count: Shape, axis: int, wide: bool = False) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        n = shape[axis]
        return (
            rng.standard_normal(shape).astype(dtype),
            rng.integers(-n, n, count).astype(np.int64 if wide else np.int32),
            axis,
        )

    def saved(args: tuple[Any, ...], y: Any, dy: Array) -> tuple[Any, ...]:
        return args[1], dy, axis

    n = math.prod(shape) // shape[axis] * math.prod(count)
    return Case(
        "reshape", f"take {shape} {count} {axis}{' int64' if wide else ''}", "take_forward", inputs, "take_backward",
        (0,), saved, bytes=8.0 * n, backward_bytes=8.0 * n + 4.0 * math.prod(shape), reduction=math.prod(count),
    )  # fmt: skip


def _border(shape: Shape, before: Shape, after: Shape, mode: str) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return rng.standard_normal(shape).astype(dtype), list(before), list(after), mode

    def saved(args: tuple[Any, ...], y: Any, dy: Array) -> tuple[Any, ...]:
        return dy, *args[1:]

    def torch_pad(torch: Any, x: Any, before: Any, after: Any, mode: str) -> Any:
        """Channels in front, as PyTorch's borders need them; symmetric ones it lacks."""
        first, widths = (
            x.movedim(-1, 1),
            [n for sides in zip(before[-2:0:-1], after[-2:0:-1], strict=True) for n in sides],
        )
        y = torch.nn.functional.pad(first, widths, {"edge": "replicate", "wrap": "circular"}.get(mode, mode))
        return y.movedim(1, -1).contiguous()

    whole = math.prod(a + n + b for n, a, b in zip(shape, before, after, strict=True))
    numbers = math.prod(shape) + whole
    known = mode != "symmetric" and len(shape) == 4 and before[0] == before[-1] == 0 == after[0] == after[-1]
    return Case(
        "reshape", f"border {shape} {before} {after} {mode}", "border_forward", inputs, "border_backward", (0,), saved,
        bytes=4.0 * numbers, backward_bytes=4.0 * numbers, reduction=max(whole // max(math.prod(shape), 1), 1),
        torch=torch_pad if known and math.prod(shape) > 100_000 else None,
    )  # fmt: skip


def _one_hot(count: Shape, classes: int) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return rng.integers(-1, classes + 1, count), classes, dtype

    return Case("reshape", f"one hot {count} {classes}", "one_hot_forward", inputs)


def test_cases() -> list[Case]:
    cases = [_transpose((5, 7), (1, 0)), _transpose((33, 65), (1, 0)), _transpose((200, 130), (1, 0))]
    cases += [_transpose((3, 4, 5), a) for a in ((0, 2, 1), (1, 0, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1), (0, 1, 2))]
    cases += [_transpose((2, 9, 8, 3), (0, 3, 1, 2)), _transpose((2, 3, 9, 8), (0, 2, 3, 1))]
    cases += [_transpose((0, 3), (1, 0)), _transpose((), ()), _transpose((1, 70), (1, 0))]
    cases += [_transpose((2, 3, 2, 3, 2, 3, 2, 3), (7, 1, 6, 0, 5, 2, 4, 3))]
    cases += [_transpose((17, 3, 40, 33), (2, 1, 0, 3)), _transpose((300, 2, 257), (2, 0, 1))]
    keys: list[tuple[Any, ...]] = [(slice(1, 7, 2), slice(None, None, -1)), (slice(None), slice(2, 3)), (..., 4)]
    cases += [_contiguous((9, 20), k) for k in keys] + [_contiguous((7, 8, 9), (slice(None, None, -2), 3))]
    cases += [_concatenate([(2, 3, 4), (2, 1, 4), (2, 0, 4)], 1), _concatenate([(3, 40), (3, 300)], -1)]
    cases += [_concatenate([(5,), (6,)], 0), _take((7, 5), (11,), 0), _take((3, 9, 4), (2, 6), 1, wide=True)]
    cases += [_take((40, 3), (0,), 0), _take((2, 6), (9,), -1), _take((500, 70), (400,), 0)]
    for mode in ("reflect", "symmetric", "edge", "wrap"):
        cases += [
            _border((2, 5, 6, 3), (0, 1, 2, 0), (0, 2, 0, 0), mode),
            _border((2, 4, 3, 5, 20), (0, 3, 1, 2, 0), (0, 0, 2, 4, 0), mode),
            _border((3, 4), (7, 9), (5, 11), mode),  # around the axes several times
            _border((1, 40), (0, 3), (2, 30), mode),
            _border((3, 2, 70), (1, 0, 2), (1, 0, 0), mode),
            _border((2, 0, 3), (1, 0, 0), (0, 0, 1), mode),
            _border((4, 5), (0, 0), (0, 0), mode),
            _border((), (), (), mode),
            _border((40, 9, 40, 4), (0, 1, 1, 0), (0, 1, 1, 0), mode),
        ]
    return cases + [_one_hot((5,), 7), _one_hot((2, 3), 300), _one_hot((0,), 3)]


def bench_cases() -> list[Case]:
    cases = [_transpose((2048, 2048), (1, 0)), _transpose((64, 32, 32, 64), (0, 3, 1, 2))]
    cases += [_transpose((64, 64, 32, 32), (0, 2, 3, 1)), _transpose((32, 128, 8, 32), (0, 2, 1, 3))]
    cases += [_transpose((64, 224, 224, 3), (0, 3, 1, 2)), _concatenate([(64, 32, 32, 64), (64, 32, 32, 64)], -1)]
    cases += [_border((16, 56, 56, 64), (0, 1, 1, 0), (0, 1, 1, 0), mode) for mode in ("reflect", "edge", "wrap")]
    return cases + [_take((10000, 128), (4096,), 0), _contiguous((64, 34, 34, 64), (slice(None), slice(1, -1)))]
