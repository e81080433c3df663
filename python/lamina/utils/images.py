"""Images as files, Pillow's objects and arrays.  Pillow is imported when it is used."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..config import standardize_dtype
from ..core.arrays import to_numbers
from ..core.explain import is_index, named, show
from ..core.suggest import unknown
from ..ops.data_format import is_channels_first

Array = np.ndarray[Any, np.dtype[Any]]

MODES = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}
_RESAMPLING = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def pillow(what: str) -> Any:
    """The module PIL.Image; an ImportError that says how to get it."""
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(f"{what} needs Pillow: pip install pillow") from None
    return Image


@named("array_to_img")
def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """An array as an image of Pillow's.

    Args:
        x: one image (H, W, C) with 1, 3 or 4 channels.
        data_format: "channels_last" (None: see config) or "channels_first": where the channels stand.
        scale: whether the smallest number becomes 0 and the largest 255; else they are pixels already.
        dtype: the type to compute in; None means ``config.floatx()``.

    Returns: a PIL.Image.Image.

    Raises:
        ValueError: ``x`` is no image of 1, 3 or 4 channels.
        ImportError: Pillow is not installed.

    Example:
        >>> utils.array_to_img(np.zeros((4, 6, 3))).size  # (width, height)
        (6, 4)
    """
    image = pillow("array_to_img")
    first = is_channels_first("array_to_img", data_format)
    a = to_numbers("array_to_img: x", x).astype(standardize_dtype(dtype))
    if a.ndim != 3:
        raise ValueError(f"array_to_img: x is {a.shape}, expected one image of three axes")
    a = a.transpose(1, 2, 0) if first else a
    if scale and a.size:
        a = a - a.min()
        largest = a.max()
        a = a * (255.0 / largest) if largest else a
    channels = a.shape[2]
    if channels == 1:
        pixels = a[:, :, 0]
        large = pixels.max(initial=0) > 255  # 0 is free: any number that is not large
        return image.fromarray(pixels.astype(np.int32 if large else np.uint8))
    if channels not in (3, 4):
        raise ValueError(f"array_to_img: x is {a.shape}, expected 1, 3 or 4 channels")
    return image.fromarray(np.ascontiguousarray(a.astype(np.uint8)))


@named("img_to_array")
def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> Array:
    """An image of Pillow's as an array with a channel axis.

    Args:
        img: the image.
        data_format: "channels_last" (None: see config) or "channels_first": where the channels shall stand.
        dtype: type of the result; None means ``config.floatx()``.

    Returns: (H, W, C) or (C, H, W).

    Raises:
        ValueError: it has other axes than an image.

    Example:
        >>> utils.img_to_array(utils.array_to_img(np.zeros((4, 6, 3)))).shape
        (4, 6, 3)
    """
    first = is_channels_first("img_to_array", data_format)
    a = to_numbers("img_to_array: img", img).astype(standardize_dtype(None) if dtype is None else np.dtype(dtype))
    if a.ndim not in (2, 3):
        raise ValueError(f"img_to_array: img is {a.shape}, expected (H, W) or (H, W, C)")
    a = a[:, :, None] if a.ndim == 2 else a
    return np.ascontiguousarray(a.transpose(2, 0, 1)) if first else a


@named("save_img")
def save_img(
    path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any
) -> None:
    """Write an array as an image file.

    Args:
        path: path or open file.
        x: one image, as for ``array_to_img``.
        data_format: "channels_last" (None: see config) or "channels_first": where the channels stand.
        file_format: name of the format; None takes the path's ending.
        scale: whether the smallest number becomes 0 and the largest 255; else they are pixels already.
        **kwargs: further arguments of Pillow's ``save``.

    Raises:
        ValueError: ``x`` is no image of 1, 3 or 4 channels; the format is unknown.
        ImportError: Pillow is not installed.

    Example:
        >>> utils.save_img("black.png", np.zeros((4, 6, 3)))
        >>> utils.load_img("black.png").size
        (6, 4)
    """
    img = array_to_img(x, data_format, scale)
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = os.path.splitext(os.fspath(path))[1][1:]
    kind = (file_format or "").lower()
    kind = "jpeg" if kind == "jpg" else kind
    if kind == "jpeg" and img.mode == "RGBA":
        img = img.convert("RGB")
    img.save(path, format=kind or None, **kwargs)


@named("load_img")
def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: Sequence[int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """Read an image file.

    Args:
        path: path, or an open file or io.BytesIO.
        color_mode: "grayscale", "rgb" or "rgba".
        target_size: (height, width) that the image is resized to; None leaves it.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos", as Pillow has them.
        keep_aspect_ratio: whether the largest part in the middle of the wanted proportions is taken before.

    Returns: a PIL.Image.Image.

    Raises:
        ValueError: an option is unknown.
        TypeError: ``path`` is neither a path nor a file.
        OSError: there is no such file, or it is no image.
        ImportError: Pillow is not installed.

    Example:
        >>> utils.save_img("black.png", np.zeros((4, 6, 3)))
        >>> utils.load_img("black.png", color_mode="grayscale", target_size=(8, 8)).size
        (8, 8)
    """
    image = pillow("load_img")
    if color_mode not in MODES:
        raise unknown("color_mode of load_img", color_mode, MODES)
    if interpolation not in _RESAMPLING:
        raise unknown("interpolation of load_img", interpolation, _RESAMPLING)
    if target_size is not None:
        size = tuple(target_size) if isinstance(target_size, (tuple, list)) else ()
        if len(size) != 2 or not all(is_index(n) and n > 0 for n in size):
            raise ValueError(f"load_img: target_size must be (height, width), got {target_size!r}")
    if isinstance(path, (str, bytes, os.PathLike)):
        with open(path, "rb") as file:
            path = io.BytesIO(file.read())
    elif not hasattr(path, "read"):
        raise TypeError(f"load_img: path must be a path or an open file, got {show(path)}")
    img = image.open(path)
    if not (color_mode == "grayscale" and img.mode in ("L", "I;16", "I")) and img.mode != MODES[color_mode]:
        img = img.convert(MODES[color_mode])
    if target_size is None or img.size == tuple(target_size)[::-1]:  # 1 is free: resizing would only take time
        img.load()
        return img
    height, width = target_size
    box = None
    if keep_aspect_ratio:
        columns, rows = img.size
        h, w = min(rows, columns * height // width), min(columns, rows * width // height)
        top, left = (rows - h) // 2, (columns - w) // 2
        box = (left, top, left + w, top + h)
    return img.resize((width, height), getattr(image.Resampling, interpolation.upper()), box=box)


__all__ = ["array_to_img", "img_to_array", "load_img", "save_img"]
