"""The graph of a functional model: which calls lead from its inputs to its outputs, and running them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from .. import ops
from ..core.autograd import Tensor
from ..core.tree import flatten, map_structure, pack_as
from ..layers import InputLayer, Layer, SymbolicTensor, fusion
from ..layers.symbolic import Node, Shape, specified
from ..ops.conversion import as_tensor


class _Step:
    """One call: the layer, where its arguments come from and where its results go (places in the table of values)."""

    __slots__ = ("args", "finished", "kwargs", "layers", "listed", "results", "run", "single")

    def __init__(self, node: Node, place: dict[int, int], results: list[int]) -> None:
        self.layers: list[Layer] = [node.layer]  # with those behind it that may be fused
        self.run: Layer | fusion.Chain = node.layer
        self.args, self.kwargs = node.args, node.kwargs
        self.results = results
        self.finished: list[int] = []  # values that nothing needs after this step
        self.single = -1  # 1 is free: below 0 there is none; the place of the only argument, the common case
        self.listed: list[int] = []  # the places of a list of tensors, the only argument
        if len(node.args) == 1 and not node.kwargs:
            x = node.args[0]
            if isinstance(x, SymbolicTensor):
                self.single = place[id(x)]
            elif isinstance(x, list) and x and all(isinstance(t, SymbolicTensor) for t in x):
                self.listed = [place[id(t)] for t in x]


class Graph:
    """The calls between symbolic ``inputs`` and ``outputs`` (a tensor, list, tuple or dict each), in a valid order."""

    def __init__(self, inputs: Any, outputs: Any) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.sources = _symbolic("inputs", inputs)
        self.sinks = _symbolic("outputs", outputs)
        if len({id(t) for t in self.sources}) < len(self.sources):
            raise ValueError("Model: the same tensor stands twice among the inputs")
        self.nodes = _ordered(self.sources, self.sinks)
        self.input_layers = [_input_layer(t) for t in self.sources]
        self.layers: list[Layer] = list(self.input_layers)
        for node in self.nodes:
            if all(node.layer is not known for known in self.layers):
                self.layers.append(node.layer)
        check_names(self.layers)
        self._place = {id(t): i for i, t in enumerate(self.sources)}
        for node in self.nodes:
            for t in flatten(node.outputs):
                self._place[id(t)] = len(self._place)
        self._steps = [_Step(n, self._place, [self._place[id(t)] for t in flatten(n.outputs)]) for n in self.nodes]
        self._results = [self._place[id(t)] for t in self.sinks]
        self._forget()
        self._chain()

    def __getstate__(self) -> dict[str, Any]:
        """For deep copies and pickle: the calls, in order, so that a deep model is no deep recursion.

        Also those before the inputs, where the model begins in the middle of another: a symbolic tensor knows its call.
        """
        before = _ordered([], self.sources, whole=True)
        return {"nodes": [*before, *self.nodes], "inputs": self.inputs, "outputs": self.outputs}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Places and chains are found anew, since they stand under identities."""
        self.__init__(state["inputs"], state["outputs"])  # type: ignore[misc]

    def _forget(self) -> None:
        """Note after which step each value is needed no more, so that its memory is free for later ones."""
        last = {place: i for i, step in enumerate(self._steps) for place in step.results}
        for i, node in enumerate(self.nodes):
            last.update((self._place[id(t)], i) for t in node.inputs)
        for place, i in last.items():
            if place not in self._results:
                self._steps[i].finished.append(place)

    def _chain(self) -> None:
        """Make chains of layers, where nothing else needs the results between them."""
        uses = Counter(self._place[id(t)] for node in self.nodes for t in node.inputs)
        maker: dict[int, _Step] = {}
        kept = []
        for step in self._steps:
            first = maker.get(step.single)  # its result goes nowhere else
            if first is not None and fusion.can_follow(first.layers, step.layers[0]):
                first.layers += step.layers
                first.run = fusion.Chain(first.layers)
                first.finished += [place for place in step.finished if place not in first.results]
                first.results = step.results
            else:
                kept.append(step)
                first = step if step.single >= 0 or step.listed else None
            place = step.results[0]
            if first is not None and len(step.results) == 1 and uses[place] == 1 and place not in self._results:
                maker[place] = first
        self._steps = kept

    @property
    def input_names(self) -> list[str]:
        return [layer.name for layer in self.input_layers]

    def run(self, inputs: Any, label: str) -> Any:
        """The outputs for real inputs; ``label`` names the model in errors."""
        values = self._arranged(inputs, label)
        for i, t in enumerate(self.sources):
            values[i] = fitted(values[i], t, label, self.input_layers[i].name)
        return self._through(values, None)

    def specify(self, inputs: Any, label: str) -> Any:
        """The outputs as SymbolicTensors for symbolic inputs of possibly other sizes; the graph stays as it is."""

        def specification(layer: Layer) -> Callable[..., Any]:
            def specify(*args: Any, training: Any = None, **kwargs: Any) -> Any:
                return specified(layer, args, kwargs)

            return specify

        return self._through(self._arranged(inputs, label), specification)

    def _through(self, inputs: list[Any], stand_in: Callable[[Layer], Callable[..., Any]] | None) -> Any:
        """Call the layers (or what stands in for them) in order."""
        values: list[Any] = inputs + [None] * (len(self._place) - len(inputs))
        for step in self._steps:
            if step.single >= 0 or step.listed:
                x = values[step.single] if step.single >= 0 else [values[i] for i in step.listed]
                if stand_in is None:
                    y = step.run(x)
                else:
                    y = x
                    for each in step.layers:
                        y = stand_in(each)(y)
            else:
                layer = step.layers[0] if stand_in is None else stand_in(step.layers[0])
                args, kwargs = map_structure(lambda t: self._value(t, values), (step.args, step.kwargs))
                y = layer(*args, **kwargs)
            if len(step.results) == 1 and not isinstance(y, (list, tuple, dict)):
                values[step.results[0]] = y
            else:
                for place, one in zip(step.results, flatten(y), strict=True):
                    values[place] = one
            for place in step.finished:
                values[place] = None
        return pack_as(self.outputs, [values[i] for i in self._results])

    def _value(self, t: Any, values: list[Any]) -> Any:
        return values[self._place[id(t)]] if isinstance(t, SymbolicTensor) else t

    def _arranged(self, inputs: Any, label: str) -> list[Any]:
        """The inputs as a list in the order of ``sources``."""
        if len(self.sources) == 1 and isinstance(inputs, Tensor):
            return [inputs]
        names = list(self.inputs) if isinstance(self.inputs, dict) else self.input_names
        if isinstance(inputs, dict):
            missing = [n for n in names if n not in inputs]
            if missing:
                raise ValueError(f"{label}: input {missing[0]!r} is missing; got {', '.join(map(repr, inputs))}")
            return [inputs[n] for n in names]
        values = flatten(inputs)
        if len(values) != len(names):
            raise ValueError(f"{label}: expected {len(names)} inputs ({', '.join(names)}), got {len(values)}")
        return values


def check_names(layers: list[Layer]) -> None:
    """ValueError if two layers of a model have one name."""
    seen: dict[str, Layer] = {}
    for layer in layers:
        other = seen.setdefault(layer.name, layer)
        if other is not layer:
            raise ValueError(
                f"two layers of the model are named {layer.name!r} ({type(other).__name__} and "
                f"{type(layer).__name__}); give one of them another name="
            )


def fitted(x: Any, t: SymbolicTensor, label: str, name: str) -> Tensor:
    """``x`` as a tensor of t's dtype that fits its shape; a missing or extra last axis of length one is mended."""
    if type(x) is Tensor and x._array.dtype is t.numpy_dtype and _fits(x._array.shape, t.shape):
        return x
    y = as_tensor(x)
    if y.dtype != t.dtype:
        y = ops.cast(y, t.dtype)
    shape = y.shape
    if len(shape) == len(t.shape) - 1 and t.shape[-1] == 1:
        y = ops.expand_dims(y, -1)
    elif len(shape) == len(t.shape) + 1 and shape[-1] == 1:
        y = ops.squeeze(y, -1)
    if not _fits(y.shape, t.shape):
        raise ValueError(f"{label}: input {name!r} is {shape}, expected {t.shape} (None = any size)")
    return y


def _fits(shape: tuple[int, ...], wanted: Shape) -> bool:
    """Whether all sizes but the batch's fit: a model drawn for one batch size takes another where its layers do."""
    return len(shape) == len(wanted) and all(n is None or m == n for m, n in zip(shape[1:], wanted[1:], strict=True))


def _symbolic(what: str, tree: Any) -> list[SymbolicTensor]:
    found = flatten(tree)
    for t in found:
        if not isinstance(t, SymbolicTensor):
            raise TypeError(f"Model: {what} must be symbolic tensors (from Input and layers called on them), got {t!r}")
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, (list, tuple)) else [tree]
    if not found or not all(flatten(part) for part in parts):
        raise ValueError(f"Model: {what} {'hold an empty part' if found else 'is empty'}: {tree!r}")
    return found


def _input_layer(t: SymbolicTensor) -> InputLayer:
    """The layer behind an input; a model may also begin in the middle of another."""
    if t.node is not None and isinstance(t.node.layer, InputLayer):
        return t.node.layer
    return InputLayer(batch_shape=t.shape, dtype=t.dtype)


def _ordered(sources: list[SymbolicTensor], sinks: list[SymbolicTensor], whole: bool = False) -> list[Node]:
    """The calls that the outputs need, each after those that it needs itself.

    whole: with those of input layers, which else have to be among the sources.
    """
    given = {id(t) for t in sources}
    order: list[Node] = []
    done: set[int] = set()
    stack: list[tuple[Node, bool]] = [(t.node, False) for t in reversed(sinks) if t.node and id(t) not in given]
    while stack:
        node, ready = stack.pop()
        if id(node) in done:
            continue
        if ready:
            done.add(id(node))
            order.append(node)
            continue
        if isinstance(node.layer, InputLayer) and not whole:
            raise ValueError(f"Model: the outputs depend on Input {node.layer.name!r}, which is not among the inputs")
        stack.append((node, True))
        stack.extend((t.node, False) for t in reversed(node.inputs) if t.node and id(t) not in given)
    return order
