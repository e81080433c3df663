"""What passes ask of a graph: who makes a value, who reads it, which number it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from ...core.autograd import Array
from ..graph import Graph, Node, Weight, branches

TOLERANCE = 1e-5  # constants in files are rounded


def near(a: float | None, b: float) -> bool:
    """Whether a constant of a file is meant to be b."""
    return a is not None and abs(a - b) <= TOLERANCE * max(1.0, abs(b))


class View:
    """A graph's nodes by what they make and read."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.index()

    def index(self) -> None:
        """Look at the graph anew, after a change; nodes that nothing needs are left out."""
        self.graph.drop_unused()
        self.makers = self.graph.makers()
        self.uses = self.graph.uses()
        self.readers: dict[str, list[Node]] = {}
        for node in self.graph.nodes:
            for name in node.inputs:
                self.readers.setdefault(name, []).append(node)

    def maker(self, name: str, *ops: str, shared: bool = False) -> Node | None:
        """The node of one of these operators that makes a value, if nothing else reads that (unless ``shared``)."""
        node = self.makers.get(name)
        if node is None or node.domain or node.op not in ops or node.outputs[0] != name:
            return None
        return node if shared or self.uses[name] == 1 else None

    def reader(self, node: Node) -> Node | None:
        """The only node that reads the first output, if no other output and nothing else is read."""
        name = node.outputs[0]
        if self.uses[name] != 1 or any(self.uses[n] for n in node.outputs[1:] if n):
            return None
        readers = self.readers.get(name, [])
        return readers[0] if len(readers) == 1 and not any(True for _ in branches(readers[0])) else None

    def value(self, name: str) -> Array | None:
        """A constant, or the first value of a weight."""
        if name in self.graph.weights:
            return self.graph.weights[name].value
        return self.graph.constants.get(name)

    def scalar(self, name: str) -> float | None:
        """A constant that is one number, and adds no axes to what it meets."""
        array = self.graph.constants.get(name)
        return float(array.reshape(()).item()) if array is not None and array.size == 1 and array.ndim < 2 else None

    def with_scalar(self, node: Node) -> tuple[str, float] | None:
        """The other input and the number, of a node of two inputs of which one is a number."""
        if len(node.inputs) != 2:
            return None
        a, b = node.inputs
        for x, other in ((a, b), (b, a)):
            number = self.scalar(other)
            if number is not None and self.scalar(x) is None:
                return x, number
        return None

    def axes(self, node: Node) -> list[int] | None:
        """The axes of a reduction, from an attribute or a constant."""
        if "axes" in node.attributes:
            return list(node.attributes["axes"])
        array = self.graph.constants.get(node.inputs[1]) if len(node.inputs) > 1 else None
        return None if array is None else [int(n) for n in array.reshape(-1)]

    def new_weight(
        self, near_name: str, value: Array, trainable: bool = True, order: tuple[int, ...] | None = None
    ) -> str:
        """Add a weight; its name, unlike all others."""
        name = near_name
        while name in self.graph.weights or name in self.graph.constants or name in self.makers:
            name += "'"
        self.graph.weights[name] = Weight(np.asarray(value), trainable, order)
        return name


Rewrite = Callable[[View, Node], bool]


def rewrite(view: View, rules: Iterable[Rewrite]) -> None:
    """Try every rule at every node until none fits any more."""
    rules = tuple(rules)
    changed = True
    while changed:
        changed = False
        for node in list(view.graph.nodes):
            if node.domain or not node.outputs or (node.outputs[0] and not view.uses[node.outputs[0]]):
                continue
            if any(rule(view, node) for rule in rules):
                view.index()
                changed = True
