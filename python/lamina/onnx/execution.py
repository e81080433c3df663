"""A graph as a list of calls, run one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core.autograd import Array
from ..ops.conversion import as_tensor
from .graph import Graph, Node, branches
from .layout import plain
from .registry import Call, Run, Unsupported, find, make_of_arrays

_QUANTIZED = re.compile("Quantize|^QLinear|Integer$")


class Step:
    """A node with what computes it, and the places of its values in the table."""

    __slots__ = ("arrays", "finished", "inputs", "label", "ordered", "outer", "outputs", "run")

    def __init__(self, node: Node, constants: dict[str, Array], known: set[str]) -> None:
        operator = find(node)
        if operator is None:
            if _QUANTIZED.search(node.op):
                raise Unsupported("quantized operators are not computed; take the network with floats")
            raise Unsupported("there is no such operator here")
        self.outer = sorted({name for inner in branches(node) for name in inner.reads()})
        call = Call(node, constants, known, lambda graph: Body(graph, node.label, constants, known))
        self.run: Run = operator.make(call)
        self.ordered = operator.ordered
        if call.unread():
            raise Unsupported(f"its attribute {call.unread()[0]!r} is not known")
        self.arrays = make_of_arrays(node, constants)
        if self.arrays is not None and (node.op in ("Shape", "Size") or all(n in known for n in node.inputs if n)):
            known.update(node.outputs)
        self.label = node.label
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        self.finished: list[int] = []  # what nothing needs behind this step

    def __call__(self, args: list[Any]) -> Any:
        if self.outer:  # what graphs inside read, behind the inputs
            split = len(args) - len(self.outer)
            return self.run(*args[:split], outer=dict(zip(self.outer, args[split:], strict=True)))
        if self.arrays is not None and all(a is None or isinstance(a, np.ndarray) for a in args):
            found = self.arrays(*args)
            return tuple(map(np.asarray, found)) if type(found) is tuple else np.asarray(found)  # no NumPy scalars
        if not self.ordered:
            args = [plain(a) for a in args]
        return self.run(*args)


class Body:
    """What runs a graph inside of a node."""

    def __init__(self, graph: Graph, what: str, constants: dict[str, Array], known: set[str]) -> None:
        # A loop counts itself, and its condition is known where it runs.
        counts = [v.name for v in graph.inputs if v.dtype.kind in "ib" and v.shape in ((), None)][:2]
        self.executor = Executor(graph, what, constants, known | set(counts if what.startswith("Loop") else ()))
        self.names = [v.name for v in graph.inputs]
        self.known_results = self.executor.known_results

    def run(self, inputs: Sequence[Any], outer: Mapping[str, Any]) -> list[Any]:
        """The outputs for a list of inputs and what is read from outside."""
        given = {name: value for name, value in outer.items() if name in self.executor.given}
        return self.executor.run({**given, **dict(zip(self.names, inputs, strict=True))})


class Executor:
    """Runs a graph; ``constants`` are its own, weights and inputs are given to each run."""

    def __init__(
        self, graph: Graph, what: str, outer: Mapping[str, Array] | None = None, known: Iterable[str] = ()
    ) -> None:
        refused: list[str] = []
        place: dict[str, int] = {"": -1}
        self.steps: list[Step] = []
        constants = {**(outer or {}), **graph.constants}  # values for operators to look at
        found = {*known, *constants}  # what Python knows in every call
        read = [] if outer is None else sorted(graph.reads())
        for name in [v.name for v in graph.inputs] + list(graph.weights) + list(graph.constants) + read:
            place[name] = len(place) - 1
        self.given = dict(place)
        for node in graph.nodes:
            for name in filter(None, node.outputs):
                place[name] = len(place) - 1
            try:
                step = Step(node, constants, found)
            except Unsupported as error:
                refused.append(f"{node.label}: {error}")
                continue
            except (ValueError, TypeError, IndexError, KeyError) as error:
                refused.append(f"{node.label}: its attributes are wrong ({error})")
                continue
            step.inputs = [place[n] for n in (*node.inputs, *step.outer)]
            step.outputs = [place[n] for n in node.outputs]
            self.steps.append(step)
        if refused:
            more = f"\n  and {len(refused) - 40} more" if len(refused) > 40 else ""
            raise ValueError(f"{what}: cannot be computed, because of\n  " + "\n  ".join(refused[:40]) + more)
        self.size = len(place) - 1
        self.results = [place[v.name] for v in graph.outputs]
        self.known_results = [v.name in found for v in graph.outputs]
        self.constants = {place[name]: array for name, array in graph.constants.items()}
        self._note_finished()

    def _note_finished(self) -> None:
        needed = set(self.results) | set(self.constants)
        for step in reversed(self.steps):
            fresh = {p for p in (*step.inputs, *step.outputs) if p >= 0} - needed
            step.finished = sorted(fresh)
            needed |= fresh

    def run(self, given: Mapping[str, Any]) -> list[Any]:
        """The outputs of the graph, as they are stored, for values of the inputs and weights by name."""
        values: list[Any] = [None] * (self.size + 1)  # the last stands for what is left out
        for p, array in self.constants.items():
            values[p] = array
        for name, value in given.items():
            values[self.given[name]] = value
        for step in self.steps:
            try:
                results = step([values[p] for p in step.inputs])
            except (ValueError, TypeError, IndexError) as error:
                raise type(error)(f"{step.label}: {error}") from error
            except (OverflowError, MemoryError) as error:
                raise ValueError(
                    f"{step.label}: a number is too large, or more memory is asked for than there is"
                ) from error
            if type(results) is not tuple:
                results = (results,)
            for p, value in zip(step.outputs, results, strict=False):
                values[p] = value if p >= 0 else None
            values[-1] = None
            for p in step.finished:
                values[p] = None
        return [values[p] for p in self.results]


def as_result(value: Any) -> Any:
    """A value as the tensor that a model returns."""
    return as_tensor(plain(value))


__all__ = ["Executor", "as_result"]
