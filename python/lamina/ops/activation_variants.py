"""Activations put together from the native ones and arithmetic."""

from __future__ import annotations

import numpy as np

from ..core.autograd import Tensor
from .activation import elu, relu, sigmoid, softplus, tanh
from .comparison import greater, less, less_equal, where
from .conversion import TensorLike, _axis, as_tensor, float_tensor
from .elementwise import abs, add, clip, divide, expm1, multiply, negative, saturate, square, subtract
from .reduction import cumsum, max, sum
from .reshape import flip, moveaxis, split
from .sorting import sort, take_along_axis
from .special import hypot, with_slopes


def relu6(x: TensorLike) -> Tensor:
    """min(max(x, 0), 6); the gradient is 0 at 0 and 6.

    Example:
        >>> ops.relu6([-1.0, 1.0, 8.0])
        Tensor([0., 1., 6.], shape=(3,), dtype=float32)
    """
    return saturate(x, 0.0, 6.0)


def celu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """Continuously differentiable ELU: x above zero, ``alpha * (exp(x / alpha) - 1)`` below it.

    Args:
        alpha: minus the limit of the function at minus infinity.

    Source: Keras 3, keras.ops.celu; Barron 2017, "Continuously Differentiable Exponential Linear Units".

    Example:
        >>> ops.celu([-1.0, 1.0])
        Tensor([-0.6321,  1.    ], shape=(2,), dtype=float32)
    """
    if alpha == 1:
        return elu(x)
    x = float_tensor(x)
    return add(relu(x), multiply(expm1(divide(clip(x, None, 0.0), alpha)), alpha))


def glu(x: TensorLike, axis: int = -1) -> Tensor:
    """Gated linear unit: of x, cut into two halves along an axis, the first times the sigmoid of the second.

    Args:
        axis: the axis, of even size; negative ones count from the end.

    Raises:
        ValueError: the axis is out of range or of odd size.

    Source: Keras 3, keras.ops.glu; Dauphin et al. 2017, "Language Modeling with Gated Convolutional Networks".

    Example:
        >>> ops.glu([1.0, 2.0, 0.0, 0.0])
        Tensor([0.5, 1. ], shape=(2,), dtype=float32)
    """
    x = float_tensor(x)
    axis = _axis(axis, x.ndim, "glu", x.shape)
    if x.shape[axis] % 2:
        raise ValueError(f"glu: axis {axis} of x, which is {x.shape}, cannot be cut into two halves")
    first, second = split(x, 2, axis)
    return multiply(first, sigmoid(second))


def log_sigmoid(x: TensorLike) -> Tensor:
    """log(sigmoid(x)) without overflow.

    Example:
        >>> ops.log_sigmoid([0.0, 2.0])
        Tensor([-0.6931, -0.1269], shape=(2,), dtype=float32)
    """
    return negative(softplus(negative(float_tensor(x))))


def hard_tanh(x: TensorLike) -> Tensor:
    """x between -1 and 1; the gradient is 0 at both.

    Example:
        >>> ops.hard_tanh([-2.0, 0.5, 2.0])
        Tensor([-1. ,  0.5,  1. ], shape=(3,), dtype=float32)
    """
    return saturate(x, -1.0, 1.0)


def threshold(x: TensorLike, threshold: float, default_value: float) -> Tensor:
    """x above a threshold, else another value.

    Args:
        threshold: the threshold.
        default_value: the value at the threshold and below it.

    Example:
        >>> ops.threshold([-1.0, 0.5, 2.0], 1.0, 0.0)
        Tensor([0., 0., 2.], shape=(3,), dtype=float32)
    """
    x = float_tensor(x)
    return where(greater(x, threshold), x, float(default_value))


def hard_shrink(x: TensorLike, threshold: float = 0.5) -> Tensor:
    """x where ``|x| > threshold``, else 0.

    Args:
        threshold: half the width of the interval around 0.

    Example:
        >>> ops.hard_shrink([-1.0, 0.2, 1.0])
        Tensor([-1.,  0.,  1.], shape=(3,), dtype=float32)
    """
    x = float_tensor(x)
    return where(less_equal(abs(x), threshold), 0.0, x)


def soft_shrink(x: TensorLike, threshold: float = 0.5) -> Tensor:
    """x moved towards 0 by a threshold, and 0 within it.

    Args:
        threshold: the distance.

    Example:
        >>> ops.soft_shrink([-1.0, 0.2, 1.0])
        Tensor([-0.5,  0. ,  0.5], shape=(3,), dtype=float32)
    """
    x = float_tensor(x)
    return subtract(x, clip(x, -threshold, threshold))


def tanh_shrink(x: TensorLike) -> Tensor:
    """x - tanh(x).

    Example:
        >>> ops.tanh_shrink([0.0, 1.0])
        Tensor([0.    , 0.2384], shape=(2,), dtype=float32)
    """
    # The slope is 1 minus that of tanh, of which nothing is left near 0.
    return with_slopes([float_tensor(x)], lambda x: subtract(x, tanh(x)), [lambda x: square(tanh(x))])


def squareplus(x: TensorLike, b: float = 4) -> Tensor:
    """Smooth rectifier without an exponential function: ``(x + sqrt(x^2 + b)) / 2``.

    Args:
        b: how wide the bend at 0 is.

    Source: Keras 3, keras.ops.squareplus; Barron 2021, "Squareplus: A Softplus-Like Algebraic Rectifier".

    Example:
        >>> ops.squareplus([-2.0, 0.0, 2.0])
        Tensor([0.4142, 1.    , 2.4142], shape=(3,), dtype=float32)
    """
    root = float(b) ** 0.5

    def value(x: Tensor) -> Tensor:  # below 0 the conjugate, since x and its length cancel there
        r = add(hypot(x, root), abs(x))
        return where(less(x, 0.0), divide(0.5 * b, r), multiply(r, 0.5))  # 0.0 is free: near it both are right

    return with_slopes([float_tensor(x)], value, [lambda x: divide(value(x), hypot(x, root))])


def sparse_plus(x: TensorLike) -> Tensor:
    """The function that is 0 below -1, ``(x + 1)^2 / 4`` between -1 and 1, and x above.

    Source: Keras 3, keras.ops.sparse_plus; Martins and Astudillo 2016, "From Softmax to Sparsemax".

    Example:
        >>> ops.sparse_plus([-2.0, 0.0, 2.0])
        Tensor([0.  , 0.25, 2.  ], shape=(3,), dtype=float32)
    """
    x = float_tensor(x)
    return where(greater(x, 1.0), x, multiply(square(add(clip(x, -1.0, 1.0), 1.0)), 0.25))


def sparse_sigmoid(x: TensorLike) -> Tensor:
    """(x + 1) / 2 between 0 and 1.

    Example:
        >>> ops.sparse_sigmoid([-2.0, 0.0, 2.0])
        Tensor([0. , 0.5, 1. ], shape=(3,), dtype=float32)
    """
    return multiply(add(saturate(x, -1.0, 1.0), 1.0), 0.5)


def sparsemax(x: TensorLike, axis: int = -1) -> Tensor:
    """The probabilities nearest to x along an axis, many of them 0.  Not captured.

    Args:
        axis: the axis; negative ones count from the end.

    Source: Keras 3, keras.ops.sparsemax; Martins and Astudillo 2016, "From Softmax to Sparsemax".

    Example:
        >>> ops.sparsemax([1.0, 0.5, -1.0])
        Tensor([0.75, 0.25, 0.  ], shape=(3,), dtype=float32)
    """
    x = float_tensor(x)
    axis = _axis(axis, x.ndim, "sparsemax", x.shape)
    z = moveaxis(x, axis, -1)
    z = subtract(z, max(z.detach(), -1, keepdims=True))  # changes nothing but the digits that large sums lose
    ordered = flip(sort(z), -1)
    ranks = np.arange(1, z.shape[-1] + 1).astype(z.dtype)
    sums = subtract(cumsum(ordered, -1), 1.0)
    support = sum(as_tensor(greater(multiply(ordered, ranks), sums), np.int32), -1, keepdims=True)
    limit = divide(take_along_axis(sums, subtract(support, 1), -1), support)
    return moveaxis(relu(subtract(z, limit)), -1, axis)


__all__ = [
    "celu", "glu", "hard_shrink", "hard_tanh", "log_sigmoid", "relu6", "soft_shrink", "sparse_plus", "sparse_sigmoid",
    "sparsemax", "squareplus", "tanh_shrink", "threshold",
]  # fmt: skip
