"""Normalizations and dropout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ...core.generator import Generator
from ...layers.call import context
from ...ops.conversion import as_tensor
from ..layout import channels_last, data_of, elementwise, order_of, ordered, plain, stored
from ..registry import Call, Run, number, operator


@operator("BatchNormalization", ordered=True)
def batch_normalization(call: Call) -> Run:
    epsilon, momentum = call.get("epsilon", 1e-5), call.get("momentum", 0.9)
    call.get("consumed_inputs")
    call.only("spatial", 1, "statistics of each pixel are not kept")
    training = bool(call.get("training_mode", 0)) if call.version >= 14 else not call.get("is_test", 1)

    def run(x: Any, scale: Any, bias: Any, mean: Any, variance: Any) -> Any:
        order = channels_last(x.ndim) if x.ndim > 1 else (0,)
        t = as_tensor(stored(x, order))
        gamma, beta, m, v = (as_tensor(plain(w), t.dtype) for w in (scale, bias, mean, variance))
        if not training:
            if len({id(w) for w in (gamma, beta, m, v)}) < 4:  # one constant in several places
                m, v = ops.copy(m), ops.copy(v)
            return ordered(ops.batch_norm(t, gamma, beta, m, v, False, epsilon=epsilon), order)
        m, v = ops.copy(m), ops.copy(v)
        y = ops.batch_norm(t, gamma, beta, m, v, True, momentum, epsilon)
        return ordered(y, order), m, v

    return run


@operator("LayerNormalization", ordered=True)
def layer_normalization(call: Call) -> Run:
    axis, epsilon = call.get("axis", -1), call.get("epsilon", 1e-5)
    call.get("stash_type", 1)
    wants = call.wants(1) or call.wants(2)

    def run(x: Any, scale: Any, bias: Any = None) -> Any:
        x, scale, bias = as_tensor(plain(x)), plain(scale), plain(bias)
        at = axis % x.ndim
        shape = x.shape
        width = math.prod(shape[at:])
        whole = scale.size == width and (bias is None or bias.size == width)
        gamma, beta = (None if v is None or not whole else ops.reshape(v, (width,)) for v in (scale, bias))
        rows = ops.reshape(x, (*shape[:at], width))
        y = ops.reshape(ops.layer_norm(rows, gamma, beta, epsilon), shape)
        if not whole:
            y = ops.multiply(y, scale)
            y = y if bias is None else ops.add(y, bias)
        if not wants:
            return y
        axes = tuple(range(at, x.ndim))
        mean, variance = ops.moments(x, axes, keepdims=True)
        return y, mean, ops.rsqrt(ops.add(variance, epsilon))

    return run


@operator("RMSNormalization")
def rms_normalization(call: Call) -> Run:
    axis, epsilon = call.get("axis", -1), call.get("epsilon", 1e-5)
    call.get("stash_type", 1)

    def run(x: Any, scale: Any) -> Tensor:
        x = as_tensor(x)
        at = axis % x.ndim
        width = math.prod(x.shape[at:])
        rows = ops.reshape(x, (*x.shape[:at], width))
        if scale.size == width:
            return ops.reshape(ops.rms_norm(rows, ops.reshape(scale, (width,)), epsilon), x.shape)
        return ops.multiply(ops.reshape(ops.rms_norm(rows, None, epsilon), x.shape), scale)

    return run


@operator("InstanceNormalization", ordered=True)
def instance_normalization(call: Call) -> Run:
    epsilon = call.get("epsilon", 1e-5)
    call.get("consumed_inputs")

    def run(x: Any, scale: Any, bias: Any) -> Any:
        return _grouped(x, plain(scale), plain(bias), scale.shape[0], epsilon)

    return run


def _grouped(x: Any, scale: Any, bias: Any, groups: int, epsilon: float) -> Any:
    order = channels_last(x.ndim)
    t = as_tensor(stored(x, order))
    return ordered(ops.group_norm(t, as_tensor(scale), as_tensor(bias), groups, epsilon), order)


@operator("GroupNormalization", ordered=True)
def group_normalization(call: Call) -> Run:
    epsilon, groups = call.get("epsilon", 1e-5), call.required("num_groups")
    call.get("stash_type", 1)

    def run(x: Any, scale: Any, bias: Any) -> Any:
        scale, bias = plain(scale), plain(bias)
        if call.version < 21:  # one for each group
            each = x.shape[1] // groups
            scale, bias = (ops.repeat(v, each, 0) for v in (scale, bias))
        return _grouped(x, scale, bias, groups, epsilon)

    return run


@operator("LRN", ordered=True)
def lrn(call: Call) -> Run:
    alpha, beta, bias = call.get("alpha", 1e-4), call.get("beta", 0.75), call.get("bias", 1.0)
    size = call.required("size")

    def run(x: Any) -> Any:
        order = channels_last(x.ndim)
        t = as_tensor(stored(x, order))
        rows = ops.reshape(ops.square(t), (-1, t.shape[-1], 1))
        before = (size - 1) // 2
        total = ops.average_pool(
            ops.pad(rows, [(0, 0), (before, size - 1 - before), (0, 0)]), size, 1, "valid", "channels_last"
        )  # the mean of size squares, padding among them
        factor = ops.power(ops.add(ops.multiply(ops.reshape(total, t.shape), alpha), bias), -beta)
        return ordered(ops.multiply(t, factor), order)

    return run


@operator("LpNormalization")
def lp_normalization(call: Call) -> Run:
    axis, p = call.get("axis", -1), call.get("p", 2)

    def run(x: Any) -> Tensor:
        norm = (
            ops.sum(ops.abs(x), axis, keepdims=True)
            if p == 1
            else ops.sqrt(ops.sum(ops.square(x), axis, keepdims=True))
        )
        return ops.divide_no_nan(x, norm)

    return run


@operator("MeanVarianceNormalization", ordered=True)
def mean_variance_normalization(call: Call) -> Run:
    axes = call.get("axes", (0, 2, 3))

    def run(x: Any) -> Any:
        t, order = as_tensor(data_of(x)), order_of(x)
        at = tuple(order.index(a % x.ndim) for a in axes)
        mean, variance = ops.moments(t, at, keepdims=True)
        return ordered(ops.divide(ops.subtract(t, mean), ops.add(ops.sqrt(variance), 1e-9)), order)

    return run


@operator("Dropout", ordered=True)
def dropout(call: Call) -> Run:
    fixed = call.get("ratio", 0.5) if call.version < 12 else None
    call.get("consumed_inputs")
    always = not call.get("is_test", 1) if call.version < 7 else False
    generator = Generator(call.get("seed", 0) or None)
    wants = call.wants(1)

    def run(x: Any, ratio: Any = None, training: Any = None) -> Any:
        rate = fixed if fixed is not None else 0.5 if ratio is None else number(ratio)
        active = always or bool(context.training) if training is None else bool(number(training))
        if not active or rate == 0.0:
            return (x, ops.ones(x.shape, bool)) if wants else x
        if not wants:
            return elementwise(lambda t: ops.dropout(t, rate, generator), x)
        scale = plain(elementwise(lambda t: ops.dropout(ops.ones_like(t), rate, generator), x))
        return ops.multiply(plain(x), scale), ops.not_equal(scale, np.zeros((), scale.dtype))

    return run
