"""Many images beside each other, by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.arrays import to_numbers
from ..ops.data_format import is_channels_first
from .figures import new_axes


def pictures(what: str, images: Any, value_range: Sequence[float] | None, data_format: str | None = None) -> Any:
    """(N, H, W, C) numbers between 0 and 1, with 1, 3 or 4 channels.

    what: who asks, for errors.  images: (N, H, W), (N, H, W, C), or images of several sizes as a list.
    value_range: what black and white are; None: 0 and 255 of integers, else the least and greatest number.
    """
    if isinstance(images, (list, tuple)) and len({np.shape(i) for i in images}) > 1:
        sized = [to_numbers(f"{what}: images", i) for i in images]
    else:
        sized = [to_numbers(f"{what}: images", images)]
    found: list[Any] = []
    first = is_channels_first(what, data_format)
    for batch in sized:
        one = len(sized) > 1
        batch = batch[None] if one else batch
        if batch.ndim == 4 and first:
            batch = batch.transpose(0, 2, 3, 1)
        batch = batch[..., None] if batch.ndim == 3 else batch
        if batch.ndim != 4 or batch.shape[-1] not in (1, 3, 4):
            raise ValueError(
                f"{what}: images are {np.shape(batch)}, expected (N, H, W) or (N, H, W, C) with 1, 3 or 4 channels"
            )
        found += list(batch)
    if not found:
        raise ValueError(f"{what}: there are no images")
    if value_range is None:
        whole = all(image.dtype.kind in "iu" for image in found)
        finite = [image[np.isfinite(image)] for image in found if image.size]
        low = 0.0 if whole else min((float(f.min()) for f in finite if f.size), default=0.0)
        high = 255.0 if whole else max((float(f.max()) for f in finite if f.size), default=1.0)
    else:
        low, high = map(float, value_range)
        if not low < high:
            raise ValueError(f"{what}: value_range must be (least, greatest), got {tuple(value_range)}")
    span = (high - low) or 1.0
    return [np.nan_to_num(np.clip((image.astype(np.float32) - low) / span, 0.0, 1.0)) for image in found]


def shape_of_grid(what: str, n: int, rows: int | None, columns: int | None) -> tuple[int, int]:
    """How many rows and columns hold n images."""
    for name, given in (("rows", rows), ("columns", columns)):
        if given is not None and (isinstance(given, bool) or not isinstance(given, int) or given < 1):
            raise ValueError(f"{what}: {name} must be a positive integer or None, got {given!r}")
    if rows is None:
        columns = columns or min(n, max(4, round(n**0.5 * 1.3)))
        rows = -(-n // columns)
    return rows, columns or -(-n // rows)


def image_grid(
    images: Any,
    titles: Sequence[Any] | None = None,
    rows: int | None = None,
    columns: int | None = None,
    value_range: Sequence[float] | None = None,
    size: float = 1.6,
    data_format: str | None = None,
) -> list[Any]:
    """Draw images beside each other by matplotlib, with a title over each.

    Args:
        images: (N, H, W) or (N, H, W, C) numbers with 1, 3 or 4 channels, or a list of images of several sizes.
        titles: what stands over each image.
        rows: how many rows; None follows from ``columns`` and the number of images. Images beyond are left out.
        columns: how many columns; None makes the grid about as wide as high.
        value_range: what is drawn black and white; None takes 0 and 255 of integers, else the least and greatest.
        size: inches of an image.
        data_format: "channels_last" (None: see config) or "channels_first": where the channels stand.

    Returns: matplotlib's axes of the images, as a list.

    Raises:
        ValueError: the images have other axes, there are none, or there are not as many titles.
        ImportError: matplotlib is missing.

    Example:
        >>> axes = lamina.plot.image_grid(np.zeros((6, 8, 8)), titles=range(6))
        >>> len(axes), axes[5].get_title()
        (6, '5')
    """
    return draw_grid("image_grid", images, titles, rows, columns, value_range, size, data_format)


def draw_grid(
    what: str,
    images: Any,
    titles: Sequence[Any] | None,
    rows: int | None,
    columns: int | None,
    value_range: Sequence[float] | None,
    size: float,
    data_format: str | None,
) -> list[Any]:
    """As image_grid; ``what`` is who asks, for errors."""
    shown = pictures(what, images, value_range, data_format)
    names = None if titles is None else [str(t) for t in titles]
    if names is not None and len(names) != len(shown):
        raise ValueError(f"{what}: {len(shown)} images need as many titles, got {len(names)}")
    rows, columns = shape_of_grid(what, len(shown), rows, columns)
    shown = shown[: rows * columns]
    high = max((t.count("\n") + 1 for t in names or ()), default=0)
    tall = float(np.median([image.shape[0] / max(image.shape[1], 1) for image in shown]))
    height = min(max(tall, 0.3), 3.0) * size + 0.19 * high
    panels = new_axes(what, rows, columns, (size * columns + 0.1, height * rows + 0.1))
    for i, axes in enumerate(panels):
        axes.set_axis_off()
        if i < len(shown):
            gray = {"cmap": "gray", "vmin": 0.0, "vmax": 1.0} if shown[i].shape[-1] == 1 else {}
            axes.imshow(shown[i][..., 0] if gray else shown[i], interpolation="nearest", **gray)
            if names is not None:
                axes.set_title(names[i].replace("$", r"\$"), fontsize=9, pad=3)
    return panels[: len(shown)]


__all__ = ["image_grid"]
