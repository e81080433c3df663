"""Images cut, framed and taken apart into patches."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.autograd import Tensor
from .blocks import Windows, windows_of
from .conversion import TensorLike, as_tensor
from .data_format import around_channels_last, channel_axis
from .expansion import pad
from .reshape import getitem, reshape

__all__ = ["crop_images", "extract_patches", "extract_patches_3d", "pad_images"]

Size = int | tuple[int, ...] | list[int]


def _frame(
    op: str, side: tuple[str, str], size: int, first: int | None, last: int | None, target: int | None, sign: int
) -> tuple[int, int]:
    """Of (first, last, target) two are given: both widths, where target = size + sign (first + last)."""
    given = sum(v is not None for v in (first, last, target))
    if given != 2:
        raise ValueError(
            f"{op}: expected two of {side[0]}, {side[1]} and the target size, got {first!r}, {last!r} and {target!r}"
        )
    if first is None:
        assert target is not None and last is not None  # noqa: PT018 (two of three)
        first = sign * (int(target) - size) - int(last)
    elif last is None:
        assert target is not None
        last = sign * (int(target) - size) - int(first)
    if first < 0 or last < 0 or size + sign * (first + last) < 0:
        raise ValueError(f"{op}: {side[0]}={first} and {side[1]}={last} do not fit images of {size}")
    return int(first), int(last)


def _frames(op: str, x: Tensor, data_format: str | None, what: str, sign: int, *given: Any) -> list[tuple[int, int]]:
    """The widths before and after every axis of images."""
    top, left, bottom, right, height, width = given
    axis = channel_axis(op, x, data_format)
    first = axis < x.ndim - 1  # 1 is free: channels stand before the rows or behind all
    row = x.ndim - 2 if first else x.ndim - 3
    frames = [(0, 0)] * x.ndim
    frames[row] = _frame(op, (f"top_{what}", f"bottom_{what}"), x.shape[row], top, bottom, height, sign)
    frames[row + 1] = _frame(op, (f"left_{what}", f"right_{what}"), x.shape[row + 1], left, right, width, sign)
    return frames


def crop_images(
    images: TensorLike,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images without their margins; of (top, bottom, target height) and (left, right, target width) two each are given.

    Args:
        images: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with the channels first.
        top_cropping: rows to cut off above.
        left_cropping: columns to cut off on the left.
        bottom_cropping: rows to cut off below.
        right_cropping: columns to cut off on the right.
        target_height: rows of the result.
        target_width: columns of the result.

    Raises:
        ValueError: not two of three are given, or they do not fit; ``images`` have other axes.

    Source: Keras 3, keras.ops.image.crop_images.

    Example:
        >>> images = np.ones((1, 8, 8, 3))
        >>> ops.crop_images(images, top_cropping=1, left_cropping=2, target_height=4, target_width=4).shape
        (1, 4, 4, 3)
    """
    x = as_tensor(images)
    given = (top_cropping, left_cropping, bottom_cropping, right_cropping, target_height, target_width)
    frames = _frames("crop_images", x, data_format, "cropping", -1, *given)
    return getitem(x, tuple(slice(a, n - b) for n, (a, b) in zip(x.shape, frames, strict=True)))


def pad_images(
    images: TensorLike,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images with margins of zeros; of (top, bottom, target height) and (left, right, target width) two each are given.

    Args:
        images: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with the channels first.
        top_padding: rows above.
        left_padding: columns on the left.
        bottom_padding: rows below.
        right_padding: columns on the right.
        target_height: rows of the result.
        target_width: columns of the result.

    Raises:
        ValueError: not two of three are given, or they do not fit; ``images`` have other axes.

    Source: Keras 3, keras.ops.image.pad_images.

    Example:
        >>> ops.pad_images(np.ones((1, 4, 4, 3)), top_padding=1, left_padding=2, target_height=8, target_width=8).shape
        (1, 8, 8, 3)
    """
    x = as_tensor(images)
    given = (top_padding, left_padding, bottom_padding, right_padding, target_height, target_width)
    return pad(x, _frames("pad_images", x, data_format, "padding", 1, *given))


def sizes_of(op: str, name: str, value: Any, rank: int) -> tuple[int, ...]:
    sizes = (value,) * rank if isinstance(value, (int, np.integer)) else tuple(value)
    if len(sizes) != rank or not all(isinstance(n, (int, np.integer)) and n > 0 for n in sizes):
        raise ValueError(f"{op}: {name} must be a positive integer or {rank} of them, got {value!r}")
    return tuple(int(n) for n in sizes)


def _patches(
    op: str, images: TensorLike, rank: int, size: Any, strides: Any, dilation_rate: Any, padding: str, data_format: Any
) -> Tensor:
    x = as_tensor(images)
    if x.ndim == rank + 1:
        y = _patches(op, reshape(x, (1, *x.shape)), rank, size, strides, dilation_rate, padding, data_format)
        return reshape(y, y.shape[1:])
    if x.ndim != rank + 2:
        raise ValueError(f"{op}: images are {x.shape}; expected {rank + 1} axes, or {rank + 2} of a batch")
    if padding not in ("valid", "same"):
        raise ValueError(f"{op}: padding must be 'valid' or 'same', got {padding!r}")
    kernel = sizes_of(op, "size", size, rank)
    steps = sizes_of(op, "strides", size if strides is None else strides, rank)
    dilation = sizes_of(op, "dilation_rate", dilation_rate, rank)

    def run(x: Tensor) -> Tensor:
        if padding == "same":
            widths = [(0, 0)]
            for n, k, s, d in zip(x.shape[1:-1], kernel, steps, dilation, strict=True):
                total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
                widths.append((total // 2, total - total // 2))
            x = pad(x, [*widths, (0, 0)])
        windows = Windows(op, x.shape, 1, kernel, steps, dilation, False)
        return reshape(windows_of(x, windows), (x.shape[0], *windows.count, math.prod(kernel) * x.shape[-1]))

    return around_channels_last(x, data_format, op, run)


def extract_patches(
    images: TensorLike,
    size: Size,
    strides: Size | None = None,
    dilation_rate: Size = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Patches of images or volumes, each as the channels of one pixel: its rows, in them columns, in them channels.

    Args:
        images: (N, H, W, C) or (H, W, C); with three sizes (N, D, H, W, C) or (D, H, W, C); or with the channels first.
        size: (height, width) of a patch, one number for both, or (depth, height, width).
        strides: distance of neighbouring patches; None takes their size.
        dilation_rate: distance of neighbouring pixels of a patch.
        padding: "valid", patches lie inside of the image; "same", ``ceil(size / stride)`` of them, zeros around it.

    Raises:
        ValueError: ``images`` have other axes; a size is out of range; ``padding`` is another one; patches do not fit.

    Source: Keras 3, keras.ops.image.extract_patches.

    Example:
        >>> ops.extract_patches(np.ones((1, 8, 8, 3)), 4).shape
        (1, 2, 2, 48)
    """
    rank = 3 if isinstance(size, (tuple, list)) and len(size) == 3 else 2
    return _patches("extract_patches", images, rank, size, strides, dilation_rate, padding, data_format)


def extract_patches_3d(
    volumes: TensorLike,
    size: Size,
    strides: Size | None = None,
    dilation_rate: Size = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Patches of volumes, each as the channels of one voxel: its planes, in them rows, columns and channels.

    Args:
        volumes: (N, D, H, W, C) or (D, H, W, C); (N, C, D, H, W) or (C, D, H, W) with the channels first.
        size: (depth, height, width) of a patch, or one number for all.
        strides: distance of neighbouring patches; None takes their size.
        dilation_rate: distance of neighbouring voxels of a patch.
        padding: "valid", patches lie inside of the volume; "same", ``ceil(size / stride)`` of them, zeros around it.

    Raises:
        ValueError: ``volumes`` have other axes; a size is out of range; ``padding`` is another one; patches do not fit.

    Source: Keras 3, keras.ops.image.extract_patches_3d.

    Example:
        >>> ops.extract_patches_3d(np.ones((1, 8, 8, 8, 1)), 4).shape
        (1, 2, 2, 2, 64)
    """
    return _patches("extract_patches_3d", volumes, 3, size, strides, dilation_rate, padding, data_format)
