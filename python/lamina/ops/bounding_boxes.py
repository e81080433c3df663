"""Rectangles in images: their formats, what moving an image does to them, how far they overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..config import epsilon
from ..core.autograd import Tensor
from ..core.suggest import unknown
from .comparison import greater, less, logical_or, where
from .conversion import as_tensor, cast, concatenate, expand_dims, stack
from .elementwise import add, divide, exp, log, maximum, minimum, multiply, subtract
from .linear_algebra import einsum
from .reduction import max as largest
from .reduction import min as smallest
from .reshape import swapaxes
from .trigonometry import arctan

FORMATS = (
    "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh",
)  # fmt: skip
_Sides = tuple[Tensor, Tensor, Tensor, Tensor]


def checked_format(op: str, name: str, value: Any) -> str:
    """A format's name in small letters."""
    lower = value.lower() if isinstance(value, str) else value
    if lower not in FORMATS:
        raise unknown(f"{name} of {op}", value, FORMATS)
    return str(lower)


def sides(boxes: Tensor) -> _Sides:
    """The four columns of boxes (.., 4)."""
    return boxes[..., 0], boxes[..., 1], boxes[..., 2], boxes[..., 3]


def _row(columns: Sequence[Any]) -> Tensor:
    return stack(list(columns), axis=-1)


def _down_first(name: str) -> bool:
    return name.removeprefix("rel_").removeprefix("center_").startswith("yx")


def _converted(boxes: Any, source: str, target: str, image_shape: Any) -> Any:
    """``convert_format`` that keeps the type of real numbers."""
    x = as_tensor(boxes)
    height, width = _size(image_shape)
    return convert_format(x, source, target, height, width, x.dtype if x.dtype.kind == "f" else np.float32)


def _corners(boxes: Tensor, name: str) -> _Sides:
    """Left, top, right, bottom of boxes of a format, whether pixels or parts of the image."""
    a, b, c, d = sides(boxes)
    if _down_first(name):
        a, b, c, d = b, a, d, c
    if "center" in name:
        half_width, half_height = divide(c, 2.0), divide(d, 2.0)
        return subtract(a, half_width), subtract(b, half_height), add(a, half_width), add(b, half_height)
    return (a, b, add(a, c), add(b, d)) if name.endswith("wh") else (a, b, c, d)


def _as_format(left: Tensor, top: Tensor, right: Tensor, bottom: Tensor, name: str) -> Tensor:
    a, b, c, d = left, top, right, bottom
    if "center" in name or name.endswith("wh"):
        c, d = subtract(right, left), subtract(bottom, top)
    if "center" in name:
        a, b = add(left, divide(c, 2.0)), add(top, divide(d, 2.0))
    return _row((b, a, d, c) if _down_first(name) else (a, b, c, d))


def convert_format(
    boxes: Any, source: str, target: str, height: Any = None, width: Any = None, dtype: Any = "float32"
) -> Any:
    """Boxes in another format.

    Formats: "xyxy" is (left, top, right, bottom), "yxyx" (top, left, bottom, right), "xywh" (left, top, width, height),
    "center_xywh" (middle across, middle down, width, height), "center_yxhw" (middle down, middle across, height,
    width), in pixels; "rel_xyxy", "rel_yxyx", "rel_xywh" and "rel_center_xywh" are the same as parts of the image's
    size. Upper case is taken, too.

    Args:
        boxes: (.., 4), or a dict whose "boxes" are.
        source: their format.
        target: the format of the result.
        height: rows of the image; needed between pixels and parts.
        width: its columns.
        dtype: of the result.

    Returns: boxes, or the dict with other ones.

    Raises:
        ValueError: a format is unknown; boxes are not four numbers; the image's size is needed.

    Source: Keras 3, keras.utils.bounding_boxes.convert_format.

    Example:
        >>> utils.bounding_boxes.convert_format([[1.0, 2.0, 4.0, 6.0]], "xyxy", "xywh").tolist()
        [[1.0, 2.0, 3.0, 4.0]]
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    source = checked_format("convert_format", "source", source)
    target = checked_format("convert_format", "target", target)
    relative = source.startswith("rel_"), target.startswith("rel_")
    if any(relative) and (height is None or width is None):
        raise ValueError(
            f"convert_format: {source!r} to {target!r} needs the image's height and width, got {height} and {width}"
        )
    x = cast(as_tensor(boxes), dtype)
    if not x.ndim or x.shape[-1] != 4:
        raise ValueError(f"convert_format: boxes are {x.shape}, expected four numbers in the last axis")
    if source == target:
        return x
    left, top, right, bottom = _corners(x, source)
    if relative == (True, False):
        left, right = multiply(left, width), multiply(right, width)
        top, bottom = multiply(top, height), multiply(bottom, height)
    elif relative == (False, True):
        left, right = divide(left, width), divide(right, width)
        top, bottom = divide(top, height), divide(bottom, height)
    return _as_format(left, top, right, bottom, target)


def _only(op: str, bounding_box_format: str, *formats: str) -> None:
    if bounding_box_format not in formats:
        raise ValueError(
            f"{op}: bounding_box_format must be {' or '.join(map(repr, formats))}, got {bounding_box_format!r}"
        )


def clip_to_image_size(
    bounding_boxes: dict[str, Any], height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> dict[str, Any]:
    """Boxes without what lies beyond the image; labels of boxes without area become -1.

    Args:
        bounding_boxes: a dict of "boxes" (.., 4) and, if there are any, "labels".
        height: rows of the image; needed for "xyxy".
        width: its columns.
        bounding_box_format: "xyxy" or "rel_xyxy".

    Raises:
        ValueError: the format is another; the image's size is needed.

    Source: Keras 3, keras.utils.bounding_boxes.clip_to_image_size.

    Example:
        >>> boxes = {"boxes": np.array([[-2.0, 1.0, 3.0, 9.0]]), "labels": np.array([5])}
        >>> utils.bounding_boxes.clip_to_image_size(boxes, height=6, width=6)["boxes"].tolist()
        [[0.0, 1.0, 3.0, 6.0]]
    """
    _only("clip_to_image_size", bounding_box_format, "xyxy", "rel_xyxy")
    if bounding_box_format == "rel_xyxy":
        height = width = 1
    elif height is None or width is None:
        raise ValueError(f"clip_to_image_size: 'xyxy' needs height and width, got {height} and {width}")
    left, top, right, bottom = sides(as_tensor(bounding_boxes["boxes"]))
    left, right = (minimum(maximum(x, 0), width) for x in (left, right))
    top, bottom = (minimum(maximum(x, 0), height) for x in (top, bottom))
    result = {**bounding_boxes, "boxes": _row((left, top, right, bottom))}
    if bounding_boxes.get("labels") is not None:
        labels = as_tensor(bounding_boxes["labels"])
        area = multiply(subtract(right, left), subtract(bottom, top))
        some = greater(area, 0)
        if labels.ndim > some.ndim:  # rows of classes
            some = expand_dims(some, -1)
        result["labels"] = where(some, labels, np.asarray(-1, labels.dtype))
    return result


def crop(boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> Tensor:
    """Boxes as a part of the image has them, without what lies beyond it.

    Args:
        boxes: (.., 4).
        top: the part's first row.
        left: its first column.
        height: its rows.
        width: its columns.
        bounding_box_format: "xyxy".

    Raises:
        ValueError: the format is another.

    Source: Keras 3, keras.utils.bounding_boxes.crop.

    Example:
        >>> utils.bounding_boxes.crop([[1.0, 2.0, 4.0, 6.0]], top=1, left=1, height=4, width=4).tolist()
        [[0.0, 1.0, 3.0, 4.0]]
    """
    _only("crop", bounding_box_format, "xyxy")
    moved = pad(boxes, multiply(top, -1), multiply(left, -1))
    return as_tensor(clip_to_image_size({"boxes": moved}, height, width)["boxes"])


def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> Tensor:
    """Boxes as an image with a border has them.

    Args:
        boxes: (.., 4).
        top: rows of the border above.
        left: columns of the border to the left.
        height: not used, as in Keras: the border behind changes no box.
        width: not used, either.
        bounding_box_format: "xyxy".

    Raises:
        ValueError: the format is another.

    Source: Keras 3, keras.utils.bounding_boxes.pad.

    Example:
        >>> utils.bounding_boxes.pad([[1.0, 2.0, 4.0, 6.0]], top=1, left=2).tolist()
        [[3.0, 3.0, 6.0, 7.0]]
    """
    _only("pad", bounding_box_format, "xyxy")
    x1, y1, x2, y2 = sides(as_tensor(boxes))
    return _row((add(x1, left), add(y1, top), add(x2, left), add(y2, top)))


def around(points: Tensor) -> Tensor:
    """The smallest boxes (.., 4) around points (.., k, 2), columns and rows."""
    return concatenate([smallest(points, axis=-2), largest(points, axis=-2)], axis=-1)


def corner_points(boxes: Tensor) -> Tensor:
    """(.., 4, 2), columns and rows, of boxes (.., 4), "xyxy"."""
    x1, y1, x2, y2 = sides(boxes)
    return stack([_row(p) for p in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))], axis=-2)


def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: Any,
    width: Any,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """The boxes around boxes that are turned, moved, scaled and slanted, one way for each image.

    Args:
        boxes: (batch, boxes, 4).
        angle: in degrees against the clock, (batch,).
        translate_x: distance to the left as part of ``width - 1``, (batch,).
        translate_y: distance up as part of ``height - 1``.
        scale: factor.
        shear_x: angle in degrees by which columns are slanted.
        shear_y: the same for rows.
        height: rows of the image.
        width: its columns.
        center_x: what stays where it is, as part of ``width - 1``; None is 0.5.
        center_y: the same down.
        bounding_box_format: "xyxy".

    Raises:
        ValueError: the format is another; boxes have other axes.

    Source: Keras 3, keras.utils.bounding_boxes.affine_transform.

    Example:
        >>> box = np.array([[[2.0, 2.0, 4.0, 4.0]]])
        >>> still = [np.zeros(1)] * 3 + [np.ones(1)] + [np.zeros(1)] * 2  # angle, two distances, scale, two slants
        >>> utils.bounding_boxes.affine_transform(box, *still, height=8, width=8).tolist()
        [[[2.0, 2.0, 4.0, 4.0]]]
    """
    _only("affine_transform", bounding_box_format, "xyxy")
    x = as_tensor(boxes)
    if x.ndim != 3 or x.shape[-1] != 4:
        raise ValueError(f"affine_transform: boxes are {x.shape}, expected (batch, boxes, 4)")
    turn, slant_x, slant_y = (np.radians(-np.asarray(a, np.float64)) for a in (angle, shear_x, shear_y))
    scale = np.asarray(scale, np.float64)
    cx = (0.5 if center_x is None else np.asarray(center_x)) * (width - 1)
    cy = (0.5 if center_y is None else np.asarray(center_y)) * (height - 1)
    to_x = cx - np.asarray(translate_x, np.float64) * (width - 1)
    to_y = cy - np.asarray(translate_y, np.float64) * (height - 1)
    a = np.cos(turn - slant_y) / np.cos(slant_y)
    b = a * np.tan(slant_x) + np.sin(turn)
    c = -np.sin(turn - slant_y) / np.cos(slant_y)
    d = np.cos(turn) - c * np.tan(slant_x)
    rows = [[d * scale, -b * scale], [-c * scale, a * scale]]  # of the map's matrix
    shift = [m - p * to_x - q * to_y for m, (p, q) in zip((cx, cy), rows, strict=True)]
    matrix = np.stack([np.stack(np.broadcast_arrays(*r), -1) for r in rows], -2)
    kind = x.dtype if x.dtype.kind == "f" else np.float32
    points = einsum("bnkx,byx->bnky", cast(corner_points(x), kind), matrix.astype(kind))
    moved = np.stack(np.broadcast_arrays(*shift), -1)[..., None, None, :]
    return around(add(points, moved.astype(kind)))


def _variance(op: str, variance: Any) -> Any:
    if variance is None:
        return None
    values = np.asarray(variance, np.float32)
    if values.shape[-1:] != (4,):
        raise ValueError(f"{op}: variance must be four numbers, got {variance!r}")
    return values


def _size(image_shape: Any) -> tuple[Any, Any]:
    return (None, None) if image_shape is None else (image_shape[0], image_shape[1])


def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Tensor:
    """What has to be learned to find boxes from anchors: distances in sizes of the anchor, logarithms of size ratios.

    Args:
        anchors: (boxes, 4).
        boxes: (boxes, 4) or (batch, boxes, 4).
        anchor_format: format of the anchors.
        box_format: format of the boxes.
        encoding_format: order of the result: "center_yxhw" or "center_xywh".
        variance: four numbers that the result is divided by; None are ones.
        image_shape: (height, width, channels); needed where one format is relative.

    Raises:
        ValueError: a format is unknown; ``variance`` are not four numbers.

    Source: Keras 3, keras.utils.bounding_boxes.encode_box_to_deltas.

    Example:
        >>> anchors, boxes = np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 3.0, 2.0]])
        >>> utils.bounding_boxes.encode_box_to_deltas(anchors, boxes, "xyxy", "xyxy").tolist()
        [[0.0, 0.5, 0.0, 0.0]]
    """
    _only("encode_box_to_deltas", encoding_format, "center_xywh", "center_yxhw")
    shared = _variance("encode_box_to_deltas", variance)
    a = _converted(anchors, anchor_format, encoding_format, image_shape)
    b = _converted(boxes, box_format, encoding_format, image_shape)
    size = maximum(a[..., 2:], epsilon())
    distance = divide(subtract(b[..., :2], a[..., :2]), size)
    deltas = concatenate([distance, log(divide(maximum(b[..., 2:], epsilon()), size))], axis=-1)
    return deltas if shared is None else divide(deltas, shared)


def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """The boxes that ``encode_box_to_deltas`` made deltas of.

    Args:
        anchors: (boxes, 4), or a dict of such, one a level.
        boxes_delta: (boxes, 4) or (batch, boxes, 4), or a dict of such.
        anchor_format: format of the anchors.
        box_format: format of the result.
        encoded_format: order of the deltas: "center_yxhw" or "center_xywh".
        variance: four numbers that the deltas are multiplied by; None are ones.
        image_shape: (height, width, channels); needed where one format is relative.

    Raises:
        ValueError: a format is unknown; ``variance`` are not four numbers.

    Source: Keras 3, keras.utils.bounding_boxes.decode_deltas_to_boxes.

    Example:
        >>> anchors, deltas = np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[0.0, 0.5, 0.0, 0.0]])
        >>> utils.bounding_boxes.decode_deltas_to_boxes(anchors, deltas, "xyxy", "xyxy").tolist()
        [[1.0, 0.0, 3.0, 2.0]]
    """
    options = (anchor_format, box_format, encoded_format, variance, image_shape)
    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        return {level: decode_deltas_to_boxes(a, boxes_delta[level], *options) for level, a in anchors.items()}
    _only("decode_deltas_to_boxes", encoded_format, "center_xywh", "center_yxhw")
    shared = _variance("decode_deltas_to_boxes", variance)
    a = _converted(anchors, anchor_format, encoded_format, image_shape)
    delta = as_tensor(boxes_delta)
    delta = delta if shared is None else multiply(delta, shared)
    middle = add(multiply(delta[..., :2], a[..., 2:]), a[..., :2])
    box = concatenate([middle, multiply(exp(delta[..., 2:]), a[..., 2:])], axis=-1)
    return _converted(box, encoded_format, box_format, image_shape)


def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Any = None,
) -> Tensor:
    """How far boxes overlap: the area of the intersection over that of the union, of each box with each.

    Args:
        boxes1: (M, 4) or (batch, M, 4).
        boxes2: (N, 4) or (batch, N, 4).
        bounding_box_format: format of both.
        use_masking: whether pairs with a box that lies at negative places altogether get ``mask_val``.
        mask_val: what they get.
        image_shape: (height, width, channels); needed for relative formats.

    Returns: (M, N) or (batch, M, N).

    Raises:
        ValueError: boxes have other axes; the format is unknown, or relative without ``image_shape``.

    Source: Keras 3, keras.utils.bounding_boxes.compute_iou.

    Example:
        >>> one, other = np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 3.0, 2.0]])
        >>> round(float(utils.bounding_boxes.compute_iou(one, other, "xyxy")[0, 0]), 4)
        0.3333
    """
    found = [as_tensor(b) for b in (boxes1, boxes2)]
    for name, b in zip(("boxes1", "boxes2"), found, strict=True):
        if b.ndim not in (2, 3):
            raise ValueError(f"compute_iou: {name} are {b.shape}, expected (boxes, 4) or (batch, boxes, 4)")
    a, b = (_converted(x, bounding_box_format, "xyxy", image_shape) for x in found)
    left1, top1, right1, bottom1 = (expand_dims(x, -1) for x in sides(a))
    left2, top2, right2, bottom2 = (expand_dims(x, -2) for x in sides(b))
    across = maximum(subtract(minimum(right1, right2), maximum(left1, left2)), 0)
    down = maximum(subtract(minimum(bottom1, bottom2), maximum(top1, top2)), 0)
    both = multiply(across, down)
    area1 = multiply(subtract(right1, left1), subtract(bottom1, top1))
    area2 = multiply(subtract(right2, left2), subtract(bottom2, top2))
    iou = divide(both, add(subtract(add(area1, area2), both), epsilon()))
    if not use_masking:
        return iou
    nowhere = logical_or(
        less(largest(a, axis=-1, keepdims=True), 0), swapaxes(less(largest(b, axis=-1, keepdims=True), 0), -1, -2)
    )
    return where(nowhere, np.asarray(mask_val, iou.dtype), iou)


def compute_ciou(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None) -> Tensor:
    """Complete IoU of pairs of boxes: the overlap, less the distance of the middles and the difference of proportions.

    Args:
        boxes1: (.., 4).
        boxes2: (.., 4).
        bounding_box_format: format of both.
        image_shape: (height, width, channels); needed for relative formats, which Keras refuses.

    Returns: (..).

    Raises:
        ValueError: the format is unknown, or relative without ``image_shape``.

    Source: Keras 3, keras.utils.bounding_boxes.compute_ciou; Zheng et al. 2020.

    Example:
        >>> box = np.array([[0.0, 0.0, 2.0, 2.0]])
        >>> round(float(utils.bounding_boxes.compute_ciou(box, box, "xyxy")[0]), 4)
        1.0
    """
    a, b = (_converted(x, bounding_box_format, "xyxy", image_shape) for x in (boxes1, boxes2))
    left1, top1, right1, bottom1 = sides(a)
    left2, top2, right2, bottom2 = sides(b)
    width1, height1 = subtract(right1, left1), add(subtract(bottom1, top1), epsilon())
    width2, height2 = subtract(right2, left2), add(subtract(bottom2, top2), epsilon())
    across = maximum(subtract(minimum(right1, right2), maximum(left1, left2)), 0)
    down = maximum(subtract(minimum(bottom1, bottom2), maximum(top1, top2)), 0)
    both = multiply(across, down)
    union = add(subtract(add(multiply(width1, height1), multiply(width2, height2)), both), epsilon())
    iou = divide(both, add(union, epsilon()))
    hull_width = subtract(maximum(right1, right2), minimum(left1, left2))
    hull_height = subtract(maximum(bottom1, bottom2), minimum(top1, top2))
    diagonal = add(add(multiply(hull_width, hull_width), multiply(hull_height, hull_height)), epsilon())
    apart_x = divide(subtract(add(left1, right1), add(left2, right2)), 2)
    apart_y = divide(subtract(add(top1, bottom1), add(top2, bottom2)), 2)
    distance = add(multiply(apart_x, apart_x), multiply(apart_y, apart_y))
    turn = subtract(arctan(divide(width2, height2)), arctan(divide(width1, height1)))
    v = multiply(multiply(turn, turn), 4 / np.pi**2)
    alpha = divide(v, add(subtract(v, iou), 1 + epsilon()))
    return subtract(iou, add(divide(distance, diagonal), multiply(v, alpha)))


__all__: list[str] = []
