"""Objects as plain data and back: which names a description may use, and how each becomes an object again.

An object is described as ``{"class_name": name, "config": {...}}`` from its ``get_config()``, a function by the name
under which it was registered.  Only registered names are ever looked up: nothing in a file is imported or executed.
"""

from __future__ import annotations

import contextlib
import math
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from .keras_names import RENAMED, module_of, public_module
from .rooms import bring, rooms_of
from .suggest import unknown
from .warn import warn

T = TypeVar("T")

_known: dict[str, Any] = {}  # the library's own classes and functions, by name
_kinds: dict[str, tuple[str, type]] = {}  # what each of them is ("layer"), and the base of its kind
registered: dict[str, Any] = {}  # the user's, as "package>name"
_by_module: dict[tuple[Any, str], type] = {}  # the library's losses, metrics and optimizers
_names: dict[Any, str] = {}  # class or function -> name in a description
_scope: list[dict[str, Any]] = []  # custom_objects of the calls under way, the innermost last


class _Sharing(threading.local):
    numbers: dict[int, int] | None = None  # of objects that stand at several places of what is described, by identity
    made: dict[tuple[str, int] | None, Any] | None = None  # objects of what is being made, by class and number
    objects = False  # whether functions, and classes that are not registered, stand in descriptions themselves


_sharing = _Sharing()


@runtime_checkable
class Configurable(Protocol):
    """Anything that describes itself: ``cls.from_config(obj.get_config())``, or ``cls(**obj.get_config())``."""

    def get_config(self) -> dict[str, Any]: ...


_imports: list[Callable[[], Any]] = []


def when_unknown(make_known: Callable[[], Any]) -> None:
    """Let this be called when a name is looked for that is not known: it imports what else there is."""
    _imports.append(make_known)


def add_known(objects: Iterable[Any], kind: str, base: type) -> None:
    """Make the library's own classes of one kind ("layer"), subclasses of ``base``, loadable under their names."""
    for obj in objects:
        _known[obj.__name__] = _known[RENAMED.get(obj.__name__, obj.__name__)] = obj
        _names[obj] = obj.__name__
        _kinds[obj.__name__] = kind, base


def add_by_module(objects: Iterable[Any]) -> None:
    """Make classes with ``get_config`` among these loadable by module and name: a loss and a metric have the same."""
    classes = [obj for obj in objects if isinstance(obj, type) and hasattr(obj, "get_config")]
    _by_module.update({(module_of(cls), cls.__name__): cls for cls in classes})


def add_name(name: str, obj: Any) -> None:
    """Make a class loadable under another name, too."""
    _known[name] = obj


def _kind_of(argument: str) -> str | None:
    """The kind of what a constructor takes under this name, as far as names tell."""
    singular = argument.removesuffix("s").replace("cell", "layer")
    return next(
        (kind for kind in ("layer", "initializer", "regularizer", "constraint") if singular.endswith(kind)), None
    )


def register_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """Decorator: make a class (layer, loss, metric, initializer ...) or a function loadable from saved models.

    It is saved as ``package>name``, and must be registered under the same two when the file is loaded.

    Args:
        package: first part of the name.
        name: last part of the name; None takes the object's own.

    Raises:
        TypeError: what is decorated is no class or function.

    Source: Keras 3, keras.saving.register_keras_serializable.

    Example:
        >>> @lamina.saving.register_serializable("mine")
        ... def double(x):
        ...     return 2 * x
    """

    def register(obj: T) -> T:
        key = f"{package}>{name or obj.__name__}"  # type: ignore[attr-defined]
        if not callable(obj):
            raise TypeError(f"register_serializable: expected a class or a function, got {obj!r}")
        registered[key] = obj
        _names[obj] = key
        return obj

    return register


@contextlib.contextmanager
def custom_object_scope(objects: dict[str, Any] | None) -> Iterator[None]:
    """Inside, descriptions may also use these names; a context manager.

    Args:
        objects: {name: class or function}, or None for none.

    Raises:
        TypeError: objects is no dict.

    Source: Keras 3, keras.saving.custom_object_scope.

    Example:
        >>> class Twice(lamina.Layer):
        ...     def call(self, x):
        ...         return 2 * x
        >>> with saving.custom_object_scope({"Twice": Twice}):
        ...     layer = layers.deserialize({"class_name": "Twice", "config": {}})
        >>> type(layer).__name__
        'Twice'
    """
    if not isinstance(objects, (dict, type(None))):
        raise TypeError(f"custom_objects: expected a dict of classes and functions by name, got {objects!r}")
    _scope.append(objects or {})
    try:
        yield
    finally:
        _scope.pop()


@contextlib.contextmanager
def sharing(objects: Iterable[Any]) -> Iterator[None]:
    """Inside, descriptions of these objects have a number each, by which they become one object again, as in Keras; so
    do objects that are made inside from such descriptions.
    """
    outer = _sharing.numbers, _sharing.made
    _sharing.numbers, _sharing.made = {id(obj): i for i, obj in enumerate(objects, 1)}, {}
    try:
        yield
    finally:
        _sharing.numbers, _sharing.made = outer


@contextlib.contextmanager
def keeping_objects() -> Iterator[None]:
    """Inside, descriptions hold functions and unregistered classes themselves, in place of their names: for copies in
    this process."""
    outer, _sharing.objects = _sharing.objects, True
    try:
        yield
    finally:
        _sharing.objects = outer


def name_of(obj: Any) -> str | None:
    """The registered name of a class or function, or the one it has in custom_objects, or None."""
    if obj in _names:
        return _names[obj]
    in_scope = (name for objects in (*reversed(_scope), registered) for name, known in objects.items() if known is obj)
    return next(in_scope, None)


def find(name: str) -> Any:
    """The class or function of that name, or None."""
    for objects in reversed(_scope):
        if name in objects:
            return objects[name]
        if name.rpartition(">")[2] in objects:
            return objects[name.rpartition(">")[2]]
    if name not in registered and name not in _known and name in rooms_of("layers"):
        bring("layers", name)
    if name not in registered and name not in _known:
        for make_known in _imports:
            make_known()
    return registered.get(name, _known.get(name))


def lookup(name: Any, kind: str | None = None, what: str = "class") -> Any:
    """As find; ValueError with the nearest valid name of that kind ("layer") if there is none."""
    if not isinstance(name, str):
        raise named(ValueError(f"the description of a {kind or what} has {name!r} in place of a name"))
    found = find(name)
    base = next((base for known, base in _kinds.values() if known == kind), None)
    if found is not None:
        if base is not None and isinstance(found, type) and not issubclass(found, base):
            raise named(ValueError(f"the description has {name!r}, which is of another kind than {kind}"))
        return found
    own = {**registered, **{n: obj for objects in _scope for n, obj in objects.items()}}
    valid = [n for n, (known, _) in _kinds.items() if kind in (None, known)]
    valid += [n for n, obj in own.items() if base is None or not isinstance(obj, type) or issubclass(obj, base)]
    hint = str(unknown(what, name, valid)).partition(": ")[2]
    if kind is None and "did you mean" not in hint:
        hint = ""  # the names of everything would say nothing
    raise named(
        ValueError(
            f"{what} {name!r} of the description is not known here. A class or function of your own must be registered "
            f"(@lamina.saving.register_serializable()) or passed in custom_objects={{{name.rpartition('>')[2]!r}: ...}}"
            + (f"; {hint}" if hint else "")
        )
    )


def named(error: Exception) -> Exception:
    """``error``, whose message says what it is about: no layer or class around it puts its name before it."""
    error._lamina_layer = True  # type: ignore[attr-defined]
    return error


def serialize(obj: Any) -> Any:
    """A value as dicts, lists, tuples, numbers and strings; objects and functions by registered name.

    Functions within it that are not registered go by their own names, under which ``custom_objects`` gives them; one of
    the library by its name, which layers, ``compile`` and the like take.

    Args:
        obj: an object of the library or a registered one, a plain value, or a nest of them.

    Raises:
        TypeError: it has no description, as a lambda or an open file.

    Source: Keras 3, keras.saving.serialize_keras_object.

    Example:
        >>> saving.serialize(layers.Dense(3))["class_name"]
        'Dense'
    """
    if isinstance(obj, FUNCTIONS) and name_of(obj) is None:
        module = obj.__module__ or ""  # None where a function was made by eval or exec in a namespace without a name
        if module.partition(".")[0] != _LIBRARY or not obj.__name__.isidentifier():
            raise _no_description(obj)
        # One of the library goes by its name, as Keras writes it; whoever takes a function takes the name.
        return {"module": "builtins", "class_name": "function", "config": obj.__name__, "registered_name": "function"}
    return described(obj)


def described(obj: Any) -> Any:
    """As ``serialize``, of a part of something: a function may go by its own name."""
    if obj is None or isinstance(obj, (bool, int, float, str)):
        return obj
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, np.ndarray):
        return {"class_name": "__array__", "config": {"value": obj.tolist(), "dtype": obj.dtype.name}}
    if isinstance(obj, np.dtype):
        return obj.name
    if isinstance(obj, type) and issubclass(obj, np.generic):
        return np.dtype(obj).name
    if isinstance(obj, slice):
        return {"class_name": "__slice__", "config": {"start": obj.start, "stop": obj.stop, "step": obj.step}}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, dict):
        return {str(k): described(v) for k, v in obj.items()}
    if isinstance(obj, (list, tuple)):
        return type(obj)(described(v) for v in obj) if type(obj) in (list, tuple) else [*map(described, obj)]
    if isinstance(obj, Configurable) and not isinstance(obj, type):
        return describe(obj, described(obj.get_config()))
    if _sharing.objects and isinstance(obj, (*FUNCTIONS, type)):
        return obj
    name = function_name(obj)
    if name is None:
        raise _no_description(obj)
    return {"class_name": "__function__", "config": {"name": name}}


FUNCTIONS = (types.FunctionType, types.MethodType)
_LIBRARY = __name__.partition(".")[0]


def function_name(obj: Any) -> str | None:
    """The name under which a function is described: the registered one, else its own; None for a lambda."""
    registered = name_of(obj) if callable(obj) else None
    if registered is None and isinstance(obj, FUNCTIONS) and (_sharing.objects or obj.__name__.isidentifier()):
        return obj.__name__
    return registered


def _no_description(obj: Any) -> TypeError:
    return TypeError(
        f"{obj!r} cannot be saved: it is no registered function and has no get_config(). Register it with "
        "@lamina.saving.register_serializable()"
    )


def describe(value: Any, config: dict[str, Any]) -> dict[str, Any]:
    """The description of an object with this configuration; Keras finds its own classes by the module."""
    module = module_of(type(value))
    name: Any = name_of(type(value)) or type(value).__name__
    if _sharing.objects and module is None and name_of(type(value)) is None:
        name = type(value)
    found = ({"module": module} if module else {}) | {"class_name": RENAMED.get(name, name), "config": config}
    if is_own(value, "get_build_config"):
        built = value.get_build_config()
        found |= {"build_config": described(built)} if built is not None else {}
    number = (_sharing.numbers or {}).get(id(value))
    return found if number is None else found | {"shared_object_id": number}


def is_own(obj: Any, method: str) -> bool:
    """Whether a method of an object is that of a user's class, not the library's."""
    found = getattr(type(obj), method, None)
    return isinstance(found, types.FunctionType) and (found.__module__ or "").partition(".")[0] != _LIBRARY


def is_description(value: Any) -> bool:
    """Whether a dict describes an object."""
    return isinstance(value, dict) and set(value) >= {"class_name", "config"} and isinstance(value["config"], dict)


def is_function(value: Any) -> bool:
    """Whether a dict is Keras's description of a function."""
    return isinstance(value, dict) and value.get("class_name") == "function" and isinstance(value.get("config"), str)


def class_name(what: str, description: dict[str, Any]) -> str:
    """The name in the description of a loss or an optimizer; ValueError if there is none."""
    name = description.get("class_name")
    if not isinstance(name, str) or not isinstance(description.get("config", {}), dict):
        raise ValueError(f"{what}: expected a description {{'class_name': ..., 'config': ...}}, got {description!r}")
    return name


def deserialize(value: Any, kind: str | None = None) -> Any:
    """The value that ``serialize`` described; lists, dicts and plain values are walked through.

    Args:
        value: the description.
        kind: what the objects have to be ("layer", "initializer" ...), if that is known.

    Raises:
        ValueError: a class is unknown, of another kind, or its configuration is damaged.
        TypeError: an argument of the configuration has a wrong type.

    Example:
        >>> saving.deserialize(saving.serialize(layers.Dense(3))).units
        3
    """
    if isinstance(value, dict):
        if is_description(value):
            return _object(value, kind)
        if is_function(value):
            return keras_function(value)
        return {k: deserialize(v, _kind_of(k) if isinstance(k, str) else None) for k, v in value.items()}
    if isinstance(value, list):
        return [deserialize(v, kind) for v in value]
    if isinstance(value, tuple):
        return tuple(deserialize(v, kind) for v in value)
    return value


def deserialize_keras_object(config: Any, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True) -> Any:
    """As ``deserialize``, with Keras's arguments.

    Args:
        config: the description.
        custom_objects: {name: class or function} for what is not registered.
        safe_mode: an argument of Keras without effect: no code in a description is ever run.

    Raises:
        ValueError: a class is unknown, or its configuration is damaged.
        TypeError: an argument of the configuration has a wrong type; ``custom_objects`` is no dict.

    Source: Keras 3, keras.saving.deserialize_keras_object.

    Example:
        >>> description = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}}
        >>> saving.deserialize_keras_object(description).units
        3
    """
    with custom_object_scope(custom_objects):
        return deserialize(config)


def _object(description: dict[str, Any], kind: str | None) -> Any:
    name, config = class_of(description), description["config"]
    special = _SPECIAL.get(name) if isinstance(name, str) else None
    if special is not None:
        with about(f"the {name.strip('_')} of the description"):
            return special(config, kind)
    cls, module = name if isinstance(name, type) else None, description.get("module")
    if isinstance(module, str) and isinstance(name, str) and kind is None and find(name) is None:
        cls = _by_module.get((public_module(module), name))
    cls = cls or lookup(name, kind)
    if not isinstance(cls, type):
        raise named(ValueError(f"the description names {name!r} as a class, but it is {cls!r}"))
    number, made = description.get("shared_object_id"), _sharing.made
    place = (name, number) if made is not None and isinstance(number, int) else None
    if made is not None and place in made:
        return made[place]
    label = config.get("name")
    with about(f"{cls.__name__} {label!r}" if isinstance(label, str) else cls.__name__):
        from_config = getattr(cls, "from_config", None)
        found = from_config(config) if from_config is not None else cls(**deserialize(config))
        built = description.get("build_config")
        if built is not None and is_own(found, "build_from_config") and not found.built:
            found.build_from_config(deserialize(built))
            found.built = True
    if made is not None and place is not None:
        made[place] = found
    return found


@contextlib.contextmanager
def about(what: str) -> Iterator[None]:
    """Put ``what`` before an error's message, unless the object inside of it that it is about stands there."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        if getattr(error, "_lamina_layer", False):
            raise
        reason = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise named(kind(reason if reason.startswith(what) else f"{what}: {reason}")) from error


def class_of(description: dict[str, Any]) -> Any:
    """The name of a description's class; of one that was registered with Keras, its name there."""
    name, registered = description["class_name"], description.get("registered_name")
    if isinstance(registered, str) and ">" in registered:
        return registered.removeprefix("lamina>")
    return name


def keras_function(description: dict[str, Any]) -> Any:
    """A function as Keras describes it: one of the library's by its name alone, another by the one it is registered
    with."""
    name, module = description["config"], description.get("module")
    if find(name) is not None:
        return find(name)
    own = isinstance(module, str) and (module == "builtins" or module.partition(".")[0] == "keras")
    return name if own else lookup(name, what="function")


def _array(config: dict[str, Any], kind: str | None) -> Any:
    dtype = np.dtype(config["dtype"])
    if dtype.kind not in "biuf":
        raise ValueError(f"its dtype is {dtype}")
    return np.array(config["value"], dtype)


def _function(config: dict[str, Any], kind: str | None) -> Any:
    return lookup(config["name"], what="function")


def _dtype(policy: Any) -> Any:
    """The type of weights and results that Keras calls so; narrower ones become float32."""
    if policy in ("mixed_float16", "float16", "bfloat16"):
        warn(f"a layer of the description computes in {policy!r}: here it computes in 'float32'")
        return "float32"
    return policy


def _refuse_code() -> Any:
    raise ValueError(
        "it is Python code, and Lamina runs no code from files, with safe_mode=False neither: write the function "
        "again, and pass it in custom_objects={name of the Lambda layer: function}"
    )


_SPECIAL: dict[str, Callable[[dict[str, Any], str | None], Any]] = {
    "__array__": _array,
    "__tuple__": lambda config, kind: tuple(deserialize(v, kind) for v in config["items"]),
    "__float__": lambda config, kind: float(config["value"]),
    "__slice__": lambda config, kind: slice(config["start"], config["stop"], config["step"]),
    "__ellipsis__": lambda config, kind: Ellipsis,
    "__function__": _function,
    "__numpy__": _array,  # as Keras writes it
    "__tensor__": _array,
    "DTypePolicy": lambda config, kind: _dtype(config["name"]),
    "QuantizedDTypePolicy": lambda config, kind: f"{config['mode']}_from_{config['source_name']}",
    "__lambda__": lambda config, kind: _refuse_code(),
    "__bytes__": lambda config, kind: config["value"].encode(),
}


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
    mark, config = value.get("class_name"), value.get("config")
    if mark not in ("__tuple__", "__float__"):
        return {k: from_json(v) for k, v in value.items()}
    entry = "items" if mark == "__tuple__" else "value"
    found = config.get(entry) if isinstance(config, dict) else None
    if mark == "__tuple__" and isinstance(found, list):
        return tuple(from_json(v) for v in found)
    if mark == "__float__" and isinstance(found, str):
        return float(found)
    raise ValueError(f"a {str(mark).strip('_')} in it has {found!r} in place of its {entry}")
