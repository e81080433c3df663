"""PyTorch's files and state dicts, without PyTorch: weights into models and back, and the state of optimizers."""

from __future__ import annotations

from ..core.rooms import publish as _publish
from .formats import load
from .optimizer_state import load_optimizer_state_dict
from .report import Report
from .state_dict import load_state_dict, save_safetensors, save_state_dict, state_dict

__all__ = [
    "Report", "load", "load_optimizer_state_dict", "load_state_dict", "save_safetensors", "save_state_dict",
    "state_dict",
]  # fmt: skip

_publish(__name__)
