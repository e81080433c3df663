"""Which function computes an operator, and what such a function sees of its node.

An operator is a function of the node that returns what computes it: attributes are read and checked once, when a model
is loaded, and cost nothing in a call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.autograd import Array
from .graph import Graph, Node

Run = Callable[..., Any]  # values of the inputs (None: left out) -> value of the output, or a tuple of values


class Unsupported(Exception):
    """Why a node cannot be computed, in words that stand behind its name."""


class Call:
    """A node as its operator sees it; what it doesn't read of the attributes is refused."""

    def __init__(
        self,
        node: Node,
        constants: dict[str, Array],
        known: Collection[str] = (),
        run_graph: Callable[[Graph], Any] | None = None,
    ) -> None:
        self.node, self._known = node, known
        self.run_graph = run_graph or _no_graphs
        self.version = node.version
        self._constants = constants
        self._read: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute, or its default."""
        self._read.add(name)
        value = self.node.attributes.get(name, default)
        expected: tuple[type, ...] = (int, float) if isinstance(default, (int, float)) else (type(default),)
        if isinstance(default, tuple):
            expected = (list, tuple)
        if default is not None and not isinstance(value, expected):
            raise Unsupported(f"its attribute {name} is {value!r}")
        return value

    def choice(self, name: str, default: str, values: Sequence[str]) -> str:
        """An attribute that is one of some words."""
        value = self.get(name, default)
        if value not in values:
            raise Unsupported(f"{name}={value!r} is not supported, only {', '.join(map(repr, values))}")
        return str(value)

    def only(self, name: str, default: Any, why: str) -> None:
        """An attribute of which only the default is supported."""
        if self.get(name, default) != default:
            raise Unsupported(f"{name}={self.get(name)!r}: {why}")

    def required(self, name: str) -> Any:
        """An attribute without a default."""
        value = self.get(name)
        if value is None:
            raise Unsupported(f"it has no attribute {name}")
        return value

    def constant(self, place: int) -> Array | None:
        """The value of an input as far as it is known before any call."""
        inputs = self.node.inputs
        return self._constants.get(inputs[place]) if place < len(inputs) else None

    def has(self, place: int) -> bool:
        """Whether an input is given."""
        return place < len(self.node.inputs) and bool(self.node.inputs[place])

    def wants(self, place: int) -> bool:
        """Whether an output is asked for."""
        return place < len(self.node.outputs) and bool(self.node.outputs[place])

    def known(self, place: int) -> bool:
        """Whether Python knows an input in every call: it follows from sizes and constants."""
        return self.node.inputs[place] in self._known

    def body(self, name: str) -> Any:
        """What runs a graph among the attributes: its ``run`` takes a list of its inputs and the values, by name, that
        it reads from outside; None if the node has none of that name."""
        self._read.add(name)
        graph = self.node.attributes.get(name)
        if graph is None:
            return None
        if not isinstance(graph, Graph):
            raise Unsupported(f"its attribute {name} is no graph")
        return self.run_graph(graph)

    def unread(self) -> list[str]:
        """Attributes that the operator did not look at."""
        return sorted(set(self.node.attributes) - self._read)


def _no_graphs(graph: Graph) -> Any:
    raise Unsupported("it holds a graph")


@dataclass(frozen=True, slots=True)
class Operator:
    """What is registered under a name: since which version, how it is made, and whether it takes values in any order
    of their axes (``layout.Ordered``)."""

    since: int
    make: Callable[[Call], Run]
    ordered: bool


_operators: dict[tuple[str, str], list[Operator]] = {}
# NumPy's version of operators whose inputs are all known to Python: sizes, places, options.
_of_arrays: dict[str, list[tuple[int, Callable[[Call], Run]]]] = {}


def operator(
    name: str, since: int = 1, *, ordered: bool = False, domain: str = ""
) -> Callable[[Callable[[Call], Run]], Callable[[Call], Run]]:
    """Decorator: register what makes the operator ``name`` of versions from ``since`` on."""

    def register(make: Callable[[Call], Run]) -> Callable[[Call], Run]:
        _operators.setdefault((domain, name), []).append(Operator(since, make, ordered))
        return make

    return register


def of_arrays(name: str, since: int = 1) -> Callable[[Callable[[Call], Run]], Callable[[Call], Run]]:
    """Decorator: register what computes the operator where all inputs are NumPy arrays."""

    def register(make: Callable[[Call], Run]) -> Callable[[Call], Run]:
        _of_arrays.setdefault(name, []).append((since, make))
        return make

    return register


def find(node: Node) -> Operator | None:
    """The operator of a node, or None."""
    fitting = [o for o in _operators.get((node.domain, node.op), ()) if o.since <= node.version]
    return max(fitting, key=lambda o: o.since, default=None)


def make_of_arrays(node: Node, constants: dict[str, Array]) -> Run | None:
    """What computes a node with NumPy, or None."""
    fitting = [m for m in _of_arrays.get(node.op, ()) if m[0] <= node.version and not node.domain]
    if not fitting:
        return None
    try:
        return max(fitting, key=lambda m: m[0])[1](Call(node, constants))
    except (Unsupported, ValueError):
        return None  # the operator says why


def names() -> list[str]:
    """All operators of ONNX's own set."""
    return sorted(name for domain, name in _operators if not domain)


_LARGEST = 2**27  # elements of what is repeated, padded or filled: sizes may come from a damaged file


def sized(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape that memory is asked for; ValueError unless it can be meant."""
    if any(n < 0 for n in shape) or math.prod(shape) > _LARGEST:
        raise ValueError(f"asks for an array of shape {tuple(shape)}")
    return tuple(shape)


def integers(x: Any) -> list[int]:
    """Sizes or places out of a value; a tensor's are read in Python, which keeps a captured step eager."""
    return [int(n) for n in np.atleast_1d(x if isinstance(x, np.ndarray) else x.numpy()).tolist()]


def number(x: Any) -> float:
    """A single number out of a value."""
    return float(np.asarray(x if isinstance(x, np.ndarray) else x.numpy()).reshape(()).item())
