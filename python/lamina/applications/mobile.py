"""What the networks for small devices have in common: widths that are multiples of 8, padding, weights by size."""

from __future__ import annotations

from typing import Any

from .. import layers
from ..core.warn import warn


def whole_eighths(filters: float, divisor: int = 8) -> int:
    """The nearest multiple of 8, but no less than nine tenths of ``filters``."""
    nearest = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * filters else nearest


def padded(x: Any, kernel_size: int, name: str | None) -> Any:
    """Zeros around images, so that a convolution of stride 2 without padding halves them, as TensorFlow pads."""
    half = kernel_size // 2
    before = [half if n is None else half - (1 - n % 2) for n in x.shape[1:3]]
    if x.shape[1] is None:
        before = [half - 1, half - 1]
    return layers.ZeroPadding2D(tuple((b, half) for b in before), name=name)(x)


def norm(x: Any, name: str, **options: Any) -> Any:
    return layers.BatchNormalization(epsilon=1e-3, momentum=0.999, name=name, **options)(x)


def rows_of(label: str, shape: tuple[int | None, ...], sizes: tuple[int, ...]) -> int:
    """The size of images for which there are weights that fits a shape; 224 with a warning if there are none."""
    rows, columns = shape[:2]
    if rows == columns and rows in sizes:
        return rows
    warn(f"{label}: there are weights for images of the sizes {', '.join(map(str, sizes))}; those for 224 are taken")
    return 224


def square(shape: Any, sizes: tuple[int, ...]) -> int:
    """The size of a model's images: those of ``shape``, where there are weights for it, else 224."""
    if isinstance(shape, (tuple, list)) and len(shape) == 3 and shape[0] == shape[1] and shape[0] in sizes:
        return int(shape[0])
    return 224
