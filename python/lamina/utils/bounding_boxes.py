"""Functions on rectangles in images, under the names of keras.utils.bounding_boxes."""

from __future__ import annotations

from ..core.rooms import publish
from ..ops.bounding_boxes import affine_transform as affine_transform
from ..ops.bounding_boxes import clip_to_image_size as clip_to_image_size
from ..ops.bounding_boxes import compute_ciou as compute_ciou
from ..ops.bounding_boxes import compute_iou as compute_iou
from ..ops.bounding_boxes import convert_format as convert_format
from ..ops.bounding_boxes import crop as crop
from ..ops.bounding_boxes import decode_deltas_to_boxes as decode_deltas_to_boxes
from ..ops.bounding_boxes import encode_box_to_deltas as encode_box_to_deltas
from ..ops.bounding_boxes import pad as pad

__all__ = [
    "affine_transform", "clip_to_image_size", "compute_ciou", "compute_iou", "convert_format", "crop",
    "decode_deltas_to_boxes", "encode_box_to_deltas", "pad",
]  # fmt: skip

publish(__name__)
