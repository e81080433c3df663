"""Functions of whole rows: correlations, distances, integrals, powers, signal-to-noise ratio; different elements,
their counts and places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.autograd import Tensor, wrap
from .blocks import Windows, windows_of
from .by_numpy import by_numpy
from .conversion import (
    TensorLike,
    _axis,
    as_tensor,
    check_sizes,
    concatenate,
    expand_dims,
    float_pair,
    float_tensor,
    forbid_in_capture,
    integer_tensor,
    needs_values,
    place_dtype,
)
from .creation import full, ones
from .dense import matmul
from .elementwise import add, clip, divide, log, multiply, square, subtract
from .expansion import broadcast_to
from .rearrangement import diff
from .reduction import cumprod, mean, sum, vector_norm
from .reshape import flip, getitem, ravel, reshape, take, transpose


def correlate(x1: TensorLike, x2: TensorLike, mode: str = "valid") -> Tensor:
    """The sums of products of two rows that are moved along each other, by NumPy's rules.  Not captured.

    Args:
        x1: a row of M numbers.
        x2: a row of N numbers.
        mode: "full" takes all M + N - 1 places where the rows meet; "same" the middle max(M, N); "valid" those where
            the shorter one lies within the longer one.

    Raises:
        ValueError: an operand has not one axis or no elements; ``mode`` is another one.
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


def corrcoef(x: TensorLike) -> Tensor:
    """Pearson's correlation of each two rows, (rows, rows); NaN for rows whose numbers are all equal.

    Args:
        x: (rows, numbers), or the numbers of one row, whose result is a single number.

    Raises:
        ValueError: x has more than two axes.
    """
    x = float_tensor(x)
    if x.ndim > 2:
        raise ValueError(f"corrcoef: x is {x.shape}; expected (rows, numbers)")
    rows = x if x.ndim == 2 else reshape(x, (1, -1))
    centered = subtract(rows, mean(rows, -1, keepdims=True))
    unit = divide(centered, vector_norm(centered, axis=-1, keepdims=True))
    y = clip(matmul(unit, transpose(unit)), -1.0, 1.0)
    return y if x.ndim == 2 else reshape(y, ())


def cdist(x: TensorLike, y: TensorLike) -> Tensor:
    """The Euclidean distance of each point to each other; the gradient is 0 where points are equal.

    Args:
        x: (..., m, d).
        y: (..., n, d).

    Returns: a tensor (..., m, n).

    Raises:
        ValueError: an operand has less than two axes, or the points differ in size.
    """
    a, b = float_pair(x, y)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-1]:
        raise ValueError(f"cdist: x is {a.shape}, y {b.shape}; expected (..., m, d) and (..., n, d)")
    return vector_norm(subtract(expand_dims(a, -2), expand_dims(b, -3)), axis=-1)


def kron(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Kronecker's product: each element of x1 times all of x2, as a block in its place.

    Args:
        x2: the second operand, of any shape.

    Raises:
        TypeError: an operand holds what is no number.
    """
    a, b = as_tensor(x1), as_tensor(x2)
    ndim = max(a.ndim, b.ndim)
    sizes = [(1,) * (ndim - t.ndim) + t.shape for t in (a, b)]
    left = reshape(a, [n for size in sizes[0] for n in (size, 1)])
    right = reshape(b, [n for size in sizes[1] for n in (1, size)])
    return reshape(multiply(left, right), [m * n for m, n in zip(*sizes, strict=True)])


def vander(x: TensorLike, N: int | None = None, increasing: bool = False) -> Tensor:
    """Vandermonde's matrix, (n, N): the powers of each element.

    Args:
        x: (n,).
        N: number of columns; None takes n.
        increasing: whether the powers grow from the left to the right.

    Raises:
        ValueError: x has not one axis; ``N`` is negative; a power of an integer does not fit into its type.
    """
    x = as_tensor(x)
    if x.ndim != 1:
        raise ValueError(f"vander: x is {x.shape}; expected one axis")
    (columns,) = check_sizes("vander", x.size if N is None else N)
    check_sizes("vander", (x.size, columns))
    first = ones((x.size, min(columns, 1)), x.dtype)
    rest = broadcast_to(expand_dims(x, 1), (x.size, max(columns - 1, 0)))
    powers = cumprod(concatenate([first, rest], 1), 1)
    powers = as_tensor(powers, x.dtype) if x.dtype.kind == "b" else powers
    return powers if increasing else flip(powers, 1)


def trapezoid(y: TensorLike, x: TensorLike | None = None, dx: TensorLike = 1.0, axis: int = -1) -> Tensor:
    """The integral along an axis by the trapezoidal rule.

    Args:
        y: values.
        x: where they stand: as many places as the axis is long, or a place for each value; None takes equal steps.
        dx: distance of neighbouring values where ``x`` is None.
        axis: the axis; negative ones count from the end.

    Raises:
        ValueError: the axis is out of range; ``x`` does not fit.
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


def psnr(x1: TensorLike, x2: TensorLike, max_val: float) -> Tensor:
    """The peak signal-to-noise ratio in decibels, ``10 log10(max_val^2 / mean((x1 - x2)^2))``; infinite where equal.

    Args:
        x2: the second operand, of x1's shape.
        max_val: the largest value that there can be, such as 255.

    Raises:
        ValueError: the shapes differ.
    """
    a, b = float_pair(x1, x2)
    if a.shape != b.shape:
        raise ValueError(f"psnr: x1 is {a.shape}, x2 {b.shape}; expected one shape")
    peak = log(as_tensor(max_val, a.dtype))
    decibels = subtract(multiply(peak, 2.0), log(mean(square(subtract(a, b)))))
    return as_tensor(multiply(decibels, 10 / math.log(10)), a.dtype)


def extract_sequences(x: TensorLike, sequence_length: int, sequence_stride: int) -> Tensor:
    """Windows of the last axis, which may overlap.

    Args:
        x: (..., n).
        sequence_length: length of a window, from 1 to n.
        sequence_stride: distance of the beginnings of neighbouring windows, positive.

    Returns: a tensor (..., windows, sequence_length).

    Raises:
        ValueError: the length or the stride is out of range.
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


def unique(
    x: TensorLike,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: float | None = None,
) -> Any:
    """The different elements, or parts along an axis, in ascending order; each NaN is one of its own.  Not captured.

    Args:
        sorted: an option of Keras without effect here: they always are in order.
        return_index: whether the first place of each follows, int32.
        return_inverse: whether the number of each element of x among them follows, int32.
        return_counts: whether it follows how often each occurs, int32.
        axis: the axis; None takes all elements.
        size: how many there shall be: others are cut off, missing ones filled in (place 1, count 0); None takes all.
        fill_value: the element that is filled in; None means 0.

    Returns: the elements, or a tuple of them and what follows.

    Raises:
        ValueError: the axis is out of range; ``size`` is negative.
    """
    needs_values("unique", x)
    x = as_tensor(x)
    forbid_in_capture("unique")
    along = None if axis is None else _axis(axis, x.ndim, "unique", x.shape)
    _, places, inverse, counts = np.unique(
        x._array, return_index=True, return_inverse=True, return_counts=True, axis=along, equal_nan=False
    )
    dim = along or 0
    values = take(ravel(x) if along is None else x, places, dim)
    if size is not None:
        (wanted,) = check_sizes("unique", size)
        places, counts = places[:wanted], counts[:wanted]
        values = getitem(values, (*(slice(None),) * dim, slice(0, wanted)))
        missing = wanted - places.size
        if missing > 0:
            shape = list(values.shape)
            shape[dim] = missing
            filled = full(shape, 0 if fill_value is None else fill_value, x.dtype)
            values = concatenate([values, filled], dim)
            places, counts = np.pad(places, (0, missing), constant_values=1), np.pad(counts, (0, missing))
    kind = place_dtype(x.size)
    wanted_ones = ((return_index, places), (return_inverse, inverse), (return_counts, counts))
    more = [wrap(np.asarray(a, kind)) for asked, a in wanted_ones if asked]
    return (values, *more) if more else values


def histogram(x: TensorLike, bins: int = 10, range: tuple[float, float] | None = None) -> tuple[Tensor, Tensor]:
    """How many elements lie in each of so many intervals of one length.  Not captured.

    Args:
        x: one axis of numbers, or a single one.
        bins: how many intervals.
        range: (first, last) edge; elements outside are left out; None takes the smallest and the largest element.

    Returns: the counts (bins,), int32, and the edges (bins + 1,).

    Raises:
        ValueError: x has more than one axis, or is not finite without ``range``; ``bins`` is not positive; ``range``
            is no pair in ascending order.
    """
    x = as_tensor(x)
    if x.ndim > 1:
        raise ValueError(f"histogram: x is {x.shape}; expected one axis")
    if not isinstance(bins, (int, np.integer)) or isinstance(bins, bool) or bins < 1:
        raise ValueError(f"histogram: bins must be a positive integer, got {bins!r}")
    check_sizes("histogram", int(bins) + 1)
    if range is not None and (len(range) != 2 or not -np.inf < range[0] <= range[1] < np.inf):
        raise ValueError(f"histogram: range must be a pair of finite numbers in ascending order, got {range!r}")
    forbid_in_capture("histogram")
    if range is None and not np.isfinite(x._array).all():
        raise ValueError("histogram: x is not finite; give range=(first, last), which leaves out what lies outside")
    counts, edges = np.histogram(x._array, int(bins), range)
    return wrap(counts.astype(place_dtype(x.size))), wrap(edges.astype(float_tensor(x).dtype))


def unravel_index(indices: TensorLike, shape: Sequence[int]) -> tuple[Tensor, ...]:
    """Of the numbers of elements in C order their places, a tensor for each axis, of their type.  Not captured.

    Args:
        indices: integers from 0.
        shape: the shape of what they are numbers in.

    Raises:
        TypeError: ``indices`` are no integers.
        IndexError: a number is outside of the shape.
    """
    numbers = integer_tensor("unravel_index", "indices", indices)
    sizes = check_sizes("unravel_index", shape)
    forbid_in_capture("unravel_index")
    count = math.prod(sizes)
    outside = (numbers._array < 0) | (numbers._array >= count)
    if outside.any():
        raise IndexError(
            f"unravel_index: {numbers._array[outside].flat[0]} is outside of the {count} elements of {sizes}"
        )
    return tuple(wrap(np.asarray(places, numbers.dtype)) for places in np.unravel_index(numbers._array, sizes))


__all__ = [
    "cdist", "corrcoef", "correlate", "extract_sequences", "histogram", "kron", "psnr", "trapezoid", "unique",
    "unravel_index", "vander",
]  # fmt: skip
