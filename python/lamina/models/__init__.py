"""Sequential, functional and subclassed models."""

from __future__ import annotations

from ..core import registry
from ..core.rooms import publish
from ..layers import Layer
from ..saving import load_model, save_model
from .generation import generate
from .model import Model, clone_model, model_from_json
from .sequential import Sequential

Functional = Model  # a model drawn with Input is a Model

registry.add_known((Model, Sequential), "layer", Layer)
registry.add_name("Functional", Model)  # as Keras's files name it

__all__ = [
    "Functional",
    "Model",
    "Sequential",
    "clone_model",
    "generate",
    "load_model",
    "model_from_json",
    "save_model",
]

publish(__name__)
