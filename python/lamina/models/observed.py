"""What happens in a model whose ``call`` is Python: which layer gives what to which, and in which shapes.

The call is tried on small arrays, as a layer's ``compute_output_shape`` is; every call of a layer, and of an operation
between layers, is seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.autograd import Tensor
from ..core.tree import leaves
from ..layers import Layer, SymbolicTensor
from ..layers.call import observed_by
from ..layers.symbolic import infer
from ..ops.conversion import calls_through

if TYPE_CHECKING:
    from .model import Model

Shape = tuple[int | None, ...]


@dataclass
class Call:
    """A call of a layer: the places of the calls before whose results it takes, -1 for the model's input."""

    layer: Layer
    sources: list[int]
    inputs: list[Shape]
    outputs: list[Shape]


class _Observer:
    def __init__(self, model: Layer) -> None:
        self.own = {id(layer) for layer in getattr(model, "layers", [])}
        self.model, self.calls = model, list[Call]()
        self.sources: dict[int, tuple[Tensor, frozenset[int]]] = {}  # kept, so that no identity comes twice
        self.results = frozenset[int]()

    def origin(self, tree: Any) -> frozenset[int]:
        known = [self.sources[id(t)][1] for t in leaves(tree) if id(t) in self.sources]
        return frozenset().union(*known)

    def operation(self, name: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        origin = self.origin((args, kwargs))
        for t in leaves(result):
            if isinstance(t, Tensor) and id(t) not in self.sources:
                self.sources[id(t)] = t, origin
        return result

    def layer(self, layer: Layer, args: Any, kwargs: Any, outputs: Any) -> None:
        if id(layer) not in self.own:
            return
        self.calls.append(Call(layer, sorted(self.origin((args, kwargs))), _shapes((args, kwargs)), _shapes(outputs)))
        for t in leaves(outputs):
            self.sources[id(t)] = t, frozenset((len(self.calls) - 1,))

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """The model, called as its ``infer`` calls it: with tensors."""
        self.calls.clear()
        self.sources = {id(t): (t, frozenset((-1,))) for t in leaves((args, kwargs)) if isinstance(t, Tensor)}
        outputs = self.model.call(*args, **kwargs)
        self.results = self.origin(outputs)
        return outputs


def _shapes(tree: Any) -> list[Shape]:
    return [tuple(t.shape) for t in leaves(tree) if isinstance(t, (Tensor, SymbolicTensor))]


def observe(model: Model) -> tuple[list[Call], list[int]]:
    """The calls of a model's layers in their order, and the places of those that give its result.

    None where the model has not been called, or its call does not bear being tried.
    """
    given = vars(model).get("_first_call")
    if given is None and model._build_arguments:
        shapes = [s for s in model._build_arguments.values() if s is not None]
        given = tuple(SymbolicTensor(s, model.dtype) for s in shapes[:1])
    if not given or not all(isinstance(t, SymbolicTensor) for t in leaves(given)):
        return [], []
    tries: list[list[Call]] = []
    observer = _Observer(model)

    def run(*args: Any) -> Any:
        outputs = observer.run(*args)
        tries.append(list(observer.calls))
        return outputs

    try:
        with observed_by(observer.layer), calls_through(observer.operation):
            infer(run, given, {})
    except Exception:  # code of the user's own, on arrays that it may not expect: then nothing is known
        return [], []
    first, second = tries[-2:]
    if [id(c.layer) for c in first] != [id(c.layer) for c in second]:
        return [], []
    for one, other in zip(first, second, strict=True):
        one.inputs, one.outputs = _merged(one.inputs, other.inputs), _merged(one.outputs, other.outputs)
    return first, sorted(observer.results)


def _merged(first: list[Shape], second: list[Shape]) -> list[Shape]:
    """Sizes that differ between the tries are free."""
    return [
        tuple(m if m == n else None for m, n in zip(a, b, strict=False)) for a, b in zip(first, second, strict=False)
    ]
