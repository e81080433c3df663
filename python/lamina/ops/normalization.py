"""Batch, layer, RMS and group normalization."""

from __future__ import annotations

import math
from collections.abc import Callable

from .. import _native
from ..config import epsilon as default_epsilon
from ..core.autograd import Array, Gradients, Tensor, wrap
from ..core.autograd import unchecked_record as record
from .conversion import TensorLike, _axis, as_tensor, float_tensor, optional
from .fused_activation import in_backward
from .reshape import Axis, reshape, transpose

__all__ = [
    "batch_norm", "batch_norm_fold", "group_norm", "layer_norm", "layer_normalization", "rms_norm",
    "rms_normalization",
]  # fmt: skip


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

    Example:
        >>> x, one, zero = np.float32([[1], [3]]), np.ones(1, "float32"), np.zeros(1, "float32")
        >>> y = ops.batch_norm(x, one, zero, ops.array([0.0]), ops.array([1.0]), training=True)
        >>> y.numpy().round(2)
        array([[-1.],
               [ 1.]], dtype=float32)
    """
    x = as_tensor(x)
    (g, ga), (b, ba) = optional(gamma), optional(beta)
    xa = x._array
    y, mean, rstd = _native.batch_norm_forward(
        xa,
        ga,
        ba,
        moving_mean._array,
        moving_variance._array,
        training,
        momentum,
        epsilon,
        activation,
    )

    def backward(dy: Array, grads: Gradients) -> None:
        _native.batch_norm_backward(
            xa, ga, mean, rstd, y, dy, training, in_backward(activation), grads[0], grads[1], grads[2],
            grads.accumulate,
        )  # fmt: skip

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

    Example:
        >>> w, ones, zeros = np.ones((2, 3), "float32"), np.ones(3, "float32"), np.zeros(3, "float32")
        >>> folded, bias = ops.batch_norm_fold(w, None, 2 * ones, ones, zeros, ones, epsilon=0.0)
        >>> folded.numpy()[0], bias.numpy()
        (array([2., 2., 2.], dtype=float32), array([1., 1., 1.], dtype=float32))
    """
    wa, ba, g, e, mean, variance = (optional(p)[1] for p in (w, b, gamma, beta, moving_mean, moving_variance))
    folded, shift = _native.batch_norm_fold(wa, ba, g, e, mean, variance, epsilon)
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

    Example:
        >>> ops.layer_norm([[1.0, 3.0]], epsilon=0.0)
        Tensor([[-1.,  1.]], shape=(1, 2), dtype=float32)
    """
    x = as_tensor(x)
    (g, ga), (b, ba) = optional(gamma), optional(beta)
    xa = x._array
    y, mean, rstd = _native.layer_norm_forward(xa, ga, ba, epsilon)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.layer_norm_backward(xa, ga, mean, rstd, dy, grads[0], grads[1], grads[2], grads.accumulate)

    return record(y, (x, g, b), backward)


def group_norm(
    x: TensorLike,
    gamma: TensorLike | None = None,
    beta: TensorLike | None = None,
    groups: int = 32,
    epsilon: float = 1e-3,
) -> Tensor:
    """``(x - mean) / sqrt(variance + epsilon) * gamma + beta`` of each example and group of channels on the last axis.

    Args:
        x: (N, ..., C); mean and variance are those of all elements of an example's group (divided by their number).
        gamma: factor (C,), or None.
        beta: summand (C,), or None.
        groups: number of groups, a divisor of C; C itself is instance normalization.

    Raises:
        ValueError: shapes do not fit, ``groups`` does not divide C, or epsilon is below 0.

    Source: PyTorch, torch.nn.functional.group_norm; Wu and He 2018, "Group Normalization".

    Example:
        >>> y = ops.group_norm(np.random.rand(2, 4, 4, 8).astype("float32"), groups=2)
        >>> y.shape, abs(float(y.numpy().mean())) < 1e-5
        ((2, 4, 4, 8), True)
    """
    x = as_tensor(x)
    (g, ga), (b, ba) = optional(gamma), optional(beta)
    xa = x._array
    y, mean, rstd = _native.group_norm_forward(xa, ga, ba, groups, epsilon)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.group_norm_backward(xa, ga, mean, rstd, dy, groups, grads[0], grads[1], grads[2], grads.accumulate)

    return record(y, (x, g, b), backward)


def on_axes(op: str, name: str, parameter: TensorLike, x: Tensor, axes: list[int]) -> Tensor:
    """A parameter of the size of some axes of x, in x's type and a shape that broadcasts to x."""
    p = as_tensor(parameter, x._array.dtype)
    sizes = [x.shape[a] for a in axes]
    if p.size != math.prod(sizes):
        raise ValueError(f"{op}: {name} is {p.shape}, x {x.shape}; expected {tuple(sizes)} for axis {tuple(axes)}")
    return reshape(p, tuple(n if i in axes else 1 for i, n in enumerate(x.shape)))


def parse_axes(op: str, axis: Axis, x: Tensor) -> list[int]:
    given = range(x.ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    return sorted({_axis(int(a), x.ndim, op, x.shape) for a in given})


def _over_axes(
    op: str, of_rows: Callable[..., Tensor], x: TensorLike, axis: Axis, **parameters: TensorLike | None
) -> Tensor:
    """What ``of_rows(x, *parameters)`` gives with some axes of x in the place of the last."""
    x = float_tensor(x)
    shape = x._array.shape
    if shape and type(axis) is int and axis in (-1, len(shape) - 1):  # nothing to move
        given = [None if p is None else as_tensor(p, x._array.dtype) for p in parameters.values()]
        if all(p is None or p._array.shape == shape[-1:] for p in given):
            return of_rows(x, *given)
    axes = parse_axes(op, axis, x)
    order = [a for a in range(x.ndim) if a not in axes] + axes
    n = math.prod(x.shape[a] for a in axes)
    flat = []
    for name, p in parameters.items():
        flat.append(None if p is None else reshape(on_axes(op, name, p, x, axes), (n,)))
    moved = transpose(x, order)
    y = of_rows(reshape(moved, (*moved.shape[: x.ndim - len(axes)], n)), *flat)
    return transpose(reshape(y, moved.shape), [order.index(a) for a in range(x.ndim)])


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

    Example:
        >>> ops.layer_normalization([[1.0, 3.0]], epsilon=0.0)
        Tensor([[-1.,  1.]], shape=(1, 2), dtype=float32)
    """
    e = default_epsilon() if epsilon is None else epsilon
    rows = lambda x, gamma, beta: layer_norm(x, gamma, beta, e)  # noqa: E731
    return _over_axes("layer_normalization", rows, x, axis, gamma=gamma, beta=beta)


def rms_norm(x: TensorLike, scale: TensorLike | None = None, epsilon: float = 1e-6) -> Tensor:
    """``x / sqrt(mean(x^2) + epsilon) * scale`` of each row on the last axis.

    Args:
        x: tensor (..., C).
        scale: factor (C,), or None.
        epsilon: number added to the mean of the squares, 0 or more.

    Raises:
        ValueError: shapes or types do not fit, or epsilon is below 0.

    Source: PyTorch, torch.nn.functional.rms_norm; Zhang and Sennrich 2019, "Root Mean Square Layer Normalization".

    Example:
        >>> ops.rms_norm([[3.0, 4.0]])
        Tensor([[0.8485, 1.1314]], shape=(1, 2), dtype=float32)
    """
    x = as_tensor(x)
    s, sa = optional(scale)
    xa = x._array
    y, rstd = _native.rms_norm_forward(xa, sa, epsilon)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.rms_norm_backward(xa, sa, rstd, dy, grads[0], grads[1], grads.accumulate)

    return record(y, (x, s), backward)


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

    Example:
        >>> ops.rms_normalization([[3.0, 4.0]])
        Tensor([[0.8485, 1.1314]], shape=(1, 2), dtype=float32)
    """
    e = default_epsilon() if epsilon is None else epsilon
    return _over_axes("rms_normalization", lambda x, scale: rms_norm(x, scale, e), x, axis, scale=scale)
