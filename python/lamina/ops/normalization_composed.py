"""Normalization in keras.ops' spelling: over any axes, with given statistics, to length one."""

from __future__ import annotations

import math

from ..config import epsilon as default_epsilon
from ..core.autograd import Tensor
from .conversion import TensorLike, _axis, as_tensor, float_tensor
from .elementwise import abs, add, divide, maximum, multiply, power, rsqrt, subtract
from .normalization import layer_norm
from .reduction import norm, sum
from .reshape import Axis, reshape, transpose
from .special import hypot


def _on_axes(op: str, name: str, parameter: TensorLike, x: Tensor, axes: list[int]) -> Tensor:
    """A parameter of the size of some axes of x, in x's type and a shape that broadcasts to x."""
    p = as_tensor(parameter, x._array.dtype)
    sizes = [x.shape[a] for a in axes]
    if p.size != math.prod(sizes):
        raise ValueError(f"{op}: {name} is {p.shape}, x {x.shape}; expected {tuple(sizes)} for axis {tuple(axes)}")
    return reshape(p, tuple(n if i in axes else 1 for i, n in enumerate(x.shape)))


def _axes(op: str, axis: Axis, x: Tensor) -> list[int]:
    given = range(x.ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    return sorted({_axis(int(a), x.ndim, op, x.shape) for a in given})


def batch_normalization(
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    axis: int,
    offset: TensorLike | None = None,
    scale: TensorLike | None = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """``(x - mean) / sqrt(variance + epsilon) * scale + offset`` with statistics that are given.

    The gradient flows to all of them.

    Args:
        mean: one number for each part of x along the axis.
        variance: likewise.
        axis: the axis; negative ones count from the end.
        offset: likewise, or None.
        scale: likewise, or None.

    Raises:
        ValueError: shapes do not fit, or the axis is out of range.
    """
    x = float_tensor(x)
    axes = _axes("batch_normalization", axis, x)
    factor = rsqrt(add(_on_axes("batch_normalization", "variance", variance, x, axes), epsilon))
    if scale is not None:
        factor = multiply(factor, _on_axes("batch_normalization", "scale", scale, x, axes))
    # Subtracted first: x * factor and mean * factor are both large where the mean is, and their difference is inexact.
    y = multiply(subtract(x, _on_axes("batch_normalization", "mean", mean, x, axes)), factor)
    return y if offset is None else add(y, _on_axes("batch_normalization", "offset", offset, x, axes))


def layer_normalization(
    x: TensorLike,
    gamma: TensorLike | None = None,
    beta: TensorLike | None = None,
    axis: Axis = -1,
    epsilon: float | None = None,
) -> Tensor:
    """``(x - mean) / sqrt(variance + epsilon) * gamma + beta``, mean and variance over some axes.

    Args:
        gamma: factor of the sizes of these axes, or None.
        beta: summand of the sizes of these axes, or None.
        axis: the axis or the axes; negative ones count from the end.
        epsilon: number added to the variance; None means ``config.epsilon()``.

    Raises:
        ValueError: shapes do not fit, or an axis is out of range.

    Source: Keras 3, keras.ops.layer_normalization; Ba et al. 2016, "Layer Normalization".
    """
    x = float_tensor(x)
    axes = _axes("layer_normalization", axis, x)
    order = [a for a in range(x.ndim) if a not in axes] + axes
    n = math.prod(x.shape[a] for a in axes)
    parameters = []
    for name, p in (("gamma", gamma), ("beta", beta)):
        given = None if p is None else _on_axes("layer_normalization", name, p, x, axes)
        parameters.append(None if given is None else reshape(given, (n,)))
    moved = transpose(x, order)
    rows = reshape(moved, (*moved.shape[: x.ndim - len(axes)], n))
    y = layer_norm(rows, parameters[0], parameters[1], default_epsilon() if epsilon is None else epsilon)
    return transpose(reshape(y, moved.shape), [order.index(a) for a in range(x.ndim)])


def rms_normalization(
    x: TensorLike, scale: TensorLike | None = None, axis: Axis = -1, epsilon: float | None = None
) -> Tensor:
    """``x / sqrt(mean(x^2) + epsilon) * scale``, the mean over some axes.

    Args:
        scale: factor of the sizes of these axes, or None.
        axis: the axis or the axes; negative ones count from the end.
        epsilon: number added to the mean; None means ``config.epsilon()``.

    Raises:
        ValueError: shapes do not fit, or an axis is out of range.

    Source: Keras 3, keras.ops.rms_normalization; Zhang and Sennrich 2019, "Root Mean Square Layer Normalization".
    """
    x = float_tensor(x)
    axes = _axes("rms_normalization", axis, x)
    n = math.prod(x.shape[a] for a in axes)
    root = (default_epsilon() if epsilon is None else epsilon) ** 0.5
    y = divide(x, hypot(multiply(norm(x, 2, tuple(axes), keepdims=True), n**-0.5 if n else 1.0), root))
    return y if scale is None else multiply(y, _on_axes("rms_normalization", "scale", scale, x, axes))


def normalize(x: TensorLike, axis: Axis = -1, order: float = 2, epsilon: float | None = None) -> Tensor:
    """x divided by its length over some axes, or by epsilon where it is shorter.

    Args:
        axis: the axis or the axes; negative ones count from the end; None takes all elements.
        order: order of the length ``sum(|x| ** order) ** (1 / order)``, from 1; 2 is Euclidean.
        epsilon: the least divisor; None means ``config.epsilon()``.

    Raises:
        ValueError: ``order`` is below 1, or an axis is out of range.
    """
    x = float_tensor(x)
    if order < 1:
        raise ValueError(f"normalize: order must be 1 or more, got {order}")
    if order in (1, 2, math.inf):
        length = norm(x, order, axis, keepdims=True)
    else:
        length = power(sum(power(abs(x), float(order)), axis, keepdims=True), 1 / order)
    return divide(x, maximum(length, default_epsilon() if epsilon is None else epsilon))


__all__ = [
    "batch_normalization",
    "layer_normalization",
    "normalize",
    "rms_normalization",
]
