"""Sequential, functional and subclassed models."""

from __future__ import annotations

from ..core import registry
from ..core.rooms import publish
from ..layers import Layer
from ..saving import load_model, save_model
from .cloning import clone_model
from .ensemble import Ensemble
from .generation import generate
from .many_models import fit_many
from .model import Model, model_from_json
from .sequential import Sequential

Functional = Model  # a model drawn with Input is a Model

registry.add_known((Model, Sequential, Ensemble), "layer", Layer)
registry.add_name("Functional", Model)  # as Keras's files name it

__all__ = [
    "Ensemble",
    "Functional",
    "Model",
    "Sequential",
    "clone_model",
    "fit_many",
    "generate",
    "load_model",
    "model_from_json",
    "save_model",
]

publish(__name__)
