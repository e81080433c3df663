"""Functions on images, under the names of keras.ops.image."""

from __future__ import annotations

from collections.abc import Sequence

from .. import _native
from ..core.autograd import Array, Gradients, Tensor
from ..core.autograd import unchecked_record as record
from .affine import affine_transform as affine_transform
from .colour import hsv_to_rgb as hsv_to_rgb
from .colour import rgb_to_grayscale as rgb_to_grayscale
from .colour import rgb_to_hsv as rgb_to_hsv
from .conversion import TensorLike
from .data_format import of_images
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
from .similarity import ssim as ssim

__all__ = [
    "affine_transform", "crop_images", "elastic_transform", "extract_patches", "extract_patches_3d", "gaussian_blur",
    "hsv_to_rgb", "map_coordinates", "pad_images", "perspective_transform", "resize", "rgb_to_grayscale", "rgb_to_hsv",
    "scale_and_translate", "sobel_edges", "ssim",
]  # fmt: skip


def resize(
    images: TensorLike, size: Sequence[int], interpolation: str = "bilinear", data_format: str | None = None
) -> Tensor:
    """Images of another size.

    Nothing is smoothed first when an image shrinks (Keras's ``antialias=False``).

    Args:
        images: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with the channels first.
        size: (height, width) in pixels.
        interpolation: "nearest", the input pixel under the middle of an output pixel, or "bilinear", the blend of the
            four whose middles surround it; beyond the outermost middles the image goes on as it is.

    Raises:
        ValueError: ``size`` is no pair of positive integers; ``images`` have other axes; an option is unknown.

    Source: Keras 3, keras.ops.image.resize.
    """
    try:
        height, width = (int(n) for n in size)
    except (TypeError, ValueError):
        raise ValueError(f"resize: size must be two integers, (height, width), got {size!r}") from None

    def run(x: Tensor) -> Tensor:
        y = _native.resize_forward(x._array, height, width, interpolation)

        def backward(dy: Array, grads: Gradients) -> None:
            _native.resize_backward(dy, interpolation, grads[0], grads.accumulate)

        return record(y, (x,), backward)

    return of_images("resize", images, data_format, run)
