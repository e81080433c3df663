"""Cases of the normalization family."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import Array, Case


def _parameters(rng: np.random.Generator, C: int, dtype: Any, affine: str) -> tuple[Array | None, Array | None]:
    gamma = (1 + 0.3 * rng.standard_normal(C)).astype(dtype) if "g" in affine else None
    beta = rng.standard_normal(C).astype(dtype) if "b" in affine else None
    return gamma, beta


def _batch_norm(*shape: int, training: bool = True, activation: str = "linear", affine: str = "gb") -> Case:
    C = shape[-1]

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        x = (rng.standard_normal(shape) * 2 + rng.standard_normal(C) * 3).astype(dtype)
        gamma, beta = _parameters(rng, C, dtype, affine)
        moving_mean, moving_variance = rng.standard_normal(C).astype(dtype), (1 + rng.random(C)).astype(dtype)
        return x, gamma, beta, moving_mean, moving_variance, training, 0.99, 1e-3, activation

    def saved(args: tuple[Any, ...], result: Any, dy: Array) -> tuple[Any, ...]:
        y, mean, rstd = result
        return args[0], args[1], mean, rstd, y, dy, training, activation

    n = float(math.prod(shape))
    name = "batch norm" if training else "batch norm inference"
    extra = "" if affine == "gb" else f" affine={affine}"
    relu = activation == "relu"
    return Case(
        "normalization", f"{name} {'x'.join(map(str, shape))}{' relu' if relu else ''}{extra}", "batch_norm_forward",
        inputs, "batch_norm_backward", (0, 1, 2), saved,
        bytes=(12.0 if training else 8.0) * n, backward_bytes=(28.0 if relu else 20.0) * n,
        reduction=math.prod(shape[:-1]),
    )  # fmt: skip


def _layer_norm(*shape: int, affine: str = "gb") -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        x = (rng.standard_normal(shape) * 2 + 1).astype(dtype)
        return x, *_parameters(rng, shape[-1], dtype, affine), 1e-3

    n = float(math.prod(shape))
    extra = "" if affine == "gb" else f" affine={affine}"
    return Case(
        "normalization",
        f"layer norm {'x'.join(map(str, shape))}{extra}",
        "layer_norm_forward",
        inputs,
        "layer_norm_backward",
        (0, 1, 2),
        lambda args, result, dy: (args[0], args[1], *result[1:], dy),
        torch=lambda torch, x, gamma, beta, epsilon: torch.nn.functional.layer_norm(
            x, x.shape[-1:], gamma, beta, epsilon
        ),
        bytes=8.0 * n,
        backward_bytes=12.0 * n,
        reduction=max(shape),
    )


def _rms_norm(*shape: int, affine: bool = True, size: float = 1.0) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        x = (size * (rng.standard_normal(shape) + 0.5)).astype(dtype)
        return x, _parameters(rng, shape[-1], dtype, "g" if affine else "")[0], 1e-6

    n = float(math.prod(shape))
    extra = ("" if affine else " without scale") + ("" if size == 1 else f" of {size:g}")
    return Case(
        "normalization", f"rms norm {'x'.join(map(str, shape))}{extra}", "rms_norm_forward", inputs,
        "rms_norm_backward", (0, 1), lambda args, result, dy: (args[0], args[1], result[1], dy),
        torch=lambda torch, x, scale, epsilon: torch.nn.functional.rms_norm(x, x.shape[-1:], scale, epsilon),
        bytes=8.0 * n, backward_bytes=12.0 * n, reduction=max(shape),
    )  # fmt: skip


def _group_norm(*shape: int, groups: int, affine: str = "gb") -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        x = (rng.standard_normal(shape) * 2 + rng.standard_normal(shape[-1])).astype(dtype)
        return x, *_parameters(rng, shape[-1], dtype, affine), groups, 1e-3

    def group_norm(torch: Any, x: Any, gamma: Any, beta: Any, groups: int, epsilon: float) -> Any:
        return torch.nn.functional.group_norm(x.movedim(-1, 1), groups, gamma, beta, epsilon).movedim(1, -1)

    n = float(math.prod(shape))
    extra = "" if affine == "gb" else f" affine={affine}"
    # PyTorch refuses groups of one element, and forgets gradients of empty ones and of a bias without a weight.
    comparable = math.prod(shape[1:]) > groups and affine != "b"
    return Case(
        "normalization", f"group norm {'x'.join(map(str, shape))} by {groups}{extra}", "group_norm_forward", inputs,
        "group_norm_backward", (0, 1, 2), lambda args, result, dy: (args[0], args[1], *result[1:], dy, groups),
        torch=group_norm if comparable else None,
        bytes=8.0 * n, backward_bytes=12.0 * n, reduction=math.prod(shape[1:]),
    )  # fmt: skip


def test_cases() -> list[Case]:
    shapes = [(1, 1), (7, 3), (2, 5), (64, 16), (33, 10), (100, 1), (3, 4, 5, 17), (40, 63), (20, 64), (9, 100)]
    shapes += [(0, 5), (4, 0), (3000, 24), (5000, 7), (200, 1100), (4, 9000), (70000, 1), (300, 1600)]
    cases = [_batch_norm(*s) for s in shapes]
    cases += [_batch_norm(50, 37, activation="relu"), _batch_norm(3000, 24, activation="relu")]
    cases += [_batch_norm(50, 6, affine=a) for a in ("", "g", "b")]
    for s in ((50, 37), (0, 5), (3000, 24), (2, 5), (33, 128)):
        cases += [_batch_norm(*s, training=False), _batch_norm(*s, training=False, activation="relu")]
    rows = [(1, 1), (5,), (7, 3), (2, 3, 16), (9, 37), (6, 128), (0, 5), (4, 0), (3, 2100), (700, 60), (2000, 33)]
    cases += [_layer_norm(*s) for s in rows]
    cases += [_layer_norm(9, 37, affine=a) for a in ("", "g", "b")]
    cases += [_rms_norm(*s) for s in rows] + [_rms_norm(9, 37, affine=False)]
    cases += [_rms_norm(9, 37, size=s) for s in (1e-30, 1e18, 1e30, 5e37)]
    groups = [(1, 1, 1), (2, 3, 1), (3, 4, 2), (2, 5, 6, 3), (2, 5, 6, 4), (3, 200, 24), (20, 7, 36), (1, 3000, 10)]
    groups += [(0, 3, 4), (2, 0, 4), (17, 40, 128), (2, 700, 96), (30, 64), (1, 40, 900)]
    cases += [_group_norm(*s, groups=g) for s in groups for g in {1, s[-1], 2 if s[-1] % 2 == 0 else 1}]
    return cases + [_group_norm(2, 9, 12, groups=3, affine=a) for a in ("", "g", "b")]


def bench_cases() -> list[Case]:
    shapes = [(64, 16), (128, 64), (1024, 32), (4096, 128), (65536, 16), (64, 28, 28, 32), (64, 32, 32, 16)]
    shapes += [(64, 56, 56, 64), (32, 7, 7, 2048)]
    cases = [_batch_norm(*s) for s in shapes] + [_batch_norm(64, 56, 56, 64, activation="relu")]
    cases += [_batch_norm(64, 56, 56, 64, training=False), _batch_norm(64, 32, 32, 16, training=False)]
    rows = ((12, 64, 128), (32, 128, 768), (128, 64), (16384, 1024))
    cases += [norm(*s) for norm in (_layer_norm, _rms_norm) for s in rows]
    groups = [(32, 28, 28, 64, 8), (8, 56, 56, 128, 32), (16, 32, 32, 32, 32), (64, 7, 7, 512, 32), (64, 16, 16, 16, 4)]
    return cases + [_group_norm(*s, groups=g) for *s, g in groups]
