"""Weight initializers with Keras 3's names, arguments and distributions.

An initializer is called as ``initializer(shape, dtype=None)`` and returns a Tensor.  ``seed=None`` draws from the
process-wide generator (``lamina.random.seed``), an integer gives the same values at every call.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import random
from .config import standardize_dtype
from .core import registry
from .core.autograd import Tensor, wrap
from .core.explain import Explained
from .core.generator import Seed, numpy_from
from .core.rooms import publish
from .core.suggest import unknown
from .core.weight_function import find
from .ops.windows import window_values

Array = np.ndarray[Any, np.dtype[Any]]
Shape = Sequence[int]
Fans = Sequence[int] | None


def _scaled(values: Any, scale: float, shift: float = 0.0) -> Array:
    """``values * scale + shift``, in place and in their dtype."""
    array = np.asarray(values)
    array *= array.dtype.type(scale)
    array += array.dtype.type(shift)
    return array


class Initializer(Explained, strict=True, also=("__call__",)):
    """Base of initializers: called with a shape, returns values.

    A class of one's own defines ``sample(shape, dtype)``, and ``get_config`` if its constructor has arguments.

    Source: Keras 3, Initializer.

    Example:
        >>> class Halves(initializers.Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return np.full(shape, 0.5, dtype or "float32")
        >>> layers.Dense(1, kernel_initializer=Halves())([[1.0, 3.0]])
        Tensor([[2.]], shape=(1, 1), dtype=float32, requires_grad=True)
    """

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        """Values of this shape; dtype defaults to ``config.floatx()``."""
        return wrap(self.sample(tuple(shape), standardize_dtype(dtype)))

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """The values; each initializer defines it.

        Args:
            shape: the sizes, a tuple of integers.
            dtype: NumPy type, float32 or float64.

        Returns: an array.

        Raises:
            NotImplementedError: the class does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define sample(shape, dtype)")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """The initializer of a configuration.

        Args:
            config: what ``get_config`` returned.
        """
        return cls(**registry.deserialize(config))


class Zeros(Initializer):
    """All zeros.

    Example:
        >>> initializers.Zeros()((2,))
        Tensor([0., 0.], shape=(2,), dtype=float32)
    """

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        return np.zeros(shape, dtype)


class Ones(Initializer):
    """All ones.

    Example:
        >>> initializers.Ones()((2,))
        Tensor([1., 1.], shape=(2,), dtype=float32)
    """

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        return np.ones(shape, dtype)


class Constant(Initializer):
    """One value everywhere.

    Args:
        value: a number, or an array that broadcasts to the shape.

    Example:
        >>> initializers.Constant(0.5)((2, 2))
        Tensor([[0.5, 0.5],
                [0.5, 0.5]], shape=(2, 2), dtype=float32)
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        values: Array = np.broadcast_to(np.asarray(self.value, dtype), shape).copy()
        return values

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value}


class Identity(Initializer):
    """A number on the diagonal of a matrix, zero elsewhere.

    Args:
        gain: the number.

    Raises:
        ValueError: at the call: the shape has not two axes.

    Example:
        >>> initializers.Identity()((2, 2))
        Tensor([[1., 0.],
                [0., 1.]], shape=(2, 2), dtype=float32)
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        if len(shape) != 2:
            raise ValueError(f"Identity: only a matrix can be initialised so, got shape {shape}")
        return self.gain * np.eye(*shape, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}


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
        return _scaled(random.normal_array(numpy_from(self.seed), shape, dtype), self.stddev, self.mean)

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
        return _scaled(random.truncated_array(numpy_from(self.seed), shape, dtype), self.stddev, self.mean)


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
        return _scaled(values, self.maxval - self.minval, self.minval)

    def get_config(self) -> dict[str, Any]:
        return {"minval": self.minval, "maxval": self.maxval, "seed": self.seed}


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
            return _scaled(rng.random(shape, dtype=dtype), 2 * limit, -limit)
        if self.distribution == "untruncated_normal":
            return _scaled(random.normal_array(rng, shape, dtype), math.sqrt(variance))
        # 0.8796... is the standard deviation of a normal distribution cut at two standard deviations
        return _scaled(random.truncated_array(rng, shape, dtype), math.sqrt(variance) / 0.87962566103423978)

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


class STFT(Initializer):
    """Cosines or sines under a window: the kernel of a convolution that is a short-time Fourier transform.

    Args:
        side: "real" for the cosines, "imag" for the sines (of negative angles).
        window: name of a window ("hann", "hamming", "blackman", "bartlett", "boxcar", or any of
            ``scipy.signal.windows``), its values, or None for none.
        scaling: "density" divides by the window's norm, "spectrum" by its sum; None by nothing.
        periodic: whether the window is periodic, as spectra want it, or symmetric, as filters do.

    Raises:
        ValueError: an option is unknown; at the call: the shape is not (frame length, 1, frequencies), or the window
            has another length.
        ImportError: the window is SciPy's, which is not installed.

    Source: Keras 3, STFT.

    Example:
        >>> initializers.STFT("real")((16, 1, 9)).shape
        (16, 1, 9)
    """

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False
    ) -> None:
        if side not in ("real", "imag"):
            raise unknown("side of STFT", side, ("real", "imag"))
        if scaling not in (None, "density", "spectrum"):
            raise unknown("scaling of STFT", scaling, ("density", "spectrum"))
        if isinstance(window, str):
            window_values(window, 2, False)  # an unknown name shows now
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        if len(shape) != 3:
            raise ValueError(f"STFT: expected the shape (frame length, 1, frequencies), got {shape}")
        length, _, frequencies = shape
        angle = -np.pi * np.arange(length)[:, None, None] * np.arange(frequencies) / max(frequencies - 1, 1)
        kernel = np.cos(angle) if self.side == "real" else np.sin(angle)
        if self.window is not None:
            named = isinstance(self.window, str)
            window = window_values(self.window, length, self.periodic) if named else np.asarray(self.window, np.float64)
            if window.shape != (length,):
                raise ValueError(f"STFT: the window is {window.shape}, expected ({length},)")
            scale = {None: 1.0, "density": np.sqrt(np.square(window).sum()), "spectrum": np.abs(window).sum()}
            kernel = kernel * (window / scale[self.scaling])[:, None, None]
        return np.broadcast_to(kernel, shape).astype(dtype)

    def get_config(self) -> dict[str, Any]:
        return {"side": self.side, "window": self.window, "scaling": self.scaling, "periodic": self.periodic}


_CLASSES: tuple[type[Initializer], ...] = (
    Zeros, Ones, Constant, Identity, RandomNormal, TruncatedNormal, RandomUniform, VarianceScaling, GlorotUniform,
    GlorotNormal, LecunUniform, LecunNormal, HeUniform, HeNormal, Orthogonal, STFT,
)  # fmt: skip
registry.add_known(_CLASSES, "initializer", Initializer)

_by_name: dict[str, type[Initializer]] = {}
for _cls in _CLASSES:
    _by_name[_cls.__name__] = _by_name[re.sub(r"(?<!^)(?=[A-Z])", "_", _cls.__name__).lower()] = _cls
_by_name |= {"zero": Zeros, "one": Ones, "normal": RandomNormal, "uniform": RandomUniform, "stft": STFT}
_by_name |= {"IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal, "STFTInitializer": STFT}

IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT  # Keras's names
stft = STFT
zeros, ones, constant, identity, orthogonal = Zeros, Ones, Constant, Identity, Orthogonal
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling = VarianceScaling
glorot_uniform, glorot_normal, lecun_uniform, lecun_normal = GlorotUniform, GlorotNormal, LecunUniform, LecunNormal
he_uniform, he_normal = HeUniform, HeNormal


def get(identifier: Any) -> Callable[..., Any]:
    """An initializer from what names it.

    Args:
        identifier: a name such as "zeros", a class, a description, an array (the values themselves), or a function
            f(shape, dtype).

    Raises:
        ValueError: the name is unknown; the message gives the nearest.

    Example:
        >>> type(initializers.get("he_normal")).__name__
        'HeNormal'
    """
    if isinstance(identifier, (np.ndarray, Tensor)):
        return Constant(np.asarray(identifier))
    found = find("initializer", identifier, _by_name)
    if found is None:
        raise ValueError("expected an initializer or its name, got None")
    return found


def serialize(initializer: Any) -> Any:
    """The description that ``get`` and ``deserialize`` take.

    Args:
        initializer: the initializer.

    Raises:
        TypeError: it has no description.

    Example:
        >>> initializers.serialize(initializers.Constant(0.5))["config"]
        {'value': 0.5}
    """
    return registry.described(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The initializer of a description or a name.

    Args:
        config: the description.

    Raises:
        ValueError: it names a class that is unknown.

    Example:
        >>> type(initializers.deserialize(initializers.serialize(initializers.HeNormal()))).__name__
        'HeNormal'
    """
    with registry.custom_object_scope(custom_objects):
        return get(config)


__all__ = [
    "STFT", "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "IdentityInitializer",
    "Initializer", "LecunNormal", "LecunUniform", "Ones", "Orthogonal", "OrthogonalInitializer", "RandomNormal",
    "RandomUniform", "STFTInitializer", "TruncatedNormal", "VarianceScaling", "Zeros", "constant", "deserialize",
    "get", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "identity", "lecun_normal",
    "lecun_uniform", "ones", "orthogonal", "random_normal", "random_uniform", "serialize", "stft",
    "truncated_normal", "variance_scaling", "zeros",
]  # fmt: skip  # fmt: skip

publish(__name__)
