"""Functional models as Keras describes them.

Each layer stands with its calls (``inbound_nodes``), a tensor as the layer that it comes from, the number of that
layer's call, and its place among the results.  Where outputs come straight out of a functional model inside, its calls
are counted from 1.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..core import registry
from ..core.autograd import Tensor
from ..core.tree import flatten, map_structure
from ..layers import InputLayer, Layer, OpLayer, SymbolicTensor, op_config
from . import keras_order
from .config_parts import entries, part

if TYPE_CHECKING:
    from .functional import Graph


def describe(graph: Graph) -> dict[str, Any]:
    """The layers, calls, inputs and outputs of a graph as plain data."""
    place: dict[int, tuple[Layer, int, int]] = {
        id(t): (layer, 0, 0) for t, layer in zip(graph.sources, graph.input_layers, strict=True)
    }
    calls: dict[int, list[Any]] = defaultdict(list)
    for node in graph.nodes:
        number = len(calls[id(node.layer)])
        calls[id(node.layer)].append(node)
        place.update((id(t), (node.layer, number, k)) for k, t in enumerate(flatten(node.outputs)))

    def tensor(x: Any) -> Any:
        if isinstance(x, SymbolicTensor):
            layer, number, index = place[id(x)]
            config = {"shape": list(x.shape), "dtype": x.dtype, "keras_history": [layer.name, number, index]}
            return {"class_name": "__keras_tensor__", "config": config}
        return registry.serialize(x.numpy() if isinstance(x, Tensor) else x)

    def end(x: Any) -> Any:
        layer, number, index = place[id(x)]
        return [layer.name, number + _first(layer), index]

    entries = []
    for layer in keras_order.operations(graph):
        entry, given = _entry(layer, calls[id(layer)])
        nodes = [dict(zip(("args", "kwargs"), map_structure(tensor, call), strict=True)) for call in given]
        entries.append(entry | {"name": layer.name, "inbound_nodes": nodes})
    inputs, outputs = map_structure(end, graph.inputs), map_structure(end, graph.outputs)
    return {"layers": entries, "input_layers": inputs, "output_layers": outputs}


def _entry(layer: Layer, nodes: list[Any]) -> tuple[dict[str, Any], list[tuple[list[Any], dict[str, Any]]]]:
    """A layer's description, and the arguments of its calls."""
    if isinstance(layer, OpLayer) and len(nodes) == 1:  # an operation is called once
        described, args, kwargs = op_config.describe(layer, nodes[0].args, nodes[0].kwargs)
        if described is not None and not _has_symbols(described["config"]):
            config = {"name": layer.name, **registry.serialize(described["config"])}
            return described | {"config": config}, [(list(args), kwargs)]
    described = registry.serialize(layer)
    return described, [(list(n.args), n.kwargs) for n in nodes]


def _has_symbols(nest: Any) -> bool:
    return any(isinstance(t, (SymbolicTensor, Tensor)) for t in flatten(nest))


def _first(layer: Layer) -> int:
    """The number of a layer's first call among a model's ends: Keras counts the drawing of a functional model, too."""
    return int(getattr(layer, "_graph", None) is not None)


def from_config(config: Mapping[str, Any]) -> tuple[Any, Any]:
    """(inputs, outputs) drawn again from such a description, or from one of older files."""
    return _of_older_file(config) if "nodes" in config else _Drawing(config).ends()


def _of_older_file(config: Mapping[str, Any]) -> tuple[Any, Any]:
    """The same from a list of calls, where a tensor is described by its call's number."""
    layers = [registry.deserialize(entry, "layer") for entry in entries(config, "layers")]
    for layer in layers:
        if not isinstance(layer, Layer):
            raise TypeError(f"one of its layers is {layer!r}")
    results: list[list[Any]] = [[layer.output] for layer in layers if isinstance(layer, InputLayer)]

    def tensor(config: Mapping[str, Any]) -> Any:
        node, index = config["node"], config["index"]
        if type(node) is not int or type(index) is not int or not 0 <= node < len(results):
            raise ValueError(f"it uses result {index!r} of call {node!r}, of {len(results)} calls before")
        return results[node][index]

    for k, node in enumerate(entries(config, "nodes")):
        if not _is_call(node) or type(node.get("layer")) is not int or not 0 <= node["layer"] < len(layers):
            raise ValueError(f"its call {k} is damaged: {node!r}")
        args, kwargs = (_restored(node[part], "__tensor__", tensor) for part in ("args", "kwargs"))
        results.append(flatten(layers[node["layer"]](*args, **kwargs)))
    inputs, outputs = (_restored(part(config, end), "__tensor__", tensor) for end in ("inputs", "outputs"))
    return inputs, outputs


def _is_call(node: Any) -> bool:
    """Whether this has the arguments of a call."""
    found = (node.get("args"), node.get("kwargs")) if isinstance(node, dict) else (None, None)
    return isinstance(found[0], (list, tuple)) and isinstance(found[1], dict)


def _restored(x: Any, kind: str, tensor: Callable[[Mapping[str, Any]], Any]) -> Any:
    """A nest of arguments; ``tensor`` finds those that are described as tensors of this kind."""
    if isinstance(x, dict):
        if x.get("class_name") == kind:
            return tensor(x["config"])
        if not registry.is_description(x):
            return {k: _restored(v, kind, tensor) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x)(_restored(v, kind, tensor) for v in x)
    return registry.deserialize(x)


class _Drawing:
    """The calls of a description, each made when the tensors it needs are there."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._layers: dict[str, Layer] = {}
        self._options: dict[str, dict[str, Any]] = {}
        self._results: dict[tuple[str, int], list[Any]] = {}
        calls = [call for entry in entries(config, "layers") for call in self._make(entry)]
        self._draw(calls)

    def _make(self, entry: Any) -> list[tuple[str, int, Any]]:
        """Make a layer; its calls as (layer, number, arguments)."""
        if not isinstance(entry, dict) or not isinstance(entry.get("inbound_nodes"), (list, tuple)):
            raise ValueError(f"one of its layers is {entry!r}")
        name = entry.get("name")
        if op_config.is_operation(entry) and registry.is_description(entry):
            layer, options = op_config.from_description(entry)
            self._options[str(name)] = {k: registry.deserialize(v) for k, v in options.items()}
        else:
            layer = registry.deserialize(
                {k: v for k, v in entry.items() if k not in ("name", "inbound_nodes")}, "layer"
            )
        if not isinstance(layer, Layer) or not isinstance(name, str):
            raise TypeError(f"one of its layers is {layer!r}")
        if name in self._layers:
            raise ValueError(f"two of its layers are named {name!r}")
        self._layers[name] = layer
        if isinstance(layer, InputLayer):
            self._results[name, 0] = [layer.output]
            return []
        if "build_config" in entry and ".preprocessing." in type(layer).__module__:  # the default of Keras's call
            for node in entry["inbound_nodes"]:
                if _is_call(node):
                    node["kwargs"].pop("training", None)
        return [(name, k, node) for k, node in enumerate(entry["inbound_nodes"])]

    def _draw(self, calls: list[tuple[str, int, Any]]) -> None:
        """Make all calls, each after those that it needs and after the layer's call before."""
        numbers = {(name, number) for name, number, _ in calls}
        waits: dict[tuple[str, int], int] = {}
        behind: dict[tuple[str, int], list[tuple[str, int, Any]]] = defaultdict(list)
        ready: deque[tuple[str, int, Any]] = deque()
        for call in calls:
            name, number, node = call
            before = set(_histories(node))
            unknown = before - numbers - set(self._results)
            if unknown:
                raise ValueError(f"layer {name!r} uses call {min(unknown)[1]} of {min(unknown)[0]!r}, which is none")
            needed = {key for key in before if key in numbers}
            if (name, number - 1) in numbers:
                needed.add((name, number - 1))
            waits[name, number] = len(needed)
            for key in needed:
                behind[key].append(call)
            if not needed:
                ready.append(call)
        while ready:
            name, number, node = ready.popleft()
            self._call(name, number, node)
            for call in behind[name, number]:
                waits[call[:2]] -= 1
                if not waits[call[:2]]:
                    ready.append(call)
        left = [name for name, number, _ in calls if (name, number) not in self._results]
        if left:
            raise ValueError(f"the calls of {left[0]!r} wait for each other")

    def _call(self, name: str, number: int, node: Any) -> None:
        if isinstance(node, (list, tuple)):  # as Keras 2 writes them
            tensors = [self._tensor(*history[:3]) for history in node]
            args: Any = [tensors[0] if len(tensors) == 1 else tensors]
            kwargs = self._restored(node[0][3]) if node and len(node[0]) > 3 else {}
        elif _is_call(node):
            args, kwargs = self._restored(node["args"]), self._restored(node["kwargs"])
        else:
            raise ValueError(f"call {number} of layer {name!r} is damaged: {node!r}")
        layer, options = self._layers[name], self._options.get(name, {})
        if isinstance(layer, OpLayer) and layer.function.__name__ in ("getitem", "get_item") and len(args) == 2:
            args = [args[0], tuple(args[1]) if isinstance(args[1], list) else args[1]]  # JSON has no tuples
        if isinstance(layer, OpLayer):
            args, options = op_config.arranged(layer, args, options)
        self._results[name, number] = flatten(layer(*args, **kwargs, **options))

    def _restored(self, x: Any) -> Any:
        return _restored(x, "__keras_tensor__", lambda config: self._tensor(*config["keras_history"]))

    def _tensor(self, name: Any, number: Any, index: Any) -> Any:
        found = self._results.get((name, number), []) if isinstance(name, str) and type(number) is int else []
        if type(index) is not int or not 0 <= index < len(found):
            raise ValueError(f"it uses result {index!r} of call {number!r} of {name!r}, which is none")
        return found[index]

    def ends(self) -> tuple[Any, Any]:
        return self._nest(part(self._config, "input_layers")), self._nest(part(self._config, "output_layers"))

    def _nest(self, x: Any) -> Any:
        if isinstance(x, dict):
            return {k: self._nest(v) for k, v in x.items()}
        if not isinstance(x, (list, tuple)):
            raise ValueError(f"one of its inputs or outputs is {x!r}")
        if len(x) == 3 and isinstance(x[0], str):
            layer = self._layers.get(x[0])
            return self._tensor(x[0], x[1] - _first(layer) if layer is not None and type(x[1]) is int else x[1], x[2])
        return type(x)(self._nest(v) for v in x)


def _histories(node: Any) -> Any:
    """(layer, call) of every tensor among the arguments of a call."""
    pending = [node]
    while pending:
        x = pending.pop()
        if isinstance(x, dict):
            if x.get("class_name") == "__keras_tensor__":
                config = x.get("config")
                history: Any = config.get("keras_history") if isinstance(config, dict) else None
                if not _is_history(history):
                    raise ValueError(f"a tensor of it comes from {history!r}")
                yield history[0], history[1]
            else:
                pending.extend(x.values())
        elif isinstance(x, (list, tuple)):
            if _is_history(x[:3]) and len(x) in (3, 4):
                yield x[0], x[1]
            else:
                pending.extend(x)


def _is_history(x: Any) -> bool:
    return isinstance(x, (list, tuple)) and len(x) == 3 and isinstance(x[0], str) and type(x[1]) is type(x[2]) is int
