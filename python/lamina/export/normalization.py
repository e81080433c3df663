"""Normalizations."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import config
from .elementwise import activated
from .graph import Graph
from .handlers import exports
from .reduction import axes_of, reduced
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


@exports("batch_normalization")
def batch_normalization(
    g: Graph, x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Value:
    x = g.value(x, g.dtype)
    shape = [1] * x.ndim
    shape[axis % x.ndim] = x.shape[axis % x.ndim]

    def beside(v: Any) -> Value:
        v = g.value(v, x.dtype)
        return v if v.ndim != 1 else g.reshape(v, shape)

    spread = g.map("Sqrt", g.map("Add", beside(variance), float(epsilon)))
    y = g.map("Div", g.map("Sub", x, beside(mean)), spread)
    y = y if scale is None else g.map("Mul", y, beside(scale))
    return y if offset is None else g.map("Add", y, beside(offset))


@exports("group_norm")
def group_norm(g: Graph, x: Any, gamma: Any = None, beta: Any = None, groups: int = 32, epsilon: float = 1e-3) -> Value:
    x = g.value(x, g.dtype)
    channels = int(x.shape[-1])
    order = channels_first(x.ndim)
    name = g.name(x, order)
    ones, zeros = (f(channels, x.dtype) for f in (np.ones, np.zeros))
    scale = g.constant(ones) if gamma is None else g.value(gamma, x.dtype)
    shift = g.constant(zeros) if beta is None else g.value(beta, x.dtype)
    if g.opset >= 21 and x.dtype == np.float32:  # onnxruntime computes it in float32
        made = g.node("GroupNormalization", name, scale, shift, epsilon=float(epsilon), num_groups=groups)
        return g.made(made, order)
    first = tuple(x.shape[a] for a in order)
    inner = g.total(first[2:]) * (channels // groups)
    flat = g.reshape(g.made(name, None, first, x.dtype), (x.shape[0], groups, inner))
    each = (g.constant(f(groups, x.dtype)) for f in (np.ones, np.zeros))
    y = g.made(g.node("InstanceNormalization", flat, *each, epsilon=float(epsilon)), None, flat.shape, x.dtype)
    back = g.made(g.name(g.reshape(y, first)), order, x.shape, x.dtype)
    back = back if gamma is None else g.map("Mul", back, scale)
    return back if beta is None else g.map("Add", back, shift)


@exports("layer_normalization")
def layer_normalization(
    g: Graph, x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: Any = None
) -> Value:
    x = g.value(x, g.dtype)
    axes = axes_of(x, axis)
    least = config.epsilon() if epsilon is None else float(epsilon)
    centred = g.map("Sub", x, reduced(g, "ReduceMean", x, axes, True))
    spread = reduced(g, "ReduceMean", g.map("Mul", centred, centred), axes, True)
    y = g.map("Div", centred, g.map("Sqrt", g.map("Add", spread, least)))
    y = y if gamma is None else g.map("Mul", y, over_axes(g, gamma, x, axes))
    return y if beta is None else g.map("Add", y, over_axes(g, beta, x, axes))


def over_axes(g: Graph, v: Any, x: Value, axes: list[int]) -> Value:
    """Numbers for these axes of x, so that they broadcast."""
    v = g.value(v, x.dtype)
    if v.ndim == x.ndim or v.ndim == 0:
        return v
    return g.reshape(v, [n if a in axes else 1 for a, n in enumerate(x.shape)])


@exports("rms_norm")
def rms_norm(g: Graph, x: Any, scale: Any = None, epsilon: float = 1e-6) -> Value:
    return rms_normalization(g, x, scale, -1, epsilon)


@exports("rms_normalization")
def rms_normalization(g: Graph, x: Any, scale: Any = None, axis: Any = -1, epsilon: Any = None) -> Value:
    x = g.value(x, g.dtype)
    axes = axes_of(x, axis)
    least = config.epsilon() if epsilon is None else float(epsilon)
    if g.opset >= 23 and axes == [x.ndim - 1]:
        factor = g.constant(np.ones(int(x.shape[-1]), x.dtype)) if scale is None else g.value(scale, x.dtype)
        return g.made(g.node("RMSNormalization", x, factor, axis=-1, epsilon=least))
    squares = reduced(g, "ReduceMean", g.map("Mul", x, x), axes, True)
    y = g.map("Div", x, g.map("Sqrt", g.map("Add", squares, least)))
    return y if scale is None else g.map("Mul", y, over_axes(g, scale, x, axes))
