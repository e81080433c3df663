"""What compile() was given, as plain data and back."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from .. import losses, metrics, optimizers
from ..core import registry
from ..core.autograd import Array
from ..core.suggest import unknown
from ..core.warn import warn
from ..layers.weights import named_variables

if TYPE_CHECKING:
    from ..models import Model


def describe(model: Model) -> dict[str, Any] | None:
    """The arguments of compile(), or None (with a warning) where one is a function without a name."""
    arguments = model.get_compile_config() or {}
    try:
        return {key: _plain(value, key) for key, value in arguments.items()}
    except TypeError as error:
        warn(f"the model is saved without its compile() arguments: {error}")
        return None


def _plain(value: Any, key: str) -> Any:
    """As registry.serialize, where functions that are not registered are described by their own names.

    key: of compile's argument: where metrics stand, a loss is one of them.
    """
    if isinstance(value, dict):
        return {k: _plain(v, key) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v, key) for v in value]
    if isinstance(value, losses.Loss) and key in ("metrics", "weighted_metrics"):
        value = metrics.get(value)
    ours = isinstance(value, registry.FUNCTIONS) and registry.name_of(value) is None
    if ours and any(getattr(module, value.__name__, None) is value for module in (losses, metrics)):
        return value.__name__
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, (losses.FunctionLoss, metrics.MeanMetricWrapper)):
        return registry.describe(value, _plain(value.get_config(), key))
    return registry.described(value)


def undecayed(model: Model) -> dict[str, list[str]] | None:
    """What exclude_from_weight_decay was told, variables by key; None if nothing."""
    optimizer = model.optimizer
    if optimizer is None or not (optimizer._excluded or optimizer._excluded_names):
        return None
    keys = [key for key, v in named_variables(model).items() if id(v) in optimizer._excluded]
    return {"variables": keys, "names": list(optimizer._excluded_names)}


def restore(
    label: str,
    model: Model,
    description: dict[str, Any],
    excluded: dict[str, list[str]] | None = None,
    state: dict[str, Array] | None = None,
) -> None:
    """Compile a loaded model as it was, with the optimizer's state and what it leaves out of weight decay."""
    try:
        if registry.is_own(model, "compile_from_config"):
            model.compile_from_config(description)
        else:
            arguments = {key: _object(key, value) for key, value in description.items()}
            try:
                inspect.signature(model.compile).bind(**arguments)
            except TypeError as error:
                warn(f"{label}: {type(model).__name__}.compile() is to be called again ({error})")
                return
            model.compile(**arguments)
        if excluded and model.optimizer is not None:
            variables = named_variables(model)
            known = [variables[key] for key in excluded["variables"] if key in variables]
            model.optimizer.exclude_from_weight_decay(known, excluded["names"])
        if state and model.optimizer is not None:
            model.optimizer.set_state(state, named_variables(model))
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError, MemoryError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        reason = f"there is no {error}" if isinstance(error, KeyError) else error
        raise kind(f"{label}: {reason}; compile=False loads the model without what compile() was given") from error


_KINDS = {"optimizer": optimizers, "loss": losses}  # by argument of compile; all others are metrics


_KIND_OF_MODULE = {"keras.optimizers": "optimizer", "keras.losses": "loss"}  # where arguments of compile are a user's


def _object(key: str, value: Any) -> Any:
    """Optimizers, losses and metrics by name in their own module (classes there share names), or registered ones."""
    if isinstance(value, list):
        return [_object(key, v) for v in value]
    if registry.is_function(value):
        return registry.keras_function(value)
    if not registry.is_description(value):
        return {k: _object(key, v) for k, v in value.items()} if isinstance(value, dict) else value
    name, config = value["class_name"], value["config"]
    kind = key if key in _KINDS else _KIND_OF_MODULE.get(str(value.get("module")), "metric")
    module = _KINDS.get(kind, metrics)
    if not isinstance(name, str):
        raise ValueError(f"{kind} {name!r} is no name")
    found = _class_of(module, kind, name)
    if found is not None:
        with registry.about(f"{kind} {name}"):
            return found.from_config({k: _function(key, v) if k == "fn" else v for k, v in config.items()})
    registered = value.get("registered_name")
    wanted = registered if isinstance(registered, str) and registry.find(registered) is not None else name
    own = [n for n in module.__all__ if _class_of(module, kind, n) is not None]
    hint = "; " + str(unknown(kind, name, own)).partition(": ")[2]
    if name == "__function__":
        wanted, kind, hint = config.get("name"), f"{kind} function", ""
        if not isinstance(wanted, str):
            raise ValueError(f"{kind} {wanted!r} is no name")
    if not wanted.startswith("__") and registry.find(wanted) is None:
        mend = f"pass custom_objects={{{wanted.rpartition('>')[2]!r}: ...}} or register it with "
        mend += f"@lamina.saving.register_serializable(){hint}"
        raise registry.named(ValueError(f"{kind} {wanted!r} is not known here: {mend}"))
    return registry.deserialize(value)


def _class_of(module: Any, kind: str, name: str) -> Any:
    """The library's class of that kind ("loss") and name; None if there is none."""
    base = getattr(module, kind.capitalize())
    found = getattr(module, name, None) if name.isidentifier() and not name.startswith("_") else None
    return found if isinstance(found, type) and issubclass(found, base) and found is not base else None


def _function(key: str, value: Any) -> Any:
    """A function in a configuration: one of the library's by name, else as ``_object``."""
    value = registry.keras_function(value) if registry.is_function(value) else value
    rooms = [room for room in (metrics, losses) if isinstance(value, str) and value in room.__all__]
    return getattr(rooms[0], value) if rooms else _object(key, value)
