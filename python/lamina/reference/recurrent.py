"""NumPy twins of the recurrent kernels: one step of all sequences at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ._common import Array, give, rounded
from ._recurrent_norm import Norm
from .quantized import QuantizedMatrix


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


_Dot: TypeAlias = "Callable[[Array, Array], Array]"


def _dot(bfloat16: bool) -> _Dot:
    """Products, of operands that are rounded if wanted; a weight may be int8, in forward passes."""

    def dot(a: Array, b: Array) -> Array:
        if isinstance(b, QuantizedMatrix):
            return b.product(a)
        return np.asarray(rounded(a, bfloat16) @ rounded(b, bfloat16))

    return dot


@dataclass
class _Schedule:
    """Of each sequence's step-th step that counts: its time, its place in y, its row in what is saved."""

    count: Array  # (B,)
    time: Array  # (B, S), up to count
    output: Array  # (B, S)
    row: Array  # (B, S)
    carried: list[tuple[int, int, int]]  # (sequence, place in y, place that it repeats), in the order of the steps
    rest: Array  # (B, S): places of y that are zero


def schedule(
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

    ``forward(zx, h, c, R, b, act, gate, norm, dot)`` gives h, c and the gates that are saved, side by side.
    ``backward(gates, h_prev, c_prev, c, dh, dc, R, act, gate, norm, dot)`` gives the gradients of zx, h_prev, c_prev,
    R, and the rows whose sum is that of the recurrent bias.
    """

    forward: Callable[..., tuple[Array, Array, Array]]
    backward: Callable[..., tuple[Array, Array, Array, Array, Array]]
    two_biases: bool = False


def _split(z: Array, units: int) -> list[Array]:
    return [z[:, k : k + units] for k in range(0, z.shape[1], units)]


def _lstm_step(
    zx: Array, h: Array, c: Array, R: Array, b: Array, act: str, gate: str, norm: Norm, dot: _Dot
) -> tuple[Array, Array, Array]:
    return lstm_gates(zx + norm.forward(dot(h, R), _columns(R)), c, act, gate, norm)


def _columns(R: Array) -> slice:
    return slice(0, R.shape[1])


def lstm_gates(z: Array, c: Array, act: str, gate: str, norm: Norm | None = None) -> tuple[Array, Array, Array]:
    i, f, g, o = _split(z, c.shape[1])
    i, f, g, o = _activate(i, gate), _activate(f, gate), _activate(g, act), _activate(o, gate)
    c = f * c + i * g
    return o * _activate(c if norm is None else norm.state(c), act), c, np.concatenate([i, f, g, o], axis=1)


def _lstm_back(
    gates: Array,
    h_prev: Array,
    c_prev: Array,
    c: Array,
    dh: Array,
    dc: Array,
    R: Array,
    act: str,
    gate: str,
    norm: Norm,
    dot: _Dot,
) -> tuple[Array, Array, Array, Array, Array]:
    dz, dc = lstm_gates_back(gates, c_prev, c, dh, dc, act, gate, norm)
    dq = norm.backward(dz, _columns(R))
    return dz, dot(dq, R.T), dc, dot(h_prev.T, dq), dz


def lstm_gates_back(
    gates: Array, c_prev: Array, c: Array, dh: Array, dc: Array, act: str, gate: str, norm: Norm | None = None
) -> tuple[Array, Array]:
    i, f, g, o = _split(gates, c.shape[1])
    a = _activate(c if norm is None else norm.state(c), act)
    of_output = dh * o * _slope(a, act)
    dc = dc + (of_output if norm is None else norm.state_backward(c, of_output))
    parts = [dc * g * _slope(i, gate), dc * c_prev * _slope(f, gate), dc * i * _slope(g, act), dh * a * _slope(o, gate)]
    return np.concatenate(parts, axis=1), dc * f


def _gru_step(
    zx: Array, h: Array, c: Array, R: Array, b: Array, act: str, gate: str, norm: Norm, dot: _Dot
) -> tuple[Array, Array, Array]:
    (xz, xr, xh), (hz, hr, q) = _split(zx, len(R)), _split(norm.forward(dot(h, R), _columns(R)) + b, len(R))
    z, r = _activate(xz + hz, gate), _activate(xr + hr, gate)
    hh = _activate(xh + r * q, act)
    return z * h + (1 - z) * hh, c, np.concatenate([z, r, hh, q], axis=1)


def _gru_back(
    gates: Array,
    h_prev: Array,
    c_prev: Array,
    c: Array,
    dh: Array,
    dc: Array,
    R: Array,
    act: str,
    gate: str,
    norm: Norm,
    dot: _Dot,
) -> tuple[Array, Array, Array, Array, Array]:
    z, r, hh, q = _split(gates, len(R))
    dz, dhh = dh * (h_prev - hh) * _slope(z, gate), dh * (1 - z) * _slope(hh, act)
    dr = dhh * q * _slope(r, gate)
    recurrent = np.concatenate([dz, dr, dhh * r], axis=1)
    dq = norm.backward(recurrent, _columns(R))
    return np.concatenate([dz, dr, dhh], axis=1), dh * z + dot(dq, R.T), dc, dot(h_prev.T, dq), recurrent


def _reset_step(
    zx: Array, h: Array, c: Array, R: Array, b: Array, act: str, gate: str, norm: Norm, dot: _Dot
) -> tuple[Array, Array, Array]:
    U = len(R)
    (xz, xr, xh), (hz, hr) = _split(zx, U), _split(norm.forward(dot(h, R[:, : 2 * U]), slice(0, 2 * U)), U)
    z, r = _activate(xz + hz, gate), _activate(xr + hr, gate)
    hh = _activate(xh + norm.forward(dot(r * h, R[:, 2 * U :]), slice(2 * U, 3 * U)), act)
    return z * h + (1 - z) * hh, c, np.concatenate([z, r, hh, r * h], axis=1)


def _reset_back(
    gates: Array,
    h_prev: Array,
    c_prev: Array,
    c: Array,
    dh: Array,
    dc: Array,
    R: Array,
    act: str,
    gate: str,
    norm: Norm,
    dot: _Dot,
) -> tuple[Array, Array, Array, Array, Array]:
    U = len(R)
    z, r, hh, rh = _split(gates, U)
    dz, dhh = dh * (h_prev - hh) * _slope(z, gate), dh * (1 - z) * _slope(hh, act)
    of_last = norm.backward(dhh, slice(2 * U, 3 * U))
    drh = dot(of_last, R[:, 2 * U :].T)
    both = np.concatenate([dz, drh * h_prev * _slope(r, gate)], axis=1)
    of_both = norm.backward(both, slice(0, 2 * U))
    d_recurrent = np.concatenate([dot(h_prev.T, of_both), dot(rh.T, of_last)], axis=1)
    d_all = np.concatenate([both, dhh], axis=1)
    return d_all, dh * z + drh * r + dot(of_both, R[:, : 2 * U].T), dc, d_recurrent, d_all


def _simple_step(
    zx: Array, h: Array, c: Array, R: Array, b: Array, act: str, gate: str, norm: Norm, dot: _Dot
) -> tuple[Array, Array, Array]:
    h = _activate(zx + norm.forward(dot(h, R), _columns(R)), act)
    return h, c, h


def _simple_back(
    gates: Array,
    h_prev: Array,
    c_prev: Array,
    c: Array,
    dh: Array,
    dc: Array,
    R: Array,
    act: str,
    gate: str,
    norm: Norm,
    dot: _Dot,
) -> tuple[Array, Array, Array, Array, Array]:
    dz = dh * _slope(gates, act)
    dq = norm.backward(dz, _columns(R))
    return dz, dot(dq, R.T), dc, dot(h_prev.T, dq), dz


def _norm(
    cell: _Cell, rows: int, gamma: Array | None, state_gamma: Array | None, state_beta: Array | None, epsilon: float,
    R: Array, units: int,
) -> Norm:  # fmt: skip
    columns = R.shape[1]
    cut = 2 * units if cell in (_GRU, _RESET) else columns
    parts = [slice(0, cut), slice(cut, columns)] if cut < columns else [slice(0, columns)]
    shapes = [(rows, columns), (rows, 6), (columns,), (units,), (units,)]
    return Norm(gamma, state_gamma, state_beta, epsilon, parts, *(np.zeros(shape, R.dtype) for shape in shapes))


_LSTM = _Cell(_lstm_step, _lstm_back)
_GRU = _Cell(_gru_step, _gru_back, True)
_RESET = _Cell(_reset_step, _reset_back)
_SIMPLE = _Cell(_simple_step, _simple_back)


def _forward(
    cell: _Cell,
    x: Array,
    kernel: Array | None,
    recurrent_kernel: Array,
    bias: Array | None,
    h0: Array | None,
    c0: Array | None,
    projection: Array | None,
    recurrent_gamma: Array | None,
    state_gamma: Array | None,
    state_beta: Array | None,
    lengths: Array | None,
    mask: Array | None,
    activation: str,
    recurrent_activation: str,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    epsilon: float,
    sequences: bool,
    save: bool,
    bfloat16: bool = False,
) -> tuple[Array | None, ...]:
    dot = _dot(bfloat16)
    B, S, _ = x.shape
    H = recurrent_kernel.shape[0]
    U = H if projection is None else projection.shape[0]
    s = schedule(x.shape, lengths, mask, go_backwards, in_time_order, zero_output)
    G = recurrent_kernel.shape[1]
    biases = np.zeros((2, G), x.dtype)
    if bias is not None:
        biases[: bias.size // G] = bias
    zx = (x if kernel is None else dot(x, kernel)) + biases[0]
    raw, stats = np.zeros((B * S, G), x.dtype), np.zeros((B * S, 6), x.dtype)
    h = np.zeros((B, H), x.dtype) if h0 is None else h0.copy()
    c = np.zeros((B, U), x.dtype) if c0 is None else c0.copy()
    y, h_prev = np.zeros((B, S, H), x.dtype), np.zeros((B * S, H), x.dtype)
    c_all, projected = (np.zeros((B * S, U), x.dtype) for _ in range(2))
    gates = np.zeros((B * S, U if cell is _SIMPLE else 4 * U), x.dtype)
    for step in range(int(s.count.max(initial=0))):
        now = np.flatnonzero(s.count > step)
        rows = s.row[now, step]
        h_prev[rows] = h[now]
        norm = _norm(cell, len(now), recurrent_gamma, state_gamma, state_beta, epsilon, recurrent_kernel, U)
        out, c[now], gates[rows] = cell.forward(
            zx[now, s.time[now, step]], h[now], c[now], recurrent_kernel, biases[1], activation, recurrent_activation,
            norm, dot,
        )  # fmt: skip
        if step == 0 and h0 is None:  # nothing is multiplied, nothing is normalized but c
            norm.raw[:], norm.stats[:, :4] = 0, 0
        raw[rows], stats[rows] = norm.raw, norm.stats
        h[now] = out if projection is None else dot(out, projection)
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
        *((None, None) if recurrent_gamma is None else (raw.reshape(B, S, G), stats.reshape(B, S, 6))),
    )  # fmt: skip
    return (y if sequences else None, h, c if has_c else None, *(saved if save else (None,) * 6))


def _backward(
    cell: _Cell,
    x: Array,
    kernel: Array | None,
    recurrent_kernel: Array,
    bias: Array | None,
    h0: Array | None,
    c0: Array | None,
    projection: Array | None,
    recurrent_gamma: Array | None,
    state_gamma: Array | None,
    state_beta: Array | None,
    lengths: Array | None,
    mask: Array | None,
    activation: str,
    recurrent_activation: str,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    epsilon: float,
    gates: Array,
    h_prev: Array,
    c_all: Array | None,
    projected: Array | None,
    raw: Array | None,
    stats: Array | None,
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
    drecurrent_gamma: Array | None,
    dstate_gamma: Array | None,
    dstate_beta: Array | None,
    accumulate: int = 0,
    bfloat16: bool = False,
) -> None:
    dot = _dot(bfloat16)
    B, S, _ = x.shape
    H, G = recurrent_kernel.shape
    U = H if projection is None else projection.shape[0]
    s = schedule(x.shape, lengths, mask, go_backwards, in_time_order, zero_output)
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
    of_norm = [np.zeros(n, x.dtype) for n in (G, U, U)]
    for step in reversed(range(int(s.count.max(initial=0)))):
        now = np.flatnonzero(s.count > step)
        rows = s.row[now, step]
        first = np.zeros((len(now), U), x.dtype) if c0 is None else c0[now]
        before = c_all[s.row[now, step - 1]] if step else first
        dh_now = dh[now] + dy[now, s.output[now, step]]
        if projection is not None and projected is not None:
            d_projection += dot(projected.reshape(B * S, U)[rows].T, dh_now)
            dh_now = dot(dh_now, projection.T)
        norm = _norm(cell, len(now), recurrent_gamma, state_gamma, state_beta, epsilon, recurrent_kernel, U)
        if raw is not None:
            norm.raw = raw.reshape(B * S, G)[rows]
        norm.d_gamma, norm.d_state_gamma, norm.d_state_beta = of_norm
        dz[now, s.time[now, step]], dh[now], dc[now], d_step, d_rows = cell.backward(
            gates[rows], h_prev[rows], before, c_all[rows], dh_now, dc[now], recurrent_kernel, activation,
            recurrent_activation, norm, dot,
        )  # fmt: skip
        d_recurrent += d_step
        d_bias[1] += d_rows.sum(0)
    d_bias[0] = dz.sum((0, 1))
    give(dx, dz if kernel is None else dot(dz, kernel.T), accumulate, 0)
    give(dkernel, dot(x.reshape(B * S, x.shape[2]).T, dz.reshape(B * S, G)), accumulate, 1)
    give(drecurrent_kernel, d_recurrent, accumulate, 2)
    give(dbias, d_bias if cell.two_biases else d_bias[0], accumulate, 3)
    give(dh0, dh, accumulate, 4)
    give(dc0, dc, accumulate, 5)
    give(dprojection, d_projection, accumulate, 6)
    for i, (to, value) in enumerate(zip((drecurrent_gamma, dstate_gamma, dstate_beta), of_norm, strict=True)):
        give(to, value, accumulate, 7 + i)


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
