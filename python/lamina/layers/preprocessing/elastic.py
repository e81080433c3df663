"""RandomElasticTransform: images bent by chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Array, Tensor
from ...core.explain import is_number
from ...core.suggest import unknown
from ...ops.data_format import around_channels_last
from ...ops.image_filters import bell
from ...ops.image_transforms import FILL_MODES, shifted
from ..options import BoxOptions, Unpack
from .image_layer import Drawn, RandomImageLayer, bounds, checked_range

_INTERPOLATIONS = ("nearest", "bilinear")


def _blur(n: int, sigma: float) -> Array:
    """(n, n): a bell around each place of a line, zeros beyond its ends."""
    size = int(6 * sigma) | 1
    place = np.arange(n) - np.arange(n)[:, None] + size // 2
    return np.where((place >= 0) & (place < size), bell("blur", size, sigma)[np.clip(place, 0, size - 1)], 0.0)


class RandomElasticTransform(RandomImageLayer):
    """In training, bends some images: neighbouring pixels move together, the images of a batch equally far.

    Masks are bent as their images.

    Args:
        factor: (lower, upper), both between 0 and 1: each image draws its probability between them; one number f stands
            for (0, f).
        scale: (lower, upper), both between 0 and 1: how far and how smoothly pixels move is drawn between them for a
            batch; one number f stands for (0, f).
        fill_mode: what stands beyond the image: "constant", ``fill_value``; "nearest", the outermost pixel; "wrap", the
            image again; "mirror", the image backwards without its outermost pixel, "reflect" with it.
        fill_value: what stands beyond the image with "constant".
        value_range: (lowest, highest) value of a pixel, which no result exceeds.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``factor`` or ``scale`` is out of range; an option is unknown; the images have other axes.
        TypeError: ``fill_value`` is no number.

    Source: Keras 3, RandomElasticTransform; Simard, Steinkraus and Platt 2003.

    Example:
        >>> layer = layers.RandomElasticTransform(seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    _takes_boxes = False  # what was a rectangle is none any more

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, 0, 1)
        self.scale = bounds(self, "scale", scale, 0, 1)
        if interpolation not in _INTERPOLATIONS:
            raise unknown(f"interpolation of {self._label()}", interpolation, _INTERPOLATIONS)
        if fill_mode not in FILL_MODES:
            raise unknown(f"fill_mode of {self._label()}", fill_mode, FILL_MODES)
        if not is_number(fill_value):
            raise TypeError(f"{self._label()}: fill_value must be a number, got {fill_value!r}")
        self.interpolation, self.fill_mode, self.fill_value = interpolation, fill_mode, float(fill_value)
        self.value_range = checked_range(self, value_range)

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        n, (height, width) = shape[0], self._size(shape)
        low, high = self.factor
        chosen = rng.random(n) < rng.random(n) * (high - low) + low
        low, high = self.scale
        strength = rng.random() * (high - low) + low
        alpha, sigma = 0.1 * strength * max(height, width), 0.05 * strength * min(height, width)
        noise = rng.standard_normal((n, 2, height, width))
        if sigma > 0:
            noise = alpha * sigma * (_blur(height, sigma) @ noise @ _blur(width, sigma).T)
        else:
            noise[...] = 0  # 0 is free: images stay as they are then
        shifts = np.moveaxis(noise, 1, -1).astype(self._dtype)
        return {"chosen": chosen.reshape(n, 1, 1, 1), "shifts": np.ascontiguousarray(shifts)}

    def _bent(self, images: Tensor, drawn: Drawn, interpolation: str) -> Tensor:
        if not self.factor[1] or not self.scale[1]:
            return images
        moved = around_channels_last(
            images, self.data_format, type(self).__name__,
            lambda x: shifted(x, drawn["shifts"], interpolation, self.fill_mode, self.fill_value),
        )  # fmt: skip
        return ops.where(drawn["chosen"], moved, images)

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        bent = self._bent(images, drawn, self.interpolation)
        return ops.clip(bent, *self.value_range) if bent is not images else images

    def _transform_masks(self, masks: Tensor, drawn: Drawn) -> Tensor:
        return self._bent(masks, drawn, "nearest")


__all__ = ["RandomElasticTransform"]
