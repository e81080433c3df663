"""Windows of images as columns and back, and blocks of pixels as channels: native copies of strided views."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor
from ..core.autograd import unchecked_record as record
from .conversion import TensorLike, as_tensor, check_sizes, pair
from .data_format import is_channels_first
from .expansion import pad
from .reshape import getitem, reshape, transpose

Size = int | tuple[int, int] | list[int]


class Windows:
    """Windows over neighbouring axes of an array: where their taps stand, as views of its memory.

    first: the first of the axes.  taps_first: whether the taps' axes come before the windows' ones.
    """

    def __init__(
        self, op: str, shape: Sequence[int], first: int, kernel: Sequence[int], stride: Sequence[int],
        dilation: Sequence[int], taps_first: bool,
    ) -> None:  # fmt: skip
        for name, sizes in (("size", kernel), ("stride", stride), ("dilation", dilation)):
            if any(n < 1 for n in sizes):
                raise ValueError(f"{op}: {name} must be positive, got {tuple(sizes)}")
        self.shape, self.first, self.kernel = tuple(shape), first, tuple(kernel)
        self.stride, self.dilation, self.taps_first = tuple(stride), tuple(dilation), taps_first
        spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        sizes = self.shape[first : first + len(kernel)]
        self.count = tuple((n - span) // s + 1 for n, span, s in zip(sizes, spans, stride, strict=True))
        if any(n < span for n, span in zip(sizes, spans, strict=True)):
            raise ValueError(f"{op}: windows that span {tuple(spans)} do not fit into {sizes}; add padding")
        lead, rest = self.shape[:first], self.shape[first + len(kernel) :]
        middle = (*self.kernel, *self.count) if taps_first else (*self.count, *self.kernel)
        self.result = (*lead, *middle, *rest)

    def view(self, a: Array) -> Array:
        """All windows of a contiguous array."""
        r = len(self.kernel)
        strides = a.strides[self.first : self.first + r]
        steps = tuple(s * n for s, n in zip(strides, self.stride, strict=True))
        taps = tuple(s * n for s, n in zip(strides, self.dilation, strict=True))
        middle = (*taps, *steps) if self.taps_first else (*steps, *taps)
        whole = (*a.strides[: self.first], *middle, *a.strides[self.first + r :])
        return np.lib.stride_tricks.as_strided(a, self.result, whole)

    def copy(self, a: Array) -> Array:
        return _native.contiguous(self.view(a))

    def add(self, windows: Array, a: Array) -> None:
        """a += each tap of the windows at its place."""
        lead = (slice(None),) * self.first
        every = (slice(None),) * len(self.kernel)
        for tap in itertools.product(*map(range, self.kernel)):
            places = tuple(
                slice(t * d, t * d + (n - 1) * s + 1, s)
                for t, d, n, s in zip(tap, self.dilation, self.count, self.stride, strict=True)
            )
            here: Any = (*lead, *tap, *every, ...) if self.taps_first else (*lead, *every, *tap, ...)
            there: Any = (*lead, *places, ...)
            _native.strided_copy(windows[here], a[there], True)


def windows_of(x: Tensor, windows: Windows) -> Tensor:
    """The windows of x, side by side."""
    xa = x._array if x._array.flags.c_contiguous else _native.contiguous(x._array)

    def backward(dy: Array, grads: Gradients) -> None:
        dx = grads[0]
        assert dx is not None
        if not grads.accumulate:
            _native.fill_into(dx, 0.0)
        windows.add(dy, dx)

    return record(windows.copy(xa), (x,), backward)


def sum_of_windows(x: Tensor, windows: Windows) -> Tensor:
    """The windows x, laid over each other."""
    y = _native.full(windows.shape, 0.0, x.dtype)
    windows.add(x._array, y)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.copy_into(windows.copy(dy), grads[0], bool(grads.accumulate))

    return record(y, (x,), backward)


def _options(op: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> list[tuple[int, int]]:
    names = {"kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride}
    return [pair(value, f"{op}: {name}") for name, value in names.items()]


def _bordered(x: Tensor, padding: tuple[int, int]) -> Tensor:
    return pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)]) if any(padding) else x


def unfold(x: TensorLike, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> Tensor:
    """The windows of images as columns, channels first (im2col).

    Args:
        x: (N, C, H, W).
        kernel_size: (height, width) of a window, or one number for both.
        dilation: distance of neighbouring pixels of a window.
        padding: width of the border of zeros around the images.
        stride: distance of neighbouring windows.

    Returns: a tensor (N, C * height * width, windows).

    Raises:
        ValueError: x has other axes; a size is out of range; the windows do not fit.

    Example:
        >>> ops.unfold(np.ones((1, 3, 8, 8), "float32"), 2, stride=2).shape
        (1, 12, 16)
    """
    x = as_tensor(x)
    if x.ndim != 4:
        raise ValueError(f"unfold: x is {x.shape}, expected (N, C, H, W)")
    kernel, steps, border, strides = _options("unfold", kernel_size, dilation, padding, stride)
    x = _bordered(x, border)
    windows = Windows("unfold", x.shape, 2, kernel, strides, steps, True)
    n, c = x.shape[:2]
    rows, columns = windows.count
    return reshape(windows_of(x, windows), (n, c * kernel[0] * kernel[1], rows * columns))


def fold(
    x: TensorLike,
    output_size: Size,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Tensor:
    """Images that are the sums of windows, given as columns, channels first (col2im).

    Args:
        x: (N, C * height * width, windows), as ``unfold`` gives them.
        output_size: (H, W) of the images, or one number for both.
        kernel_size: (height, width) of a window, or one number for both.
        dilation: distance of neighbouring pixels of a window.
        padding: width of the border around the images that is cut off.
        stride: distance of neighbouring windows.

    Returns: a tensor (N, C, H, W).

    Raises:
        ValueError: x has other axes, or not as many windows or pixels; a size is out of range.

    Example:
        >>> columns = ops.unfold(np.ones((1, 1, 4, 4), "float32"), 2, stride=2)
        >>> ops.fold(columns, (4, 4), 2, stride=2).shape
        (1, 1, 4, 4)
    """
    x = as_tensor(x)
    if x.ndim != 3:
        raise ValueError(f"fold: x is {x.shape}, expected (N, C * height * width, windows)")
    kernel, steps, border, strides = _options("fold", kernel_size, dilation, padding, stride)
    height, width = pair(output_size, "fold: output_size")
    taps = kernel[0] * kernel[1]
    n, rows, count = x.shape
    if rows % taps:
        raise ValueError(f"fold: x is {x.shape}; its second axis is no multiple of the {taps} pixels of a window")
    shape = check_sizes("fold", (n, rows // taps, height + 2 * border[0], width + 2 * border[1]))
    windows = Windows("fold", shape, 2, kernel, strides, steps, True)
    if windows.count[0] * windows.count[1] != count:
        raise ValueError(f"fold: x is {x.shape}, of {count} windows; images of {height, width} have {windows.count}")
    y = sum_of_windows(reshape(x, windows.result), windows)
    return getitem(y, (..., slice(border[0], border[0] + height), slice(border[1], border[1] + width)))


def _blocks(op: str, x: TensorLike, block_size: int, data_format: str | None) -> tuple[Tensor, bool]:
    x = as_tensor(x)
    if x.ndim != 4:
        raise ValueError(f"{op}: x is {x.shape}, expected (N, H, W, C) or (N, C, H, W)")
    if not isinstance(block_size, (int, np.integer)) or block_size < 1:
        raise ValueError(f"{op}: block_size must be a positive integer, got {block_size!r}")
    return x, not is_channels_first(op, data_format)


def depth_to_space(x: TensorLike, block_size: int, data_format: str | None = "channels_last") -> Tensor:
    """Channels as blocks of pixels (pixel shuffle): (N, H, W, C) becomes (N, H b, W b, C / b^2).

    Args:
        x: (N, H, W, C), or (N, C, H, W) with the channels first; with them last a pixel's channels are the rows of its
            block, then its columns, then what is left; with them first what is left comes first.
        block_size: b, the size of a block.

    Raises:
        ValueError: x has other axes; its channels are no multiple of ``block_size ** 2``.

    Example:
        >>> ops.depth_to_space(np.ones((1, 2, 2, 12)), 2).shape
        (1, 4, 4, 3)
    """
    x, last = _blocks("depth_to_space", x, block_size, data_format)
    b = int(block_size)
    channels = x.shape[-1 if last else 1]
    if channels % b**2:
        raise ValueError(f"depth_to_space: x is {x.shape}; its {channels} channels are no multiple of {b}^2")
    if last:
        n, h, w, c = x.shape
        y = transpose(reshape(x, (n, h, w, b, b, c // b**2)), (0, 1, 3, 2, 4, 5))
        return reshape(y, (n, h * b, w * b, c // b**2))
    n, c, h, w = x.shape
    y = transpose(reshape(x, (n, c // b**2, b, b, h, w)), (0, 1, 4, 2, 5, 3))
    return reshape(y, (n, c // b**2, h * b, w * b))


def space_to_depth(x: TensorLike, block_size: int, data_format: str | None = "channels_last") -> Tensor:
    """Blocks of pixels as channels, the inverse of ``depth_to_space``: (N, H, W, C) becomes (N, H / b, W / b, C b^2).

    Args:
        x: (N, H, W, C), or (N, C, H, W) with the channels first.
        block_size: b, the size of a block.

    Raises:
        ValueError: x has other axes; its height or width is no multiple of ``block_size``.

    Example:
        >>> ops.space_to_depth(np.ones((1, 4, 4, 3)), 2).shape
        (1, 2, 2, 12)
    """
    x, last = _blocks("space_to_depth", x, block_size, data_format)
    b = int(block_size)
    h, w = x.shape[1:3] if last else x.shape[2:]
    if h % b or w % b:
        raise ValueError(f"space_to_depth: x is {x.shape}; {h} x {w} pixels are no blocks of {b} x {b}")
    if last:
        n, c = x.shape[0], x.shape[3]
        y = transpose(reshape(x, (n, h // b, b, w // b, b, c)), (0, 1, 3, 2, 4, 5))
        return reshape(y, (n, h // b, w // b, c * b**2))
    n, c = x.shape[:2]
    y = transpose(reshape(x, (n, c, h // b, b, w // b, b)), (0, 1, 3, 5, 2, 4))
    return reshape(y, (n, c * b**2, h // b, w // b))


__all__ = ["depth_to_space", "fold", "space_to_depth", "unfold"]
