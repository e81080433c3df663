"""Bounding boxes on images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.arrays import to_numbers
from ..ops.bounding_boxes import convert_format
from ..ops.data_format import is_channels_first
from .gallery import GalleryOptions, Unpack, plot_image_gallery
from .masks import rgb


def draw_bounding_boxes(
    images: Any,
    bounding_boxes: Mapping[str, Any],
    bounding_box_format: str,
    class_mapping: Mapping[int, str] | None = None,
    color: Sequence[int] = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> Any:
    """Images with boxes drawn on them, and their classes' names above these; needs Pillow.

    Args:
        images: (N, H, W, C) numbers from 0 to 255 with 1 or 3 channels.
        bounding_boxes: a dict of "boxes" (N, boxes, 4), "labels" (N, boxes), and if there are any "confidences"
            (N, boxes); boxes of label -1 are none.
        bounding_box_format: format of the boxes, as for ``utils.bounding_boxes.convert_format``.
        class_mapping: {class: name}; None writes none.
        color: red, green and blue of the lines, from 0 to 255.
        line_thickness: pixels of the lines.
        text_thickness: pixels around the letters, less one.
        font_scale: size of the letters.
        data_format: "channels_last" (None: see config) or "channels_first": where the channels stand.

    Returns: uint8 images of the same layout, with 3 channels.

    Raises:
        ValueError: the images have other axes, boxes or labels are missing or do not fit, or the format is unknown.
        TypeError: ``bounding_boxes`` is no dict.
        ImportError: Pillow is missing.

    Source: Keras 3, keras.visualization.draw_bounding_boxes.

    Example:
        >>> boxes = {"boxes": [[[2, 2, 6, 6]]], "labels": [[0]]}
        >>> drawn = lamina.visualization.draw_bounding_boxes(np.zeros((1, 9, 9, 3)), boxes, "xyxy", line_thickness=1)
        >>> drawn[0, 2, :, 0].tolist()
        [0, 0, 128, 128, 128, 128, 128, 0, 0]
    """
    what = "draw_bounding_boxes"
    if not isinstance(bounding_boxes, Mapping):
        raise TypeError(f"{what}: bounding_boxes must be a dict, got {type(bounding_boxes).__name__}")
    for name in ("boxes", "labels"):
        if name not in bounding_boxes:
            raise ValueError(f"{what}: bounding_boxes lack {name!r}; they have {', '.join(map(repr, bounding_boxes))}")
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise ImportError(f'{what} needs Pillow: pip install "lamina[plot]"') from error
    pixels = rgb(what, images, data_format).astype(np.uint8)
    height, width = pixels.shape[1:3]
    boxes = np.asarray(
        convert_format(
            to_numbers(f"{what}: boxes", bounding_boxes["boxes"]), bounding_box_format, "xyxy", height, width
        )
    )
    labels = to_numbers(f"{what}: labels", bounding_boxes["labels"])
    if boxes.ndim != 3 or len(boxes) != len(pixels) or labels.shape != boxes.shape[:2]:
        raise ValueError(
            f"{what}: boxes are {boxes.shape} and labels {labels.shape}, expected ({len(pixels)}, boxes, 4) and "
            f"({len(pixels)}, boxes)"
        )
    confidences = bounding_boxes.get("confidences")
    rates = None if confidences is None else to_numbers(f"{what}: confidences", confidences)
    font = ImageFont.load_default(size=max(11.0 * font_scale, 4.0))
    drawn = []
    for n, image in enumerate(pixels):
        canvas = Image.fromarray(image)
        pen, ink = ImageDraw.Draw(canvas), tuple(int(c) for c in color)
        for m, (left, top, right, bottom) in enumerate(np.round(boxes[n]).tolist()):
            label = int(labels[n, m])
            if label == -1 or not (right >= left and bottom >= top):
                continue
            pen.rectangle((left, top, right, bottom), outline=ink, width=max(int(line_thickness), 1))
            if class_mapping is not None:
                name = str(class_mapping.get(label, label))
                text = name if rates is None else f"{name} {float(rates[n, m]):.2f}"
                _write(pen, text, (left, top), ink, font, max(int(text_thickness), 1) - 1, width)
        drawn.append(np.asarray(canvas))
    result = np.stack(drawn) if drawn else pixels
    return result.transpose(0, 3, 1, 2) if is_channels_first(what, data_format) else result


def _write(
    pen: Any, text: str, corner: tuple[float, float], ink: tuple[int, ...], font: Any, around: int, width: int
) -> None:
    """A text on a ground of the box's colour, above the box or, where there is no room, inside."""
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font, stroke_width=around)
    wide, high = right - left + 4, bottom - top + 4
    x = min(max(corner[0], 0), max(width - wide, 0))
    y = corner[1] - high if corner[1] >= high else corner[1]
    pen.rectangle((x, y, x + wide, y + high), fill=ink)
    light = 0.299 * ink[0] + 0.587 * ink[1] + 0.114 * ink[2] > 140
    letters = (0, 0, 0) if light else (255, 255, 255)
    pen.text((x + 2 - left, y + 2 - top), text, fill=letters, font=font, stroke_width=around, stroke_fill=letters)


def plot_bounding_box_gallery(
    images: Any,
    bounding_box_format: str,
    y_true: Mapping[str, Any] | None = None,
    y_pred: Mapping[str, Any] | None = None,
    value_range: Sequence[float] = (0, 255),
    true_color: Sequence[int] = (0, 188, 212),
    pred_color: Sequence[int] = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None,
    prediction_mapping: Mapping[int, str] | None = None,
    legend: bool = False,
    legend_handles: Sequence[Any] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Unpack[GalleryOptions],
) -> list[Any]:
    """Draw images by matplotlib, with true and predicted boxes on them; needs Pillow, too.

    Args:
        images: (N, H, W, C) numbers.
        bounding_box_format: format of the boxes, as for ``utils.bounding_boxes.convert_format``.
        y_true: true boxes, as ``draw_bounding_boxes`` takes them.
        y_pred: predicted ones.
        value_range: what is black and white.
        true_color: red, green and blue of the true boxes.
        pred_color: those of the predicted.
        line_thickness: pixels of the lines.
        font_scale: size of the letters.
        text_thickness: pixels around the letters, less one; None means 1.
        class_mapping: {class: name} of both.
        ground_truth_mapping: {class: name} of the true ones, before ``class_mapping``.
        prediction_mapping: {class: name} of the predicted ones, before ``class_mapping``.
        legend: whether the colours are explained.
        legend_handles: matplotlib's handles of a legend, before ``legend``.
        rows: how many rows; None follows from ``cols``.
        cols: how many columns; None makes the grid about as wide as high.
        data_format: "channels_last" (None: see config) or "channels_first".
        **kwargs: further arguments of ``plot_image_gallery``.

    Returns: matplotlib's axes, as a list.

    Raises:
        ValueError: as ``draw_bounding_boxes``.
        ImportError: matplotlib or Pillow is missing.

    Source: Keras 3, keras.visualization.plot_bounding_box_gallery.

    Example:
        >>> boxes = {"boxes": [[[2, 2, 6, 6]]], "labels": [[0]]}
        >>> len(lamina.visualization.plot_bounding_box_gallery(np.zeros((1, 9, 9, 3)), "xyxy", y_true=boxes))
        1
    """
    what = "plot_bounding_box_gallery"
    low, high = map(float, value_range)
    pixels: Any = rgb(what, (to_numbers(f"{what}: images", images) - low) * (255.0 / (high - low)), data_format)
    handles = list(legend_handles or [])
    for boxes, color, own, name in (
        (y_true, true_color, ground_truth_mapping, "true"),
        (y_pred, pred_color, prediction_mapping, "predicted"),
    ):
        if boxes is not None:
            look = (own or class_mapping, color, line_thickness, text_thickness or 1, font_scale, "channels_last")
            pixels = draw_bounding_boxes(pixels, boxes, bounding_box_format, *look)
            if legend and not legend_handles:
                from matplotlib.patches import Patch

                handles.append(Patch(color=(color[0] / 255, color[1] / 255, color[2] / 255), label=name))
    places: dict[str, Any] = {"rows": rows, "cols": cols, "legend_handles": handles}
    return plot_image_gallery(pixels, data_format="channels_last", **places, **kwargs)


__all__ = ["draw_bounding_boxes", "plot_bounding_box_gallery"]
