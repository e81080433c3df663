"""A model as PyTorch would see it: the layers that have weights, in order, and what each calls its tensors there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..layers import Layer, Variable
from ..layers.torch_module import Link, Place, linked
from ..layers.variable import snake_case
from ..layers.weights import Trackable, children, own_variables, parts
from ..models import Model, Sequential


class Unit(NamedTuple):
    """A layer that has weights: itself with what is inside as one module, or else its parts, each by itself."""

    path: str  # of keys, as in the model's own state_dict
    name: str  # PyTorch's, if its module is built like the model: attributes, places in a Sequential
    layer: Layer
    links: list[Link]  # none: its parts alone have counterparts
    others: list[list[Place]]  # further ways to write it, modules side by side
    inside: list[Unit]
    ignored: dict[str, Any]

    def full(self, key: str) -> str:
        """The path of its own weight, or of a layer inside."""
        return f"{self.path}/{key}" if self.path else key


def units(model: Layer, path: str = "", name: str = "", seen: set[int] | None = None) -> list[Unit]:
    """The layers of ``model`` that have weights, in its order; those that are one module in PyTorch as one.

    Raises:
        ValueError: a layer has an option that PyTorch's module has not.
    """
    seen = set() if seen is None else seen
    if id(model) in seen:
        return []
    seen.add(id(model))
    inside = list(_inside(model, path, name, seen))
    own, declared = own_variables(model), model._torch
    if declared is None:
        if not own:
            return inside
        attributes = {id(v): key for key, v in vars(model).items() if isinstance(v, Variable)}
        links = [linked(key if v.named else attributes.get(id(v), key), v) for key, v in own]
        return [Unit(path, name, model, links, [], [], {}), *inside]
    links, others = declared.links(model), declared.others(model)
    reached = {id(v) for link in links for v in link.variables}
    if any(id(v) not in reached for v in model.weights):
        links = []
    if own and not links and not others:
        left = next(key for key, v in own if id(v) not in reached)
        raise ValueError(
            f"{model._label()} has a weight {left!r} that PyTorch's {declared.name} has not, and so no counterpart"
        )
    if not links and not others:
        return inside
    return [Unit(path, name, model, links, others, inside, declared.ignored)]


def flat(found: Iterable[Unit]) -> Iterator[Unit]:
    """The units with all that are inside of them."""
    for unit in found:
        yield unit
        yield from flat(unit.inside)


def unit_of(found: Iterable[Unit], ours: Any) -> Unit | None:
    """The unit that is meant by a layer, or by its path, PyTorch's name or its name; inside of others, too."""
    known = list(flat(found))
    if isinstance(ours, Layer):
        return next((unit for unit in known if unit.layer is ours), None)
    for key in ("path", "name"):
        for unit in known:
            if getattr(unit, key) == ours:
                return unit
    return next((unit for unit in known if unit.layer.name == ours), None)


def _inside(layer: Layer, path: str, name: str, seen: set[int]) -> Iterator[Unit]:
    for (key, child), own in zip(children(layer), _names(layer), strict=True):
        yield from units(child, f"{path}/{key}" if path else key, f"{name}.{own}" if name else own, seen)


def _names(layer: Layer) -> list[str]:
    """What PyTorch would call the layers inside: their attributes; in a Sequential their places; in a model the name
    that a layer was given."""
    found = []
    for attribute, child in parts(layer, Trackable):
        name = attribute.lstrip("_").replace("/", ".")
        if isinstance(layer, Model) and attribute.startswith("_layers/"):
            given = not re.fullmatch(rf"({snake_case(type(child).__name__)}|functional)(_\d+)?", child.name)
            name = child.name if given or not isinstance(layer, Sequential) else attribute.partition("/")[2]
        found.append(name)
    return found
