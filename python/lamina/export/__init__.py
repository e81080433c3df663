"""Models as ONNX files: what a call of a model does, operation by operation, as a graph.

One room an operator family; ``handlers.py`` is the table that they fill.
"""

from __future__ import annotations

from . import activation, convolution, dense, elementwise, indexing, normalization, pooling, reduction, reshape  # noqa: F401
from .model_export import export_onnx, to_onnx

__all__ = ["export_onnx", "to_onnx"]
