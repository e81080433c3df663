"""Batch, layer, RMS and unit normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..core.autograd import Tensor, no_grad
from ..ops.conversion import as_tensor
from .arguments import fraction, known, refuse
from .bases import SameShape
from .symbolic import Shape
from .variable import Variable


class BatchNormalization(SameShape):
    """Zero mean and unit variance of each channel over the batch, then scale and shift.

    In training the statistics are the batch's, and the moving ones follow: ``moving = momentum * moving + (1 -
    momentum) * batch``, the variance divided by N.  Else, and while ``trainable`` is False, the moving ones are used.

    Args:
        axis: the axis of channels, counted with the batch axis; negative ones from the end.
        momentum: weight of the past in the moving statistics, between 0 and 1.
        renorm: an option of Keras that is not supported: True is a ValueError.
        renorm_clipping: an option of Keras that is not supported: anything but None is a ValueError.
        renorm_momentum: an option of Keras without effect here.
        synchronized: an option of Keras that is not supported: True is a ValueError.

    Call args:
        mask: (N, T), True where a step counts in the statistics; None counts all.

    Input shape: (N, ..., C), channels on ``axis``.

    Output shape: the input's.

    Weights: ``gamma`` (C,), ``beta`` (C,), and not trainable ``moving_mean`` (C,) and ``moving_variance`` (C,).

    Raises:
        ValueError: ``momentum`` is not between 0 and 1; an option is not supported; ``axis`` is out of range, or holds
            another number of channels than the weights.

    Source: Keras 3, BatchNormalization; Ioffe and Szegedy 2015, "Batch Normalization".
    """

    axis: int
    epsilon: float
    center: bool
    scale: bool

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._keep(locals())
        refuse(self, renorm=renorm)
        refuse(self, renorm_clipping=renorm_clipping, synchronized=synchronized)
        self.momentum = fraction(self, "momentum", momentum)

    def build(self, input_shape: Shape) -> None:
        axis = _axis(self.axis, input_shape)
        size = (known(self, f"axis {self.axis}", input_shape[axis], input_shape),)
        self.gamma: Variable | None = None
        self.beta: Variable | None = None
        if self.scale:
            self.gamma = self._weight("gamma", size)
        if self.center:
            self.beta = self._weight("beta", size)
        self.moving_mean = self._weight("moving_mean", size, trainable=False)
        self.moving_variance = self._weight("moving_variance", size, trainable=False)

    def call(self, inputs: Tensor, training: bool = False, mask: Any = None) -> Tensor:
        return self._call_fused("linear", inputs, training, mask)

    def _call_fused(self, activation: str, inputs: Tensor, training: bool = False, mask: Any = None) -> Tensor:
        training = training and self._trainable
        axis = _axis(self.axis, inputs.shape)
        last = inputs.ndim - 1
        if training and mask is not None:
            y = self._over_mask(inputs, as_tensor(mask), axis)
            return y if activation == "linear" else ops.relu(y)
        x = inputs if axis == last else ops.transpose(inputs, _swapped(axis, inputs.ndim))
        y = ops.batch_norm(
            x, self.gamma, self.beta, self.moving_mean, self.moving_variance, training, self.momentum, self.epsilon,
            activation,
        )  # fmt: skip
        return y if axis == last else ops.transpose(y, _swapped(axis, inputs.ndim))

    def _over_mask(self, inputs: Tensor, mask: Tensor, axis: int) -> Tensor:
        """Training with statistics over the steps that count; all steps are normalized by these, as in Keras."""
        ndim = inputs.ndim
        if mask.shape != inputs.shape[: mask.ndim] or mask.ndim >= ndim:
            raise ValueError(f"mask is {mask.shape}, expected the first axes of x, {inputs.shape}")
        others = tuple(d for d in range(ndim) if d != axis)
        kept = ops.reshape(ops.cast(mask, "bool"), (*mask.shape, *(1 for _ in range(ndim - mask.ndim))))
        kept = ops.broadcast_to(kept, inputs.shape)
        count = ops.add(ops.sum(ops.cast(kept, inputs.dtype), axis=others, keepdims=True), 1e-7)  # Keras's epsilon
        mean = ops.divide(ops.sum(ops.where(kept, inputs, 0.0), axis=others, keepdims=True), count)
        difference = ops.subtract(inputs, mean)
        squares = ops.square(ops.where(kept, difference, 0.0))
        variance = ops.divide(ops.sum(squares, axis=others, keepdims=True), count)
        with no_grad():
            for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
                new = ops.multiply(ops.reshape(batch, moving.shape), 1.0 - self.momentum)
                moving.assign(ops.add(ops.multiply(moving, self.momentum), new))
        y = ops.divide(difference, ops.sqrt(ops.add(variance, self.epsilon)))
        if self.gamma is not None:
            y = ops.multiply(y, ops.reshape(self.gamma, mean.shape))
        return y if self.beta is None else ops.add(y, ops.reshape(self.beta, mean.shape))

    def folded_into(self, kernel: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        """Weights of another layer that does in inference what it and the normalization behind it do.

        Args:
            kernel: its kernel, channels on the last axis.
            bias: its bias, or None.

        Returns: kernel and bias.
        """
        return ops.batch_norm_fold(
            kernel, bias, self.gamma, self.beta, self.moving_mean, self.moving_variance, self.epsilon
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        _axis(self.axis, input_shape)
        return super().compute_output_shape(input_shape)

    def _mismatch(self, shape: Shape) -> str | None:
        if not self.built or not -len(shape) <= self.axis < len(shape):
            return None
        wanted = self.moving_mean.shape[0]
        found = shape[self.axis]
        return None if found == wanted else f"x is {shape}, expected {wanted} channels on axis {self.axis}"


class _OverAxes(SameShape):
    """A layer that normalizes some axes of each example together, with weights of their shape."""

    axis: int | Sequence[int]
    epsilon: float

    def _size(self, input_shape: Shape) -> tuple[int, ...]:
        """The shape of the weights."""
        return tuple(known(self, f"axis {a}", input_shape[a], input_shape) for a in self._axes(input_shape))

    def _over_last(self, shape: Shape) -> bool:
        return self._axes(shape) == (len(shape) - 1,)

    def _axes(self, shape: Shape) -> tuple[int, ...]:
        axes = (self.axis,) if isinstance(self.axis, int) else self.axis
        return tuple(sorted({_axis(a, shape) for a in axes}))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._axes(input_shape)
        return super().compute_output_shape(input_shape)

    def _mismatch(self, shape: Shape) -> str | None:
        if not self.weights:
            return None
        weight = self.weights[0]
        found = tuple(shape[a] for a in self._axes(shape))
        return None if found == weight.shape else f"x is {shape}, expected {weight.shape} on axis {self.axis}"


class LayerNormalization(_OverAxes):
    """Zero mean and unit variance of each example over its last axes, then scale and shift.

    Args:
        axis: the axis or the axes that are normalized together, counted with the batch axis; negative ones from the
            end.
        epsilon: number added to the variance, so that nothing is divided by zero; PyTorch's default is 1e-5.

    Input shape: (N, ...).

    Output shape: the input's.

    Weights: ``gamma`` and ``beta``, each of the normalized axes' shape.

    Raises:
        ValueError: an axis is out of range; the input has other sizes there than the weights.

    Source: Keras 3, LayerNormalization; Ba et al. 2016, "Layer Normalization".
    """

    center: bool
    scale: bool

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._keep(locals())
        self.axis = axis if isinstance(axis, int) else tuple(axis)

    def build(self, input_shape: Shape) -> None:
        size = self._size(input_shape)
        self.gamma: Variable | None = self._weight("gamma", size) if self.scale else None
        self.beta: Variable | None = self._weight("beta", size) if self.center else None

    def call(self, inputs: Tensor) -> Tensor:
        if self._over_last(inputs.shape):
            return ops.layer_norm(inputs, self.gamma, self.beta, self.epsilon)
        return ops.layer_normalization(inputs, self.gamma, self.beta, self._axes(inputs.shape), self.epsilon)


class RMSNormalization(_OverAxes):
    """Each example divided by the root of the mean of its squares over some axes, then scaled.

    Args:
        axis: the axis or the axes that are normalized together, counted with the batch axis; negative ones from the
            end.
        epsilon: number added to the mean of the squares, so that nothing is divided by zero.

    Input shape: (N, ...).

    Output shape: the input's.

    Weights: ``scale``, of the normalized axes' shape, ones at first.

    Raises:
        ValueError: an axis is out of range; the input has other sizes there than the weight.

    Source: Keras 3, RMSNormalization; Zhang and Sennrich 2019, "Root Mean Square Layer Normalization".
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._keep(locals())
        self.axis = axis if isinstance(axis, int) else tuple(axis)

    def build(self, input_shape: Shape) -> None:
        self.scale = self.add_weight(self._size(input_shape), "ones", name="scale")

    def call(self, inputs: Tensor) -> Tensor:
        if self._over_last(inputs.shape):
            return ops.rms_norm(inputs, self.scale, self.epsilon)
        return ops.rms_normalization(inputs, self.scale, self._axes(inputs.shape), self.epsilon)


class UnitNormalization(SameShape):
    """The input divided by its Euclidean length along an axis.

    Args:
        axis: the axis, or several whose values have length one together; negative ones count from the end.

    Input shape: any.

    Output shape: the input's.

    Raises:
        TypeError: ``axis`` is no integer and holds other things than integers.
        ValueError: an axis is out of range.

    Source: Keras 3, UnitNormalization.
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not all(type(a) is int for a in (axis if isinstance(axis, (list, tuple)) else [axis])):
            raise TypeError(f"{self._label()}: axis must be an integer or several, got {axis!r}")
        self.axis = axis if isinstance(axis, int) else list(axis)
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        return ops.normalize(inputs, self._axes(inputs.shape), order=2, epsilon=1e-12)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._axes(input_shape)
        return input_shape

    def _axes(self, shape: Shape) -> tuple[int, ...]:
        axes = (self.axis,) if isinstance(self.axis, int) else self.axis
        return tuple(_axis(a, shape) for a in axes)


def _axis(axis: int, shape: Shape) -> int:
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"axis={axis} is out of range for x, {shape}")
    return axis % len(shape)


def _swapped(axis: int, ndim: int) -> tuple[int, ...]:
    """The order of axes that exchanges ``axis`` with the last (and is its own inverse)."""
    order = list(range(ndim))
    order[axis], order[-1] = order[-1], order[axis]
    return tuple(order)


__all__ = ["BatchNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"]
