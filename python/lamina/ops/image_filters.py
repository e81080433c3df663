"""Images filtered by small kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.autograd import Tensor
from .conversion import TensorLike, float_tensor
from .convolution import depthwise_conv
from .data_format import channel_axis, of_images
from .image_patches import sizes_of
from .reshape import moveaxis, reshape

__all__ = ["gaussian_blur", "sobel_edges"]


def bell(op: str, size: int, sigma: float) -> Any:
    if size < 1 or not sigma > 0:
        raise ValueError(f"{op}: expected a positive kernel size and sigma, got {size} and {sigma}")
    weights = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / sigma) ** 2)
    return weights / weights.sum()


def blurred(x: Tensor, rows: Any, columns: Any, padding: str) -> Tensor:
    """Images (N, H, W, C), each row and each column weighed by a window."""
    for weights in (rows[:, None, None, None], columns[None, :, None, None]):
        kernel = np.repeat(weights, x.shape[-1], axis=2).astype(x.dtype)
        x = depthwise_conv(x, kernel, padding=padding, data_format="channels_last")
    return x


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

    Example:
        >>> ops.gaussian_blur(np.ones((8, 8, 3), "float32")).shape
        (8, 8, 3)
    """
    size = sizes_of("gaussian_blur", "kernel_size", kernel_size, 2)
    deviations = [float(s) for s in (sigma if isinstance(sigma, (tuple, list, np.ndarray)) else (sigma, sigma))]
    if len(deviations) != 2:
        raise ValueError(f"gaussian_blur: sigma must be two numbers, got {sigma!r}")
    rows, columns = (bell("gaussian_blur", n, s) for n, s in zip(size, deviations, strict=True))
    return of_images("gaussian_blur", images, data_format, lambda x: blurred(x, rows, columns, "same"))


def sobel_edges(images: TensorLike, data_format: str | None = None) -> Tensor:
    """How steep images are along height and width, by Sobel's kernels; beyond them there are zeros.

    Args:
        images: (N, H, W, C); (N, C, H, W) with the channels first.

    Returns: a tensor of the images' shape with a last axis (along height, along width).

    Raises:
        ValueError: ``images`` have other axes.

    Source: Keras 3, keras.ops.image.sobel_edges.

    Example:
        >>> ops.sobel_edges(np.ones((1, 8, 8, 1), "float32")).shape
        (1, 8, 8, 1, 2)
    """
    x = float_tensor(images)
    if x.ndim != 4:
        raise ValueError(f"sobel_edges: images are {x.shape}, expected (N, H, W, C)")
    down = np.outer([-1.0, 0, 1], [1.0, 2, 1])
    channels = x.shape[channel_axis("sobel_edges", x, data_format)]
    kernel = np.repeat(np.stack([down, down.T], -1)[:, :, None], channels, axis=2).astype(x.dtype)

    def run(x: Tensor) -> Tensor:
        y = depthwise_conv(x, kernel, padding="same", data_format="channels_last")
        return reshape(y, (*x.shape, 2))

    if data_format == "channels_first":
        return moveaxis(run(moveaxis(x, 1, -1)), -2, 1)
    return run(x)
