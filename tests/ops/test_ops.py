"""The flat package of operations: names, Tensor's operators, calls with symbolic tensors."""

from __future__ import annotations

import operator

import numpy as np
import pytest

from lamina import Tensor, capture, ops
from lamina.ops import conversion

RNG = np.random.default_rng(0)
X, Y = RNG.uniform(0.5, 2.0, (3, 4)), RNG.uniform(0.5, 2.0, (4,))


def test_every_name_is_a_function_once():
    assert len(ops.__all__) == len(set(ops.__all__))
    for name in ops.__all__:
        assert callable(getattr(ops, name)), name
        assert getattr(ops, name).__doc__, name


KERAS_NAMES = (
    "abs absolute add all amax amin any arange argmax argmin average average_pool batch_normalization "
    "binary_crossentropy broadcast_to cast categorical_crossentropy ceil clip concatenate conv convert_to_numpy "
    "convert_to_tensor cos count_nonzero cumsum depthwise_conv divide dot_product_attention elu equal exp expand_dims "
    "erf expm1 eye flip floor floor_divide full full_like gelu greater greater_equal hard_sigmoid hard_silu hstack "
    "identity is_tensor isfinite isinf isnan leaky_relu less less_equal linspace log log1p log_softmax logical_and "
    "logical_not logical_or logical_xor logsumexp matmul max max_pool maximum mean meshgrid min minimum mod moments "
    "moveaxis multiply ndim negative norm not_equal one_hot ones ones_like pad power prod ravel reciprocal relu "
    "repeat reshape round rsqrt selu shape sigmoid sign silu sin size slice softmax softplus softsign "
    "sparse_categorical_crossentropy split sqrt square squeeze stack std stop_gradient subtract sum swapaxes swish "
    "take tanh tile transpose tri tril triu true_divide unstack var vstack where zeros zeros_like "
    "append arccos arccosh arcsin arcsinh arctan arctan2 arctanh argpartition argsort array array_split bincount cbrt "
    "celu copy cosh cross cumprod deg2rad diag diagflat diagonal diff digitize divide_no_nan dot dstack einsum empty "
    "empty_like exp2 get_item glu hard_shrink hard_tanh heaviside hypot in_top_k inner isclose isin isneginf isposinf "
    "layer_normalization log10 log2 log_sigmoid logaddexp logaddexp2 logspace median multi_hot nan_to_num nonzero "
    "normalize outer ptp quantile relu6 rms_normalization roll rot90 scatter scatter_update searchsorted segment_max "
    "segment_sum select signbit sinh slice_update soft_shrink sort sparse_plus sparse_sigmoid sparsemax squareplus "
    "take_along_axis tan tanh_shrink tensordot threshold top_k trace trunc vdot "
)


@pytest.mark.parametrize("name", KERAS_NAMES.split())
def test_keras_names(name):
    assert name in ops.__all__


OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow]


@pytest.mark.parametrize("f", OPERATORS, ids=lambda f: f.__name__)
def test_arithmetic_operators(f):
    for x, y in ((Tensor(X), Tensor(Y)), (Tensor(X), Y), (X, Tensor(Y)), (Tensor(X), 1.5), (1.5, Tensor(X))):
        got = f(x, y)
        assert isinstance(got, Tensor)
        np.testing.assert_allclose(got.numpy(), f(np.asarray(x), np.asarray(y)), rtol=1e-14)


@pytest.mark.parametrize("name", ["lt", "le", "gt", "ge", "eq", "ne"])
def test_comparison_operators(name):
    f = getattr(operator, name)
    for x, y in ((Tensor(X), Tensor(Y)), (Tensor(X), Y), (X, Tensor(Y)), (Tensor(X), 1.0), (1.0, Tensor(X))):
        np.testing.assert_array_equal(f(x, y).numpy(), f(np.asarray(x), np.asarray(y)))


def test_other_operators():
    x = Tensor(X)
    np.testing.assert_array_equal((-x).numpy(), -X)
    np.testing.assert_array_equal(abs(-x).numpy(), X)
    assert (+x) is x
    np.testing.assert_allclose((x @ x.T).numpy(), X @ X.T)
    np.testing.assert_allclose((X @ x.T).numpy(), X @ X.T)
    np.testing.assert_array_equal((~(x > 1)).numpy(), ~(X > 1))
    np.testing.assert_array_equal(((x > 1) & (x < 1.5)).numpy(), (X > 1) & (X < 1.5))
    np.testing.assert_array_equal(((x > 1) | (x < 0.7)).numpy(), (X > 1) | (X < 0.7))
    assert (x is None) is False
    assert (x is not None) is True
    assert len({x, Tensor(X)}) == 2
    assert [row.tolist() for row in x] == X.tolist()


def test_methods():
    x = Tensor(X)
    for name in ("sum", "mean", "max", "min", "prod", "std", "var", "argmax", "argmin", "any", "all", "cumsum"):
        for axis in (None, 0, 1):
            np.testing.assert_allclose(getattr(x, name)(axis=axis).numpy(), getattr(X, name)(axis=axis), rtol=1e-13)
    assert x.reshape(4, 3).shape == x.reshape((4, 3)).shape == x.reshape(-1, 3).shape == (4, 3)
    assert x.flatten().shape == x.ravel().shape == (12,)
    assert x.transpose().shape == x.T.shape == x.transpose(1, 0).shape == x.transpose((1, 0)).shape == (4, 3)
    assert x.astype("float32").dtype == np.float32
    assert x[0].shape == (4,)
    assert x[:, 1].shape == (3,)
    np.testing.assert_array_equal(x.clip(0.6, 1.0).numpy(), X.clip(0.6, 1.0))


def test_gradients_flow_through_operators():
    x, y = Tensor(X, requires_grad=True), Tensor(Y, requires_grad=True)
    z = (((x * 2 - y) / y + 1) ** 2)[1:].mean()
    z.backward()
    inner = (2 * X - Y) / Y + 1
    want = np.zeros_like(X)
    want[1:] = (2 * inner * 2 / Y)[1:] / 8
    np.testing.assert_allclose(x.grad.numpy(), want, rtol=1e-12)
    np.testing.assert_allclose(y.grad.numpy(), (2 * inner * -2 * X / Y**2)[1:].sum(0) / 8, rtol=1e-12)


class Shape:
    """Stands for a tensor without values."""


def test_symbolic_arguments_reach_the_handler(monkeypatch):
    calls = []

    def call(function, args, kwargs):
        calls.append((function.__name__, args, kwargs))
        return Shape()

    monkeypatch.setattr(conversion._Symbolic, "type", (Shape,))
    monkeypatch.setattr(conversion._Symbolic, "call", staticmethod(call))
    s = Shape()
    for name in ("add", "multiply", "matmul", "maximum", "where"):
        args = (s, s, s) if name == "where" else (s, 1.0) if name != "matmul" else (X, s)
        assert isinstance(getattr(ops, name)(*args), Shape)
        assert calls.pop() == (name, args, {})
    for name in ("relu", "exp", "sum", "mean", "std", "norm", "softmax", "argmax", "transpose", "flatten", "negative"):
        assert isinstance(getattr(ops, name)(s), Shape)
        assert calls.pop()[0] == name
    ops.concatenate([Tensor(X), s], axis=1)
    assert calls.pop()[0] == "concatenate"
    ops.reshape(s, (3, 2))
    assert calls.pop() == ("reshape", (s, (3, 2)), {})
    assert isinstance(Tensor(X) + s, Shape)
    assert calls.pop()[0] == "add"
    assert not calls


def test_everything_is_captured():
    """Operations of these families replay with the values of the call, and give the bits of the eager run."""

    def step(x, y, labels):
        z = ops.add(ops.multiply(x, y), ops.transpose(ops.transpose(x)), activation="relu")
        z = ops.concatenate([z[:, ::2], ops.pad(z[:, 1:], ((0, 0), (1, 0)))], axis=1)
        z = ops.where(z > 0.5, ops.exp(z * 0.1), z / 2) - ops.mean(z, axis=0, keepdims=True)
        z = z + ops.take(z, labels, axis=1).sum(axis=1, keepdims=True) + ops.one_hot(labels, z.shape[1])
        return ops.softmax_cross_entropy_mean(z, labels) + ops.std(z) + ops.logsumexp(z) + ops.cumsum(z, 0)[1, 2]

    fast = capture(step, strict=True)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((3, 4)).astype(np.float32), rng.standard_normal(4).astype(np.float32)
        labels = rng.integers(0, 4, 3)
        assert fast(x, y, labels).numpy().tobytes() == step(Tensor(x), Tensor(y), Tensor(labels)).numpy().tobytes()
