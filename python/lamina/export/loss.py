"""Losses, for models that compute one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import config
from .elementwise import in_order
from .graph import BOOL, INT64, Graph
from .handlers import HANDLERS, exports
from .reduction import reduced
from .values import Value


def _cut(g: Graph, x: Value, most: float) -> Value:
    return in_order(g, "Clip", x, g.constant(config.epsilon(), x.dtype), g.constant(most, x.dtype))


def _squared(g: Graph, x: Value, t: Value, delta: float) -> Value:
    far = g.map("Sub", x, t)
    return g.map("Mul", far, far)


def _huber(g: Graph, x: Value, t: Value, delta: float) -> Value:
    far = g.map("Abs", g.map("Sub", x, t))
    near = g.map("LessOrEqual", far, float(delta), dtype=BOOL)
    line = g.map("Sub", g.map("Mul", far, float(delta)), 0.5 * delta * delta)
    return g.map("Where", near, g.map("Mul", g.map("Mul", far, far), 0.5), line)


def _log_cosh(g: Graph, x: Value, t: Value, delta: float) -> Value:
    """``a + softplus(-2 a) - log 2`` of the distance a: cosh would overflow."""
    far = g.map("Abs", g.map("Sub", x, t))
    return g.map("Sub", g.map("Add", far, g.map("Softplus", g.map("Mul", far, -2.0))), float(np.log(2)))


def _logits(g: Graph, x: Value, t: Value, delta: float) -> Value:
    soft = g.map("Softplus", g.map("Neg", g.map("Abs", x)))
    return g.map("Add", g.map("Sub", g.map("Max", x, 0), g.map("Mul", x, t)), soft)


def _binary(g: Graph, x: Value, t: Value, delta: float) -> Value:
    p = _cut(g, x, 1 - config.epsilon())
    yes = g.map("Mul", t, g.map("Log", p))
    no = g.map("Mul", g.map("Sub", 1.0, t), g.map("Log", g.map("Sub", 1.0, p)))
    return g.map("Neg", g.map("Add", yes, no))


def _kl(g: Graph, x: Value, t: Value, delta: float) -> Value:
    p, q = _cut(g, t, 1), _cut(g, x, 1)
    return g.map("Mul", p, g.map("Log", g.map("Div", p, q)))


def _poisson(g: Graph, x: Value, t: Value, delta: float) -> Value:
    return g.map("Sub", x, g.map("Mul", t, g.map("Log", g.map("Add", x, config.epsilon()))))


_POINTS: dict[str, Callable[[Graph, Value, Value, float], Value]] = {
    "squared": _squared, "absolute": lambda g, x, t, delta: g.map("Abs", g.map("Sub", x, t)), "huber": _huber,
    "log_cosh": _log_cosh, "binary_logits": _logits, "binary": _binary, "kl": _kl, "poisson": _poisson,
}  # fmt: skip


def _points(g: Graph, loss: str, y_true: Any, y_pred: Any, delta: float = 1.0) -> Value:
    x, t = g.value(y_pred, g.dtype), g.value(y_true, g.dtype)
    return _POINTS[loss](g, x, t if t.shape == x.shape else g.reshape(t, x.shape), delta)


def _rows(loss: str, op: str = "ReduceMean") -> Callable[..., Value]:
    def put(g: Graph, y_true: Any, y_pred: Any, delta: float = 1.0) -> Value:
        values = _points(g, loss, y_true, y_pred, delta)
        return reduced(g, op, values, -1, False) if values.ndim else values

    return put


for _name, _loss in {
    "mean_squared_error": "squared", "mean_absolute_error": "absolute", "huber": "huber", "log_cosh": "log_cosh",
    "poisson": "poisson",
}.items():  # fmt: skip
    HANDLERS[_name] = _rows(_loss)
HANDLERS["kl_divergence"] = _rows("kl", "ReduceSum")


@exports("binary_cross_entropy")
def binary_cross_entropy(g: Graph, x: Any, y_true: Any, from_logits: bool = False) -> Value:
    return _points(g, "binary_logits" if from_logits else "binary", y_true, x)


@exports("point_loss_mean")
def point_loss_mean(g: Graph, loss: str, y_true: Any, y_pred: Any, delta: float = 1.0) -> Value:
    return reduced(g, "ReduceMean", _points(g, loss, y_true, y_pred, delta), None, False)


def _categorical(g: Graph, x: Any, labels: Any, smoothing: float, ignored: Any, logits: bool) -> tuple[Value, Value]:
    """The losses, and which of them count, as numbers."""
    x, t = g.value(x, g.dtype), g.value(labels)
    classes = int(x.shape[-1])
    counts = None
    if t.dtype.kind != "f" and t.ndim == x.ndim and t.shape[-1] == 1 != classes:
        t = g.reshape(t, t.shape[:-1])
    if t.dtype.kind != "f" and t.shape == x.shape[:-1]:
        whole = g.cast(t, INT64)
        if ignored is not None:
            same = g.map("Equal", whole, int(ignored), dtype=BOOL)
            counts = g.cast(g.map("Not", same), x.dtype)
        places = g.reshape(whole, (*whole.shape, 1))
        t = g.map("Equal", places, g.constant(np.arange(classes)), dtype=BOOL)
    t = g.cast(t, x.dtype)
    if smoothing:
        t = g.map("Add", g.map("Mul", t, 1 - float(smoothing)), float(smoothing) / classes)
    if logits:
        logs = g.made(g.node("LogSoftmax", x, axis=-1), None, x.shape, x.dtype)
        none = g.map("Equal", t, 0, dtype=BOOL)
        logs = g.map("Where", none, g.constant(0, x.dtype), logs)
    else:
        share = g.map("Div", x, reduced(g, "ReduceSum", x, -1, True))
        logs = g.map("Log", _cut(g, share, 1 - config.epsilon()))
    losses = g.map("Neg", reduced(g, "ReduceSum", g.map("Mul", t, logs), -1, False))
    if counts is None:
        return losses, g.constant(1, x.dtype)
    return g.map("Mul", losses, counts), counts


def _cross_entropy(logits: bool, mean: bool) -> Callable[..., Value]:
    def put(
        g: Graph, x: Any, labels: Any, weights: Any = None, label_smoothing: float = 0.0, ignore_class: Any = None
    ) -> Value:
        losses, counts = _categorical(g, x, labels, label_smoothing, ignore_class, logits)
        losses = losses if weights is None else g.map("Mul", losses, g.value(weights, losses.dtype))
        if not mean:
            return losses
        if counts.ndim == 0:
            return reduced(g, "ReduceMean", losses, None, False)
        total = g.map("Max", reduced(g, "ReduceSum", counts, None, False), 1.0)
        return g.map("Div", reduced(g, "ReduceSum", losses, None, False), total)

    return put


HANDLERS["softmax_cross_entropy"] = _cross_entropy(True, False)
HANDLERS["softmax_cross_entropy_mean"] = _cross_entropy(True, True)
HANDLERS["categorical_cross_entropy"] = _cross_entropy(False, False)
HANDLERS["categorical_cross_entropy_mean"] = _cross_entropy(False, True)
