"""MaxNumBoundingBoxes: as many boxes for each image."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...core.autograd import Tensor
from .. import arguments
from ..options import ImageOptions, Unpack
from .image_layer import Drawn, ImageLayer, dense_boxes


class MaxNumBoundingBoxes(ImageLayer):
    """The same number of bounding boxes for each image: further ones are left out, missing ones filled up.

    Images, labels and masks stay as they are.

    Args:
        max_number: how many boxes, a positive integer.
        fill_value: what missing boxes and their labels hold.

    Input shape: a dict of "images" and "bounding_boxes", which are "boxes" (N, boxes, 4) and "labels" (N, boxes).

    Output shape: the input's with ``max_number`` boxes.

    Raises:
        ValueError: ``max_number`` is not positive; boxes or labels have other axes.

    Source: Keras 3, MaxNumBoundingBoxes.

    Example:
        >>> boxes = {"boxes": np.ones((1, 5, 4), "float32"), "labels": np.ones((1, 5))}
        >>> layer = layers.MaxNumBoundingBoxes(max_number=3)
        >>> y = layer({"images": np.ones((1, 8, 8, 3), "float32"), "bounding_boxes": boxes})
        >>> y["bounding_boxes"]["boxes"].shape
        (1, 3, 4)
    """

    _only_in_training = False
    _needs_format = False  # of boxes, which are not looked into

    def __init__(self, max_number: int, fill_value: float = -1, **kwargs: Unpack[ImageOptions]) -> None:
        super().__init__(**kwargs)
        self.max_number = arguments.positive(self, "max_number", max_number)
        self.fill_value = int(fill_value)

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        return images

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """The first ``max_number`` boxes.

        Args:
            bounding_boxes: a dict of "boxes" (N, boxes, 4) and "labels" (N, boxes).
            transformation: nothing is decided.
            training: in training or not.
        """
        given = dense_boxes(self, bounding_boxes)
        missing = max(self.max_number - given["boxes"].shape[1], 0)
        return given | {
            key: ops.pad(
                given[key][:, : self.max_number],
                ((0, 0), (0, missing), *((0, 0),) * (given[key].ndim - 2)),
                constant_values=self.fill_value,
            )
            for key in ("boxes", "labels")
        }

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = super().compute_output_shape(input_shape)
        if isinstance(shape, dict) and "bounding_boxes" in shape:
            boxes = shape["bounding_boxes"]
            shorter = {k: (s[0], self.max_number, *s[2:]) for k, s in boxes.items() if k in ("boxes", "labels")}
            shape = {**shape, "bounding_boxes": {**boxes, **shorter}}
        return shape


__all__ = ["MaxNumBoundingBoxes"]
