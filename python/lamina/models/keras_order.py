"""The order in which Keras lists the layers of a functional model, and so numbers them in its files.

Layers far from the outputs come first; those at the same distance in the order in which one meets them on the way from
the outputs back to the inputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..layers import Layer, OpLayer, SymbolicTensor
from ..layers.symbolic import Node

if TYPE_CHECKING:
    from .functional import Graph


def layers(graph: Graph) -> list[Layer]:
    """The graph's layers in Keras's order, without operations, which are no layers there."""
    return [layer for layer in operations(graph) if not isinstance(layer, OpLayer)]


def operations(graph: Graph) -> list[Layer]:
    """The graph's layers and operations in Keras's order."""
    source = {id(t): layer for t, layer in zip(graph.sources, graph.input_layers, strict=True)}
    nodes, met = _on_the_way_back(graph, source)
    inside = {id(n) for n in nodes}
    depth: dict[int, int] = {}  # of nodes and of layers: the most calls between it and an output
    deepest: dict[int, int] = {}
    for node in reversed(nodes):
        layer = node if isinstance(node, Layer) else node.layer
        depth[id(node)] = deepest[id(layer)] = max(depth.get(id(node), 0), deepest.get(id(layer), 0))
        if isinstance(node, Node):
            for t in _inputs(node):
                before = source.get(id(t), t.node)
                if id(before) in inside:
                    depth[id(before)] = max(depth.get(id(before), 0), depth[id(node)] + 1)
    for layer in graph.input_layers:  # that no output needs
        if id(layer) not in deepest:
            deepest[id(layer)], met[id(layer)] = 0, (-1, layer)
    found = sorted(met.values(), key=lambda entry: (-deepest[id(entry[1])], entry[0]))
    return [layer for _, layer in found]


def _on_the_way_back(graph: Graph, source: dict[int, Any]) -> tuple[list[Any], dict[int, tuple[int, Layer]]]:
    """Calls (inputs as their layers), each after those that it needs; and by layer when it was first met."""
    order: list[Any] = []
    met: dict[int, tuple[int, Layer]] = {}
    done: set[int] = set()
    stack: list[tuple[Any, bool]] = [(source.get(id(t), t.node), False) for t in reversed(graph.sinks)]
    while stack:
        node, finished = stack.pop()
        if finished:
            order.append(node)
        elif id(node) not in done:
            done.add(id(node))
            layer = node if isinstance(node, Layer) else node.layer
            met.setdefault(id(layer), (len(met), layer))
            stack.append((node, True))
            if isinstance(node, Node):
                stack.extend((source.get(id(t), t.node), False) for t in reversed(_inputs(node)))
    return order, met


def _inputs(node: Node) -> list[SymbolicTensor]:
    return list(_tensors((node.args, node.kwargs)))


def _tensors(nest: Any) -> Any:
    """The symbolic tensors of a nest, dicts by their keys' order."""
    if isinstance(nest, SymbolicTensor):
        yield nest
    elif isinstance(nest, (list, tuple, dict)):
        for part in (nest[k] for k in sorted(nest)) if isinstance(nest, dict) else nest:
            yield from _tensors(part)
