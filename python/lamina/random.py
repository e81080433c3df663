"""Random numbers: one seed for the whole process, generators for layers, keras.random's sampling functions.

Everything random follows from ``seed()``.  Values that training draws step by step (dropout) come from native
counter-based kernels driven by a ``Generator``'s state; values drawn once (initial weights, shuffles) from NumPy, as
are the normal numbers of a ``Generator`` (Gaussian noise), which a captured step draws before each replay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from . import ops
from .config import standardize_dtype
from .core.arrays import as_dtype, to_numbers
from .core.autograd import Tensor, wrap
from .core.explain import named
from .core.generator import Generator, Seed, SeedGenerator, _key, numpy_from, seed
from .core.grad_mode import grad_mode
from .core.replica import drawn_by_sample, replica_of
from .core.rooms import publish

Shape = Sequence[int]
Array = np.ndarray[Any, np.dtype[Any]]


def normal_array(rng: np.random.Generator, shape: Shape, dtype: np.dtype[Any]) -> Array:
    """Standard normal values."""
    return rng.standard_normal(tuple(shape), dtype=dtype)


def truncated_array(rng: np.random.Generator, shape: Shape, dtype: np.dtype[Any]) -> Array:
    """Standard normal values within two standard deviations; what falls outside is drawn again."""
    values = rng.standard_normal(tuple(shape), dtype=dtype).ravel()
    outside = np.flatnonzero(np.abs(values) > 2.0)  # > is free: 2.0 is not drawn
    while outside.size:
        values[outside] = rng.standard_normal(outside.size, dtype=dtype)
        outside = outside[np.abs(values[outside]) > 2.0]  # > is free: 2.0 is not drawn
    return values.reshape(tuple(shape))


@named("random.normal")
def normal(shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None) -> Tensor:
    """Normally distributed values.  With a Generator as seed, replays of a captured step draw new ones.

    Args:
        mean: mean of the distribution.
        stddev: standard deviation of the distribution.

    Example:
        >>> random.normal((2, 3), mean=5.0, stddev=0.1, seed=1).shape
        (2, 3)
    """
    d = standardize_dtype(dtype)
    if isinstance(seed, Generator):
        return _from_stream(seed, shape, d.type(mean), d.type(stddev))
    values = drawn_by_sample(shape, partial(normal_array, numpy_from(seed), dtype=d))
    return wrap(values * d.type(stddev) + d.type(mean))


def _from_stream(generator: Generator, shape: Shape, mean: Any, stddev: Any) -> Tensor:
    values, replica = np.empty(tuple(shape), mean.dtype), grad_mode.replica

    def draw() -> None:
        if replica is None:
            generator._next().standard_normal(dtype=values.dtype.type, out=values)
        else:
            with replica_of(replica):
                values[...] = drawn_by_sample(shape, partial(normal_array, generator._next(), dtype=values.dtype))
        np.multiply(values, stddev, out=values)
        np.add(values, mean, out=values)

    draw()
    if grad_mode.recording is not None:  # the plan reads the array, each replay begins with new values in it
        grad_mode.recording.hooks.append(draw)
    return wrap(values)


@named("random.truncated_normal")
def truncated_normal(
    shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None
) -> Tensor:
    """Normally distributed values; those beyond two standard deviations are drawn again.

    Args:
        mean: mean before the truncation.
        stddev: standard deviation before the truncation.

    Example:
        >>> bool(ops.all(abs(random.truncated_normal((100,), seed=1)) <= 2))
        True
    """
    d = standardize_dtype(dtype)
    return wrap(
        drawn_by_sample(shape, partial(truncated_array, numpy_from(seed), dtype=d)) * d.type(stddev) + d.type(mean)
    )


@named("random.uniform")
def uniform(shape: Shape, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Seed = None) -> Tensor:
    """Uniformly distributed values in [minval, maxval).

    Args:
        minval: the lower bound.
        maxval: the upper bound, not included.

    Example:
        >>> bool(ops.all(random.uniform((100,), 2.0, 3.0, seed=1) >= 2.0))
        True
    """
    d = standardize_dtype(dtype)
    return wrap(
        drawn_by_sample(shape, partial(numpy_from(seed).random, dtype=d)) * d.type(maxval - minval) + d.type(minval)
    )


@named("random.randint")
def randint(shape: Shape, minval: int, maxval: int, dtype: Any = "int32", seed: Seed = None) -> Tensor:
    """Uniformly distributed integers in [minval, maxval).

    Args:
        minval: the lower bound.
        maxval: the upper bound, not included.
        dtype: an integer type.

    Raises:
        ValueError: the interval is empty.

    Example:
        >>> numbers = random.randint((100,), 0, 6, seed=1).numpy()
        >>> int(numbers.min()), int(numbers.max())
        (0, 5)
    """
    values = drawn_by_sample(shape, partial(numpy_from(seed).integers, minval, maxval))
    return wrap(values.astype(as_dtype(dtype, "random: dtype")))


@named("random.categorical")
def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Seed = None) -> Tensor:
    """Indices drawn by their log-probabilities.

    Args:
        logits: log-probabilities up to a constant, (batch, classes).
        num_samples: how many indices are drawn for each row.
        dtype: an integer type.

    Returns: a tensor (batch, num_samples).

    Raises:
        ValueError: ``logits`` have not two axes.

    Example:
        >>> random.categorical(np.log([[0.0001, 0.9999]]), 4, seed=1).shape
        (1, 4)
    """
    z = np.asarray(logits)
    if z.ndim != 2:
        raise ValueError(f"random.categorical: logits are {z.shape}, expected (batch, classes)")
    uniforms = numpy_from(seed).random((z.shape[0], num_samples, z.shape[1]))
    gumbel = -np.log(-np.log(np.maximum(uniforms, np.finfo(np.float64).tiny)))
    return wrap((z[:, None, :] + gumbel).argmax(axis=-1).astype(as_dtype(dtype, "random: dtype")))


@named("random.gamma")
def gamma(shape: Shape, alpha: Any, dtype: Any = None, seed: Seed = None) -> Tensor:
    """Values of a gamma distribution with scale 1: its mean and its variance are ``alpha``.

    Args:
        alpha: the shape parameter, a positive number, or an array that broadcasts to ``shape``.

    Raises:
        ValueError: ``alpha`` is not positive, or does not broadcast.

    Source: Keras 3, keras.random.gamma.

    Example:
        >>> random.gamma((10000,), 2.0, seed=0).numpy().mean().round(1).item()
        2.0
    """
    a = _parameter("gamma: alpha", alpha, shape)
    return _drawn("gamma", lambda rng: rng.standard_gamma(a, tuple(shape)), dtype, seed)


@named("random.beta")
def beta(shape: Shape, alpha: Any, beta: Any, dtype: Any = None, seed: Seed = None) -> Tensor:
    """Values of a beta distribution, from 0 to 1: its mean is ``alpha / (alpha + beta)``.

    Args:
        alpha: the first parameter, a positive number, or an array that broadcasts to ``shape``.
        beta: the second parameter, a positive number, or an array that broadcasts to ``shape``.

    Raises:
        ValueError: a parameter is not positive, or does not broadcast.

    Source: Keras 3, keras.random.beta.

    Example:
        >>> random.beta((10000,), 1.0, 3.0, seed=0).numpy().mean().round(2).item()
        0.25
    """
    a, b = _parameter("beta: alpha", alpha, shape), _parameter("beta: beta", beta, shape)
    return _drawn("beta", lambda rng: rng.beta(a, b, tuple(shape)), dtype, seed)


@named("random.binomial")
def binomial(shape: Shape, counts: Any, probabilities: Any, dtype: Any = None, seed: Seed = None) -> Tensor:
    """How many of some trials succeed, as floats: their mean is ``counts * probabilities``.

    Args:
        counts: numbers of trials, a whole number from 0, or an array that broadcasts to ``shape``.
        probabilities: that a trial succeeds, from 0 to 1, a number or an array that broadcasts to ``shape``.

    Raises:
        ValueError: ``counts`` are no whole numbers from 0, or ``probabilities`` not from 0 to 1; one does not
            broadcast.

    Source: Keras 3, keras.random.binomial.

    Example:
        >>> random.binomial((3,), 5, 1.0)
        Tensor([5., 5., 5.], shape=(3,), dtype=float32)
    """
    n = _parameter("binomial: counts", counts, shape, lambda v: (v >= 0) & (v == np.floor(v)), "whole numbers from 0")
    p = _parameter("binomial: probabilities", probabilities, shape, lambda v: (v >= 0) & (v <= 1), "from 0 to 1")
    return _drawn("binomial", lambda rng: rng.binomial(n.astype(np.int64), p, tuple(shape)), dtype, seed)


def _parameter(
    what: str, value: Any, shape: Shape, good: Callable[[Array], Any] = lambda v: v > 0, expected: str = "positive"
) -> Array:
    """A parameter of a distribution as an array; ValueError where it is out of range or does not broadcast."""
    array = to_numbers(f"random.{what}", value).astype(np.float64)
    if not np.all(good(array)):
        raise ValueError(f"random.{what} must be {expected}, got {array[~good(array)].flat[0]:g}")
    try:
        fits = np.broadcast_shapes(array.shape, tuple(shape)) == tuple(shape)
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"random.{what} of shape {array.shape} does not broadcast to shape {tuple(shape)}")
    return array


def _drawn(what: str, draw: Callable[[np.random.Generator], Any], dtype: Any, seed: Seed) -> Tensor:
    """What NumPy draws in float64, in the type that is wanted."""
    wanted = standardize_dtype(dtype, f"random.{what}: dtype")
    return wrap(np.asarray(draw(numpy_from(seed)), wanted))


@named("random.shuffle")
def shuffle(x: Any, axis: int = 0, seed: Seed = None) -> Tensor:
    """A copy with its slices along an axis in random order.

    Args:
        x: a tensor or an array.
        axis: the axis.

    Example:
        >>> ops.sort(random.shuffle(np.array([3, 1, 2]), seed=1))
        Tensor([1, 2, 3], shape=(3,), dtype=int64)
    """
    return wrap(numpy_from(seed).permutation(np.asarray(x), axis=axis))


@named("random.dropout")
def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Seed = None) -> Tensor:
    """The input with a random fraction of its elements set to zero and the rest scaled by ``1 / (1 - rate)``.

    Args:
        inputs: a tensor or an array.
        rate: the fraction, from 0 to below 1.
        noise_shape: an option of Keras that is not supported here: use ``layers.Dropout(noise_shape=...)``.

    Raises:
        ValueError: ``rate`` is out of range, or ``noise_shape`` is given.

    Example:
        >>> y = random.dropout(np.ones(1000, "float32"), 0.5, seed=1)
        >>> sorted(set(y.numpy().tolist()))
        [0.0, 2.0]
    """
    if noise_shape is not None:
        raise ValueError("random.dropout: noise_shape is not supported here; use layers.Dropout(noise_shape=...)")
    return ops.dropout(inputs, rate, seed if isinstance(seed, Generator) else _one_call(seed))


def _one_call(seed: int | None) -> Generator:
    """A generator for one call: a replay of a captured step starts it anew, as that call would."""
    generator = Generator.__new__(Generator)
    generator._start(_key(seed))

    def restart() -> None:
        generator.state[:] = _key(seed), 0

    if grad_mode.recording is not None:
        grad_mode.recording.hooks.append(restart)
    return generator


__all__ = [
    "Generator", "SeedGenerator", "beta", "binomial", "categorical", "dropout", "gamma", "normal", "randint", "seed",
    "shuffle", "truncated_normal", "uniform",
]  # fmt: skip

publish(__name__)
