"""NumPy twins of the losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._common import Array, give

_EPSILON = 1e-7


def cross_entropy_forward(
    x: Array,
    labels: Array,
    weights: Array | None = None,
    from_logits: bool = True,
    label_smoothing: float = 0.0,
    ignore_class: int | None = None,
    mean: bool = False,
    want_gradient: bool = True,
) -> tuple[Array, Array]:
    classes = x.shape[-1]
    valid = np.ones(x.shape[:-1])
    if labels.dtype.kind == "f":
        targets = labels
    else:
        if ignore_class is not None:
            valid = (labels != ignore_class).astype(float)
        targets = (labels[..., None] == np.arange(classes)).astype(float)
    targets = targets * (1 - label_smoothing) + label_smoothing / classes
    if from_logits:
        e = np.exp(x - x.max(-1, keepdims=True))
        p = e / e.sum(-1, keepdims=True)
        logs = np.where(targets == 0, 0, x - x.max(-1, keepdims=True)) - np.log(e.sum(-1, keepdims=True))
        gradient = p * targets.sum(-1, keepdims=True) - targets
    else:
        total = x.sum(-1, keepdims=True)
        q = x / total
        clipped = np.clip(q, _EPSILON, 1 - _EPSILON)
        free = targets * (clipped == q)
        logs = np.log(clipped)
        gradient = (free.sum(-1, keepdims=True) - free / clipped) / total
    factor = valid if weights is None else valid * weights
    losses = -(targets * logs).sum(-1) * factor
    gradient = gradient * factor[..., None]
    if mean:
        n = max(valid.sum(), 1)
        return np.asarray(losses.sum() / n), gradient / n
    return losses, gradient


def cross_entropy_backward(gradient: Array, dy: Array, dx: Array | None, accumulate: int = 0) -> None:
    give(dx, gradient * dy[..., None], accumulate, 0)


def _clip(v: Array, high: float) -> Array:
    return np.clip(v, _EPSILON, high)


_VALUES: dict[str, Any] = {
    "squared": lambda x, t, d: (x - t) ** 2,
    "absolute": lambda x, t, d: np.abs(x - t),
    "huber": lambda x, t, d: np.where(np.abs(x - t) <= d, 0.5 * (x - t) ** 2, d * np.abs(x - t) - 0.5 * d * d),
    "log_cosh": lambda x, t, d: np.log(np.cosh(x - t)),
    "binary_logits": lambda x, t, d: np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x))),
    "binary": lambda x, t, d: -(t * np.log(_clip(x, 1 - _EPSILON)) + (1 - t) * np.log(1 - _clip(x, 1 - _EPSILON))),
    "kl": lambda x, t, d: _clip(t, 1) * np.log(_clip(t, 1) / _clip(x, 1)),
    "poisson": lambda x, t, d: x - t * np.log(x + _EPSILON),
}
_SLOPES: dict[str, Any] = {
    "squared": lambda x, t, d: 2 * (x - t),
    "absolute": lambda x, t, d: np.sign(x - t),
    "huber": lambda x, t, d: np.clip(x - t, -d, d),
    "log_cosh": lambda x, t, d: np.tanh(x - t),
    "binary_logits": lambda x, t, d: 1 / (1 + np.exp(-x)) - t,
    "binary": lambda x, t, d: (x - t) / (x * (1 - x)),
    "kl": lambda x, t, d: -_clip(t, 1) / x,
    "poisson": lambda x, t, d: 1 - t / (x + _EPSILON),
}
_TARGET_SLOPES: dict[str, Any] = {
    "binary_logits": lambda x, t, d: -x,
    "binary": lambda x, t, d: np.log(1 - x) - np.log(x),
    "kl": lambda x, t, d: np.log(t / x) + 1,
    "poisson": lambda x, t, d: -np.log(x + _EPSILON),
}


def point_loss_forward(
    x: Array, t: Array, loss: str, reduction: str = "none", scale: float = 1.0, delta: float = 1.0
) -> Array:
    values = _VALUES[loss](x, t, delta)
    if reduction == "none":
        return np.asarray(values)
    return np.asarray(scale * values.sum(-1 if reduction == "rows" else None))


def point_loss_backward(
    x: Array,
    t: Array,
    dy: Array,
    loss: str,
    reduction: str,
    scale: float,
    delta: float,
    dx: Array | None,
    dt: Array | None,
    accumulate: int = 0,
) -> None:
    g = dy[..., None] if reduction == "rows" else dy
    g = g if reduction == "none" else scale * g
    slope = _SLOPES[loss](x, t, delta)
    give(dx, g * slope, accumulate, 0)
    give(dt, g * (_TARGET_SLOPES[loss](x, t, delta) if loss in _TARGET_SLOPES else -slope), accumulate, 1)
