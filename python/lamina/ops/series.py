"""Series of numbers: correlated, integrated, cut into windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.autograd import Tensor
from .blocks import Windows, windows_of
from .by_numpy import by_numpy
from .conversion import (
    TensorLike,
    _axis,
    as_tensor,
    float_pair,
    float_tensor,
)
from .elementwise import add, multiply
from .rearrangement import diff
from .reduction import sum
from .reshape import getitem, reshape


def correlate(x1: TensorLike, x2: TensorLike, mode: str = "valid") -> Tensor:
    """The sums of products of two rows that are moved along each other, by NumPy's rules.  Not captured.

    Args:
        x1: a row of M numbers.
        x2: a row of N numbers.
        mode: "full" takes all M + N - 1 places where the rows meet; "same" the middle max(M, N); "valid" those where
            the shorter one lies within the longer one.

    Raises:
        ValueError: an operand has not one axis or no elements; ``mode`` is another one.

    Example:
        >>> ops.correlate([1.0, 2.0, 3.0], [0.0, 1.0], mode="same")
        Tensor([1., 2., 3.], shape=(3,), dtype=float32)
    """
    a, v = float_pair(x1, x2)
    if a.ndim != 1 or v.ndim != 1 or not a.size or not v.size:
        raise ValueError(f"correlate: expected two rows of one element or more, got x1 {a.shape} and x2 {v.shape}")
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"correlate: mode must be 'valid', 'same' or 'full', got {mode!r}")
    x, y = a._array, v._array
    m, n = a.size, v.size

    def of_x(dy: Any) -> Any:
        return np.convolve(dy, y, "full")[n - 1 : n - 1 + m]

    def of_y(dy: Any) -> Any:
        return np.correlate(x, dy, "full")[m - 1 : m - 1 + n]

    whole = by_numpy("correlate", (a, v), np.correlate(x, y, "full"), (of_x, of_y))
    least, most = min(m, n), max(m, n)
    if mode == "full":
        return whole
    first = least - 1 if mode == "valid" else (least - 1) // 2 if m >= n else least // 2
    return getitem(whole, slice(first, first + (most - least + 1 if mode == "valid" else most)))


def trapezoid(y: TensorLike, x: TensorLike | None = None, dx: TensorLike = 1.0, axis: int = -1) -> Tensor:
    """The integral along an axis by the trapezoidal rule.

    Args:
        y: values.
        x: where they stand: as many places as the axis is long, or a place for each value; None takes equal steps.
        dx: distance of neighbouring values where ``x`` is None.
        axis: the axis; negative ones count from the end.

    Raises:
        ValueError: the axis is out of range; ``x`` does not fit.

    Example:
        >>> ops.trapezoid([1.0, 2.0, 3.0])
        Tensor(4., shape=(), dtype=float32)
    """
    values = float_tensor(y)
    axis = _axis(axis, values.ndim, "trapezoid", values.shape)
    lead = (slice(None),) * axis
    later, earlier = (getitem(values, (*lead, part)) for part in (slice(1, None), slice(None, -1)))
    means = multiply(add(later, earlier), 0.5)
    if x is None:
        return sum(multiply(means, dx), axis)
    places = float_tensor(x)
    n = values.shape[axis]
    if places.ndim == 1 and places.size == n:
        steps = reshape(diff(places), (-1,) + (1,) * (values.ndim - axis - 1))
    elif places.ndim == values.ndim and places.shape[axis] == n:
        steps = diff(places, axis=axis)
    else:
        raise ValueError(f"trapezoid: x is {places.shape}, y {values.shape}; expected {n} places along axis {axis}")
    return sum(multiply(means, steps), axis)


def extract_sequences(x: TensorLike, sequence_length: int, sequence_stride: int) -> Tensor:
    """Windows of the last axis, which may overlap.

    Args:
        x: (..., n).
        sequence_length: length of a window, from 1 to n.
        sequence_stride: distance of the beginnings of neighbouring windows, positive.

    Returns: a tensor (..., windows, sequence_length).

    Raises:
        ValueError: the length or the stride is out of range.

    Example:
        >>> ops.extract_sequences(np.arange(5.0), 3, 1)
        Tensor([[0., 1., 2.],
                [1., 2., 3.],
                [2., 3., 4.]], shape=(3, 3), dtype=float64)
    """
    x = as_tensor(x)
    length, stride = int(sequence_length), int(sequence_stride)
    if not x.ndim or not 1 <= length <= x.shape[-1] or stride < 1:
        raise ValueError(
            f"extract_sequences: x is {x.shape}, sequence_length={length}, sequence_stride={stride}; expected a length "
            "from 1 to that of the last axis and a positive stride"
        )
    windows = Windows("extract_sequences", x.shape, x.ndim - 1, (length,), (stride,), (1,), False)
    return windows_of(x, windows)


__all__ = ["correlate", "extract_sequences", "trapezoid"]
