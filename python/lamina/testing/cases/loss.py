"""Cases of the loss family."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Case


def _cross_entropy(
    shape: tuple[int, ...], from_logits: bool, sparse: bool, smoothing: float = 0.0, mean: bool = False
) -> Case:
    C = shape[-1]

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        x = rng.standard_normal(shape) if from_logits else rng.uniform(0.1, 1, shape)
        target = rng.integers(0, C, shape[:-1]) if sparse else rng.dirichlet(np.ones(C), shape[:-1]).astype(dtype)
        return x.astype(dtype), target, from_logits, smoothing, mean, True

    n = float(np.prod(shape))
    kind = f"{'softmax' if from_logits else 'probability'} {'labels' if sparse else 'soft'}"
    return Case(
        "loss",
        f"cross-entropy {shape} {kind} smoothing {smoothing}{' mean' if mean else ''}",
        "cross_entropy_forward",
        inputs,
        "cross_entropy_backward",
        (0,),
        lambda args, result, dy: (result[1], dy),
        bytes=8 * n,
        backward_bytes=8 * n,
        reduction=int(C),
    )


def _pair(shape: tuple[int, ...], kind: str, reduction: str) -> Case:
    parameter = {"huber": 0.7, "binary_probability": 1e-7}.get(kind, 0.0)

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        probability = kind == "binary_probability"
        x = rng.uniform(0.05, 0.95, shape) if probability else rng.standard_normal(shape)
        t = rng.uniform(0, 1, shape) if kind.startswith("binary") else rng.standard_normal(shape)
        return x.astype(dtype), t.astype(dtype), kind, parameter, reduction

    n = float(np.prod(shape))
    return Case(
        "loss",
        f"{kind} {shape} {reduction}",
        "pair_loss_forward",
        inputs,
        "pair_loss_backward",
        (0,),
        lambda args, y, dy: (args[0], args[1], dy, kind, parameter, reduction),
        bytes=8 * n + (4 * n if reduction == "none" else 0),
        backward_bytes=12 * n,
        reduction=max(1, int(n)),
    )


def test_cases() -> list[Case]:
    shapes = [(1, 1), (3, 2), (5, 10), (2, 3, 17), (33, 100), (0, 4), (6,)]
    cases = [_cross_entropy(s, logits, sparse) for s in shapes for logits in (True, False) for sparse in (True, False)]
    cases += [_cross_entropy((7, 9), logits, sparse, 0.1) for logits in (True, False) for sparse in (True, False)]
    cases += [_cross_entropy((40, 10), True, sparse, 0.0, mean=True) for sparse in (True, False)]
    kinds = ("squared", "absolute", "huber", "binary_logit", "binary_probability")
    return cases + [_pair(s, k, r) for k in kinds for s in ((5, 7), (3, 41)) for r in ("none", "rows", "mean")]


def bench_cases() -> list[Case]:
    cases = [_cross_entropy((128, 10), True, True, mean=True), _cross_entropy((768, 65), True, True, mean=True)]
    cases += [_cross_entropy((64, 1000), True, True)]
    return cases + [_pair((256, 1024), k, "mean") for k in ("squared", "huber", "binary_logit")]
