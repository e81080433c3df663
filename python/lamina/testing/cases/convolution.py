"""Cases of the convolution family."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case


def _conv(
    x: tuple[int, int, int, int],
    filters: int,
    kernel: Any = 3,
    strides: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
    groups: int = 1,
    activation: str = "linear",
    bias: bool = True,
    depthwise: bool = False,
) -> Case:
    """``filters`` counts the outputs of each channel where ``depthwise``."""
    from ...reference._window import pair, window

    kh, kw = pair(kernel)
    n, h, wide, c = x
    shape = (kh, kw, c, filters) if depthwise else (kh, kw, c // groups, filters)
    outputs = c * filters if depthwise else filters
    depth = kh * kw * (1 if depthwise else c // groups)
    options = (
        (strides, padding, dilation, activation) if depthwise else (strides, padding, dilation, groups, activation)
    )

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        image = rng.standard_normal(x).astype(dtype)
        w = (rng.standard_normal(shape) / max(depth, 1) ** 0.5).astype(dtype)
        b = rng.standard_normal(outputs).astype(dtype) if bias else None
        return image, w, b, *options

    def saved(args: tuple[Any, ...], y: Any, dy: Array) -> tuple[Any, ...]:
        return args[0], args[1], y, dy, *options

    oh, ow = window(np.empty(x[:3] + (0,)), (kh, kw), strides, padding, dilation).out
    flops = 2.0 * n * oh * ow * outputs * depth
    words = n * h * wide * c + n * oh * ow * outputs + depth * outputs
    name = f"{n}x{h}x{wide}x{c} {kh}x{kw} {'m=' if depthwise else ''}{filters}"
    labels = [("/", strides, 1), (" ", padding, "valid"), (" dilation ", dilation, 1), (" groups ", groups, 1)]
    for label, value, default in [*labels, (" ", activation, "linear"), (" bias ", bias, True)]:
        name += "" if value == default else f"{label}{value}"
    op = "depthwise_conv2d" if depthwise else "conv2d"
    return Case(
        "convolution",
        f"{op} {name}",
        f"{op}_forward",
        inputs,
        f"{op}_backward",
        (0, 1, 2),
        saved,
        flops=flops,
        bytes=4.0 * words,
        backward_flops=2 * flops,
        backward_bytes=8.0 * words,
        reduction=max(depth, kh * kw * outputs // max(groups, 1), n * oh * ow, 1),
    )


def test_cases() -> list[Case]:
    cases = [
        _conv((2, 7, 9, 5), 6),
        _conv((1, 1, 1, 1), 1, 1),
        _conv((2, 8, 8, 3), 33, 3, 1, "same"),
        _conv((2, 9, 8, 16), 16, 3, 2, "same"),
        _conv((1, 11, 13, 17), 40, (3, 5), (2, 3), "same", bias=False),
        _conv((2, 12, 10, 4), 24, 3, 1, ((2, 0), (1, 3)), 2),
        _conv((2, 10, 12, 6), 20, (2, 3), (3, 2), ((1, 4), (0, 2)), (2, 3)),
        _conv((1, 6, 6, 2), 5, 3, 2, ((4, 4), (5, 3)), 2),  # padding wider than the kernel
        _conv((3, 5, 5, 70), 130, 3, 1, "same"),
        _conv((2, 5, 4, 12), 18, 3, 1, "same", 1, 3),
        _conv((2, 7, 7, 64), 64, 3, 2, "same", 2, 2),
        _conv((3, 5, 7, 20), 31, 1),
        _conv((3, 6, 7, 20), 31, 1, 2),
        _conv((2, 6, 7, 9), 4, 1, 3, ((1, 0), (0, 2)), activation="relu"),
        _conv((2, 4, 5, 3), 7, (4, 5)),
        _conv((0, 8, 8, 3), 4),
        _conv((2, 30, 40, 1), 8, 5, 1, "same"),
        _conv((2, 40, 40, 8), 16, 3, 2, "valid"),
        _conv((8, 17, 17, 3), 3, 7, 4, "same"),
        _conv((2, 67, 66, 3), 20, 3, activation="relu"),  # so many pixels that dz is made and db summed in passing
        _conv((40, 16, 16, 4), 16, 3, 1, "same", activation="tanh"),  # blocks of several images
        _conv((1, 4, 5, 200), 330, 3, 1, "same"),  # more weight than image
    ]
    cases += [_conv((2, 6, 6, 4), 18, 3, 1, "same", activation=a) for a in ("relu", "tanh", "sigmoid")]
    # Tiles of 4 x 4 or 2 x 2 results: whole and cut ones, several blocks and chunks, channels of no whole registers.
    cases += [
        _conv((2, 13, 18, 20), 33, 3, 1, "same", activation="relu"),
        _conv((1, 14, 10, 64), 32, 3, activation="tanh"),
        _conv((3, 21, 9, 16), 17, 3, 1, ((3, 0), (1, 4)), bias=False),
        _conv((20, 16, 15, 24), 16, 3, 1, "same"),
        _conv((12, 14, 13, 90), 107, 3, 1, "same"),  # planes larger than a cache, several chunks
        _conv((2, 24, 24, 70), 130, 3, 1, "same"),
        _conv((2, 9, 14, 16), 33, 5, 1, "same", activation="relu"),
        _conv((20, 10, 11, 40), 16, 5),
    ]
    cases += [
        _conv((2, 7, 9, 5), 1, depthwise=True),
        _conv((2, 8, 8, 33), 1, 3, 1, "same", activation="relu", depthwise=True),
        _conv((2, 9, 8, 16), 1, 3, 2, "same", depthwise=True),
        _conv((2, 9, 8, 6), 3, 3, 2, "same", activation="tanh", depthwise=True),
        _conv((1, 11, 13, 20), 2, (3, 5), (2, 3), "same", bias=False, depthwise=True),
        _conv((2, 10, 12, 6), 1, (2, 3), (3, 2), ((1, 4), (0, 2)), (2, 3), depthwise=True),
        _conv((2, 20, 24, 40), 1, (3, 9), 1, "same", depthwise=True),
        _conv((1, 6, 6, 2), 1, 3, 2, ((4, 4), (5, 3)), 2, depthwise=True),
        _conv((1, 5, 5, 1), 4, 3, 1, "same", depthwise=True),
        _conv((0, 5, 5, 3), 1, 3, 1, "same", depthwise=True),
    ]
    return cases


def bench_cases() -> list[Case]:
    cases = [
        _conv((16, 56, 56, 64), 64, 3, 1, "same"),
        _conv((64, 32, 32, 3), 32, 3, 1, "same"),
        _conv((64, 32, 32, 16), 16, 3, 1, "same"),
        _conv((64, 32, 32, 16), 32, 3, 2, "same"),
        _conv((64, 16, 16, 32), 32, 3, 1, "same"),
        _conv((64, 8, 8, 64), 64, 3, 1, "same"),
        _conv((64, 28, 28, 1), 32, 3, activation="relu"),
        _conv((64, 26, 26, 32), 64, 3, activation="relu"),
        _conv((64, 64, 64, 1), 32, 5, activation="relu"),
        _conv((64, 30, 30, 32), 64, 5, activation="relu"),
        _conv((16, 28, 28, 128), 128, 3, 1, "same"),
        _conv((8, 14, 14, 256), 256, 3, 1, "same"),
        _conv((8, 7, 7, 512), 512, 3, 1, "same"),
        _conv((1, 56, 56, 64), 64, 3, 1, "same"),
        _conv((1, 7, 7, 512), 512, 3, 1, "same"),
        _conv((16, 56, 56, 64), 128, 3, 2, "same"),
        _conv((16, 28, 28, 128), 256, 1),
        _conv((16, 28, 28, 64), 64, 3, 1, "same", groups=4),
    ]
    cases += [
        _conv((16, 56, 56, 64), 1, 3, 1, "same", depthwise=True),
        _conv((16, 14, 14, 512), 1, 3, 1, "same", depthwise=True),
        _conv((16, 56, 56, 128), 1, 3, 2, "same", depthwise=True),
    ]
    return cases
