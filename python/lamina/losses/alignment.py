"""The loss of sequences of labels that are shorter than the sequences of predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..core.autograd import Tensor
from ..core.explain import named
from ..core.masked_tensor import MaskedTensor
from ..ops.conversion import as_tensor
from .function_loss import DeclaredLoss


@named("ctc")
def ctc(y_true: Any, y_pred: Any) -> Tensor:
    """``-log`` of the probability that the predictions spell the labels; ``ops.ctc_loss`` without lengths.

    Args:
        y_true: labels (batch, labels), integers; 0 is the blank and stands behind the last label.
        y_pred: logits (batch, steps, classes).  All steps count, or those of their mask, which are the first ones.

    Returns: losses (batch,).

    Raises:
        ValueError: shapes do not fit; a label is no class; the labels of a sequence, and a blank for each repetition,
            need more steps than it has.

    Source: Keras 3, keras.losses.ctc; Graves et al. 2006, "Connectionist Temporal Classification".

    Example:
        >>> losses.ctc(np.array([[1, 2, 0]]), np.zeros((1, 6, 4), "float32")).shape
        (1,)
    """
    mask = y_pred.mask if isinstance(y_pred, MaskedTensor) else None
    y_pred, labels = as_tensor(y_pred), as_tensor(y_true)
    if labels.ndim != 2 or y_pred.ndim != 3 or len(labels) != len(y_pred):
        raise ValueError(
            f"ctc: y_true is {labels.shape}, y_pred {y_pred.shape}, expected labels (batch, labels) and logits (batch, "
            "steps, classes)"
        )
    if labels.dtype.kind not in "iu":
        labels = ops.cast(labels, np.int64)
    counts = ops.sum(ops.cast(ops.not_equal(labels, 0), np.int32), axis=1)
    if mask is not None and mask.shape == y_pred.shape[:2]:
        steps = ops.sum(ops.cast(mask, np.int32), axis=1)
    else:
        steps = as_tensor(np.full(len(y_pred), y_pred.shape[1], np.int32))
    return ops.ctc_loss(labels, y_pred, counts, steps)


class CTC(DeclaredLoss, function=ctc):
    """Loss of sequences of labels, (batch, labels) with 0 behind them, from longer ones of logits, (batch, steps,
    classes), class 0 being the blank.

    Source: Keras 3, keras.losses.CTC; Graves et al. 2006, "Connectionist Temporal Classification".

    Example:
        >>> scores = np.zeros((1, 6, 4), "float32")  # 6 steps, 3 symbols and the blank 0
        >>> losses.CTC()(np.array([[1, 2, 0]]), scores).shape
        ()
    """

    integer_targets = True


__all__ = ["CTC", "ctc"]
