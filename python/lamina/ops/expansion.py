"""Tensors made larger: broadcast, repeated, laid side by side, with a border."""

from __future__ import annotations

import builtins
import operator
from builtins import slice as Slice
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor
from ..core.autograd import unchecked_record as record
from .conversion import TensorLike, _axis, _contiguous, as_tensor, check_sizes, forbid_in_capture
from .reshape import ravel, take


def _expanded(x: Tensor, inner: tuple[int, ...], full: tuple[int, ...], shape: tuple[int, ...]) -> Tensor:
    """x reshaped to ``inner``, repeated to ``full``, reshaped to ``shape``."""
    y = _native.contiguous(np.broadcast_to(_contiguous(x._array).reshape(inner), full)).reshape(shape)

    def backward(dy: Array, grads: Gradients) -> None:
        dx = grads[0]
        assert dx is not None
        _native.unbroadcast(dy.reshape(full), dx.reshape(inner), 1.0, bool(grads.accumulate))

    return record(y, (x,), backward)


def broadcast_to(x: TensorLike, shape: Sequence[int]) -> Tensor:
    """x repeated along axes of size 1, or new ones in front.

    Args:
        shape: the shape of the result.

    Raises:
        ValueError: x does not broadcast to it.

    Example:
        >>> ops.broadcast_to([1.0, 2.0], (2, 2))
        Tensor([[1., 2.],
                [1., 2.]], shape=(2, 2), dtype=float32)
    """
    t, full = as_tensor(x), check_sizes("broadcast_to", shape)
    if t.shape == full:
        return t
    inner = (1,) * (len(full) - t.ndim) + t.shape
    if len(inner) != len(full) or any(a not in (1, n) for a, n in zip(inner, full, strict=True)):
        raise ValueError(f"broadcast_to: x is {t.shape}, which does not broadcast to {full}")
    return _expanded(t, inner, full, full)


def repeat(x: TensorLike, repeats: int | Sequence[int], axis: int | None = None) -> Tensor:
    """Each element, or each part along an axis, so many times in a row.

    Args:
        repeats: how many times, one number or one for each part.
        axis: the axis; None makes x one axis before.

    Raises:
        ValueError: ``repeats`` are negative, or not as many as parts; the axis is out of range.

    Example:
        >>> ops.repeat([1.0, 2.0], 2)
        Tensor([1., 1., 2., 2.], shape=(4,), dtype=float32)
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = _axis(axis, x.ndim, "repeat", x.shape)
    head, n, tail = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    if not isinstance(repeats, (int, np.integer)):
        if isinstance(repeats, Tensor):
            forbid_in_capture("repeat with a tensor of repeats")
            repeats = repeats._array.tolist()
        times = [int(r) for r in repeats]
        times = times * n if len(times) == 1 else times
        if len(times) != n or any(r < 0 for r in times):
            raise ValueError(f"repeat: expected {n} repeats, none below 0, for axis {axis} of {x.shape}, got {times}")
        check_sizes("repeat", (*head, builtins.sum(times), *tail))
        return take(x, np.repeat(np.arange(n), times), axis)
    check_sizes("repeat", (*head, n, int(repeats), *tail))
    return _expanded(x, (*head, n, 1, *tail), (*head, n, int(repeats), *tail), (*head, n * int(repeats), *tail))


def tile(x: TensorLike, repeats: int | Sequence[int]) -> Tensor:
    """x laid side by side along each axis.

    Args:
        repeats: how many times, one number or one for each axis, the last ones if they are fewer.

    Raises:
        ValueError: a number is negative, or the result too large.

    Example:
        >>> ops.tile([1.0, 2.0], 2)
        Tensor([1., 2., 1., 2.], shape=(4,), dtype=float32)
    """
    x = as_tensor(x)
    times = (int(repeats),) if isinstance(repeats, (int, np.integer)) else tuple(int(r) for r in repeats)
    sizes = (1,) * (len(times) - x.ndim) + x.shape
    times = (1,) * (len(sizes) - len(times)) + times
    inner = tuple(v for n in sizes for v in (1, n))
    full = check_sizes("tile", [v for r, n in zip(times, sizes, strict=True) for v in (r, n)])
    return _expanded(x, inner, full, tuple(r * n for r, n in zip(times, sizes, strict=True)))


def _widths(pad_width: Any, x: Tensor) -> list[tuple[int, int]]:
    """(before, after) of every axis."""
    try:
        pairs = np.broadcast_to(np.asarray(pad_width, dtype=object), (x.ndim, 2))
        widths = [(operator.index(a), operator.index(b)) for a, b in pairs]
    except (ValueError, TypeError):
        form = f"an integer, (before, after) or one such pair for each axis of x, which is {x.shape}"
        raise ValueError(f"pad: pad_width must be {form}; got {pad_width!r}") from None
    if any(v < 0 for w in widths for v in w):
        raise ValueError(f"pad: widths must not be negative, got {pad_width}")
    return widths


def bordered(x: Tensor, before: Sequence[int], after: Sequence[int], mode: str) -> Tensor:
    """x with so many of its own elements around each axis; modes as of ``pad``, but for "constant"."""
    y = _native.border_forward(x._array, before, after, mode)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.border_backward(dy, before, after, mode, grads[0], grads.accumulate)

    return record(y, (x,), backward)


def pad(x: TensorLike, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Tensor:
    """x with a border.

    Args:
        pad_width: width of the border: a number, (before, after), or such a pair for each axis.
        mode: "constant"; "edge" repeats the outermost element; "reflect" and "symmetric" mirror x without and with it;
            "wrap" goes on at the other end.
        constant_values: the border's value for "constant"; None means 0.

    Raises:
        ValueError: a width is negative or no integer; ``mode`` is another one; an axis to be continued is empty.

    Example:
        >>> ops.pad([1.0, 2.0], (1, 2))
        Tensor([0., 1., 2., 0., 0.], shape=(5,), dtype=float32)
    """
    t = as_tensor(x)
    widths = _widths(pad_width, t)
    shape = check_sizes("pad", [n + before + after for n, (before, after) in zip(t.shape, widths, strict=True)])
    if mode in ("reflect", "symmetric", "edge", "wrap"):
        return bordered(t, [before for before, _ in widths], [after for _, after in widths], mode)
    if mode != "constant":
        raise ValueError(f"pad: mode must be 'constant', 'reflect', 'symmetric', 'edge' or 'wrap', got {mode!r}")
    inside = tuple(Slice(a, a + n) for n, (a, _) in zip(t.shape, widths, strict=True)) + (Ellipsis,)
    y = _native.full(shape, float(constant_values or 0.0), t._array.dtype)
    _native.strided_copy(t._array, y[inside])

    def backward(dy: Array, grads: Gradients) -> None:
        _native.strided_copy(dy[inside], grads[0], bool(grads.accumulate))

    return record(y, (t,), backward)


__all__ = ["broadcast_to", "pad", "repeat", "tile"]
