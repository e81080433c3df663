"""Activations: gradients by central differences, limits, and agreement with PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import _native
from lamina.core.autograd import Tensor
from lamina.ops import activation as ops
from lamina.reference.activation import FUNCTIONS
from lamina.testing import check_gradients

NAMES = list(_native.activations())
INF = float("inf")


def function(name):
    if name == "gelu_tanh":
        return lambda x: ops.gelu(x, approximate=True)
    if name == "gelu":
        return lambda x: ops.gelu(x, approximate=False)
    return getattr(ops, name)


def gradient(f, x, dy):
    t = Tensor(x, requires_grad=True)
    f(t).backward(dy)
    return t.grad.numpy()


def numeric(f, x, dy, h=1e-6):
    g = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        g[i] = ((f(up).numpy() - f(down).numpy()) * dy).sum() / (2 * h)
    return g


def test_reference_has_every_entry():
    assert set(FUNCTIONS) == set(NAMES)


@pytest.mark.parametrize("name", [*NAMES, "softmax", "log_softmax"])
def test_gradient_by_central_differences(name):
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((4, 9)) * 2, rng.standard_normal((4, 9))
    np.testing.assert_allclose(gradient(function(name), x, dy), numeric(function(name), x, dy), rtol=1e-6, atol=1e-8)


LIMITS = {  # value at -inf, at inf, slope at -inf, at inf
    "relu": (0, INF, 0, 1),
    "leaky_relu": (-INF, INF, 0.2, 1),
    "elu": (-1, INF, 0, 1),
    "selu": (-1.7580993408473766, INF, 0, 1.0507009873554805),
    "gelu": (0, INF, 0, 1),
    "gelu_tanh": (0, INF, 0, 1),
    "silu": (0, INF, 0, 1),
    "tanh": (-1, 1, 0, 0),
    "sigmoid": (0, 1, 0, 0),
    "softplus": (0, INF, 0, 1),
    "softsign": (-1, 1, 0, 0),
    "hard_sigmoid": (0, 1, 0, 0),
    "hard_silu": (0, INF, 0, 1),
    "mish": (0, INF, 0, 1),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_limits_and_nan(name, dtype, isa):
    big = 3e38 if dtype == np.float32 else 1e308
    x = np.array([-INF, -big, -1e4, np.nan, 1e4, big, INF, 0.0] * 3, dtype)
    y = function(name)(x).numpy()
    dx = gradient(function(name), x, np.ones_like(x))
    low, high, slope_low, slope_high = LIMITS[name]
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(y[[0, 6]], [low, high], rtol=eps)
    np.testing.assert_allclose(dx[[0, 1, 2]], slope_low, rtol=4 * eps, atol=1e-7)
    np.testing.assert_allclose(dx[[4, 5, 6]], slope_high, rtol=4 * eps, atol=1e-7)
    assert np.isnan(y[3::8]).all()
    assert not np.isnan(np.delete(y, [3, 11, 19])).any()
    assert not np.isnan(np.delete(dx, [3, 11, 19])).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gelu_keeps_the_digits_of_small_values(dtype, isa):
    special = pytest.importorskip("scipy.special")
    x = np.linspace(-5, 5, 10001).astype(dtype)
    want = x.astype(np.float64) * special.ndtr(x.astype(np.float64))
    np.testing.assert_allclose(
        ops.gelu(x, approximate=False).numpy(), want, rtol=2e-6, atol=1e-30 if dtype == np.float32 else 1e-15
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_torch(name, dtype):
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    theirs = {
        "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "hard_sigmoid": F.hardsigmoid,
        "hard_silu": F.hardswish,
        "mish": F.mish,
    }.get(name) or getattr(F, name)
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.standard_normal(500) * 3, [-90, -20, 0, 15, 30, 88, 100]]).astype(dtype)
    dy = rng.standard_normal(x.shape).astype(dtype)
    t = torch.tensor(x, requires_grad=True)
    want = theirs(t)
    want.backward(torch.tensor(dy))
    tolerance = 20 * np.finfo(dtype).eps
    # torch's softplus is linear above 20, and its hardsigmoid has 1/6 in float32.
    tolerance = max(tolerance, {"softplus": 3e-9, "hard_sigmoid": 4e-8}.get(name, 0.0))
    np.testing.assert_allclose(function(name)(x).numpy(), want.detach().numpy(), rtol=tolerance, atol=tolerance)
    got = gradient(function(name), x, dy)
    if name == "relu":
        got, want_dx = got[x != 0], t.grad.numpy()[x != 0]
    else:
        want_dx = t.grad.numpy()
    np.testing.assert_allclose(got, want_dx, rtol=tolerance, atol=4 * tolerance)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_agrees_with_torch(name, dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    for shape, axis in (((7, 10), -1), ((3, 4, 65), 2), ((11,), 0), ((2, 1000), -1)):
        x = (rng.standard_normal(shape) * 20).astype(dtype)
        dy = rng.standard_normal(shape).astype(dtype)
        t = torch.tensor(x, requires_grad=True)
        want = getattr(torch, name)(t, dim=axis)
        want.backward(torch.tensor(dy))
        tolerance = 40 * np.finfo(dtype).eps
        np.testing.assert_allclose(
            getattr(ops, name)(x, axis).numpy(), want.detach().numpy(), rtol=tolerance, atol=tolerance
        )
        got = gradient(lambda v, axis=axis: getattr(ops, name)(v, axis), x, dy)
        np.testing.assert_allclose(got, t.grad.numpy(), rtol=tolerance, atol=20 * tolerance)


@pytest.mark.parametrize("C", [1, 5, 16, 37])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_of_extreme_rows(dtype, C, isa):
    x = np.zeros((6, C), dtype)
    x[0] = -INF  # fully masked
    x[1, 0] = np.nan
    x[2] = -INF
    x[2, -1] = 3  # one place left
    x[3] = 3e38
    x[4] = -3e38
    x[5] = -INF
    x[5, 0] = np.nan
    y = ops.softmax(x).numpy()
    assert (y[0] == 0).all()
    assert np.isnan(y[1]).all()
    np.testing.assert_array_equal(y[2], np.eye(C)[-1])
    np.testing.assert_allclose(y[3:5], 1 / C, rtol=1e-6)
    assert np.isnan(y[5]).all()
    assert (gradient(ops.softmax, x, np.ones_like(x))[0] == 0).all()
    z = ops.log_softmax(x).numpy()
    assert (z[0] == -INF).all()
    assert np.isnan(z[1]).all()
    assert z[2, -1] == 0
    np.testing.assert_allclose(z[3:5], -np.log(C), rtol=1e-6, atol=1e-6)
    assert np.isnan(z[5]).all()


def test_softmax_over_other_axes():
    pytest.importorskip("lamina.ops.reshape")
    x = np.random.default_rng(3).standard_normal((3, 4, 5))
    for axis in (0, 1, -2):
        e = np.exp(x)
        np.testing.assert_allclose(ops.softmax(x, axis).numpy(), e / e.sum(axis=axis, keepdims=True), rtol=1e-12)
        np.testing.assert_allclose(
            ops.log_softmax(x, axis).numpy(), np.log(e / e.sum(axis=axis, keepdims=True)), rtol=1e-9, atol=1e-12
        )
    with pytest.raises(ValueError, match=r"axis 3 is out of range for x of shape \(3, 4, 5\)"):
        ops.softmax(x, 3)


def test_results_larger_than_the_caches(isa):
    """They are written past the caches."""
    n = _native.caches()[2] // 8 + 4096 + 5
    x = np.linspace(-1, 1, n, dtype=np.float32)
    y = _native.activation_forward(x, "relu")
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    dx = _native.empty((n,), np.float32)
    _native.activation_backward(y, x, "relu", 0.0, dx)
    np.testing.assert_array_equal(dx, y)
    _native.activation_backward(y, x, "relu", 0.0, dx, 1)
    np.testing.assert_array_equal(dx, 2 * y)


def test_messages():
    x = np.ones(3, np.float32)
    with pytest.raises(ValueError, match="unknown name 'rleu'; expected one of relu, leaky_relu"):
        _native.activation_forward(x, "rleu")
    with pytest.raises(TypeError, match="gelu: expected float32 or float64, got int32"):
        _native.activation_forward(x.astype(np.int32), "gelu")
    with pytest.raises(ValueError, match="dy has shape"):
        _native.activation_backward(x, x[:2], "relu", 0.0, None)
    with pytest.raises(ValueError, match="at least one axis"):
        _native.softmax_forward(np.array(1.0))


def test_input_is_converted():
    assert ops.relu([-1.0, 2.0]).dtype == np.float32
    np.testing.assert_array_equal(ops.relu([[-1.0, 2.0]]).numpy(), [[0, 2]])
    assert ops.relu(3.0).shape == ()
    x = np.arange(-6.0, 6.0)[::2]  # strided
    np.testing.assert_array_equal(ops.relu(x).numpy(), np.maximum(x, 0))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("axis", [0, 1, (0, 2), (1, 2), (0, 1, 2), [-1, 0], (1,)], ids=str)
def test_softmax_over_any_axes(name, axis):
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    e = np.exp(x)
    want = e / e.sum(tuple(axis) if isinstance(axis, list) else axis, keepdims=True)
    got = getattr(ops, name)(x, axis=axis)
    np.testing.assert_allclose(got.numpy(), want if name == "softmax" else np.log(want), rtol=1e-12)
    check_gradients(lambda t: getattr(ops, name)(t, axis=axis), x)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_refuses_axes_that_are_not_there(name):
    f = getattr(ops, name)
    for axis in (7, -2, (0, 1)):
        with pytest.raises(ValueError, match=rf"{name}: axis .* is out of range for x of shape \(4,\)"):
            f(np.ones(4), axis=axis)
    with pytest.raises(ValueError, match="twice"):
        f(np.ones((2, 3)), axis=(1, -1))
    with pytest.raises(TypeError, match=f"{name}: axis must be an integer or a tuple of integers, got None"):
        f(np.ones(4), axis=None)


@pytest.mark.parametrize("name", _native.activations_with_slope())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_slope_that_is_kept_is_the_one_of_backward(name, dtype, isa):
    """Value and gradient do not depend on whether the slope was kept, which large arrays do not."""
    x = np.concatenate([np.random.default_rng(3).standard_normal(301) * 4, [-INF, INF, -40, 40, 0]]).astype(dtype)
    dy = np.random.default_rng(4).standard_normal(x.shape).astype(dtype)
    y, slope = _native.activation_forward_and_slope(x, name)
    kept, again = np.empty_like(x), np.empty_like(x)
    _native.activation_slope_backward(slope, dy, kept)
    _native.activation_backward(x, dy, name, 0.0, again)
    np.testing.assert_array_equal(y, _native.activation_forward(x, name))
    np.testing.assert_array_max_ulp(kept, again, 2)


def test_an_activation_without_a_slope_says_which_have_one():
    with pytest.raises(ValueError, match="'relu' keeps no slope"):
        _native.activation_forward_and_slope(np.zeros(3, np.float32), "relu")
