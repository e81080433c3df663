"""Sequential, functional and subclassed models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core import registry
from ..core.rooms import open_rooms
from ..layers import Layer
from ..saving import load_model, save_model
from .model import Model, model_from_json
from .sequential import Sequential

if TYPE_CHECKING:
    from .cloning import *
    from .ensemble import *
    from .generation import *
    from .many_models import *

Functional = Model  # a model drawn with Input is a Model

registry.add_known((Model, Sequential), "layer", Layer)
registry.add_name("Functional", Model)  # as Keras's files name it

__all__ = ["Functional", "Model", "Sequential", "load_model", "model_from_json", "save_model"]


def _known(name: str, found: Any) -> Any:
    if isinstance(found, type):
        registry.add_known([found], "layer", Layer)
    return found


open_rooms(__name__, made=_known)
