"""Hue, saturation and grey of colour images, changed by chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...config import epsilon
from ...core.autograd import Array, Tensor
from ...core.generator import Generator
from ..arguments import fraction
from ..options import BoxOptions, Unpack
from .image_layer import Drawn, FactorLayer, RandomImageLayer, checked_range
from .light import RandomBrightness, RandomContrast


class _ColourLayer(FactorLayer):
    """Layers that need the colours of an image."""

    def _in_hsv(self, images: Tensor, change: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Tensor:
        """Images with hue and saturation changed."""
        low, high = self.value_range
        unit = ops.divide(ops.subtract(images, low), high - low)
        axis = self._channel_axis
        hue, saturation, value = ops.split(ops.image.rgb_to_hsv(unit, self.data_format), 3, axis=axis)
        changed = ops.concatenate([*change(hue, saturation), value], axis=axis)
        colours = ops.clip(ops.image.hsv_to_rgb(changed, self.data_format), 0.0, 1.0)
        return ops.add(ops.multiply(colours, high - low), low)


def _column(x: Tensor) -> Tensor:
    """(N,) as (N, 1, 1, 1)."""
    return ops.reshape(x, (-1, 1, 1, 1))


class RandomHue(_ColourLayer):
    """In training, turns the hue of each image by a random part of half the colour circle, to either side.

    Args:
        factor: (lower, upper) part, both between 0 and 1; one number f stands for (0, f).

    Input shape: (N, H, W, 3) or (H, W, 3); (N, 3, H, W) or (3, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``factor`` or ``value_range`` is out of range; the images have other axes or channels.

    Source: Keras 3, RandomHue.

    Example:
        >>> layer = layers.RandomHue(0.2, value_range=(0, 1), seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        side = np.where(rng.random(shape[0]) > 0.5, -0.5, 0.5).astype(self._dtype)
        return {"factor": side * self._uniform(rng, shape[:1], self.factor)}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        turn = _column(drawn["factor"])
        return self._in_hsv(images, lambda hue, saturation: (ops.add(hue, turn), saturation))


class RandomSaturation(_ColourLayer):
    """In training, makes the colours of each image more or less saturated.

    Args:
        factor: (lower, upper), both between 0 and 1: 0 makes an image grey, 0.5 leaves it, 1 saturates it fully; one
            number f stands for (0, f).

    Input shape: (N, H, W, 3) or (H, W, 3); (N, 3, H, W) or (3, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``factor`` or ``value_range`` is out of range; the images have other axes or channels.

    Source: Keras 3, RandomSaturation.  There, saturation is cut off at the largest pixel, here at 1.

    Example:
        >>> layer = layers.RandomSaturation(0.5, value_range=(0, 1), seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        part = self._uniform(rng, shape[:1], self.factor)
        return {"factor": (part / (1 - part + self._dtype.type(epsilon()))).astype(self._dtype)}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        factor = _column(drawn["factor"])
        return self._in_hsv(images, lambda hue, s: (hue, ops.clip(ops.multiply(s, factor), 0.0, 1.0)))


class RandomColorDegeneration(FactorLayer):
    """In training, blends each image with its grey version.

    Args:
        factor: (lower, upper) part of the grey one, both between 0 and 1; one number f stands for (0, f).

    Input shape: (N, H, W, 3) or (H, W, 3); (N, 3, H, W) or (3, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``factor`` or ``value_range`` is out of range; the images have other axes or channels.

    Source: Keras 3, RandomColorDegeneration.

    Example:
        >>> layer = layers.RandomColorDegeneration(0.5, value_range=(0, 1), seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        return {"factor": self._one_an_image(rng, shape, self.factor)}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        grey = ops.image.rgb_to_grayscale(images, self.data_format)
        towards_grey = ops.multiply(ops.subtract(grey, images), drawn["factor"])
        return ops.clip(ops.add(images, towards_grey), *self.value_range)


class RandomGrayscale(RandomImageLayer):
    """In training, makes some images grey, with three equal channels.

    Args:
        factor: the probability, between 0 and 1.

    Input shape: (N, H, W, 3) or (H, W, 3); (N, 3, H, W) or (3, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``factor`` is out of range; the images have other axes or channels.

    Source: Keras 3, RandomGrayscale.

    Example:
        >>> layer = layers.RandomGrayscale(0.5, seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self, factor: float = 0.5, data_format: str | None = None, seed: Any = None, **kwargs: Unpack[BoxOptions]
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.factor = fraction(self, "factor", factor)

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        return {"should_apply": rng.random((shape[0], 1, 1, 1)) < self.factor}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        return ops.where(drawn["should_apply"], ops.image.rgb_to_grayscale(images, self.data_format), images)


class RandomColorJitter(RandomImageLayer):
    """In training, changes brightness, contrast, saturation and hue one after the other.

    Args:
        brightness_factor: as ``factor`` of RandomBrightness; None leaves the brightness.
        contrast_factor: as ``factor`` of RandomContrast; None leaves the contrast.
        saturation_factor: as ``factor`` of RandomSaturation; None leaves the saturation.
        hue_factor: as ``factor`` of RandomHue; None leaves the hue.

    Input shape: (N, H, W, 3) or (H, W, 3); (N, 3, H, W) or (3, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: a factor or ``value_range`` is out of range; the images have other axes or channels.

    Source: Keras 3, RandomColorJitter.

    Example:
        >>> layer = layers.RandomColorJitter(value_range=(0, 1), brightness_factor=0.2, hue_factor=0.1, seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.value_range = checked_range(self, value_range)
        self.brightness_factor, self.contrast_factor = brightness_factor, contrast_factor
        self.saturation_factor, self.hue_factor = saturation_factor, hue_factor
        kinds: dict[str, type[Any]] = {
            "brightness": RandomBrightness, "contrast": RandomContrast, "saturation": RandomSaturation, "hue": RandomHue
        }  # fmt: skip
        shared: dict[str, Any] = {"value_range": self.value_range, "seed": self.generator, "dtype": self._dtype.name}
        factors = {name: getattr(self, f"{name}_factor") for name in kinds}
        self._steps_in_order: dict[str, Any] = {
            name: kind(factors[name], data_format=self.data_format, name=f"{self.name}_{name}", **shared)
            for name, kind in kinds.items()
            if factors[name] is not None
        }

    def _decide(self, shape: tuple[int, ...], seed: Any = None) -> Drawn:
        source = seed if seed is None or isinstance(seed, Generator) else Generator(seed)
        return {name: step._decide(shape, source) for name, step in self._steps_in_order.items()}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        for name, step in self._steps_in_order.items():
            images = step._transform(images, drawn[name])
        return images


__all__ = ["RandomColorDegeneration", "RandomColorJitter", "RandomGrayscale", "RandomHue", "RandomSaturation"]
