"""What compile() was given, as plain data and back."""

from __future__ import annotations

import types
import warnings
from typing import TYPE_CHECKING, Any

from .. import _registry, losses, metrics, optimizers
from ..autograd import Array
from ..layers.tracking import named_variables

if TYPE_CHECKING:
    from ..models import Model


def describe(model: Model) -> dict[str, Any] | None:
    """The arguments of compile(), or None (with a warning) where one is a function that has no registered name."""
    arguments = model.get_compile_config() or {}
    try:
        return {key: _plain(value) for key, value in arguments.items()}
    except TypeError as error:
        warnings.warn(f"the model is saved without its compile() arguments: {error}", stacklevel=4)
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, types.FunctionType) and _registry.name_of(value) is None:
        name = value.__name__
        if any(getattr(module, name, None) is value for module in (losses, metrics)):
            return name
    if isinstance(value, type):
        return value.__name__
    return _registry.serialize(value)


def restore(model: Model, description: dict[str, Any], state: dict[str, Array], label: str) -> None:
    """Compile a loaded model as it was, with the optimizer's state."""
    arguments = {key: _object(key, value) for key, value in description.items()}
    model.compile(**arguments)
    if state and model.optimizer is not None:
        try:
            model.optimizer.set_state(state, named_variables(model))
        except ValueError as error:
            raise ValueError(f"{label}: {error}") from None


def _object(key: str, value: Any) -> Any:
    """Optimizers, losses and metrics by name in their own module (classes there share names), or registered ones."""
    if isinstance(value, list):
        return [_object(key, v) for v in value]
    if not _registry.is_description(value):
        return {k: _object(key, v) for k, v in value.items()} if isinstance(value, dict) else value
    name = value["class_name"]
    module = {"optimizer": optimizers, "loss": losses}.get(key, metrics)
    if name.startswith("__") or ">" in name or not isinstance(getattr(module, name, None), type):
        return _registry.deserialize(value)
    return getattr(module, name).from_config(value["config"])
