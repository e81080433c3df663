"""The one place where images stored channels first are turned: operations compute channels last."""

from __future__ import annotations

from collections.abc import Callable

from ..core.autograd import Tensor
from .conversion import TensorLike, as_tensor


def around_channels_last(x: Tensor, data_format: str | None, op: str, f: Callable[[Tensor], Tensor]) -> Tensor:
    """f(x) for a batch of images of any rank stored either way; f takes and returns channels last."""
    if data_format in (None, "channels_last"):
        return f(x)
    if data_format != "channels_first":
        raise ValueError(f"{op}: data_format is {data_format!r}, expected 'channels_last' or 'channels_first'")
    from .reshape import transpose

    if x.ndim < 3:
        return f(x)
    y = f(transpose(x, (0, *range(2, x.ndim), 1)))
    return y if y.ndim < 3 else transpose(y, (0, y.ndim - 1, *range(1, y.ndim - 1)))


def images(x: TensorLike, op: str) -> Tensor:
    """x, which must have four axes: an operation that is named after its rank takes no other."""
    x = as_tensor(x)
    if x.ndim != 4:
        raise ValueError(f"{op}: x is {x.shape}, expected four axes (N, H, W, C)")
    return x
