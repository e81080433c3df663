"""Updates of optimizers as nodes: rate, step, then all weights, all gradients and the states of each kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import ops
from ..registry import Call, Run, number, operator

_DOMAIN = "ai.onnx.preview.training"


def _over_weights(states: int, update: Callable[..., tuple[Any, ...]]) -> Run:
    """``update(rate, step, x, gradient, *states)`` of each weight; results in the order of the inputs."""

    def run(rate: Any, step: Any, *tensors: Any) -> tuple[Any, ...]:
        n = len(tensors) // (2 + states)
        groups = [tensors[i * n : (i + 1) * n] for i in range(2 + states)]
        found = [update(number(rate), int(number(step)), *of_one) for of_one in zip(*groups, strict=True)]
        return tuple(result for kind in zip(*found, strict=True) for result in kind)

    return run


def _regularized(x: Any, gradient: Any, factor: float) -> Any:
    return gradient if factor == 0 else ops.add(gradient, ops.multiply(x, factor))


@operator("Adagrad", domain=_DOMAIN)
def adagrad(call: Call) -> Run:
    decay, epsilon, norm = (
        call.get("decay_factor", 0.0), call.get("epsilon", 1e-6), call.get("norm_coefficient", 0.0)
    )  # fmt: skip

    def update(rate: float, step: int, x: Any, g: Any, h: Any) -> tuple[Any, ...]:
        g = _regularized(x, g, norm)
        h = ops.add(h, ops.square(g))
        change = ops.divide(ops.multiply(g, rate / (1 + step * decay)), ops.add(ops.sqrt(h), epsilon))
        return ops.subtract(x, change), h

    return _over_weights(1, update)


@operator("Momentum", domain=_DOMAIN)
def momentum(call: Call) -> Run:
    alpha, beta, norm = call.required("alpha"), call.required("beta"), call.required("norm_coefficient")
    nesterov = call.choice("mode", "standard", ("standard", "nesterov")) == "nesterov"

    def update(rate: float, step: int, x: Any, g: Any, v: Any) -> tuple[Any, ...]:
        g = _regularized(x, g, norm)
        v = ops.add(ops.multiply(v, alpha), ops.multiply(g, beta if step > 0 else 1.0))
        way = ops.add(g, ops.multiply(v, alpha)) if nesterov else v
        return ops.subtract(x, ops.multiply(way, rate)), v

    return _over_weights(1, update)


@operator("Adam", domain=_DOMAIN)
def adam(call: Call) -> Run:
    alpha, beta, epsilon = call.get("alpha", 0.9), call.get("beta", 0.999), call.get("epsilon", 1e-6)
    norm, post = call.get("norm_coefficient", 0.0), call.get("norm_coefficient_post", 0.0)

    def update(rate: float, step: int, x: Any, g: Any, v: Any, h: Any) -> tuple[Any, ...]:
        g = _regularized(x, g, norm)
        v = ops.add(ops.multiply(v, alpha), ops.multiply(g, 1 - alpha))
        h = ops.add(ops.multiply(h, beta), ops.multiply(ops.square(g), 1 - beta))
        if step > 0:
            rate = rate * (1 - beta**step) ** 0.5 / (1 - alpha**step)
        x = ops.subtract(x, ops.divide(ops.multiply(v, rate), ops.add(ops.sqrt(h), epsilon)))
        return ops.multiply(x, 1 - post), v, h

    return _over_weights(2, update)
