"""Group, layer, RMS and unit normalization; that over the batch is in batch_normalization.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..core.autograd import Tensor
from ..core.explain import is_index
from .arguments import axis_or_axes, known, not_negative, positive
from .bases import SameShape
from .options import LayerOptions, Unpack
from .symbolic import Shape
from .torch_module import TorchModule
from .variable import Variable


class GroupNormalization(SameShape):
    """Zero mean and unit variance of groups of each example's channels, then scale and shift.

    Mean and variance are those of all elements of an example that belong to a group.  One group is layer normalization
    over all axes but the batch's, ``groups=-1`` instance normalization: each channel by itself.

    Args:
        groups: number of groups, a divisor of the number of channels; -1 means one for each channel.
        axis: the axis of channels, counted with the batch axis; negative ones from the end.

    Input shape: (N, ..., C), channels on ``axis``.

    Output shape: the input's.

    Weights: ``gamma`` (C,) and ``beta`` (C,).

    Raises:
        ValueError: ``groups`` is neither positive nor -1, or does not divide the channels; ``epsilon`` is negative;
            ``axis`` is out of range or the batch's; the input has other channels than the weights.

    Source: Keras 3, GroupNormalization; Wu and He 2018, "Group Normalization".

    Example:
        >>> layers.GroupNormalization(groups=4)(np.random.rand(2, 8, 8, 16).astype("float32")).shape
        (2, 8, 8, 16)
    """

    _torch = TorchModule("GroupNorm", weight="gamma", bias="beta")

    epsilon: float
    center: bool
    scale: bool

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._keep(locals())
        self.epsilon = not_negative(self, "epsilon", epsilon)
        self.groups = -1 if is_index(groups) and groups == -1 else positive(self, "groups", groups)
        self.axis = axis

    def build(self, input_shape: Shape) -> None:
        channels = self._channels(input_shape)
        size = (known(self, f"axis {self.axis}", channels, input_shape),)
        self.gamma: Variable | None = self._weight("gamma", size) if self.scale else None
        self.beta: Variable | None = self._weight("beta", size) if self.center else None

    def call(self, inputs: Tensor) -> Tensor:
        axis, ndim = axis_of(self.axis, inputs.shape), inputs.ndim
        channels = self._channels(inputs.shape)
        groups = channels if self.groups == -1 else self.groups
        last = axis == ndim - 1
        x = inputs if last else ops.transpose(inputs, swapped(axis, ndim))
        y = ops.group_norm(x, self.gamma, self.beta, groups, self.epsilon)
        return y if last else ops.transpose(y, swapped(axis, ndim))

    def _channels(self, shape: Shape) -> Any:
        """The size of the axis of channels, which the groups divide."""
        axis = axis_of(self.axis, shape)
        if axis == 0:
            raise ValueError(f"axis={self.axis} is the batch's axis of x, {shape}; expected that of the channels")
        channels = shape[axis]
        if channels is not None and channels % (channels or 1 if self.groups == -1 else self.groups):
            raise ValueError(
                f"groups={self.groups} does not divide the {channels} channels on axis {self.axis} of x, {shape}"
            )
        return channels

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._channels(input_shape)
        return super().compute_output_shape(input_shape)

    def _mismatch(self, shape: Shape) -> str | None:
        if not self.weights or not -len(shape) <= self.axis < len(shape):
            return None
        wanted, found = self.weights[0].shape[0], shape[self.axis]
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
        return tuple(sorted({axis_of(a, shape) for a in axes}))

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
        ValueError: ``epsilon`` is negative; an axis is out of range; the input has other sizes there than the weights.

    Source: Keras 3, LayerNormalization; Ba et al. 2016, "Layer Normalization".

    Example:
        >>> layers.LayerNormalization(epsilon=0.0)([[1.0, 3.0]])
        Tensor([[-1.,  1.]], shape=(1, 2), dtype=float32, requires_grad=True)
    """

    _torch = TorchModule("LayerNorm", weight="gamma", bias="beta")

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
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        if kwargs.pop("rms_scaling", False):  # type: ignore[typeddict-item]  # which Keras's configurations hold
            raise ValueError(f"{type(self).__name__}: rms_scaling=True is not supported; take RMSNormalization")
        super().__init__(**kwargs)
        self._keep(locals())
        self.epsilon = not_negative(self, "epsilon", epsilon)
        self.axis = axis_or_axes(self, axis)

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
        use_scale: whether the result is multiplied by ``scale``; without it the layer has no weights.

    Input shape: (N, ...).

    Output shape: the input's.

    Weights: ``scale``, of the normalized axes' shape, ones at first; None with ``use_scale=False``.

    Raises:
        ValueError: ``epsilon`` is negative; an axis is out of range; the input has other sizes there than the weight.

    Source: Keras 3, RMSNormalization; Zhang and Sennrich 2019, "Root Mean Square Layer Normalization".

    Example:
        >>> layers.RMSNormalization()([[3.0, 4.0]])
        Tensor([[0.8485, 1.1314]], shape=(1, 2), dtype=float32, requires_grad=True)
    """

    _torch = TorchModule("RMSNorm", weight="scale")

    use_scale: bool

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-6,
        *,
        use_scale: bool = True,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._keep(locals())
        self.epsilon = not_negative(self, "epsilon", epsilon)
        self.axis = axis_or_axes(self, axis)
        self.scale: Variable | None = None
        self._built = not use_scale

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

    Example:
        >>> layers.UnitNormalization()([[3.0, 4.0]])
        Tensor([[0.6, 0.8]], shape=(1, 2), dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        found = axis_or_axes(self, axis)
        self.axis = found if isinstance(found, int) else list(found)
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        return ops.normalize(inputs, self._axes(inputs.shape), order=2, epsilon=1e-12)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._axes(input_shape)
        return input_shape

    def _axes(self, shape: Shape) -> tuple[int, ...]:
        axes = (self.axis,) if isinstance(self.axis, int) else self.axis
        return tuple(axis_of(a, shape) for a in axes)


def axis_of(axis: int, shape: Shape) -> int:
    """The axis counted from the front; ValueError if the shape has none such."""
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"axis={axis} is out of range for x, {shape}")
    return axis % len(shape)


def swapped(axis: int, ndim: int) -> tuple[int, ...]:
    """The order of axes that exchanges ``axis`` with the last (and is its own inverse)."""
    order = list(range(ndim))
    order[axis], order[-1] = order[-1], order[axis]
    return tuple(order)


__all__ = ["GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"]
