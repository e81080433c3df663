"""Segmentation masks over images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.arrays import to_numbers
from ..ops.data_format import is_channels_first
from .gallery import PlacedOptions, Unpack, plot_image_gallery

# Colours of classes that are told apart by most eyes (Okabe and Ito 2008), black and white left out.
_PALETTE = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))


def draw_segmentation_masks(
    images: Any,
    segmentation_masks: Any,
    num_classes: int | None = None,
    color_mapping: Mapping[int, Sequence[int]] | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> Any:
    """Images with the classes of their pixels in colours over them; class 0 is the background and not coloured.

    Args:
        images: (N, H, W, C) numbers from 0 to 255 with 1 or 3 channels.
        segmentation_masks: (N, H, W) or (N, H, W, 1) integers, the classes.
        num_classes: how many classes there are; None takes those up to the largest.
        color_mapping: {class: (red, green, blue)}; None takes colours of its own.
        alpha: how much the colours hide, between 0 and 1.
        blend: whether images shine through; else pixels are coloured whole.
        ignore_index: a class that is not coloured.
        data_format: "channels_last" (None: see config) or "channels_first": where the channels stand.

    Returns: uint8 images of the same layout, with 3 channels.

    Raises:
        ValueError: images and masks do not fit each other, a class has no colour, ``alpha`` is out of range.
        TypeError: the masks are no integers.

    Source: Keras 3, keras.visualization.draw_segmentation_masks.

    Example:
        >>> masks = np.array([[[0, 1], [2, 0]]])
        >>> lamina.visualization.draw_segmentation_masks(np.zeros((1, 2, 2, 3)), masks, alpha=1.0)[0, 0].tolist()
        [[0, 0, 0], [230, 159, 0]]
    """
    what = "draw_segmentation_masks"
    pixels = rgb(what, images, data_format)
    masks = to_numbers(f"{what}: segmentation_masks", segmentation_masks)
    if masks.dtype.kind not in "iub":
        raise TypeError(f"{what}: segmentation_masks must be integers, got {masks.dtype}")
    masks = masks[..., 0] if masks.ndim == 4 and masks.shape[-1] == 1 else masks
    masks = masks[:, 0] if masks.ndim == 4 and masks.shape[1] == 1 else masks
    if masks.shape != pixels.shape[:3]:
        raise ValueError(f"{what}: segmentation_masks are {masks.shape}, expected {pixels.shape[:3]} as the images")
    if not 0 <= alpha <= 1:
        raise ValueError(f"{what}: alpha must be between 0 and 1, got {alpha!r}")
    most = int(masks.max(initial=0)) if num_classes is None else int(num_classes)
    result = pixels.copy()
    for number in np.unique(masks).tolist():
        if number in (0, ignore_index) and (number == ignore_index or ignore_index != 0):
            continue
        if number < 0 or number > most:
            raise ValueError(f"{what}: class {number} is not among the {most} classes")
        color = _PALETTE[(number - 1) % len(_PALETTE)] if color_mapping is None else color_mapping.get(number)
        if color is None:
            raise ValueError(f"{what}: color_mapping has no colour of class {number}")
        result[masks == number] = np.asarray(color, np.float32)
    part = float(alpha) if blend else 1.0
    mixed = np.round(pixels * (1.0 - part) + result * part).astype(np.uint8)
    return mixed.transpose(0, 3, 1, 2) if is_channels_first(what, data_format) else mixed


def rgb(what: str, images: Any, data_format: str | None) -> Any:
    """(N, H, W, 3) float32 pixels from 0 to 255."""
    pixels = to_numbers(f"{what}: images", images)
    if pixels.ndim != 4:
        raise ValueError(f"{what}: images are {pixels.shape}, expected four axes: (N, H, W, C)")
    pixels = pixels.transpose(0, 2, 3, 1) if is_channels_first(what, data_format) else pixels
    if pixels.shape[-1] not in (1, 3):
        raise ValueError(f"{what}: images have {pixels.shape[-1]} channels, expected 1 or 3")
    return np.clip(np.broadcast_to(pixels, (*pixels.shape[:3], 3)).astype(np.float32), 0.0, 255.0)


def plot_segmentation_mask_gallery(
    images: Any,
    num_classes: int,
    value_range: Sequence[float] = (0, 255),
    y_true: Any = None,
    y_pred: Any = None,
    color_mapping: Mapping[int, Sequence[int]] | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Unpack[PlacedOptions],
) -> list[Any]:
    """Draw images by matplotlib, each with its true and its predicted mask beside it.

    Args:
        images: (N, H, W, C) numbers.
        num_classes: how many classes there are.
        value_range: what is black and white.
        y_true: (N, H, W) or (N, H, W, 1) integers, the true classes.
        y_pred: the predicted ones.
        color_mapping: {class: (red, green, blue)}; None takes colours of its own.
        blend: whether images shine through.
        alpha: how much the colours hide.
        ignore_index: a class that is not coloured.
        data_format: "channels_last" (None: see config) or "channels_first".
        **kwargs: further arguments of ``plot_image_gallery``.

    Returns: matplotlib's axes, as a list.

    Raises:
        ValueError: as ``draw_segmentation_masks``.
        ImportError: matplotlib is missing.

    Source: Keras 3, keras.visualization.plot_segmentation_mask_gallery.

    Example:
        >>> images, masks = np.zeros((2, 8, 8, 3)), np.ones((2, 8, 8), int)
        >>> len(lamina.visualization.plot_segmentation_mask_gallery(images, 2, y_true=masks))
        4
    """
    what = "plot_segmentation_mask_gallery"
    low, high = map(float, value_range)
    pixels = rgb(what, (to_numbers(f"{what}: images", images) - low) * (255.0 / (high - low)), data_format)
    columns = [pixels]
    for masks in (y_true, y_pred):
        if masks is not None:
            options = (num_classes, color_mapping, alpha, blend, ignore_index, "channels_last")
            columns.append(draw_segmentation_masks(pixels, masks, *options).astype(np.float32))
    beside = np.stack(columns, axis=1).reshape(-1, *pixels.shape[1:])
    kwargs.setdefault("cols", len(columns))
    return plot_image_gallery(beside, data_format="channels_last", **kwargs)


__all__ = ["draw_segmentation_masks", "plot_segmentation_mask_gallery"]
