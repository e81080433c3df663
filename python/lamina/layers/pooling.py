"""Pooling of sequences, images and volumes."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.autograd import Tensor
from ..core.suggest import unknown
from . import arguments
from .base import Layer
from .masking import as_mask
from .symbolic import Shape


class _Pooling(Layer):
    """Windows over so many axes."""

    _float_input = True
    _axes: int

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        ceil_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pool_size = arguments.sizes(self, "pool_size", pool_size, self._axes)
        self.strides = arguments.sizes(self, "strides", self.pool_size if strides is None else strides, self._axes)
        self.padding = arguments.padding(self, padding, self._axes)
        self.data_format = arguments.data_format(self, data_format)
        self.ceil_mode = bool(ceil_mode)
        self._built = True

    def _pool(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def call(self, inputs: Tensor) -> Tensor:
        if inputs._array.ndim != self._axes + 2:
            arguments.check_axes(inputs.shape, self.data_format, self._axes)
        return self._pool(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels, inner = arguments.stored(input_shape, self.data_format, self._axes)
        found = arguments.windows_output(
            inner, self.pool_size, self.strides, self.padding, (1,) * self._axes, "pool", self.ceil_mode
        )
        return arguments.as_stored(input_shape[0], found, channels, self.data_format)

    def _mismatch(self, shape: Shape) -> str | None:
        return arguments.complaint(self.compute_output_shape, shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self._config("ceil_mode")


class _Max(_Pooling):
    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def _pool(self, x: Tensor) -> Tensor:
        return ops.max_pool(x, self.pool_size, self.strides, self.padding, self.data_format, ceil_mode=self.ceil_mode)


class MaxPooling1D(_Max):
    """Largest value of each window of sequences.

    Args:
        pool_size: steps of a window, a positive integer.
        strides: steps from one window to the next; None takes ``pool_size``.
        padding: "valid" for none, "same" for an output of T / strides steps; or numbers smaller than the window: one
            for both ends, or ((first, last),).  Padding never is the largest.
        **kwargs: ``ceil_mode`` (default False): a last window may reach beyond the padded input, if it begins inside of
            the input or its front padding; and the options of every layer (``dtype``, ``trainable`` ...).

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, T', C); (N, C, T') with ``data_format="channels_first"``.

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown or too large; the input has other axes, or is shorter
            than the window.

    Source: Keras 3, MaxPooling1D; ``ceil_mode`` from PyTorch.
    """

    _axes = 1


class MaxPooling2D(_Max):
    """Largest value of each window of images.

    Args:
        pool_size: pixels of a window, a positive integer or (height, width).
        strides: pixels from one window to the next, an integer or two; None takes ``pool_size``.
        padding: "valid" for none, "same" for an output of H / strides, W / strides; or numbers smaller than the window:
            one for all sides, (height, width), or ((top, bottom), (left, right)).  Padding never is the largest.
        **kwargs: ``ceil_mode`` (default False): a last window may reach beyond the padded input, if it begins inside of
            the input or its front padding; and the options of every layer (``dtype``, ``trainable`` ...).

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H', W', C); (N, C, H', W') with ``data_format="channels_first"``.

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown or too large; the input has other axes, or is smaller
            than the window.

    Source: Keras 3, MaxPooling2D; ``ceil_mode`` from PyTorch.
    """

    _axes = 2


class _Average(_Pooling):
    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        divisor: str = "valid",
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)
        if divisor not in ("valid", "padded", "window"):
            raise unknown(f"divisor of {self._label()}", divisor, ("valid", "padded", "window"))
        self.divisor = divisor

    def _pool(self, x: Tensor) -> Tensor:
        return ops.average_pool(
            x, self.pool_size, self.strides, self.padding, self.data_format, ceil_mode=self.ceil_mode,
            divisor=self.divisor,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"divisor": self.divisor}


class AveragePooling1D(_Average):
    """Mean of each window of sequences.

    Args:
        pool_size: steps of a window, a positive integer.
        strides: steps from one window to the next; None takes ``pool_size``.
        padding: "valid" for none, "same" for an output of T / strides steps; or numbers smaller than the window: one
            for both ends, or ((first, last),).
        divisor: what the sum of a window is divided by: "valid", its steps inside of the input, as in Keras; "padded",
            those inside of the padded input, as in PyTorch; "window", all of ``pool_size``.
        **kwargs: ``ceil_mode`` (default False): a last window may reach beyond the padded input, if it begins inside of
            the input or its front padding; and the options of every layer (``dtype``, ``trainable`` ...).

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, T', C); (N, C, T') with ``data_format="channels_first"``.

    Raises:
        ValueError: a size is not positive; ``padding`` or ``divisor`` is unknown; the input has other axes, or is
            shorter than the window.

    Source: Keras 3, AveragePooling1D; ``ceil_mode`` from PyTorch.
    """

    _axes = 1


class AveragePooling2D(_Average):
    """Mean of each window of images.

    Args:
        pool_size: pixels of a window, a positive integer or (height, width).
        strides: pixels from one window to the next, an integer or two; None takes ``pool_size``.
        padding: "valid" for none, "same" for an output of H / strides, W / strides; or numbers smaller than the window:
            one for all sides, (height, width), or ((top, bottom), (left, right)).
        divisor: what the sum of a window is divided by: "valid", its pixels inside of the input, as in Keras; "padded",
            those inside of the padded input, as in PyTorch; "window", all of ``pool_size``.
        **kwargs: ``ceil_mode`` (default False): a last window may reach beyond the padded input, if it begins inside of
            the input or its front padding; and the options of every layer (``dtype``, ``trainable`` ...).

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H', W', C); (N, C, H', W') with ``data_format="channels_first"``.

    Raises:
        ValueError: a size is not positive; ``padding`` or ``divisor`` is unknown; the input has other axes, or is
            smaller than the window.

    Source: Keras 3, AveragePooling2D; ``ceil_mode`` from PyTorch.
    """

    _axes = 2


class _GlobalPooling(Layer):
    _float_input = True
    _axes: int
    _pool: Any

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.keepdims = keepdims
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        if inputs._array.ndim != self._axes + 2:
            arguments.check_axes(inputs.shape, self.data_format, self._axes)
        return type(self)._pool(inputs, 1 if self.keepdims else None, self.data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels, _ = arguments.stored(input_shape, self.data_format, self._axes)
        ones = (1,) * self._axes if self.keepdims else ()
        return arguments.as_stored(input_shape[0], ones, channels, self.data_format)


class _GlobalAverage(_GlobalPooling):
    _pool = staticmethod(ops.adaptive_average_pool)


class _GlobalMax(_GlobalPooling):
    _pool = staticmethod(ops.adaptive_max_pool)


class GlobalAveragePooling1D(_GlobalAverage):
    """Mean of sequences over time.

    With a mask it is the mean of the steps that count, NaN for a sequence without any.

    Args:
        keepdims: whether the time axis stays, with size 1.

    Call args:
        mask: (N, T), True where a step counts; None counts all.

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, C); with ``keepdims`` (N, 1, C).

    Raises:
        ValueError: ``data_format`` is unknown; the input has other axes; the mask has another shape.

    Source: Keras 3, GlobalAveragePooling1D.
    """

    supports_masking = True
    _axes = 1

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        if mask is None:
            return super().call(inputs)
        arguments.check_axes(inputs.shape, self.data_format, self._axes)
        time, channel = (1, 2) if self.data_format == "channels_last" else (2, 1)
        counts = ops.expand_dims(as_mask(mask, (inputs.shape[0], inputs.shape[time])), channel)
        total = ops.sum(ops.where(counts, inputs, 0.0), time, self.keepdims)
        return ops.divide(total, ops.sum(ops.cast(counts, inputs.dtype), time, self.keepdims))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """There is none: the time axis is gone.

        Args:
            inputs: the sequences.
            previous_mask: their mask, which ends here.
        """


class GlobalAveragePooling2D(_GlobalAverage):
    """Mean of images over all pixels.

    Args:
        keepdims: whether the image axes stay, with size 1.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, C); with ``keepdims`` (N, 1, 1, C).

    Raises:
        ValueError: ``data_format`` is unknown; the input has other axes.

    Source: Keras 3, GlobalAveragePooling2D.
    """

    _axes = 2


class GlobalMaxPooling1D(_GlobalMax):
    """Largest value of sequences over time.

    Args:
        keepdims: whether the time axis stays, with size 1.

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, C); with ``keepdims`` (N, 1, C).

    Raises:
        ValueError: ``data_format`` is unknown; the input has other axes, or no steps.

    Source: Keras 3, GlobalMaxPooling1D.
    """

    _axes = 1


class GlobalMaxPooling2D(_GlobalMax):
    """Largest value of images over all pixels.

    Args:
        keepdims: whether the image axes stay, with size 1.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, C); with ``keepdims`` (N, 1, 1, C).

    Raises:
        ValueError: ``data_format`` is unknown; the input has other axes, or no pixels.

    Source: Keras 3, GlobalMaxPooling2D.
    """

    _axes = 2


MaxPool1D, MaxPool2D = MaxPooling1D, MaxPooling2D
AvgPool1D, AvgPool2D = AveragePooling1D, AveragePooling2D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D
