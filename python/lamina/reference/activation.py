"""NumPy twins of the activation kernels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ._common import Array, erf, give

Function = Callable[[Array, float], Array]


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * x))  # never overflows


def _normal(x: Array) -> Array:
    return 0.5 * (1 + erf(x * 0.5**0.5))


def _density(x: Array) -> Array:
    return np.exp(-0.5 * x * x) / (2 * np.pi) ** 0.5


def _gelu_argument(x: Array) -> Array:
    return (8 / np.pi) ** 0.5 * (x + 0.044715 * x**3)


def _gelu_tanh_slope(x: Array) -> Array:
    s = _sigmoid(_gelu_argument(x))
    return s + x * s * (1 - s) * (8 / np.pi) ** 0.5 * (1 + 0.134145 * x * x)


def _softplus(x: Array) -> Array:
    return np.logaddexp(x, np.zeros((), x.dtype))


_SELU = 1.0507009873554805
_SELU_ALPHA = 1.7580993408473766

# name: value(x, parameter), slope(y or x, parameter); the slope takes y where _native.activations()[name] is true.
FUNCTIONS: dict[str, tuple[Function, Function]] = {
    "relu": (lambda x, p: np.maximum(x, 0), lambda y, p: y > 0),
    "leaky_relu": (lambda x, p: np.where(x > 0, x, p * x), lambda x, p: np.where(x > 0, 1, p)),
    "elu": (lambda x, p: np.where(x > 0, x, p * np.expm1(x)), lambda x, p: np.where(x > 0, 1, p * np.exp(x))),
    "selu": (
        lambda x, p: np.where(x > 0, _SELU * x, _SELU_ALPHA * np.expm1(x)),
        lambda x, p: np.where(x > 0, _SELU, _SELU_ALPHA * np.exp(np.minimum(x, 0))),
    ),
    "gelu": (lambda x, p: x * _normal(x), lambda x, p: _normal(x) + x * _density(x)),
    "gelu_tanh": (lambda x, p: x * _sigmoid(_gelu_argument(x)), lambda x, p: _gelu_tanh_slope(x)),
    "silu": (lambda x, p: x * _sigmoid(x), lambda x, p: _sigmoid(x) * (1 + x * (1 - _sigmoid(x)))),
    "tanh": (lambda x, p: np.tanh(x), lambda y, p: 1 - y * y),
    "sigmoid": (lambda x, p: _sigmoid(x), lambda y, p: y * (1 - y)),
    "softplus": (lambda x, p: _softplus(x), lambda y, p: -np.expm1(-y)),
    "softsign": (lambda x, p: x / (1 + np.abs(x)), lambda x, p: 1 / (1 + np.abs(x)) / (1 + np.abs(x))),
    "hard_sigmoid": (lambda x, p: np.clip(x / 6 + 0.5, 0, 1), lambda x, p: ((x > -3) & (x < 3)) / 6),
    "hard_silu": (
        lambda x, p: x * np.clip(x / 6 + 0.5, 0, 1),
        lambda x, p: np.where(x <= -3, 0, np.where(x >= 3, 1, x / 3 + 0.5)),
    ),
    "mish": (
        lambda x, p: x * np.tanh(_softplus(x)),
        lambda x, p: np.tanh(_softplus(x)) + x * (1 - np.tanh(_softplus(x)) ** 2) * _sigmoid(x),
    ),
}


def activation_forward(x: Array, name: str, parameter: float = 0.0) -> Array:
    return np.asarray(FUNCTIONS[name][0](x, parameter), x.dtype)


def activation_backward(
    x_or_y: Array, dy: Array, name: str, parameter: float, dx: Array | None, accumulate: int = 0
) -> None:
    give(dx, dy * FUNCTIONS[name][1](x_or_y, parameter), accumulate, 0)


def activation_forward_and_slope(x: Array, name: str, parameter: float = 0.0) -> tuple[Array, Array]:
    return activation_forward(x, name, parameter), np.asarray(FUNCTIONS[name][1](x, parameter), x.dtype)


def activation_slope_backward(slope: Array, dy: Array, dx: Array | None, accumulate: int = 0) -> None:
    give(dx, dy * slope, accumulate, 0)


def softmax_forward(x: Array) -> Array:
    if x.size == 0:
        return x.copy()
    top = x.max(axis=-1, keepdims=True)
    e = np.exp(x - np.where(np.isneginf(top), 0, top))
    total = e.sum(axis=-1, keepdims=True)
    return np.asarray(e / np.where(total == 0, 1, total))


def softmax_backward(y: Array, dy: Array, dx: Array | None, accumulate: int = 0) -> None:
    give(dx, y * (dy - (y * dy).sum(axis=-1, keepdims=True)), accumulate, 0)


def log_softmax_forward(x: Array) -> Array:
    if x.size == 0:
        return x.copy()
    top = x.max(axis=-1, keepdims=True)
    shifted = x - np.where(np.isneginf(top), 0, top)
    total = np.exp(shifted).sum(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.where(total == 0, 1, total)))


def log_softmax_backward(y: Array, dy: Array, dx: Array | None, accumulate: int = 0) -> None:
    give(dx, dy - np.exp(y) * dy.sum(axis=-1, keepdims=True), accumulate, 0)
