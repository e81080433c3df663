"""Functions on images, under the names of keras.ops.image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .. import _native
from ..core.autograd import Array, Gradients, Tensor
from ..core.autograd import unchecked_record as record
from ..core.explain import is_index
from ..core.suggest import unknown
from .affine import affine_transform as affine_transform
from .colour import hsv_to_rgb as hsv_to_rgb
from .colour import rgb_to_grayscale as rgb_to_grayscale
from .colour import rgb_to_hsv as rgb_to_hsv
from .conversion import TensorLike
from .data_format import of_images
from .expansion import pad
from .image_filters import gaussian_blur as gaussian_blur
from .image_filters import sobel_edges as sobel_edges
from .image_patches import crop_images as crop_images
from .image_patches import extract_patches as extract_patches
from .image_patches import extract_patches_3d as extract_patches_3d
from .image_patches import pad_images as pad_images
from .image_transforms import elastic_transform as elastic_transform
from .image_transforms import map_coordinates as map_coordinates
from .image_transforms import perspective_transform as perspective_transform
from .image_transforms import scale_and_translate as scale_and_translate
from .reshape import getitem
from .similarity import ssim as ssim

__all__ = [
    "affine_transform", "crop_images", "elastic_transform", "extract_patches", "extract_patches_3d", "gaussian_blur",
    "hsv_to_rgb", "map_coordinates", "pad_images", "perspective_transform", "resize", "rgb_to_grayscale", "rgb_to_hsv",
    "scale_and_translate", "sobel_edges", "ssim",
]  # fmt: skip


def resize(
    images: TensorLike,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Images of another size.

    Args:
        images: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with the channels first.
        size: (height, width) in pixels.
        interpolation: "nearest", the input pixel under the middle of an output pixel, or "bilinear", the blend of the
            four whose middles surround it; beyond the outermost middles the image goes on as it is.
        antialias: whether an image is smoothed before it shrinks, which is not supported here: True is a ValueError.
        crop_to_aspect_ratio: whether the largest part in the middle of the wanted proportions is taken before.
        pad_to_aspect_ratio: whether a border gives the images the wanted proportions before.
        fill_mode: how the border is filled: "constant".
        fill_value: what the border holds.

    Raises:
        ValueError: ``size`` is no pair of non-negative integers; ``images`` have other axes; an option is unknown
            or not supported.

    Source: Keras 3, keras.ops.image.resize.  There, integers stay integers.
    """
    sizes = tuple(size) if isinstance(size, Iterable) else ()
    if len(sizes) != 2 or not all(map(is_index, sizes)):
        raise ValueError(f"resize: size must be two integers, (height, width), got {size!r}")
    height, width = map(int, sizes)
    if antialias:
        raise ValueError(
            f"resize: antialias={antialias!r} is not supported; smooth with ops.image.gaussian_blur before"
        )
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("resize: crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other")
    if fill_mode != "constant":
        raise unknown("fill_mode of resize", fill_mode, ("constant",))

    def run(x: Tensor) -> Tensor:
        if crop_to_aspect_ratio:
            x = _largest_part(x, height, width)
        elif pad_to_aspect_ratio:
            x = _bordered(x, height, width, fill_value)
        y = _native.resize_forward(x._array, height, width, interpolation)

        def backward(dy: Array, grads: Gradients) -> None:
            _native.resize_backward(dy, interpolation, grads[0], grads.accumulate)

        return record(y, (x,), backward)

    return of_images("resize", images, data_format, run)


def _largest_part(x: Tensor, height: int, width: int) -> Tensor:
    """The largest part in the middle of images (N, H, W, C) with the proportions of height and width."""
    _, rows, columns, _ = x.shape
    h = max(min(rows, columns * height // max(width, 1)), 1)
    w = max(min(columns, rows * width // max(height, 1)), 1)
    top, left = (rows - h) // 2, (columns - w) // 2
    return getitem(x, (slice(None), slice(top, top + h), slice(left, left + w)))


def _bordered(x: Tensor, height: int, width: int, fill_value: float) -> Tensor:
    """Images (N, H, W, C) with a border of equal widths on both sides that gives them these proportions."""
    _, rows, columns, _ = x.shape
    down = (max(rows, columns * height // max(width, 1)) - rows) // 2
    across = (max(columns, rows * width // max(height, 1)) - columns) // 2
    return pad(x, ((0, 0), (down, down), (across, across), (0, 0)), constant_values=fill_value)
