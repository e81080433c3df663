"""What a layer holds: the sublayers and variables among its attributes, and the keys of their weights.

Nothing is registered.  Attributes, and lists, tuples and dicts in them, are walked when somebody asks, so a list that
grows after it was assigned is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _native
from ..core.autograd import Array
from ..core.generator import Generator
from ..core.recording import configuration
from .variable import Variable, snake_case, unique_keys

if TYPE_CHECKING:
    from .base import Layer
    from .layer_weights import LayerWeights


class Trackable:
    """Base of Layer: it holds variables and other Trackables among its attributes."""


# Attributes of Layer that refer to layers which are not its parts.
_NOT_PARTS = frozenset({"_arguments", "_nodes", "_parent", "_build_arguments", "_own_losses"})
# Those that change only with a new variable, which is noted, and those that hold neither layers nor variables.
_NOTICED = frozenset({"_fixed", "_found_metrics", "_repeated", "_steps", "_variables"})


_NESTS = (dict, list, tuple)


def parts(owner: Any, kind: type) -> Iterator[tuple[str, Any]]:
    """(attribute, or attribute/place in it; part) for every Layer, Variable or Metric that ``owner`` holds itself."""
    seen: set[int] = set()
    kinds = (kind, *_NESTS)
    for name, value in vars(owner).items():
        if isinstance(value, kinds) and name not in _NOT_PARTS:
            for key, part in _walk(name, value, kind):
                if id(part) not in seen:
                    seen.add(id(part))
                    yield key, part


def _walk(key: str, value: Any, kind: type) -> Iterator[tuple[str, Any]]:
    if isinstance(value, kind):
        yield key, value
    elif isinstance(value, dict):
        for k, v in value.items():
            yield from _walk(f"{key}/{k}", v, kind)
    elif isinstance(value, (list, tuple)):
        for i, v in enumerate(value):
            yield from _walk(f"{key}/{i}", v, kind)


def own_variables(layer: LayerWeights) -> list[tuple[str, Variable]]:
    """(key, variable) of the layer itself, those that can be trained first, each group in order of creation."""
    found = list(parts(layer, Variable))
    names = [v.name if v.named else key.lstrip("_") for key, v in found]
    keyed = [(k, v) for k, (_, v) in zip(unique_keys(names), found, strict=True)]
    fixed = {id(v) for v in layer._fixed}
    return [kv for kv in keyed if id(kv[1]) not in fixed] + [kv for kv in keyed if id(kv[1]) in fixed]


def children(layer: LayerWeights) -> list[tuple[str, Layer]]:
    """(key, sublayer), the key independent of how many layers the process made before.

    It is the name that the sublayer was given, else its class in a Sequential or functional model, else the attribute.
    A name that could be automatic (dense_3) counts as such, so that a model read from a file has the same keys.
    """
    found = list(parts(layer, Trackable))
    names = []
    for key, child in found:
        child._adopt(layer)
        kind = snake_case(type(child).__name__)
        own = child.name.removeprefix(key.removesuffix("layer"))  # Bidirectional's forward_layer may be forward_lstm_3
        automatic = _is_automatic(kind, child.name) or _is_automatic(kind, own)
        names.append((kind if key.startswith("_layers/") else key.lstrip("_")) if automatic else child.name)
    return [(k, child) for k, (_, child) in zip(unique_keys(names), found, strict=True)]


def _is_automatic(kind: str, name: str) -> bool:
    """Whether a layer of this kind ("dense") could have the name without being given one, as ``dense_3``."""
    base, _, number = name.rpartition("_") if name not in (kind, "functional") else (name, "", "0")
    return base in (kind, "functional") and number.isdecimal()


def named_layers(root: LayerWeights) -> dict[str, Layer]:
    """Every layer below ``root`` by its path of keys, parents first; shared layers once, under their first path."""
    found: dict[str, Layer] = {}
    seen = {id(root)}
    stack: list[tuple[str, Any]] = [("", root)]
    while stack:
        path, layer = stack.pop()
        fresh = [(f"{path}{key}", child) for key, child in children(layer) if id(child) not in seen]
        seen.update(id(child) for _, child in fresh)
        if path:
            found[_free(path[:-1], found)] = layer
        stack.extend((f"{key}/", child) for key, child in reversed(fresh))
    return found


def layers_below(root: Any) -> list[Layer]:
    """The layers of ``named_layers``, which a Layer keeps until something changes; a Trainer need not be one."""
    found: list[Layer] = root._held().layers if hasattr(root, "_held") else list(named_layers(root).values())
    return found


def shared_layers(root: LayerWeights) -> list[Layer]:
    """The layers below ``root`` that stand in several places."""
    found: dict[int, Layer] = {}
    seen: set[int] = set()
    for layer in (root, *named_layers(root).values()):
        for _, child in children(layer):
            if id(child) in seen:
                found[id(child)] = child
            seen.add(id(child))
    return list(found.values())


def named_variables(root: LayerWeights) -> dict[str, Variable]:
    """Every variable of ``root`` and its sublayers by path of keys (``dense/kernel``), in the order of ``weights``."""
    return _variables_of({"": root, **named_layers(root)})


def _variables_of(layers: Mapping[str, LayerWeights]) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    seen: set[int] = set()
    for path, layer in layers.items():
        for key, variable in own_variables(layer):
            if id(variable) not in seen:
                seen.add(id(variable))
                found[_free(f"{path}/{key}" if path else key, found)] = variable
    return found


def named_generators(root: LayerWeights) -> dict[str, Generator]:
    """Every random generator that ``root`` and its sublayers hold, by path (``dropout/seed_generator``)."""
    found: dict[str, Generator] = {}
    for path, layer in {"": root, **named_layers(root)}.items():
        for key, generator in parts(layer, Generator):
            found[_free(f"{path}/{key}" if path else key, found)] = generator
    return found


def random_states(root: LayerWeights) -> dict[str, Array]:
    """Copies of the states of ``named_generators``."""
    return {key: generator.state.copy() for key, generator in named_generators(root).items()}


def load_random_states(label: str, root: Layer, states: Mapping[str, Array]) -> None:
    """Let the generators go on from these states, as far as there are any of their paths."""
    generators = named_generators(root)
    check_random_states(label, states)
    for key, state in states.items():
        if key in generators:
            generators[key].state[:] = state  # in place: captured steps read it there
            generators[key].seed = int(state[0])


def check_random_states(label: str, states: Mapping[str, Array]) -> None:
    for key, state in states.items():
        if state.shape != (2,) or state.dtype != np.uint64:
            raise ValueError(f"{label}: random state {key!r} is {state.dtype} of shape {state.shape}, not two uint64")


class Kept:
    """What a layer holds: the layers inside, all variables, and the ids of those that a layer inside keeps from
    training; looked for again when a configuration or one of its lists and dicts changed."""

    __slots__ = ("containers", "contents", "frozen", "layers", "variables", "version")

    def __init__(self, root: LayerWeights) -> None:
        self.version = configuration.version
        layers = named_layers(root)
        self.variables = list(_variables_of({"": root, **layers}).values())
        self.layers = list(layers.values())
        self.frozen = {id(v) for layer in self.layers if layer._frozen_whole for v in layer.weights}
        found = (
            c
            for layer in (root, *self.layers)
            for name, value in vars(layer).items()
            if isinstance(value, _NESTS)
            for c in _containers(name, value)
        )
        self.containers = tuple(found)
        self.contents = tuple(tuple(c.values() if isinstance(c, dict) else c) for c in self.containers)

    def holds(self) -> bool:
        return self.version == configuration.version and _native.hold_same(self.containers, self.contents)


def _containers(name: str, value: Any) -> Iterator[Any]:
    """The lists and dicts of an attribute, which may change without notice."""
    if isinstance(value, (dict, list, tuple)) and name not in _NOT_PARTS and name not in _NOTICED:
        if not isinstance(value, tuple):
            yield value
        for part in value.values() if isinstance(value, dict) else value:
            yield from _containers("", part)


def _free(path: str, taken: Mapping[str, Any]) -> str:
    """``path``, with a number where names with slashes in them (dict keys, weights' names) made it twice."""
    return unique_keys([*taken, path])[-1] if path in taken else path


def load_arrays(
    label: str, variables: Mapping[str, Variable], arrays: Mapping[str, Any], strict: bool = True,
    skip_mismatch: bool = False,
) -> None:  # fmt: skip
    """Set variables from arrays of the same keys; nothing is changed unless all fit.  ``label`` begins the errors.

    skip_mismatch: whether those that fit by key and shape are set, and the others left as they are.
    """
    if skip_mismatch:
        arrays = {k: a for k, a in arrays.items() if k in variables and variables[k].shape == a.shape}
        strict = False
    for key, value in fitting_arrays(label, variables, arrays, strict).items():
        variables[key].assign(value)


def fitting_arrays(
    label: str, variables: Mapping[str, Variable], arrays: Mapping[str, Any], strict: bool
) -> dict[str, Array]:
    """The arrays of the variables' keys; errors unless all fit; ``strict``: neither more nor fewer."""
    missing = [k for k in variables if k not in arrays]
    extra = [k for k in arrays if k not in variables]
    if strict and missing:
        theirs = any(str(k).endswith(("weight", "weight_ih_l0", "weight_ih")) for k in arrays)
        hint = "; a state dict of PyTorch is read by lamina.torch.load_state_dict(model, state)" if theirs else ""
        raise ValueError(f"{label}: no value for weight {missing[0]!r}{_others(missing)}{hint}")
    if strict and extra:
        raise ValueError(f"{label}: there is no weight {extra[0]!r}{_others(extra)}; known are {', '.join(variables)}")
    values = {k: np.asarray(arrays[k]) for k in variables if k in arrays}
    for key, value in values.items():
        if value.shape != variables[key].shape:
            raise ValueError(f"{label}: weight {key!r} has shape {variables[key].shape}, got {value.shape}")
        if value.dtype.kind not in "fiub":
            raise TypeError(f"{label}: weight {key!r} cannot be set from dtype {value.dtype}")
    return values


def _others(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
