"""NumPy twin of the LSTM of images: each pixel is a row of the cell."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._common import Array, give
from .convolution import conv_backward, conv_forward
from .recurrent import lstm_gates, lstm_gates_back, schedule


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
) -> tuple[Array | None, ...]:
    B, S = x.shape[:2]
    F = recurrent_kernel.shape[-2]
    s = schedule(x.shape, lengths, mask, go_backwards, in_time_order, zero_output)
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
        after = lstm_gates(z.reshape(-1, 4 * F), c[now].reshape(-1, F), activation, recurrent_activation)
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
    s = schedule(x.shape, lengths, mask, go_backwards, in_time_order, zero_output)
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
        of_gates, of_state = lstm_gates_back(flat[0], flat[1], flat[2], flat[3], flat[4], *options)
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
