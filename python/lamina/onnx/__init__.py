"""ONNX files as models: ``lamina.onnx.load``.  Needs the extra ``lamina[onnx]``."""

import sys as _sys

from ..core.docstrings import complete as _complete
from ..core.suggest import show_public_names as _show_public_names
from . import backend
from .model import load

__all__ = ["backend", "load"]

_complete(__name__, globals())
_show_public_names(_sys.modules[__name__])
