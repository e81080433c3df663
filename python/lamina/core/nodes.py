"""What stands on the tape: one node an operation, and where its gradients go.  See autograd.py."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .autograd import Tensor

Array = np.ndarray[Any, np.dtype[Any]]
Backward = Callable[[Array, "Gradients"], None]
BackwardView = Callable[[Array], "tuple[Array | None, ...]"]
BackwardMany = Callable[["list[Array | None]", "Gradients"], None]


_sequence = itertools.count(1)  # of all threads: a tape may be begun in one and continued in another


class Gradients(list["Array | None"]):
    """Destinations of one node's input gradients, and which of them are added to."""

    __slots__ = ("accumulate",)

    def __init__(self, n: int) -> None:
        super().__init__([None] * n)
        self.accumulate = 0


class Node:
    """One recorded operation: its inputs, and how their gradients follow from its output's."""

    __slots__ = ("backward", "inputs", "is_view", "sequence")

    def __init__(self, inputs: Sequence[Tensor], backward: Any, is_view: bool) -> None:
        self.inputs = inputs
        self.backward = backward
        self.is_view = is_view
        self.sequence = next(_sequence)


class Lookup(Node):
    """An operation that reads rows of its one input and notes in ``touched`` which of them it gives a gradient."""

    __slots__ = ()


class Result(Node):
    """One result of an operation that has several: hands its gradient to the operation's own node, ``inputs[0]``."""

    __slots__ = ("count", "index")

    def __init__(self, operation: Tensor, index: int, count: int) -> None:
        super().__init__((operation,), True, True)
        self.index = index
        self.count = count
