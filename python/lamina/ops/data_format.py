"""The one place where images stored channels first are turned: operations compute channels last."""

from __future__ import annotations

from collections.abc import Callable

from ..core.autograd import Tensor
from .conversion import TensorLike


def around_channels_last(x: TensorLike, data_format: str | None, op: str, f: Callable[[TensorLike], Tensor]) -> Tensor:
    """f(x) for a batch of images of any rank stored either way; f takes and returns channels last."""
    if data_format in (None, "channels_last"):
        return f(x)
    if data_format != "channels_first":
        raise ValueError(f"{op}: data_format is {data_format!r}, expected 'channels_last' or 'channels_first'")
    from .reshape import transpose

    ndim = getattr(x, "ndim", 0)
    if ndim < 3:
        return f(x)
    y = f(transpose(x, (0, *range(2, ndim), 1)))
    return y if y.ndim < 3 else transpose(y, (0, y.ndim - 1, *range(1, y.ndim - 1)))


def expect_axes(x: Tensor, axes: int, op: str) -> Tensor:
    """x, which must have so many axes: an operation that is named after its rank takes no other."""
    if x.ndim != axes:
        letters = ", ".join(("T",) if axes == 3 else ("D", "H", "W")[5 - axes :])
        raise ValueError(f"{op}: x is {x.shape}, expected {['three', 'four', 'five'][axes - 3]} axes (N, {letters}, C)")
    return x
