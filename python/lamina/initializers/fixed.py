"""Values without chance: constants, the identity, the waves of a Fourier transform."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.suggest import unknown
from ..ops.windows import window_values
from .base import Array, Initializer


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
