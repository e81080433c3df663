"""Attention that is written out: softmax(q k^T * scale + mask) v."""

from __future__ import annotations

import math

from ..graph import OWN, Node
from .activations import factors
from .view import View


def attention(view: View, node: Node) -> bool:
    """A product with softmax of a product, with a factor and a mask between."""
    if node.op != "MatMul":
        return False
    softmax = view.maker(node.inputs[0], "Softmax")
    if softmax is None:
        return False
    axis = softmax.attributes.get("axis", -1 if softmax.version >= 13 else 1)
    if axis not in (-1, 3):
        return False
    scores, mask, scale = softmax.inputs[0], "", 1.0
    added = view.maker(scores, "Add")
    if added is not None:
        for name in added.inputs:
            if view.maker(name, "MatMul", "Mul", "Div") is not None and not mask:
                scores = name
                mask = added.inputs[1] if name == added.inputs[0] else added.inputs[0]
        if not mask:
            return False
    scaled = view.maker(scores, "Mul", "Div")
    if scaled is not None:
        values, scale = factors(view, scaled)
        if len(values) != 1 or math.isnan(scale):
            return False
        scores = values[0]
    product = view.maker(scores, "MatMul")
    if product is None:
        return False
    q, k = product.inputs
    for side in (0, 1):  # factors of q and k
        inner = view.maker(product.inputs[side], "Mul", "Div")
        pair = None if inner is None else view.with_scalar(inner)
        if inner is not None and pair is not None and (inner.op == "Mul" or pair[0] == inner.inputs[0]):
            scale *= pair[1] if inner.op == "Mul" else 1 / pair[1]
            q, k = (pair[0], k) if side == 0 else (q, pair[0])
    node.op, node.domain, node.attributes = "Attention", OWN, {"scale": scale, "axis": axis}
    node.inputs = [q, k, node.inputs[1], *([mask] if mask else [])]
    return True
