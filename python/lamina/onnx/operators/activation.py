"""Activations."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ...ops.conversion import as_tensor
from ..layout import axis_of, data_of, elementwise, order_of, ordered, plain
from ..registry import Call, Run, operator


@operator("Relu", ordered=True)
def relu(call: Call) -> Run:
    call.get("consumed_inputs")
    return functools.partial(elementwise, relu_of)


def relu_of(x: Any) -> Tensor:
    """``max(x, 0)``, also of integers."""
    return ops.relu(x) if x.dtype.kind == "f" else ops.maximum(x, 0)


def _with_alpha(name: str, f: Callable[[Any, float], Tensor], default: float) -> None:
    @operator(name, ordered=True)
    def make(call: Call) -> Run:
        call.get("consumed_inputs")
        alpha = call.get("alpha", default)
        return functools.partial(elementwise, lambda x: f(x, alpha))


_with_alpha("LeakyRelu", ops.leaky_relu, 0.01)
_with_alpha("Elu", ops.elu, 1.0)
_with_alpha("Celu", ops.celu, 1.0)
_with_alpha("ThresholdedRelu", lambda x, alpha: ops.threshold(x, alpha, 0.0), 1.0)


@operator("PRelu", ordered=True)
def p_relu(call: Call) -> Run:
    call.get("consumed_inputs")

    def run(x: Any, slope: Any) -> Any:
        if call.version < 7 and slope.ndim == 1 and x.ndim > 1 and slope.shape[0] > 1:  # one for each channel
            slope = ops.reshape(plain(slope), (slope.shape[0], *(1,) * (x.ndim - 2)))
        return elementwise(lambda a, s: ops.where(ops.less(a, as_tensor(0, a.dtype)), ops.multiply(s, a), a), x, slope)

    return run


@operator("Selu", ordered=True)
def selu(call: Call) -> Run:
    call.get("consumed_inputs")
    since6 = call.version >= 6
    alpha = call.get("alpha", 1.6732632423543772 if since6 else 1.6732)
    gamma = call.get("gamma", 1.0507009873554805 if since6 else 1.0507)
    return functools.partial(elementwise, lambda x: ops.multiply(ops.elu(x, alpha), gamma))


@operator("HardSigmoid", ordered=True)
def hard_sigmoid(call: Call) -> Run:
    call.get("consumed_inputs")
    return functools.partial(elementwise, hard_sigmoid_of(call.get("alpha", 0.2), call.get("beta", 0.5)))


def hard_sigmoid_of(alpha: float, beta: float) -> Callable[[Any], Tensor]:
    """``clip(alpha x + beta, 0, 1)``."""
    if abs(alpha - 1 / 6) < 1e-7 and beta == 0.5:
        return ops.hard_sigmoid
    return lambda x: ops.clip(ops.add(ops.multiply(x, alpha), beta), 0.0, 1.0)


@operator("Softplus", ordered=True)
def softplus(call: Call) -> Run:
    return functools.partial(elementwise, ops.softplus)


def _swish(x: Any, alpha: float) -> Tensor:
    return ops.silu(x) if alpha == 1.0 else ops.multiply(x, ops.sigmoid(ops.multiply(x, alpha)))


_with_alpha("Swish", _swish, 1.0)


@operator("SwiGLU", ordered=True)
def swi_glu(call: Call) -> Run:
    alpha = call.get("alpha", 1.0)
    return functools.partial(elementwise, lambda gate, x: ops.multiply(_swish(gate, alpha), x))


@operator("Gelu", ordered=True)
def gelu(call: Call) -> Run:
    approximate = call.choice("approximate", "none", ("none", "tanh")) == "tanh"
    return functools.partial(elementwise, lambda x: ops.gelu(x, approximate))


@operator("Shrink", ordered=True)
def shrink(call: Call) -> Run:
    limit, bias = call.get("lambd", 0.5), call.get("bias", 0.0)

    def run(x: Any) -> Tensor:
        zero = np.zeros((), x.dtype)
        above = ops.where(ops.greater(x, limit), ops.subtract(x, bias), zero)
        return ops.where(ops.less(x, -limit), ops.add(x, bias), above)

    return functools.partial(elementwise, run)


def along(call: Call, f: Callable[[Tensor, int], Tensor]) -> Run:
    """f along an axis; before version 13 along that and all behind it, which count as one."""
    if call.version >= 13:
        axis = call.get("axis", -1)
        return lambda x: ordered(f(data_of(x), axis_of(x, axis)), order_of(x))
    first = call.get("axis", 1)

    def run(x: Any) -> Any:
        at = first % max(x.ndim, 1)
        if all(n == 1 for n in x.shape[at + 1 :]):  # which is the same
            return ordered(f(data_of(x), axis_of(x, at)), order_of(x))
        x = plain(x)
        rows = ops.reshape(x, (int(np.prod(x.shape[:at])), -1))
        return ops.reshape(f(rows, 1), x.shape)

    return run


@operator("Softmax", ordered=True)
def softmax(call: Call) -> Run:
    return along(call, ops.softmax)


@operator("LogSoftmax", ordered=True)
def log_softmax(call: Call) -> Run:
    return along(call, ops.log_softmax)


@operator("Hardmax", ordered=True)
def hardmax(call: Call) -> Run:
    def run(x: Tensor, axis: int) -> Tensor:
        return ops.one_hot(ops.argmax(x, axis), x.shape[axis], axis=axis, dtype=x.dtype)

    return along(call, run)


__all__ = ["along", "hard_sigmoid_of", "relu_of"]
