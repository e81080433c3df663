"""Images of a wanted size: CenterCrop, RandomCrop, Resizing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Array, Tensor
from ...core.explain import is_number
from ...core.suggest import unknown
from ...ops.bounding_boxes import pad
from ...ops.images import border, largest_part
from ...ops.resize import KERAS_INTERPOLATIONS
from .. import arguments
from ..options import BoxOptions, UnnamedBoxOptions, Unpack
from ..symbolic import Shape
from .image_layer import Drawn, ImageLayer, RandomImageLayer


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

    def _new_size(self, size: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.height, self.width

    def _boxes_of_part(self, boxes: Tensor, part: tuple[Any, Any, Any, Any]) -> Tensor:
        """Boxes as a part (top, left, rows, columns) of the image has them that becomes the result."""
        top, left, rows, columns = part
        scale = np.array([self.width / columns, self.height / rows] * 2, self._dtype)
        return ops.multiply(pad(boxes, ops.multiply(top, -1), ops.multiply(left, -1)), scale)

    def _boxes_of_largest(self, boxes: Tensor, drawn: Drawn) -> Tensor:
        rows, columns = drawn["image_size"]
        return self._boxes_of_part(boxes, largest_part(rows, columns, self.height, self.width))

    def _largest_part(self, x: Tensor) -> Tensor:
        """The largest part in the middle that has the wanted proportions, resized."""
        size = self.height, self.width
        return ops.image.resize(x, size, crop_to_aspect_ratio=True, data_format=self.data_format)

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

    Example:
        >>> layers.CenterCrop(4, 4)(np.ones((1, 8, 8, 3), "float32")).shape
        (1, 4, 4, 3)
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Unpack[BoxOptions]) -> None:
        super().__init__(data_format, **kwargs)
        self.height = arguments.positive(self, "height", height)
        self.width = arguments.positive(self, "width", width)

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        rows, columns = self._size(images.shape)
        if rows < self.height or columns < self.width:
            return self._largest_part(images)
        top, left = (rows - self.height) // 2, (columns - self.width) // 2
        if self.data_format == "channels_first":
            return images[..., top : top + self.height, left : left + self.width]
        return images[..., top : top + self.height, left : left + self.width, :]

    def _transform_boxes(self, boxes: Tensor, drawn: Drawn) -> Tensor:
        rows, columns = drawn["image_size"]
        if rows < self.height or columns < self.width:
            return self._boxes_of_largest(boxes, drawn)
        top, left = (rows - self.height) // 2, (columns - self.width) // 2
        return self._boxes_of_part(boxes, (top, left, self.height, self.width))


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

    Example:
        >>> layers.RandomCrop(4, 4, seed=1)(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 4, 4, 3)
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: Any = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Unpack[UnnamedBoxOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, name=name, **kwargs)
        self.height = arguments.positive(self, "height", height)
        self.width = arguments.positive(self, "width", width)

    def call(self, data: Any, training: bool = True) -> Any:
        if training:
            return super().call(data, training)
        return self._without_training(data)

    def _without_training(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self._is_single(data.shape)
            return self._largest_part(ops.cast(data, self._dtype))
        parts = {k: self._without_training(data[k]) for k in ("images", "segmentation_masks") if k in data}
        if "bounding_boxes" in data:
            self._check_boxes(data["bounding_boxes"])
            shape = data["images"].shape
            drawn = {"image_size": self._size(shape)}
            change, boxes = self.transform_bounding_boxes, data["bounding_boxes"]
            parts["bounding_boxes"] = (
                self._of_batch(change, boxes, drawn) if self._is_single(shape) else change(boxes, drawn)
            )
        return {**data, **parts}

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        rows, columns = self._size(shape)
        if rows <= self.height or columns <= self.width:
            return {}
        places = zip((rows, columns), (self.height, self.width), strict=True)
        top, left = (int(rng.integers(n - wanted + 1)) + np.arange(wanted, dtype=np.int32) for n, wanted in places)
        return {"rows": top, "columns": left}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        if "rows" not in drawn:
            return self._largest_part(images)
        height, width = self._image_axes
        return ops.take(ops.take(images, drawn["rows"], axis=height), drawn["columns"], axis=width)

    def _transform_boxes(self, boxes: Tensor, drawn: Drawn) -> Tensor:
        if "rows" not in drawn:
            return self._boxes_of_largest(boxes, drawn)
        top, left = (ops.cast(drawn[name][0], self._dtype) for name in ("rows", "columns"))
        return self._boxes_of_part(boxes, (top, left, self.height, self.width))


class Resizing(_Crop):
    """Images of another size, in training or not; integers remain integers.

    Args:
        height: rows of the result, a positive integer.
        width: columns of the result, a positive integer.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5"; masks take the nearest pixel.
        crop_to_aspect_ratio: whether the largest part in the middle of the wanted proportions is taken before.
        pad_to_aspect_ratio: whether a border gives the image the wanted proportions before.
        fill_mode: how the border is filled: "constant".
        fill_value: what the border holds.
        antialias: whether images are smoothed as far as they shrink.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's with ``height`` and ``width`` in place of H and W.

    Raises:
        ValueError: an option is out of range, unknown or not supported; the images have other axes or no pixels.
        TypeError: ``fill_value`` is no number.

    Source: Keras 3, Resizing.

    Example:
        >>> layers.Resizing(16, 16)(np.ones((2, 8, 8, 3), "float32")).shape
        (2, 16, 16, 3)
    """

    _keeps_dtype = True

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.height = arguments.positive(self, "height", height)
        self.width = arguments.positive(self, "width", width)
        if interpolation not in KERAS_INTERPOLATIONS:
            raise unknown(f"interpolation of {self._label()}", interpolation, KERAS_INTERPOLATIONS)
        if fill_mode != "constant":
            raise unknown(f"fill_mode of {self._label()}", fill_mode, ("constant",))
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError(f"{self._label()}: crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other")
        if not is_number(fill_value):
            raise TypeError(f"{self._label()}: fill_value must be a number, got {fill_value!r}")
        self.interpolation, self.antialias = interpolation, bool(antialias)
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = bool(crop_to_aspect_ratio), bool(pad_to_aspect_ratio)
        self.fill_mode, self.fill_value = fill_mode, float(fill_value)

    def _resized(self, x: Tensor, interpolation: str) -> Tensor:
        return ops.image.resize(
            x, (self.height, self.width), interpolation, self.antialias, self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio, fill_value=self.fill_value, data_format=self.data_format,
        )  # fmt: skip

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        return self._resized(images, self.interpolation)

    def _transform_masks(self, masks: Tensor, drawn: Drawn) -> Tensor:
        return self._resized(masks, "nearest")

    def _transform_boxes(self, boxes: Tensor, drawn: Drawn) -> Tensor:
        rows, columns = drawn["image_size"]
        if self.crop_to_aspect_ratio:
            return self._boxes_of_largest(boxes, drawn)
        down, across = border(rows, columns, self.height, self.width) if self.pad_to_aspect_ratio else (0, 0)
        return self._boxes_of_part(boxes, (-down, -across, rows + 2 * down, columns + 2 * across))


__all__ = ["CenterCrop", "RandomCrop", "Resizing"]
