"""Galleries of images with their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from ..core.options import Unpack as Unpack
from ..plot.grids import draw_grid


class GalleryOptions(TypedDict, total=False):
    """What galleries of boxes and masks hand on."""

    scale: float
    path: Any
    show: bool | None
    transparent: bool
    dpi: float


class PlacedOptions(GalleryOptions, total=False):
    """And where nothing else decides about places and a legend."""

    rows: int | None
    cols: int | None
    legend_handles: Sequence[Any] | None


def plot_image_gallery(
    images: Any,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: Mapping[int, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: Sequence[float] = (0, 255),
    scale: float = 2,
    path: Any = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: float = 60,
    legend_handles: Sequence[Any] | None = None,
    data_format: str | None = None,
) -> list[Any]:
    """Draw images beside each other by matplotlib, with true and predicted labels over them.

    Args:
        images: (N, H, W, C) numbers.
        y_true: (N,) true classes.
        y_pred: (N,) predicted classes.
        label_map: {class: name}; needed with classes.
        rows: how many rows; None follows from ``cols``.
        cols: how many columns; None makes the grid about as wide as high.
        value_range: what is drawn black and white.
        scale: inches of an image.
        path: name of a file; the figure is written and closed.
        show: whether matplotlib shows the figure; None means if ``path`` is None. Where nothing can be shown, it stays
            open.
        transparent: whether the file has no background.
        dpi: dots per inch of the file.
        legend_handles: matplotlib's handles of a legend below the images.
        data_format: "channels_last" (None: see config) or "channels_first": where the channels stand.

    Returns: matplotlib's axes of the images, as a list.

    Raises:
        ValueError: ``path`` and ``show`` are both given; the images have other axes; labels lack a ``label_map``, or it
            lacks a class.
        ImportError: matplotlib is missing.

    Source: Keras 3, keras.visualization.plot_image_gallery.

    Example:
        >>> images = np.zeros((4, 8, 8, 3))
        >>> axes = lamina.visualization.plot_image_gallery(images, [0, 1, 1, 0], label_map={0: "cat", 1: "dog"})
        >>> axes[1].get_title()
        'dog'
    """
    if path is not None and show:
        raise ValueError("plot_image_gallery: give path or show=True, not both")
    titles = None
    if y_true is not None or y_pred is not None:
        if label_map is None:
            raise ValueError("plot_image_gallery: y_true and y_pred need label_map, the names of the classes")
        true, predicted = (None if y is None else _names(y, label_map) for y in (y_true, y_pred))
        both = true is not None and predicted is not None
        titles = [f"{t}\npredicted {p}" for t, p in zip(true or (), predicted or (), strict=True)] if both else None
        titles = titles or true or predicted
    axes = draw_grid("plot_image_gallery", images, titles, rows, cols, value_range, float(scale), data_format)
    figure = axes[0].figure
    if legend_handles:
        figure.legend(
            handles=list(legend_handles), loc="outside lower center", ncols=len(legend_handles), frameon=False
        )
    from matplotlib import get_backend, pyplot

    if path is not None:
        figure.savefig(path, dpi=dpi, transparent=transparent)
        pyplot.close(figure)
    elif show is not False and get_backend().lower() not in ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template"):
        pyplot.show()
    return axes


def _names(classes: Any, label_map: Mapping[int, str]) -> list[str]:
    numbers = np.asarray(classes).reshape(-1).tolist()
    missing = next((n for n in numbers if n not in label_map), None)
    if missing is not None:
        raise ValueError(f"plot_image_gallery: label_map has no name of class {missing!r}")
    return [str(label_map[n]) for n in numbers]


__all__ = ["plot_image_gallery"]
