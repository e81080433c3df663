"""RandomFlip: images mirrored by chance."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...core.autograd import Array, Tensor
from ...core.suggest import unknown
from ...ops.bounding_boxes import sides
from ..options import BoxOptions, Unpack
from .image_layer import Drawn, RandomImageLayer

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(RandomImageLayer):
    """In training, mirrors every other image by chance; without, the input.

    Args:
        mode: "horizontal" exchanges left and right, "vertical" top and bottom, "horizontal_and_vertical" both at once.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``mode`` is unknown; the images have other axes.

    Source: Keras 3, RandomFlip.

    Example:
        >>> layer = layers.RandomFlip("horizontal", seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        if mode not in _MODES:
            raise unknown(f"mode of {self._label()}", mode, _MODES)
        self.mode = mode

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        return {"flips": rng.random((shape[0], 1, 1, 1)) <= 0.5}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        height, width = self._image_axes
        axes = {"horizontal": (width,), "vertical": (height,)}.get(self.mode, (height, width))
        return ops.where(drawn["flips"], ops.flip(images, axes), images)

    def _transform_masks(self, masks: Tensor, drawn: Drawn) -> Tensor:
        return self._transform(masks, drawn)

    def _transform_boxes(self, boxes: Tensor, drawn: Drawn) -> Tensor:
        height, width = drawn["image_size"]
        left, top, right, bottom = sides(boxes)
        flipped = [left, top, right, bottom]
        if "horizontal" in self.mode:
            flipped[0::2] = ops.subtract(width, right), ops.subtract(width, left)
        if "vertical" in self.mode:
            flipped[1::2] = ops.subtract(height, bottom), ops.subtract(height, top)
        return ops.where(ops.reshape(drawn["flips"], (-1, 1, 1)), ops.stack(flipped, axis=-1), boxes)


__all__ = ["RandomFlip"]
