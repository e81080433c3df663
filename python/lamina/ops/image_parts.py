"""Images cut, framed and taken apart into patches; filtered by small kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.autograd import Tensor
from .blocks import Windows, windows_of
from .colour import channel_axis
from .conversion import TensorLike, as_tensor, float_pair, float_tensor
from .convolution import depthwise_conv
from .data_format import around_channels_last
from .elementwise import add, divide, multiply, square, subtract
from .expansion import pad
from .reduction import mean
from .reshape import getitem, moveaxis, reshape

__all__ = [
    "crop_images", "extract_patches", "extract_patches_3d", "gaussian_blur", "pad_images", "sobel_edges", "ssim",
]  # fmt: skip

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
        first = sign * (int(target or 0) - size) - int(last or 0)
    if last is None:
        last = sign * (int(target or 0) - size) - int(first)
    if first < 0 or last < 0 or size + sign * (first + last) < 0:
        raise ValueError(f"{op}: {side[0]}={first} and {side[1]}={last} do not fit images of {size}")
    return int(first), int(last)


def _frames(op: str, x: Tensor, data_format: str | None, what: str, sign: int, *given: Any) -> list[tuple[int, int]]:
    """The widths before and after every axis of images."""
    top, left, bottom, right, height, width = given
    axis = channel_axis(op, x, data_format)
    row = x.ndim - 2 if axis < x.ndim - 1 else x.ndim - 3
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
    """
    x = as_tensor(images)
    given = (top_padding, left_padding, bottom_padding, right_padding, target_height, target_width)
    return pad(x, _frames("pad_images", x, data_format, "padding", 1, *given))


def _sizes(op: str, name: str, value: Any, rank: int) -> tuple[int, ...]:
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
    kernel = _sizes(op, "size", size, rank)
    steps = _sizes(op, "strides", size if strides is None else strides, rank)
    dilation = _sizes(op, "dilation_rate", dilation_rate, rank)

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
    """
    return _patches("extract_patches_3d", volumes, 3, size, strides, dilation_rate, padding, data_format)


def _gauss(op: str, size: int, sigma: float) -> Any:
    if size < 1 or not sigma > 0:
        raise ValueError(f"{op}: expected a positive kernel size and sigma, got {size} and {sigma}")
    weights = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / sigma) ** 2)
    return weights / weights.sum()


def _blurred(x: Tensor, rows: Any, columns: Any, padding: str) -> Tensor:
    """Images (N, H, W, C), each row and each column weighed by a window."""
    for weights, shape in ((rows, (-1, 1, 1, 1)), (columns, (1, -1, 1, 1))):
        kernel = np.repeat(weights.reshape(shape), x.shape[-1], axis=2).astype(x.dtype)
        x = depthwise_conv(x, kernel, padding=padding)
    return x


def of_images(op: str, images: TensorLike, data_format: str | None, run: Any) -> Tensor:
    """run(batch of images, channels last) for one image as for a batch, stored either way."""
    x = float_tensor(images)
    channel_axis(op, x, data_format)
    if x.ndim == 4:
        return around_channels_last(x, data_format, op, run)
    y = around_channels_last(reshape(x, (1, *x.shape)), data_format, op, run)
    return reshape(y, y.shape[1:])


def gaussian_blur(
    images: TensorLike,
    kernel_size: Sequence[int] = (3, 3),
    sigma: Sequence[float] = (1.0, 1.0),
    data_format: str | None = None,
) -> Tensor:
    """Images blurred by a bell-shaped kernel; beyond them there are zeros.

    Args:
        images: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with the channels first.
        kernel_size: (height, width) of the kernel.
        sigma: its standard deviations along height and width, in pixels.

    Raises:
        ValueError: ``images`` have other axes; a size or a deviation is not positive.

    Source: Keras 3, keras.ops.image.gaussian_blur.
    """
    size = _sizes("gaussian_blur", "kernel_size", kernel_size, 2)
    deviations = [float(s) for s in (sigma if isinstance(sigma, (tuple, list, np.ndarray)) else (sigma, sigma))]
    if len(deviations) != 2:
        raise ValueError(f"gaussian_blur: sigma must be two numbers, got {sigma!r}")
    rows, columns = (_gauss("gaussian_blur", n, s) for n, s in zip(size, deviations, strict=True))
    return of_images("gaussian_blur", images, data_format, lambda x: _blurred(x, rows, columns, "same"))


def sobel_edges(images: TensorLike, data_format: str | None = None) -> Tensor:
    """How steep images are along height and width, by Sobel's kernels; beyond them there are zeros.

    Args:
        images: (N, H, W, C); (N, C, H, W) with the channels first.

    Returns: a tensor of the images' shape with a last axis (along height, along width).

    Raises:
        ValueError: ``images`` have other axes.

    Source: Keras 3, keras.ops.image.sobel_edges.
    """
    x = float_tensor(images)
    if x.ndim != 4:
        raise ValueError(f"sobel_edges: images are {x.shape}, expected (N, H, W, C)")
    down = np.outer([-1.0, 0, 1], [1.0, 2, 1])
    channels = x.shape[channel_axis("sobel_edges", x, data_format)]
    kernel = np.repeat(np.stack([down, down.T], -1)[:, :, None], channels, axis=2).astype(x.dtype)

    def run(x: Tensor) -> Tensor:
        y = depthwise_conv(x, kernel, padding="same")
        return reshape(y, (*x.shape, 2))

    if data_format == "channels_first":
        return moveaxis(run(moveaxis(x, 1, -1)), -2, 1)
    return run(x)


def ssim(
    image1: TensorLike,
    image2: TensorLike,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """The structural similarity of images, 1 for equal ones: the mean over windows and channels, one number an image.

    Args:
        image1: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with the channels first.
        image2: images of the same shape.
        max_val: the largest value that a pixel can have.
        filter_size: size of the windows, at most the images'.
        filter_sigma: standard deviation of the windows' weights, in pixels.
        k1: what keeps the comparison of brightness from dividing by zero, in parts of ``max_val``.
        k2: what keeps the comparison of contrast from dividing by zero, in parts of ``max_val``.

    Raises:
        ValueError: the shapes differ; images have other axes or are smaller than a window.

    Source: Wang, Bovik, Sheikh and Simoncelli 2004; Keras 3, keras.ops.image.ssim.
    """
    x, y = float_pair(image1, image2)
    axis = channel_axis("ssim", x, data_format)
    if x.shape != y.shape:
        raise ValueError(f"ssim: image1 is {x.shape}, image2 {y.shape}; expected one shape")
    one = x.ndim == 3
    x, y = (moveaxis(reshape(t, (1, *t.shape)) if one else t, axis + one, -1) for t in (x, y))
    if min(x.shape[1:3]) < filter_size:
        raise ValueError(f"ssim: images of {x.shape[1:3]} are smaller than filter_size={filter_size}")
    weights = _gauss("ssim", int(filter_size), float(filter_sigma))

    def local(t: Tensor) -> Tensor:
        return _blurred(t, weights, weights, "valid")

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    of_x, of_y = local(x), local(y)
    product, squares = multiply(of_x, of_y), add(square(of_x), square(of_y))
    together = subtract(local(multiply(x, y)), product)
    spread = subtract(local(add(square(x), square(y))), squares)
    brightness = divide(add(multiply(product, 2.0), c1), add(squares, c1))
    structure = divide(add(multiply(together, 2.0), c2), add(spread, c2))
    result = mean(multiply(brightness, structure), (1, 2, 3))
    return reshape(result, ()) if one else result
