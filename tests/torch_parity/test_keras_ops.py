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


@many
@given(SEED, SHAPE)
@pytest.mark.parametrize(
    "name", ["erfc", "sinc", "fabs", "angle", "real", "conj", "conjugate", "isreal", "i0", "rad2deg"]
)
def test_of_single_numbers(name, seed, shape):
    x = normal(seed, shape)
    agree(lambda ops, x: getattr(ops, name)(x), x, rtol=1e-6 if name in ("i0", "rad2deg") else 1e-9)


@many
@given(SEED, SHAPE)
def test_erfinv(seed, shape):
    agree(lambda ops, x: ops.erfinv(x), np.random.default_rng(seed).uniform(-0.999, 0.999, shape), rtol=1e-8)


@many
@given(SEED, SHAPE)
@pytest.mark.parametrize("name", ["fmax", "fmin", "fmod", "nextafter", "allclose"])
def test_of_two_numbers(name, seed, shape):
    x, y = normal(seed, shape, 0.1), normal(seed + 1, shape, 0.1)
    agree(lambda ops, x, y: getattr(ops, name)(x, y), x, y, gradients=False)
    if name in ("fmax", "fmin", "fmod"):
        agree(lambda ops, x, y: getattr(ops, name)(x, y), normal(seed, shape), normal(seed + 1, shape))


@many
@given(SEED, SHAPE, st.integers(-5, 5))
def test_ldexp(seed, shape, power):
    powers = np.full(shape, power, np.int32)  # torch's gradient takes 2 to an integer, which is 0 for negative ones
    agree(lambda ops, x, n: ops.ldexp(x, n), normal(seed, shape), powers, types=False, gradients=False)


@many
@given(SEED, SHAPE, st.sampled_from(["uint8", "int8", "int16", "int32", "float32"]))
def test_saturate_cast(seed, shape, dtype):
    agree(lambda ops, x: ops.saturate_cast(x, dtype), normal(seed, shape) * 1e4, gradients=False)


@many
@given(st.integers(2, 40))
@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hanning", "kaiser"])
def test_windows(name, n):
    args = (8.0,) if name == "kaiser" else ()
    agree(lambda ops, x: ops.add(getattr(ops, name)(int(x.numpy()), *args), 1.0), np.array(n), rtol=2e-6)


@many
@given(SEED, st.integers(2, 6), st.integers(2, 6))
def test_of_rows(seed, m, n):
    agree(lambda ops, x: ops.corrcoef(x), normal(seed, (m, n)))
    agree(lambda ops, x, y: ops.cdist(x, y), normal(seed, (m, n)), normal(seed + 1, (3, n)))
    agree(lambda ops, x, y: ops.kron(x, y), normal(seed, (m, n)), normal(seed + 1, (n, 2)))
    agree(lambda ops, x: ops.vander(x, m), normal(seed, (n,)), types=False, gradients=False)
    agree(lambda ops, y, x: ops.trapezoid(y, x, axis=0), normal(seed, (m, n)), normal(seed + 1, (m, n)))
    agree(lambda ops, x, y: ops.psnr(x, y, 2.0), normal(seed, (m, n)), normal(seed + 1, (m, n)))
    agree(lambda ops, x: ops.extract_sequences(x, 2, min(m, 3)), normal(seed, (m, n)))
    agree(lambda ops, r, p: ops.polar(r, p), np.abs(normal(seed, (m, n))), normal(seed + 1, (m, n)))
    agree(lambda ops, x: ops.view_as_complex(x), normal(seed, (m, n, 2)), gradients=False, rtol=1e-6, types=False)


@many
@given(SEED, st.integers(2, 8), st.integers(1, 4))
def test_correlate(seed, m, n):
    for mode in ("valid", "full"):
        agree(
            lambda ops, x, y, mode=mode: ops.correlate(x, y, mode), normal(seed, (m,)), normal(seed + 1, (min(m, n),))
        )


@many
@given(SEED, st.integers(1, 9), st.sampled_from([None, 2, 9]))
def test_unique_and_histogram(seed, n, size):
    x = np.random.default_rng(seed).integers(0, 5, n)
    agree(lambda ops, x: ops.unique(x, size=size), x)
    agree(lambda ops, x: ops.unique(x, return_counts=True, return_inverse=True), x, types=False)
    agree(lambda ops, x: ops.histogram(x, 4, (-1.0, 2.0)), normal(seed, (n,)), gradients=False, types=False)
    agree(lambda ops, x: ops.unravel_index(x, (2, 3)), x, types=False)


@many
@given(SEED, st.integers(1, 9))
def test_segments_and_updates(seed, n):
    ids = np.random.default_rng(seed).integers(-1, 4, n)
    for name in ("segment_min", "segment_max", "segment_prod"):
        agree(lambda ops, x, ids, name=name: getattr(ops, name)(x, ids, 4), normal(seed, (n, 2)), ids, rtol=1e-6)
    places = np.random.default_rng(seed).integers(0, 3, (n, 1))
    for how in (None, "add", "max", "min", "mul"):
        agree(
            lambda ops, x, i, v, how=how: ops.scatter_update(x, i, v, reduction=how),
            *(normal(seed, (3, 2)), places, normal(seed + 1, (n, 2))),
            gradients=how == "add",
        )
