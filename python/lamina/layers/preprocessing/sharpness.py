"""Images sharpened and blurred by chance: small kernels over each channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Array, Tensor
from ...core.explain import is_index
from ..options import BoxOptions, Unpack
from .image_layer import Drawn, FactorLayer, RandomImageLayer, bounds, checked_range


class RandomSharpness(FactorLayer):
    """In training, makes each image sharper or softer.

    Args:
        factor: (lower, upper), both between 0 and 1: 0 softens, 0.5 leaves the image, 1 sharpens; one number f stands
            for (0, f).

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``factor`` or ``value_range`` is out of range; the images have other axes.

    Source: Keras 3, RandomSharpness.

    Example:
        >>> layer = layers.RandomSharpness(0.5, value_range=(0, 1), seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        return {"factor": self._uniform(rng, shape[:1], self.factor)}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        channels = images.shape[self._channel_axis]
        kernel = np.full((3, 3, channels, 1), 1.0 / 13.0, self._dtype)
        kernel[1, 1] = 5.0 / 13.0
        soft = ops.depthwise_conv(images, kernel, padding="same", data_format=self.data_format)
        part = ops.subtract(1.0, ops.multiply(ops.reshape(drawn["factor"], (-1, 1, 1, 1)), 2.0))
        changed = ops.add(images, ops.multiply(ops.subtract(soft, images), part))
        return ops.clip(changed, *self.value_range)


class RandomGaussianBlur(RandomImageLayer):
    """In training, blurs some images with a normal distribution, of one width for all images of a batch.

    Args:
        factor: (lower, upper), both between 0 and 1: each image draws its probability between them; one number f stands
            for (0, f).
        kernel_size: pixels of the blur along height and width, odd integers; one for both.
        sigma: (lower, upper) standard deviation in pixels, both between 0 and 1; one number s stands for (0, s).

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: an option is out of range; the images have other axes.

    Source: Keras 3, RandomGaussianBlur.

    Example:
        >>> layer = layers.RandomGaussianBlur(value_range=(0, 1), seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: int | Sequence[int] = 3,
        sigma: Any = 1.0,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, 0, 1)
        self.sigma = bounds(self, "sigma", sigma, 0, 1)
        sizes = tuple(kernel_size) if isinstance(kernel_size, (tuple, list)) else (kernel_size, kernel_size)
        odd = all(is_index(n) and n > 0 and n % 2 for n in sizes)  # > is free: 0 is even
        if len(sizes) != 2 or not odd:
            raise ValueError(f"{self._label()}: kernel_size must be an odd integer, or two, got {kernel_size!r}")
        self.kernel_size = int(sizes[0]), int(sizes[1])
        self.value_range = checked_range(self, value_range)

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        probability = self._uniform(rng, shape[:1], self.factor)
        chosen = rng.random(shape[0]) < probability
        return {
            "should_apply_blur": chosen,
            "blur_factor": self._uniform(rng, (2,), self.sigma) + self._dtype.type(1e-6),
        }

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        channels = images.shape[self._channel_axis]
        across, down = ops.split(drawn["blur_factor"], 2)
        blurred = images
        for size, sigma, shape in (
            (self.kernel_size[0], down, (-1, 1, 1, 1)), (self.kernel_size[1], across, (1, -1, 1, 1))
        ):  # fmt: skip
            place = (np.arange(size) - (size - 1) / 2).astype(self._dtype)
            bell = ops.exp(ops.multiply(ops.square(ops.divide(place, sigma)), -0.5))
            kernel = ops.reshape(ops.divide(bell, ops.sum(bell)), shape)
            kernel = ops.tile(kernel, (1, 1, channels, 1))
            blurred = ops.depthwise_conv(blurred, kernel, padding="same", data_format=self.data_format)
        chosen = ops.reshape(drawn["should_apply_blur"], (-1, 1, 1, 1))
        return ops.clip(ops.where(chosen, blurred, images), *self.value_range)


__all__ = ["RandomGaussianBlur", "RandomSharpness"]
