"""Objects as plain data and back: which names a description may use, and how each becomes an object again.

An object is described as ``{"class_name": name, "config": {...}}`` from its ``get_config()``, a function by the name
under which it was registered.  Only registered names are ever looked up: nothing in a file is imported or executed.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from .suggest import unknown

T = TypeVar("T")

_known: dict[str, Any] = {}  # the library's own classes and functions, by name
_registered: dict[str, Any] = {}  # the user's, as "package>name"
_names: dict[Any, str] = {}  # class or function -> name in a description
_scope: list[dict[str, Any]] = []  # custom_objects of the calls under way, the innermost last


@runtime_checkable
class Configurable(Protocol):
    """Anything that describes itself: ``cls.from_config(obj.get_config())``, or ``cls(**obj.get_config())``."""

    def get_config(self) -> dict[str, Any]: ...


def add_known(objects: Iterable[Any]) -> None:
    """Make the library's own classes or functions loadable under their names."""
    for obj in objects:
        _known[obj.__name__] = obj
        _names[obj] = obj.__name__


def register_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """Decorator: make a class (layer, loss, metric, initializer ...) or a function loadable from saved models.

    It is saved as ``package>name`` (``name`` defaults to the object's own), and must be registered under the same
    two when the file is loaded.
    """

    def register(obj: T) -> T:
        key = f"{package}>{name or obj.__name__}"  # type: ignore[attr-defined]
        if not callable(obj):
            raise TypeError(f"register_serializable: expected a class or a function, got {obj!r}")
        _registered[key] = obj
        _names[obj] = key
        return obj

    return register


@contextlib.contextmanager
def custom_object_scope(objects: dict[str, Any] | None) -> Iterator[None]:
    """Inside, descriptions may also use these names."""
    _scope.append(objects or {})
    try:
        yield
    finally:
        _scope.pop()


def name_of(obj: Any) -> str | None:
    """The registered name of a class or function, or the one it has in custom_objects, or None."""
    if obj in _names:
        return _names[obj]
    in_scope = (name for objects in reversed(_scope) for name, known in objects.items() if known is obj)
    return next(in_scope, None)


def find(name: str) -> Any:
    """The class or function of that name, or None."""
    for objects in reversed(_scope):
        if name in objects:
            return objects[name]
        if name.rpartition(">")[2] in objects:
            return objects[name.rpartition(">")[2]]
    return _registered.get(name, _known.get(name))


def lookup(name: str, kind: str = "class") -> Any:
    """As find; ValueError with the nearest valid name if there is none."""
    found = find(name)
    if found is not None:
        return found
    valid = [*_known, *_registered, *(n for objects in _scope for n in objects)]
    error = unknown(kind, name, valid)
    raise ValueError(
        f"{kind} {name!r} of the description is not known here. A class or function of your own must be registered "
        f"(@lamina.saving.register_serializable()) or passed in custom_objects={{{name.rpartition('>')[2]!r}: ...}}; "
        f"{str(error).partition(': ')[2]}"
    )


def serialize(value: Any) -> Any:
    """``value`` as dicts, lists, tuples, numbers and strings; objects and functions by registered name.

    Raises TypeError for what has no description (a lambda, an open file ...).
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {"class_name": "__array__", "config": {"value": value.tolist(), "dtype": value.dtype.name}}
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, type) and issubclass(value, np.generic):
        return np.dtype(value).name
    if isinstance(value, slice):
        return {"class_name": "__slice__", "config": {"start": value.start, "stop": value.stop, "step": value.step}}
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, dict):
        return {str(k): serialize(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(serialize(v) for v in value) if type(value) in (list, tuple) else [*map(serialize, value)]
    if isinstance(value, Configurable) and not isinstance(value, type):
        name = name_of(type(value)) or type(value).__name__
        return {"class_name": name, "config": serialize(value.get_config())}
    registered = name_of(value) if callable(value) else None
    if registered is None:
        raise TypeError(
            f"{value!r} cannot be saved: it is no registered function and has no get_config(). Register it with "
            "@lamina.saving.register_serializable()"
        )
    return {"class_name": "__function__", "config": {"name": registered}}


def is_description(value: Any) -> bool:
    """Whether a dict describes an object."""
    return isinstance(value, dict) and set(value) >= {"class_name", "config"} and isinstance(value["config"], dict)


def deserialize(value: Any) -> Any:
    """Undo ``serialize``; lists, dicts and plain values are walked through."""
    if isinstance(value, dict):
        return _object(value) if is_description(value) else {k: deserialize(v) for k, v in value.items()}
    if isinstance(value, list):
        return [deserialize(v) for v in value]
    if isinstance(value, tuple):
        return tuple(deserialize(v) for v in value)
    return value


def _object(description: dict[str, Any]) -> Any:
    name, config = description["class_name"], description["config"]
    if name == "__array__":
        return np.array(config["value"], dtype=config["dtype"])
    if name == "__tuple__":
        return tuple(deserialize(v) for v in config["items"])
    if name == "__float__":
        return float(config["value"])
    if name == "__slice__":
        return slice(config["start"], config["stop"], config["step"])
    if name == "__ellipsis__":
        return Ellipsis
    if name == "__function__":
        return lookup(config["name"], "function")
    cls = lookup(name)
    if not isinstance(cls, type):
        raise ValueError(f"the description names {name!r} as a class, but it is {cls!r}")
    from_config = getattr(cls, "from_config", None)
    return from_config(config) if from_config is not None else cls(**deserialize(config))


def to_json(value: Any) -> Any:
    """``serialize(value)`` with tuples and non-finite floats marked, so that JSON brings them back unchanged."""
    if isinstance(value, tuple):
        return {"class_name": "__tuple__", "config": {"items": [to_json(v) for v in value]}}
    if isinstance(value, list):
        return [to_json(v) for v in value]
    if isinstance(value, dict):
        return {k: to_json(v) for k, v in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"class_name": "__float__", "config": {"value": str(value)}}
    return value


def from_json(value: Any) -> Any:
    """Undo ``to_json`` (objects stay descriptions)."""
    if isinstance(value, list):
        return [from_json(v) for v in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "__tuple__":
        return tuple(from_json(v) for v in value["config"]["items"])
    if value.get("class_name") == "__float__":
        return float(value["config"]["value"])
    return {k: from_json(v) for k, v in value.items()}
