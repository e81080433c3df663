"""NumPy twins of the recurrent kernels: one step of all sequences at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ._common import Array, give
from .convolution import conv_backward, conv_forward


def _activate(z: Array, kind: str) -> Array:
    if kind == "tanh":
        return np.tanh(z)
    if kind == "sigmoid":
        return 0.5 * (1 + np.tanh(0.5 * z))
    if kind == "relu":
        return np.maximum(z, 0)
    if kind == "hard_sigmoid":
        return np.clip(z / 6 + 0.5, 0, 1)
    return z


def _slope(y: Array, kind: str) -> Array:
    """activation'(z) from y = activation(z)."""
    if kind == "tanh":
        return 1 - y * y
    if kind == "sigmoid":
        return y * (1 - y)
    if kind == "relu":
        return (y > 0).astype(y.dtype)
    if kind == "hard_sigmoid":
        return ((y > 0) & (y < 1)).astype(y.dtype) / 6
    return np.ones_like(y)


@dataclass
class _Schedule:
    """Of each sequence's step-th step that counts: its time, its place in y, its row in what is saved."""

    count: Array  # (B,)
    time: Array  # (B, S), up to count
    output: Array  # (B, S)
    row: Array  # (B, S)
    carried: list[tuple[int, int, int]]  # (sequence, place in y, place that it repeats), in the order of the steps
    rest: Array  # (B, S): places of y that are zero


def _schedule(
    shape: tuple[int, ...], lengths: Array | None, mask: Array | None, backwards: bool, time_order: bool, zero: bool
) -> _Schedule:
    B, S = shape[:2]
    counts = np.ones((B, S), bool) if mask is None else mask
    if lengths is not None:
        counts = np.arange(S) < np.asarray(lengths)[:, None]
    time, output, row = (np.zeros((B, S), np.int64) for _ in range(3))
    s = _Schedule(counts.sum(1), time, output, row, carried=[], rest=np.ones((B, S), bool))
    start = 0
    for b in range(B):
        times = np.flatnonzero(counts[b])
        n = len(times)
        rows = start + np.arange(n)
        start += n
        if backwards:
            times, rows = times[::-1], rows[::-1]
        last = (n if mask is None else S) - 1
        s.time[b, :n], s.row[b, :n] = times, rows
        s.output[b, :n] = last - times if backwards and not time_order else times
        s.rest[b, s.output[b, :n]] = False
        if mask is not None and not zero:
            before = -1
            for t in range(S)[::-1] if backwards else range(S):
                place = S - 1 - t if backwards and not time_order else t
                if mask[b, t]:
                    before = place
                elif before >= 0:
                    s.carried.append((b, place, before))
                    s.rest[b, place] = False
    return s


@dataclass
class _Cell:
    """One step of some sequences, and back.

    ``forward(zx, h, c, R, b, act, gate)`` gives h, c and the gates that are saved, side by side.
    ``backward(gates, h_prev, c_prev, c, dh, dc, R, act, gate)`` gives the gradients of zx, h_prev, c_prev, R, and the
    rows whose sum is that of the recurrent bias.
    """

    forward: Callable[..., tuple[Array, Array, Array]]
    backward: Callable[..., tuple[Array, Array, Array, Array, Array]]
    two_biases: bool = False


def _split(z: Array, units: int) -> list[Array]:
    return [z[:, k : k + units] for k in range(0, z.shape[1], units)]


def _lstm_step(zx: Array, h: Array, c: Array, R: Array, b: Array, act: str, gate: str) -> tuple[Array, Array, Array]:
    return _lstm_gates(zx + h @ R, c, act, gate)


def _lstm_gates(z: Array, c: Array, act: str, gate: str) -> tuple[Array, Array, Array]:
    i, f, g, o = _split(z, c.shape[1])
    i, f, g, o = _activate(i, gate), _activate(f, gate), _activate(g, act), _activate(o, gate)
    c = f * c + i * g
    return o * _activate(c, act), c, np.concatenate([i, f, g, o], axis=1)


def _lstm_back(
    gates: Array, h_prev: Array, c_prev: Array, c: Array, dh: Array, dc: Array, R: Array, act: str, gate: str
) -> tuple[Array, Array, Array, Array, Array]:
    dz, dc = _lstm_gates_back(gates, c_prev, c, dh, dc, act, gate)
    return dz, dz @ R.T, dc, h_prev.T @ dz, dz


def _lstm_gates_back(
    gates: Array, c_prev: Array, c: Array, dh: Array, dc: Array, act: str, gate: str
) -> tuple[Array, Array]:
    i, f, g, o = _split(gates, c.shape[1])
    a = _activate(c, act)
    dc = dc + dh * o * _slope(a, act)
    parts = [dc * g * _slope(i, gate), dc * c_prev * _slope(f, gate), dc * i * _slope(g, act), dh * a * _slope(o, gate)]
    return np.concatenate(parts, axis=1), dc * f


def _gru_step(zx: Array, h: Array, c: Array, R: Array, b: Array, act: str, gate: str) -> tuple[Array, Array, Array]:
    (xz, xr, xh), (hz, hr, q) = _split(zx, len(R)), _split(h @ R + b, len(R))
    z, r = _activate(xz + hz, gate), _activate(xr + hr, gate)
    hh = _activate(xh + r * q, act)
    return z * h + (1 - z) * hh, c, np.concatenate([z, r, hh, q], axis=1)


def _gru_back(
    gates: Array, h_prev: Array, c_prev: Array, c: Array, dh: Array, dc: Array, R: Array, act: str, gate: str
) -> tuple[Array, Array, Array, Array, Array]:
    z, r, hh, q = _split(gates, len(R))
    dz, dhh = dh * (h_prev - hh) * _slope(z, gate), dh * (1 - z) * _slope(hh, act)
    dr = dhh * q * _slope(r, gate)
    recurrent = np.concatenate([dz, dr, dhh * r], axis=1)
    return np.concatenate([dz, dr, dhh], axis=1), dh * z + recurrent @ R.T, dc, h_prev.T @ recurrent, recurrent


def _reset_step(zx: Array, h: Array, c: Array, R: Array, b: Array, act: str, gate: str) -> tuple[Array, Array, Array]:
    U = len(R)
    (xz, xr, xh), (hz, hr) = _split(zx, U), _split(h @ R[:, : 2 * U], U)
    z, r = _activate(xz + hz, gate), _activate(xr + hr, gate)
    hh = _activate(xh + (r * h) @ R[:, 2 * U :], act)
    return z * h + (1 - z) * hh, c, np.concatenate([z, r, hh, r * h], axis=1)


def _reset_back(
    gates: Array, h_prev: Array, c_prev: Array, c: Array, dh: Array, dc: Array, R: Array, act: str, gate: str
) -> tuple[Array, Array, Array, Array, Array]:
    U = len(R)
    z, r, hh, rh = _split(gates, U)
    dz, dhh = dh * (h_prev - hh) * _slope(z, gate), dh * (1 - z) * _slope(hh, act)
    drh = dhh @ R[:, 2 * U :].T
    both = np.concatenate([dz, drh * h_prev * _slope(r, gate)], axis=1)
    d_recurrent = np.concatenate([h_prev.T @ both, rh.T @ dhh], axis=1)
    d_all = np.concatenate([both, dhh], axis=1)
    return d_all, dh * z + drh * r + both @ R[:, : 2 * U].T, dc, d_recurrent, d_all


def _simple_step(zx: Array, h: Array, c: Array, R: Array, b: Array, act: str, gate: str) -> tuple[Array, Array, Array]:
    h = _activate(zx + h @ R, act)
    return h, c, h


def _simple_back(
    gates: Array, h_prev: Array, c_prev: Array, c: Array, dh: Array, dc: Array, R: Array, act: str, gate: str
) -> tuple[Array, Array, Array, Array, Array]:
    dz = dh * _slope(gates, act)
    return dz, dz @ R.T, dc, h_prev.T @ dz, dz


_LSTM = _Cell(_lstm_step, _lstm_back)
_GRU = _Cell(_gru_step, _gru_back, True)
_RESET = _Cell(_reset_step, _reset_back)
_SIMPLE = _Cell(_simple_step, _simple_back)


def _forward(
    cell: _Cell,
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    h0: Array | None,
    c0: Array | None,
    projection: Array | None,
    lengths: Array | None,
    mask: Array | None,
    activation: str,
    recurrent_activation: str,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    sequences: bool,
    save: bool,
) -> tuple[Array | None, ...]:
    B, S, _ = x.shape
    H = recurrent_kernel.shape[0]
    U = H if projection is None else projection.shape[0]
    s = _schedule(x.shape, lengths, mask, go_backwards, in_time_order, zero_output)
    biases = np.zeros((2, kernel.shape[1]), x.dtype)
    if bias is not None:
        biases[: bias.size // kernel.shape[1]] = bias
    zx = x @ kernel + biases[0]
    h = np.zeros((B, H), x.dtype) if h0 is None else h0.copy()
    c = np.zeros((B, U), x.dtype) if c0 is None else c0.copy()
    y, h_prev = np.zeros((B, S, H), x.dtype), np.zeros((B * S, H), x.dtype)
    c_all, projected = (np.zeros((B * S, U), x.dtype) for _ in range(2))
    gates = np.zeros((B * S, U if cell is _SIMPLE else 4 * U), x.dtype)
    for step in range(int(s.count.max(initial=0))):
        now = np.flatnonzero(s.count > step)
        rows = s.row[now, step]
        h_prev[rows] = h[now]
        out, c[now], gates[rows] = cell.forward(
            zx[now, s.time[now, step]], h[now], c[now], recurrent_kernel, biases[1], activation, recurrent_activation
        )
        h[now] = out if projection is None else out @ projection
        if projection is not None:
            projected[rows] = out
        c_all[rows] = c[now]
        y[now, s.output[now, step]] = h[now]
    for b, place, source in s.carried:
        y[b, place] = y[b, source]
    has_c = cell is _LSTM
    saved = (
        gates.reshape(B, S, gates.shape[1]), h_prev.reshape(B, S, H), c_all.reshape(B, S, U) if has_c else None,
        None if projection is None else projected.reshape(B, S, U),
    )  # fmt: skip
    return (y if sequences else None, h, c if has_c else None, *(saved if save else (None,) * 4))


def _backward(
    cell: _Cell,
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    h0: Array | None,
    c0: Array | None,
    projection: Array | None,
    lengths: Array | None,
    mask: Array | None,
    activation: str,
    recurrent_activation: str,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    gates: Array,
    h_prev: Array,
    c_all: Array | None,
    projected: Array | None,
    dy: Array | None,
    dh: Array | None,
    dc: Array | None,
    dx: Array | None,
    dkernel: Array | None,
    drecurrent_kernel: Array | None,
    dbias: Array | None,
    dh0: Array | None,
    dc0: Array | None,
    dprojection: Array | None,
    accumulate: int = 0,
) -> None:
    B, S, _ = x.shape
    H, G = recurrent_kernel.shape[0], kernel.shape[1]
    U = H if projection is None else projection.shape[0]
    s = _schedule(x.shape, lengths, mask, go_backwards, in_time_order, zero_output)
    gates, h_prev = gates.reshape(B * S, gates.shape[2]), h_prev.reshape(B * S, H)
    c_all = np.zeros((B * S, U), x.dtype) if c_all is None else c_all.reshape(B * S, U)
    dy = np.zeros((B, S, H), x.dtype) if dy is None else dy.copy()
    for b, place, source in reversed(s.carried):
        dy[b, source] += dy[b, place]
    dh = np.zeros((B, H), x.dtype) if dh is None else dh.copy()
    dc = np.zeros((B, U), x.dtype) if dc is None else dc.copy()
    dz = np.zeros((B, S, G), x.dtype)
    d_recurrent, d_bias = np.zeros_like(recurrent_kernel), np.zeros((2, G), x.dtype)
    d_projection = np.zeros((U, H), x.dtype)
    for step in reversed(range(int(s.count.max(initial=0)))):
        now = np.flatnonzero(s.count > step)
        rows = s.row[now, step]
        first = np.zeros((len(now), U), x.dtype) if c0 is None else c0[now]
        before = c_all[s.row[now, step - 1]] if step else first
        dh_now = dh[now] + dy[now, s.output[now, step]]
        if projection is not None and projected is not None:
            d_projection += projected.reshape(B * S, U)[rows].T @ dh_now
            dh_now = dh_now @ projection.T
        dz[now, s.time[now, step]], dh[now], dc[now], d_step, d_rows = cell.backward(
            gates[rows], h_prev[rows], before, c_all[rows], dh_now, dc[now], recurrent_kernel, activation,
            recurrent_activation,
        )  # fmt: skip
        d_recurrent += d_step
        d_bias[1] += d_rows.sum(0)
    d_bias[0] = dz.sum((0, 1))
    give(dx, dz @ kernel.T, accumulate, 0)
    give(dkernel, x.reshape(B * S, x.shape[2]).T @ dz.reshape(B * S, G), accumulate, 1)
    give(drecurrent_kernel, d_recurrent, accumulate, 2)
    give(dbias, d_bias if cell.two_biases else d_bias[0], accumulate, 3)
    give(dh0, dh, accumulate, 4)
    give(dc0, dc, accumulate, 5)
    give(dprojection, d_projection, accumulate, 6)


_Results: TypeAlias = "tuple[Array | None, ...]"


def lstm_forward(*args: Any, **options: Any) -> _Results:
    return _forward(_LSTM, *args, **options)


def lstm_backward(*args: Any, **options: Any) -> None:
    _backward(_LSTM, *args, **options)


def gru_forward(*args: Any, **options: Any) -> _Results:
    return _forward(_GRU, *args, **options)


def gru_backward(*args: Any, **options: Any) -> None:
    _backward(_GRU, *args, **options)


def gru_reset_before_forward(*args: Any, **options: Any) -> _Results:
    return _forward(_RESET, *args, **options)


def gru_reset_before_backward(*args: Any, **options: Any) -> None:
    _backward(_RESET, *args, **options)


def simple_rnn_forward(*args: Any, **options: Any) -> _Results:
    return _forward(_SIMPLE, *args, **options)


def simple_rnn_backward(*args: Any, **options: Any) -> None:
    _backward(_SIMPLE, *args, **options)


# ---- LSTM of images: each pixel is a row of the cell ----


def conv_lstm_forward(
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    h0: Array | None,
    c0: Array | None,
    lengths: Array | None,
    mask: Array | None,
    activation: str,
    recurrent_activation: str,
    strides: Any,
    padding: Any,
    dilation_rate: Any,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    sequences: bool,
    save: bool,
) -> _Results:
    B, S = x.shape[:2]
    F = recurrent_kernel.shape[-2]
    s = _schedule(x.shape, lengths, mask, go_backwards, in_time_order, zero_output)
    zx = _over_input(x, kernel, bias, strides, padding, dilation_rate)
    out = zx.shape[2:-1]
    h, c = (np.zeros((B, *out, F), x.dtype) if first is None else first.copy() for first in (h0, c0))
    y, h_prev, c_all = (np.zeros((B, S, *out, F), x.dtype) for _ in range(3))
    gates = np.zeros(zx.shape, x.dtype)
    rows_of = [a.reshape(B * S, *a.shape[2:]) for a in (gates, h_prev, c_all)]
    for step in range(int(s.count.max(initial=0))):
        now = np.flatnonzero(s.count > step)
        rows = s.row[now, step]
        rows_of[1][rows] = h[now]
        z = zx[now, s.time[now, step]] + conv_forward(h[now], recurrent_kernel, None, 1, "same", 1, 1, "linear")
        after = _lstm_gates(z.reshape(-1, 4 * F), c[now].reshape(-1, F), activation, recurrent_activation)
        h[now], c[now], rows_of[0][rows] = (a.reshape(*z.shape[:-1], -1) for a in after)
        rows_of[2][rows] = c[now]
        y[now, s.output[now, step]] = h[now]
    for b, place, source in s.carried:
        y[b, place] = y[b, source]
    return (y if sequences else None, h, c, *((gates, h_prev, c_all) if save else (None,) * 3))


def _over_input(x: Array, kernel: Array, bias: Array | None, strides: Any, padding: Any, dilation_rate: Any) -> Array:
    """The input's part of all steps' gates: with four groups where each gate has channels of its own."""
    groups = x.shape[-1] // max(kernel.shape[-2], 1) or 1
    flat = x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])
    z = conv_forward(flat, kernel, bias, strides, padding, dilation_rate, groups, "linear")
    return z.reshape(*x.shape[:2], *z.shape[1:])


def conv_lstm_backward(
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    h0: Array | None,
    c0: Array | None,
    lengths: Array | None,
    mask: Array | None,
    activation: str,
    recurrent_activation: str,
    strides: Any,
    padding: Any,
    dilation_rate: Any,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    gates: Array,
    h_prev: Array,
    c_all: Array,
    dy: Array | None,
    dh: Array | None,
    dc: Array | None,
    dx: Array | None,
    dkernel: Array | None,
    drecurrent_kernel: Array | None,
    dbias: Array | None,
    dh0: Array | None,
    dc0: Array | None,
    accumulate: int = 0,
) -> None:
    B, S, *out, F = c_all.shape
    s = _schedule(x.shape, lengths, mask, go_backwards, in_time_order, zero_output)
    gates, h_prev, c_all = (a.reshape(B * S, *a.shape[2:]) for a in (gates, h_prev, c_all))
    dy = np.zeros((B, S, *out, F), x.dtype) if dy is None else dy.copy()
    for b, place, source in reversed(s.carried):
        dy[b, source] += dy[b, place]
    dh, dc = (np.zeros((B, *out, F), x.dtype) if d is None else d.copy() for d in (dh, dc))
    dz, d_recurrent = np.zeros((B, S, *out, 4 * F), x.dtype), np.zeros_like(recurrent_kernel)
    window = (1, "same", 1, 1, "linear")
    for step in reversed(range(int(s.count.max(initial=0)))):
        now = np.flatnonzero(s.count > step)
        rows = s.row[now, step]
        first = np.zeros((len(now), *out, F), x.dtype) if c0 is None else c0[now]
        before = c_all[s.row[now, step - 1]] if step else first
        parts = (gates[rows], before, c_all[rows], dh[now] + dy[now, s.output[now, step]], dc[now])
        flat = [a.reshape(-1, a.shape[-1]) for a in parts]
        options = (activation, recurrent_activation)
        of_gates, of_state = _lstm_gates_back(flat[0], flat[1], flat[2], flat[3], flat[4], *options)
        of_gates, dc[now] = of_gates.reshape(len(now), *out, 4 * F), of_state.reshape(len(now), *out, F)
        dz[now, s.time[now, step]] = of_gates
        of_h, of_kernel = np.empty((len(now), *out, F), x.dtype), np.empty_like(recurrent_kernel)
        conv_backward(h_prev[rows], recurrent_kernel, of_gates, of_gates, *window, of_h, of_kernel, None)
        dh[now] = of_h
        d_recurrent += of_kernel
    of_x, of_kernel, of_bias = np.empty((B * S, *x.shape[2:]), x.dtype), np.empty_like(kernel), np.empty(4 * F, x.dtype)
    dz = dz.reshape(B * S, *out, 4 * F)
    groups = x.shape[-1] // max(kernel.shape[-2], 1) or 1
    over = (strides, padding, dilation_rate, groups, "linear")
    conv_backward(x.reshape(of_x.shape), kernel, dz, dz, *over, of_x, of_kernel, of_bias)
    give(dx, of_x.reshape(x.shape), accumulate, 0)
    give(dkernel, of_kernel, accumulate, 1)
    give(drecurrent_kernel, d_recurrent, accumulate, 2)
    give(dbias, of_bias, accumulate, 3)
    give(dh0, dh, accumulate, 4)
    give(dc0, dc, accumulate, 5)
