"""Normalizations."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elementwise import activated
from .graph import Graph
from .handlers import exports
from .values import Value, channels_first


@exports("batch_norm")
def batch_norm(
    g: Graph, x: Any, gamma: Any, beta: Any, moving_mean: Any, moving_variance: Any, training: bool,
    momentum: float = 0.99, epsilon: float = 1e-3, activation: str = "linear",
) -> Value:  # fmt: skip
    if training:
        g.refuse("training=True; models are exported for inference")
    x = g.value(x, g.dtype)
    n = moving_mean.shape
    scale = g.constant(np.ones(n, g.dtype)) if gamma is None else gamma
    shift = g.constant(np.zeros(n, g.dtype)) if beta is None else beta
    order = channels_first(x.ndim)
    name = g.node(
        "BatchNormalization", g.name(x, order), scale, shift, moving_mean, moving_variance, epsilon=float(epsilon)
    )
    return activated(g, g.made(name, order), activation)


@exports("layer_norm")
def layer_norm(g: Graph, x: Any, gamma: Any = None, beta: Any = None, epsilon: float = 1e-3) -> Value:
    x = g.value(x, g.dtype)
    scale = g.constant(np.ones(int(x.shape[-1]), x.dtype)) if gamma is None else g.value(gamma, x.dtype)
    shift = None if beta is None else g.value(beta, x.dtype)
    return g.made(g.node("LayerNormalization", x, scale, shift, axis=-1, epsilon=float(epsilon)))
