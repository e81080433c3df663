"""Matrix products with their biases and activations become dense layers."""

from __future__ import annotations

from ..graph import OWN, Node
from .convolutions import fuse_activation
from .view import View


def _matrix(view: View, name: str) -> bool:
    return name in view.graph.weights and view.graph.weights[name].value.ndim == 2


def gemm(view: View, node: Node) -> bool:
    """Gemm of plain matrices, whose weight may be stored turned."""
    given = node.attributes
    if node.op != "Gemm" or given.get("alpha", 1.0) != 1.0 or given.get("beta", 1.0) != 1.0 or given.get("transA", 0):
        return False
    if not _matrix(view, node.inputs[1]):
        return False
    weight = view.graph.weights[node.inputs[1]]
    turned = bool(given.get("transB", 0))
    if turned and (weight.order is not None or view.uses[node.inputs[1]] > 1):
        return False
    units = weight.value.shape[0 if turned else 1]
    if len(node.inputs) > 2 and node.inputs[2]:
        bias = view.value(node.inputs[2])
        if bias is None or bias.shape not in ((units,), (1, units)):
            return False
    if turned:
        weight.value = weight.value.T
    node.op, node.domain, node.attributes = "Dense", OWN, {}
    return True


def matmul(view: View, node: Node) -> bool:
    """MatMul with a matrix, and the bias behind it."""
    if node.op != "MatMul" or not _matrix(view, node.inputs[1]):
        return False
    reader = view.reader(node)
    if reader is None or reader.op != "Add" or reader.domain or reader.version < 7:
        return False
    name = reader.inputs[1] if reader.inputs[0] == node.outputs[0] else reader.inputs[0]
    bias, units = view.value(name), view.graph.weights[node.inputs[1]].value.shape[1]
    if bias is None or bias.size != units or bias.ndim == 0 or bias.shape[-1] != units or bias.dtype.kind != "f":
        return False
    node.op, node.domain, node.attributes = "Dense", OWN, {"axes": bias.ndim}
    node.inputs = [*node.inputs, name]
    node.outputs = [reader.outputs[0]]
    _behind(view, node, reader)
    return True


def _behind(view: View, node: Node, last: Node) -> None:
    """Put a node in the place of the last one that it stands for."""
    nodes = view.graph.nodes
    nodes.remove(node)
    nodes[nodes.index(last)] = node


def activation(view: View) -> None:
    """Activations behind dense layers go into their pass."""
    for node in list(view.graph.nodes):
        if node.op == "Dense" and node.domain == OWN and fuse_activation(view, node):
            view.index()
