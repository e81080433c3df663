"""The one place where images stored channels first are turned: operations compute channels last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.autograd import Tensor
from ..core.defaults import Defaults
from .conversion import TensorLike, as_tensor
from .integer_images import in_floats, in_their_type
from .reshape import reshape, transpose


def is_channels_first(op: str, data_format: str | None) -> bool:
    """Whether images are stored so; None is ``config.image_data_format()``.  A ValueError that names ``op`` for another
    format."""
    if data_format is None:
        return Defaults.channels_first
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"{op}: data_format is {data_format!r}, expected 'channels_last' or 'channels_first'")
    return data_format == "channels_first"


def around_channels_last(x: Tensor, data_format: str | None, op: str, f: Callable[[Tensor], Any]) -> Any:
    """f(x) for a batch of images of any rank stored either way; f takes channels last, and returns one such tensor or a
    tuple of them."""
    if not is_channels_first(op, data_format):
        return f(x)
    y = f(channels_last(x))
    return tuple(map(channels_first, y)) if isinstance(y, tuple) else channels_first(y)


def channels_last(x: Tensor) -> Tensor:
    """A batch of images stored channels first, turned."""
    return x if x.ndim < 3 else transpose(x, (0, *range(2, x.ndim), 1))


def channels_first(y: Tensor) -> Tensor:
    """A batch of images stored channels last, turned; what has no axes but channels is left."""
    return y if y.ndim < 3 else transpose(y, (0, y.ndim - 1, *range(1, y.ndim - 1)))


def channel_axis(op: str, x: Tensor, data_format: str | None) -> int:
    """Where the channels of an image, or of a batch of images, stand."""
    if x.ndim not in (3, 4):
        raise ValueError(f"{op}: images are {x.shape}, expected (N, H, W, C) or (H, W, C)")
    return x.ndim - 3 if is_channels_first(op, data_format) else x.ndim - 1


def of_images(op: str, images: TensorLike, data_format: str | None, f: Callable[[Tensor], Tensor]) -> Tensor:
    """f(batch of images) for one image as for a batch, stored either way; f takes floats; it takes and returns channels
    last.  Images of integers remain such."""
    given = as_tensor(images)
    x = in_floats(given)
    channel_axis(op, x, data_format)
    if x.ndim == 4:
        return in_their_type(around_channels_last(x, data_format, op, f), given.dtype)
    y = around_channels_last(reshape(x, (1, *x.shape)), data_format, op, f)
    return in_their_type(reshape(y, y.shape[1:]), given.dtype)


def images(x: TensorLike, op: str) -> Tensor:
    """x, which must have four axes: an operation that is named after its rank takes no other."""
    x = as_tensor(x)
    if x.ndim != 4:
        raise ValueError(f"{op}: x is {x.shape}, expected four axes (N, H, W, C)")
    return x
