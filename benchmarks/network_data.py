"""Sizes and batches of the networks that the benchmarks compare; plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

BATCH = {
    "mlp": 128,
    "small mlp": 32,
    "cnn": 64,
    "resnet-20": 64,
    "lstm": 64,
    "gru": 32,
    "gpt": 12,
    "u-net": 8,
    "siamese": 32,
}
NAMES = list(BATCH)
TITLES = {
    "mlp": "MLP 784-512-512-10, dropout",
    "small mlp": "MLP 20-64-64-2",
    "cnn": "CNN on 28x28 images",
    "resnet-20": "ResNet-20 on 32x32x3",
    "lstm": "LSTM 128 on 28 rows of 28",
    "gru": "embedding 10000x128, GRU 256, 64 words",
    "gpt": "GPT, 4 layers of width 128, context 64",
    "u-net": "U-Net 16-32-64 on 64x64x3",
    "siamese": "Siamese pair of CNNs, 5x5, on 64x64",
}
WIDTH, HEADS, DEPTH, CONTEXT, SYMBOLS = 128, 4, 4, 64, 65  # of the GPT
WORDS, WORDS_WIDTH, WORDS_LENGTH, WORDS_UNITS = 10000, 128, 64, 256  # of the GRU
FILTERS = (16, 32, 64)  # of the U-Net


def inputs_of(batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """A batch without its targets, which stand last."""
    return batch[:-1]


def data(name: str, seed: int = 0, times: int = 1) -> tuple[Any, ...]:
    """One batch, or an array of so many: inputs, then targets; images are (N, H, W, C)."""
    rng = np.random.default_rng(seed)
    n = BATCH[name] * times

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
    if name == "gru":
        return labels(WORDS, WORDS_LENGTH), labels(2)
    if name == "gpt":
        return labels(SYMBOLS, CONTEXT), labels(SYMBOLS, CONTEXT)
    if name == "u-net":
        return normal(64, 64, 3), labels(2, 64, 64, 1).astype(np.float32)
    return normal(64, 64, 1), normal(64, 64, 1), labels(2).astype(np.float32)
