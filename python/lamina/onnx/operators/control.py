"""Graphs inside of nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ...ops.conversion import as_tensor
from ..layout import plain
from ..registry import Call, Run, Unsupported, operator

_VALUES = (
    "depends on values, not on sizes alone; where that is an input that never changes, load the model with "
    "constants={input: value}"
)


@operator("If", ordered=True)
def if_(call: Call) -> Run:
    """Where the condition follows from sizes, which Python knows in every call."""
    taken, other = call.body("then_branch"), call.body("else_branch")
    if taken is None or other is None:
        raise Unsupported("it lacks a branch")
    if not call.known(0):
        raise Unsupported(f"its condition {_VALUES}")
    return lambda condition, outer=None: tuple((taken if condition.any() else other).run([], outer or {}))


@operator("Scan", 9, ordered=True)
def scan(call: Call) -> Run:
    """Over the steps of an axis, whose number Python knows."""
    body, n = call.body("body"), call.required("num_scan_inputs")
    if body is None:
        raise Unsupported("it lacks a body")
    states = len(call.node.inputs) - n
    outputs = len(call.node.outputs) - states
    axes, backwards = (list(call.get(f"scan_input_{a}", ())) or [0] * n for a in ("axes", "directions"))
    out_axes, turned = (list(call.get(f"scan_output_{a}", ())) or [0] * outputs for a in ("axes", "directions"))

    def run(*inputs: Any, outer: Any = None) -> Any:
        carried, scanned = list(inputs[:states]), inputs[states:]
        rows = [_rows(x, a, b) for x, a, b in zip(scanned, axes, backwards, strict=True)]
        found: list[list[Any]] = [[] for _ in range(outputs)]
        for step in zip(*rows, strict=True):
            results = body.run([*carried, *step], outer or {})
            carried = results[:states]
            for kept, y in zip(found, results[states:], strict=True):
                kept.append(plain(y))
        each = zip(found, out_axes, turned, strict=True)
        return (*carried, *(ops.stack(ys[::-1] if back else ys, a) for ys, a, back in each))

    return run


def _rows(x: Any, axis: int, backwards: int) -> list[Any]:
    """The steps of a value along an axis."""
    rows = ops.unstack(plain(x), axis=axis)
    return rows[::-1] if backwards else rows


@operator("Loop", ordered=True)
def loop(call: Call) -> Run:
    """Where how often it runs follows from sizes."""
    body = call.body("body")
    if body is None:
        raise Unsupported("it lacks a body")
    if not all(call.known(i) for i in (0, 1) if call.has(i)) or not body.known_results[0]:
        raise Unsupported(f"how often it runs {_VALUES}")
    states = len(call.node.inputs) - 2

    def run(most: Any = None, condition: Any = None, *carried: Any, outer: Any = None) -> Any:
        found: list[list[Any]] = [[] for _ in range(len(call.node.outputs) - states)]
        step, goes_on = 0, condition is None or bool(condition.any())
        while goes_on and (most is None or step < int(most.reshape(()))):
            results = body.run([np.array(step, np.int64), np.array(True), *carried], outer or {})
            goes_on, carried = bool(results[0].any()), tuple(results[1 : 1 + states])
            for kept, y in zip(found, results[1 + states :], strict=True):
                kept.append(plain(y))
            step += 1
        return (*carried, *(ops.stack(ys) for ys in found))

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
        for_scores = [scores] if of_scores is None else of_scores.run([scores], outer or {})
        weights = ops.softmax(plain(for_scores[0]), -1)
        for_weights = [weights] if of_weights is None else of_weights.run([weights], outer or {})
        return ops.matmul(plain(for_weights[0]), v)

    return run
