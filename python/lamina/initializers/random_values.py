"""Random values whose distribution is given, and random orthogonal matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import random
from ..core.generator import Seed, numpy_from
from .base import Array, Initializer


def scaled(values: Any, scale: float, shift: float = 0.0) -> Array:
    """``values * scale + shift``, in place and in their dtype."""
    array = np.asarray(values)
    array *= array.dtype.type(scale)
    array += array.dtype.type(shift)
    return array


class RandomNormal(Initializer):
    """Normally distributed values.

    Args:
        mean: mean of the distribution.
        stddev: standard deviation of the distribution.

    Example:
        >>> initializers.RandomNormal(stddev=0.1, seed=1)((3, 4)).shape
        (3, 4)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        return scaled(random.normal_array(numpy_from(self.seed), shape, dtype), self.stddev, self.mean)

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed}


class TruncatedNormal(RandomNormal):
    """Normally distributed values; those beyond two standard deviations are drawn again.

    Args:
        mean: mean before the truncation.
        stddev: standard deviation before the truncation.

    Example:
        >>> w = initializers.TruncatedNormal(stddev=0.1, seed=1)((3, 4))
        >>> bool((abs(np.asarray(w)) <= 0.2).all())
        True
    """

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        return scaled(random.truncated_array(numpy_from(self.seed), shape, dtype), self.stddev, self.mean)


class RandomUniform(Initializer):
    """Uniformly distributed values in [minval, maxval).

    Args:
        minval: the lower bound.
        maxval: the upper bound, not included.

    Example:
        >>> w = initializers.RandomUniform(-1, 1, seed=1)((3, 4))
        >>> bool((abs(np.asarray(w)) <= 1).all())
        True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None) -> None:
        self.minval, self.maxval, self.seed = minval, maxval, seed

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        values = numpy_from(self.seed).random(shape, dtype=dtype)
        return scaled(values, self.maxval - self.minval, self.minval)

    def get_config(self) -> dict[str, Any]:
        return {"minval": self.minval, "maxval": self.maxval, "seed": self.seed}


class Orthogonal(Initializer):
    """A multiple of a matrix with orthonormal columns, or rows where it is wide.

    A kernel of more than two axes is taken as the matrix (all but the last, last).

    Args:
        gain: the factor.

    Raises:
        ValueError: at the call: the shape has less than two axes.

    Source: Keras 3, Orthogonal; Saxe et al. 2014, "Exact Solutions to the Nonlinear Dynamics of Learning in Deep Linear
        Neural Networks".

    Example:
        >>> w = np.asarray(initializers.Orthogonal(seed=1)((4, 4)))
        >>> bool(np.allclose(w @ w.T, np.eye(4), atol=1e-5))
        True
    """

    def __init__(self, gain: float = 1.0, seed: Seed = None) -> None:
        self.gain, self.seed = gain, seed

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: the shape needs at least two axes, got {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        q, r = np.linalg.qr(random.normal_array(numpy_from(self.seed), tall, np.dtype(np.float64)))
        # The unique factor, so uniformly distributed.
        q = q * np.where(np.diag(r) < 0, -1.0, 1.0)  # < is free: 0 is not met
        return (self.gain * (q.T if rows < columns else q)).reshape(shape).astype(dtype)

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain, "seed": self.seed}
