"""Cases of the losses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import Array, Case

Shape = tuple[int, ...]


def _cross_entropy(
    shape: Shape,
    labels: str = "int32",
    from_logits: bool = True,
    mean: bool = False,
    smoothing: float = 0.0,
    ignore: int | None = None,
    weighted: bool = False,
) -> Case:
    classes, rows = shape[-1], math.prod(shape[:-1])

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        x = (3 * rng.standard_normal(shape)).astype(dtype)
        if not from_logits:
            x = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
        if labels == "soft":
            t: Array = rng.random(shape).astype(dtype)
            t /= t.sum(-1, keepdims=True)
        else:
            t = rng.integers(0, classes, shape[:-1]).astype(labels)
        w = rng.random(shape[:-1]).astype(dtype) if weighted else None
        return x, t, w, from_logits, smoothing, ignore, mean, True

    text = [labels, "logits" if from_logits else "probabilities"] + ["mean"] * mean + ["weighted"] * weighted
    text += [f"smoothing {smoothing}"] * (smoothing > 0) + [f"ignore {ignore}"] * (ignore is not None)
    n = math.prod(shape)
    return Case(
        "loss", f"cross entropy {shape} {' '.join(text)}", "cross_entropy_forward", inputs, "cross_entropy_backward",
        (0,), lambda args, result, dy: (result[1], dy),
        bytes=8.0 * n, backward_bytes=8.0 * n, reduction=classes * (rows if mean else 1) + 64,
    )  # fmt: skip


def _points(loss: str, shape: Shape, reduction: str) -> Case:
    scale = 0.5 if reduction != "none" else 1.0

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        probabilities = loss in ("binary", "kl", "poisson")
        x = 0.1 + 0.8 * rng.random(shape) if probabilities else 2 * rng.standard_normal(shape)
        t = 0.1 + 0.8 * rng.random(shape) if probabilities or loss == "binary_logits" else rng.standard_normal(shape)
        return x.astype(dtype), t.astype(dtype), loss, reduction, scale, 0.75

    n = math.prod(shape)
    return Case(
        "loss", f"{loss} {shape} {reduction}", "point_loss_forward", inputs, "point_loss_backward", (0, 1),
        lambda args, y, dy: (args[0], args[1], dy, loss, reduction, scale, 0.75),
        bytes=8.0 * n, backward_bytes=12.0 * n, reduction=max(n, 64),
    )  # fmt: skip


_LOSSES = ("squared", "absolute", "huber", "log_cosh", "binary_logits", "binary", "kl", "poisson")


def test_cases() -> list[Case]:
    shapes: list[Shape] = [(5, 10), (1, 1), (7, 37), (2, 3, 16), (0, 4), (3, 1000), (700, 10)]
    cases = [_cross_entropy(s, mean=mean) for s in shapes for mean in (False, True)]
    for from_logits in (True, False):
        for mean in (False, True):
            cases.append(_cross_entropy((6, 19), "int64", from_logits, mean, smoothing=0.1, weighted=True))
            cases.append(_cross_entropy((6, 19), "soft", from_logits, mean, smoothing=0.1))
            cases.append(_cross_entropy((3, 5, 33), "soft", from_logits, mean, weighted=True))
            cases.append(_cross_entropy((40, 4), "int32", from_logits, mean, ignore=2))
    for loss in _LOSSES:
        cases += [_points(loss, (6, 19), r) for r in ("none", "rows", "all")]
    return cases + [_points("squared", s, r) for s in ((0, 3), (70, 1), (90, 401)) for r in ("rows", "all")]


def bench_cases() -> list[Case]:
    cases = [_cross_entropy(s, mean=True) for s in ((128, 10), (768, 65), (4096, 1000), (512, 32000))]
    cases += [_cross_entropy((4096, 1000), "soft", mean=True), _cross_entropy((4096, 1000), from_logits=False)]
    return cases + [_points(loss, (4096, 1024), "all") for loss in ("squared", "huber", "binary_logits", "binary")]
