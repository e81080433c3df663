"""Recurrent layers against PyTorch: states, lengths as packed sequences, both directions, every gradient."""

from __future__ import annotations

import numpy as np
from compare import compare, many, normal, torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.ops.recurrent import lstm

rnn = torch.nn.utils.rnn


def run_torch(module, x, weights, states, lengths):
    """Outputs and final states of a torch module (one layer) with the given weights; weights are in torch's layout."""
    steps = x.shape[1]
    if lengths is not None:
        x = rnn.pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    y, last = torch.func.functional_call(module, weights, (x,) if states is None else (x, states))
    if lengths is not None:
        y, _ = rnn.pad_packed_sequence(y, batch_first=True, total_length=steps)
    return y, last


def direction(suffix, kernel, recurrent, bias):
    """Keras's weights as torch's: transposed, and one bias more, which is zero."""
    own = {f"weight_ih_l0{suffix}": kernel.T, f"weight_hh_l0{suffix}": recurrent.T}
    if bias is not None:
        own |= {f"bias_ih_l0{suffix}": bias, f"bias_hh_l0{suffix}": torch.zeros_like(bias)}
    return own


@many
@given(
    st.integers(1, 6),
    st.integers(1, 9),
    st.integers(1, 20),
    st.integers(1, 40),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 99),
)
def test_lstm(batch, steps, features, units, bias, state, ragged, both, seed):
    lengths = np.random.default_rng(seed).integers(1, steps + 1, batch) if ragged else None
    directions = 2 if both else 1
    arrays = [normal(seed, batch, steps, features)]
    for d in range(directions):
        arrays += [normal(seed + 1 + d, features, 4 * units) / features**0.5]
        arrays += [normal(seed + 3 + d, units, 4 * units) / units**0.5]
        arrays += [normal(seed + 5 + d, 4 * units) if bias else None]
        arrays += [normal(seed + 7 + 2 * d + i, batch, units) if state else None for i in range(2)]

    def ours(x, *rest):
        results = []
        for d in range(directions):
            *weights, h0, c0 = rest[5 * d : 5 * d + 5]
            first = (h0, c0) if state else None
            results += lstm(x, *weights, first, lengths, go_backwards=d == 1, in_time_order=True)
        return results

    def theirs(x, *rest):
        module = torch.nn.LSTM(features, units, bias=bias, batch_first=True, bidirectional=both).double()
        weights = {}
        for d in range(directions):
            weights |= direction("_reverse" if d else "", *rest[5 * d : 5 * d + 3])
        states = tuple(torch.stack(rest[i::5]) for i in (3, 4)) if state else None
        y, (h, c) = run_torch(module, x, weights, states, lengths)
        results = []
        for d in range(directions):
            results += [y[..., d * units : (d + 1) * units], h[d], c[d]]
        return results

    compare(ours, theirs, arrays, reduction=batch * steps * 4 * units, slack=4)
