<<<<<<< HEAD
"""The LSTM against PyTorch's: outputs and states, lengths as packed sequences, both directions."""
=======
"""Recurrent layers against PyTorch: states, lengths as packed sequences, both directions, every gradient."""
>>>>>>> recurrent

from __future__ import annotations

import numpy as np
from compare import compare, many, normal, torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.ops.recurrent import lstm

rnn = torch.nn.utils.rnn


<<<<<<< HEAD
@st.composite
def shapes(draw):
    batch, time = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    return batch, time, draw(st.integers(1, 40)), draw(st.integers(1, 40))


def arrays(shape, state: bool, bias: bool, seed: int):
    batch, time, features, units = shape
    return [
        normal(seed, batch, time, features),
        normal(seed + 1, features, 4 * units) / features**0.5,
        normal(seed + 2, units, 4 * units) / units**0.5,
        normal(seed + 3, 4 * units) if bias else None,
        normal(seed + 4, batch, units) if state else None,
        normal(seed + 5, batch, units) if state else None,
    ]


def theirs(x, kernel, recurrent, bias, h, c, lengths=None, backwards=False):
    """torch.lstm with our weights: its gates stand in the same order, its matrices are transposed."""
    batch, time, _ = x.shape
    units = recurrent.shape[0]
    zeros = torch.zeros(batch, units, dtype=x.dtype)
    state = tuple(s[None] for s in ((zeros, zeros) if h is None else (h, c)))
    weights = [kernel.T, recurrent.T]
    if bias is not None:
        weights += [bias, torch.zeros_like(bias)]
    if backwards:  # PyTorch has no layer that only looks back: turn each sequence round within its length
        n = torch.full((batch,), time) if lengths is None else torch.as_tensor(lengths)
        steps = torch.arange(time)[None]
        index = torch.where(steps < n[:, None], n[:, None] - 1 - steps, steps)
        x = torch.gather(x, 1, index[:, :, None].expand(x.shape))
    has_bias = bias is not None
    if lengths is None:
        y, h, c = torch.lstm(x, state, weights, has_bias, 1, 0.0, False, False, True)
    else:
        packed = rnn.pack_padded_sequence(x, torch.as_tensor(lengths), batch_first=True, enforce_sorted=False)
        state = tuple(s[:, packed.sorted_indices] for s in state)
        data, h, c = torch.lstm(packed.data, packed.batch_sizes, state, weights, has_bias, 1, 0.0, False, False)
        unsorted = rnn.PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
        y, _ = rnn.pad_packed_sequence(unsorted, batch_first=True, total_length=time)
        h, c = h[:, packed.unsorted_indices], c[:, packed.unsorted_indices]
    if backwards:
        y = torch.gather(y, 1, index[:, :, None].expand(y.shape))
    return y, h[0], c[0]


def ours(x, kernel, recurrent, bias, h, c, **options):
    return lstm(x, kernel, recurrent, bias, None if h is None else (h, c), **options)


@many
@given(shapes(), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 99))
def test_lstm(shape, state, bias, backwards, seed):
    compare(
        lambda *a: ours(*a, go_backwards=backwards, in_time_order=True),
        lambda *a: theirs(*a, backwards=backwards),
        arrays(shape, state, bias, seed),
        reduction=sum(shape) * shape[1],
    )


@many
@given(shapes(), st.booleans(), st.booleans(), st.integers(0, 99))
def test_lstm_with_lengths(shape, state, backwards, seed):
    batch, time, _, _ = shape
    lengths = np.random.default_rng(seed).integers(1, time + 1, batch)
    compare(
        lambda *a: ours(*a, lengths=lengths, go_backwards=backwards, in_time_order=True),
        lambda *a: theirs(*a, lengths=lengths, backwards=backwards),
        arrays(shape, state, True, seed),
        reduction=sum(shape) * time,
    )
=======
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
>>>>>>> recurrent
