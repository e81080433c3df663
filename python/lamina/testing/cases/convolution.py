"""Cases of the convolution family."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case


def _torch_conv(axes: int, sides: Any, options: dict[str, Any], activation: str) -> Any:
    """A convolution of tensors that are turned already, channels first, in PyTorch."""

    def torch_conv(torch: Any, x: Any, w: Any, b: Any, *_: Any) -> Any:
        f = torch.nn.functional
        if options.get("transposed"):
            rest = {k: v for k, v in options.items() if k != "transposed"}
            y = getattr(f, f"conv_transpose{axes}d")(x, w, b, **rest)
        else:
            even = all(a == b for a, b in sides)
            x = x if even else f.pad(x, [n for side in reversed(sides) for n in side])
            y = getattr(f, f"conv{axes}d")(x, w, b, padding=[a for a, _ in sides] if even else 0, **options)
        y = y if activation == "linear" else getattr(torch, activation)(y)
        return y.movedim(1, -1)

    return torch_conv


def _conv(
    x: tuple[int, ...],
    filters: int,
    kernel: Any = 3,
    strides: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
    groups: int = 1,
    activation: str = "linear",
    bias: bool = True,
    depthwise: bool = False,
    transposed: bool = False,
    output_padding: Any = None,
) -> Case:
    """``filters`` counts the outputs of each channel where ``depthwise``."""
    from ...reference._window import sizes, transposed_window, window

    taps, n, c = sizes(kernel, len(x) - 2), x[0], x[-1]
    empty = np.empty((*x[:-1], 0))
    outputs = c * filters if depthwise else filters
    if transposed:
        shape: tuple[int, ...] = (*taps, filters // groups, c)
        v, out = transposed_window(empty, taps, strides, padding, output_padding, dilation)
        more = [max(0, -after) if before == 0 else before - after for before, after in v.pads]
        exact = all(
            m >= 0 and m < max(s, 1) and (before == after + m)
            for m, (before, after), s in zip(more, v.pads, v.strides, strict=True)
        )
        theirs: dict[str, Any] = {
            "transposed": True, "stride": v.strides, "padding": [a for a, _ in v.pads], "output_padding": more,
            "groups": groups, "dilation": v.dilation,
        }  # fmt: skip
        options: tuple[Any, ...] = (strides, padding, output_padding, dilation, groups, activation)
        sums = float(n * np.prod(v.out))
    else:
        shape = (*taps, c, filters) if depthwise else (*taps, c // groups, filters)
        v = window(empty, taps, strides, padding, dilation)
        out, exact = v.out, True
        theirs = {"stride": v.strides, "dilation": v.dilation, "groups": c if depthwise else groups}
        options = (
            (strides, padding, dilation, activation) if depthwise else (strides, padding, dilation, groups, activation)
        )
        sums = float(n * np.prod(out))
    depth = int(np.prod(taps)) * (1 if depthwise else c // groups)

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        image = rng.standard_normal(x).astype(dtype)
        w = (rng.standard_normal(shape) / max(depth, 1) ** 0.5).astype(dtype)
        b = rng.standard_normal(outputs).astype(dtype) if bias else None
        return image, w, b, *options

    def saved(args: tuple[Any, ...], y: Any, dy: Array) -> tuple[Any, ...]:
        return args[0], args[1], y, dy, *options

    def layout(args: Any) -> tuple[Any, ...]:
        image, kernel, *rest = args
        if depthwise:
            kernel = kernel.reshape(*taps, 1, outputs)
        kernel = kernel.movedim((-1, -2), (0, 1)).contiguous()
        return image.movedim(-1, 1), kernel, *rest

    flops = 2.0 * sums * outputs * depth
    words = float(np.prod(x) + n * np.prod(out) * outputs + depth * outputs)
    name = f"{'x'.join(map(str, x))} {'x'.join(map(str, taps))} {'m=' if depthwise else ''}{filters}"
    labels = [("/", strides, 1), (" ", padding, "valid"), (" dilation ", dilation, 1), (" groups ", groups, 1)]
    labels += [(" ", activation, "linear"), (" bias ", bias, True), (" more ", output_padding, None)]
    for label, value, default in labels:
        name += "" if value == default else f"{label}{value}"
    op = "depthwise_conv" if depthwise else "conv_transpose" if transposed else "conv"
    return Case(
        "convolution", f"{op} {name}", f"{op}_forward", inputs, f"{op}_backward", (0, 1, 2), saved,
        flops=flops, bytes=4.0 * words, backward_flops=2 * flops, backward_bytes=8.0 * words,
        reduction=max(depth, int(np.prod(taps)) * outputs // max(groups, 1), int(n * np.prod(out)), int(sums), 1),
        torch=_torch_conv(len(x) - 2, v.pads, theirs, activation) if exact and n * c * outputs else None,
        torch_layout=layout,
    )  # fmt: skip


def _volumes() -> list[Case]:
    """Sequences and volumes, what folds to other ranks, sums of nothing."""
    return [
        _conv((2, 30, 5), 6, 3, 2, "same", 1),
        _conv((2, 30, 6), 18, 5, 2, ((3, 1),), 3, 2, "relu"),
        _conv((3, 40, 24), 40, 4, 1, "causal", 2),
        _conv((2, 5, 6, 7, 3), 20),
        _conv((2, 5, 7, 6, 16), 33, 3, 1, "same", activation="relu"),
        _conv((2, 7, 9, 8, 6), 20, (2, 3, 2), (3, 2, 1), (1, (0, 2), (2, 1)), (1, 2, 3), bias=False),
        _conv((1, 8, 6, 5, 12), 18, 3, (1, 2, 2), "same", (2, 1, 1), 3),
        _conv((2, 4, 5, 6, 70), 40, (3, 1, 1), 1, "same"),
        _conv((2, 4, 13, 12, 32), 33, (1, 3, 3), 1, "same", activation="tanh"),  # planes are images
        _conv((2, 3, 5, 4, 20), 31, 1),
        _conv((2, 3, 5, 4, 20), 31, 1, 2),
        _conv((2, 1, 5, 4, 2), 5, 3, 2, 2, 2),  # padding wider than the kernel
        _conv((1, 3, 4, 5, 200), 200, 3, 1, "same"),  # more weight than image
        _conv((9, 16, 12, 12, 4), 16, 3, 1, "same", activation="relu"),  # many chunks; planes of a block
        _conv((40, 3, 8, 8, 4), 8, 3),  # one plane of results: images of a block
        _conv((1, 5, 40, 40, 8), 8, 3, (2, 1, 1), "same"),
        _conv((2, 6, 6, 0), 4, activation="sigmoid"),
        _conv((2, 6, 6, 4), 0),
        _conv((0, 3, 3, 3, 2), 4, 1),
        _conv((2, 9, 6), 2, 3, 1, "causal", 2, depthwise=True, activation="tanh"),
        _conv((2, 5, 6, 7, 20), 1, 3, 1, "same", depthwise=True),
        _conv((2, 7, 6, 5, 6), 3, (2, 3, 3), (2, 1, 2), (1, (2, 0), 1), (1, 2, 1), depthwise=True, activation="relu"),
        _conv((4, 4, 4, 0), 1, 2, depthwise=True),
        _conv((2, 4, 4, 3), 0, 2, depthwise=True),
    ]


def _transposed() -> list[Case]:
    cases: list[tuple[Any, ...]] = [
        ((2, 5, 6, 7), 9, 3, 1),
        ((2, 5, 6, 16), 33, 3, 2, "same"),
        ((2, 4, 5, 6), 12, (3, 2), (2, 3), ((1, 0), (2, 1)), (2, 1), 3, "tanh"),
        ((2, 6, 5, 20), 8, 2, 2, "valid", 1, 1, "relu"),
        ((2, 9, 8), 5, 4, 3, "same"),
        ((2, 3, 4, 5, 6), 10, (2, 3, 2), (2, 1, 3), (0, 1, (1, 0)), (1, 2, 1), 2, "relu"),
        ((1, 4, 5, 3, 24), 16, 3, 2, "same"),
        ((2, 12, 13, 32), 33, 3, 1, "same", 1, 1, "sigmoid"),  # tiles
        ((3, 5, 7, 20), 31, 1, 1, "valid", 1, 1, "relu"),
        ((2, 5, 7, 6), 6, 3, 2, "same", 1, 6, "tanh"),  # each channel by itself
        ((2, 5, 7, 12), 4, 3, 1, "same", 1, 4, "relu"),
        ((2, 3, 4, 2), 3, 1, 3),  # pixels that no tap meets
        ((0, 4, 4, 3), 5, 3, 2),
        ((2, 3, 3, 0), 4, 3, 2, "same", 1, 1, "tanh"),
        ((40, 16, 16, 4), 8, 4, 2, "same", 1, 1, "relu"),
        ((2, 5, 6, 4), 5, (4, 3), 1, "same_lower"),
        ((2, 4, 3, 5), 6, (3, 2), (2, 5), "same_lower", 1, 1, "relu"),
    ]  # fmt: skip
    transposed: dict[str, Any] = {"transposed": True}
    return [_conv(*case, **transposed) for case in cases] + [
        _conv((2, 5, 4, 6), 7, 3, (3, 2), "same", transposed=True, output_padding=(2, 1)),
        _conv((2, 5, 4, 6), 7, 3, 2, "valid", transposed=True, output_padding=1, bias=False),
        _conv((2, 5, 4, 6), 7, 3, 2, 1, transposed=True, output_padding=1),
        _conv((2, 5, 4, 6), 7, (4, 3), 2, "same_lower", transposed=True, output_padding=1),
    ]


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
        _conv((2, 9, 8, 5), 6, (4, 2), 1, "same_lower"),
        _conv((2, 9, 12, 16), 17, 4, (2, 3), "same_lower", activation="relu"),
        _conv((2, 9, 8, 16), 1, (4, 3), 2, "same_lower", depthwise=True),
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
    # One channel more than whole registers, by itself: in blocks of the kernel, of groups, alone.
    cases += [
        _conv((2, 13, 12, 17), 17, 7, 1, "same", activation="relu"),
        _conv((1, 6, 7, 700), 17, 7, 1, "same", activation="relu"),
        _conv((2, 9, 11, 34), 34, 3, 1, "same", 2, 2, activation="sigmoid"),
        _conv((2, 9, 12, 33), 1, 3, 2, "same", activation="tanh"),
        _conv((2, 5, 3, 49), 33, 3, 2, "same", transposed=True, activation="relu"),
        _conv((2, 20, 21, 65), 33, 3, 1, "same"),
    ]
    # Few channels: several groups or pixels a register, whole and cut ones.
    cases += [
        _conv((2, 7, 9, 12), 12, 3, 1, "same", groups=3),
        _conv((2, 9, 8, 24), 16, 3, 1, "same", groups=8, activation="relu"),
        _conv((1, 11, 13, 20), 40, (3, 5), (2, 3), "same", groups=5),
        _conv((2, 10, 12, 64), 64, 3, 2, "same", 2, groups=16, activation="tanh"),
        _conv((2, 6, 5, 14), 28, 1, groups=7, bias=False),
        _conv((1, 4, 5, 6, 8), 8, (2, 3, 3), (1, 2, 1), "same", groups=2),
        _conv((2, 9, 37, 4), 4, 3, 1, "same", activation="relu"),
        _conv((2, 8, 30, 3), 8, 3, 1, "same"),
        _conv((2, 7, 18, 8), 8, 5),
        _conv((2, 10, 35, 2), 1, 3, 1, "same_lower"),
        _conv((1, 9, 40, 5), 3, (5, 3), (2, 1), ((1, 3), (0, 4)), (1, 2), activation="sigmoid"),
        _conv((40, 5, 20, 2), 2, 3, 1, "same"),  # many chunks
        _conv((2, 3, 6, 20, 4), 6, 3, 1, "same", bias=False),
        _conv((2, 70, 4), 4, 4, 1, "causal", 2),
        _conv((2, 9, 21, 4), 4, 3, 1, "same", transposed=True, activation="relu"),
        _conv((2, 5, 7, 16), 16, 3, 2, "same", groups=4, transposed=True),
    ]
    cases += [
        _conv((2, 7, 9, 5), 1, depthwise=True),
        _conv((2, 8, 8, 33), 1, 3, 1, "same", activation="relu", depthwise=True),
        _conv((2, 9, 8, 16), 1, 3, 2, "same", depthwise=True),
        _conv((2, 9, 8, 6), 3, 3, 2, "same", activation="tanh", depthwise=True),
        _conv((1, 11, 13, 20), 2, (3, 5), (2, 3), "same", bias=False, depthwise=True),
        _conv((2, 10, 12, 6), 1, (2, 3), (3, 2), ((1, 4), (0, 2)), (2, 3), depthwise=True),
        _conv((2, 20, 24, 40), 1, (3, 9), 1, "same", depthwise=True),
        _conv((2, 9, 11, 37), 1, 5, 1, "same", depthwise=True, activation="relu"),
        _conv((1, 6, 4, 18), 1, 5, 1, ((4, 1), (3, 0)), bias=False, depthwise=True),
        _conv((2, 3, 2, 20), 1, 3, 1, "same", depthwise=True),
        _conv((1, 7, 13, 16), 2, 3, depthwise=True),
        _conv((1, 6, 6, 2), 1, 3, 2, ((4, 4), (5, 3)), 2, depthwise=True),
        _conv((1, 5, 5, 1), 4, 3, 1, "same", depthwise=True),
        _conv((0, 5, 5, 3), 1, 3, 1, "same", depthwise=True),
    ]
    return cases + _volumes() + _transposed()


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
        _conv((8, 32, 32, 128), 128, 3, 1, "same", groups=32),
        _conv((64, 32, 32, 4), 4, 3, 1, "same"),
    ]
    cases += [
        _conv((16, 56, 56, 64), 1, 3, 1, "same", depthwise=True),
        _conv((16, 14, 14, 512), 1, 3, 1, "same", depthwise=True),
        _conv((16, 56, 56, 128), 1, 3, 2, "same", depthwise=True),
    ]
    cases += [
        _conv((8, 16, 28, 28, 32), 32, 3, 1, "same"),
        _conv((4, 16, 56, 56, 4), 16, 3, 2, "same"),
        _conv((16, 200, 64), 128, 5, 1, "same"),
        _conv((16, 14, 14, 128), 64, 4, 2, "same", transposed=True),
        _conv((8, 28, 28, 64), 32, 3, 2, "same", transposed=True, activation="relu"),
        _conv((4, 8, 14, 14, 64), 32, 2, 2, transposed=True),
    ]
    return cases
