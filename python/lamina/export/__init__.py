"""Models as ONNX files: what a call of a model does, operation by operation, as a graph.

One room an operator family; ``handlers.py`` is the table that they fill.
"""

from __future__ import annotations

from ..core.rooms import publish
from . import (  # noqa: F401 (they fill the table)
    activation,
    attention,
    convolution,
    creation,
    dense,
    elementwise,
    fourier,
    indexing,
    loss,
    normalization,
    patches,
    pooling,
    rearrangement,
    recurrent,
    reduction,
    reshape,
    resize,
    scatter,
    sorting,
    special,
)
from .model_export import export_onnx, to_onnx

__all__ = ["export_onnx", "to_onnx"]

publish(__name__)
