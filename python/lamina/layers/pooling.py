"""Max, average and Lp pooling of sequences, images and volumes: windows of a size."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.autograd import Tensor
from ..core.explain import is_number
from ..core.suggest import unknown
from ..ops.pooling import max_pool_of_relu
from . import arguments
from .base import Layer
from .fused_kinds import POOLINGS
from .options import UnnamedOptions, Unpack
from .symbolic import Shape, SymbolicTensor


class _Pooling(Layer):
    """Windows over so many axes."""

    _float_input = True
    _axes: int
    pool_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Any
    data_format: str
    ceil_mode: bool

    def _set_options(self, options: dict[str, Any]) -> None:
        """Keep and check what a pooling was made with, the ``locals()`` of its constructor."""
        super().__init__(name=options["name"], **options["kwargs"])
        self._keep(options)
        self.pool_size = arguments.sizes(self, "pool_size", self.pool_size, self._axes)
        strides = self.pool_size if options["strides"] is None else options["strides"]
        self.strides = arguments.sizes(self, "strides", strides, self._axes)
        self.padding = arguments.padding(self, self.padding, self._axes)
        self.data_format = arguments.data_format(self, self.data_format)
        self.ceil_mode = bool(self.ceil_mode)
        self._built = True

    def _pool(self, x: Tensor) -> Any:
        raise NotImplementedError

    def call(self, inputs: Tensor) -> Any:
        return self._pool(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        channels, inner = arguments.stored(input_shape, self.data_format, self._axes)
        found = arguments.windows_output(
            inner, self.pool_size, self.strides, self.padding, (1,) * self._axes, "pool", self.ceil_mode
        )
        return arguments.as_stored(input_shape[0], found, channels, self.data_format)

    def _mismatch(self, shape: Shape) -> str | None:
        return arguments.complaint(self.compute_output_shape, shape)


class _Max(_Pooling):
    _float_input, _keeps_dtype = False, True
    return_indices: bool

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        ceil_mode: bool = False,
        return_indices: bool = False,
        **kwargs: Unpack[UnnamedOptions],
    ) -> None:
        self._set_options(locals())
        self.return_indices = bool(return_indices)

    def _pool(self, x: Tensor) -> Any:
        return ops.max_pool(
            x, self.pool_size, self.strides, self.padding, self.data_format, ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )  # fmt: skip

    def _call_of_relu(self, inputs: Tensor) -> Tensor:
        """``call`` on what the layer before gave with ``RELU_FORWARD``."""
        if inputs._array.ndim != self._axes + 2:
            arguments.check_axes(inputs.shape, self.data_format, self._axes)
        return max_pool_of_relu(inputs, self.pool_size, self.strides, self.padding, self.data_format, self.ceil_mode)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        shape = super().compute_output_shape(input_shape)
        return (shape, shape) if self.return_indices else shape

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        found = super().compute_output_spec(inputs, **kwargs)
        return (found[0], SymbolicTensor(found[1].shape, "int32")) if self.return_indices else found


class MaxPooling1D(_Max):
    """Largest value of each window of sequences.

    The gradient goes to the first of equal values; NaN counts as the largest.

    Args:
        strides: steps from one window to the next, an integer; None takes ``pool_size``.
        padding: "valid" for none, "same" for an output of T / strides steps, "same_lower" with the odd one in front; or
            numbers smaller than the window: one for both ends, or ((first, last),).  Padding never is the largest.

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, T', C); (N, C, T') with ``data_format="channels_first"``.  With
        ``return_indices`` a tuple of two such shapes.

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown or too large; the input has other axes, or is shorter
            than the window.

    Source: Keras 3, MaxPooling1D; ``ceil_mode`` and ``return_indices`` from PyTorch.

    Example:
        >>> layers.MaxPooling1D(2)(np.ones((2, 10, 3), "float32")).shape
        (2, 5, 3)
    """

    _axes = 1


class MaxPooling2D(_Max):
    """Largest value of each window of images.

    The gradient goes to the first of equal values; NaN counts as the largest.

    Args:
        strides: pixels from one window to the next, an integer or one for each axis; None takes ``pool_size``.
        padding: "valid" for none, "same" for an output of H / strides, W / strides, "same_lower" with the odd one in
            front; or numbers smaller than the window: one for all sides, (height, width), or ((top, bottom), (left,
            right)).  Padding never is the largest.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H', W', C); (N, C, H', W') with ``data_format="channels_first"``.  With
        ``return_indices`` a tuple of two such shapes.

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown or too large; the input has other axes, or is smaller
            than the window.

    Source: Keras 3, MaxPooling2D; ``ceil_mode`` and ``return_indices`` from PyTorch.

    Example:
        >>> layers.MaxPooling2D(2)(np.ones((2, 8, 8, 3), "float32")).shape
        (2, 4, 4, 3)
    """

    _axes = 2


class MaxPooling3D(_Max):
    """Largest value of each window of volumes.

    The gradient goes to the first of equal values; NaN counts as the largest.

    Args:
        strides: voxels from one window to the next, an integer or one for each axis; None takes ``pool_size``.
        padding: "valid" for none, "same" for an output of the input's sizes / strides, "same_lower" with the odd one in
            front; or numbers smaller than the window: one for all sides, (depth, height, width), or ((front, back),
            (top, bottom), (left, right)). Padding never is the largest.

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, D', H', W', C); (N, C, D', H', W') with ``data_format="channels_first"``.  With
        ``return_indices`` a tuple of two such shapes.

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown or too large; the input has other axes, or is smaller
            than the window.

    Source: Keras 3, MaxPooling3D; ``ceil_mode`` and ``return_indices`` from PyTorch.

    Example:
        >>> layers.MaxPooling3D(2)(np.ones((1, 4, 6, 8, 3), "float32")).shape
        (1, 2, 3, 4, 3)
    """

    _axes = 3


class _Average(_Pooling):
    divisor: str

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        ceil_mode: bool = False,
        divisor: str = "valid",
        **kwargs: Unpack[UnnamedOptions],
    ) -> None:
        self._set_options(locals())
        if divisor not in ("valid", "padded", "window"):
            raise unknown(f"divisor of {self._label()}", divisor, ("valid", "padded", "window"))

    def _pool(self, x: Tensor) -> Tensor:
        return ops.average_pool(
            x, self.pool_size, self.strides, self.padding, self.data_format, ceil_mode=self.ceil_mode,
            divisor=self.divisor,
        )  # fmt: skip


class AveragePooling1D(_Average):
    """Mean of each window of sequences.

    Padding is left out of the mean, as Keras does on TensorFlow, JAX and NumPy; its PyTorch backend counts some of what
    "same" adds.  ``divisor`` says otherwise.

    Args:
        strides: steps from one window to the next, an integer; None takes ``pool_size``.
        padding: "valid" for none, "same" for an output of T / strides steps, "same_lower" with the odd one in front; or
            numbers smaller than the window: one for both ends, or ((first, last),).

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, T', C); (N, C, T') with ``data_format="channels_first"``.

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown or too large; ``divisor`` is unknown; the input has
            other axes, or is shorter than the window.

    Source: Keras 3, AveragePooling1D; ``ceil_mode`` and ``divisor`` from PyTorch.

    Example:
        >>> layers.AveragePooling1D(2)(np.ones((2, 10, 3), "float32")).shape
        (2, 5, 3)
    """

    _axes = 1


class AveragePooling2D(_Average):
    """Mean of each window of images.

    Padding is left out of the mean, as Keras does on TensorFlow, JAX and NumPy; its PyTorch backend counts some of what
    "same" adds.  ``divisor`` says otherwise.

    Args:
        strides: pixels from one window to the next, an integer or one for each axis; None takes ``pool_size``.
        padding: "valid" for none, "same" for an output of H / strides, W / strides, "same_lower" with the odd one in
            front; or numbers smaller than the window: one for all sides, (height, width), or ((top, bottom), (left,
            right)).

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H', W', C); (N, C, H', W') with ``data_format="channels_first"``.

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown or too large; ``divisor`` is unknown; the input has
            other axes, or is smaller than the window.

    Source: Keras 3, AveragePooling2D; ``ceil_mode`` and ``divisor`` from PyTorch.

    Example:
        >>> layers.AveragePooling2D(3, strides=2, padding="same")(np.ones((2, 8, 8, 3), "float32")).shape
        (2, 4, 4, 3)
    """

    _axes = 2


class AveragePooling3D(_Average):
    """Mean of each window of volumes.

    Padding is left out of the mean, as Keras does on TensorFlow, JAX and NumPy; its PyTorch backend counts some of what
    "same" adds.  ``divisor`` says otherwise.

    Args:
        strides: voxels from one window to the next, an integer or one for each axis; None takes ``pool_size``.
        padding: "valid" for none, "same" for an output of the input's sizes / strides, "same_lower" with the odd one in
            front; or numbers smaller than the window: one for all sides, (depth, height, width), or ((front, back),
            (top, bottom), (left, right)).

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, D', H', W', C); (N, C, D', H', W') with ``data_format="channels_first"``.

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown or too large; ``divisor`` is unknown; the input has
            other axes, or is smaller than the window.

    Source: Keras 3, AveragePooling3D; ``ceil_mode`` and ``divisor`` from PyTorch.

    Example:
        >>> layers.AveragePooling3D(2)(np.ones((1, 4, 6, 8, 3), "float32")).shape
        (1, 2, 3, 4, 3)
    """

    _axes = 3


class _Lp(_Pooling):
    norm_type: float

    def __init__(
        self,
        norm_type: float,
        pool_size: Any = 2,
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        ceil_mode: bool = False,
        **kwargs: Unpack[UnnamedOptions],
    ) -> None:
        self._set_options(locals())
        if not is_number(norm_type) or not norm_type > 0:
            raise ValueError(f"{self._label()}: norm_type must be a positive number, got {norm_type!r}")
        self.norm_type = float(norm_type)

    def _pool(self, x: Tensor) -> Tensor:
        return ops.lp_pool(
            x, self.norm_type, self.pool_size, self.strides, self.padding, self.data_format, ceil_mode=self.ceil_mode
        )


class LpPooling1D(_Lp):
    """p-th root of the sum of x^p over each window of sequences.

    x is not made positive: with an odd p a sum below zero gives NaN.  Where a sum is 0, its gradient is taken as 0,
    unless p is 1.

    Args:
        strides: steps from one window to the next, an integer; None takes ``pool_size``.
        padding: "valid" for none, "same" for an output of T / strides steps, "same_lower" with the odd one in front; or
            numbers smaller than the window: one for both ends, or ((first, last),).  Padding adds nothing.

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, T', C); (N, C, T') with ``data_format="channels_first"``.

    Raises:
        ValueError: p or a size is not positive; ``padding`` is unknown or too large; the input has other axes, or is
            shorter than the window.

    Source: PyTorch, LPPool1d.

    Example:
        >>> layers.LpPooling1D(2)(np.float32([3, 4, 0, 1]).reshape(1, 4, 1)).numpy().ravel()
        array([5., 1.], dtype=float32)
    """

    _axes = 1


class LpPooling2D(_Lp):
    """p-th root of the sum of x^p over each window of images.

    x is not made positive: with an odd p a sum below zero gives NaN.  Where a sum is 0, its gradient is taken as 0,
    unless p is 1.

    Args:
        strides: pixels from one window to the next, an integer or one for each axis; None takes ``pool_size``.
        padding: "valid" for none, "same" for an output of H / strides, W / strides, "same_lower" with the odd one in
            front; or numbers smaller than the window: one for all sides, (height, width), or ((top, bottom), (left,
            right)).  Padding adds nothing.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H', W', C); (N, C, H', W') with ``data_format="channels_first"``.

    Raises:
        ValueError: p or a size is not positive; ``padding`` is unknown or too large; the input has other axes, or is
            smaller than the window.

    Source: PyTorch, LPPool2d.

    Example:
        >>> layers.LpPooling2D(2)(np.ones((1, 8, 8, 3), "float32")).shape
        (1, 4, 4, 3)
    """

    _axes = 2


class LpPooling3D(_Lp):
    """p-th root of the sum of x^p over each window of volumes.

    x is not made positive: with an odd p a sum below zero gives NaN.  Where a sum is 0, its gradient is taken as 0,
    unless p is 1.

    Args:
        strides: voxels from one window to the next, an integer or one for each axis; None takes ``pool_size``.
        padding: "valid" for none, "same" for an output of the input's sizes / strides, "same_lower" with the odd one in
            front; or numbers smaller than the window: one for all sides, (depth, height, width), or ((front, back),
            (top, bottom), (left, right)).  Padding adds nothing.

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, D', H', W', C); (N, C, D', H', W') with ``data_format="channels_first"``.

    Raises:
        ValueError: p or a size is not positive; ``padding`` is unknown or too large; the input has other axes, or is
            smaller than the window.

    Source: PyTorch, LPPool3d.

    Example:
        >>> layers.LpPooling3D(2)(np.ones((1, 4, 4, 4, 3), "float32")).shape
        (1, 2, 2, 2, 3)
    """

    _axes = 3


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D

POOLINGS.update((MaxPooling1D, MaxPooling2D, MaxPooling3D))

__all__ = [
    "AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "AvgPool1D", "AvgPool2D", "AvgPool3D", "LpPooling1D",
    "LpPooling2D", "LpPooling3D", "MaxPool1D", "MaxPool2D", "MaxPool3D", "MaxPooling1D", "MaxPooling2D",
    "MaxPooling3D",
]  # fmt: skip
