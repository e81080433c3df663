"""ONNX files as models: ``lamina.onnx.load``.  Needs the extra ``lamina[onnx]``."""

from ..core.rooms import publish as _publish
from . import backend
from .model import load

__all__ = ["backend", "load"]

_publish(__name__)
