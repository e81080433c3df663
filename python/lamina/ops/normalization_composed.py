"""Normalization in keras.ops' spelling: over any axes, with given statistics, to length one."""

from __future__ import annotations

from ..config import epsilon as default_epsilon
from ..core.autograd import Tensor
from .conversion import TensorLike, float_tensor
from .elementwise import add, divide, maximum, multiply, rsqrt, subtract
from .normalization import on_axes, parse_axes
from .reduction import vector_norm
from .reshape import Axis


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

    Example:
        >>> ops.batch_normalization([[1.0], [3.0]], [2.0], [1.0], axis=-1, epsilon=0.0)
        Tensor([[-1.],
                [ 1.]], shape=(2, 1), dtype=float32)
    """
    x = float_tensor(x)
    axes = parse_axes("batch_normalization", axis, x)
    factor = rsqrt(add(on_axes("batch_normalization", "variance", variance, x, axes), epsilon))
    if scale is not None:
        factor = multiply(factor, on_axes("batch_normalization", "scale", scale, x, axes))
    # Subtracted first: x * factor and mean * factor are both large where the mean is, and their difference is inexact.
    y = multiply(subtract(x, on_axes("batch_normalization", "mean", mean, x, axes)), factor)
    return y if offset is None else add(y, on_axes("batch_normalization", "offset", offset, x, axes))


def normalize(x: TensorLike, axis: Axis = -1, order: float = 2, epsilon: float | None = None) -> Tensor:
    """x divided by its length over some axes, or by epsilon where it is shorter.

    Args:
        axis: the axis or the axes; negative ones count from the end; None takes all elements.
        order: order of the length ``sum(|x| ** order) ** (1 / order)``, from 1; 2 is Euclidean.
        epsilon: the least divisor; None means ``config.epsilon()``.

    Raises:
        ValueError: ``order`` is below 1, or an axis is out of range.

    Example:
        >>> ops.normalize([[3.0, 4.0]])
        Tensor([[0.6, 0.8]], shape=(1, 2), dtype=float32)
    """
    x = float_tensor(x)
    if order < 1:
        raise ValueError(f"normalize: order must be 1 or more, got {order}")
    length = vector_norm(x, order, axis, keepdims=True)
    return divide(x, maximum(length, default_epsilon() if epsilon is None else epsilon))


__all__ = ["batch_normalization", "normalize"]
