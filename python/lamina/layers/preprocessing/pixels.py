"""Pixels of images, each by its value: inverted, rounded, spread over the whole range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Array, Tensor
from ...core.explain import is_index
from .. import arguments
from ..options import BoxOptions, ImageOptions, Unpack
from .image_layer import Drawn, ImageLayer, RandomImageLayer, bounds, checked_range


def to_bytes(layer: Any, images: Tensor) -> Tensor:
    """Pixels in the range from 0 to 255."""
    low, high = layer.value_range
    same = (low, high) == (0, 255)  # 0 and 255 are free: minus 0 and times 1 would only take time
    return images if same else ops.multiply(ops.subtract(images, low), 255.0 / (high - low))


def from_bytes(layer: Any, images: Tensor) -> Tensor:
    """Pixels from 0 to 255 in the layer's range."""
    low, high = layer.value_range
    same = (low, high) == (0, 255)  # 0 and 255 are free: times 1 and plus 0 would only take time
    return images if same else ops.add(ops.multiply(images, (high - low) / 255.0), low)


class RandomInvert(RandomImageLayer):
    """In training, turns some images into their negatives.

    Args:
        factor: (lower, upper), both between 0 and 1: each image draws its probability between them; one number f stands
            for (0, f).

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``factor`` or ``value_range`` is out of range; the images have other axes.

    Source: Keras 3, RandomInvert.  There, the lowest pixel counts as 0.

    Example:
        >>> layer = layers.RandomInvert(0.5, value_range=(0, 1), seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Sequence[float] = (0, 255),
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, 0, 1)
        self.value_range = checked_range(self, value_range)

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        probability = self._uniform(rng, shape[:1], self.factor)
        return {"apply_inversion": rng.random(shape[0]) < probability}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        chosen = ops.reshape(drawn["apply_inversion"], (-1, 1, 1, 1))
        return ops.where(chosen, ops.subtract(float(sum(self.value_range)), images), images)


class RandomPosterization(RandomImageLayer):
    """In training, keeps only the first bits of each pixel.

    Args:
        factor: (lower, upper) number of bits, integers from 1 to 8; upper is not reached unless both are equal.  One
            number n stands for (1, n).

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``factor`` or ``value_range`` is out of range; the images have other axes.

    Source: Keras 3, RandomPosterization.

    Example:
        >>> layer = layers.RandomPosterization(4, value_range=(0, 255), seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        factor: Any,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        pair = tuple(factor) if isinstance(factor, (tuple, list)) else (1, factor)
        if len(pair) != 2 or not all(is_index(n) and 1 <= n <= 8 for n in pair):
            raise ValueError(f"{self._label()}: factor must be an integer from 1 to 8, or two, got {factor!r}")
        self.factor = int(min(pair)), int(max(pair))
        self.value_range = checked_range(self, value_range)

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        low, high = self.factor
        bits = np.full(shape[0], low) if low == high else rng.integers(low, high, shape[0])
        return {"shift_factor": (8 - bits).astype(np.uint8)}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        shift = ops.reshape(ops.cast(drawn["shift_factor"], self._dtype), (-1, 1, 1, 1))
        step = ops.exp2(shift)
        whole = ops.trunc(to_bytes(self, images))
        return from_bytes(self, ops.multiply(ops.floor(ops.divide(whole, step)), step))


class Solarization(RandomImageLayer):
    """In training, adds a random number to the pixels and turns those from a random threshold on into their negatives.

    Args:
        addition_factor: (lower, upper), both between 0 and 1: what is added to pixels from 0 to 255 lies between
            ``lower`` and ``255 * upper``; one number f stands for (0, f).
        threshold_factor: the same for the threshold.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: a factor or ``value_range`` is out of range; the images have other axes.

    Source: Keras 3, Solarization.

    Example:
        >>> layer = layers.Solarization(threshold_factor=0.5, value_range=(0, 1), seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: Any = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(seed, **kwargs)
        self.addition_factor = bounds(self, "addition_factor", addition_factor, 0, 1)
        self.threshold_factor = bounds(self, "threshold_factor", threshold_factor, 0, 1)
        self.value_range = checked_range(self, value_range)

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        ranges = {"additions": self.addition_factor, "thresholds": self.threshold_factor}
        return {name: self._one_an_image(rng, shape, (low, 255 * high)) for name, (low, high) in ranges.items()}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        lifted = ops.clip(ops.add(to_bytes(self, images), drawn["additions"]), 0.0, 255.0)
        changed = ops.where(ops.less(lifted, drawn["thresholds"]), lifted, ops.subtract(255.0, lifted))
        return from_bytes(self, changed)


class AutoContrast(ImageLayer):
    """Each channel of each image spread over the whole range of values, in training or not.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's; channels of one value alone stay.

    Raises:
        ValueError: ``value_range`` is no range; the images have other axes.

    Source: Keras 3, AutoContrast.

    Example:
        >>> layers.AutoContrast(value_range=(0, 1))(np.random.rand(2, 8, 8, 3).astype("float32")).shape
        (2, 8, 8, 3)
    """

    _only_in_training = False

    def __init__(self, value_range: Sequence[float] = (0, 255), **kwargs: Unpack[ImageOptions]) -> None:
        super().__init__(**kwargs)
        self.value_range = checked_range(self, value_range)

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        x = to_bytes(self, images)
        low = ops.min(x, axis=self._image_axes, keepdims=True)
        spread = ops.subtract(ops.max(x, axis=self._image_axes, keepdims=True), low)
        varies = ops.greater(spread, 0)
        factor = ops.divide(255.0, ops.where(varies, spread, 1.0))  # 1.0 is free: images of one value stay
        scaled = ops.multiply(ops.subtract(x, low), factor)
        return ops.where(varies, from_bytes(self, ops.clip(scaled, 0.0, 255.0)), images)


class Equalization(ImageLayer):
    """In training, the pixels of each channel over the whole batch spread so that all values come about equally often.

    No gradient goes through it.

    Args:
        bins: how many values are told apart.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``bins`` is no integer from 2; ``value_range`` is no range; the images have other axes.

    Source: Keras 3, Equalization.

    Example:
        >>> layers.Equalization()(np.random.randint(0, 256, (1, 8, 8, 3)).astype("float32")).shape
        (1, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.value_range = checked_range(self, value_range)
        if arguments.positive(self, "bins", bins) < 2:
            raise ValueError(f"{self._label()}: bins must be at least 2, got {bins}")
        self.bins = bins

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        x = to_bytes(self, images).detach()
        axis, channels = self._channel_axis, images.shape[self._channel_axis]
        planes = [self._spread(plane) for plane in ops.split(x, channels, axis=axis)] if x.size else [x]
        return from_bytes(self, ops.concatenate(planes, axis=axis))

    def _spread(self, x: Tensor) -> Tensor:
        place = ops.clip(ops.cast(ops.multiply(x, (self.bins - 1) / 255.0), np.int32), 0, self.bins - 1)
        flat = ops.reshape(place, (-1,))
        found = ops.segment_sum(np.ones(flat.size, np.int32), flat, num_segments=self.bins)
        below = ops.cast(ops.cumsum(found), self._dtype)
        total = float(flat.size)
        least = ops.min(ops.where(ops.greater(below, 0), below, total))
        rest = ops.subtract(total, least)
        rest = ops.where(ops.greater(rest, 0), rest, 1.0)  # 0 and 1.0 are free: images of one value stay
        spread = ops.divide(ops.multiply(ops.subtract(below, least), 255.0), rest)
        one_value = ops.less_equal(ops.sum(ops.cast(ops.greater(found, 0), np.int32)), 1)
        return ops.where(one_value, x, ops.take(ops.round(spread), place))


__all__ = ["AutoContrast", "Equalization", "RandomInvert", "RandomPosterization", "Solarization"]
