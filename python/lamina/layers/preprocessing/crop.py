"""Parts of images: CenterCrop, RandomCrop."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Array, Tensor
from .. import arguments
from ..symbolic import Shape
from .images import Drawn, ImageLayer, RandomImageLayer


class _Crop(ImageLayer):
    """Images of one size, whatever size they had."""

    _only_in_training = False
    height: int
    width: int

    def _output_shape(self, shape: Shape) -> Shape:
        sizes = list(shape)
        for axis, n in zip(self._image_axes, (self.height, self.width), strict=True):
            sizes[axis] = n
        return tuple(sizes)

    def _part(self, x: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
        if self.data_format == "channels_first":
            return x[..., top : top + height, left : left + width]
        return x[..., top : top + height, left : left + width, :]

    def _largest_window(self, x: Tensor) -> Tensor:
        """The largest part in the middle that has the wanted proportions, resized."""
        rows, columns = self._size(x.shape)
        height = max(min(rows, int(columns * self.height / self.width)), 1)
        width = max(min(columns, int(rows * self.width / self.height)), 1)
        part = self._part(x, (rows - height) // 2, (columns - width) // 2, height, width)
        return ops.image.resize(part, (self.height, self.width), "bilinear", self.data_format)

    def _transform_masks(self, masks: Tensor, drawn: Drawn) -> Tensor:
        return self._transform(masks, drawn)


class CenterCrop(_Crop):
    """The middle of images; of an image that is smaller than wanted the largest part of the same proportions, resized.

    Args:
        height: rows of the result, a positive integer.
        width: columns of the result, a positive integer.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's with ``height`` and ``width`` in place of H and W.

    Raises:
        ValueError: a size is not positive; the images have other axes.

    Source: Keras 3, CenterCrop.
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.height = arguments.positive(self, "height", height)
        self.width = arguments.positive(self, "width", width)

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        rows, columns = self._size(images.shape)
        if rows >= self.height and columns >= self.width:
            return self._part(images, (rows - self.height) // 2, (columns - self.width) // 2, self.height, self.width)
        return self._largest_window(images)


class RandomCrop(_Crop, RandomImageLayer):
    """In training, a part of images at a random place, the same for all images of a batch.

    Without training, and of images that are not larger than wanted, the largest part in the middle that has the wanted
    proportions, resized.

    Args:
        height: rows of the result, a positive integer.
        width: columns of the result, a positive integer.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's with ``height`` and ``width`` in place of H and W.

    Raises:
        ValueError: a size is not positive; the images have other axes.

    Source: Keras 3, RandomCrop.  There, images are left as they are without training.
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: Any = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, data_format=data_format, name=name, **kwargs)
        self.height = arguments.positive(self, "height", height)
        self.width = arguments.positive(self, "width", width)

    def call(self, data: Any, training: bool = False) -> Any:
        if training:
            return super().call(data, training)
        return self._without_training(data)

    def _without_training(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self._is_single(data.shape)
            return self._largest_window(ops.cast(data, self._dtype))
        parts = {k: self._without_training(data[k]) for k in ("images", "segmentation_masks") if k in data}
        return {**data, **parts}

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        rows, columns = self._size(shape)
        if rows <= self.height or columns <= self.width:
            return {}
        places = zip((rows, columns), (self.height, self.width), strict=True)
        top, left = (int(rng.integers(n - wanted + 1)) + np.arange(wanted, dtype=np.int32) for n, wanted in places)
        return {"rows": top, "columns": left}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        if not drawn:
            return self._largest_window(images)
        height, width = self._image_axes
        return ops.take(ops.take(images, drawn["rows"], axis=height), drawn["columns"], axis=width)


__all__ = ["CenterCrop", "RandomCrop"]
