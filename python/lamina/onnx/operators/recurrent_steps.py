"""Recurrences that the native ones do not know, step by step: other activations, limits, peepholes, coupled gates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ..registry import Unsupported
from .activation import hard_sigmoid_of

Function = Callable[[Any], Tensor]
# By name: the defaults of alpha and beta (None: must be given, absent: has none), and what they make.
_FUNCTIONS: dict[str, tuple[tuple[float | None, ...], Callable[..., Function]]] = {
    "Affine": ((None, None), lambda a, b: lambda x: ops.add(ops.multiply(x, a), b)),
    "Elu": ((1.0,), lambda a: lambda x: ops.elu(x, a)),
    "HardSigmoid": ((0.2, 0.5), hard_sigmoid_of),
    "LeakyRelu": ((0.01,), lambda a: lambda x: ops.leaky_relu(x, a)),
    "Relu": ((), lambda: ops.relu),
    "ScaledTanh": ((None, None), lambda a, b: lambda x: ops.multiply(ops.tanh(ops.multiply(x, b)), a)),
    "Sigmoid": ((), lambda: ops.sigmoid),
    "Softplus": ((), lambda: ops.softplus),
    "Softsign": ((), lambda: ops.softsign),
    "Tanh": ((), lambda: ops.tanh),
    "ThresholdedRelu": ((1.0,), lambda a: lambda x: ops.threshold(x, a, 0.0)),
}
_BY_LOWER = {name.lower(): name for name in _FUNCTIONS}


def functions(names: Sequence[str], alphas: Sequence[float], betas: Sequence[float]) -> list[Function]:
    """The activations of a node; each takes the next of the numbers given, if it has one."""
    numbers: tuple[Iterator[float], ...] = (iter(alphas), iter(betas))
    found = []
    for name in names:
        known = _BY_LOWER.get(name.lower())
        if known is None:
            raise Unsupported(f"activation {name!r} is not known, only {', '.join(_FUNCTIONS)}")
        defaults, make = _FUNCTIONS[known]
        values = [next(given, default) for given, default in zip(numbers, defaults, strict=False)]
        if any(v is None for v in values):
            raise Unsupported(f"activation {name!r} needs numbers of its own")
        found.append(make(*values))
    return found


class Stepwise:
    """One direction of a recurrence in ONNX's layout."""

    def __init__(self, op: str, acts: Sequence[Function], clip: float | None, coupled: bool, reset_after: bool) -> None:
        self.op, self.acts, self.clip = op, acts, clip
        self.coupled, self.reset_after = coupled, reset_after

    def run(
        self, x: Tensor, w: Any, r: Any, b: Any, p: Any, lengths: Any, first: Sequence[Any], backwards: bool
    ) -> tuple[Tensor, ...]:
        """Outputs (B, T, units) and the last states, of x (B, T, features)."""
        batch, steps, units = x.shape[0], x.shape[1], r.shape[1]
        gates = r.shape[0] // units
        z = ops.matmul(x, ops.transpose(w, (1, 0)))
        split = None if b is None else ops.split(b, 2, 0)
        if split is not None:
            z = ops.add(z, split[0])
        zeros = ops.zeros((batch, units), x.dtype)
        states = [zeros if s is None else s for s in (*first, None)][: 2 if self.op == "LSTM" else 1]
        turned = ops.transpose(r, (1, 0))
        peepholes = None if p is None else ops.split(p, 3, 0)
        outputs: list[Any] = [None] * steps
        for t in reversed(range(steps)) if backwards else range(steps):
            inputs = ops.split(ops.getitem(z, (slice(None), t)), gates, -1)
            new = self._step(inputs, states, turned, None if split is None else split[1], peepholes)
            y = new[0]
            if lengths is not None:
                counts = ops.expand_dims(ops.less(t, lengths), 1)
                new = [ops.where(counts, n, s) for n, s in zip(new, states, strict=True)]
                y = ops.where(counts, y, np.zeros((), x.dtype))
            states, outputs[t] = new, y
        return (ops.stack(outputs, 1), *states)

    def _limited(self, z: Any) -> Any:
        return z if self.clip is None else ops.clip(z, -self.clip, self.clip)

    def _step(self, inputs: list[Any], states: list[Any], r: Any, bias: Any, peepholes: Any) -> list[Any]:
        h = states[0]
        if self.op == "GRU":
            return [self._gru(inputs, h, r, bias)]
        product = ops.matmul(h, r)
        product = product if bias is None else ops.add(product, bias)
        parts = [ops.add(i, q) for i, q in zip(inputs, ops.split(product, len(inputs), -1), strict=True)]
        if self.op == "RNN":
            return [self.acts[0](self._limited(parts[0]))]
        f, g, k = self.acts
        c = states[1]
        zi, zo, zf, zc = parts
        if peepholes is not None:
            zi, zf = ops.add(zi, ops.multiply(peepholes[0], c)), ops.add(zf, ops.multiply(peepholes[2], c))
        i = f(self._limited(zi))
        forget = ops.subtract(np.ones((), i.dtype), i) if self.coupled else f(self._limited(zf))
        c = ops.add(ops.multiply(forget, c), ops.multiply(i, g(self._limited(zc))))
        zo = zo if peepholes is None else ops.add(zo, ops.multiply(peepholes[1], c))
        return [ops.multiply(f(self._limited(zo)), k(c)), c]

    def _gru(self, inputs: list[Any], h: Any, r: Any, bias: Any) -> Tensor:
        f, g = self.acts
        rz, rr, rh = ops.split(r, 3, 1)
        biases = [None] * 3 if bias is None else ops.split(bias, 3, 0)

        def product(state: Any, kernel: Any, b: Any) -> Any:
            y = ops.matmul(state, kernel)
            return y if b is None else ops.add(y, b)

        update = f(self._limited(ops.add(inputs[0], product(h, rz, biases[0]))))
        reset = f(self._limited(ops.add(inputs[1], product(h, rr, biases[1]))))
        if self.reset_after:
            inner = ops.multiply(reset, product(h, rh, biases[2]))
        else:
            inner = product(ops.multiply(reset, h), rh, biases[2])
        candidate = g(self._limited(ops.add(inputs[2], inner)))
        return ops.add(ops.multiply(update, ops.subtract(h, candidate)), candidate)
