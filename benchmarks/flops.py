"""What the networks of the benchmarks must compute: multiply-adds of the direct sums, an example and pass."""

from __future__ import annotations

from network_data import (
    BATCH,
    CONTEXT,
    DEPTH,
    FILTERS,
    SYMBOLS,
    WIDTH,
    WORDS_LENGTH,
    WORDS_UNITS,
    WORDS_WIDTH,
)


def convolution(side: int, size: int, channels: int, filters: int) -> int:
    """`side`: height and width of the result."""
    return side**2 * size**2 * channels * filters


def recurrence(steps: int, features: int, units: int, gates: int) -> int:
    return steps * (features + units) * gates * units


def attention(steps: int, width: int, causal: bool) -> int:
    """Scores and their sums of values; a causal mask leaves half of them."""
    return 2 * steps * steps * width // (2 if causal else 1)


def _resnet20() -> tuple[int, int]:
    first = convolution(32, 3, 3, 16)
    stages = 6 * convolution(32, 3, 16, 16)
    for side, filters in ((16, 32), (8, 64)):
        down = convolution(side, 3, filters // 2, filters) + convolution(side, 1, filters // 2, filters)
        stages += down + 5 * convolution(side, 3, filters, filters)
    return first + stages + 64 * 10, first


def _unet() -> tuple[int, int]:
    a, b, c = FILTERS
    first = convolution(64, 3, 3, a)
    down = convolution(64, 3, a, a) + convolution(32, 3, a, b) + convolution(32, 3, b, b)
    deepest = convolution(16, 3, b, c) + convolution(16, 3, c, c)
    up = convolution(16, 2, c, b) + convolution(32, 3, 2 * b, b) + convolution(32, 3, b, b)
    last = convolution(32, 2, b, a) + convolution(64, 3, 2 * a, a) + convolution(64, 3, a, a) + convolution(64, 1, a, 1)
    return first + down + deepest + up + last, first


def macs(name: str) -> tuple[int, int]:
    """Of a forward pass of one example, and of these the ones of the first layer, whose input needs no gradient."""
    if name == "mlp":
        return 784 * 512 + 512 * 512 + 512 * 10, 784 * 512
    if name == "small mlp":
        return 20 * 64 + 64 * 64 + 64 * 2, 20 * 64
    if name == "cnn":
        first = convolution(26, 3, 1, 32)
        return first + convolution(24, 3, 32, 64) + 12 * 12 * 64 * 128 + 128 * 10, first
    if name == "resnet-20":
        return _resnet20()
    if name == "lstm":
        return recurrence(28, 28, 128, 4) + 128 * 10, 28 * 28 * 4 * 128
    if name == "gru":
        return recurrence(WORDS_LENGTH, WORDS_WIDTH, WORDS_UNITS, 3) + WORDS_UNITS * 2, 0
    if name == "gpt":
        layer = CONTEXT * 12 * WIDTH * WIDTH + attention(CONTEXT, WIDTH, causal=True)
        return DEPTH * layer + CONTEXT * WIDTH * SYMBOLS, 0
    if name == "u-net":
        return _unet()
    first = convolution(60, 5, 1, 32)
    return 2 * (first + convolution(26, 5, 32, 64) + 13 * 13 * 64 * 128), 2 * first


def flops(name: str, which: str) -> int:
    """Of one step: forward, and in training the gradients of weights and of all inputs but the first."""
    forward, first = macs(name)
    return 2 * BATCH[name] * (forward if which == "inference" else 3 * forward - first)
