"""Losses as nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ...ops.conversion import as_tensor
from ..registry import Call, Run, operator


def _loss(call: Call) -> Any:
    """-log p of the class of each place, weighted and reduced: a function of log p (N, C, ...)."""
    reduction = call.choice("reduction", "mean", ("mean", "sum", "none"))
    ignored = call.get("ignore_index")

    def run(log_p: Tensor, classes: Any, weights: Any) -> Tensor:
        classes = as_tensor(classes)
        counts = None
        if ignored is not None:
            counts = ops.not_equal(classes, np.array(ignored, classes.dtype))
            classes = ops.where(counts, classes, np.zeros((), classes.dtype))
        picked = ops.take_along_axis(log_p, ops.expand_dims(classes, 1), 1)
        loss = ops.negative(ops.squeeze(picked, 1))
        factor = None
        if weights is not None:
            factor = ops.take(weights, classes, 0)
            loss = ops.multiply(loss, factor)
        if counts is not None:
            zero = np.zeros((), loss.dtype)
            loss = ops.where(counts, loss, zero)
            factor = ops.cast(counts, loss.dtype) if factor is None else ops.where(counts, factor, zero)
        if reduction == "none":
            return loss
        if reduction == "sum":
            return ops.sum(loss)
        return ops.mean(loss) if factor is None else ops.divide(ops.sum(loss), ops.sum(factor))

    return run


@operator("SoftmaxCrossEntropyLoss")
def softmax_cross_entropy(call: Call) -> Run:
    loss = _loss(call)

    def run(scores: Any, classes: Any, weights: Any = None) -> tuple[Tensor, Tensor]:
        log_p = ops.log_softmax(scores, 1)
        return loss(log_p, classes, weights), log_p

    return run


@operator("NegativeLogLikelihoodLoss")
def negative_log_likelihood(call: Call) -> Run:
    loss = _loss(call)
    return lambda log_p, classes, weights=None: loss(as_tensor(log_p), classes, weights)
