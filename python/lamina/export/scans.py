"""Recurrences that ONNX has no node for, as Scan: with layer normalization, projections, or convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.autograd import Tensor
from ..core.tree import flatten, pack_as
from .convolution import convolved
from .dense import product
from .elementwise import activated, truth
from .graph import BOOL, INT64, Graph
from .steps import Way, through
from .values import Value, channels_first

Step = Callable[[Value, list[Value]], list[Value]]  # (z of one step, states) -> states, the first is the output


def scanned(g: Graph, z: Value, first: list[Value], way: Way, step: Step) -> tuple[Any, ...]:
    """The states of ``step`` over z (N, T, ...), the outputs are those of the first state."""

    def run(z: Value, lengths: Value | None, backwards: bool) -> tuple[Value, list[Value]]:
        n, time = z.shape[:2]
        if time == 1 and lengths is None:
            after = step(g.reshape(z, (n, *z.shape[2:])), first)
            return g.reshape(after[0], (n, 1, *first[0].shape[1:])), after
        order = (1, 0, *range(2, z.ndim))
        inputs, shapes = [g.name(z, order)], [(z.dtype, (z.shape[0], *z.shape[2:]))]
        if lengths is not None:
            column = g.reshape(g.counted(z.shape[1]), (z.shape[1], 1))
            counts = g.map("Less", column, g.cast(lengths, INT64), dtype=BOOL)
            ones = (1,) * (first[0].ndim - 1)
            inputs.append(g.name(g.reshape(counts, (*counts.shape, *ones))))
            shapes.append((BOOL, (z.shape[0], *ones)))

        def body(given: list[Value]) -> list[Value]:
            states, x, *counts = given[: len(first)], *given[len(first) :]
            after = step(x, states)
            out = after[0]
            if counts:
                after = [g.map("Where", counts[0], a, b) for a, b in zip(after, states, strict=True)]
                out = g.map("Where", counts[0], out, g.constant(0, out.dtype))
            return [*after, out]

        states = [(s.dtype, s.shape) for s in first]
        made = g.node(
            "Scan", *first, *inputs, outputs=len(first) + 1, body=g.body([*states, *shapes], body),
            num_scan_inputs=len(inputs), scan_input_directions=[1] * len(inputs) if backwards else None,
            scan_output_directions=[1] if backwards else None,
        )  # fmt: skip
        *ends, y = made
        out = g.made(y, order_of(first[0].ndim + 1), (n, time, *first[0].shape[1:]), z.dtype)
        return out, [g.made(e, None, s.shape, s.dtype) for e, s in zip(ends, first, strict=True)]

    y, ends = through(g, z, way, run)
    return y, *ends


def order_of(ndim: int) -> tuple[int, ...]:
    """Time first."""
    return (1, 0, *range(2, ndim))


def first_states(g: Graph, states: tuple[Any, ...], shapes: list[tuple[Any, ...]]) -> list[Value]:
    """The states to begin with, zeros where none are given."""
    made = []
    for state, shape in zip(states, shapes, strict=True):
        if state is None:
            made.append(g.filled(0, shape, g.dtype))
        else:
            made.append(g.value(state, g.dtype))
    return made


def _normed(g: Graph, z: Value, gamma: Any, parts: tuple[int, ...], epsilon: float) -> Value:
    """Each part of the last axis normalized by itself."""
    units = int(gamma.shape[0]) // sum(parts)
    if len(parts) == 1:
        return _layer_norm(g, z, gamma, None, epsilon)
    widths = [units * p for p in parts]
    pieces = g.node("Split", z, g.ints(widths), axis=-1, outputs=len(parts))
    factors = np.split(gamma.array, np.cumsum(widths)[:-1])
    made = [
        _layer_norm(g, g.made(p, None, (*z.shape[:-1], w), z.dtype), g.constant(f), None, epsilon)
        for p, w, f in zip(pieces, widths, factors, strict=True)
    ]
    return g.made(g.node("Concat", *made, axis=-1), None, z.shape, z.dtype)


def _layer_norm(g: Graph, z: Value, gamma: Any, beta: Any, epsilon: float) -> Value:
    return g.made(g.node("LayerNormalization", z, gamma, beta, axis=-1, epsilon=float(epsilon)), None, z.shape, z.dtype)


def _of_input(g: Graph, x: Value, kernel: Any, bias: Any, gamma: Any, parts: tuple[int, ...], epsilon: float) -> Value:
    z = product(g, x, kernel)
    z = z if gamma is None else _normed(g, z, gamma, parts, epsilon)
    return z if bias is None else g.map("Add", z, bias)


def apply(g: Graph, x: Value, activation: str) -> Value:
    if activation == "hard_sigmoid":
        return g.made(g.node("HardSigmoid", x, alpha=1 / 6, beta=0.5), None, x.shape, x.dtype)
    return activated(g, x, activation)


def split(g: Graph, z: Value, parts: int, axis: int = -1) -> list[Value]:
    """The gates of z, which stand side by side in an axis."""
    shape = list(z.shape)
    shape[axis] = int(shape[axis]) // parts
    names = g.node("Split", z, axis=axis, num_outputs=parts, outputs=parts)
    return [g.made(n, None, tuple(shape), z.dtype) for n in names]


def lstm_step(
    g: Graph, z: Value, c: Value, names: tuple[str, str], of_c: Callable[[Value], Value], axis: int = -1
) -> list[Value]:
    """h and c from the sums of the gates, which stand side by side in an axis."""
    act, gate = names
    i, f, a, o = split(g, z, 4, axis)
    kept = g.map("Mul", apply(g, f, gate), c)
    c = g.map("Add", kept, g.map("Mul", apply(g, i, gate), apply(g, a, act)))
    return [g.map("Mul", apply(g, o, gate), apply(g, of_c(c), act)), c]


def lstm_scan(
    g: Graph, x: Value, kernel: Any, recurrent_kernel: Any, bias: Any, states: tuple[Any, ...], way: Way,
    names: tuple[str, str], norms: tuple[Any, ...], projection: Any,
) -> tuple[Any, ...]:  # fmt: skip
    gamma, recurrent_gamma, state_gamma, state_beta, epsilon = norms
    z = _of_input(g, x, kernel, bias, gamma, (1,), epsilon)
    units, size = int(kernel.shape[1]) // 4, int(recurrent_kernel.shape[0])
    first = first_states(g, states, [(x.shape[0], size), (x.shape[0], units)])

    def of_c(c: Value) -> Value:
        return c if gamma is None else _layer_norm(g, c, state_gamma, state_beta, epsilon)

    def step(z: Value, states: list[Value]) -> list[Value]:
        more = product(g, states[0], recurrent_kernel)
        more = more if gamma is None else _normed(g, more, recurrent_gamma, (1,), epsilon)
        h, c = lstm_step(g, g.map("Add", z, more), states[1], names, of_c)
        return [h if projection is None else product(g, h, projection), c]

    return scanned(g, z, first, way, step)


def gru_scan(
    g: Graph, x: Value, kernel: Any, recurrent_kernel: Any, bias: Any, states: tuple[Any, ...], way: Way,
    names: tuple[str, str], norms: tuple[Any, ...], reset_after: bool,
) -> tuple[Any, ...]:  # fmt: skip
    gamma, recurrent_gamma, epsilon = norms
    act, gate = names
    units = int(recurrent_kernel.shape[0])
    own = second = None
    if bias is not None:
        both = bias.array if bias.ndim == 2 else np.stack([bias.array, np.zeros_like(bias.array)])
        own, second = g.constant(both[0]), g.constant(both[1])
    z = _of_input(g, x, kernel, own, gamma, (2, 1), epsilon)
    first = first_states(g, states, [(x.shape[0], units)])
    cut = 2 * units

    def step(z: Value, states: list[Value]) -> list[Value]:
        (h,) = states
        xz, xr, xh = split(g, z, 3)
        if reset_after:
            q = _normed(g, product(g, h, recurrent_kernel), recurrent_gamma, (2, 1), epsilon)
            q = q if second is None else g.map("Add", q, second)
            hz, hr, hh = split(g, q, 3)
            inner = g.map("Mul", apply(g, g.map("Add", xr, hr), gate), hh)
        else:
            gates, last = recurrent_kernel.array[:, :cut], recurrent_kernel.array[:, cut:]
            of_gates, of_last = recurrent_gamma.array[:cut], recurrent_gamma.array[cut:]
            q = _normed(g, product(g, h, g.constant(gates)), g.constant(of_gates), (1,), epsilon)
            hz, hr = split(g, q, 2)
            reset = g.map("Mul", apply(g, g.map("Add", xr, hr), gate), h)
            inner = _normed(g, product(g, reset, g.constant(last)), g.constant(of_last), (1,), epsilon)
        u = apply(g, g.map("Add", xz, hz), gate)
        new = apply(g, g.map("Add", xh, inner), act)
        return [g.map("Add", g.map("Mul", u, h), g.map("Mul", g.map("Sub", 1.0, u), new))]

    return scanned(g, z, first, way, step)


def rnn_scan(
    g: Graph, x: Value, kernel: Any, recurrent_kernel: Any, bias: Any, states: tuple[Any, ...], way: Way,
    activation: str, norms: tuple[Any, ...],
) -> tuple[Any, ...]:  # fmt: skip
    gamma, recurrent_gamma, epsilon = norms
    z = _of_input(g, x, kernel, bias, gamma, (1,), epsilon)
    first = first_states(g, states, [(x.shape[0], int(recurrent_kernel.shape[0]))])

    def step(z: Value, states: list[Value]) -> list[Value]:
        q = _normed(g, product(g, states[0], recurrent_kernel), recurrent_gamma, (1,), epsilon)
        return [apply(g, g.map("Add", z, q), activation)]

    return scanned(g, z, first, way, step)


def conv_lstm_scan(
    g: Graph, x: Value, kernel: Value, recurrent: Value, bias: Any, states: tuple[Any, ...], way: Way,
    names: tuple[str, str], geometry: tuple[Any, ...],
) -> tuple[Any, ...]:  # fmt: skip
    """The input's convolution over all steps at once, then the states' step by step, channels first within."""
    n, time, *inner, channels = x.shape
    filters = int(recurrent.shape[-2])
    after = g.results[-1][1][1:-1]  # of a state
    images = g.reshape(x, (n * time, *inner, channels))
    if int(kernel.shape[-2]) != channels:
        g.refuse("gates with channels of their own are there in training alone")
    z_name = convolved(g, images, kernel, bias, *geometry)
    ndim = len(inner) + 2
    z = g.reshape(g.made(z_name, None, (n * time, 4 * filters, *after), x.dtype), (n, time, 4 * filters, *after))
    shape = (n, filters, *after)
    turned = [None if s is None else _made_first(g, s, ndim) for s in states]
    first = first_states(g, tuple(turned), [shape, shape])

    def step(z: Value, states: list[Value]) -> list[Value]:
        h = states[0].turned((0, *range(2, ndim), 1))
        more = g.made(convolved(g, h, recurrent, None, 1, "same", 1), None, z.shape, z.dtype)
        return lstm_step(g, g.map("Add", z, more), states[1], names, lambda c: c, 1)

    y, *ends = scanned(g, z, first, way, step)
    last = (0, *range(2, ndim), 1)
    ends = [e.turned(last) for e in ends]
    return (None if y is None else y.turned((0, 1, *range(3, ndim + 1), 2))), *ends


def _made_first(g: Graph, state: Any, ndim: int) -> Value:
    v = g.value(state, g.dtype)
    order = channels_first(ndim)
    return g.made(g.name(v, order), None, tuple(v.shape[a] for a in order), v.dtype)


def cell_scan(
    g: Graph, step: Callable[..., Any], x: Value, states: Any, way: Way, shape: tuple[int, ...]
) -> tuple[Any, ...]:
    """A cell of Python: its step is traced by itself.  The output goes along as the first of the states."""
    given = flatten(states)
    n = x.shape[0]
    first = first_states(g, (None, *given), [(n, *shape), *(s.shape for s in given)])

    def one(x: Tensor, *values: Tensor) -> list[Tensor]:
        y, after = step(x, pack_as(states, list(values)))
        return [y, *flatten(after)]

    def traced(x: Value, states: list[Value]) -> list[Value]:
        return g.traced(one, [x, *states[1:]])

    y, last, *ends = scanned(g, x, first, way, traced)
    if way.mask is not None and way.zero_output:  # of a step that does not count
        time = way.mask.shape[1]
        end = 0 if way.backwards else time - 1
        counts = g.made(g.node("Gather", truth(g, way.mask), g.sizes([end]), axis=1), None, (n, 1), BOOL)
        beside = g.reshape(counts, (n, *(1,) * len(shape)))
        last = g.map("Where", beside, last, g.constant(0, last.dtype))
    return y, last, pack_as(states, ends)
