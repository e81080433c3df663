"""Images seen through maps: bent, in perspective, resampled; values of tensors between their elements."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.autograd import Tensor, wrap
from ..core.generator import Seed, numpy_from
from .affine import affine_transform
from .comparison import greater_equal, less, less_equal, logical_and, where
from .conversion import TensorLike, _axis, as_tensor, cast, check_sizes, forbid_in_capture
from .data_format import of_images
from .elementwise import abs, add, clip, divide, floor, floor_divide, maximum, minimum, mod, multiply, round, subtract
from .image_filters import gaussian_blur
from .integer_images import in_floats, in_their_type
from .linear_algebra import tensordot
from .matrix_factors import solved
from .reduction import max as largest
from .reduction import min as smallest
from .reduction import sum
from .reshape import moveaxis, ravel, take
from .special import sinc

__all__ = ["elastic_transform", "map_coordinates", "perspective_transform", "scale_and_translate"]

_ORDERS = {"nearest": 0, "bilinear": 1}
FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


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

    Example:
        >>> ops.map_coordinates([[1.0, 2.0], [3.0, 4.0]], [[0.5], [0.5]], order=1)
        Tensor([2.5], shape=(1,), dtype=float32)
    """
    x = as_tensor(inputs)
    if order not in (0, 1):
        raise ValueError(f"map_coordinates: order must be 0 or 1, got {order!r}")
    if fill_mode not in FILL_MODES:
        raise ValueError(f"map_coordinates: fill_mode must be one of {', '.join(FILL_MODES)}, got {fill_mode!r}")
    floats = in_floats(x)
    at = [as_tensor(c, floats.dtype) for c in coordinates]
    if len(at) != x.ndim or not x.ndim or len({c.shape for c in at}) != 1 or not at[0].ndim:
        shapes = ", ".join(str(c.shape) for c in at)
        raise ValueError(f"map_coordinates: inputs are {x.shape}, coordinates {shapes}; expected {x.ndim} of one shape")
    if not x.size:
        raise ValueError(f"map_coordinates: inputs are {x.shape}, without elements")
    total = _sampled(floats, [_neighbours(c, order) for c in at], fill_mode, fill_value)
    return in_their_type(total, x.dtype)


def _sampled(x: Tensor, axes: list[list[tuple[Tensor, Any]]], fill_mode: str, fill_value: float) -> Tensor:
    """The blend of the elements of x that stand around places: for each axis the neighbours, which broadcast."""
    flat = ravel(x)
    total: Tensor | None = None
    for corner in itertools.product(*axes):
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
    return total


def elastic_transform(
    images: TensorLike,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Seed = None,
    data_format: str | None = None,
) -> Tensor:
    """Images whose pixels are moved at random, neighbours together.  Gradients reach the images.  Not captured.

    Args:
        images: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with the channels first.
        alpha: how far pixels are moved.
        sigma: how smoothly: the standard deviation of the bell that blurs the shifts, in pixels, and their factor.
        interpolation: "nearest" pixel, or "bilinear", the blend of four.
        fill_mode: what stands beyond the image: "constant", ``fill_value``; "nearest", the outermost pixel; "wrap", the
            image again; "mirror", the image backwards without its outermost pixel, "reflect" with it.
        fill_value: what stands beyond the image with "constant".
        seed: integer or lamina.random.Generator that makes the shifts repeatable; None takes others at each call.

    Raises:
        ValueError: ``images`` have other axes; ``sigma`` is not positive; an option is unknown.

    Source: Keras 3, keras.ops.image.elastic_transform; Simard, Steinkraus and Platt 2003.

    Example:
        >>> ops.elastic_transform(np.ones((8, 8, 3), "float32"), seed=1).shape
        (8, 8, 3)
    """
    if interpolation not in _ORDERS:
        raise ValueError(f"elastic_transform: interpolation must be 'nearest' or 'bilinear', got {interpolation!r}")
    if fill_mode not in FILL_MODES:
        raise ValueError(f"elastic_transform: fill_mode must be one of {', '.join(FILL_MODES)}, got {fill_mode!r}")
    if not sigma > 0:
        raise ValueError(f"elastic_transform: sigma must be positive, got {sigma!r}")
    generator = numpy_from(seed)

    def run(x: Tensor) -> Tensor:
        n, h, w, _ = x.shape
        size = int(6 * sigma) | 1
        shifts = as_tensor(sigma * generator.standard_normal((n, h, w, 2)), x.dtype)
        shifts = multiply(gaussian_blur(shifts, (size, size), (sigma, sigma), "channels_last"), alpha)
        return shifted(x, shifts, interpolation, fill_mode, fill_value)

    return of_images("elastic_transform", images, data_format, run)


def shifted(x: Tensor, shifts: Tensor, interpolation: str, fill_mode: str, fill_value: float) -> Tensor:
    """Images (N, H, W, C) whose pixels come from shifts (N, H, W, 2) down and to the right of their places."""
    n, h, w, c = x.shape
    rows = add(shifts[..., :1], np.arange(h, dtype=x.dtype)[:, None, None])
    columns = add(shifts[..., 1:], np.arange(w, dtype=x.dtype)[:, None])
    each = [[(wrap(i), None)] for i in (np.arange(n)[:, None, None, None], np.arange(c))]
    order = _ORDERS[interpolation]
    return _sampled(x, [each[0], _neighbours(rows, order), _neighbours(columns, order), each[1]], fill_mode, fill_value)


def _cubic(x: Tensor) -> Tensor:
    """Keys's kernel."""
    near = add(multiply(multiply(add(multiply(x, 1.5), -2.5), x), x), 1.0)
    far = add(multiply(add(multiply(add(multiply(x, -0.5), 2.5), x), -4.0), x), 2.0)
    return where(less(x, 1.0), near, where(less(x, 2.0), far, 0.0))


def _lanczos(radius: float, x: Tensor) -> Tensor:
    outside = less(radius, x)
    x = where(outside, radius, x)
    return where(outside, 0.0, multiply(sinc(x), sinc(divide(x, radius))))


_KERNELS: dict[str, Callable[[Tensor], Tensor]] = {
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), lambda x: maximum(subtract(1.0, x), 0.0)),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), _cubic),
    "lanczos3": lambda x: _lanczos(3.0, x),
    "lanczos5": lambda x: _lanczos(5.0, x),
}


def _weights(size: int, count: int, scale: Tensor, shift: Tensor, method: str, antialias: bool) -> Tensor:
    """(size, count): how much each element counts in each sample."""
    middles = np.arange(count, dtype=scale.dtype) + 0.5
    at = subtract(divide(subtract(middles, shift), scale), 0.5)
    distance = abs(subtract(at, np.arange(size, dtype=scale.dtype)[:, None]))
    if antialias:
        distance = divide(distance, maximum(divide(1.0, scale), 1.0))
    weights = _KERNELS[method](distance)
    total = sum(weights, 0, keepdims=True)
    enough = less(1000 * float(np.finfo(np.float32).eps), abs(total))
    inside = logical_and(greater_equal(at, -0.5), less_equal(at, size - 0.5))
    return where(logical_and(enough, inside), divide(weights, where(enough, total, 1.0)), 0.0)


def scale_and_translate(
    images: TensorLike,
    output_shape: Sequence[int],
    scale: TensorLike,
    translation: TensorLike,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Tensor:
    """A tensor resampled along some axes: what stands at p comes to ``p * scale + translation``, zero where nothing is.

    Elements have their middles at 0.5, 1.5 ...  Gradients reach the images, scale and translation.

    Args:
        images: a tensor or an array.
        output_shape: the shape of the result.
        scale: (K,) a factor for each axis.
        translation: (K,) a shift for each axis, in elements of the result.
        spatial_dims: the K axes; the others keep their size.
        method: "linear" (also "bilinear", "trilinear", "triangle"), "cubic" (also "bicubic", "tricubic"), "lanczos3" or
            "lanczos5".
        antialias: whether the kernel is widened where the tensor shrinks.

    Raises:
        ValueError: sizes do not fit; an axis is out of range; ``method`` is another one.

    Source: Keras 3, keras.ops.image.scale_and_translate.

    Example:
        >>> image = np.ones((4, 4, 3), "float32")
        >>> ops.scale_and_translate(image, (8, 8, 3), [2.0, 2.0], [0.0, 0.0], (0, 1), "linear").shape
        (8, 8, 3)
    """
    x = as_tensor(images)
    if method not in _KERNELS:
        raise ValueError(f"scale_and_translate: method must be one of {', '.join(_KERNELS)}, got {method!r}")
    axes = [_axis(d, x.ndim, "scale_and_translate", x.shape) for d in spatial_dims]
    shape = check_sizes("scale_and_translate", output_shape)
    floats = in_floats(x)
    factors, shifts = as_tensor(scale, floats.dtype), as_tensor(translation, floats.dtype)
    kept = all(n == m for a, (n, m) in enumerate(zip(x.shape, shape, strict=False)) if a not in axes)
    if len(shape) != x.ndim or not kept or factors.shape != shifts.shape or factors.shape != (len(axes),):
        raise ValueError(
            f"scale_and_translate: images are {x.shape}, output_shape {shape}, scale {factors.shape}, translation "
            f"{shifts.shape}; expected as many axes, and a number for each of the {len(axes)} spatial_dims"
        )
    y = floats
    for i, a in enumerate(axes):
        weights = _weights(x.shape[a], shape[a], factors[i], shifts[i], method, antialias)
        y = moveaxis(tensordot(y, weights, ((a,), (0,))), -1, a)
    if x.dtype.kind == "f" or not axes:
        return y if axes else x
    return cast(minimum(maximum(round(y), as_tensor(smallest(x), y.dtype)), as_tensor(largest(x), y.dtype)), x.dtype)


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

    Example:
        >>> corners = np.float32([[0, 0], [7, 0], [0, 7], [7, 7]])
        >>> ops.perspective_transform(np.ones((8, 8, 3), "float32"), corners, corners).shape
        (8, 8, 3)
    """
    ends = [as_tensor(p) for p in (start_points, end_points)]
    if any(isinstance(p, Tensor) for p in (start_points, end_points)):
        forbid_in_capture("perspective_transform")
    first, second = (p.shape for p in ends)
    if first != second or first[-2:] != (4, 2) or len(first) not in (2, 3):
        raise ValueError(
            f"perspective_transform: start_points are {first}, end_points {second}; expected (4, 2) or (N, 4, 2)"
        )
    start, end = (p._array.reshape(-1, 4, 2).astype(np.float64) for p in ends)
    return affine_transform(images, _map_between(start, end), interpolation, "constant", fill_value, data_format)
