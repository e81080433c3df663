"""Functions on images, under the names of keras.ops.image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..core.autograd import Tensor
from ..core.explain import is_index
from ..core.suggest import unknown
from .conversion import TensorLike
from .data_format import of_images
from .expansion import pad
from .reshape import getitem
from .resize import make_rule, resize_axes

__all__ = ["resize"]


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
    *,
    rule: str = "keras",
    coordinates: str | None = None,
    rounding: str | None = None,
    cubic_coefficient: float | None = None,
    exclude_outside: bool | None = None,
    scales: Sequence[float] | None = None,
) -> Tensor:
    """Images of another size.

    The rules of other libraries differ:

    | rule     | nearest                     | bicubic                  | antialias                      |
    | -------- | --------------------------- | ------------------------ | ------------------------------ |
    | "keras"  | pixel under the middle      | -0.5, outside left out   | filter as wide as it shrinks   |
    | "torch"  | asymmetric, rounded down    | -0.75, edge goes on      | same, bicubic with -0.5        |
    | "pillow" | pixel under the middle      | -0.5, outside left out   | always                         |
    | "onnx"   | half-way rounds down        | -0.75, edge goes on      | same, edge goes on             |

    Args:
        images: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with the channels first.
        size: (height, width) in pixels.
        interpolation: "nearest", the input pixel under the middle of an output pixel; "bilinear", the blend of the four
            whose middles surround it, beyond the outermost middles the image goes on as it is; "bicubic", "lanczos3"
            and "lanczos5", of the 16, 36 and 100 around; "area", the mean of all pixels that the output pixel touches
            (PyTorch's); "box" and "hamming", Pillow's filters.
        antialias: whether an image is smoothed as far as it shrinks: every filter is that much wider.  It changes
            neither "nearest" nor "area".
        crop_to_aspect_ratio: whether the largest part in the middle of the wanted proportions is taken before.
        pad_to_aspect_ratio: whether a border gives the images the wanted proportions before.
        fill_mode: how the border is filled: "constant".
        fill_value: what the border holds.
        rule: whose meaning of the interpolation it is: "keras", "torch", "pillow" or "onnx".  The options behind change
            it; None leaves it.
        coordinates: where output pixel o stands among the input's, by ONNX's names, with s outputs an input:
            "half_pixel" (o + 0.5) / s - 0.5, "pytorch_half_pixel" the same but 0 for a single output,
            "half_pixel_symmetric" the same centered where ``scales`` and ``size`` differ, "align_corners"
            o (in - 1) / (out - 1), "asymmetric" o / s.
        rounding: which pixel is nearest: "round_prefer_floor", "round_prefer_ceil", "floor" or "ceil".
        cubic_coefficient: the slope of the cubic filter at distance 1.
        exclude_outside: whether pixels beyond the edge are left out and the others weigh more, in place of an edge that
            goes on.
        scales: (down, across), s for ``coordinates``; None is output size / input size.

    Returns: images of the same type; integers are rounded, half to even, within their limits.

    Raises:
        ValueError: ``size`` is no pair of non-negative integers; ``images`` have other axes; an option is unknown
            or not supported.
        TypeError: ``cubic_coefficient`` is no number.

    Source: Keras 3, keras.ops.image.resize; ONNX, Resize.

    Example:
        >>> ops.resize(np.ones((1, 4, 4, 3)), (8, 6)).shape
        (1, 8, 6, 3)
    """
    sizes = tuple(size) if isinstance(size, Iterable) else ()
    if len(sizes) != 2 or not all(map(is_index, sizes)):
        raise ValueError(f"resize: size must be two integers, (height, width), got {size!r}")
    height, width = map(int, sizes)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("resize: crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other")
    if fill_mode != "constant":
        raise unknown("fill_mode of resize", fill_mode, ("constant",))
    chosen = make_rule(
        "resize", interpolation, antialias, rule, coordinates, rounding, cubic_coefficient, exclude_outside, scales
    )

    def run(x: Tensor) -> Tensor:
        if crop_to_aspect_ratio:
            top, left, h, w = largest_part(x.shape[1], x.shape[2], height, width)
            x = getitem(x, (slice(None), slice(top, top + h), slice(left, left + w)))
        elif pad_to_aspect_ratio:
            down, across = border(x.shape[1], x.shape[2], height, width)
            x = pad(x, ((0, 0), (down, down), (across, across), (0, 0)), constant_values=fill_value)
        return resize_axes(x, (height, width), chosen)

    return of_images("resize", images, data_format, run)


def largest_part(rows: int, columns: int, height: int, width: int) -> tuple[int, int, int, int]:
    """(top, left, rows, columns) of the largest part in the middle of an image with these proportions."""
    h = max(min(rows, columns * height // max(width, 1)), 1)
    w = max(min(columns, rows * width // max(height, 1)), 1)
    return (rows - h) // 2, (columns - w) // 2, h, w


def border(rows: int, columns: int, height: int, width: int) -> tuple[int, int]:
    """(down, across), the width on either side of the border that gives an image these proportions."""
    down = (max(rows, columns * height // max(width, 1)) - rows) // 2
    return down, (max(columns, rows * width // max(height, 1)) - columns) // 2
