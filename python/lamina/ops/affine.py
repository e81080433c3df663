"""Images seen through affine and projective maps."""

from __future__ import annotations

from .. import _native
from ..core.autograd import Array, Gradients, Tensor
from ..core.autograd import unchecked_record as record
from .conversion import TensorLike, as_tensor
from .data_format import of_images
from .integer_images import in_floats
from .reshape import reshape

__all__ = ["affine_transform"]


def affine_transform(
    images: TensorLike,
    transform: TensorLike,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Images seen through a map from the result's pixels to the input's.

    With a map ``(a0, a1, a2, b0, b1, b2, c0, c1)`` the result's pixel (column x, row y) shows the input at column
    ``(a0 x + a1 y + a2) / k`` and row ``(b0 x + b1 y + b2) / k``, ``k = c0 x + c1 y + 1``.  Gradients reach the images,
    not the map.

    Args:
        images: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with the channels first.
        transform: the map of each image, (N, 8), or one for all, (1, 8) or (8,).
        interpolation: "nearest" pixel, or "bilinear", the blend of four.
        fill_mode: what stands beyond the image: "constant", ``fill_value``; "nearest", the outermost pixel; "wrap", the
            image again; "mirror", the image backwards without its outermost pixel, "reflect" with it.
        fill_value: what stands beyond the image with "constant".

    Raises:
        ValueError: images or transform have other axes or sizes; an option is unknown.

    Source: Keras 3, keras.ops.image.affine_transform.

    Example:
        >>> moved = [1, 0, -1, 0, 1, 0, 0, 0]  # one pixel to the right
        >>> ops.affine_transform([[[1.0], [2.0], [3.0]]], moved).numpy().ravel()
        array([0., 1., 2.], dtype=float32)
    """
    x = as_tensor(images)
    maps = as_tensor(transform, in_floats(x).dtype)
    if maps.ndim == 1:
        maps = reshape(maps, (1, *maps.shape))
    m = maps._array

    def run(x: Tensor) -> Tensor:
        y = _native.affine_forward(x._array, m, interpolation, fill_mode, float(fill_value))

        def backward(dy: Array, grads: Gradients) -> None:
            _native.affine_backward(dy, m, interpolation, fill_mode, grads[0], grads.accumulate)

        return record(y, (x,), backward)

    return of_images("affine_transform", x, data_format, run)
