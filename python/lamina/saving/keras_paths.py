"""Where Keras's weight files keep the weights of a layer: ``layers/dense_1/vars/0``.

The parts of a path are attributes, and in lists the class in snake case with a number for each further one; names of
layers, which depend on how many were made before, are no part of it.  Each layer stands under the first path that
leads to it, in the alphabetical order of attributes, private ones last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..layers import Layer
from ..layers.variable import Variable, snake_case
from ..layers.weights import children, own_variables

# Attributes of layers and models that hold layers, but are none of Keras's.
_OF_LAMINA = frozenset((
    "_arguments", "_build_arguments", "_chains", "_drawn", "_fixed", "_graph", "_input", "_layers", "_nodes",
    "_own_losses", "_parent", "_repeated", "_replicas", "_steps", "_variables",
))  # fmt: skip


def weights_by_path(root: Layer) -> dict[str, Variable]:
    """Every variable of a model by its path in Keras's files; one that several layers hold stands under each."""
    layers = layers_by_path(root).items()
    return {join(path, f"vars/{i}"): v for path, layer in layers for i, (_, v) in enumerate(layer._stored_variables())}


def weights_by_order(root: Layer) -> dict[str, Variable]:
    """Every variable under ``layers``, as if the model were drawn from its layers; where Keras looks last."""
    found: dict[str, Variable] = {}
    for path, layer in _numbered("layers", getattr(root, "layers", ())):
        found.update({join(path, key): v for key, v in weights_by_path(layer).items()})
    return found


def variables(root: Layer) -> list[Variable]:
    """Every variable of a layer in the order of Keras's ``variables``: its own, then those of the layers inside."""
    found: dict[int, Variable] = {}
    seen: set[int] = set()
    pending = [root]
    while pending:
        layer = pending.pop()
        if id(layer) not in seen:
            seen.add(id(layer))
            found.update({id(v): v for _, v in own_variables(layer) if id(v) not in found})
            inside, _ = layer._layers_in_keras()
            pending.extend(reversed([child for _, child in children(layer)] if inside is None else inside))
    return list(found.values())


def trained(root: Layer) -> list[Variable]:
    """Those of ``variables`` that are trained."""
    trainable = {id(v) for v in root.trainable_weights}
    return [v for v in variables(root) if id(v) in trainable]


def layers_by_path(root: Layer) -> dict[str, Layer]:
    """Every layer of a model, and the model itself as "", by its path in Keras's files; shared ones once."""
    found: dict[str, Layer] = {}
    seen: dict[int, Any] = {}  # kept, so that no identity is used twice
    pending: list[tuple[str, Any]] = [("", root)]
    while pending:  # depth first, in order
        path, part = pending.pop()
        if id(part) in seen:
            continue
        seen[id(part)] = part
        if isinstance(part, Layer):
            found[path] = part
            inside = [(join(path, name), value) for name, value in _inside(part)]
        else:
            inside = _numbered(path, part)
        pending.extend(reversed(inside))
    return found


def _inside(layer: Layer) -> list[tuple[str, Any]]:
    """What stands in a layer's attributes, in Keras's order; the layers of a drawn model before all else."""
    found = {layer._keras_names.get(name, name): value for name, value in vars(layer).items() if name not in _OF_LAMINA}
    found = {name: value for name, value in found.items() if isinstance(value, (Layer, list, tuple, dict))}
    layers, first = layer._layers_in_keras()
    if layers is not None and not first:
        found["layers"] = layers
    ordered = sorted(found.items(), key=lambda part: (part[0].startswith("_"), part[0]))
    return [("layers", layers), *ordered] if first else ordered


def _numbered(path: str, container: Any) -> list[tuple[str, Any]]:
    used: Counter[str] = Counter()
    found = []
    for part in container.values() if isinstance(container, dict) else container:
        if isinstance(part, (Layer, list, tuple, dict)):
            name = keras_class(part) if isinstance(part, Layer) else "container"
            found.append((join(path, f"{name}_{used[name]}" if used[name] else name), part))
            used[name] += 1
    return found


def keras_class(layer: Layer) -> str:
    """The class of a layer, in snake case, as Keras calls it."""
    return layer._class_in_keras or snake_case(type(layer).__name__)


def join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def groups(paths: Any) -> Iterator[str]:
    """The groups in which weights of these paths stand."""
    yield from dict.fromkeys(path.partition("vars/")[0] + "vars" for path in paths)
