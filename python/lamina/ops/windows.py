"""Windows of signal processing: symmetric weights that fall to the ends.

How many there are is read in Python, so the length may be no symbolic tensor, and a tensor of it is not captured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.autograd import Array, Tensor, wrap
from ..core.explain import is_number
from .conversion import TensorLike, as_tensor, check_sizes, floatx, needs_values

# The windows that NumPy has, by the names that options take.
_NAMED: dict[str, Callable[[int], Any]] = {
    "bartlett": np.bartlett, "blackman": np.blackman, "boxcar": np.ones, "hamming": np.hamming, "hann": np.hanning,
}  # fmt: skip


def window_values(name: str, n: int, periodic: bool) -> Array:
    """The n weights of a window, NumPy's or one of SciPy's.  periodic: as spectra want it, not symmetric.

    ValueError: the name is unknown; ImportError: the window is SciPy's, which is not installed.
    """
    name = {"rectangular": "boxcar", "hanning": "hann"}.get(name, name)
    if name in _NAMED:
        whole = _NAMED[name]
        return np.asarray(whole(n + 1)[:-1] if periodic and n > 1 else whole(n), np.float64)
    try:
        from scipy.signal import get_window  # type: ignore[import-untyped]
    except ImportError:
        own = ", ".join(_NAMED)
        raise ImportError(f"window {name!r} needs SciPy: pip install scipy; without it there are {own}") from None
    try:
        return np.asarray(get_window(name, n, periodic), np.float64)
    except ValueError as error:
        raise ValueError(f"unknown window {name!r}: {error}") from None


def _window(op: str, x: TensorLike, function: Callable[..., Any], *options: float) -> Tensor:
    needs_values(op, x)
    if isinstance(x, (int, np.integer)):
        n = int(x)
    else:
        length = as_tensor(x)
        if length.size != 1 or length.dtype.kind not in "iu":
            raise TypeError(f"{op}: x must be one integer, the number of weights, got {length.dtype} of {length.shape}")
        n = int(length.item())
    check_sizes(op, max(n, 0))
    return wrap(np.asarray(function(n, *options), floatx()))


def bartlett(x: TensorLike) -> Tensor:
    """The triangle that is zero at both ends.

    Args:
        x: how many weights, an integer.

    Raises:
        TypeError: x is no integer.

    Example:
        >>> ops.bartlett(5)
        Tensor([0. , 0.5, 1. , 0.5, 0. ], shape=(5,), dtype=float32)
    """
    return _window("bartlett", x, np.bartlett)


def blackman(x: TensorLike) -> Tensor:
    """Blackman's window, three terms of cosines, zero at both ends.

    Args:
        x: how many weights, an integer.

    Raises:
        TypeError: x is no integer.

    Example:
        >>> ops.blackman(5).numpy()[1:4]
        array([0.34, 1.  , 0.34], dtype=float32)
    """
    return _window("blackman", x, np.blackman)


def hamming(x: TensorLike) -> Tensor:
    """Hamming's window, a cosine on a step of 0.08.

    Args:
        x: how many weights, an integer.

    Raises:
        TypeError: x is no integer.

    Example:
        >>> ops.hamming(5)
        Tensor([0.08, 0.54, 1.  , 0.54, 0.08], shape=(5,), dtype=float32)
    """
    return _window("hamming", x, np.hamming)


def hanning(x: TensorLike) -> Tensor:
    """Hann's window, a cosine that is zero at both ends.

    Args:
        x: how many weights, an integer.

    Raises:
        TypeError: x is no integer.

    Example:
        >>> ops.hanning(5)
        Tensor([0. , 0.5, 1. , 0.5, 0. ], shape=(5,), dtype=float32)
    """
    return _window("hanning", x, np.hanning)


def kaiser(x: TensorLike, beta: float) -> Tensor:
    """Kaiser's window, Bessel functions of a half circle.

    Args:
        x: how many weights, an integer.
        beta: how much it falls to the ends; 0 is a rectangle.

    Raises:
        TypeError: x is no integer, or ``beta`` no number.

    Example:
        >>> ops.kaiser(5, 14.0).shape
        (5,)
    """
    beta = beta.item() if isinstance(beta, Tensor) else beta
    if not is_number(beta):
        raise TypeError(f"kaiser: beta must be a number, got {beta!r}")
    return _window("kaiser", x, np.kaiser, float(beta))


__all__ = ["bartlett", "blackman", "hamming", "hanning", "kaiser"]
