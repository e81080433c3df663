"""NumPy twins of the recurrent kernels: one step of all sequences at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._common import Array, give


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


def lstm_forward(
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
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    sequences: bool,
    save: bool,
) -> tuple[Array | None, ...]:
    B, S, _ = x.shape
    U = recurrent_kernel.shape[0]
    s = _schedule(x.shape, lengths, mask, go_backwards, in_time_order, zero_output)
    z_x = x @ kernel if bias is None else x @ kernel + bias
    h = np.zeros((B, U), x.dtype) if h0 is None else h0.copy()
    c = np.zeros((B, U), x.dtype) if c0 is None else c0.copy()
    y = np.zeros((B, S, U), x.dtype)
    gates, h_prev, c_all = (np.zeros((B * S, n), x.dtype) for n in (4 * U, U, U))
    for step in range(int(s.count.max(initial=0))):
        now = np.flatnonzero(s.count > step)
        z = z_x[now, s.time[now, step]] + h[now] @ recurrent_kernel
        i, f, o = (_activate(z[:, k * U : (k + 1) * U], recurrent_activation) for k in (0, 1, 3))
        g = _activate(z[:, 2 * U : 3 * U], activation)
        rows = s.row[now, step]
        h_prev[rows] = h[now]
        c[now] = f * c[now] + i * g
        h[now] = o * _activate(c[now], activation)
        gates[rows] = np.concatenate([i, f, g, o], axis=1)
        c_all[rows] = c[now]
        y[now, s.output[now, step]] = h[now]
    for b, place, source in s.carried:
        y[b, place] = y[b, source]
    saved = (gates.reshape(B, S, 4 * U), h_prev.reshape(B, S, U), c_all.reshape(B, S, U)) if save else (None,) * 3
    return (y if sequences else None, h, c, *saved)


def lstm_backward(
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
    B, S, _ = x.shape
    U = recurrent_kernel.shape[0]
    s = _schedule(x.shape, lengths, mask, go_backwards, in_time_order, zero_output)
    gates, h_prev, c_all = gates.reshape(B * S, 4 * U), h_prev.reshape(B * S, U), c_all.reshape(B * S, U)
    dy = np.zeros((B, S, U), x.dtype) if dy is None else dy.copy()
    for b, place, source in s.carried:
        dy[b, source] += dy[b, place]
    dh = np.zeros((B, U), x.dtype) if dh is None else dh.copy()
    dc = np.zeros((B, U), x.dtype) if dc is None else dc.copy()
    dz_x = np.zeros((B, S, 4 * U), x.dtype)
    d_recurrent = np.zeros_like(recurrent_kernel)
    for step in reversed(range(int(s.count.max(initial=0)))):
        now = np.flatnonzero(s.count > step)
        rows = s.row[now, step]
        i, f, g, o = (gates[rows, k * U : (k + 1) * U] for k in range(4))
        a = _activate(c_all[rows], activation)
        c_before = c_all[s.row[now, step - 1]] if step else np.zeros_like(a) if c0 is None else c0[now]
        dh_now = dh[now] + dy[now, s.output[now, step]]
        dc_now = dc[now] + dh_now * o * _slope(a, activation)
        gate = recurrent_activation
        dz = np.concatenate(
            [
                dc_now * g * _slope(i, gate),
                dc_now * c_before * _slope(f, gate),
                dc_now * i * _slope(g, activation),
                dh_now * a * _slope(o, gate),
            ],
            axis=1,
        )
        dc[now] = dc_now * f
        dh[now] = dz @ recurrent_kernel.T
        dz_x[now, s.time[now, step]] = dz
        d_recurrent += h_prev[rows].T @ dz
    give(dx, dz_x @ kernel.T, accumulate, 0)
    give(dkernel, x.reshape(B * S, x.shape[2]).T @ dz_x.reshape(B * S, 4 * U), accumulate, 1)
    give(drecurrent_kernel, d_recurrent, accumulate, 2)
    give(dbias, dz_x.sum((0, 1)), accumulate, 3)
    give(dh0, dh, accumulate, 4)
    give(dc0, dc, accumulate, 5)
