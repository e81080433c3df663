"""Recurrent layers against PyTorch: states, lengths as packed sequences, both directions, every gradient."""

from __future__ import annotations

import numpy as np
from compare import close, compare, many, normal, torch
from hypothesis import given
from hypothesis import strategies as st

from lamina import Tensor, layers
from lamina.ops.recurrent import gru, lstm, simple_rnn

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


def as_torch_gru(columns):
    """Keras's gates z r h as torch's r z n, along the last axis."""
    z, r, h = torch.chunk(columns, 3, dim=-1)
    return torch.cat([r, z, h], dim=-1)


@many
@given(
    st.sampled_from(["gru", "tanh", "relu"]),
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
def test_gru_and_simple_rnn(kind, batch, steps, features, units, bias, state, ragged, backwards, seed):
    lengths = np.random.default_rng(seed).integers(1, steps + 1, batch) if ragged else None
    gates = 3 if kind == "gru" else 1
    arrays = [
        normal(seed, batch, steps, features),
        normal(seed + 1, features, gates * units) / features**0.5,
        0.5 * normal(seed + 2, units, gates * units) / units**0.5,
        None if not bias else normal(seed + 3, *((2,) if kind == "gru" else ()), gates * units),
        normal(seed + 4, batch, units) if state else None,
    ]
    options = {"go_backwards": backwards, "in_time_order": True}

    def ours(x, kernel, recurrent, b, h):
        if kind == "gru":
            return gru(x, kernel, recurrent, b, h, lengths, **options)
        return simple_rnn(x, kernel, recurrent, b, h, lengths, activation=kind, **options)

    def theirs(x, kernel, recurrent, b, h):
        zero = torch.zeros(gates * units, dtype=torch.float64)
        first, second = (zero, zero) if b is None else b if kind == "gru" else (b, zero)
        own = [kernel, recurrent, first, second]
        if kind == "gru":
            own = [as_torch_gru(w) for w in own]
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        own = [w.T if w.ndim == 2 else w for w in own]
        size = {"batch_first": True, "bidirectional": True}
        module = torch.nn.GRU(features, units, **size) if kind == "gru" else torch.nn.RNN(
            features, units, nonlinearity=kind, **size
        )  # fmt: skip
        weights = {name + end: w for name, w in zip(names, own, strict=True) for end in ("", "_reverse")}
        states = None if h is None else torch.stack([h, h])
        y, last = run_torch(module.double(), x, weights, states, lengths)
        side = 1 if backwards else 0
        return y[..., side * units : (side + 1) * units], last[side]

    compare(ours, theirs, arrays, reduction=batch * steps * gates * units, slack=8)


@many
@given(
    st.integers(1, 5), st.integers(1, 6), st.integers(1, 8), st.integers(2, 20), st.integers(1, 2), st.booleans(),
    st.booleans(), st.booleans(), st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_projected_layers(batch, steps, features, units, depth, bias, both, ragged, sequences, seed):
    """Stacked (bidirectional) LSTM layers, or one RNN of cells, with PyTorch's weights."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, units))
    theirs = torch.nn.LSTM(
        features, units, depth, bias=bias, batch_first=True, bidirectional=both, proj_size=size
    ).double()  # fmt: skip
    options = {"use_bias": bias, "proj_size": size, "dtype": "float64"}
    if both or not sequences:
        made = [layers.LSTM(units, return_sequences=True, return_state=True, **options) for _ in range(depth)]
        stack = [layers.Bidirectional(layer, dtype="float64") for layer in made] if both else made
    else:
        cells = [layers.LSTMCell(units, **options) for _ in range(depth)]
        stack = [layers.RNN(cells, return_sequences=True, return_state=True, dtype="float64")]
    lengths = rng.integers(1, steps + 1, batch) if ragged else None
    x = Tensor(normal(seed, batch, steps, features), requires_grad=True)
    y, states = x, []
    for layer in stack:
        layer.build(y.shape)
        found = layer.cell.cells if hasattr(layer, "cell") and isinstance(layer.cell, layers.StackedRNNCells) else None
        level = len(states)
        for i, part in enumerate(found or ([layer.forward_layer, layer.backward_layer] if both else [layer])):
            number, end = (level + i, "") if found else (level, "_reverse" * i)
            own = [getattr(theirs, f"{name}_l{number}{end}").detach().numpy().T for name in ("weight_ih", "weight_hh")]
            if bias:
                own.append(sum(getattr(theirs, f"{b}_l{number}{end}").detach().numpy() for b in ("bias_ih", "bias_hh")))
            own.append(getattr(theirs, f"weight_hr_l{number}{end}").detach().numpy().T)
            part.set_weights(own)
        y, *after = layer(y, lengths=lengths)
        states += after if found else [after]
    twin = torch.tensor(x.numpy(), requires_grad=True)
    want, (h, c) = run_torch(theirs, twin, {}, None, lengths)
    assert y.shape == tuple(want.shape)
    close(y.numpy(), want.detach().numpy(), 1e-10, "outputs")
    pairs = [pair for level in states for pair in (level[:2], level[2:]) if len(pair)]
    for i, (ours_h, ours_c) in enumerate(pairs):
        close(ours_h.numpy(), h[i].detach().numpy(), 1e-10, f"h of {i}")
        close(ours_c.numpy(), c[i].detach().numpy(), 1e-10, f"c of {i}")
    dy = normal(seed + 1, *y.shape)
    y.backward(dy)
    want.backward(torch.tensor(dy))
    close(x.grad.numpy(), twin.grad.numpy(), 1e-9, "gradient of x")
    for part in stack[:1]:
        first = part.forward_layer if both else part
        gradients = [w.grad.numpy() for w in first.weights][: 3 + bias]
        wanted = [theirs.weight_ih_l0.grad.T, theirs.weight_hh_l0.grad.T]
        wanted += [theirs.bias_ih_l0.grad] if bias else []
        for a, b in zip(gradients, [*wanted, theirs.weight_hr_l0.grad.T], strict=True):
            close(a, b.numpy(), 1e-9, "gradient of a weight")
