"""Cases of the recurrent family."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...reference.convolution import conv_forward
from . import Array, Case

GATES = {"lstm": 4, "gru": 3, "gru_reset_before": 3, "simple_rnn": 1}


def _torch(cell: str, U: int) -> tuple[Any, Any]:
    """``torch`` and ``torch_layout`` of a case without counts or initial states: what torch.nn.LSTM, GRU and RNN
    compute, of their weights, which are transposed and whose GRU has the first two gates the other way round."""
    order = [1, 0, 2] if cell == "gru" else list(range(GATES[cell]))

    def layout(args: Any) -> Any:
        def turned(w: Any) -> Any:
            return w.T.unflatten(0, (-1, U))[order].flatten(0, 1).contiguous()

        x, kernel, recurrent, b, h0, c0, projection, *rest = args
        b = b.unflatten(-1, (-1, U))[..., order, :].flatten(-2).contiguous()
        projection = None if projection is None else projection.T.contiguous()
        return x, turned(kernel), turned(recurrent), b, h0, c0, projection, *rest

    def run(torch: Any, x: Any, kernel: Any, recurrent: Any, b: Any, h0: Any, c0: Any, projection: Any, *_: Any) -> Any:
        biases = (b[0], b[1]) if b.ndim == 2 else (b, torch.zeros_like(b))
        weights = (kernel, recurrent, *biases, *(() if projection is None else (projection,)))
        state = x.new_zeros(1, len(x), recurrent.shape[1])
        options = (weights, True, 1, 0.0, False, False, True)
        if cell == "lstm":
            return torch.lstm(x, (state, x.new_zeros(1, len(x), U)), *options)[0]
        return (torch.gru if cell == "gru" else torch.rnn_tanh)(x, state, *options)[0]

    return run, layout


def _case(
    cell: str,
    B: int,
    S: int,
    features: int,
    U: int,
    counts: str = "",
    state: bool = False,
    bias: bool = True,
    backwards: bool = False,
    time_order: bool = False,
    zero: bool = False,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    projected: int = 0,
    normalized: bool = False,
    alone: bool = False,
) -> Case:
    """``counts``: "lengths", "lengths32", "mask" or "" for all steps; projected: features that h is projected to;
    normalized: layer normalization inside, where x is the input's part of the gates; alone: only the sequence has a
    gradient, not the last states too, as PyTorch computes it."""
    H = projected or U

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        def normal(*shape: int, scale: float = 1.0) -> Array:
            return (rng.standard_normal(shape) * scale).astype(dtype)

        G = GATES[cell]
        x = normal(B, S, G * U if normalized else features)
        kernel = None if normalized else normal(features, G * U, scale=max(features, 1) ** -0.5)
        recurrent = normal(H, G * U, scale=0.7 * H**-0.5)
        b = None if not bias else normal(2, G * U) if cell == "gru" else normal(G * U)
        h0 = normal(B, H) if state else None
        c0 = normal(B, U) if state and cell == "lstm" else None
        projection = normal(U, H, scale=U**-0.5) if projected else None
        gammas: list[Array | None] = [None, None, None]
        if normalized:
            gammas = [1 + normal(G * U, scale=0.2), *((normal(U), normal(U)) if cell == "lstm" else (None, None))]
        lengths = mask = None
        if counts.startswith("lengths"):
            lengths = rng.integers(0, S + 1, B).astype(np.int32 if counts == "lengths32" else np.int64)
        if counts == "mask":
            mask = rng.random((B, S)) < 0.6
        options = (activation, recurrent_activation, backwards, time_order, zero, 1e-3)
        return (x, kernel, recurrent, b, h0, c0, projection, *gammas, lengths, mask, *options, True, True)

    def saved(args: tuple[Any, ...], result: Any, dy: Array) -> tuple[Any, ...]:
        _, h, c, *kept = result
        if alone:
            return (*args[:18], *kept, dy, None, None)
        return (*args[:18], *kept, dy, 0.5 * h, None if c is None else 0.25 * c)

    words = [counts, "state" if state else "", "backwards" if backwards else ""]
    words += ["in time order" if time_order else "", "zero" if zero else "", "" if bias else "no bias"]
    words += [w for w in (activation, recurrent_activation) if w not in ("tanh", "sigmoid")]
    words += [f"projected to {projected}"] if projected else []
    words += ["normalized"] if normalized else []
    words += ["alone"] if alone else []
    torch, layout = _torch(cell, U) if alone and cell != "gru_reset_before" else (None, None)
    flops = 2.0 * B * S * U * (GATES[cell] * (features + H) + projected)
    return Case(
        "recurrent", " ".join([f"{cell} {B}x{S}x{features}x{U}", *(w for w in words if w)]), f"{cell}_forward", inputs,
        f"{cell}_backward", (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), saved,
        flops=flops, backward_flops=2 * flops, torch=torch, torch_layout=layout,
        reduction=max(B * S, 4 * U, features, 1),
    )  # fmt: skip


def _conv_lstm(
    B: int,
    S: int,
    size: tuple[int, ...],
    C: int,
    F: int,
    taps: Any = 3,
    counts: str = "",
    state: bool = False,
    bias: bool = True,
    apart: bool = False,
    window: tuple[Any, Any, Any] = (1, "same", 1),
    order: tuple[bool, bool, bool] = (False, False, False),
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
) -> Case:
    """``apart``: each gate has channels of its own; window: strides, padding, dilation_rate; order: the options
    go_backwards, in_time_order and zero_output."""
    taps = taps if isinstance(taps, tuple) else (taps,) * len(size)

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        def normal(*shape: int, scale: float = 1.0) -> Array:
            return (rng.standard_normal(shape) * scale).astype(dtype)

        x = normal(B, S, *size, C * (4 if apart else 1))
        kernel = normal(*taps, C, 4 * F, scale=max(C * np.prod(taps), 1) ** -0.5)
        recurrent = normal(*taps, F, 4 * F, scale=0.7 * (F * np.prod(taps)) ** -0.5)
        out = conv_forward(x[:1, 0] if B and S else np.zeros((1, *x.shape[2:]), dtype), kernel, None, *window,
                           4 if apart else 1, "linear").shape[1:-1]  # fmt: skip
        h0, c0 = (normal(B, *out, F) if state else None for _ in range(2))
        lengths = rng.integers(0, S + 1, B) if counts == "lengths" else None
        mask = rng.random((B, S)) < 0.6 if counts == "mask" else None
        options = (activation, recurrent_activation, *window, *order)
        return (x, kernel, recurrent, normal(4 * F) if bias else None, h0, c0, lengths, mask, *options, True, True)

    def saved(args: tuple[Any, ...], result: Any, dy: Array) -> tuple[Any, ...]:
        _, h, c, *kept = result
        return (*args[:16], *kept, dy, 0.5 * h, 0.25 * c)

    pixels = int(np.prod(size))
    flops = 8.0 * B * S * pixels * int(np.prod(taps)) * (C + F) * F
    words = [counts, "state" if state else "", "" if bias else "no bias", "apart" if apart else ""]
    words += [str(window) if window != (1, "same", 1) else "", str(order) if any(order) else ""]
    words += [w for w in (activation, recurrent_activation) if w not in ("tanh", "sigmoid")]
    name = f"conv_lstm {B}x{S}x{'x'.join(map(str, (*size, C)))} -> {F} taps {'x'.join(map(str, taps))}"
    return Case(
        "recurrent", " ".join([name, *(w for w in words if w)]), "conv_lstm_forward", inputs,
        "conv_lstm_backward", (0, 1, 2, 3, 4, 5), saved,
        flops=flops, backward_flops=2 * flops,
        reduction=max(B * S * pixels, 4 * F * int(np.prod(taps)), C * int(np.prod(taps)), 1),
    )  # fmt: skip


def _lstm(*sizes: Any, **options: Any) -> Case:
    return _case("lstm", *sizes, **options)


def test_cases() -> list[Case]:
    shapes = [(1, 1, 1, 1), (3, 5, 4, 7), (0, 3, 2, 4), (2, 0, 3, 5), (1, 9, 5, 33), (17, 3, 20, 70)]
    cases = [_lstm(*s) for s in shapes]
    shapes = [(1, 1, 3, 5), (9, 1, 3, 20), (2, 0, 3, 5), (8, 6, 5, 16), (5, 3, 130, 65)]
    cases += [_lstm(*s, state=True) for s in shapes]
    cases += [_lstm(4, 6, 0, 5), _lstm(4, 6, 3, 5, bias=False), _lstm(6, 5, 3, 18, backwards=True, state=True)]
    cases += [_lstm(6, 5, 3, 18, backwards=True, time_order=True)]
    for counts in ("lengths", "lengths32", "mask"):
        cases += [_lstm(9, 6, 3, 17, counts, state=True), _lstm(9, 6, 3, 17, counts, backwards=True)]
        cases += [_lstm(9, 6, 3, 17, counts, backwards=True, time_order=True, state=True)]
    cases += [_lstm(9, 6, 3, 17, "mask", zero=True, state=True), _lstm(9, 6, 3, 17, "mask", zero=True, backwards=True)]
    cases += [_lstm(0, 6, 3, 17, "lengths"), _lstm(3, 0, 3, 17, "mask", state=True), _lstm(1, 8, 3, 17, "lengths")]
    for act, gate in (("relu", "sigmoid"), ("tanh", "hard_sigmoid"), ("linear", "relu"), ("sigmoid", "linear")):
        cases.append(_lstm(3, 4, 5, 18, activation=act, recurrent_activation=gate))
    cases += [
        _lstm(*shape, state=True, projected=5) for shape in ((3, 4, 2, 7), (0, 2, 3, 4), (2, 0, 3, 6), (9, 2, 3, 33))
    ]
    cases += [_lstm(2, 3, 4, 6, projected=size) for size in (1, 17)]  # wider than the cell, too
    for counts in ("lengths", "mask"):
        cases += [_lstm(9, 6, 3, 17, counts, state=True, projected=5, backwards=True)]
        cases += [_lstm(5, 6, 3, 9, counts, zero=True, projected=4, bias=False)]
    for cell in ("gru", "gru_reset_before", "simple_rnn"):
        cases += [_case(cell, *shape) for shape in ((1, 1, 1, 1), (3, 5, 4, 7), (0, 3, 2, 4), (17, 3, 20, 70))]
        cases += [_case(cell, *shape, state=True) for shape in ((9, 1, 3, 20), (2, 0, 3, 5), (8, 6, 5, 16))]
        cases += [
            _case(cell, 5, 3, 130, 65, bias=False, state=True),
            _case(cell, 6, 5, 3, 18, backwards=True, state=True),
        ]
        for counts in ("lengths", "mask"):
            cases += [_case(cell, 9, 6, 3, 17, counts, state=True, backwards=True, time_order=True)]
            cases += [_case(cell, 9, 6, 3, 17, counts, zero=True)]
        cases += [_case(cell, 3, 4, 5, 18, activation="relu", recurrent_activation="hard_sigmoid")]
    for cell in GATES:
        cases += [_case(cell, *shape, 0, 7, normalized=True, state=True) for shape in ((3, 4), (2, 1), (0, 2), (2, 0))]
        for counts in ("lengths", "mask", ""):
            cases += [_case(cell, 5, 6, 0, 18, counts, normalized=True, backwards=bool(counts))]
        cases += [_case(cell, 3, 4, 0, 33, normalized=True, state=True, bias=False, activation="relu")]
    cases += [_lstm(3, 4, 0, 9, "mask", normalized=True, projected=4, state=True)]
    cases += [_case(cell, 3, 6, 5, 18, alone=True) for cell in ("lstm", "gru", "simple_rnn")]
    cases += [_lstm(3, 6, 5, 18, projected=7, alone=True)]
    # Few sequences of many units, whose steps threads share.
    cases += [_case(cell, 2, 3, 4, 400 if cell == "simple_rnn" else 200, "lengths", state=True) for cell in GATES]
    cases += [_lstm(1, 3, 4, 200, projected=190), _lstm(2, 2, 0, 200, normalized=True, state=True)]
    return cases + _conv_lstm_cases()


def _conv_lstm_cases() -> list[Case]:
    sizes: list[tuple[int, ...]] = [(7,), (5, 6), (3, 4, 5)]
    cases = [_conv_lstm(2, 3, size, 3, 5, counts="mask", state=True) for size in sizes]
    cases += [_conv_lstm(*shape, (4, 5), 2, 3) for shape in ((1, 1), (0, 2), (2, 0), (9, 2))]
    cases += [
        _conv_lstm(3, 4, (6, 7), 2, 4, (2, 3), window=((2, 1), "valid", 1), state=True),
        _conv_lstm(2, 3, (9,), 2, 20, 2, window=(1, ((1, 0),), 2), bias=False),
        _conv_lstm(2, 3, (5, 5), 3, 8, apart=True, state=True),
        _conv_lstm(2, 3, (5, 5), 0, 3),
        _conv_lstm(2, 3, (4, 4), 3, 17, 1),
        _conv_lstm(2, 2, (14, 13), 16, 16),
        _conv_lstm(2, 3, (3, 3), 2, 3, activation="relu", recurrent_activation="hard_sigmoid"),
    ]
    orders = [(True, False, False), (True, True, True), (False, False, True)]
    cases += [
        _conv_lstm(5, 4, (3, 2), 2, 3, counts=counts, state=True, order=order)
        for counts in ("lengths", "mask")
        for order in orders
    ]
    return cases


def bench_cases() -> list[Case]:
    shapes = [(32, 50, 64, 128), (64, 100, 128, 256), (1, 200, 64, 128), (64, 28, 28, 128)]
    return (
        [_lstm(*s, alone=True) for s in shapes]
        + [_lstm(32, 50, 64, 128, "lengths"), _lstm(32, 50, 64, 256, projected=64, alone=True)]
        + [_case(cell, 32, 50, 0, 128, normalized=True) for cell in ("lstm", "gru")]
        + [_case(cell, *s, alone=True) for cell in ("gru", "simple_rnn") for s in shapes[:3]]
        + [_case("gru_reset_before", 32, 50, 64, 128)]
        + [_conv_lstm(4, 10, (32, 32), 16, 32), _conv_lstm(8, 20, (100,), 16, 32)]
    )
