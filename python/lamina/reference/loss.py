"""NumPy twins of the loss kernels."""

from __future__ import annotations

import numpy as np

from ._common import Array, give

EPSILON = 1e-7


def cross_entropy_forward(
    x: Array, target: Array, from_logits: bool, smoothing: float, mean: bool, save: bool
) -> tuple[Array, Array | None]:
    C = x.shape[-1]
    t = target if target.dtype.kind == "f" else np.eye(C, dtype=x.dtype)[target]
    t = t * (1 - smoothing) + smoothing / C
    if from_logits:
        shifted = x - x.max(axis=-1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        loss = -(t * log_p).sum(axis=-1)
        slopes = np.exp(log_p) * t.sum(axis=-1, keepdims=True) - t
    else:
        s = x.sum(axis=-1, keepdims=True)
        q = x / s
        clipped = np.clip(q, EPSILON, 1 - EPSILON)
        loss = -(t * np.log(clipped)).sum(axis=-1)
        g = np.where(q == clipped, -t / clipped, 0)
        slopes = (g - (g * q).sum(axis=-1, keepdims=True)) / s
    return np.asarray(loss.mean() if mean else loss, x.dtype), slopes if save else None


def cross_entropy_backward(slopes: Array, dy: Array, dx: Array | None, accumulate: int = 0) -> None:
    if dy.ndim == 0 and slopes.ndim != 1:
        rows = max(1, slopes.size // max(1, slopes.shape[-1]))
        give(dx, slopes * (dy / rows), accumulate, 0)
    else:
        give(dx, slopes * dy[..., None], accumulate, 0)


def _loss(x: Array, t: Array, kind: str, p: float) -> Array:
    if kind == "squared":
        return (x - t) ** 2
    if kind == "absolute":
        return np.abs(x - t)
    if kind == "huber":
        a = np.abs(x - t)
        return np.where(a > p, p * (a - 0.5 * p), 0.5 * a * a)
    if kind == "binary_logit":
        return np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x)))
    q = np.clip(x, p, 1 - p)
    return -(t * np.log(q) + (1 - t) * np.log1p(-q))


def _slope(x: Array, t: Array, kind: str, p: float) -> Array:
    if kind == "squared":
        return 2 * (x - t)
    if kind == "absolute":
        return np.sign(x - t)
    if kind == "huber":
        return np.clip(x - t, -p, p)
    if kind == "binary_logit":
        return 0.5 * (1 + np.tanh(0.5 * x)) - t
    q = np.clip(x, p, 1 - p)
    return np.where(q == x, (q - t) / (q * (1 - q)), 0)


def pair_loss_forward(x: Array, t: Array, kind: str, parameter: float, reduction: str) -> Array:
    loss = _loss(x, t, kind, parameter)
    return np.asarray(loss if reduction == "none" else loss.mean(axis=-1) if reduction == "rows" else loss.mean())


def pair_loss_backward(
    x: Array, t: Array, dy: Array, kind: str, parameter: float, reduction: str, dx: Array | None, accumulate: int = 0
) -> None:
    slope = _slope(x, t, kind, parameter)
    if reduction == "rows":
        slope = slope * (dy[..., None] / x.shape[-1])
    else:
        slope = slope * dy if reduction == "none" else slope * (dy / max(1, x.size))
    give(dx, slope, accumulate, 0)
