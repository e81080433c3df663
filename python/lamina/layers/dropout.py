"""Dropout and noise: layers that do something in training alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import ops, random
from ..core.autograd import Tensor
from ..core.generator import Generator
from . import arguments
from .arguments import fraction
from .bases import SameShape
from .symbolic import Shape


class _Random(SameShape):
    """A layer whose result has the shape of its input and depends, in training, on numbers of its own stream."""

    def __init__(self, seed: Any = None, **kwargs: Any) -> None:
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
    """

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(seed, **kwargs)
        self.rate = fraction(self, "rate", rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0.0:
            return inputs
        if self.noise_shape is None:
            return ops.dropout(inputs, self.rate, self.seed_generator)
        if len(self.noise_shape) != inputs.ndim:
            raise ValueError(f"noise_shape {self.noise_shape} must have as many axes as x, {inputs.shape}")
        shape = tuple(m if n is None else n for n, m in zip(self.noise_shape, inputs.shape, strict=True))
        return _dropped_together(inputs, shape, self.rate, self.seed_generator)


def _dropped_together(x: Tensor, shape: tuple[int, ...], rate: float, generator: Generator) -> Tensor:
    """Dropout with one mask of ``shape`` for all of x that it broadcasts to."""
    return ops.multiply(x, ops.dropout(ops.ones(shape, dtype=x.dtype), rate, generator))


class _SpatialDropout(_Random):
    _axes = 2

    def __init__(self, rate: float, data_format: str | None, seed: Any, **kwargs: Any) -> None:
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
    """

    _axes = 1

    def __init__(
        self, rate: float, seed: Any = None, name: str | None = None, dtype: Any = None, **kwargs: Any
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
    """

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
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
    """

    def __init__(self, stddev: float, seed: Any = None, **kwargs: Any) -> None:
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
    """

    def __init__(self, rate: float, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = fraction(self, "rate", rate)
        if self.rate == 1.0:
            raise ValueError(f"{self._label()}: rate must be below 1, where the noise would be infinite; got {rate!r}")

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0.0:
            return inputs
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        return ops.multiply(inputs, random.normal(inputs.shape, 1.0, stddev, inputs.dtype, self.seed_generator))


__all__ = ["Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D", "SpatialDropout2D"]
