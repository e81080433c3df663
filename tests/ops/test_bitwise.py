"""Bits, divisors and multiples of integers against NumPy's; types as in additions; other types' views of the bits."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import CaptureWarning, Tensor, capture, ops

RNG = np.random.default_rng(0)
INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
TWO = ["bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm"]


def drawn(dtype, *shape):
    limits = np.iinfo(dtype)
    return RNG.integers(max(limits.min + 1, -100), min(limits.max, 120), shape, dtype)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", TWO)
def test_of_two_operands(name, dtype):
    x, y = drawn(dtype, 3, 4), drawn(dtype, 4)
    got = getattr(ops, name)(x, Tensor(y))
    assert got.dtype == dtype
    np.testing.assert_array_equal(got.numpy(), getattr(np, name)(x, y))
    np.testing.assert_array_equal(getattr(ops, name)(x, 6).numpy(), getattr(np, name)(x, dtype(6)))
    np.testing.assert_array_equal(getattr(ops, name)(6, x).numpy(), getattr(np, name)(dtype(6), x))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_shifts(dtype):
    x, places = drawn(dtype, 20), np.arange(20, dtype=dtype) % 9
    for ours, numpys in (("left_shift", np.left_shift), ("right_shift", np.right_shift)):
        for name in (ours, f"bitwise_{ours}"):
            got = getattr(ops, name)(x, places)
            assert got.dtype == dtype
            np.testing.assert_array_equal(got.numpy(), numpys(x, places))
    assert ops.bitwise_right_shift(np.array([-1, -8]), 70).tolist() == [-1, -1]
    assert ops.bitwise_left_shift(np.array([1, 8]), 70).tolist() == [0, 0]


def test_inverse():
    assert ops.bitwise_not(np.array([0, 5, -1], np.int16)).tolist() == [-1, -6, 0]
    assert ops.bitwise_invert(np.array([0, 5], np.uint8)).tolist() == [255, 250]
    assert ops.bitwise_invert([True, False]).tolist() == [False, True]


def test_types_are_those_of_an_addition():
    got = ops.bitwise_or(np.array([1], np.int8), np.array([256], np.int16))
    assert (got.tolist(), got.dtype) == ([257], np.int16)
    got = ops.bitwise_and([True, False], np.array([3, 3], np.int64))
    assert (got.tolist(), got.dtype) == ([1, 0], np.int64)
    for name, want in (("bitwise_and", [True, False]), ("bitwise_or", [True, True]), ("bitwise_xor", [False, True])):
        got = getattr(ops, name)([True, False], True)
        assert (got.tolist(), got.dtype) == (want, np.bool_)
    assert ops.left_shift([True, False], 3).dtype == np.int32


def test_errors():
    for name in (*TWO, "bitwise_left_shift", "bitwise_right_shift"):
        with pytest.raises(TypeError, match=f"{name}: expected integers or booleans, got floats"):
            getattr(ops, name)(np.array([1, 2]), 0.5)
        with pytest.raises(ValueError, match=rf"{name}: the operands are \(2,\) and \(3,\), which don't broadcast"):
            getattr(ops, name)(np.array([1, 2]), np.array([1, 2, 3]))
    for name in ("bitwise_invert", "bitwise_not"):  # the name that was called
        with pytest.raises(TypeError, match=f"^{name}: expected integers"):
            getattr(ops, name)([1.0])
    with pytest.raises(TypeError, match="bitwise_and: no integer type holds uint64 and int64"):
        ops.bitwise_and(np.array([1], np.uint64), np.array([1]))


def test_a_step_with_bits_stays_eager_and_says_why():
    step = capture(lambda x: ops.bitwise_and(x, 3))
    with pytest.warns(CaptureWarning, match="bitwise_and is computed by NumPy"):
        assert step(Tensor(np.array([5, 6]))).tolist() == [1, 2]


def test_bits_of_booleans_are_captured():
    """Masks, which the logical operations compute."""
    x, y = RNG.random((2, 3, 4)) < 0.5
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
        step = capture(getattr(ops, name), strict=True)
        for _ in range(2):
            np.testing.assert_array_equal(step(x, y).numpy(), getattr(np, name)(x, y))
        with pytest.raises(ValueError, match=f"^{name}: .*broadcast"):
            getattr(ops, name)(x, y.T)
    step = capture(ops.bitwise_not, strict=True)
    for _ in range(2):
        np.testing.assert_array_equal(step(x).numpy(), ~x)


def test_view():
    x = np.array([1.0, -2.0], np.float32)
    got = ops.view(x, "int32")
    assert got.tolist() == [0x3F800000, -0x40000000]
    np.testing.assert_array_equal(ops.view(got).numpy(), x)
    assert ops.view(x, "uint8").shape == (8,)
    assert ops.view(np.zeros((2, 4), np.int16), "int64").shape == (2, 1)
    t = Tensor(x, requires_grad=True)
    ops.multiply(ops.view(t, "float32"), 3.0).sum().backward()
    assert t.grad.tolist() == [3, 3]
    with pytest.raises(ValueError, match=r"view: x is float32 of \(3,\); its last axis makes no whole"):
        ops.view(np.zeros(3, np.float32), "float64")
    with pytest.raises(TypeError, match="view: dtype"):
        ops.view(x, "complex64")
