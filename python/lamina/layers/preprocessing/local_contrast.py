"""ContrastLimitedAdaptiveHistogramEqualization: the contrast of each part of an image for itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ...core.explain import is_number
from ...ops.data_format import around_channels_last
from .. import arguments
from ..options import BoxOptions, Unpack
from .image_layer import Drawn, ImageLayer, checked_range
from .pixels import from_bytes, to_bytes

_VALUES = 256


def _between(n: int, tile: int, tiles: int) -> tuple[Any, Any, Any]:
    """The two tiles around each of n pixels, and how much the second counts; before the first and behind the last tile
    there is another of the same."""
    place = (np.arange(n) - tile / 2) / tile + 1
    first = np.floor(place)
    near, far = (np.clip(i, 0, tiles - 1).astype(np.int32) for i in (first - 1, first))
    return near, far, place - first


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """The pixels of each tile of an image spread so that all values come about equally often (CLAHE).

    A pixel takes the blend of what the four tiles around it would make of it. No value of a tile counts for more than
    ``clip_limit`` times its share, so that plain parts don't get noisy. In training or not; no gradient goes through.

    Args:
        value_range: (lowest, highest) value of a pixel, which is counted as one of 256.
        clip_limit: how many times its equal share a value counts at most; 0 or less is no limit.
        tile_grid_size: (down, across), how many tiles there are; images that they don't divide are continued by their
            mirror image.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``tile_grid_size`` is no pair of positive integers; ``value_range`` is no range; the images have
            other axes.
        TypeError: ``clip_limit`` is no number.

    Source: Keras 3, ContrastLimitedAdaptiveHistogramEqualization; Zuiderveld 1994.

    Example:
        >>> equalize = layers.ContrastLimitedAdaptiveHistogramEqualization(value_range=(0, 1))
        >>> equalize(np.random.rand(1, 32, 32, 1).astype("float32")).shape
        (1, 32, 32, 1)
    """

    _only_in_training = False

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.value_range = checked_range(self, value_range)
        if not is_number(clip_limit):
            raise TypeError(f"{self._label()}: clip_limit must be a number, got {clip_limit!r}")
        self.clip_limit = float(clip_limit)
        self.tile_grid_size = arguments.sizes(self, "tile_grid_size", tile_grid_size, 2)

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        if not images.size:
            return images
        x = to_bytes(self, images).detach()
        return from_bytes(self, around_channels_last(x, self.data_format, type(self).__name__, self._spread))

    def _spread(self, x: Tensor) -> Tensor:
        (n, height, width, channels), (down, across) = x.shape, self.tile_grid_size
        tile = -(-height // down), -(-width // across)
        rows, columns = tile[0] * down, tile[1] * across
        if (rows, columns) != (height, width):
            x = ops.pad(x, ((0, 0), (0, rows - height), (0, columns - width), (0, 0)), mode="symmetric")
        value = ops.clip(ops.cast(x, np.int32), 0, _VALUES - 1)
        tables = ops.reshape(self._tables(value, tile), (-1,))
        image, channel = np.arange(n, dtype=np.int32)[:, None, None, None], np.arange(channels, dtype=np.int32)
        *down_pair, part_down = _between(rows, tile[0], down)
        *across_pair, part_across = _between(columns, tile[1], across)

        def of_tile(i: int, j: int) -> Tensor:
            """What the tiles above (0) or below (1), left or right of each pixel make of it."""
            number = (image * down + down_pair[i][:, None, None]) * across + across_pair[j][:, None]
            return ops.take(tables, ops.add(value, (number * channels + channel) * _VALUES))

        weight = part_across.astype(self._dtype)[:, None], part_down.astype(self._dtype)[:, None, None]
        above, below = (
            ops.add(ops.multiply(of_tile(i, 0), 1 - weight[0]), ops.multiply(of_tile(i, 1), weight[0])) for i in (0, 1)
        )
        blend = ops.add(ops.multiply(above, 1 - weight[1]), ops.multiply(below, weight[1]))
        return blend[:, :height, :width]

    def _tables(self, value: Tensor, tile: tuple[int, int]) -> Tensor:
        """(images, tiles down, tiles across, channels, values): what each value becomes in each tile."""
        (n, rows, columns, channels), (down, across) = value.shape, self.tile_grid_size
        place = np.arange(rows)[:, None] // tile[0] * across + np.arange(columns) // tile[1]
        number = (np.arange(n)[:, None, None] * down * across + place)[..., None] * channels + np.arange(channels)
        flat = ops.reshape(ops.add(value, number.astype(np.int32) * _VALUES), (-1,))
        counts = ops.segment_sum(
            np.ones(flat.size, self._dtype), flat, num_segments=n * down * across * channels * _VALUES
        )
        counts = ops.reshape(counts, (n, down, across, channels, _VALUES))
        pixels = tile[0] * tile[1]
        if self.clip_limit > 0:
            clipped = ops.minimum(counts, self.clip_limit * pixels / _VALUES)
            excess = ops.sum(ops.subtract(counts, clipped), axis=-1, keepdims=True)
            counts = ops.add(clipped, ops.divide(excess, float(_VALUES)))
        below = ops.cumsum(counts, axis=-1)
        least = ops.min(below, axis=-1, keepdims=True)
        rest = ops.subtract(float(pixels), least)
        rest = ops.where(ops.equal(rest, 0), 1.0, rest)  # 1.0 is free: 0 is divided by it
        return ops.clip(ops.divide(ops.multiply(ops.subtract(below, least), 255.0), rest), 0.0, 255.0)


__all__ = ["ContrastLimitedAdaptiveHistogramEqualization"]
