"""Elementwise operations: gradients with broadcasting, types, special values, errors."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import ops
from lamina.core.autograd import Tensor
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
BINARY = ["add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "mod"]
UNARY = [
    "negative",
    "reciprocal",
    "square",
    "sqrt",
    "rsqrt",
    "abs",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sin",
    "cos",
    "erf",
]
SHAPES = [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((2, 1, 3), (4, 1)), ((), (2, 3)), ((2, 3), (1, 1))]
NAN, INF = float("nan"), float("inf")


def positive(*shape):
    return RNG.uniform(0.5, 2.0, shape)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize(("x", "y"), SHAPES, ids=str)
def test_gradients_of_broadcast_operands(name, x, y):
    check_gradients(getattr(ops, name), positive(*x), positive(*y))


@pytest.mark.parametrize("name", BINARY)
def test_gradients_beside_a_number(name):
    f = getattr(ops, name)
    check_gradients(lambda x: f(x, 1.3), positive(3, 4))
    check_gradients(lambda x: f(1.3, x), positive(3, 4))


@pytest.mark.parametrize("name", UNARY)
def test_gradients_of_functions_of_one_operand(name):
    check_gradients(getattr(ops, name), positive(3, 5))
    if name in ("negative", "square", "abs", "exp", "expm1", "sin", "cos", "erf"):
        check_gradients(getattr(ops, name), -positive(3, 5))


@pytest.mark.parametrize("name", ["sign", "floor", "ceil", "round"])
def test_steps_have_no_slope(name):
    check_gradients(getattr(ops, name), positive(3, 5))
    x = RNG.standard_normal(9) * 3
    want = {"sign": np.sign, "floor": np.floor, "ceil": np.ceil, "round": np.round}[name](x)
    np.testing.assert_array_equal(getattr(ops, name)(x).numpy(), want)


def test_clip():
    check_gradients(lambda x: ops.clip(x, -0.5, 0.5), RNG.standard_normal((4, 5)))
    check_gradients(lambda x: ops.clip(x, None, 0.5), RNG.standard_normal((4, 5)))
    x = Tensor([-1.0, -0.5, 0.0, 0.5, 1.0], requires_grad=True)
    ops.sum(ops.clip(x, -0.5, 0.5)).backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 0]


def test_an_operand_used_twice():
    check_gradients(lambda x: ops.multiply(x, x), positive(3, 4))
    check_gradients(lambda x: ops.add(ops.divide(x, x), ops.power(x, x)), positive(3, 4))
    check_gradients(lambda x: ops.subtract(ops.add(x, x), ops.negative(x)), positive(3, 4))


@pytest.mark.parametrize(("x", "y"), SHAPES, ids=str)
def test_add_relu(x, y):
    a, b = RNG.standard_normal(x), RNG.standard_normal(y)
    check_gradients(lambda s, t: ops.add(s, t, activation="relu"), a, b)
    np.testing.assert_array_equal(ops.add(a, b, activation="relu").numpy(), np.maximum(a + b, 0))
    with pytest.raises(ValueError, match="add: activation 'tanh' cannot be fused"):
        ops.add(a, b, activation="tanh")


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_equal_operands_share_the_gradient(name):
    x, y = Tensor([1.0, 2.0], requires_grad=True), Tensor([1.0, 3.0], requires_grad=True)
    getattr(ops, name)(x, y).sum().backward()
    first = name == "minimum"
    assert x.grad.tolist() == [0.5, float(first)]
    assert y.grad.tolist() == [0.5, float(not first)]


def test_nan_and_infinities():
    x = np.array([NAN, 1.0, -INF, INF, 0.0])
    for name in ("maximum", "minimum"):
        for a, b in ((x, 0.5), (0.5, x), (x, x[::-1].copy())):
            np.testing.assert_array_equal(getattr(ops, name)(a, b).numpy(), getattr(np, name)(a, b))
    for name in ("exp", "expm1", "abs", "square", "sign", "floor", "ceil", "negative"):
        np.testing.assert_array_equal(getattr(ops, name)(x).numpy(), getattr(np, name)(x), err_msg=name)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(ops.log(x).numpy(), np.log(x))
        np.testing.assert_array_equal(ops.sqrt(x).numpy(), np.sqrt(x))
        np.testing.assert_array_equal(ops.divide(1.0, x).numpy(), 1 / x)
        np.testing.assert_array_equal(ops.sin(x).numpy(), np.sin(x))
    assert np.isnan(ops.clip(x, -1.0, 1.0).numpy()[0])
    np.testing.assert_array_equal(ops.isnan(x).numpy(), np.isnan(x))
    np.testing.assert_array_equal(ops.isinf(x).numpy(), np.isinf(x))
    np.testing.assert_array_equal(ops.isfinite(x).numpy(), np.isfinite(x))


def test_power_at_the_edges():
    x = np.array([0.0, 0.0, -2.0, -2.0, -8.0, 2.0, INF, 0.0, 1.0, NAN, -0.0])
    y = np.array([0.0, 2.0, 3.0, -2.0, 1 / 3, -1.0, 0.0, -1.0, NAN, 0.0, -3.0])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(ops.power(x, y).numpy(), np.power(x, y), rtol=1e-14)
        a, b = x.astype(np.float32), y.astype(np.float32)
        np.testing.assert_allclose(ops.power(a, b).numpy(), np.power(a, b), rtol=1e-6)
    check_gradients(lambda v: ops.power(v, 3.0), RNG.standard_normal(7))
    check_gradients(lambda v: ops.power(v, 2), RNG.standard_normal(7))
    check_gradients(lambda v: ops.power(v, -1.0), RNG.standard_normal(7) + 3)
    zero = Tensor([0.0], requires_grad=True)
    ops.power(zero, 3.0).backward()
    assert zero.grad.tolist() == [0.0]
    zero.zero_grad()
    ops.power(zero, 0.0).backward()
    assert zero.grad.tolist() == [0.0]


def test_where():
    mask = RNG.random((3, 4)) < 0.5
    check_gradients(lambda x, y: ops.where(mask, x, y), RNG.standard_normal((3, 4)), RNG.standard_normal((4,)))
    check_gradients(lambda x: ops.where(mask, x, 0.0), RNG.standard_normal((3, 1)))
    check_gradients(lambda x: ops.where(mask, -1.0, x), RNG.standard_normal((3, 4)))
    assert ops.where(mask, 1.0, 0.0).dtype == np.float32
    assert ops.where(mask, 1, 0).dtype == np.int32
    np.testing.assert_array_equal(ops.where(mask.astype(np.int64), 2, 3).numpy(), np.where(mask, 2, 3))
    x = Tensor([1.0, NAN], requires_grad=True)  # what is not chosen leaves no trace
    ops.where([True, False], x, 0.0).sum().backward()
    assert x.grad.tolist() == [1, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_])
def test_comparisons_and_logic(dtype):
    x, y = RNG.integers(0, 3, (4, 5)).astype(dtype), RNG.integers(0, 3, (5,)).astype(dtype)
    for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
        got = getattr(ops, name)(x, y)
        assert got.dtype == np.bool_
        assert not got.requires_grad
        np.testing.assert_array_equal(got.numpy(), getattr(np, name)(x, y), err_msg=name)
        np.testing.assert_array_equal(getattr(ops, name)(x, 1).numpy(), getattr(np, name)(x, dtype(1)), err_msg=name)
    for name in ("logical_and", "logical_or", "logical_xor"):
        np.testing.assert_array_equal(getattr(ops, name)(x, y).numpy(), getattr(np, name)(x, y), err_msg=name)
    np.testing.assert_array_equal(ops.logical_not(x).numpy(), np.logical_not(x))


def test_types_are_promoted_as_in_keras():
    f32, f64 = np.ones(2, np.float32), np.ones(2, np.float64)
    i32, i64, b = np.ones(2, np.int32), np.ones(2, np.int64), np.ones(2, np.bool_)
    cases = [(f32, f64, f64), (f32, 2, f32), (f32, 2.5, f32), (f64, 2.5, f64), (f32, i64, f32), (b, f64, f64)]
    cases += [(i32, i32, i32), (i32, i64, i64), (i32, 3, i32), (i64, 3, i64), (i32, 2.5, f32), (b, i32, i32)]
    for x, y, want in cases:
        assert ops.add(x, y).dtype == want.dtype, (x, y)
        assert ops.multiply(y, x).dtype == want.dtype, (x, y)
    assert ops.divide(i32, i64).dtype == np.float32
    assert ops.divide(i32, 2).tolist() == [0.5, 0.5]
    assert ops.exp(i32).dtype == np.float32
    assert ops.add(1.0, 2.0).item() == 3.0


def test_integers():
    x, y = np.array([-7, 7, -7, 7, 0], np.int64), np.array([2, 2, -2, -2, 0], np.int64)
    with np.errstate(all="ignore"):
        for name in ("add", "subtract", "multiply", "maximum", "minimum", "floor_divide", "mod"):
            np.testing.assert_array_equal(getattr(ops, name)(x, y).numpy(), getattr(np, name)(x, y), err_msg=name)
        for name in ("floor_divide", "mod"):
            a, b = x.astype(np.float64), y.astype(np.float64)
            np.testing.assert_array_equal(getattr(ops, name)(a, b).numpy(), getattr(np, name)(a, b), err_msg=name)
    assert ops.power(np.array([2, -3], np.int32), 3).tolist() == [8, -27]
    assert ops.abs(x).tolist() == [7, 7, 7, 7, 0]
    assert ops.negative(x).tolist() == [7, -7, 7, -7, 0]


@pytest.mark.parametrize("source", [np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_, np.int16])
@pytest.mark.parametrize("target", [np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_, np.int8])
def test_cast(source, target):
    x = np.array([0, 1, 2, 100, 3.75]).astype(source)
    np.testing.assert_array_equal(ops.cast(x, target).numpy(), x.astype(target))
    assert ops.cast(x, target).dtype == target


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cast_of_the_largest_floats_that_are_integers(dtype):
    for kind, end in ((np.int64, 2.0**63), (np.uint64, 2.0**64)):
        x = np.nextafter(dtype(end), dtype(0))
        assert ops.cast(np.array([x, x / 2]), kind).tolist() == [int(x), int(x / 2)]


def test_cast_has_a_gradient_between_floats():
    x = Tensor(np.ones(3, np.float32), requires_grad=True)
    (ops.cast(x, "float64") * 2.0).sum().backward()
    assert x.grad.dtype == np.float32
    assert x.grad.tolist() == [2, 2, 2]
    assert not ops.cast(x, "int32").requires_grad
    assert ops.cast(x, "float32") is x
    assert not ops.stop_gradient(x).requires_grad


def test_strided_and_swapped_input_simply_works():
    x = np.arange(24.0).reshape(4, 6)
    for v in (x[:, ::2], x.T, x[::-1], x.astype(">f8"), np.broadcast_to(x[0], (4, 6))):
        np.testing.assert_array_equal(ops.add(v, 1.0).numpy(), v + 1)
        np.testing.assert_array_equal(ops.square(v).numpy(), v * v)


def test_errors_name_operation_argument_and_shapes():
    with pytest.raises(ValueError, match=r"add: x is \(3, 4\), y is \(5,\); axis -1 is 4 in one and 5 in another"):
        ops.add(np.ones((3, 4)), np.ones(5))
    with pytest.raises(ValueError, match=r"where: condition is \(2,\), x is \(3,\), y is a number"):
        ops.where(np.ones(2, bool), np.ones(3), 0.0)
    with pytest.raises(TypeError, match="expected numbers"):
        ops.add(np.array(["a"]), 1.0)
    with pytest.raises(TypeError, match="complex128"):
        ops.exp(np.ones(2, complex))


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_small_integers_beside_numbers(dtype):
    values = np.array([-3, 0, 5], dtype)
    x = Tensor(values)
    for y, wanted in ((x + 1, values + 1), (1 - x, 1 - values), (-x, -values), (abs(x), abs(values))):
        assert y.dtype == dtype
        np.testing.assert_array_equal(y.numpy(), wanted)
    np.testing.assert_array_equal((x > 0).numpy(), values > 0)
    assert [f(x).numpy().item() for f in (ops.any, ops.all, ops.count_nonzero)] == [True, False, 2]
    assert ops.abs(np.array([200], np.uint8)).dtype == np.uint8


def test_choices_of_booleans_are_booleans():
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    cases = [
        (ops.where(a, True, False), a),
        (ops.where(a, b, False), a & b),
        (ops.where(a, True, Tensor(b)), a | b),
        (ops.where(a[:, None], b, a), np.where(a[:, None], b, a)),
        (ops.maximum(a, b), a | b),
        (ops.minimum(a, Tensor(b)), a & b),
        (ops.maximum(a, True), np.ones(4, bool)),
        (ops.max(a), np.True_),
        (ops.min(Tensor(a), axis=0), np.False_),
    ]
    for y, wanted in cases:
        assert y.dtype == np.bool_
        np.testing.assert_array_equal(y.numpy(), wanted)
    assert ops.where(a, True, 0).dtype == np.int32
