"""Weights of LSTM, GRU and RNN in Lamina's layout, from load on."""

from __future__ import annotations

import numpy as np

from ... import ops
from ...core.autograd import Tensor, no_grad
from ..graph import OWN, Node
from ..operators.recurrent import Recurrence, bias_of, converted
from ..registry import Call, Unsupported
from .view import View


def recurrence(view: View, node: Node) -> bool:
    """A recurrent node whose weights only it reads."""
    if node.op not in ("LSTM", "GRU", "RNN"):
        return False
    inputs = [*node.inputs, *[""] * (8 - len(node.inputs))]
    x, w, r, b, lengths, h, c = inputs[:7]
    if not _is_native(view, node) or any(n not in view.graph.weights or view.uses[n] != 1 for n in (w, r)):
        return False
    if b and (b not in view.graph.weights or view.uses[b] != 1):
        return False
    values = [None if not n else Tensor(np.asarray(view.graph.weights[n].value)) for n in (w, r, b)]
    if any(v is not None and v.ndim != n for v, n in zip(values, (3, 3, 2), strict=True)):
        return False
    directions = 2 if node.attributes.get("direction") == "bidirectional" else 1
    kernels, recurrent_kernels, biases = values
    if kernels is None or kernels.shape[0] != directions:
        return False
    for name in (w, r, b):
        view.graph.weights.pop(name, None)
    names: list[str] = []
    with no_grad():
        for d in range(directions):
            kernel, recurrent_kernel, halves = converted(node.op, kernels, recurrent_kernels, biases, d)
            bias = bias_of(node.op, halves, bool(node.attributes.get("linear_before_reset", 0)))
            behind = ".reverse" if d or node.attributes.get("direction") == "reverse" else ""
            for name, value in ((w, kernel), (r, recurrent_kernel), (b, bias)):
                array = None if value is None else np.array(ops.convert_to_numpy(value))
                names.append("" if array is None else view.new_weight(name + behind, array))
    node.domain, node.inputs = OWN, [x, lengths, h, c, *names]
    return True


def _is_native(view: View, node: Node) -> bool:
    try:
        return Recurrence(Call(node, view.graph.constants)).native
    except Unsupported:
        return False  # the executor says why
