"""Values and slopes of single numbers in Lamina and PyTorch: at kinks, at ties, at infinities, from 1e-30 to 1e30."""

from __future__ import annotations

import numpy as np
import pytest
from compare import torch

from lamina import ops
from lamina.core.autograd import Tensor
from lamina.testing import finite_points

F = torch.nn.functional
UNARY = {
    name: (getattr(ops, name), getattr(torch, name))
    for name in [
        *("reciprocal", "square", "sqrt", "rsqrt", "abs", "sign", "exp", "expm1", "log", "log1p", "sin", "cos", "erf"),
        *("floor", "ceil", "round", "tan", "sinh", "cosh", "arcsin", "arccos", "arctan", "arcsinh", "arccosh"),
        *("arctanh", "log2", "log10", "exp2", "trunc", "negative", "tanh", "sigmoid"),
    ]
} | {
    "relu": (ops.relu, torch.relu),
    "relu6": (ops.relu6, F.relu6),
    "leaky_relu": (lambda x: ops.leaky_relu(x, 0.2), lambda x: F.leaky_relu(x, 0.2)),
    "elu": (ops.elu, F.elu),
    "celu": (lambda x: ops.celu(x, 2.0), lambda x: F.celu(x, 2.0)),
    "selu": (ops.selu, F.selu),
    "gelu": (lambda x: ops.gelu(x, False), F.gelu),
    "gelu_tanh": (lambda x: ops.gelu(x, True), lambda x: x * torch.sigmoid((8 / np.pi) ** 0.5 * (x + 0.044715 * x**3))),
    "silu": (ops.silu, F.silu),
    "softplus": (ops.softplus, lambda x: torch.logaddexp(x, torch.zeros_like(x))),
    "softsign": (ops.softsign, F.softsign),
    "hard_sigmoid": (ops.hard_sigmoid, F.hardsigmoid),
    "hard_silu": (ops.hard_silu, F.hardswish),
    "hard_tanh": (ops.hard_tanh, F.hardtanh),
    "hard_shrink": (ops.hard_shrink, F.hardshrink),
    "soft_shrink": (ops.soft_shrink, F.softshrink),
    "tanh_shrink": (ops.tanh_shrink, F.tanhshrink),
    "threshold": (lambda x: ops.threshold(x, 1.0, 3.0), lambda x: F.threshold(x, 1.0, 3.0)),
    "log_sigmoid": (ops.log_sigmoid, F.logsigmoid),
    "mish": (ops.mish, F.mish),
    "clip": (lambda x: ops.clip(x, -1.0, 2.5), lambda x: torch.clip(x, -1.0, 2.5)),
    "power_3": (lambda x: ops.power(x, 3.0), lambda x: x**3.0),
    "power_of_2": (lambda x: ops.power(2.0, x), lambda x: 2.0**x),
}
BINARY = {
    name: (getattr(ops, name), getattr(torch, name))
    for name in ["multiply", "divide", "maximum", "minimum", "hypot", "arctan2", "logaddexp"]
} | {"power": (ops.power, torch.pow), "mod": (ops.mod, torch.remainder)}
# Slopes in whose formulas PyTorch itself loses digits (1/6 is a float32 there).
SLOPES = {
    "expm1": torch.exp,
    "softsign": lambda x: 1 / (1 + x.abs()) / (1 + x.abs()),
    "hard_sigmoid": lambda x: (x.abs() < 3).double() / 6,
    "hard_silu": lambda x: torch.where(x <= -3, 0, torch.where(x >= 3, 1, (x + 1.5) / 3)),
}
# x - tanh(x) has no digits left near 0; x sigmoid(x) none where sigmoid(x) is a denormal number.
ABSOLUTE = {"tanh_shrink": 1e-6, "silu": 1e-36, "mish": 1e-36}
# The slope is formed from the result, which fused layers keep alone: absolute error beside the largest slope, 1.
FROM_RESULT = {"tanh", "sigmoid"}


def run(ours, theirs, *arrays):
    """(value, gradients) of both; PyTorch's in float64."""
    x = [Tensor(a.copy(), requires_grad=True) for a in arrays]
    t = [torch.tensor(a.astype(np.float64), requires_grad=True) for a in arrays]
    y, z = ours(*x), theirs(*t)
    y.backward(np.ones(y.shape, y.dtype))
    z.sum().backward()
    return [y.numpy(), *(a.grad.numpy() for a in x)], [z.detach().numpy(), *(a.grad.numpy() for a in t)]


def undefined(name, want, arrays):
    """Where the value is NaN, PyTorch has slopes for some functions; hypot has none at zero, where Lamina's is 0."""
    none = np.isnan(want[0])
    return none | (want[0] == 0) if name == "hypot" else none


def check(name, dtype, got, want, arrays):
    limits = np.finfo(dtype)
    for i, (g, w) in enumerate(zip(got, want, strict=True)):
        with np.errstate(over="ignore"):
            w = np.where(np.abs(w) > limits.max, np.copysign(np.inf, w), w)
        slack = (4e-6 if dtype == np.float32 else 1e-12) * np.abs(w) + 4 * limits.tiny + ABSOLUTE.get(name, 0.0)
        if i and name in FROM_RESULT:
            slack = slack + 4 * limits.eps
        with np.errstate(invalid="ignore"):
            right = (np.abs(g - w) <= slack) | (g == w) | (np.isnan(g) & np.isnan(w))
        if i:
            right |= undefined(name, want, arrays)
        wrong = [(*(float(a[~right][j]) for a in arrays), g[~right][j], w[~right][j]) for j in range((~right).sum())]
        assert not wrong, f"{name}, {'value' if not i else f'gradient {i}'}: (at, got, expected) {wrong[:8]}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_operand(name, dtype):
    x = finite_points(dtype)
    got, want = run(*UNARY[name], x)
    if name in SLOPES:
        want[1] = SLOPES[name](torch.tensor(x.astype(np.float64))).numpy()
    check(name, dtype, got, want, [x])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_operands(name, dtype):
    x, y = (v.ravel() for v in np.meshgrid(finite_points(dtype), finite_points(dtype)))
    check(name, dtype, *run(*BINARY[name], x, y), [x, y])


REDUCTIONS = {
    "max": (lambda x: ops.max(x, 1), lambda x: torch.amax(x, 1)),
    "min": (lambda x: ops.min(x, 1), lambda x: torch.amin(x, 1)),
    "norm": (lambda x: ops.norm(x, axis=1), lambda x: torch.linalg.norm(x, dim=1)),
    "logsumexp": (lambda x: ops.logsumexp(x, 1), lambda x: torch.logsumexp(x, 1)),
    "std": (lambda x: ops.std(x, 1), lambda x: torch.std(x, 1, correction=0)),
    "var": (lambda x: ops.var(x, 1), lambda x: torch.var(x, 1, correction=0)),
    "sort": (lambda x: ops.sort(x, 1)[:, 1], lambda x: torch.sort(x, dim=1, stable=True)[0][:, 1]),
    "softmax": (lambda x: ops.softmax(x)[:, 0], lambda x: torch.softmax(x, 1)[:, 0]),
    "log_softmax": (lambda x: ops.log_softmax(x)[:, 0], lambda x: torch.log_softmax(x, 1)[:, 0]),
    "prod": (lambda x: ops.prod(x, 1), lambda x: torch.prod(x, 1)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_of_equal_and_constant_elements(name, dtype):
    x = np.array([[1, 1, 1], [0, 0, 0], [2, 3, 3], [-1, -1, 5], [0, 2, 0]], dtype)
    got, want = run(*REDUCTIONS[name], x)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-6 if dtype == np.float32 else 1e-14, atol=1e-7)
