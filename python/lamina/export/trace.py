"""One call of a model as the list of the operations that it did."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..core.autograd import Tensor
from ..core.grad_mode import grad_mode
from ..core.recording import Recording
from ..core.tree import leaves, map_structure
from ..layers import Layer
from ..layers.symbolic import trying
from ..ops.conversion import calls_through
from .handlers import HANDLERS

# What these call is traced in their place: functions of the user's.
_CALL_OTHERS = frozenset((
    "associative_scan", "cond", "custom_gradient", "fori_loop", "jvp", "map", "scan", "switch", "vectorize",
    "vectorized_map", "while_loop",
))  # fmt: skip


@dataclass
class Call:
    """An operation that ran: its arguments, its result, and the layers inside of which it ran, outermost first."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any
    layers: tuple[Layer, ...]

    @property
    def place(self) -> str:
        """For messages: the innermost layer and the operation."""
        return f"{self.layers[-1]._label()}: {self.name}" if self.layers else self.name


class Trace(Recording):
    """The operations of one call of a function, in order.

    Tensors are known by their arrays: a mask or a name more makes another tensor of the same array.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.result: Any = None
        self.inputs: list[Tensor] = []
        self._computed: set[int] = set()  # arrays that depend on the inputs
        self._left: list[list[Call]] = []  # calls that are not noted; kept, so that identities stay
        self._inside = False
        self._thread = threading.get_ident()

    def run(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Call ``function``, whose tensors among ``args`` and ``kwargs`` are the inputs."""
        self.inputs = [t for t in leaves((args, kwargs)) if isinstance(t, Tensor)]
        self._computed = {id(t._array) for t in self.inputs}
        outer, grad_mode.recording = grad_mode.recording, self
        try:
            with trying(), calls_through(self):
                self.result = function(*args, **kwargs)
        finally:
            grad_mode.recording = outer

    def __call__(self, name: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if self._inside or name in _CALL_OTHERS or threading.get_ident() != self._thread:
            return function(*args, **kwargs)
        given = map_structure(lambda x: x, (args, kwargs))  # lists may change after the call
        if name not in HANDLERS:
            return self._composed(name, function, given)
        self._inside = True
        try:
            result = function(*args, **kwargs)
        finally:
            self._inside = False
        self._note(Call(name, function, given[0], given[1], result, layers_of_this_call()))
        return result

    def _composed(self, name: str, function: Callable[..., Any], given: Any) -> Any:
        """A call of an operation without nodes of its own: those that it is made of are noted, if it is of any."""
        begin = len(self.calls)
        result = function(*given[0], **given[1])
        known = {id(t._array) for call in self.calls[begin:] for t in arrays(call.result)}
        known.update(id(t._array) for t in arrays(given))
        if not all(id(t._array) in known for t in arrays(result)):
            self._left.append(self.calls[begin:])
            del self.calls[begin:]
            self._note(Call(name, function, given[0], given[1], result, layers_of_this_call()))
        return result

    def _note(self, call: Call) -> None:
        self.calls.append(call)
        if any(id(t._array) in self._computed for t in arrays((call.args, call.kwargs))):
            self._computed.update(id(t._array) for t in arrays(call.result))

    def needed(self) -> list[Call]:
        """The calls that the result depends on."""
        wanted = {id(t._array) for t in arrays(self.result)}
        found = []
        for call in reversed(self.calls):
            if any(id(t._array) in wanted for t in arrays(call.result)):
                found.append(call)
                wanted.update(id(t._array) for t in arrays((call.args, call.kwargs)))
        return found[::-1]

    def reads_values(self, tensor: Tensor, why_not: str) -> None:
        if not self._inside and id(tensor._array) in self._computed:
            raise ValueError(  # to which the layer's name is added on the way up
                f"export: {why_not.partition('. ')[0]}. What Python does with values is no part of an ONNX graph; use "
                "lamina.ops on tensors, and ops.where for a choice"
            )


def arrays(tree: Any) -> list[Tensor]:
    """The tensors with values in a nest."""
    return [t for t in leaves(tree) if isinstance(t, Tensor)]


def layers_of_this_call() -> tuple[Layer, ...]:
    """The layers whose methods are running, outermost first.

    Python's frames tell it: a built layer calls its method and notes nothing, which would cost time at each call.
    """
    found: list[Layer] = []
    frame = sys._getframe(1)
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, Layer) and not any(owner is known for known in found):
            found.append(owner)
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(reversed(found))
