"""Batch and layer normalization."""

from __future__ import annotations

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wrap
from ..core.autograd import unchecked_record as record
from .conversion import TensorLike, as_tensor

__all__ = ["batch_norm", "batch_norm_fold", "layer_norm"]
_NONE = wrap(np.empty(0, np.float32))  # in the place of a parameter that is not there: wants no gradient


def _array(x: TensorLike | None) -> Array | None:
    return None if x is None else as_tensor(x)._array


def batch_norm(
    x: TensorLike,
    gamma: TensorLike | None,
    beta: TensorLike | None,
    moving_mean: Tensor,
    moving_variance: Tensor,
    training: bool,
    momentum: float = 0.99,
    epsilon: float = 1e-3,
    activation: str = "linear",
) -> Tensor:
    """``activation((x - mean) / sqrt(variance + epsilon) * gamma + beta)`` of each channel on the last axis.

    In training mean and variance are the batch's (divided by the count), and the moving ones follow in place: ``moving
    = moving * momentum + batch * (1 - momentum)``.  Else the moving ones are used.

    Args:
        x: (..., C).
        gamma: factor (C,), or None.
        beta: summand (C,), or None.
        moving_mean: (C,), a tensor.
        moving_variance: (C,), a tensor.
        training: whether the batch's statistics are used.
        momentum: weight of the past in the moving statistics.
        activation: "linear" or "relu", applied in the same pass.

    Raises:
        ValueError: shapes do not fit.

    Source: Lamina; Ioffe and Szegedy 2015, "Batch Normalization".
    """
    x = as_tensor(x)
    g = _NONE if gamma is None else as_tensor(gamma)
    b = _NONE if beta is None else as_tensor(beta)
    xa = x._array
    ga = None if gamma is None else g._array
    y, mean, rstd = _native.batch_norm_forward(
        xa,
        ga,
        None if beta is None else b._array,
        moving_mean._array,
        moving_variance._array,
        training,
        momentum,
        epsilon,
        activation,
    )

    def backward(dy: Array, grads: Gradients) -> None:
        _native.batch_norm_backward(
            xa, ga, mean, rstd, y, dy, training, activation, grads[0], grads[1], grads[2], grads.accumulate
        )

    return record(y, (x, g, b), backward)


def batch_norm_fold(
    w: TensorLike,
    b: TensorLike | None,
    gamma: TensorLike | None,
    beta: TensorLike | None,
    moving_mean: TensorLike,
    moving_variance: TensorLike,
    epsilon: float = 1e-3,
) -> tuple[Tensor, Tensor]:
    """Weights and bias of one layer that does in inference what a layer and the batch normalization behind it do.

    No gradient flows through it.

    Args:
        w: the layer's weights (..., C).
        b: its bias (C,), or None.
        gamma: factor (C,), or None.
        beta: summand (C,), or None.
        moving_mean: (C,).
        moving_variance: (C,).

    Returns: weights and bias.

    Raises:
        ValueError: shapes do not fit.

    Source: Lamina.
    """
    folded, shift = _native.batch_norm_fold(
        _array(w), _array(b), _array(gamma), _array(beta), _array(moving_mean), _array(moving_variance), epsilon
    )
    return wrap(folded), wrap(shift)


def layer_norm(
    x: TensorLike, gamma: TensorLike | None = None, beta: TensorLike | None = None, epsilon: float = 1e-3
) -> Tensor:
    """``(x - mean) / sqrt(variance + epsilon) * gamma + beta`` of each row on the last axis.

    Args:
        x: (..., C); mean and variance are the row's (divided by C).
        gamma: factor (C,), or None.
        beta: summand (C,), or None.

    Raises:
        ValueError: shapes do not fit.

    Source: Lamina; Ba et al. 2016, "Layer Normalization".
    """
    x = as_tensor(x)
    g = _NONE if gamma is None else as_tensor(gamma)
    b = _NONE if beta is None else as_tensor(beta)
    xa = x._array
    ga = None if gamma is None else g._array
    y, mean, rstd = _native.layer_norm_forward(xa, ga, None if beta is None else b._array, epsilon)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.layer_norm_backward(xa, ga, mean, rstd, dy, grads[0], grads[1], grads[2], grads.accumulate)

    return record(y, (x, g, b), backward)
