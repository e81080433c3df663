"""Random values whose variance follows from the number of inputs and outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import random
from ..core.generator import Seed, numpy_from
from ..core.suggest import unknown
from .base import Array, Initializer, Shape
from .random_values import scaled

Fans = Sequence[int] | None


def compute_fans(shape: Shape, input_axes: Fans = None, output_axes: Fans = None) -> tuple[int, int]:
    """(fan in, fan out): the last two axes are channels in and out, those before them a convolution's window.

    ``input_axes`` and ``output_axes`` say it otherwise for kernels with several input or output axes.
    """
    if input_axes is not None and output_axes is not None:
        window = math.prod(shape) // max(1, math.prod(shape[a] for a in (*input_axes, *output_axes)))
        return window * math.prod(shape[a] for a in input_axes), window * math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        n = math.prod(shape)
        return n, n
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


class VarianceScaling(Initializer):
    """Values of mean zero and variance ``scale / n``.

    Args:
        scale: the variance times n, positive.
        mode: what n is: "fan_in", the inputs of an output; "fan_out", the outputs of an input; "fan_avg", their
            average.
        distribution: "truncated_normal" (the variance is that after truncation), "untruncated_normal" or "uniform".

    Raises:
        ValueError: ``scale`` is not positive; ``mode`` or ``distribution`` is unknown.

    Example:
        >>> initializers.VarianceScaling(scale=2.0, mode="fan_in", seed=1)((3, 4)).shape  # He et al.'s
        (3, 4)
    """

    _MODES = ("fan_in", "fan_out", "fan_avg")
    _DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Fans = None,
        output_axes: Fans = None,
    ) -> None:
        if scale <= 0.0:
            raise ValueError(f"VarianceScaling: scale must be positive, got {scale}")
        if mode not in self._MODES:
            raise unknown("mode of VarianceScaling", mode, self._MODES)
        distribution = "truncated_normal" if distribution == "normal" else distribution.lower()
        if distribution not in self._DISTRIBUTIONS:
            raise unknown("distribution of VarianceScaling", distribution, self._DISTRIBUTIONS)
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, seed
        self.input_axes, self.output_axes = input_axes, output_axes

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        rng = numpy_from(self.seed)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return scaled(rng.random(shape, dtype=dtype), 2 * limit, -limit)
        if self.distribution == "untruncated_normal":
            return scaled(random.normal_array(rng, shape, dtype), math.sqrt(variance))
        # 0.8796... is the standard deviation of a normal distribution cut at two standard deviations
        return scaled(random.truncated_array(rng, shape, dtype), math.sqrt(variance) / 0.87962566103423978)

    def get_config(self) -> dict[str, Any]:
        config = {"scale": self.scale, "mode": self.mode, "distribution": self.distribution, "seed": self.seed}
        return config | {"input_axes": self.input_axes, "output_axes": self.output_axes}


def over_axes(initializer: Any, input_axes: Sequence[int], output_axes: Sequence[int]) -> Any:
    """The initializer with these axes of a kernel as its inputs and outputs, if it scales by them and names none."""
    if not isinstance(initializer, VarianceScaling):
        return initializer
    if initializer.input_axes is not None and initializer.output_axes is not None:
        return initializer
    config = initializer.get_config() | {"input_axes": tuple(input_axes), "output_axes": tuple(output_axes)}
    return type(initializer)(**config)


class _Scaled(VarianceScaling):
    """A VarianceScaling with its first three arguments fixed."""

    fixed: tuple[float, str, str]

    def __init__(self, seed: Seed = None, input_axes: Fans = None, output_axes: Fans = None) -> None:
        super().__init__(*self.fixed, seed=seed, input_axes=input_axes, output_axes=output_axes)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, "input_axes": self.input_axes, "output_axes": self.output_axes}


class GlorotUniform(_Scaled):
    """Uniformly distributed values of variance ``2 / (fan in + fan out)``.

    Source: Keras 3, GlorotUniform; Glorot and Bengio 2010, "Understanding the Difficulty of Training Deep Feedforward
        Neural Networks".

    Example:
        >>> w = initializers.GlorotUniform(seed=1)((3, 4))
        >>> bool((abs(np.asarray(w)) <= (6 / 7) ** 0.5).all())
        True
    """

    fixed = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Scaled):
    """Truncated normally distributed values of variance ``2 / (fan in + fan out)``.

    Source: Keras 3, GlorotNormal; Glorot and Bengio 2010, "Understanding the Difficulty of Training Deep Feedforward
        Neural Networks".

    Example:
        >>> initializers.GlorotNormal(seed=1)((3, 4)).shape
        (3, 4)
        >>> model = lamina.Sequential([layers.Dense(4, kernel_initializer="glorot_normal")])
    """

    fixed = (1.0, "fan_avg", "truncated_normal")


class LecunUniform(_Scaled):
    """Uniformly distributed values of variance ``1 / fan in``.

    Source: Keras 3, LecunUniform; LeCun et al. 1998, "Efficient BackProp".

    Example:
        >>> w = initializers.LecunUniform(seed=1)((3, 4))
        >>> bool((abs(np.asarray(w)) <= 1.0).all())
        True
    """

    fixed = (1.0, "fan_in", "uniform")


class LecunNormal(_Scaled):
    """Truncated normally distributed values of variance ``1 / fan in``.

    Source: Keras 3, LecunNormal; LeCun et al. 1998, "Efficient BackProp".

    Example:
        >>> initializers.LecunNormal(seed=1)((3, 4)).shape
        (3, 4)
        >>> layer = layers.Dense(4, activation="selu", kernel_initializer="lecun_normal")
    """

    fixed = (1.0, "fan_in", "truncated_normal")


class HeUniform(_Scaled):
    """Uniformly distributed values of variance ``2 / fan in``.

    Source: Keras 3, HeUniform; He et al. 2015, "Delving Deep into Rectifiers".

    Example:
        >>> w = initializers.HeUniform(seed=1)((3, 4))
        >>> bool((abs(np.asarray(w)) <= 2**0.5).all())
        True
    """

    fixed = (2.0, "fan_in", "uniform")


class HeNormal(_Scaled):
    """Truncated normally distributed values of variance ``2 / fan in``.

    Source: Keras 3, HeNormal; He et al. 2015, "Delving Deep into Rectifiers".

    Example:
        >>> initializers.HeNormal(seed=1)((3, 4)).shape
        (3, 4)
        >>> layer = layers.Conv2D(8, 3, activation="relu", kernel_initializer="he_normal")
    """

    fixed = (2.0, "fan_in", "truncated_normal")
