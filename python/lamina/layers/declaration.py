"""A layer's constructor is its declaration: options and configuration follow from its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from .. import activations, constraints, initializers, regularizers
from ..core import registry

# Arguments that every constructor has or that are no options; Layer.__init__ keeps what there is to keep.
_OF_EVERY_LAYER = frozenset((
    "self", "kwargs", "name", "dtype", "trainable", "autocast", "activity_regularizer", "input_shape", "weights",
))  # fmt: skip
_RESOLVERS: dict[str, Callable[[Any], Any]] = {
    "activation": activations.get,
    "initializer": initializers.get,
    "regularizer": regularizers.get,
    "constraint": constraints.get,
}


def constructor_options(constructor: Callable[..., Any]) -> list[str]:
    """The arguments of a constructor that are the layer's own."""
    parameters = inspect.signature(constructor).parameters.values()
    return [p.name for p in parameters if p.kind is not p.VAR_KEYWORD and p.name not in _OF_EVERY_LAYER]


def unused(constructor: Callable[..., Any], config: dict[str, Any]) -> list[str]:
    """The options that only keywords give, which Keras's layers lack, as far as they have their defaults."""
    parameters = inspect.signature(constructor).parameters.values()
    further = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    return [p.name for p in further if p.name in config and config[p.name] in (p.default, _described(p))]


def _described(parameter: inspect.Parameter) -> Any:
    """A default as a configuration has it, where a name stands for an object."""
    resolve = _RESOLVERS.get(parameter.name.rpartition("_")[2])
    named = resolve and isinstance(parameter.default, str)
    return registry.serialize(resolve(parameter.default)) if resolve and named else parameter.default


def own_arguments(label: str, arguments: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """(name, value) of a constructor's own arguments, given all its ``locals()``.

    Initializers, regularizers, constraints and activations come as what their names stand for.
    """
    for name, value in arguments.items():
        if name.startswith("__") or name in _OF_EVERY_LAYER:
            continue
        kind = name.rpartition("_")[2]
        if kind in _RESOLVERS and (value is not None or kind == "activation"):
            try:
                value = _RESOLVERS[kind](value)
            except ValueError as error:
                raise ValueError(f"{label}: {name}: {error}") from error
        yield name, value
