"""Complex numbers, which are pairs of real tensors here: a tuple (real, imaginary), as ``fft`` takes and gives them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.autograd import Tensor, wrap
from .comparison import equal, isnan, less, where
from .conversion import TensorLike, as_tensor, float_pair, float_tensor, is_symbolic, stack
from .creation import zeros_like
from .elementwise import cos, multiply, negative, sin
from .trigonometry import arctan2


def is_pair(x: Any) -> bool:
    """Whether x is a complex number: a tuple of two tensors or arrays."""
    return (
        isinstance(x, tuple) and len(x) == 2 and all(isinstance(p, (Tensor, np.ndarray)) or is_symbolic(p) for p in x)
    )


def pair_of(op: str, x: Any) -> tuple[Tensor, Tensor]:
    """Both parts of a complex argument, floats of one type and shape."""
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(
            f"{op}: expected a complex number, a tuple (real, imaginary) of two tensors, got {type(x).__name__}"
        )
    real, imaginary = float_pair(*x)
    if real.shape != imaginary.shape:
        raise ValueError(
            f"{op}: the real part is {real.shape}, the imaginary one {imaginary.shape}; expected one shape"
        )
    return real, imaginary


def real(x: Any) -> Tensor:
    """The real part: of real numbers themselves.

    Args:
        x: a tensor or an array, or the tuple (real, imaginary) of a complex number.

    Raises:
        ValueError: the parts differ in shape.

    Example:
        >>> ops.real((np.float32([1]), np.float32([2])))  # of 1 + 2i
        Tensor([1.], shape=(1,), dtype=float32)
    """
    return pair_of("real", x)[0] if is_pair(x) else as_tensor(x)


def imag(x: Any) -> Tensor:
    """The imaginary part: of real numbers zeros.

    Args:
        x: a tensor or an array, or the tuple (real, imaginary) of a complex number.

    Raises:
        ValueError: the parts differ in shape.

    Example:
        >>> ops.imag((np.float32([1]), np.float32([2])))  # of 1 + 2i
        Tensor([2.], shape=(1,), dtype=float32)
    """
    return pair_of("imag", x)[1] if is_pair(x) else zeros_like(x)


def conj(x: Any) -> Any:
    """The complex conjugate: real numbers themselves.

    Args:
        x: a tensor or an array, or the tuple (real, imaginary) of a complex number.

    Returns: what x was, a tensor or a tuple.

    Raises:
        ValueError: the parts differ in shape.

    Example:
        >>> real, imaginary = ops.conj((np.float32([1]), np.float32([2])))
        >>> imaginary
        Tensor([-2.], shape=(1,), dtype=float32)
    """
    if not is_pair(x):
        return as_tensor(x)
    real, imaginary = pair_of("conj", x)
    return real, negative(imaginary)


conjugate = conj


def angle(x: Any) -> Tensor:
    """The angle to the positive axis in radians: of real numbers 0, or pi of negative ones; their gradient is zero.

    Args:
        x: a tensor or an array, or the tuple (real, imaginary) of a complex number.

    Raises:
        ValueError: the parts differ in shape.

    Example:
        >>> ops.angle((np.float32([1, 0, -1]), np.float32([0, 1, 0])))  # of 1, i, -1
        Tensor([0.    , 1.5708, 3.1416], shape=(3,), dtype=float32)
    """
    if is_pair(x):
        a, b = pair_of("angle", x)
        return arctan2(b, a)
    x = float_tensor(x).detach()
    return where(isnan(x), x, where(less(x, 0), as_tensor(np.pi, x.dtype), as_tensor(0.0, x.dtype)))


def isreal(x: Any) -> Tensor:
    """Whether x is real: its imaginary part is zero.

    Args:
        x: a tensor or an array, or the tuple (real, imaginary) of a complex number.

    Raises:
        ValueError: the parts differ in shape.

    Example:
        >>> ops.isreal((np.float32([1, 0]), np.float32([0, 1])))  # of 1, i
        Tensor([ True, False], shape=(2,), dtype=bool)
    """
    return equal(pair_of("isreal", x)[1], 0) if is_pair(x) else wrap(np.ones(as_tensor(x).shape, np.bool_))


def polar(abs_: TensorLike, angle: TensorLike) -> tuple[Tensor, Tensor]:
    """Complex numbers of given lengths and angles.

    Args:
        abs_: lengths.
        angle: angles to the positive axis in radians; the shapes broadcast.

    Returns: the tuple (real, imaginary).

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> ops.polar([1.0], [0.0])
        (Tensor([1.], shape=(1,), dtype=float32), Tensor([0.], shape=(1,), dtype=float32))
    """
    r, phi = float_pair(abs_, angle)
    return multiply(r, cos(phi)), multiply(r, sin(phi))


def view_as_complex(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Complex numbers whose parts stand beside each other.

    Args:
        x: (..., 2).

    Returns: the tuple (real, imaginary), each (...).

    Raises:
        ValueError: the last axis is not of size 2.

    Example:
        >>> ops.view_as_complex([[1.0, 2.0]])
        (Tensor([1.], shape=(1,), dtype=float32), Tensor([2.], shape=(1,), dtype=float32))
    """
    x = float_tensor(x)
    if not x.ndim or x.shape[-1] != 2:
        raise ValueError(f"view_as_complex: x is {x.shape}; expected (..., 2), real and imaginary parts")
    return x[..., 0], x[..., 1]


def view_as_real(x: Any) -> Tensor:
    """The parts of complex numbers beside each other.

    Args:
        x: the tuple (real, imaginary), each (...), or real numbers.

    Returns: a tensor (..., 2).

    Raises:
        ValueError: the parts differ in shape.

    Example:
        >>> ops.view_as_real((np.float32([1]), np.float32([2])))
        Tensor([[1., 2.]], shape=(1, 2), dtype=float32)
    """
    parts = pair_of("view_as_real", x) if is_pair(x) else (float_tensor(x), zeros_like(float_tensor(x)))
    return stack(parts, -1)


__all__ = ["angle", "conj", "conjugate", "imag", "isreal", "polar", "real", "view_as_complex", "view_as_real"]
