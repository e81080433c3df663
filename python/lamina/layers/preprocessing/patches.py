"""Parts of images replaced, and images mixed with others of their batch: RandomErasing, CutMix, MixUp."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Array, Tensor
from ...core.explain import is_number
from ..options import BoxOptions, Unpack
from .image_layer import Drawn, RandomImageLayer, bounds, checked_range, dense_boxes


class _Patches(RandomImageLayer):
    """Layers that draw a rectangle for each image."""

    def _rectangles(self, shape: tuple[int, ...], rng: Any, ratios: Array) -> tuple[Array, Array]:
        """Masks that broadcast to the images, of rectangles with these parts (N, 2) of width and height, and what part
        of an image each covers."""
        height, width = self._size(shape)
        sides = ratios * np.array([width, height])
        start = rng.random(ratios.shape) * (np.array([width, height]) - sides)
        x, y = np.arange(width), np.arange(height)[:, None]
        (x0, y0), (x1, y1) = start.T[..., None, None], (start + sides).T[..., None, None]
        masks = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)  # < is free: x1 and y1 are drawn, or the whole size
        masks = masks[:, None] if self.data_format == "channels_first" else masks[..., None]
        return masks, ratios.prod(axis=1)


class RandomErasing(_Patches):
    """In training, replaces a random rectangle of some images.

    Args:
        factor: (lower, upper), both between 0 and 1: each image draws its probability between them; one number f stands
            for (0, f).
        scale: (lower, upper), both between 0 and 1: of what is drawn between them, for width and height each, the root
            is the rectangle's part of the image's side.
        fill_value: a number, or three for the colours; None takes random noise.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: an option is out of range; the images have other axes.

    Source: Keras 3, RandomErasing; Zhong et al. 2017, "Random Erasing Data Augmentation".

    Example:
        >>> layer = layers.RandomErasing(value_range=(0, 1), seed=1)
        >>> layer(np.ones((2, 16, 16, 3), "float32"), training=True).shape
        (2, 16, 16, 3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Sequence[float] = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Sequence[float] = (0, 255),
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.factor, self.scale = bounds(self, "factor", factor, 0, 1), bounds(self, "scale", scale, 0, 1)
        colours = fill_value if isinstance(fill_value, (tuple, list)) else (fill_value,)
        if fill_value is not None and (len(colours) not in (1, 3) or not all(map(is_number, colours))):
            raise ValueError(f"{self._label()}: fill_value must be a number, three, or None, got {fill_value!r}")
        self.fill_value = fill_value
        self.value_range = checked_range(self, value_range)

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        n = shape[0]
        masks, _ = self._rectangles(shape, rng, np.sqrt(self._uniform(rng, (n, 2), self.scale)))
        probability = self._uniform(rng, (n,), self.factor)
        chosen = rng.random(n) < probability
        if self.fill_value is None:
            fill = rng.standard_normal(shape) * self.value_range[1]
        else:
            sizes = [1, 1, 1, 1]
            sizes[self._channel_axis] = -1  # 1 is free: any negative number is the rest
            fill = np.reshape(np.asarray(self.fill_value, np.float64), sizes)
        fill = np.clip(fill, *self.value_range).astype(self._dtype)
        return {"apply_erasing": chosen, "batch_masks": masks, "fill_value": fill}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        chosen = ops.reshape(drawn["apply_erasing"], (-1, 1, 1, 1))
        return ops.where(ops.logical_and(drawn["batch_masks"], chosen), drawn["fill_value"], images)


class _Mixing(_Patches):
    """Layers that mix images with others of their batch, and their labels in the same parts."""

    def _transform_labels(self, labels: Tensor, drawn: Drawn) -> Tensor:
        if labels.ndim < 2:
            raise ValueError(
                f"the labels are {labels.shape}, expected rows (N, classes): classes as numbers cannot be mixed; use "
                "utils.to_categorical(labels)"
            )
        labels = ops.cast(labels, self._dtype) if labels.dtype.kind != "f" else labels
        weight = ops.reshape(ops.cast(drawn["mix_weight"], labels.dtype), (-1, *(1,) * (labels.ndim - 1)))
        others = ops.take(labels, drawn["permutation_order"], axis=0)
        return ops.add(ops.multiply(labels, weight), ops.multiply(others, ops.subtract(1.0, weight)))

    def _transform_masks(self, masks: Tensor, drawn: Drawn) -> Tensor:
        return self._transform(masks, drawn)


class MixUp(_Mixing):
    """In training, blends each image, and its label, with another of its batch.

    Args:
        alpha: the part of an image is drawn from the Beta distribution with both parameters ``alpha``, a positive
            number; small ones leave most images nearly alone.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.  Labels are
        rows (N, classes).

    Output shape: the input's.

    Raises:
        ValueError: ``alpha`` is not positive; the images have other axes; the labels are no rows.

    Source: Keras 3, MixUp; Zhang et al. 2017, "mixup: Beyond Empirical Risk Minimization".

    Example:
        >>> images, labels = np.random.rand(4, 8, 8, 3).astype("float32"), np.eye(4, dtype="float32")
        >>> mixed = layers.MixUp(seed=1)({"images": images, "labels": labels}, training=True)
        >>> mixed["images"].shape, mixed["labels"].shape
        ((4, 8, 8, 3), (4, 4))
    """

    def __init__(
        self, alpha: float = 0.2, data_format: str | None = None, seed: Any = None, **kwargs: Unpack[BoxOptions]
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        if not is_number(alpha) or not alpha > 0:
            raise ValueError(f"{self._label()}: alpha must be a positive number, got {alpha!r}")
        self.alpha = float(alpha)

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        order = rng.permutation(shape[0])
        return {
            "permutation_order": order,
            "mix_weight": rng.beta(self.alpha, self.alpha, shape[0]).astype(self._dtype),
        }

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        weight = ops.reshape(drawn["mix_weight"], (-1, 1, 1, 1))
        others = ops.take(images, drawn["permutation_order"], axis=0)
        return ops.add(ops.multiply(images, weight), ops.multiply(others, ops.subtract(1.0, weight)))

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes of both images.

        Args:
            bounding_boxes: a dict of "boxes" (N, boxes, 4) and "labels" (N, boxes).
            transformation: what ``get_random_transformation`` returned.
            training: whether they are changed at all.
        """
        given = dense_boxes(self, bounding_boxes)
        if not training:
            return given
        others = {k: ops.take(given[k], transformation["permutation_order"], axis=0) for k in ("boxes", "labels")}
        return given | {k: ops.concatenate([given[k], v], axis=1) for k, v in others.items()}


class CutMix(_Mixing):
    """In training, puts a random rectangle of another image of the batch into each, and blends labels by area.

    Args:
        factor: (lower, upper), both between 0 and 1: the part of an image that stays is drawn from the Beta
            distribution whose both parameters lie between them; one number f stands for (0, f).

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.  Labels are
        rows (N, classes).

    Output shape: the input's.

    Raises:
        ValueError: ``factor`` is out of range; the images have other axes; the labels are no rows.

    Source: Keras 3, CutMix; Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers".

    Example:
        >>> images, labels = np.random.rand(4, 8, 8, 3).astype("float32"), np.eye(4, dtype="float32")
        >>> mixed = layers.CutMix(seed=1)({"images": images, "labels": labels}, training=True)
        >>> mixed["images"].shape, mixed["labels"].shape
        ((4, 8, 8, 3), (4, 4))
    """

    _takes_boxes = False  # what is left of a box under a patch is not known

    def __init__(
        self, factor: Any = 1.0, seed: Any = None, data_format: str | None = None, **kwargs: Unpack[BoxOptions]
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, 0, 1)

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        n = shape[0]
        alpha = float(self._uniform(rng, (), self.factor)) + 1e-6  # 1e-6 is free: any small one that is not 0
        ratio = np.sqrt(1.0 - rng.beta(alpha, alpha, n))
        masks, covered = self._rectangles(shape, rng, np.stack([ratio, ratio], axis=1))
        weight = (1.0 - covered).astype(self._dtype)
        return {"permutation_order": rng.permutation(n), "batch_masks": masks, "mix_weight": weight}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        return ops.where(drawn["batch_masks"], ops.take(images, drawn["permutation_order"], axis=0), images)


__all__ = ["CutMix", "MixUp", "RandomErasing"]
