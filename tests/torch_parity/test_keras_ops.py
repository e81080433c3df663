"""Operations beside Keras's of the same name, on random arrays and options."""

from __future__ import annotations

import numpy as np
import pytest
from compare import many
from hypothesis import given
from hypothesis import strategies as st
from keras_live import agree

SEED = st.integers(0, 2**31)
SHAPE = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)


def normal(seed, shape, nan=0.0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    x[rng.uniform(size=shape) < nan] = np.nan
    return x


def axis_of(data, shape, several=True):
    axes = st.none() | st.integers(-len(shape), len(shape) - 1)
    if several:
        axes = axes | st.sets(st.integers(0, len(shape) - 1), min_size=1).map(lambda s: tuple(sorted(s)))
    return data.draw(axes, "axis")


@many
@given(st.data(), SEED, SHAPE, st.booleans())
@pytest.mark.parametrize("name", ["nansum", "nanmean", "nanvar", "nanmax", "nanmin", "nanprod"])
def test_nan_reductions(name, data, seed, shape, keepdims):
    axis = axis_of(data, shape)
    if name in ("nanmax", "nanmin", "nanprod") and axis is None:
        axis = tuple(range(len(shape)))  # None fails or loses keepdims in Keras's torch backend
    agree(lambda ops, x: getattr(ops, name)(x, axis=axis, keepdims=keepdims), normal(seed, shape, 0.3), gradients=False)
    x = normal(seed, shape)
    agree(lambda ops, x: getattr(ops, name)(x, axis=axis, keepdims=keepdims), x, gradients=name != "nanprod")


@many
@given(st.data(), SEED, SHAPE)
@pytest.mark.parametrize("name", ["nanargmax", "nanargmin", "nancumsum", "nancumprod"])
def test_nan_places_and_cumulated(name, data, seed, shape):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    agree(lambda ops, x: getattr(ops, name)(x, axis=axis), normal(seed, shape, 0.3), types=False)


@many
@given(st.data(), SEED, SHAPE, st.floats(0, 1), st.sampled_from(["linear", "lower", "higher", "midpoint", "nearest"]))
def test_nan_quantiles(data, seed, shape, q, method):
    axis = axis_of(data, shape)
    x = normal(seed, shape, 0.3)
    agree(lambda ops, x: ops.nanquantile(x, q, axis, method), x, types=False, rtol=1e-6)


@many
@given(st.data(), SEED, SHAPE)
@pytest.mark.parametrize("name", ["bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm", "bitwise_left_shift"])
def test_bits(name, data, seed, shape):
    types = st.sampled_from(["int8", "int16", "int32", "int64", "uint8"])
    rng = np.random.default_rng(seed)
    dtype = data.draw(types)
    x, y = rng.integers(0, 7, (2, *shape)).astype(dtype)
    agree(lambda ops, x, y: getattr(ops, name)(x, y), x, y)


@many
@given(SEED, SHAPE)
@pytest.mark.parametrize("name", ["bitwise_invert", "bitwise_not"])
def test_inverted_bits(name, seed, shape):
    x = np.random.default_rng(seed).integers(-7, 7, shape)
    agree(lambda ops, x: getattr(ops, name)(x), x)
    agree(lambda ops, x: getattr(ops, name)(x), x > 0)


@many
@given(SEED, st.tuples(*[st.sampled_from([2, 4, 6])] * 3))
@pytest.mark.parametrize("name", ["vsplit", "hsplit", "dsplit", "fliplr", "flipud"])
def test_parts_and_mirrors(name, seed, shape):
    args = (2,) if name.endswith("split") else ()
    agree(lambda ops, x: getattr(ops, name)(x, *args), normal(seed, shape))
