"""ONNX's operators, one room a family; importing them registers them."""

from . import (
    activation,
    arrays,
    attention,
    control,
    convolution,
    dense,
    elementwise,
    embedding,
    losses,
    normalization,
    optimizers,
    pooling,
    recurrent,
    reduction,
    resize,
    sampling,
    selection,
    shapes,
    signals,
)

__all__ = [
    "activation", "arrays", "attention", "control", "convolution", "dense", "elementwise", "embedding", "losses",
    "normalization", "optimizers", "pooling", "recurrent", "reduction", "resize", "sampling", "selection",
    "shapes", "signals",
]  # fmt: skip
