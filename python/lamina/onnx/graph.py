"""A graph as Lamina holds it: nodes in order, constants, weights, inputs and outputs; independent of protobuf."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core.autograd import Array

OWN = "lamina"  # the domain of nodes that passes make


@dataclass(slots=True)
class Node:
    """One call of an operator; an input or output that is left out has an empty name."""

    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    domain: str = ""
    version: int = 1  # of the operator set

    @property
    def label(self) -> str:
        """How errors call it."""
        kind = f"{self.domain}.{self.op}" if self.domain not in ("", OWN) else self.op
        return f"{kind} node {self.name or next(filter(None, self.outputs), '')!r}"


@dataclass(slots=True)
class Value:
    """What the file says of an input or an output: sizes are None where they are free."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...] | None
    declared: np.dtype[Any]  # float16 and bfloat16 are computed as float32

    def accepts(self, shape: Sequence[int]) -> bool:
        """Whether a tensor of this shape is one."""
        if self.shape is None or len(self.shape) != len(shape):
            return self.shape is None
        return all(n in (None, m) for n, m in zip(self.shape, shape, strict=True))


@dataclass(slots=True)
class Weight:
    """A variable to be: its first value, whether it is trained, and how its axes are stored.

    order: axis i of ``value`` is axis ``order[i]`` of the tensor in the graph; None for the same order.
    """

    value: Array
    trainable: bool = True
    order: tuple[int, ...] | None = None


@dataclass(slots=True)
class Graph:
    """Nodes in an order in which they can run."""

    nodes: list[Node]
    inputs: list[Value]
    outputs: list[Value]
    constants: dict[str, Array] = field(default_factory=dict)
    weights: dict[str, Weight] = field(default_factory=dict)

    def uses(self) -> Counter[str]:
        """How often each value is read, outputs of the graph and nodes inside of branches included."""
        found = Counter(v.name for v in self.outputs)
        for node in self.nodes:
            found.update(filter(None, node.inputs))
            for inner in branches(node):
                found.update(inner.reads())
        return found

    def reads(self) -> Counter[str]:
        """What the nodes of a branch read from outside of it."""
        made = {n for node in self.nodes for n in node.outputs} | set(self.constants) | set(self.weights)
        made |= {v.name for v in self.inputs}
        return Counter({name: n for name, n in self.uses().items() if name not in made})

    def makers(self) -> dict[str, Node]:
        """The node that makes each value."""
        return {name: node for node in self.nodes for name in node.outputs if name}

    def drop_unused(self) -> None:
        """Leave out what no output needs."""
        needed = {v.name for v in self.outputs}
        kept = []
        for node in reversed(self.nodes):
            if needed.intersection(filter(None, node.outputs)):
                kept.append(node)
                needed.update(node.inputs)
                for inner in branches(node):
                    needed.update(inner.reads())
        self.nodes = kept[::-1]
        self.constants = {k: v for k, v in self.constants.items() if k in needed}
        self.weights = {k: v for k, v in self.weights.items() if k in needed}


def branches(node: Node) -> Iterator[Graph]:
    """The graphs among a node's attributes."""
    return (value for value in node.attributes.values() if isinstance(value, Graph))
