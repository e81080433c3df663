"""Random numbers: one seed for the whole process, generators for layers, keras.random's sampling functions.

Everything random follows from ``seed()``.  Values that training draws step by step (dropout) come from native
counter-based kernels driven by a ``Generator``'s state; values drawn once (initial weights, shuffles) from NumPy, as
are the normal numbers of a ``Generator`` (Gaussian noise), which a captured step draws before each replay.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .config import standardize_dtype
from .core import registry
from .core.autograd import Tensor, wrap
from .core.grad_mode import grad_mode
from .core.recording import forbid_capture, notes_changes

Shape = Sequence[int]
Array = np.ndarray[Any, np.dtype[Any]]


_DREW = "lamina.random drew numbers with NumPy, which a replay would repeat"


class _Process:
    """The generator from which every unseeded choice of the process is drawn; made when it is first needed, because
    importing numpy.random takes a tenth of the time that importing this library may take."""

    numpy: np.random.Generator | None = None


class _Locks:
    """The locks of NumPy's generators that live on and that several threads may draw from.  A fork waits until nobody
    draws: in the child no thread would unlock them."""

    known: ClassVar[weakref.WeakSet[Any]] = weakref.WeakSet()
    held: ClassVar[dict[int, list[Any]]] = {}  # by the thread that forks

    @classmethod
    def acquire(cls) -> None:
        locks = sorted(cls.known, key=id)  # two threads that fork take them in one order
        for lock in locks:
            lock.acquire()
        cls.held[threading.get_ident()] = locks

    @classmethod
    def release(cls) -> None:
        for lock in cls.held.pop(threading.get_ident()):
            lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_Locks.acquire, after_in_parent=_Locks.release, after_in_child=_Locks.release)


def unlocked_in_children(generator: np.random.Generator) -> np.random.Generator:
    """``generator``, from now on safe to draw from in a child that is forked while another thread draws."""
    _Locks.known.add(generator.bit_generator.lock)
    return generator


def seed(value: int) -> None:
    """Make all that is drawn from now on (initial weights, dropout keys of new layers, shuffles) repeatable.

    ``value`` is a non-negative integer.  Layers that exist already keep the generators they were made with.
    """
    forbid_capture("lamina.random.seed() was called in the step")
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(f"random.seed: expected a non-negative integer, got {value!r}")
    _Process.numpy = unlocked_in_children(np.random.Generator(np.random.Philox(int(value))))


def numpy_generator() -> np.random.Generator:
    """The process-wide NumPy generator that ``seed()`` restarts."""
    forbid_capture(_DREW)
    return _process_generator()


def _process_generator() -> np.random.Generator:
    if _Process.numpy is None:
        _Process.numpy = unlocked_in_children(np.random.Generator(np.random.Philox()))
    return _Process.numpy


def _key(seed: int | None) -> int:
    """The key of a stream: the seed itself, or for None one from the process-wide generator."""
    key = int(_process_generator().integers(2**63)) if seed is None else int(seed)
    if not 0 <= key < 2**64:
        raise ValueError(f"Generator: seed must be between 0 and 2**64 - 1, got {seed}")
    return key


@notes_changes
class Generator:
    """A counter-based random stream.  ``state`` is uint64 [key, counter]; each native call that draws from it reads
    both through their address and adds one to the counter, so that a captured step goes on drawing new numbers.

    ``seed=None`` takes a key from the process-wide generator; equal integer seeds give equal streams.
    """

    __slots__ = ("seed", "state")

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        forbid_capture("a lamina.random.Generator was made in the step; make it outside, so that its stream goes on")
        self._start(_key(seed))

    def _start(self, key: int) -> None:
        self.seed = key
        self.state = np.array([key, 0], dtype=np.uint64)

    def numpy(self) -> np.random.Generator:
        """A NumPy generator at this stream's place; advances the stream by one call."""
        forbid_capture(_DREW)
        return self._next()

    def _next(self) -> np.random.Generator:
        generator = np.random.Generator(np.random.Philox(key=self.state))
        self.state[1] += np.uint64(1)
        return generator

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed}


SeedGenerator = Generator  # Keras's name
registry.add_known((Generator,))

Seed = int | Generator | None


def numpy_from(seed: Seed) -> np.random.Generator:
    """NumPy's generator for a ``seed`` argument: None is the process's, an integer always the same, or a Generator."""
    if seed is None:
        return numpy_generator()
    if isinstance(seed, Generator):
        return seed.numpy()
    return np.random.Generator(np.random.Philox(int(seed)))


def normal_array(rng: np.random.Generator, shape: Shape, dtype: np.dtype[Any]) -> Array:
    """Standard normal values."""
    return rng.standard_normal(tuple(shape), dtype=dtype)


def truncated_array(rng: np.random.Generator, shape: Shape, dtype: np.dtype[Any]) -> Array:
    """Standard normal values within two standard deviations; what falls outside is drawn again."""
    values = rng.standard_normal(tuple(shape), dtype=dtype).reshape(-1)
    outside = np.flatnonzero(np.abs(values) > 2.0)
    while outside.size:
        values[outside] = rng.standard_normal(outside.size, dtype=dtype)
        outside = outside[np.abs(values[outside]) > 2.0]
    return values.reshape(tuple(shape))


def normal(shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None) -> Tensor:
    """Normally distributed values.  With a Generator as seed, replays of a captured step draw new ones."""
    d = standardize_dtype(dtype)
    if isinstance(seed, Generator):
        return _from_stream(seed, shape, d.type(mean), d.type(stddev))
    return wrap(normal_array(numpy_from(seed), shape, d) * d.type(stddev) + d.type(mean))


def _from_stream(generator: Generator, shape: Shape, mean: Any, stddev: Any) -> Tensor:
    values = np.empty(tuple(shape), mean.dtype)

    def draw() -> None:
        generator._next().standard_normal(dtype=values.dtype.type, out=values)
        np.multiply(values, stddev, out=values)
        np.add(values, mean, out=values)

    draw()
    if grad_mode.recording is not None:  # the plan reads the array, each replay begins with new values in it
        grad_mode.recording.hooks.append(draw)
    return wrap(values)


def truncated_normal(
    shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None
) -> Tensor:
    """Normally distributed values, those beyond two standard deviations drawn again."""
    d = standardize_dtype(dtype)
    return wrap(truncated_array(numpy_from(seed), shape, d) * d.type(stddev) + d.type(mean))


def uniform(shape: Shape, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Seed = None) -> Tensor:
    """Values uniform in [minval, maxval)."""
    d = standardize_dtype(dtype)
    return wrap(numpy_from(seed).random(tuple(shape), dtype=d) * d.type(maxval - minval) + d.type(minval))


def randint(shape: Shape, minval: int, maxval: int, dtype: Any = "int32", seed: Seed = None) -> Tensor:
    """Integers uniform in [minval, maxval)."""
    return wrap(numpy_from(seed).integers(minval, maxval, tuple(shape)).astype(dtype))


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Seed = None) -> Tensor:
    """(batch, num_samples) indices drawn from each row of (batch, classes) log-probabilities."""
    z = np.asarray(logits)
    if z.ndim != 2:
        raise ValueError(f"random.categorical: logits are {z.shape}, expected (batch, classes)")
    uniforms = numpy_from(seed).random((z.shape[0], num_samples, z.shape[1]))
    gumbel = -np.log(-np.log(np.maximum(uniforms, np.finfo(np.float64).tiny)))
    return wrap((z[:, None, :] + gumbel).argmax(axis=-1).astype(dtype))


def shuffle(x: Any, axis: int = 0, seed: Seed = None) -> Tensor:
    """A copy of ``x`` with its slices along ``axis`` in random order."""
    return wrap(numpy_from(seed).permutation(np.asarray(x), axis=axis))


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Seed = None) -> Tensor:
    """``inputs`` with a fraction ``rate`` of its elements set to zero and the rest scaled by 1 / (1 - rate)."""
    from .ops import dropout as op  # ops use generators, so the import cannot stand above

    if noise_shape is not None:
        raise ValueError("random.dropout: noise_shape is not supported here; use layers.Dropout(noise_shape=...)")
    return op(inputs, rate, seed if isinstance(seed, Generator) else _one_call(seed))


def _one_call(seed: int | None) -> Generator:
    """A generator for one call: a replay of a captured step starts it anew, as that call would."""
    generator = Generator.__new__(Generator)
    generator._start(_key(seed))

    def restart() -> None:
        generator.state[:] = _key(seed), 0

    if grad_mode.recording is not None:
        grad_mode.recording.hooks.append(restart)
    return generator
