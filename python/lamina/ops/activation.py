"""Activations, elementwise and over an axis."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wants_grad
from ..core.autograd import unchecked_record as record
from .conversion import TensorLike, float_tensor
from .direct import register
from .reshape import reshape, transpose

_from_output: dict[str, bool] = _native.activations()  # name -> whether y (else x) is kept for backward
_with_slope = frozenset(_native.activations_with_slope())  # whose slope shares most of its cost with the value
_SLOPE_BYTES = 4 << 20  # 4 and 20 are free: of a larger array the slope is computed again, which takes no longer


def _elementwise(x: TensorLike, name: str, parameter: float = 0.0) -> Tensor:
    x = float_tensor(x)
    xa = x._array
    if name in _with_slope and xa.nbytes <= _SLOPE_BYTES and wants_grad(x):  # <= is free: a size alone
        y, slope = _native.activation_forward_and_slope(xa, name, parameter)
        return record(
            y, (x,), lambda dy, grads: _native.activation_slope_backward(slope, dy, grads[0], grads.accumulate)
        )
    return _recorded(x, _native.activation_forward(xa, name, parameter), name, parameter)


def _recorded(x: Tensor, y: Array, name: str, parameter: float) -> Tensor:
    saved = y if _from_output[name] else x._array

    def backward(dy: Array, grads: Gradients) -> None:
        _native.activation_backward(saved, dy, name, parameter, grads[0], grads.accumulate)

    return record(y, (x,), backward)


def relu(x: TensorLike) -> Tensor:
    """max(x, 0).

    Example:
        >>> ops.relu([-1.0, 1.0])
        Tensor([0., 1.], shape=(2,), dtype=float32)
    """
    return _elementwise(x, "relu")


def leaky_relu(x: TensorLike, negative_slope: float = 0.2) -> Tensor:
    """Leaky rectified linear unit: x above zero, ``negative_slope * x`` below it.

    Args:
        negative_slope: slope below zero.

    Example:
        >>> ops.leaky_relu([-1.0, 1.0])
        Tensor([-0.2,  1. ], shape=(2,), dtype=float32)
    """
    return _elementwise(x, "leaky_relu", negative_slope)


def elu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """Exponential linear unit: x above zero, ``alpha * (exp(x) - 1)`` below it.

    Args:
        alpha: minus the limit of the function at minus infinity.

    Source: Keras 3, keras.ops.elu; Clevert et al. 2016, "Fast and Accurate Deep Network Learning by Exponential Linear
        Units".

    Example:
        >>> ops.elu([-1.0, 1.0])
        Tensor([-0.6321,  1.    ], shape=(2,), dtype=float32)
    """
    return _elementwise(x, "elu", alpha)


def selu(x: TensorLike) -> Tensor:
    """Exponential linear unit scaled so that activations keep zero mean and unit variance.

    Source: Keras 3, keras.ops.selu; Klambauer et al. 2017, "Self-Normalizing Neural Networks".

    Example:
        >>> ops.selu([-1.0, 1.0])
        Tensor([-1.1113,  1.0507], shape=(2,), dtype=float32)
    """
    return _elementwise(x, "selu")


def gelu(x: TensorLike, approximate: bool = True) -> Tensor:
    """Gaussian error linear unit: x times the normal distribution function at x.

    Args:
        approximate: whether the distribution function is approximated by a tanh, or exact (erf).

    Source: Keras 3, keras.ops.gelu; Hendrycks and Gimpel 2016, "Gaussian Error Linear Units".

    Example:
        >>> ops.gelu([-1.0, 0.0, 1.0])
        Tensor([-0.1588,  0.    ,  0.8412], shape=(3,), dtype=float32)
    """
    return _elementwise(x, "gelu_tanh" if approximate else "gelu")


def silu(x: TensorLike) -> Tensor:
    """x * sigmoid(x), also named swish.

    Example:
        >>> ops.silu([0.0, 1.0])
        Tensor([0.    , 0.7311], shape=(2,), dtype=float32)
    """
    return _elementwise(x, "silu")


def tanh(x: TensorLike) -> Tensor:
    """Hyperbolic tangent.

    Example:
        >>> ops.tanh([0.0, 1.0])
        Tensor([0.    , 0.7616], shape=(2,), dtype=float32)
    """
    return _elementwise(x, "tanh")


def sigmoid(x: TensorLike) -> Tensor:
    """1 / (1 + exp(-x)).

    Example:
        >>> ops.sigmoid([0.0, 2.0])
        Tensor([0.5   , 0.8808], shape=(2,), dtype=float32)
    """
    return _elementwise(x, "sigmoid")


def softplus(x: TensorLike) -> Tensor:
    """log(1 + exp(x)).

    Example:
        >>> ops.softplus([0.0, 2.0])
        Tensor([0.6931, 2.1269], shape=(2,), dtype=float32)
    """
    return _elementwise(x, "softplus")


def softsign(x: TensorLike) -> Tensor:
    """x / (1 + |x|).

    Example:
        >>> ops.softsign([-1.0, 3.0])
        Tensor([-0.5 ,  0.75], shape=(2,), dtype=float32)
    """
    return _elementwise(x, "softsign")


def hard_sigmoid(x: TensorLike) -> Tensor:
    """x / 6 + 1/2 between 0 and 1.

    Example:
        >>> ops.hard_sigmoid([-4.0, 0.0, 1.0])
        Tensor([0.    , 0.5   , 0.6667], shape=(3,), dtype=float32)
    """
    return _elementwise(x, "hard_sigmoid")


def hard_silu(x: TensorLike) -> Tensor:
    """x * hard_sigmoid(x), also named hard_swish.

    Example:
        >>> ops.hard_silu([-4.0, 0.0, 1.0])
        Tensor([-0.    ,  0.    ,  0.6667], shape=(3,), dtype=float32)
    """
    return _elementwise(x, "hard_silu")


def mish(x: TensorLike) -> Tensor:
    """The function ``x * tanh(softplus(x))``.

    Source: Keras 3, keras.activations.mish; Misra 2019, "Mish: A Self Regularized Non-Monotonic Activation Function".

    Example:
        >>> ops.mish([-1.0, 1.0])
        Tensor([-0.3034,  0.8651], shape=(2,), dtype=float32)
    """
    return _elementwise(x, "mish")


swish = silu
hard_swish = hard_silu


def _on_last_axis(function: Callable[[Tensor], Tensor], x: Tensor, axis: int | tuple[int, ...] | list[int]) -> Tensor:
    """``function``, which works on the last axis, on another axis, or on several as if they were one."""
    given = list(axis) if isinstance(axis, (tuple, list)) else [axis]
    if not given or any(isinstance(a, bool) or not isinstance(a, (int, np.integer)) for a in given):
        raise TypeError(f"{function.__name__}: axis must be an integer or a tuple of integers, got {axis!r}")
    if any(not -x.ndim <= a < x.ndim for a in given):
        raise ValueError(f"{function.__name__}: axis {axis} is out of range for x of shape {x.shape}")
    axes = [int(a) % x.ndim for a in given]
    if len(set(axes)) < len(axes):
        raise ValueError(f"{function.__name__}: axis {axis} names an axis of x, which is {x.shape}, twice")
    order = [a for a in range(x.ndim) if a not in axes] + axes
    if order == list(range(x.ndim)) and len(axes) == 1:
        return function(x)
    moved = transpose(x, order)
    rows = reshape(moved, (*moved.shape[: x.ndim - len(axes)], math.prod(moved.shape[x.ndim - len(axes) :])))
    return transpose(reshape(function(rows), moved.shape), [order.index(a) for a in range(x.ndim)])


def softmax(x: TensorLike, axis: int | tuple[int, ...] | list[int] = -1) -> Tensor:
    """``exp(x) / sum(exp(x))`` along an axis; where all of x is -inf (masked) it is zero.

    Args:
        axis: the axis, or several whose values have sum one together; negative ones count from the end.

    Example:
        >>> ops.softmax([0.0, 0.0, 0.0, 0.0])
        Tensor([0.25, 0.25, 0.25, 0.25], shape=(4,), dtype=float32)
    """
    x = float_tensor(x)
    if axis != -1:
        return _on_last_axis(softmax, x, axis)
    return _with_softmax(x, _native.softmax_forward(x._array))


def _with_softmax(x: Tensor, y: Array) -> Tensor:
    def backward(dy: Array, grads: Gradients) -> None:
        _native.softmax_backward(y, dy, grads[0], grads.accumulate)

    return record(y, (x,), backward)


def log_softmax(x: TensorLike, axis: int | tuple[int, ...] | list[int] = -1) -> Tensor:
    """``x - log(sum(exp(x)))`` along an axis.

    Args:
        axis: the axis of the sum, or several; negative ones count from the end.

    Example:
        >>> ops.log_softmax([0.0, 0.0])
        Tensor([-0.6931, -0.6931], shape=(2,), dtype=float32)
    """
    x = float_tensor(x)
    if axis != -1:
        return _on_last_axis(log_softmax, x, axis)
    return _with_log_softmax(x, _native.log_softmax_forward(x._array))


def _with_log_softmax(x: Tensor, y: Array) -> Tensor:
    def backward(dy: Array, grads: Gradients) -> None:
        _native.log_softmax_backward(y, dy, grads[0], grads.accumulate)

    return record(y, (x,), backward)


for _one in (hard_sigmoid, hard_silu, relu, selu, sigmoid, softplus, softsign, tanh):
    register(_one, _native.activation_forward, _one.__name__, 0.0, record=_recorded)
for _one, _name in {gelu: "gelu_tanh", mish: "mish", silu: "silu"}.items():  # whose slope comes with the value
    register(_one, _native.activation_forward, _name, 0.0, without_gradient=True)
register(leaky_relu, _native.activation_forward, "leaky_relu", 0.2, record=_recorded)
register(elu, _native.activation_forward, "elu", 1.0, record=_recorded)
register(softmax, _native.softmax_forward, record=_with_softmax)
register(log_softmax, _native.log_softmax_forward, record=_with_log_softmax)

__all__ = [
    "elu", "gelu", "hard_sigmoid", "hard_silu", "hard_swish", "leaky_relu", "log_softmax", "mish", "relu", "selu",
    "sigmoid", "silu", "softmax", "softplus", "softsign", "swish", "tanh",
]  # fmt: skip
