"""Brightness and contrast of images, changed by chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import ops
from ...core.autograd import Array, Tensor
from ..options import ImageOptions, Unpack
from .image_layer import Drawn, RandomImageLayer, bounds, checked_range


class RandomContrast(RandomImageLayer):
    """In training, ``(x - mean) * f + mean`` with the mean of each channel of each image and a random f for each image.

    Args:
        factor: (lower, upper), both between 0 and 1: f lies between ``1 - lower`` and ``1 + upper``; one number stands
            for both.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``factor`` or ``value_range`` is out of range; the images have other axes.

    Source: Keras 3, RandomContrast.  There, one number raises the contrast alone.

    Example:
        >>> layer = layers.RandomContrast(0.2, value_range=(0, 1), seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self, factor: Any, value_range: Sequence[float] = (0, 255), seed: Any = None, **kwargs: Unpack[ImageOptions]
    ) -> None:
        super().__init__(seed, **kwargs)
        bounds(self, "factor", factor, 0, 1)
        lower, upper = factor if isinstance(factor, (tuple, list)) else (factor, factor)
        self.factor = float(lower), float(upper)
        self.value_range = checked_range(self, value_range)

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        return {"contrast_factor": self._one_an_image(rng, shape, (1.0 - self.factor[0], 1.0 + self.factor[1]))}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        mean = ops.mean(images, axis=self._image_axes, keepdims=True)
        changed = ops.add(ops.multiply(ops.subtract(images, mean), drawn["contrast_factor"]), mean)
        return ops.clip(changed, *self.value_range)


class RandomBrightness(RandomImageLayer):
    """In training, adds a random number to each image.

    Args:
        factor: (lower, upper), both between -1 and 1: what part of the whole range of values is added; one number f
            stands for (-f, f).

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``factor`` or ``value_range`` is out of range; the images have other axes.

    Source: Keras 3, RandomBrightness.

    Example:
        >>> layer = layers.RandomBrightness(0.2, value_range=(0, 1), seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self, factor: Any, value_range: Sequence[float] = (0, 255), seed: Any = None, **kwargs: Unpack[ImageOptions]
    ) -> None:
        super().__init__(seed, **kwargs)
        self.factor = bounds(self, "factor", factor, -1, 1)
        self.value_range = checked_range(self, value_range)

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        low, high = self.value_range
        part = self._one_an_image(rng, shape, self.factor)
        return {"rgb_delta": (part * (high - low)).astype(self._dtype)}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        return ops.clip(ops.add(images, drawn["rgb_delta"]), *self.value_range)


__all__ = ["RandomBrightness", "RandomContrast"]
