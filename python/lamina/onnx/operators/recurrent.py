"""LSTM, GRU and RNN on the native recurrences.

ONNX holds (directions, gates * units, features), gates i o f c or z r h, and two biases; Lamina (features, gates *
units), gates i f c o or z r h, and one bias, two for GRU.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ...ops.conversion import as_tensor
from ..graph import OWN
from ..layout import ordered, plain, stored
from ..registry import Call, Run, Unsupported, operator
from .recurrent_steps import Stepwise, functions

_GATES = {"LSTM": (0, 2, 3, 1), "GRU": (0, 1, 2), "RNN": (0,)}  # which of ONNX's stands at each of Lamina's places
_DEFAULTS = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}
_NATIVE = {"Sigmoid": "sigmoid", "Tanh": "tanh", "Relu": "relu"}


def converted(op: str, w: Any, r: Any, b: Any, direction: int) -> list[Any]:
    """The kernel, the recurrent kernel and the bias of one direction, in Lamina's layout."""
    gates = _GATES[op]
    units = r.shape[2]

    def turned(x: Any) -> Any:
        parts = [ops.getitem(x, (direction, slice(g * units, (g + 1) * units))) for g in gates]
        return ops.transpose(ops.concatenate(parts, 0), (1, 0))

    kernels = [turned(w), turned(r)]
    if b is None:
        return [*kernels, None]
    halves = []
    for first in (0, len(gates) * units):
        parts = [ops.getitem(b, (direction, slice(first + g * units, first + (g + 1) * units))) for g in gates]
        halves.append(ops.concatenate(parts, 0))
    return [*kernels, halves]


def bias_of(op: str, halves: Any, reset_after: bool) -> Any:
    """One bias out of the input's and the recurrent one."""
    if halves is None:
        return None
    if op == "GRU" and reset_after:
        return ops.stack(halves)
    return ops.add(*halves)


class Recurrence:
    """The attributes of a recurrent node."""

    def __init__(self, call: Call) -> None:
        self.op = call.node.op
        self.units = call.get("hidden_size", 0)
        self.direction = call.choice("direction", "forward", ("forward", "reverse", "bidirectional"))
        self.directions = 2 if self.direction == "bidirectional" else 1
        self.batch_first = bool(call.get("layout", 0))
        call.get("output_sequence", 0)
        each = _DEFAULTS[self.op]
        names = list(call.get("activations", ())) or list(each) * self.directions
        if len(names) != len(each) * self.directions:
            raise Unsupported(f"it has {len(names)} activations, expected {len(each) * self.directions}")
        acts = functions(names, call.get("activation_alpha", ()), call.get("activation_beta", ()))
        clip, coupled = call.get("clip"), bool(call.get("input_forget", 0)) if self.op == "LSTM" else False
        self.reset_after = self.op == "GRU" and bool(call.get("linear_before_reset", 0))
        self.native = clip is None and not coupled and all(n in _NATIVE for n in names)
        if self.op == "LSTM":  # those of the candidate and of the state must be one
            self.native &= all(names[3 * d + 1] == names[3 * d + 2] for d in range(self.directions))
            self.native &= not call.has(7) or call.node.domain == OWN  # peepholes
        self.names = [_NATIVE.get(n, n) for n in names]
        n = len(each)
        self.stepwise = [
            Stepwise(self.op, acts[d * n : (d + 1) * n], clip, coupled, self.reset_after)
            for d in range(self.directions)
        ]
        self.wants = [call.wants(i) for i in range(3)]

    def run(self, x: Any, weights: list[list[Any]], lengths: Any, h: Any, c: Any) -> Any:
        """The outputs of the node; ``weights`` are those of each direction."""
        inputs = as_tensor(stored(x, (0, 1, 2) if self.batch_first else (1, 0, 2)))
        h, c = (None if is_zero(s) else plain(s) for s in (h, c))
        counts = None if lengths is None or _all_count(lengths, inputs.shape[1]) else plain(lengths)
        sequences, last = [], []
        for d in range(self.directions):
            backwards = self.direction == "reverse" or d == 1
            first = [None if s is None else self._first(s, d) for s in (h, c)]
            y, *states = self._one(inputs, weights[d], counts, first, backwards, d)
            sequences.append(y)
            last.append(states)
        results: list[Any] = []
        if self.wants[0]:
            y = ops.stack(sequences, 2) if len(sequences) > 1 else ops.expand_dims(sequences[0], 2)
            results.append(y if self.batch_first else ordered(y, (2, 0, 1, 3)))  # (B, T, directions, units)
        else:
            results.append(None)
        for i in range(2 if self.op == "LSTM" else 1):
            state = ops.stack([s[i] for s in last], 1) if len(last) > 1 else ops.expand_dims(last[0][i], 1)
            results.append(state if self.batch_first else ordered(state, (1, 0, 2)))
        return tuple(results)

    def _first(self, state: Any, d: int) -> Any:
        """The first state of a direction."""
        return ops.getitem(state, (slice(None), d) if self.batch_first else (d,))

    def _one(self, x: Tensor, weights: list[Any], lengths: Any, first: list[Any], backwards: bool, d: int) -> Any:
        if not self.native:
            w, r, b, p = weights
            return self.stepwise[d].run(x, w, r, b, p, lengths, first, backwards)
        kernel, recurrent_kernel, bias = weights
        options = {
            "lengths": lengths, "go_backwards": backwards, "in_time_order": True, "zero_output_for_mask": True,
            "return_sequences": self.wants[0],
        }  # fmt: skip
        n = len(_DEFAULTS[self.op])
        names = self.names[d * n : (d + 1) * n]
        if self.op == "RNN":
            return ops.simple_rnn(x, kernel, recurrent_kernel, bias, first[0], activation=names[0], **options)
        options |= {"activation": names[1], "recurrent_activation": names[0]}
        if self.op == "GRU":
            return ops.gru(x, kernel, recurrent_kernel, bias, first[0], reset_after=self.reset_after, **options)
        if any(s is not None for s in first):
            zeros = ops.zeros((x.shape[0], self.units or recurrent_kernel.shape[0]), x.dtype)
            h, c = (zeros if s is None else s for s in first)
            return ops.lstm(x, kernel, recurrent_kernel, bias, (h, c), **options)
        return ops.lstm(x, kernel, recurrent_kernel, bias, **options)


def is_zero(state: Any) -> bool:
    """Whether a state is none, or known to be zeros."""
    return state is None or (isinstance(state, np.ndarray) and not state.any())


def _all_count(lengths: Any, steps: int) -> bool:
    return isinstance(lengths, np.ndarray) and bool((lengths == steps).all())


def _register(name: str) -> None:
    @operator(name, ordered=True)
    def make(call: Call) -> Run:
        node = Recurrence(call)

        def run(
            x: Any, w: Any, r: Any, b: Any = None, lengths: Any = None, h: Any = None, c: Any = None, p: Any = None
        ) -> Any:
            w, r, b = plain(w), plain(r), plain(b)
            weights: list[list[Any]] = []
            if not node.native:
                given = (w, r, b, plain(p))
                for d in range(node.directions):
                    weights.append([None if v is None else ops.getitem(v, d) for v in given])
                return node.run(x, weights, lengths, h, c)
            for d in range(node.directions):
                kernel, recurrent_kernel, halves = converted(name, w, r, b, d)
                weights.append([kernel, recurrent_kernel, bias_of(name, halves, node.reset_after)])
            return node.run(x, weights, lengths, h, c)

        return run

    @operator(name, domain=OWN, ordered=True)
    def make_lifted(call: Call) -> Run:
        """With weights in Lamina's layout behind the four inputs x, lengths, h, c."""
        node = Recurrence(call)

        def run(x: Any, lengths: Any, h: Any, c: Any, *weights: Any) -> Any:
            each = [list(map(plain, weights[3 * d : 3 * d + 3])) for d in range(node.directions)]
            return node.run(x, each, lengths, h, c)

        return run


for _name in _GATES:
    _register(_name)
