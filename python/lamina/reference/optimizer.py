"""NumPy twins of the native optimizer steps (``csrc/ops/optimizer.h``): same names, same arguments, same updates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .embedding import TouchedRows

Array = np.ndarray[Any, np.dtype[Any]]


class ParameterGroup:
    """All arrays that one step reads and writes.

    weights, gradients   one array a parameter, float32 or float64, of one shape and dtype each
    slots                for each slot of the rule (momentum, velocity ...) one array a parameter
    decays, active       bool arrays, one element a parameter: whether weight decay applies; whether it has a gradient
    learning_rate        float64 array (1,);  iterations  int64 array (1,), steps done so far, advanced by each step
    touched              None, or a TouchedRows or None a parameter: of these a step changes the touched rows alone

    The arrays are read at every step, so that writing into them takes effect.
    """

    def __init__(
        self,
        weights: Sequence[Array],
        gradients: Sequence[Array],
        slots: Sequence[Sequence[Array]],
        decays: Array,
        active: Array,
        learning_rate: Array,
        iterations: Array,
        touched: Sequence[TouchedRows | None] | None = None,
    ) -> None:
        self.weights = weights
        self.gradients = gradients
        self.slots = slots
        self.decays = decays
        self.active = active
        self.learning_rate = learning_rate
        self.iterations = iterations
        self.touched = touched


def _norm(x: Array) -> float:
    return math.sqrt(float(np.square(x, dtype=np.float64).sum()))


def _scale(norm: float, limit: float) -> float:
    """The factor that brings a norm down to the limit; NaN where the norm isn't finite, so that it isn't hidden."""
    if limit == math.inf:
        return 1.0
    return limit / max(norm, limit) if math.isfinite(norm) else math.nan


def _parameters(
    group: ParameterGroup, weight_decay: float, clipvalue: float, clipnorm: float, global_clipnorm: float
) -> Iterator[tuple[Array, Array, list[Array]]]:
    """(weight, clipped gradient, slots) of every active parameter; weight decay is applied first."""
    rate = float(group.learning_rate[0])
    chosen = [i for i in range(len(group.weights)) if group.active[i]]
    total = 1.0
    if global_clipnorm != math.inf:
        total = _scale(math.sqrt(sum(_norm(group.gradients[i]) ** 2 for i in chosen)), global_clipnorm)
    for i in chosen:
        arrays = [group.weights[i], *(slot[i] for slot in group.slots)]
        g = group.gradients[i]
        touched = None if group.touched is None else group.touched[i]
        rows = None if touched is None or touched.all else touched.rows
        w, *slots = arrays if rows is None else [a[rows] for a in arrays]
        scale = total
        if clipnorm != math.inf:
            scale = _scale(_norm(g), clipnorm)
        g = np.clip((g if rows is None else g[rows]) * w.dtype.type(scale), -clipvalue, clipvalue)
        if weight_decay and group.decays[i]:
            w -= w * w.dtype.type(rate * weight_decay)
        yield w, g, slots
        if rows is not None:
            for a, changed in zip(arrays, [w, *slots], strict=True):
                a[rows] = changed


def sgd_step(
    group: ParameterGroup,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    clipvalue: float = math.inf,
    clipnorm: float = math.inf,
    global_clipnorm: float = math.inf,
) -> None:
    """m = momentum m - rate g;  w += m, or w += momentum m - rate g (nesterov); without momentum w -= rate g."""
    rate = float(group.learning_rate[0])
    for w, g, slots in _parameters(group, weight_decay, clipvalue, clipnorm, global_clipnorm):
        change = g * w.dtype.type(-rate)
        if momentum:
            m = slots[0]
            m[...] = m * w.dtype.type(momentum) + change
            change = m * w.dtype.type(momentum) + change if nesterov else m
        w += change
    group.iterations[0] += 1


def adam_step(
    group: ParameterGroup,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    amsgrad: bool = False,
    weight_decay: float = 0.0,
    clipvalue: float = math.inf,
    clipnorm: float = math.inf,
    global_clipnorm: float = math.inf,
) -> None:
    """m += (g - m)(1 - beta_1);  v += (g^2 - v)(1 - beta_2);  w -= alpha m / (sqrt(v) + epsilon).

    alpha = rate sqrt(1 - beta_2^t) / (1 - beta_1^t): the "epsilon hat" form at the end of section 2 of Kingma and
    Ba 2015.  amsgrad divides by the largest v so far (Reddi, Kale and Kumar 2018).
    """
    t = int(group.iterations[0]) + 1
    alpha = float(group.learning_rate[0]) * math.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)
    for w, g, slots in _parameters(group, weight_decay, clipvalue, clipnorm, global_clipnorm):
        real = w.dtype.type
        m, v = slots[0], slots[1]
        m += (g - m) * real(1.0 - beta_1)
        v += (g * g - v) * real(1.0 - beta_2)
        if amsgrad:
            np.maximum(slots[2], v, out=slots[2])
            v = slots[2]
        w -= m * real(alpha) / (np.sqrt(v) + real(epsilon))
    group.iterations[0] += 1


def rmsprop_step(
    group: ParameterGroup,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
    centered: bool = False,
    weight_decay: float = 0.0,
    clipvalue: float = math.inf,
    clipnorm: float = math.inf,
    global_clipnorm: float = math.inf,
) -> None:
    """v = rho v + (1 - rho) g^2;  change = rate g / sqrt(v + epsilon);  w -= change, or w -= m of that momentum.

    centered subtracts the square of the mean gradient from v (Hinton's lecture 6e; Graves 2013, equation 40).
    """
    rate = float(group.learning_rate[0])
    for w, g, slots in _parameters(group, weight_decay, clipvalue, clipnorm, global_clipnorm):
        real = w.dtype.type
        rest = list(slots)
        v = rest.pop(0)
        v[...] = v * real(rho) + g * g * real(1.0 - rho)
        denominator = v + real(epsilon)
        if momentum:
            m = rest.pop(0)
        if centered:
            mean = rest.pop(0)
            mean[...] = mean * real(rho) + g * real(1.0 - rho)
            denominator = denominator - mean * mean
        change = g * real(rate) / np.sqrt(denominator)
        if momentum:
            m[...] = m * real(momentum) + change
            change = m
        w -= change
    group.iterations[0] += 1
