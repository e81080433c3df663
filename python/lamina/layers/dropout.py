"""Dropout and noise: layers that do something in training alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import ops, random
from ..core.autograd import Tensor
from ..core.generator import Generator
from ..core.grad_mode import grad_mode
from ..core.replica import replica_of
from . import arguments
from .arguments import fraction
from .bases import SameShape
from .options import LayerOptions, UnnamedUntypedOptions, Unpack
from .symbolic import Shape


class _Random(SameShape):
    """A layer whose result has the shape of its input and depends, in training, on numbers of its own stream."""

    def __init__(self, seed: Any = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = seed if isinstance(seed, Generator) else Generator(seed)
        self._built = True


class Dropout(_Random):
    """In training, sets a random fraction of the input to zero and scales the rest by ``1 / (1 - rate)``.

    Args:
        rate: the fraction, between 0 and 1.
        noise_shape: shape of the random choice, broadcast to the input: axes of size 1 drop together, None takes the
            input's size, so (None, 1, None) drops whole features of sequences; None as a whole drops each element by
            itself.

    Input shape: any.

    Output shape: the input's.

    Raises:
        ValueError: ``rate`` is not between 0 and 1; ``noise_shape`` has another number of axes than the input.

    Source: Keras 3, Dropout; Srivastava et al. 2014, "Dropout".

    Example:
        >>> layer = layers.Dropout(0.5, seed=1)
        >>> y = layer(np.ones((1, 1000), "float32"), training=True)
        >>> sorted(set(y.numpy().ravel().tolist()))
        [0.0, 2.0]
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, **kwargs)
        self.rate = fraction(self, "rate", rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0.0:
            return inputs
        if self.noise_shape is None:
            return ops.dropout(inputs, self.rate, self.seed_generator)
        shape, shared = _noise_shape(self.noise_shape, inputs), self.noise_shape[:1] == (1,)
        return _dropped_together(inputs, shape, self.rate, self.seed_generator, shared)


def _noise_shape(given: tuple[int | None, ...] | None, x: Tensor) -> tuple[int, ...]:
    if given is None:
        return x.shape
    if len(given) != x.ndim:
        raise ValueError(f"noise_shape {given} must have as many axes as x, {x.shape}")
    return tuple(m if n is None else n for n, m in zip(given, x.shape, strict=True))


def _dropped_together(
    x: Tensor, shape: tuple[int, ...], rate: float, generator: Generator, shared: bool = False
) -> Tensor:
    """Dropout with one mask of ``shape`` for all of x that it broadcasts to."""
    return ops.multiply(x, _mask(x, shape, rate, generator, shared))


def _mask(x: Tensor, shape: tuple[int, ...], rate: float, generator: Generator, shared: bool = False) -> Tensor:
    """Ones of ``shape`` after dropout; shared: by all samples, those of other shards as well."""
    with replica_of(None if shared else grad_mode.replica):
        return ops.dropout(ops.ones(shape, dtype=x.dtype), rate, generator)


class AlphaDropout(_Random):
    """Dropout that keeps mean and variance of the input, for networks of SELU units.

    In training, sets a random fraction of the input to SELU's limit at minus infinity, then scales and shifts all.

    Args:
        rate: the fraction, from 0 to below 1.
        noise_shape: shape of the random choice, broadcast to the input: axes of size 1 drop together, None takes the
            input's size; None as a whole drops each element by itself.

    Input shape: any.

    Output shape: the input's.

    Raises:
        ValueError: ``rate`` is not from 0 to below 1; ``noise_shape`` has another number of axes than the input.

    Source: Keras 3, AlphaDropout; Klambauer et al. 2017, "Self-Normalizing Neural Networks".

    Example:
        >>> layers.AlphaDropout(0.5)(np.ones((2, 3), "float32"), training=True).shape
        (2, 3)
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, **kwargs)
        self.rate = fraction(self, "rate", rate)
        if self.rate == 1.0:
            raise ValueError(
                f"{self._label()}: rate must be below 1, where nothing would be left to scale; got {rate!r}"
            )
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0.0:
            return inputs
        shape = _noise_shape(self.noise_shape, inputs)
        shared = self.noise_shape is not None and self.noise_shape[:1] == (1,)
        ones = _mask(inputs, shape, self.rate, self.seed_generator, shared)
        kept = ops.greater(ones, 0.0)  # 0.0 is free: what is kept is 1 or more
        limit = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717  # SELU's scale and alpha
        a = ((1.0 - self.rate) * (1.0 + self.rate * limit**2)) ** -0.5
        return ops.add(ops.multiply(ops.where(kept, inputs, limit), a), -a * limit * self.rate)


class DropPath(_Random):
    """In training, sets random whole examples to zero and scales the rest by ``1 / (1 - rate)``: stochastic depth.

    Put at the end of a residual branch, it leaves the branch out for some examples.

    Args:
        rate: the fraction of the examples, between 0 and 1.

    Input shape: (N, ...).

    Output shape: the input's.

    Raises:
        ValueError: ``rate`` is not between 0 and 1; the input is a single number.

    Source: KerasCV, DropPath; Huang et al. 2016, "Deep Networks with Stochastic Depth".

    Example:
        >>> layers.DropPath(0.2, seed=1)(np.ones((4, 8), "float32"), training=True).shape
        (4, 8)
    """

    def __init__(self, rate: float = 0.5, seed: Any = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(seed, **kwargs)
        self.rate = fraction(self, "rate", rate)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if inputs.ndim == 0:
            raise ValueError("x is a single number, expected a batch (N, ...)")
        if not training or self.rate == 0.0:
            return inputs
        shape = (inputs.shape[0], *(1,) * (inputs.ndim - 1))
        return _dropped_together(inputs, shape, self.rate, self.seed_generator)


class _SpatialDropout(_Random):
    _axes = 2

    def __init__(self, rate: float, data_format: str | None, seed: Any, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(seed, **kwargs)
        self.rate = fraction(self, "rate", rate)
        self.data_format = arguments.data_format(self, data_format)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        arguments.check_axes(inputs.shape, self.data_format, self._axes)
        if not training or self.rate == 0.0:
            return inputs
        n, *rest = inputs.shape
        ones = (1,) * self._axes
        shape = (n, *ones, rest[-1]) if self.data_format == "channels_last" else (n, rest[0], *ones)
        return _dropped_together(inputs, shape, self.rate, self.seed_generator)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        arguments.check_axes(input_shape, self.data_format, self._axes)
        return input_shape


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels of sequences, over all steps.

    Args:
        rate: fraction of the channels, between 0 and 1.

    Input shape: (N, T, C).

    Output shape: the input's.

    Raises:
        ValueError: ``rate`` is not between 0 and 1; the input has other axes.

    Source: Keras 3, SpatialDropout1D; Tompson et al. 2014, "Efficient Object Localization Using Convolutional
        Networks".

    Example:
        >>> layers.SpatialDropout1D(0.5, seed=1)(np.ones((2, 10, 4), "float32"), training=True).shape
        (2, 10, 4)
    """

    _axes = 1

    def __init__(
        self,
        rate: float,
        seed: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Unpack[UnnamedUntypedOptions],
    ) -> None:
        super().__init__(rate, None, seed, name=name, dtype=dtype, **kwargs)


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of images, over all pixels.

    Args:
        rate: fraction of the channels, between 0 and 1.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``rate`` is not between 0 and 1; the input has other axes.

    Source: Keras 3, SpatialDropout2D; Tompson et al. 2014, "Efficient Object Localization Using Convolutional
        Networks".

    Example:
        >>> layers.SpatialDropout2D(0.5, seed=1)(np.ones((2, 8, 8, 4), "float32"), training=True).shape
        (2, 8, 8, 4)
    """

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Unpack[UnnamedUntypedOptions],
    ) -> None:
        super().__init__(rate, data_format, seed, name=name, dtype=dtype, **kwargs)


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels of volumes, over all voxels.

    Args:
        rate: fraction of the channels, between 0 and 1.

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``rate`` is not between 0 and 1; the input has other axes.

    Source: Keras 3, SpatialDropout3D; Tompson et al. 2014, "Efficient Object Localization Using Convolutional
        Networks".

    Example:
        >>> layers.SpatialDropout3D(0.5, seed=1)(np.ones((2, 4, 4, 4, 4), "float32"), training=True).shape
        (2, 4, 4, 4, 4)
    """

    _axes = 3

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Unpack[UnnamedUntypedOptions],
    ) -> None:
        super().__init__(rate, data_format, seed, name=name, dtype=dtype, **kwargs)


class GaussianNoise(_Random):
    """In training, adds normally distributed noise of mean 0.

    Args:
        stddev: standard deviation of the noise, between 0 and 1.

    Input shape: any.

    Output shape: the input's.

    Raises:
        ValueError: ``stddev`` is not between 0 and 1.

    Source: Keras 3, GaussianNoise.

    Example:
        >>> layers.GaussianNoise(0.1, seed=1)(np.ones((2, 3), "float32"), training=True).shape
        (2, 3)
    """

    def __init__(self, stddev: float, seed: Any = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(seed, **kwargs)
        self.stddev = fraction(self, "stddev", stddev)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.stddev == 0.0:
            return inputs
        return ops.add(inputs, random.normal(inputs.shape, 0.0, self.stddev, inputs.dtype, self.seed_generator))


class GaussianDropout(_Random):
    """In training, multiplies with normally distributed noise of mean 1 and variance ``rate / (1 - rate)``.

    Args:
        rate: the rate of the Dropout with the same variance, from 0 to below 1.

    Input shape: any.

    Output shape: the input's.

    Raises:
        ValueError: ``rate`` is not from 0 to below 1.

    Source: Keras 3, GaussianDropout; Srivastava et al. 2014, "Dropout".

    Example:
        >>> layers.GaussianDropout(0.3, seed=1)(np.ones((2, 3), "float32"), training=True).shape
        (2, 3)
    """

    def __init__(self, rate: float, seed: Any = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(seed, **kwargs)
        self.rate = fraction(self, "rate", rate)
        if self.rate == 1.0:
            raise ValueError(f"{self._label()}: rate must be below 1, where the noise would be infinite; got {rate!r}")

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0.0:
            return inputs
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        return ops.multiply(inputs, random.normal(inputs.shape, 1.0, stddev, inputs.dtype, self.seed_generator))


__all__ = [
    "AlphaDropout", "DropPath", "Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D", "SpatialDropout2D",
    "SpatialDropout3D",
]  # fmt: skip
