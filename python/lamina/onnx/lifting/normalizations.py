"""Layer normalization that is written out."""

from __future__ import annotations

from ..graph import Node
from .view import View, near


def layer_norm(view: View, node: Node) -> bool:
    """(x - mean) / sqrt(mean((x - mean)^2) + epsilon), then a factor and a summand, over the last axis."""
    if node.op != "Div":
        return False
    centered = node.inputs[0]
    sub = view.maker(centered, "Sub", shared=True)
    root = view.maker(node.inputs[1], "Sqrt")
    added = None if root is None else view.maker(root.inputs[0], "Add")
    pair = None if added is None else view.with_scalar(added)
    if sub is None or pair is None:
        return False
    x, epsilon = sub.inputs[0], pair[1]
    mean = view.maker(sub.inputs[1], "ReduceMean", shared=True)
    variance = view.maker(pair[0], "ReduceMean")
    if (
        mean is None
        or mean.inputs[0] != x
        or variance is None
        or not (_is_last(view, mean) and _is_last(view, variance))
    ):
        return False
    square = view.maker(variance.inputs[0], "Pow", "Mul")
    if square is None or not _is_square(view, square, sub, x):
        return False
    last = node
    weights: list[str] = []
    for op in ("Mul", "Add"):
        reader = view.reader(last)
        name = None if reader is None or reader.op != op or reader.domain else _other(reader, last.outputs[0])
        value = None if name is None else view.value(name)
        if reader is None or name is None or value is None or value.ndim != 1 or value.size < 2:
            break
        last, weights = reader, [*weights, name]
    if len(weights) == 0:
        return False
    last.op, last.inputs, last.attributes = "LayerNormalization", [x, *weights], {"axis": -1, "epsilon": epsilon}
    last.version = 17
    return True


def _other(node: Node, name: str) -> str:
    return node.inputs[1] if node.inputs[0] == name else node.inputs[0]


def _is_last(view: View, node: Node) -> bool:
    return view.axes(node) == [-1] and bool(node.attributes.get("keepdims", 1))


def _is_square(view: View, node: Node, sub: Node, x: str) -> bool:
    """Whether a node squares what ``sub`` gives; some exporters subtract twice."""
    if node.op == "Pow" and not near(view.scalar(node.inputs[1]), 2):
        return False
    if node.op == "Mul" and node.inputs[0] != node.inputs[1]:
        return False
    again = view.makers.get(node.inputs[0])
    return again is sub or (again is not None and again.op == "Sub" and again.inputs == sub.inputs)
