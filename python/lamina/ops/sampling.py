"""Values of tensors between their elements; images seen through maps of a user's own."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..core.autograd import Tensor
from .affine import affine_transform
from .conversion import TensorLike, as_tensor, cast, float_tensor, forbid_in_capture
from .elementwise import (
    abs,
    add,
    clip,
    floor,
    floor_divide,
    greater_equal,
    less,
    logical_and,
    mod,
    multiply,
    round,
    subtract,
    where,
)
from .matrix_factors import solved
from .reshape import ravel, take

__all__ = ["map_coordinates", "perspective_transform"]

_FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


def _mirrored(place: Tensor, size: int) -> Tensor:
    """Places of a row that goes back and forth between its ends."""
    last = size - 1
    if not last:
        return multiply(place, 0)
    return abs(subtract(mod(add(place, last), 2 * last), last))


def _inside(place: Tensor, size: int, fill_mode: str) -> Tensor:
    if fill_mode == "wrap":
        return mod(place, size)
    if fill_mode == "mirror":
        return _mirrored(place, size)
    if fill_mode == "reflect":
        return floor_divide(subtract(_mirrored(add(multiply(place, 2), 1), 2 * size + 1), 1), 2)
    return clip(place, 0, size - 1)


def _neighbours(at: Tensor, order: int) -> list[tuple[Tensor, Any]]:
    """The elements around a place, and how much each counts."""
    if order == 0:
        return [(cast(round(at), np.int64), None)]
    low = floor(at)
    share = subtract(at, low.detach())
    first = cast(low, np.int64)
    return [(first, subtract(1.0, share)), (add(first, 1), share)]


def map_coordinates(
    inputs: TensorLike, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Tensor:
    """The values of a tensor at places between its elements.  Gradients reach both, the places of order 1.

    Args:
        inputs: a tensor or an array of one axis or more.
        coordinates: the places: for each axis of ``inputs`` a tensor of coordinates, all of one shape, which is that of
            the result.
        order: 0 takes the nearest element, 1 blends the two around along each axis.
        fill_mode: what stands beyond: "constant", ``fill_value``; "nearest", the outermost element; "wrap", the tensor
            again; "mirror", the tensor backwards without its outermost element, "reflect" with it.
        fill_value: what stands beyond with "constant".

    Returns: a tensor of the coordinates' shape and the inputs' type; integers are rounded.

    Raises:
        ValueError: there is not one tensor of coordinates for each axis, or they differ in shape; an option is unknown;
            ``inputs`` have no elements.

    Source: Keras 3, keras.ops.image.map_coordinates.
    """
    x = as_tensor(inputs)
    if order not in (0, 1):
        raise ValueError(f"map_coordinates: order must be 0 or 1, got {order!r}")
    if fill_mode not in _FILL_MODES:
        raise ValueError(f"map_coordinates: fill_mode must be one of {', '.join(_FILL_MODES)}, got {fill_mode!r}")
    floats = x if x.dtype.kind == "f" else float_tensor(x)
    at = [as_tensor(c, floats.dtype) for c in coordinates]
    if len(at) != x.ndim or not x.ndim or len({c.shape for c in at}) != 1 or not at[0].ndim:
        shapes = ", ".join(str(c.shape) for c in at)
        raise ValueError(f"map_coordinates: inputs are {x.shape}, coordinates {shapes}; expected {x.ndim} of one shape")
    if not x.size:
        raise ValueError(f"map_coordinates: inputs are {x.shape}, without elements")
    flat = ravel(floats)
    total: Tensor | None = None
    for corner in itertools.product(*(_neighbours(c, order) for c in at)):
        number: Tensor | None = None
        weight: Tensor | None = None
        known: Tensor | None = None
        for (place, share), size in zip(corner, x.shape, strict=True):
            inside = _inside(place, size, fill_mode)
            number = inside if number is None else add(multiply(number, size), inside)
            if share is not None:
                weight = share if weight is None else multiply(weight, share)
            if fill_mode == "constant":
                here = logical_and(greater_equal(place, 0), less(place, size))
                known = here if known is None else logical_and(known, here)
        assert number is not None
        value = take(flat, number, 0)
        value = value if known is None else where(known, value, float(fill_value))
        value = value if weight is None else multiply(value, weight)
        total = value if total is None else add(total, value)
    assert total is not None
    return total if x.dtype.kind == "f" else cast(round(total), x.dtype)


def _map_between(start: Any, end: Any) -> Any:
    """The projective maps (N, 8) that take four points of the result each to those of the images."""
    (sx, sy), (ex, ey) = np.moveaxis(start, -1, 0), np.moveaxis(end, -1, 0)
    one, zero = np.ones_like(ex), np.zeros_like(ex)
    rows = [
        np.stack([ex, ey, one, zero, zero, zero, -sx * ex, -sx * ey], -1),
        np.stack([zero, zero, zero, ex, ey, one, -sy * ex, -sy * ey], -1),
    ]
    matrix, right = np.concatenate(rows, 1), np.concatenate([sx, sy], 1)
    return solved("perspective_transform", matrix, right[..., None])[..., 0]


def perspective_transform(
    images: TensorLike,
    start_points: TensorLike,
    end_points: TensorLike,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Images seen in perspective: four points of each come to lie on four others.  Gradients reach the images alone.

    Args:
        images: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with the channels first.
        start_points: four points (x, y) of each image, (N, 4, 2), or of all, (4, 2).
        end_points: where they come to lie, of the same shape.
        interpolation: "nearest" pixel, or "bilinear", the blend of four.
        fill_value: what stands beyond the images.

    Raises:
        ValueError: ``images`` or points have other axes or sizes; three points lie on a line; an option is unknown.

    Source: Keras 3, keras.ops.image.perspective_transform.
    """
    ends = [as_tensor(p) for p in (start_points, end_points)]
    if any(isinstance(p, Tensor) for p in (start_points, end_points)):
        forbid_in_capture("perspective_transform")
    shapes = [p.shape for p in ends]
    if shapes[0] != shapes[1] or shapes[0][-2:] != (4, 2) or len(shapes[0]) not in (2, 3):
        raise ValueError(
            f"perspective_transform: start_points are {shapes[0]}, end_points {shapes[1]}; expected (4, 2) or (N, 4, 2)"
        )
    start, end = (p._array.reshape(-1, 4, 2).astype(np.float64) for p in ends)
    return affine_transform(images, _map_between(start, end), interpolation, "constant", fill_value, data_format)
