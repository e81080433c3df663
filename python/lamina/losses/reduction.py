"""What weights, masks and a reduction make of one value per sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..core.arrays import leading_axes
from ..core.autograd import Tensor, wrap
from ..core.grad_mode import grad_mode
from ..ops.conversion import as_tensor
from ..ops.over_replicas import over_replicas

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none")


def kept_part(x: Tensor, sample_weight: Any, mask: Tensor | None, other: float) -> Tensor:
    """x with ``other`` in the place of what weights of 0 or the mask leave out; no gradient goes there, not even a NaN.

    Weights and masks that don't go with the first axes of x do nothing.
    """
    for condition in (mask, None if sample_weight is None else as_tensor(sample_weight)):
        if condition is None or not condition.ndim:
            continue
        shape = leading_axes(condition.shape, x.shape)
        if shape is not None:
            x = ops.where(ops.reshape(condition, shape), x, other)
    return x


def broadcast_weights(sample_weight: Any, values: Tensor) -> Tensor:
    """sample_weight as a tensor that broadcasts against values: each of its axes is that of values, or 1."""
    weight = ops.cast(sample_weight, values.dtype)
    shape = leading_axes(weight.shape, values.shape)
    if shape is None:
        hint = "; give y_true and y_pred a last axis, (batch, 1)" if values.ndim == 0 else ""
        raise ValueError(f"sample_weight has shape {weight.shape}, the losses it weights {values.shape}{hint}")
    return weight if shape == weight.shape else ops.reshape(weight, shape)


def reduce_values(
    values: Tensor, sample_weight: Any, reduction: str | None, counted: Tensor | None = None, mask: Tensor | None = None
) -> Tensor:
    """values (one loss a sample), weighted, then reduced.

    "sum_over_batch_size" (or "mean") divides the weighted sum by the number of values, "mean_with_sample_weight" by
    the sum of the weights, "sum" by nothing, "none" or None leaves the values.  counted: 1 for each of the values that
    either mean counts, 0 for the others, whose values must be 0; None counts all.  mask, if it goes with the first axes
    of values: where it is False, a value becomes 0 and isn't counted.  Where a weight is 0, a value becomes 0 as well,
    even a NaN.
    """
    shape = None if mask is None else leading_axes(mask.shape, values.shape)
    if mask is not None and shape is not None:
        values = ops.where(ops.reshape(mask, shape), values, 0.0)
        if reduction not in (None, "none", "sum"):
            kept = ops.reshape(ops.cast(mask, values.dtype), shape)
            counted = ops.broadcast_to(kept, values.shape) if counted is None else ops.multiply(counted, kept)
    weight = None
    if sample_weight is not None:
        weight = broadcast_weights(sample_weight, values)
        values = ops.multiply(ops.where(weight, values, 0.0), weight)
    if reduction is None or reduction == "none":
        return values
    if reduction == "sum":
        return _of_share(ops.sum(values))
    if counted is not None:
        if reduction == "mean_with_sample_weight" and weight is not None:
            counted = ops.multiply(counted, weight)
        return _divided(values, ops.sum(counted))
    if reduction != "mean_with_sample_weight" or weight is None:
        return ops.mean(values)
    repeats = values.size / max(weight.size, 1)
    return _divided(values, ops.multiply(ops.sum(weight), repeats))


def _divided(values: Tensor, count: Tensor) -> Tensor:
    """The sum of the values over their count, which is not below the smallest number; of a shard, over that of all."""
    total = ops.maximum(over_replicas(count), float(np.finfo(values.dtype).tiny))
    return _of_share(ops.divide(ops.sum(values), total))


def _of_share(loss: Tensor) -> Tensor:
    """A part of the whole batch's loss, so that the shards' mean, weighted by their samples, is the whole."""
    replica = grad_mode.replica
    return loss if replica is None else ops.divide(loss, ops.cast(wrap(replica.share.reshape(())), loss.dtype))
