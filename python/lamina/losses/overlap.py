"""Losses of segmentation: how much of two regions is not common to both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import ops
from ..config import epsilon
from ..core.autograd import Tensor
from ..core.explain import named
from ..ops.conversion import as_tensor
from .function_loss import DeclaredLoss
from .reduction import kept_part
from .targets import match

Axes = int | tuple[int, ...] | list[int] | None


class _Overlap(DeclaredLoss):
    """What both share: what weights and masks leave out belongs to neither region."""

    def kept(self, y_true: Any, y_pred: Tensor, sample_weight: Any, mask: Tensor | None) -> tuple[Any, Tensor]:
        y_true, y_pred = (kept_part(as_tensor(y), sample_weight, mask, 0.0) for y in (y_true, y_pred))
        return y_true, y_pred


def _axes(axis: Axes) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


@named("dice")
def dice(y_true: Any, y_pred: Any, axis: Axes = None) -> Tensor:
    """``1 - 2 sum(t p) / (sum(t) + sum(p) + 1e-7)``: 0 where both regions are one, 1 where they have nothing in common.

    Args:
        y_true: t, 1 inside of the region and 0 outside, of the predictions' shape.
        y_pred: p, probabilities.
        axis: the axes of the sums; None takes all elements, which gives one number, (1, 2, 3) one for each image.

    Source: Keras 3, keras.losses.dice; Milletari et al. 2016, "V-Net", section 3.

    Example:
        >>> losses.dice([[1.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
        Tensor(0.3333, shape=(), dtype=float32)
    """
    y_true, y_pred = match("dice", y_true, y_pred)
    axes = _axes(axis)
    common = ops.sum(ops.multiply(y_true, y_pred), axis=axes)
    both = ops.add(ops.sum(y_true, axis=axes), ops.sum(y_pred, axis=axes))
    return ops.subtract(1.0, ops.divide(ops.multiply(common, 2.0), ops.add(both, epsilon())))


class Dice(_Overlap, function=dice, order=("reduction", "name", "axis")):
    """Loss of regions: 1 minus twice what they have in common, by the sum of both.

    Args:
        axis: the axes of the sums; None takes all elements, (1, 2, 3) gives one loss for each image.

    Source: Keras 3, keras.losses.Dice; Milletari et al. 2016, "V-Net", section 3.

    Example:
        >>> losses.Dice()([[1.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
        Tensor(0.3333, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "dice",
            axis: Axes = None,
            dtype: Any = None,
        ) -> None: ...


@named("tversky")
def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None) -> Tensor:
    """``1 - s / (s + alpha a + beta b + 1e-7)``: s = sum(t p) is common, a = sum(t (1 - p)) missed, b = sum((1 - t) p)
    too much.

    Args:
        y_true: t, 1 inside of the region and 0 outside, of the predictions' shape.
        y_pred: p, probabilities.
        alpha: the weight of what is missed.
        beta: the weight of what is too much.
        axis: the axes of the sums; None takes all elements, which gives one number, (1, 2, 3) one for each image.

    Source: Keras 3, keras.losses.tversky (whose text calls alpha that of false positives; its formula is this one);
        Salehi et al. 2017, "Tversky loss function for image segmentation using 3D fully convolutional deep networks".

    Example:
        >>> losses.tversky([[1.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]], alpha=0.3, beta=0.7)
        Tensor(0.2308, shape=(), dtype=float32)
    """
    y_true, y_pred = match("tversky", y_true, y_pred)
    axes = _axes(axis)
    common = ops.sum(ops.multiply(y_true, y_pred), axis=axes)
    missed = ops.sum(ops.multiply(ops.subtract(1.0, y_pred), y_true), axis=axes)
    spare = ops.sum(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=axes)
    whole = ops.add(ops.add(common, ops.multiply(missed, alpha)), ops.multiply(spare, beta))
    return ops.subtract(1.0, ops.divide(common, ops.add(whole, epsilon())))


class Tversky(_Overlap, function=tversky, order=("alpha", "beta", "reduction", "name", "axis")):
    """Loss of regions that weighs what is missed and what is too much; with 1/2 for both it is ``Dice``.

    Args:
        alpha: the weight of what is missed.
        beta: the weight of what is too much.
        axis: the axes of the sums; None takes all elements, (1, 2, 3) gives one loss for each image.

    Source: Keras 3, keras.losses.Tversky; Salehi et al. 2017, "Tversky loss function for image segmentation using 3D
        fully convolutional deep networks".

    Example:
        >>> losses.Tversky(alpha=0.3, beta=0.7)([[1.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
        Tensor(0.2308, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            alpha: float = 0.5,
            beta: float = 0.5,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "tversky",
            axis: Axes = None,
            dtype: Any = None,
        ) -> None: ...


__all__ = ["Dice", "Tversky", "dice", "tversky"]
