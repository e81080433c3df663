"""NumPy twins of the normalization kernels."""

from __future__ import annotations

import math

import numpy as np

from ._common import Array, activate, activation_gradient, give


def batch_norm_forward(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    moving_mean: Array,
    moving_variance: Array,
    training: bool,
    momentum: float,
    epsilon: float,
    activation: str,
) -> tuple[Array, Array, Array]:
    axes = tuple(range(x.ndim - 1))
    mean, variance = moving_mean.copy(), moving_variance
    if training and math.prod(x.shape[:-1]):
        mean, variance = x.mean(axis=axes), x.var(axis=axes)
        moving_mean *= momentum
        moving_mean += (1 - momentum) * mean
        moving_variance *= momentum
        moving_variance += (1 - momentum) * variance
    rstd = 1 / (variance + epsilon) ** 0.5
    y = (x - mean) * (rstd if gamma is None else rstd * gamma)
    return activate(y if beta is None else y + beta, activation), mean, rstd


def batch_norm_fold(
    w: Array,
    b: Array | None,
    gamma: Array | None,
    beta: Array | None,
    moving_mean: Array,
    moving_variance: Array,
    epsilon: float,
) -> tuple[Array, Array]:
    scale = (1 if gamma is None else gamma) / (moving_variance + epsilon) ** 0.5
    shift = ((0 if b is None else b) - moving_mean) * scale
    return w * scale, shift if beta is None else shift + beta


def batch_norm_backward(
    x: Array,
    gamma: Array | None,
    mean: Array,
    rstd: Array,
    y: Array,
    dy: Array,
    training: bool,
    activation: str,
    dx: Array | None,
    dgamma: Array | None,
    dbeta: Array | None,
    accumulate: int = 0,
) -> None:
    axes = tuple(range(x.ndim - 1))
    rows = max(math.prod(x.shape[:-1]), 1)
    dz = activation_gradient(y, dy, activation)
    h = (x - mean) * rstd
    sum_dz, sum_dzh = dz.sum(axis=axes), (dz * h).sum(axis=axes)
    if dx is not None:
        g = dz - sum_dz / rows - h * (sum_dzh / rows) if training else dz
        give(dx, g * (rstd if gamma is None else rstd * gamma), accumulate, 0)
    give(dgamma, sum_dzh, accumulate, 1)
    give(dbeta, sum_dz, accumulate, 2)


def layer_norm_forward(x: Array, gamma: Array | None, beta: Array | None, epsilon: float) -> tuple[Array, Array, Array]:
    if x.size == 0:
        return x.copy(), x.sum(axis=-1), x.sum(axis=-1)
    mean, variance = x.mean(axis=-1), x.var(axis=-1)
    rstd = 1 / (variance + epsilon) ** 0.5
    y = (x - mean[..., None]) * rstd[..., None]
    if gamma is not None:
        y = y * gamma
    return y if beta is None else y + beta, mean, rstd


def layer_norm_backward(
    x: Array,
    gamma: Array | None,
    mean: Array,
    rstd: Array,
    dy: Array,
    dx: Array | None,
    dgamma: Array | None,
    dbeta: Array | None,
    accumulate: int = 0,
) -> None:
    axes = tuple(range(x.ndim - 1))
    h = (x - mean[..., None]) * rstd[..., None]
    if dx is not None:
        u = dy if gamma is None else dy * gamma
        if x.size:
            u = u - u.mean(axis=-1, keepdims=True) - h * (u * h).mean(axis=-1, keepdims=True)
        give(dx, u * rstd[..., None], accumulate, 0)
    give(dgamma, (dy * h).sum(axis=axes), accumulate, 1)
    give(dbeta, dy.sum(axis=axes), accumulate, 2)


def rms_norm_forward(x: Array, scale: Array | None, epsilon: float) -> tuple[Array, Array]:
    if x.size == 0:
        return x.copy(), x.sum(axis=-1)
    size = np.abs(x).max(axis=-1, keepdims=True)
    size = np.where((size > 0) & np.isfinite(size), size, 1)  # squares of x / size neither overflow nor vanish
    rstd = 1 / np.hypot(size * np.square(x / size).mean(axis=-1, keepdims=True) ** 0.5, epsilon**0.5)
    y = x * rstd
    return (y if scale is None else y * scale), rstd[..., 0]


def rms_norm_backward(
    x: Array, scale: Array | None, rstd: Array, dy: Array, dx: Array | None, dscale: Array | None, accumulate: int = 0
) -> None:
    h = x * rstd[..., None]
    if dx is not None:
        u = dy if scale is None else dy * scale
        if x.size:
            u = u - h * (u * h).mean(axis=-1, keepdims=True)
        give(dx, u * rstd[..., None], accumulate, 0)
    give(dscale, (dy * h).sum(axis=tuple(range(x.ndim - 1))), accumulate, 1)


def group_norm_forward(
    x: Array, gamma: Array | None, beta: Array | None, groups: int, epsilon: float
) -> tuple[Array, Array, Array]:
    if x.size == 0:
        return x.copy(), np.zeros((x.shape[0], groups), x.dtype), np.zeros((x.shape[0], groups), x.dtype)
    parts = x.reshape(x.shape[0], -1, groups, x.shape[-1] // groups)
    mean, variance = parts.mean(axis=(1, 3)), parts.var(axis=(1, 3))
    rstd = 1 / (variance + epsilon) ** 0.5
    y = ((parts - mean[:, None, :, None]) * rstd[:, None, :, None]).reshape(x.shape)
    if gamma is not None:
        y = y * gamma
    return y if beta is None else y + beta, mean, rstd


def group_norm_backward(
    x: Array,
    gamma: Array | None,
    mean: Array,
    rstd: Array,
    dy: Array,
    groups: int,
    dx: Array | None,
    dgamma: Array | None,
    dbeta: Array | None,
    accumulate: int = 0,
) -> None:
    shape = x.shape[0], math.prod(x.shape[1:-1]), groups, x.shape[-1] // groups
    r = rstd[:, None, :, None]
    h = (x.reshape(shape) - mean[:, None, :, None]) * r
    if dx is not None:
        u = (dy if gamma is None else dy * gamma).reshape(shape)
        if x.size:
            u = u - u.mean(axis=(1, 3), keepdims=True) - h * (u * h).mean(axis=(1, 3), keepdims=True)
        give(dx, (u * r).reshape(x.shape), accumulate, 0)
    axes = tuple(range(x.ndim - 1))
    give(dgamma, (dy * h.reshape(x.shape)).sum(axis=axes), accumulate, 1)
    give(dbeta, dy.sum(axis=axes), accumulate, 2)
