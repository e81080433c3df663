"""How alike rows, points and images are: correlations, distances, signal-to-noise ratios, structural similarity."""

from __future__ import annotations

import math

from ..core.autograd import Tensor
from .conversion import TensorLike, as_tensor, expand_dims, float_pair, float_tensor
from .data_format import channel_axis
from .dense import matmul
from .elementwise import add, clip, divide, log, multiply, square, subtract
from .image_filters import bell, blurred
from .reduction import mean, vector_norm
from .reshape import moveaxis, reshape, transpose

__all__ = ["cdist", "corrcoef", "psnr", "ssim"]


def cdist(x: TensorLike, y: TensorLike) -> Tensor:
    """The Euclidean distance of each point to each other; the gradient is 0 where points are equal.

    Args:
        x: (..., m, d).
        y: (..., n, d).

    Returns: a tensor (..., m, n).

    Raises:
        ValueError: an operand has less than two axes, or the points differ in size.

    Example:
        >>> ops.cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]])
        Tensor([[5., 1.]], shape=(1, 2), dtype=float32)
    """
    a, b = float_pair(x, y)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-1]:
        raise ValueError(f"cdist: x is {a.shape}, y {b.shape}; expected (..., m, d) and (..., n, d)")
    return vector_norm(subtract(expand_dims(a, -2), expand_dims(b, -3)), axis=-1)


def corrcoef(x: TensorLike) -> Tensor:
    """Pearson's correlation of each two rows, (rows, rows); NaN for rows whose numbers are all equal.

    Args:
        x: (rows, numbers), or the numbers of one row, whose result is a single number.

    Raises:
        ValueError: x has more than two axes.

    Example:
        >>> ops.corrcoef([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
        Tensor([[ 1., -1.],
                [-1.,  1.]], shape=(2, 2), dtype=float32)
    """
    x = float_tensor(x)
    if x.ndim > 2:
        raise ValueError(f"corrcoef: x is {x.shape}; expected (rows, numbers)")
    rows = x if x.ndim == 2 else reshape(x, (1, -1))
    centered = subtract(rows, mean(rows, -1, keepdims=True))
    unit = divide(centered, vector_norm(centered, axis=-1, keepdims=True))
    y = clip(matmul(unit, transpose(unit)), -1.0, 1.0)
    return y if x.ndim == 2 else reshape(y, ())


def psnr(x1: TensorLike, x2: TensorLike, max_val: float) -> Tensor:
    """The peak signal-to-noise ratio in decibels, ``10 log10(max_val^2 / mean((x1 - x2)^2))``; infinite where equal.

    Args:
        x2: the second operand, of x1's shape.
        max_val: the largest value that there can be, such as 255.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> ops.psnr(np.zeros((4, 4)), np.full((4, 4), 0.1), 1.0)
        Tensor(20., shape=(), dtype=float64)
    """
    a, b = float_pair(x1, x2)
    if a.shape != b.shape:
        raise ValueError(f"psnr: x1 is {a.shape}, x2 {b.shape}; expected one shape")
    peak = log(as_tensor(max_val, a.dtype))
    decibels = subtract(multiply(peak, 2.0), log(mean(square(subtract(a, b)))))
    return as_tensor(multiply(decibels, 10 / math.log(10)), a.dtype)


def ssim(
    image1: TensorLike,
    image2: TensorLike,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """The structural similarity of images, 1 for equal ones: the mean over windows and channels, one number an image.

    Args:
        image1: (N, H, W, C) or (H, W, C); (N, C, H, W) or (C, H, W) with the channels first.
        image2: images of the same shape.
        max_val: the largest value that a pixel can have.
        filter_size: size of the windows, at most the images'.
        filter_sigma: standard deviation of the windows' weights, in pixels.
        k1: what keeps the comparison of brightness from dividing by zero, in parts of ``max_val``.
        k2: what keeps the comparison of contrast from dividing by zero, in parts of ``max_val``.

    Raises:
        ValueError: the shapes differ; images have other axes or are smaller than a window.

    Source: Wang, Bovik, Sheikh and Simoncelli 2004; Keras 3, keras.ops.image.ssim.

    Example:
        >>> image = np.random.rand(16, 16, 1)
        >>> round(float(ops.ssim(image, image)), 3)
        1.0
    """
    x, y = float_pair(image1, image2)
    axis = channel_axis("ssim", x, data_format)
    if x.shape != y.shape:
        raise ValueError(f"ssim: image1 is {x.shape}, image2 {y.shape}; expected one shape")
    one = x.ndim == 3
    x, y = (moveaxis(reshape(t, (1, *t.shape)) if one else t, axis + one, -1) for t in (x, y))
    if min(x.shape[1:3]) < filter_size:
        raise ValueError(f"ssim: images of {x.shape[1:3]} are smaller than filter_size={filter_size}")
    weights = bell("ssim", int(filter_size), float(filter_sigma))

    def local(t: Tensor) -> Tensor:
        return blurred(t, weights, weights, "valid")

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    of_x, of_y = local(x), local(y)
    product, squares = multiply(of_x, of_y), add(square(of_x), square(of_y))
    together = subtract(local(multiply(x, y)), product)
    spread = subtract(local(add(square(x), square(y))), squares)
    brightness = divide(add(multiply(product, 2.0), c1), add(squares, c1))
    structure = divide(add(multiply(together, 2.0), c2), add(spread, c2))
    result = mean(multiply(brightness, structure), (1, 2, 3))
    return reshape(result, ()) if one else result
