"""Graphs inside of nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ...ops.conversion import as_tensor
from ..layout import plain
from ..registry import Call, Run, Unsupported, operator


@operator("If", ordered=True)
def if_(call: Call) -> Run:
    """Where the condition follows from sizes, which Python knows in every call."""
    taken, other = call.body("then_branch"), call.body("else_branch")
    if taken is None or other is None:
        raise Unsupported("it lacks a branch")

    def run(condition: Any, outer: Any = None) -> Any:
        if not isinstance(condition, np.ndarray):
            raise ValueError(
                "its condition depends on values, not on sizes alone; where it depends on an input that never changes, "
                "load the model with constants={input: value}"
            )
        return tuple((taken if condition.any() else other)([], outer or {}))

    return run


@operator("FlexAttention", domain="ai.onnx.preview", ordered=True)
def flex_attention(call: Call) -> Run:
    """softmax(score_mod(scale q k^T)) v, with graphs that change the scores and the weights."""
    scale = call.get("scale")
    call.get("softmax_precision", 1)
    of_scores, of_weights = call.body("score_mod"), call.body("prob_mod")

    def run(q: Any, k: Any, v: Any, outer: Any = None) -> Tensor:
        q, k, v = (as_tensor(plain(x)) for x in (q, k, v))
        groups = q.shape[1] // k.shape[1]
        k, v = (ops.repeat(x, groups, 1) if groups > 1 else x for x in (k, v))
        scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2)))
        scores = ops.multiply(scores, float(q.shape[3] ** -0.5) if scale is None else scale)
        for_scores = [scores] if of_scores is None else of_scores([scores], outer or {})
        weights = ops.softmax(plain(for_scores[0]), -1)
        for_weights = [weights] if of_weights is None else of_weights([weights], outer or {})
        return ops.matmul(plain(for_weights[0]), v)

    return run
