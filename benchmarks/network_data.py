"""Sizes and batches of the networks that benchmarks/models.py compares; plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

BATCH = {"mlp": 128, "small mlp": 32, "cnn": 64, "resnet-20": 64, "lstm": 64, "gpt": 12, "siamese": 32}
NAMES = list(BATCH)
JAX_NAMES = ("mlp", "small mlp", "gpt")  # those of networks_jax.py
WIDTH, HEADS, DEPTH, CONTEXT, SYMBOLS = 128, 4, 4, 64, 65


def data(name: str, seed: int = 0) -> tuple[Any, ...]:
    """One batch: inputs, then targets; images are (N, H, W, C)."""
    rng = np.random.default_rng(seed)
    n = BATCH[name]

    def normal(*shape: int) -> Any:
        return rng.standard_normal((n, *shape), np.float32)

    def labels(classes: int, *shape: int) -> Any:
        return rng.integers(0, classes, (n, *shape))

    if name == "mlp":
        return normal(784), labels(10)
    if name == "small mlp":
        return normal(20), labels(2)
    if name == "cnn":
        return normal(28, 28, 1), labels(10)
    if name == "resnet-20":
        return normal(32, 32, 3), labels(10)
    if name == "lstm":
        return normal(28, 28), labels(10)
    if name == "gpt":
        return labels(SYMBOLS, CONTEXT), labels(SYMBOLS, CONTEXT)
    return normal(64, 64, 1), normal(64, 64, 1), labels(2).astype(np.float32)
