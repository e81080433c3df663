"""Rescaling and Normalization: numbers in another range."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ... import config, ops
from ...core.arrays import to_numbers
from ...core.autograd import Array, Tensor
from ...core.explain import show
from ...core.recording import forbid_capture
from ...data import PyDataset
from ...ops.conversion import as_tensor
from ..base import Layer
from ..options import LayerOptions, Unpack
from ..symbolic import Shape


class Rescaling(Layer):
    """``inputs * scale + offset``: pixels from 0..255 become 0..1 with ``scale=1/255``.

    Args:
        scale: factor, a number or an array that broadcasts to the input.
        offset: what is added, a number or an array that broadcasts to the input.

    Input shape: any; integers are converted to the layer's dtype.

    Output shape: the input's.

    Raises:
        TypeError: ``scale`` or ``offset`` holds no numbers.

    Source: Keras 3, Rescaling.

    Example:
        >>> layers.Rescaling(1 / 255)(np.array([0, 51, 255], "uint8"))
        Tensor([0. , 0.2, 1. ], shape=(3,), dtype=float32)
    """

    supports_masking = True
    _float_input = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = _number_or_array(self, "scale", scale), _number_or_array(self, "offset", offset)
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        return ops.add(ops.multiply(inputs, self._of_type(self.scale)), self._of_type(self.offset))

    def get_config(self) -> dict[str, Any]:
        plain = {name: np.asarray(getattr(self, name)).tolist() for name in ("scale", "offset")}
        return self._base_config() | plain

    def _of_type(self, value: Any) -> Any:
        return value.astype(self._dtype, copy=False) if isinstance(value, np.ndarray) else value

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


def _number_or_array(layer: Layer, name: str, value: Any) -> Any:
    array = to_numbers(f"{layer._label()}: {name}", value)
    return float(array) if array.ndim == 0 else array


class Normalization(Layer):
    """``(inputs - mean) / sqrt(variance)``, with the mean and variance of data that ``adapt`` has seen.

    Args:
        axis: the axis or axes whose places have a mean and variance each; None takes one of all numbers.
        mean: the mean, in place of ``adapt``: a number, or an array of the shape of the axes kept.
        variance: the variance; comes with ``mean``.
        invert: whether to undo it: ``mean + inputs * sqrt(variance)``.

    Input shape: any with the axes; integers are converted to the layer's dtype.

    Output shape: the input's.

    Weights: without ``mean``: ``mean`` and ``variance``, of the sizes of the axes, and ``count``, without use since
        Keras 3.

    Raises:
        ValueError: ``mean`` and ``variance`` do not come together or have different shapes; an axis is not there or
            free.

    Source: Keras 3, Normalization.

    Example:
        >>> layer = lamina.layers.Normalization(axis=None)
        >>> layer.adapt(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
        >>> layer(np.array([3.0])).numpy()
        array([0.], dtype=float32)
    """

    supports_masking = True
    _float_input = True

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        axes = () if axis is None else (axis,) if not isinstance(axis, (tuple, list)) else tuple(axis)
        if any(isinstance(a, bool) or not isinstance(a, (int, np.integer)) for a in axes):
            raise TypeError(f"{self._label()}: axis must be an integer, several, or None, got {axis!r}")
        self.axis, self.invert = tuple(map(int, axes)), invert
        if (mean is None) != (variance is None):
            raise ValueError(f"{self._label()}: mean={mean!r} and variance={variance!r} must be given together")
        self.input_mean, self.input_variance = mean, variance
        if mean is not None:
            first, second = np.shape(mean), np.shape(variance)
            if first != second or len(first) > len(self.axis):
                raise ValueError(
                    f"{self._label()}: mean is {first} and variance {second}, expected one shape of at most "
                    f"{len(self.axis)} axes, those of axis={self.axis}"
                )
            self._built = True

    def build(self, input_shape: Any) -> None:
        keep = self._kept(len(input_shape), input_shape)
        for a in keep:
            if input_shape[a] is None:
                raise ValueError(f"axis {a} of the input {input_shape} must have a known size, weights depend on it")
        self._keep_axis = keep
        self._broadcast_shape = tuple(input_shape[a] if a in keep else 1 for a in range(len(input_shape)))
        shape = tuple(input_shape[a] for a in keep)
        self.adapt_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
        self.adapt_variance = self.add_weight(shape, "ones", trainable=False, name="variance")
        self.count = self.add_weight((), "zeros", dtype="int64", trainable=False, name="count")

    def _kept(self, ndim: int, shape: Any) -> tuple[int, ...]:
        """The axes that are not averaged over."""
        wrong = [a for a in self.axis if not -ndim <= a < ndim]
        if wrong:
            raise ValueError(f"axis {wrong[0]} is outside the input, which is {shape}")
        return tuple(sorted({a % ndim for a in self.axis}))

    def _spread(self, value: Any, shape: tuple[int, ...]) -> Array:
        """What the constructor was given, so that it broadcasts to an input of this shape."""
        array = to_numbers(f"{self._label()}: mean or variance", value).astype(self._dtype)
        keep = self._kept(len(shape), shape)
        sizes = [1] * len(shape)
        for axis, n in zip(keep[len(keep) - array.ndim :], array.shape, strict=True):
            sizes[axis] = n
            if n not in (1, shape[axis]):
                raise ValueError(
                    f"mean and variance are {array.shape}, but axis {axis} of the input {shape} is not {n}"
                )
        return array.reshape(sizes)

    @property
    def mean(self) -> Tensor | None:
        """The mean that is used, as it broadcasts to inputs; None before there is one."""
        return self._used(self.input_mean, "adapt_mean")

    @property
    def variance(self) -> Tensor | None:
        """The variance that is used, as it broadcasts to inputs; None before there is one."""
        return self._used(self.input_variance, "adapt_variance")

    def _used(self, given: Any, name: str) -> Tensor | None:
        if given is not None:
            return as_tensor(np.asarray(given, self._dtype))
        return ops.reshape(getattr(self, name), self._broadcast_shape) if self.built else None

    @property
    def _adapts(self) -> bool:
        """Whether it takes its numbers from data."""
        return self.input_mean is None

    def adapt(self, data: Any) -> None:
        """Take the mean and the variance of data; what was taken before is forgotten.

        Args:
            data: an array or a tensor; or an iterable of batches, as a PyDataset, a list or a generator; of batches
                (x, y) the x.

        Raises:
            ValueError: there is no batch, a batch has another shape, or the layer was given ``mean``.
            TypeError: ``data`` is neither.
        """
        if not self._adapts:
            raise ValueError(f"{self._label()}: adapt would change the mean that the constructor was given")
        forbid_capture("Normalization.adapt() was called in the step")
        total = None
        for batch in _batches(self._label(), data):
            if not self.built:
                self.build(batch.shape if self.axis else (None, *batch.shape[1:]))
            total = self._joined(total, batch)
        if total is None:
            raise ValueError(f"{self._label()}: adapt got no batch; give an array or one batch at least")
        _, mean, variance = total
        self.adapt_mean.assign(mean.reshape(self.adapt_mean.shape).astype(self._dtype))
        self.adapt_variance.assign(variance.reshape(self.adapt_variance.shape).astype(self._dtype))

    def _joined(self, total: Any, batch: Array) -> tuple[int, Array, Array]:
        """(count, mean, variance) of what came so far and of one more batch, in double."""
        ndim, sizes = len(self._broadcast_shape), self._broadcast_shape
        if batch.ndim != ndim or any(batch.shape[a] != sizes[a] for a in self._keep_axis):
            shown = tuple(n if a in self._keep_axis else None for a, n in enumerate(sizes))
            raise ValueError(f"{self._label()}: adapt got data of shape {batch.shape}, expected {shown}")
        reduced = tuple(a for a in range(ndim) if a not in self._keep_axis)
        n = int(np.prod([batch.shape[a] for a in reduced], dtype=np.int64))
        if n == 0:
            return total
        mean = batch.mean(axis=reduced, dtype=np.float64, keepdims=True)
        variance = np.square(batch - mean).mean(axis=reduced, keepdims=True)
        if total is None:
            return n, mean, variance
        m, old_mean, old_variance = total
        share = n / (m + n)
        step = mean - old_mean
        joined = old_variance * (1 - share) + variance * share + np.square(step) * (share * (1 - share))
        return m + n, old_mean + step * share, joined

    def call(self, inputs: Tensor) -> Tensor:
        if self.input_mean is None:
            mean: Any = ops.reshape(self.adapt_mean, self._broadcast_shape)
            variance: Any = ops.reshape(self.adapt_variance, self._broadcast_shape)
        else:
            mean, variance = (self._spread(v, inputs.shape) for v in (self.input_mean, self.input_variance))
        deviation = ops.maximum(ops.sqrt(variance), config.epsilon())
        if self.invert:
            return ops.add(mean, ops.multiply(inputs, deviation))
        return ops.divide(ops.subtract(inputs, mean), deviation)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        plain = [None if v is None else np.asarray(v).tolist() for v in (self.input_mean, self.input_variance)]
        own = {"axis": self.axis, "mean": plain[0], "variance": plain[1], "invert": self.invert}
        return own | self._base_config()


def _batches(label: str, data: Any) -> Iterator[Array]:
    """The batches of what ``adapt`` was given."""
    if isinstance(data, (np.ndarray, Tensor)):
        yield to_numbers(f"{label}: adapt", data)
        return
    if isinstance(data, (str, bytes)) or not isinstance(data, (Iterable, PyDataset)):
        raise TypeError(f"{label}: adapt expected an array or an iterable of batches, got {show(data)}")
    for item in data:
        batch = item[0] if isinstance(item, (tuple, list)) and item else item
        if not isinstance(batch, (np.ndarray, Tensor)):
            raise TypeError(f"{label}: adapt got a batch that is no array but {show(batch)}; use np.asarray(data)")
        yield to_numbers(f"{label}: adapt", batch)


__all__ = ["Normalization", "Rescaling"]
