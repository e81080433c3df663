"""Colour spaces of images: functions of the channels of each pixel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..core.autograd import Tensor
from .comparison import equal, greater, less, where
from .conversion import TensorLike, as_tensor, expand_dims, stack
from .data_format import channel_axis
from .elementwise import abs, add, clip, divide, maximum, minimum, mod, multiply, subtract
from .reshape import getitem

__all__ = ["hsv_to_rgb", "rgb_to_grayscale", "rgb_to_hsv"]


def _planes(op: str, x: Tensor, axis: int) -> list[Tensor]:
    if x.shape[axis] != 3:
        raise ValueError(f"{op}: images are {x.shape}, of {x.shape[axis]} channels; expected 3 on axis {axis}")
    return [getitem(x, (*(slice(None),) * axis, i)) for i in range(3)]


def rgb_to_grayscale(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Colour images as grey ones: 0.2989 red + 0.587 green + 0.114 blue, in the images' type.

    Args:
        images: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with the channels first; C is 3, or 1 for images
            that are grey already.

    Raises:
        ValueError: ``images`` have other axes or channels; ``data_format`` is another one.

    Source: Keras 3, keras.ops.image.rgb_to_grayscale.

    Example:
        >>> ops.rgb_to_grayscale([[[1.0, 1.0, 1.0]]])
        Tensor([[[0.9999]]], shape=(1, 1, 1), dtype=float32)
    """
    x = as_tensor(images)
    axis = channel_axis("rgb_to_grayscale", x, data_format)
    if x.shape[axis] == 1:
        return x
    red, green, blue = _planes("rgb_to_grayscale", x, axis)
    grey = add(add(multiply(red, 0.2989), multiply(green, 0.587)), multiply(blue, 0.114))
    return as_tensor(expand_dims(grey, axis), x.dtype)


def _of_floats(
    op: str, images: TensorLike, data_format: str | None, f: Callable[[Tensor, Tensor, Tensor], list[Tensor]]
) -> Tensor:
    x = as_tensor(images)
    axis = channel_axis(op, x, data_format)
    if x.dtype.kind != "f":
        raise ValueError(f"{op}: images are {x.dtype}; expected floats from 0 to 1, as in images / 255.0")
    return stack(f(*_planes(op, x, axis)), axis)


def rgb_to_hsv(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Red, green and blue as hue, saturation and value, all from 0 to 1.

    Args:
        images: floats from 0 to 1, (N, H, W, 3) or (H, W, 3); (N, 3, H, W) or (3, H, W) with the channels first.

    Raises:
        ValueError: ``images`` have other axes, channels or types; ``data_format`` is another one.

    Source: Keras 3, keras.ops.image.rgb_to_hsv.

    Example:
        >>> ops.rgb_to_hsv([[[0.0, 1.0, 0.0]]])
        Tensor([[[0.3333, 1.    , 1.    ]]], shape=(1, 1, 3), dtype=float32)
    """

    def planes(red: Tensor, green: Tensor, blue: Tensor) -> list[Tensor]:
        small = float(np.finfo(red.dtype).eps)
        r, g, b = (where(less(abs(c), small), 0.0, c) for c in (red, green, blue))
        value = maximum(maximum(r, g), b)
        distance = subtract(value, minimum(minimum(r, g), b))
        coloured = greater(distance, 0)
        scale = divide(1 / 6, where(coloured, distance, 1.0))  # 1.0 is free: grey has no hue
        hue = where(
            equal(value, g),
            add(multiply(scale, subtract(b, r)), 2 / 6),
            add(multiply(scale, subtract(r, g)), 4 / 6),
        )
        hue = where(equal(value, r), multiply(scale, subtract(g, b)), hue)
        hue = where(coloured, add(hue, as_tensor(less(hue, 0), hue.dtype)), 0.0)
        lit = greater(value, 0)
        return [hue, where(lit, divide(distance, where(lit, value, 1.0)), 0.0), value]

    return _of_floats("rgb_to_hsv", images, data_format, planes)


def hsv_to_rgb(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Hue, saturation and value as red, green and blue, all from 0 to 1.

    Args:
        images: floats from 0 to 1, (N, H, W, 3) or (H, W, 3); (N, 3, H, W) or (3, H, W) with the channels first; hues
            beyond go around.

    Raises:
        ValueError: ``images`` have other axes, channels or types; ``data_format`` is another one.

    Source: Keras 3, keras.ops.image.hsv_to_rgb.

    Example:
        >>> ops.hsv_to_rgb([[[0.0, 1.0, 1.0]]])
        Tensor([[[1., 0., 0.]]], shape=(1, 1, 3), dtype=float32)
    """

    def planes(hue: Tensor, saturation: Tensor, value: Tensor) -> list[Tensor]:
        sixths = multiply(mod(hue, 1.0), 6.0)
        shares = [
            subtract(abs(subtract(sixths, 3.0)), 1.0),
            subtract(2.0, abs(subtract(sixths, 2.0))),
            subtract(2.0, abs(subtract(sixths, 4.0))),
        ]
        grey = subtract(1.0, saturation)
        return [multiply(value, add(grey, multiply(saturation, clip(s, 0.0, 1.0)))) for s in shares]

    return _of_floats("hsv_to_rgb", images, data_format, planes)
