"""Dropout: what the mask depends on and what it does not."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import _native, ops, reference
from lamina.core.autograd import Tensor
from lamina.random import Generator


def mask(n, rate=0.3, key=5, counter=9, dtype=np.float32):
    state = np.array([key, counter], np.uint64)
    return _native.dropout_forward(np.ones(n, dtype), rate, state, None, 0)[0] != 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.0, 1e-9, 0.3, 0.5, 1 - 1e-9, 1.0])
def test_the_mask_is_its_twins_bit_by_bit(rate, dtype, isa):
    for key, counter in ((0, 0), (2**63 + 12345, 2**40 + 7)):
        used = np.array([key, counter], np.uint64)
        twin = reference.dropout_forward(np.ones(5003, dtype), rate, used.copy(), None, 0)[0] != 0
        np.testing.assert_array_equal(mask(5003, rate, key, counter, dtype), twin)


def test_which_word_decides_which_element():
    """Word w of index 16 b + l decides element 64 b + 16 w + l."""
    words = reference.philox(5, 9, np.arange(16 * 3, dtype=np.uint64))
    for e in (0, 1, 15, 16, 63, 64, 100, 191):
        block, w, lane = e // 64, e // 16 % 4, e % 16
        assert mask(192)[e] == (words[16 * block + lane, w] >= np.ceil(0.3 * 2**32))


def test_the_mask_depends_on_key_and_counter_alone():
    m = mask(40000)
    assert abs(m.mean() - 0.7) < 0.01
    np.testing.assert_array_equal(m[:777], mask(777))
    for other in (mask(40000, key=6), mask(40000, counter=10)):
        assert abs((m & other).mean() - 0.49) < 0.01  # independent
    for lag in (1, 16, 64):
        assert abs((m[lag:] & m[:-lag]).mean() - 0.49) < 0.01


def test_the_state_advances_by_one_and_backward_sees_the_same_mask():
    generator = Generator(3)
    x = Tensor(np.full((33, 40), 2.0, np.float32), requires_grad=True)
    first, second = ops.dropout(x, 0.25, generator), ops.dropout(x, 0.25, generator)
    np.testing.assert_array_equal(generator.state, [3, 2])
    assert (first.numpy() != second.numpy()).any()
    np.testing.assert_array_equal(np.unique(first.numpy()), [0, np.float32(2 / 0.75)])
    dy = np.random.default_rng(0).standard_normal(x.shape).astype(np.float32)
    first.backward(dy)
    np.testing.assert_array_equal(x.grad.numpy(), np.where(first.numpy() != 0, dy * np.float32(1 / 0.75), 0))
    second.backward(dy)  # added
    both = [np.where(y.numpy() != 0, dy * np.float32(1 / 0.75), 0) for y in (first, second)]
    np.testing.assert_array_equal(x.grad.numpy(), both[0] + both[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rates_at_the_ends(dtype):
    x = Tensor(np.array([1.0, -2.0, np.inf, np.nan], dtype), requires_grad=True)
    y = ops.dropout(x, 0.0, Generator(1))
    np.testing.assert_array_equal(y.numpy(), x.numpy())
    y = ops.dropout(x, 1.0, Generator(1))
    np.testing.assert_array_equal(y.numpy(), 0)
    y.backward(np.ones(4, dtype))
    np.testing.assert_array_equal(x.grad.numpy(), 0)


def test_what_is_kept_may_be_nan():
    y = ops.dropout(np.full(1000, np.nan, np.float32), 0.5, Generator(1)).numpy()
    assert set(np.unique(np.isnan(y))) == {False, True}
    assert (y[~np.isnan(y)] == 0).all()


def test_results_larger_than_the_caches():
    """They are written past the caches."""
    n = _native.caches()[2] // 8 + 4096 + 5
    x = np.ones(n, np.float32)
    state = np.array([5, 9], np.uint64)
    y, used = _native.dropout_forward(x, 0.3, state, None, 0)
    assert abs(np.count_nonzero(y) / n - 0.7) < 0.001
    dx = np.empty(n, np.float32)
    _native.dropout_backward(used, x, 0.3, dx)
    np.testing.assert_array_equal(dx, y)
    _native.dropout_backward(used, x, 0.3, dx, 1)
    np.testing.assert_array_equal(dx, 2 * y)


def test_messages():
    x, state = np.ones(3, np.float32), np.zeros(2, np.uint64)
    with pytest.raises(ValueError, match=r"dropout: rate must be between 0 and 1, got 1\.5"):
        _native.dropout_forward(x, 1.5, state, None, 0)
    with pytest.raises(ValueError, match="got nan"):
        _native.dropout_forward(x, float("nan"), state, None, 0)
    with pytest.raises(TypeError, match="dropout: state is int64, expected uint64"):
        _native.dropout_forward(x, 0.5, state.astype(np.int64), None, 0)
    with pytest.raises(ValueError, match=r"dropout: state has shape \(3,\), expected \(2,\)"):
        _native.dropout_forward(x, 0.5, np.zeros(3, np.uint64), None, 0)
    with pytest.raises(TypeError, match="dropout: first is int64, expected uint64"):
        _native.dropout_forward(x, 0.5, state, np.zeros(1, np.int64), 3)
    with pytest.raises(ValueError, match="dropout: per_sample must not be negative, got -1"):
        _native.dropout_forward(x, 0.5, state, None, -1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 7, 64, 100])
def test_a_shard_has_the_mask_that_its_samples_have_in_the_whole_batch(size, dtype, isa):
    x = np.random.default_rng(0).standard_normal((23, size)).astype(dtype)
    state = np.array([5, 9], np.uint64)
    whole, used = _native.dropout_forward(x, 0.4, state.copy(), None, 0)
    dx = np.empty_like(x)
    _native.dropout_backward(used, x, 0.4, dx)
    for begin, end in ((0, 5), (5, 6), (6, 23)):
        first = np.array([begin], np.uint64)
        y, used = _native.dropout_forward(x[begin:end], 0.4, state.copy(), first, size)
        np.testing.assert_array_equal(y, whole[begin:end])
        part = np.ones_like(y)
        _native.dropout_backward(used, x[begin:end], 0.4, part, 1)  # added
        np.testing.assert_array_equal(part, dx[begin:end] + 1)
