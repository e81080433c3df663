"""Recurrent operations: the nodes LSTM, GRU and RNN, and Scan for cells that these do not know."""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import Graph
from .handlers import exports
from .scans import cell_scan, conv_lstm_scan, gru_scan, lstm_scan, rnn_scan
from .steps import Way, through
from .values import Value

# The nodes' names of activations, with their alpha and beta.
_ACTIVATIONS: dict[str, tuple[str, float, float]] = {
    "tanh": ("Tanh", 0, 0), "sigmoid": ("Sigmoid", 0, 0), "relu": ("Relu", 0, 0), "linear": ("Affine", 1, 0),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
}  # fmt: skip


def _activations(defaults: tuple[str, ...], *names: str) -> dict[str, Any]:
    """The attributes for these activations; none where they are the node's own."""
    if names == defaults:
        return {}
    found = [_ACTIVATIONS[n] for n in names]
    made: dict[str, Any] = {"activations": [name for name, _, _ in found]}
    if any(a or b for _, a, b in found):
        made |= {"activation_alpha": [float(a) for _, a, _ in found], "activation_beta": [float(b) for *_, b in found]}
    return made


def _weight(g: Graph, v: Value, order: tuple[int, ...]) -> Value:
    """(rows, gates * units) as ONNX's (1, gates * units, rows), the gates in another order."""
    if v.array is None:
        g.refuse("weights that are computed from the input have no counterpart in recurrent nodes")
    return g.constant(_gates(v.array, order).T[None], hint=v.hint)


def _gates(array: Any, order: tuple[int, ...]) -> Any:
    parts = np.split(array, len(order), axis=-1)
    return np.concatenate([parts[i] for i in order], axis=-1)


def _bias(g: Graph, bias: Any, order: tuple[int, ...]) -> Value | None:
    """The input's bias and the recurrent one, which may be none, as (1, 2 * gates * units)."""
    if bias is None:
        return None
    v = g.value(bias)
    assert v.array is not None
    both = v.array if v.ndim == 2 else np.stack([v.array, np.zeros_like(v.array)])
    return g.constant(_gates(both, order).reshape(1, -1), hint=v.hint)


def _run(
    g: Graph, op: str, x: Value, kernel: Any, recurrent_kernel: Any, bias: Any, states: tuple[Any, ...],
    order: tuple[int, ...], way: Way, attributes: dict[str, Any],
) -> tuple[Any, ...]:  # fmt: skip
    w, r, b = _weight(g, kernel, order), _weight(g, recurrent_kernel, order), _bias(g, bias, order)
    units = int(recurrent_kernel.shape[0])
    first = [None if s is None else g.reshape(g.value(s, g.dtype), (1, *g.value(s).shape)) for s in states]

    def run(x: Value, lengths: Value | None, backwards: bool) -> tuple[Value, list[Value]]:
        made = g.node(
            op, g.name(x, (1, 0, 2)), w, r, b, lengths, *first, outputs=1 + len(states), hidden_size=units,
            direction="reverse" if backwards else None, **attributes,
        )  # fmt: skip
        n, time, _ = x.shape
        sequence = g.made(made[0], None, (time, 1, n, units), x.dtype)
        y = g.reshape(sequence, (time, n, units)).turned((1, 0, 2))
        ends = [g.reshape(g.made(h, None, (1, n, units), x.dtype), (n, units)) for h in made[1:]]
        return y, ends

    y, ends = through(g, x, way, run)
    return y, *ends


@exports("lstm")
def lstm(
    g: Graph, x: Any, kernel: Any, recurrent_kernel: Any, bias: Any = None, initial_state: Any = None,
    lengths: Any = None, mask: Any = None, go_backwards: bool = False, activation: str = "tanh",
    recurrent_activation: str = "sigmoid", return_sequences: bool = True, zero_output_for_mask: bool = False,
    in_time_order: bool = False, projection_kernel: Any = None, kernel_gamma: Any = None, recurrent_gamma: Any = None,
    state_gamma: Any = None, state_beta: Any = None, epsilon: float = 1e-3, bfloat16: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    way = Way(lengths, mask, go_backwards, return_sequences, zero_output_for_mask, in_time_order)
    states = (None, None) if initial_state is None else tuple(initial_state)
    x = g.value(x, g.dtype)
    if projection_kernel is not None or kernel_gamma is not None:
        norms = (kernel_gamma, recurrent_gamma, state_gamma, state_beta, epsilon)
        names = (activation, recurrent_activation)
        return lstm_scan(g, x, kernel, recurrent_kernel, bias, states, way, names, norms, projection_kernel)
    named = _activations(("sigmoid", "tanh", "tanh"), recurrent_activation, activation, activation)
    # i f c o here, i o f c there
    return _run(g, "LSTM", x, kernel, recurrent_kernel, bias, states, (0, 3, 1, 2), way, named)


@exports("gru")
def gru(
    g: Graph, x: Any, kernel: Any, recurrent_kernel: Any, bias: Any = None, initial_state: Any = None,
    lengths: Any = None, mask: Any = None, go_backwards: bool = False, activation: str = "tanh",
    recurrent_activation: str = "sigmoid", return_sequences: bool = True, zero_output_for_mask: bool = False,
    in_time_order: bool = False, reset_after: bool = True, kernel_gamma: Any = None, recurrent_gamma: Any = None,
    epsilon: float = 1e-3, bfloat16: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    way = Way(lengths, mask, go_backwards, return_sequences, zero_output_for_mask, in_time_order)
    x, states = g.value(x, g.dtype), (initial_state,)
    if kernel_gamma is not None:
        names = (activation, recurrent_activation)
        norms = (kernel_gamma, recurrent_gamma, epsilon)
        return gru_scan(g, x, kernel, recurrent_kernel, bias, states, way, names, norms, reset_after)
    named = _activations(("sigmoid", "tanh"), recurrent_activation, activation)
    named["linear_before_reset"] = int(bool(reset_after)) or None
    return _run(g, "GRU", x, kernel, recurrent_kernel, bias, states, (0, 1, 2), way, named)


@exports("simple_rnn")
def simple_rnn(
    g: Graph, x: Any, kernel: Any, recurrent_kernel: Any, bias: Any = None, initial_state: Any = None,
    lengths: Any = None, mask: Any = None, go_backwards: bool = False, activation: str = "tanh",
    return_sequences: bool = True, zero_output_for_mask: bool = False, in_time_order: bool = False,
    kernel_gamma: Any = None, recurrent_gamma: Any = None, epsilon: float = 1e-3, bfloat16: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    way = Way(lengths, mask, go_backwards, return_sequences, zero_output_for_mask, in_time_order)
    x, states = g.value(x, g.dtype), (initial_state,)
    if kernel_gamma is not None:
        norms = (kernel_gamma, recurrent_gamma, epsilon)
        return rnn_scan(g, x, kernel, recurrent_kernel, bias, states, way, activation, norms)
    return _run(g, "RNN", x, kernel, recurrent_kernel, bias, states, (0,), way, _activations(("tanh",), activation))


@exports("lstm_cell")
def lstm_cell(
    g: Graph, x: Any, states: Any, kernel: Any, recurrent_kernel: Any, bias: Any = None, activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
) -> tuple[Any, ...]:  # fmt: skip
    x = g.value(x, g.dtype)
    step = g.reshape(x, (x.shape[0], 1, x.shape[1]))
    _, h, c = lstm(
        g, step, kernel, recurrent_kernel, bias, states, activation=activation,
        recurrent_activation=recurrent_activation, return_sequences=False,
    )  # fmt: skip
    return h, c


@exports("conv_lstm")
def conv_lstm(
    g: Graph, x: Any, kernel: Any, recurrent_kernel: Any, bias: Any = None, initial_state: Any = None,
    lengths: Any = None, mask: Any = None, go_backwards: bool = False, activation: str = "tanh",
    recurrent_activation: str = "sigmoid", return_sequences: bool = True, zero_output_for_mask: bool = False,
    in_time_order: bool = False, strides: Any = 1, padding: Any = "valid", dilation_rate: Any = 1,
) -> tuple[Any, ...]:  # fmt: skip
    way = Way(lengths, mask, go_backwards, return_sequences, zero_output_for_mask, in_time_order)
    x, kernel, recurrent = (g.value(v, g.dtype) for v in (x, kernel, recurrent_kernel))
    names = (activation, recurrent_activation)
    states = (None, None) if initial_state is None else tuple(initial_state)
    geometry = (strides, padding, dilation_rate)
    return conv_lstm_scan(g, x, kernel, recurrent, bias, states, way, names, geometry)


@exports("recurrence")
def recurrence(
    g: Graph, step: Any, x: Any, states: Any, mask: Any, lengths: Any, way: Any, shape: tuple[int, ...]
) -> tuple[Any, ...]:
    """A cell that the kernels do not know (``layers/run_cell.py``)."""
    options = Way(lengths, mask, way.backwards, way.sequences, way.zero_output, way.in_time_order)
    return cell_scan(g, step, g.value(x, g.dtype), states, options, shape)
