"""Sequential, functional and subclassed models."""

from __future__ import annotations

from ..core import registry
from ..saving import load_model
from .model import Model, clone_model
from .sequential import Sequential

Functional = Model  # a model drawn with Input is a Model

registry.add_known((Model, Sequential))

__all__ = ["Functional", "Model", "Sequential", "clone_model", "load_model"]
