"""Fourier transforms by NumPy, of complex numbers as pairs (real, imaginary), with gradients; short ones over windows.

They are not captured.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.autograd import Array, Tensor
from .by_numpy import by_numpy, several_by_numpy
from .comparison import greater, where
from .complex_pairs import pair_of
from .conversion import TensorLike, as_tensor, check_sizes, concatenate, float_tensor
from .elementwise import add, divide, multiply, square
from .expansion import pad, tile
from .reduction import sum
from .reshape import getitem, reshape
from .series import extract_sequences
from .windows import window_values

Pair = tuple[Tensor, Tensor]


def _parts(z: Array) -> tuple[Array, Array]:
    return z.real, z.imag


def _joined(real: Array | None, imaginary: Array | None) -> Array:
    """A complex array; a part that is None is zero."""
    if real is None:
        assert imaginary is not None
        return 1j * imaginary
    return real + 0j if imaginary is None else real + 1j * imaginary


def _transform(op: str, x: Any, forward: Any, back: Any, axes: int) -> Pair:
    """A transform of complex numbers.  back: its inverse; both differ by a number, which ``norm`` decides."""
    real, imaginary = pair_of(op, x)
    if real.ndim < axes or 0 in real.shape[-axes:]:
        raise ValueError(f"{op}: x is {real.shape}; expected {axes} axes or more, the last of one element or more")
    z = forward(_joined(real._array, imaginary._array))
    first, second = several_by_numpy(op, (real, imaginary), _parts(z), lambda a, b: _parts(back(_joined(a, b))))
    return first, second


def fft(x: Any) -> Pair:
    """The discrete Fourier transform along the last axis.  Not captured.

    Args:
        x: complex numbers: the tuple (real, imaginary), each (..., n).

    Returns: the tuple (real, imaginary), each (..., n).

    Raises:
        ValueError: x is no pair of tensors of one shape, or without elements.

    Example:
        >>> real, imaginary = ops.fft((np.float32([1, 0, 0, 0]), np.zeros(4, "float32")))
        >>> real
        Tensor([1., 1., 1., 1.], shape=(4,), dtype=float32)
    """
    return _transform("fft", x, np.fft.fft, lambda z: np.fft.ifft(z, norm="forward"), 1)


def fft2(x: Any) -> Pair:
    """The discrete Fourier transform along the last two axes.  Not captured.

    Args:
        x: complex numbers: the tuple (real, imaginary), each (..., m, n).

    Returns: the tuple (real, imaginary), each (..., m, n).

    Raises:
        ValueError: x is no pair of tensors of one shape with two axes or more, or without elements.

    Example:
        >>> real, imaginary = ops.fft2((np.eye(2, dtype="float32"), np.zeros((2, 2), "float32")))
        >>> real
        Tensor([[2., 0.],
                [0., 2.]], shape=(2, 2), dtype=float32)
    """
    return _transform("fft2", x, np.fft.fft2, lambda z: np.fft.ifft2(z, norm="forward"), 2)


def ifft2(x: Any) -> Pair:
    """The inverse of ``fft2``.  Not captured.

    Args:
        x: complex numbers: the tuple (real, imaginary), each (..., m, n).

    Returns: the tuple (real, imaginary), each (..., m, n).

    Raises:
        ValueError: x is no pair of tensors of one shape with two axes or more, or without elements.

    Example:
        >>> real, imaginary = ops.ifft2((np.ones((2, 2), "float32"), np.zeros((2, 2), "float32")))
        >>> real
        Tensor([[1., 0.],
                [0., 0.]], shape=(2, 2), dtype=float32)
    """
    return _transform("ifft2", x, np.fft.ifft2, lambda z: np.fft.fft2(z, norm="forward"), 2)


def _length(op: str, fft_length: int | None, otherwise: int, shape: tuple[int, ...]) -> int:
    n = otherwise if fft_length is None else int(fft_length)
    if not shape or n < 1:
        raise ValueError(
            f"{op}: x is {shape}, fft_length={fft_length}; expected one axis or more and a positive length"
        )
    check_sizes(op, n)
    return n


def _of_size(a: Array, n: int) -> Array:
    """The last axis cut to n, or filled up with zeros."""
    a = a[..., :n]
    return a if a.shape[-1] == n else np.pad(a, [(0, 0)] * (a.ndim - 1) + [(0, n - a.shape[-1])])


def rfft(x: TensorLike, fft_length: int | None = None) -> Pair:
    """The discrete Fourier transform of real numbers along the last axis: its first ``fft_length // 2 + 1`` values, of
    which the others are conjugates.  Not captured.

    Args:
        x: (..., n).
        fft_length: x is cut to it, or filled up with zeros; None takes n.

    Returns: the tuple (real, imaginary).

    Raises:
        ValueError: ``fft_length`` is not positive, or x has no elements.

    Example:
        >>> real, imaginary = ops.rfft(np.float32([1, 0, 0, 0]))
        >>> real
        Tensor([1., 1., 1.], shape=(3,), dtype=float32)
    """
    x = float_tensor(x)
    n = _length("rfft", fft_length, x.shape[-1] if x.ndim else 0, x.shape)

    def gradient(a: Array | None, b: Array | None) -> Array:
        return _of_size(np.fft.ifft(_of_size(_joined(a, b), n), norm="forward").real, x.shape[-1])

    first, second = several_by_numpy("rfft", (x,), _parts(np.fft.rfft(x._array, n)), gradient)
    return first, second


def irfft(x: Any, fft_length: int | None = None) -> Tensor:
    """The inverse of ``rfft``: real numbers.  Not captured.

    Args:
        x: complex numbers: the tuple (real, imaginary), each (..., m); of the first and, for an even length, the last
            value the imaginary part does not count.
        fft_length: length of the result; x is cut to half of it and one, or filled up with zeros; None takes
            2 (m - 1), an even one.

    Returns: a tensor (..., fft_length).

    Raises:
        ValueError: x is no pair of tensors of one shape; the length is not positive.

    Example:
        >>> ops.irfft(ops.rfft(np.float32([1, 2, 3, 4])))
        Tensor([1., 2., 3., 4.], shape=(4,), dtype=float32)
    """
    real, imaginary = pair_of("irfft", x)
    m = real.shape[-1] if real.ndim else 0
    n = _length("irfft", fft_length, 2 * (m - 1), real.shape)
    y = np.fft.irfft(_joined(real._array, imaginary._array), n)

    def gradient(dy: Array) -> Array:
        z = np.fft.rfft(dy, norm="forward")
        z[..., 1 : (n + 1) // 2] *= 2  # which stand for their conjugates, too
        return _of_size(z, m)

    return by_numpy("irfft", (real, imaginary), y, (lambda dy: gradient(dy).real, lambda dy: gradient(dy).imag))


def _window(op: str, window: Any, length: int, dtype: Any) -> Tensor | None:
    """The weights of a window of ``length``, periodic where a name asks for them."""
    if window is None:
        return None
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(f"{op}: window must be 'hann', 'hamming', None or a tensor of weights, got {window!r}")
        return as_tensor(window_values(window, length, periodic=True), dtype)
    weights = as_tensor(window, dtype)
    if weights.shape != (length,):
        raise ValueError(f"{op}: window is {weights.shape}; expected sequence_length={length} weights")
    return weights


def _sizes(op: str, sequence_length: int, sequence_stride: int, fft_length: int) -> None:
    if not 1 <= sequence_length <= fft_length or sequence_stride < 1:
        raise ValueError(
            f"{op}: sequence_length={sequence_length}, sequence_stride={sequence_stride}, fft_length={fft_length}; "
            "expected positive integers and a sequence_length of at most fft_length"
        )


def _centered(weights: Tensor, fft_length: int) -> Tensor:
    """Weights with zeros on both sides up to the length of the transform."""
    before = (fft_length - weights.size) // 2
    return pad(weights, (before, fft_length - weights.size - before))


def stft(
    x: TensorLike,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> Pair:
    """The Fourier transforms of windows of the last axis, which may overlap.  Not captured.

    Args:
        x: (..., n).
        sequence_length: how many numbers a window weighs.
        sequence_stride: distance of the beginnings of neighbouring windows.
        fft_length: length of a transform, ``sequence_length`` or more; the window stands in its middle.
        window: "hann", "hamming", ``sequence_length`` weights, or None for equal ones.
        center: whether x is mirrored at both ends, so that window t has its middle at ``t * sequence_stride``.

    Returns: the tuple (real, imaginary), each (..., windows, fft_length // 2 + 1).

    Raises:
        ValueError: a length or the stride is out of range; ``window`` is another one; x is too short.

    Example:
        >>> real, imaginary = ops.stft(np.ones(64, "float32"), 16, 8, 16)
        >>> real.shape
        (9, 9)
    """
    x = float_tensor(x)
    _sizes("stft", sequence_length, sequence_stride, fft_length)
    half = fft_length // 2 if center else 0
    if not x.ndim or x.shape[-1] + 2 * half < fft_length or (half and x.shape[-1] < 2):
        raise ValueError(f"stft: x is {x.shape}; its last axis is too short for fft_length={fft_length}")
    weights = _window("stft", window, sequence_length, x.dtype)
    if half:
        x = pad(x, [(0, 0)] * (x.ndim - 1) + [(half, half)], mode="reflect")
    frames = extract_sequences(x, fft_length, sequence_stride)
    return rfft(frames if weights is None else multiply(frames, _centered(weights, fft_length)), fft_length)


def _overlapped(frames: Tensor, stride: int) -> Tensor:
    """The sums (..., T) of windows (..., W, n), each laid a stride behind the one before."""
    *lead, count, n = frames.shape
    parts = -(-n // stride)
    frames = pad(frames, [(0, 0)] * (frames.ndim - 1) + [(0, parts * stride - n)])
    rows = reshape(frames, (math.prod(lead), count, parts, stride))
    total: Tensor | None = None
    for j in range(parts):
        part = reshape(getitem(rows, (slice(None), slice(None), j)), (-1, count * stride))
        part = pad(part, [(0, 0), (j * stride, (parts - 1 - j) * stride)])
        total = part if total is None else add(total, part)
    assert total is not None
    return reshape(total[:, : (count - 1) * stride + n], (*lead, -1))


def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Tensor:
    """The inverse of ``stft``: windows laid over each other, divided by the sum of squared weights.  Not captured.

    Where windows are as long as the transforms and centered, that sum is the one of each place; else the periodic one,
    so that places near the ends, where windows are missing, are too small.  Without a window nothing is divided.

    Args:
        x: complex numbers: the tuple (real, imaginary), each (..., windows, fft_length // 2 + 1).
        sequence_length: how many numbers a window weighs.
        sequence_stride: distance of the beginnings of neighbouring windows.
        fft_length: length of a transform.
        length: length of the result; None takes what there is.
        window: "hann", "hamming", ``sequence_length`` weights, or None for equal ones.
        center: whether x comes from an ``stft`` of that kind; the mirrored ends are cut off.

    Returns: a tensor (..., length).

    Raises:
        ValueError: x is no pair of tensors of one shape; a length or the stride is out of range; ``window`` is another
            one.

    Example:
        >>> x = np.sin(np.arange(64, dtype="float32"))
        >>> ops.istft(ops.stft(x, 16, 4, 16), 16, 4, 16, length=64).shape
        (64,)
    """
    real, imaginary = pair_of("istft", x)
    _sizes("istft", sequence_length, sequence_stride, fft_length)
    if real.ndim < 2 or not real.shape[-2]:
        raise ValueError(f"istft: x is {real.shape}; expected (..., windows, fft_length // 2 + 1)")
    frames = irfft((real, imaginary), fft_length)
    count = real.shape[-2]
    weights = _window("istft", window, sequence_length, frames.dtype)
    divisor: Tensor | None = None
    if weights is not None:
        whole = _centered(weights, fft_length)
        if center and sequence_length == fft_length:
            squares = _overlapped(tile(reshape(square(whole), (1, -1)), (count, 1)), sequence_stride)
            divisor = where(greater(squares, np.finfo(frames.dtype).eps), squares, 1.0)
            frames = multiply(frames, whole)
        else:
            periods = -(-fft_length // sequence_stride)
            squares = pad(square(whole), (0, periods * sequence_stride - fft_length))
            period = sum(reshape(squares, (periods, sequence_stride)), 0)
            frames = multiply(frames, divide(whole, tile(period, periods)[:fft_length]))
    y = _overlapped(frames, sequence_stride)
    if divisor is not None:
        y = divide(y, divisor)
    start = fft_length // 2 if center else 0
    end = y.shape[-1] - start if length is None else start + int(length)
    missing = end - y.shape[-1]
    y = getitem(y, (..., slice(start, end)))
    if missing > 0 and divisor is not None:  # > is free: adding nothing would only take time
        y = concatenate([y, as_tensor(np.zeros((*y.shape[:-1], missing)), y.dtype)], -1)
    return y


__all__ = ["fft", "fft2", "ifft2", "irfft", "istft", "rfft", "stft"]
