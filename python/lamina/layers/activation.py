"""Activations as layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import activations, ops
from ..core.autograd import Tensor
from .arguments import axis_or_axes, integers, known
from .bases import SameShape
from .fused_kinds import ACTIVATIONS
from .masking import MaskedTensor
from .options import LayerOptions, Unpack
from .symbolic import Shape
from .torch_module import FLAT, TorchModule


class _Elementwise(SameShape):
    """A layer without weights whose result has the shape of its input."""

    def __init__(self, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self._built = True


class Activation(_Elementwise):
    """An activation function as a layer.

    Args:
        activation: a name such as "relu", a function of a tensor, or a layer.

    Input shape: any.

    Output shape: the input's.

    Raises:
        ValueError: the name is unknown.

    Source: Keras 3, Activation.

    Example:
        >>> layers.Activation("relu")([-1.0, 2.0])
        Tensor([0., 2.], shape=(2,), dtype=float32)
    """

    def __init__(self, activation: Any, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Tensor) -> Tensor:
        return self.activation(inputs)


class ReLU(_Elementwise):
    """Rectified linear unit: x above ``threshold``, ``negative_slope * (x - threshold)`` below it.

    Args:
        max_value: the largest value of the result; None sets no limit.
        negative_slope: slope below the threshold, not negative.
        threshold: where the function begins to rise, not negative.

    Input shape: any.

    Output shape: the input's.

    Raises:
        ValueError: an argument is negative.

    Source: Keras 3, ReLU.

    Example:
        >>> layers.ReLU(max_value=6.0)([-1.0, 3.0, 8.0])
        Tensor([0., 3., 6.], shape=(3,), dtype=float32)
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        for name, value in {"max_value": max_value, "negative_slope": negative_slope, "threshold": threshold}.items():
            if value is not None and value < 0:
                raise ValueError(f"{self._label()}: {name} must not be negative, got {value}")
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    def call(self, inputs: Tensor) -> Tensor:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class _LeakyOptions(LayerOptions, total=False):
    alpha: float


class LeakyReLU(_Elementwise):
    """Leaky rectified linear unit: x above zero, ``negative_slope * x`` below it.

    Args:
        negative_slope: slope below zero, not negative; PyTorch's default is 0.01.

    Input shape: any.

    Output shape: the input's.

    Raises:
        ValueError: ``negative_slope`` is negative or None.

    Source: Keras 3, LeakyReLU; Maas et al. 2013, "Rectifier Nonlinearities Improve Neural Network Acoustic Models".

    Example:
        >>> layers.LeakyReLU()([-1.0, 1.0])
        Tensor([-0.3,  1. ], shape=(2,), dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Unpack[_LeakyOptions]) -> None:
        negative_slope = kwargs.pop("alpha", negative_slope)  # its older name
        super().__init__(**kwargs)  # type: ignore[misc]  # it is gone
        if negative_slope is None or negative_slope < 0:
            raise ValueError(f"{self._label()}: negative_slope must not be negative, got {negative_slope}")
        self.negative_slope = negative_slope

    def call(self, inputs: Tensor) -> Tensor:
        return ops.leaky_relu(inputs, self.negative_slope)


class PReLU(SameShape):
    """Rectified linear unit with a trained slope: x above zero, ``alpha * x`` below it.

    Args:
        shared_axes: axes along which one alpha serves all places, counted from 1; (1, 2) leaves one for each channel of
            images; None shares none.

    Input shape: (N, ...).

    Output shape: the input's.

    Weights: ``alpha``, the input's shape without the batch, with size 1 on the shared axes.

    Raises:
        ValueError: ``shared_axes`` holds 0 or an axis that is out of range; the input does not fit ``alpha``.

    Source: Keras 3, PReLU; He et al. 2015, "Delving Deep into Rectifiers".

    Example:
        >>> layers.PReLU(alpha_initializer=initializers.Constant(0.25))([[-1.0, 1.0]])
        Tensor([[-0.25,  1.  ]], shape=(1, 2), dtype=float32, requires_grad=True)
    """

    _torch = TorchModule("PReLU", weight=("alpha", FLAT))

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._keep(locals())
        self.shared_axes: list[int] | None = None
        if shared_axes is not None:
            self.shared_axes = list(integers(self, "shared_axes", shared_axes))
            if 0 in self.shared_axes:
                raise ValueError(f"{self._label()}: shared_axes must be axes behind the batch's (0), got {shared_axes}")

    def build(self, input_shape: Shape) -> None:
        shared = self._shared(input_shape)
        sizes = list(enumerate(input_shape))[1:]
        self.alpha = self._weight(
            "alpha", [1 if i in shared else known(self, f"axis {i}", n, input_shape) for i, n in sizes]
        )

    def _shared(self, shape: Shape) -> set[int]:
        """The axes along which alpha has one value, from the front."""
        ndim = len(shape)
        if not all(-ndim < a < ndim for a in (0, *(self.shared_axes or ()))):
            raise ValueError(f"shared_axes={self.shared_axes} are out of range for x, {shape}")
        return {a % ndim for a in self.shared_axes or ()}

    def call(self, inputs: Tensor) -> Tensor:
        if message := self._mismatch(inputs.shape):
            raise ValueError(message)
        below = ops.relu(ops.negative(inputs))  # no slope at zero, and no infinity times zero in alpha's gradient
        return ops.subtract(ops.relu(inputs), ops.multiply(self.alpha, below))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if not self.built:
            self._shared(input_shape)
        elif message := self._mismatch(input_shape):
            raise ValueError(message)
        return input_shape

    def _mismatch(self, shape: Shape) -> str | None:
        if not self.built:
            return None
        size = self.alpha.shape
        if len(shape) == len(size) + 1 and all(m in (1, n) or n is None for m, n in zip(size, shape[1:], strict=True)):
            return None
        return f"x is {shape}, but alpha {size} fits inputs (N, {', '.join(map(str, size))}), any size where it has 1"


class ELU(_Elementwise):
    """Exponential linear unit: x above zero, ``alpha * (exp(x) - 1)`` below it.

    Args:
        alpha: minus the limit of the function at minus infinity.

    Input shape: any.

    Output shape: the input's.

    Source: Keras 3, ELU; Clevert et al. 2016, "Fast and Accurate Deep Network Learning by Exponential Linear Units".

    Example:
        >>> layers.ELU()([-1.0, 1.0])
        Tensor([-0.6321,  1.    ], shape=(2,), dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Tensor) -> Tensor:
        return ops.elu(inputs, self.alpha)


class Softmax(_Elementwise):
    """Positive values with sum one along an axis.

    Where a mask leaves nothing the result is zero.  A mask of steps that comes along with an input of more axes says
    nothing of its features: it only goes on.

    Args:
        axis: the axis, or several whose values have sum one together; negative ones count from the end.

    Call args:
        mask: broadcast to the input, True where a value counts; None counts all.

    Input shape: any.

    Output shape: the input's.

    Raises:
        ValueError: an axis is out of range.

    Source: Keras 3, Softmax.

    Example:
        >>> layers.Softmax()([0.0, 0.0])
        Tensor([0.5, 0.5], shape=(2,), dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = axis_or_axes(self, axis)

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        if isinstance(inputs, MaskedTensor) and mask is inputs.mask and mask.ndim < inputs.ndim:
            mask = None
        x = inputs if mask is None else ops.where(mask, inputs, float("-inf"))
        if isinstance(self.axis, int):
            return ops.softmax(x, self.axis)
        axes = self._axes(x.shape)
        last = (*(d for d in range(x.ndim) if d not in axes), *axes)
        y = ops.transpose(x, last)
        shape = y.shape
        kept = shape[: x.ndim - len(self.axis)]
        y = ops.softmax(ops.reshape(y, (*kept, math.prod(shape[len(kept) :]))))  # the axes as one
        return ops.transpose(ops.reshape(y, shape), tuple(last.index(d) for d in range(x.ndim)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._axes(input_shape)
        return input_shape

    def _axes(self, shape: Shape) -> tuple[int, ...]:
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        ndim = len(shape)
        for axis in axes:
            if not -ndim <= axis < ndim:
                raise ValueError(f"axis {axis} is out of range for an input of shape {shape}")
        found = {axis % ndim for axis in axes}
        if len(found) != len(axes):
            raise ValueError(f"axis {self.axis} names an axis twice of an input of shape {shape}")
        return tuple(sorted(found))


ACTIVATIONS.update((Activation, ReLU))

__all__ = ["ELU", "Activation", "LeakyReLU", "PReLU", "ReLU", "Softmax"]
