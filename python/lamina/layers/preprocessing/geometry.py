"""Images turned, scaled, moved and slanted by chance: one affine sampler, a map for each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Array, Tensor
from ...core.explain import is_number
from ...core.suggest import unknown
from ...ops.bounding_boxes import around, corner_points
from ..arguments import fraction
from ..options import BoxOptions, Unpack
from .image_layer import Drawn, RandomImageLayer, bounds

_FILL_MODES = ("reflect", "wrap", "constant", "nearest")
_INTERPOLATIONS = ("nearest", "bilinear")


class _Geometry(RandomImageLayer):
    """Images through a map that ``_maps`` draws."""

    def __init__(
        self,
        fill_mode: str,
        interpolation: str,
        seed: Any,
        fill_value: float,
        data_format: str | None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        if fill_mode not in _FILL_MODES:
            raise unknown(f"fill_mode of {self._label()}", fill_mode, _FILL_MODES)
        if interpolation not in _INTERPOLATIONS:
            raise unknown(f"interpolation of {self._label()}", interpolation, _INTERPOLATIONS)
        if not is_number(fill_value):
            raise TypeError(f"{self._label()}: fill_value must be a number, got {fill_value!r}")
        self.fill_mode, self.interpolation, self.fill_value = fill_mode, interpolation, float(fill_value)

    def _maps(self, n: int, height: int, width: int, rng: Any) -> Array:
        """Six numbers, or all eight, of a map for each of n images: from the result's pixels to the input's."""
        raise NotImplementedError

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        drawn = self._maps(shape[0], *self._size(shape), rng)
        maps = np.zeros((shape[0], 8), self._dtype)
        maps[:, : drawn.shape[1]] = drawn
        if self.bounding_box_format is None:
            return {"transform": maps}
        matrix = np.append(maps, np.ones((shape[0], 1)), axis=1).reshape(-1, 3, 3)
        return {"transform": maps, "back": np.linalg.pinv(matrix).astype(self._dtype)}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        return self._through(images, drawn, self.interpolation)

    def _transform_masks(self, masks: Tensor, drawn: Drawn) -> Tensor:
        return self._through(masks, drawn, "nearest")

    def _transform_boxes(self, boxes: Tensor, drawn: Drawn) -> Tensor:
        """The boxes around the corners, each where the map has it from.

        Pixel 0 reaches from -0.5 to 0.5 in a map, from 0 to 1 in a box.
        """
        points = ops.subtract(corner_points(boxes), 0.5)
        places = ops.concatenate([points, ops.ones_like(points[..., :1])], axis=-1)
        moved = ops.einsum("nbkx,nyx->nbky", places, drawn["back"])
        return around(ops.add(ops.divide(moved[..., :2], moved[..., 2:]), 0.5))

    def _through(self, images: Tensor, drawn: Drawn, interpolation: str) -> Tensor:
        return ops.image.affine_transform(
            images, drawn["transform"], interpolation, self.fill_mode, self.fill_value, self.data_format
        )


def _rows(*columns: Any) -> Array:
    return np.stack(np.broadcast_arrays(*columns), axis=1)


def _between(rng: Any, n: int, limits: Sequence[float]) -> Array:
    low, high = limits
    return rng.random(n) * (high - low) + low


class RandomRotation(_Geometry):
    """In training, turns each image by a random angle around its middle.

    Args:
        factor: (lower, upper), both between -1 and 1: the angle as part of a full turn; positive ones turn against the
            clock.  One number f stands for (-f, f).

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``factor`` is out of range; an option is unknown; the images have other axes.
        TypeError: ``fill_value`` is no number.

    Source: Keras 3, RandomRotation.

    Example:
        >>> layer = layers.RandomRotation(0.1, seed=1)  # up to 36 degrees
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Any = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, -1, 1)

    def _maps(self, n: int, height: int, width: int, rng: Any) -> Array:
        angle = 2 * np.pi * _between(rng, n, self.factor)
        cos, sin = np.cos(angle), np.sin(angle)
        x, y = (width - 1) / 2, (height - 1) / 2
        return _rows(cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos)


class RandomZoom(_Geometry):
    """In training, scales each image by a random factor around its middle.

    Args:
        height_factor: (lower, upper), both above -1 and at most 1: how much more of the height is seen; -0.2 shows 20 %
            less, which is zooming in.  One number f stands for (-f, f).
        width_factor: the same for the width; None scales both by the same.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: a factor is out of range; an option is unknown; the images have other axes.
        TypeError: ``fill_value`` is no number.

    Source: Keras 3, RandomZoom.

    Example:
        >>> layer = layers.RandomZoom(0.2, seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Any = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor = bounds(self, "height_factor", height_factor, -1, 1, open_below=True)
        self.width_factor = None
        if width_factor is not None:
            self.width_factor = bounds(self, "width_factor", width_factor, -1, 1, open_below=True)

    def _maps(self, n: int, height: int, width: int, rng: Any) -> Array:
        down = 1 + _between(rng, n, self.height_factor)
        across = down if self.width_factor is None else 1 + _between(rng, n, self.width_factor)
        return _rows(across, 0, (width - 1) / 2 * (1 - across), 0, down, (height - 1) / 2 * (1 - down))


class RandomTranslation(_Geometry):
    """In training, moves each image by a random distance.

    Args:
        height_factor: (lower, upper), both between -1 and 1: the distance down as part of the height.  One number f
            stands for (-f, f).
        width_factor: the same to the right, as part of the width.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: a factor is out of range; an option is unknown; the images have other axes.
        TypeError: ``fill_value`` is no number.

    Source: Keras 3, RandomTranslation.

    Example:
        >>> layer = layers.RandomTranslation(0.1, 0.1, seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Any = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor = bounds(self, "height_factor", height_factor, -1, 1)
        self.width_factor = bounds(self, "width_factor", width_factor, -1, 1)

    def _maps(self, n: int, height: int, width: int, rng: Any) -> Array:
        down, right = height * _between(rng, n, self.height_factor), width * _between(rng, n, self.width_factor)
        return _rows(1, 0, -right, 0, 1, -down)


class RandomShear(_Geometry):
    """In training, slants each image by a random amount, to either side.

    Args:
        x_factor: (lower, upper), both between -1 and 1: how far a row moves along for each row further down; to which
            side is decided by chance.  One number f stands for (-f, f).
        y_factor: the same for columns.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: a factor is out of range; an option is unknown; the images have other axes.
        TypeError: ``fill_value`` is no number.

    Source: Keras 3, RandomShear.

    Example:
        >>> layer = layers.RandomShear(x_factor=0.2, seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.x_factor, self.y_factor = x_factor, y_factor  # as given: Keras's configurations take no negative ones
        self._across = bounds(self, "x_factor", x_factor, -1, 1)
        self._down = bounds(self, "y_factor", y_factor, -1, 1)

    def _maps(self, n: int, height: int, width: int, rng: Any) -> Array:
        side = np.where(rng.random(n) > 0.5, -1.0, 1.0)
        down, across = _between(rng, n, self._down) * side, _between(rng, n, self._across) * side
        return _rows(1, across, 0, down, 1, 0)


class RandomPerspective(_Geometry):
    """In training, moves the corners of some images, as if they were seen from the side; zeros stand beyond.

    Args:
        factor: (lower, upper), both between 0 and 1: each image draws its probability between them; one number f stands
            for (0, f).
        scale: how far corners move, between 0 and 1: by half of it, as part of their distance from the first corner.
        fill_value: what stands beyond the image.

    Input shape: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: ``factor`` or ``scale`` is out of range; ``interpolation`` is unknown; the images have other axes.
        TypeError: ``fill_value`` is no number.

    Source: Keras 3, RandomPerspective.

    Example:
        >>> layer = layers.RandomPerspective(seed=1)
        >>> layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__("constant", interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, 0, 1)
        self.scale = fraction(self, "scale", scale)

    def _maps(self, n: int, height: int, width: int, rng: Any) -> Array:
        moved = rng.random(n) < _between(rng, n, self.factor)
        corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], np.float64)
        ends = corners * (1 + self.scale * (rng.random((n, 4, 2)) - 0.5))
        maps = homographies(corners, ends)
        maps[~moved] = (1, 0, 0, 0, 1, 0, 0, 0)
        return maps


def homographies(starts: Array, ends: Array) -> Array:
    """(n, 8): the maps that take four points ``ends`` (n, 4, 2) to ``starts`` (4, 2); the least change for points that
    coincide."""
    n = ends.shape[0]
    matrix, wanted = np.zeros((n, 8, 8)), np.broadcast_to(starts.reshape(8), (n, 8))
    x, y = ends[..., 0], ends[..., 1]
    for axis in (0, 1):
        rows, first = matrix[:, axis::2], 3 * axis
        rows[..., first], rows[..., first + 1], rows[..., first + 2] = x, y, 1
        rows[..., 6], rows[..., 7] = -starts[:, axis] * x, -starts[:, axis] * y
    return (np.linalg.pinv(matrix) @ wanted[..., None])[..., 0]


__all__ = ["RandomPerspective", "RandomRotation", "RandomShear", "RandomTranslation", "RandomZoom"]
