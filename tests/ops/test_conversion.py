"""Arguments become tensors: types, sizes at the edge of what an array can be, axes."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Tensor, config, ops
from lamina.ops import conversion as c
from lamina.testing import check_gradients

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def test_sizes():
    assert c.check_sizes("f", 3) == (3,)
    assert c.check_sizes("f", np.int64(3)) == (3,)
    assert c.check_sizes("f", []) == ()
    assert c.check_sizes("f", (0, np.int8(2))) == (0, 2)
    assert c.check_sizes("f", (2**29, 2**30)) == (2**29, 2**30)  # 8 bytes each: 2^62
    assert c.check_sizes("f", (0, 2**59)) == (0, 2**59)
    for shape in ((2**59 + 1,), (2**30, 2**30), (0, 2**60), (2**60, 0)):
        with pytest.raises(ValueError, match=r"f: a result of shape .* is larger than any array can be"):
            c.check_sizes("f", shape)
    with pytest.raises(ValueError, match="f: sizes must not be negative"):
        c.check_sizes("f", (2, -1))
    with pytest.raises(TypeError, match="f: a shape must be an integer or a sequence of integers"):
        c.check_sizes("f", 1.5)


def test_numbers_of_parts():
    for parts, size in ((2**16, 1), (2**20, 2**20), (2**24, 2**40)):
        c.check_parts(parts, size, "f")
        with pytest.raises(ValueError, match=f"f: {parts + 1} parts of an axis of {size}; expected at most {parts}"):
            c.check_parts(parts + 1, size, "f")


def test_rows_of_nothing_are_parts_too():
    rows = np.empty((2**16 + 1, 0))
    with pytest.raises(ValueError, match="concatenate: 65537 parts of an axis of 0; expected at most 65536"):
        ops.concatenate(rows)
    assert ops.concatenate(rows[1:]).shape == (0,)


def test_concatenated_elements():
    x, y = np.arange(6.0).reshape(2, 3), np.ones((2, 1, 2))
    np.testing.assert_array_equal(ops.concatenate([x, y, 7.0], None), np.concatenate([x, y, 7.0], None))
    check_gradients(lambda x, y: ops.concatenate([x, y], None), x, y)


@pytest.mark.parametrize("ndim", [0, 1, 2, 3])
def test_axes(ndim):
    shape = (2,) * ndim
    for axis in range(-ndim, ndim):
        assert c._axis(axis, ndim, "f", shape) == c._axis(np.int8(axis), ndim, "f", shape) == range(ndim)[axis]
    for axis in (-ndim - 1, ndim):
        with pytest.raises(ValueError, match=rf"f: axis {axis} is outside x"):
            c._axis(axis, ndim, "f", shape)
    with pytest.raises(TypeError, match="f: axis must be an integer"):
        c._axis(0.0, ndim, "f", shape)


def test_indices():
    for dtype in INTEGERS:
        top = min(np.iinfo(dtype).max, 2**63 - 1)  # larger ones become the largest that there is: outside of all axes
        got = c.index_array(Tensor(np.array([0, np.iinfo(dtype).max], dtype)))
        assert got.dtype == (np.int32 if dtype == "int32" else np.int64)
        assert got.tolist() == [0, top]
    assert c.place_dtype(2**31) is np.int32
    assert c.place_dtype(2**31 + 1) is np.int64


FLOATS = {"float16": "float32", "float32": "float32", "float64": "float64", "longdouble": "float32"}


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, "bool"])
def test_types(dtype):
    x = np.array([0, 1], dtype)
    kept = FLOATS.get(dtype, dtype)
    assert c.as_tensor(x).dtype == kept
    assert c.as_tensor(x.astype(x.dtype.newbyteorder())).dtype == kept
    assert c.as_tensor(x[0]).dtype == kept
    assert c.as_tensor(x, "float64").dtype == np.float64
    assert c.float_tensor(x).dtype == FLOATS.get(dtype, "float32")
    assert c.is_computable(np.dtype(dtype)) == (kept == dtype)
    assert c.kernel_dtype(np.dtype(dtype)) == kept


def test_types_that_floatx_decides():
    assert c.as_tensor(0.5).dtype == c.as_tensor([0.5]).dtype == np.float32
    assert c.as_tensor(np.float64(0.5)).dtype == np.float64
    try:
        config.set_floatx("float64")
        for x in (0.5, [0.5], np.float16(0.5), np.zeros(1, np.float16)):
            assert c.as_tensor(x).dtype == np.float64
        assert c.float_tensor([1]).dtype == np.float64
        steps, kernel, recurrent = np.ones((1, 2, 1), int), np.ones((1, 1)), np.ones((1, 1))
        assert ops.simple_rnn(steps, kernel, recurrent)[0].dtype == np.float64
    finally:
        config.set_floatx("float32")


PROMOTED = [
    ("float32", "float32", "float32"),
    ("float32", "float64", "float64"),
    ("float64", "float32", "float64"),
    ("int32", "float64", "float64"),
    ("bool", "float32", "float32"),
    ("int64", "int64", "float32"),
    ("int8", "uint64", "float32"),
    ("float16", "int32", "float32"),
    ("float16", "float64", "float64"),
]


@pytest.mark.parametrize(("a", "b", "wanted"), PROMOTED)
def test_pairs_of_floats(a, b, wanted):
    x, y = np.ones(1, a), np.ones(1, b)
    for pair in ((x, y), (y, x), (x[0], y), (c.as_tensor(x), y)):
        assert [t.dtype for t in c.float_pair(*pair)] == [wanted] * 2
    assert [t.dtype for t in c.float_pair(x, 2)] == [FLOATS.get(a, "float32")] * 2
    assert [t.dtype for t in c.float_pair([2], x)] == [FLOATS.get(a, "float32")] * 2
    np.testing.assert_array_equal(ops.matmul(c.float_tensor(x), [2]).numpy(), 2)
    with pytest.raises(TypeError, match="cast: dtype must be a type of numbers"):
        c.cast(x, None)


FLOATS_OF_INTEGERS = {"hypot": 5, "logaddexp": np.logaddexp(3, 4), "arctan2": np.arctan2(3, 4), "divide": 0.75}


@pytest.mark.parametrize("name", FLOATS_OF_INTEGERS)
def test_functions_that_make_floats_of_integers(name):
    three, four = np.array([3]), np.array([4.0], np.float32)
    for x, y in ((three, np.array([4])), (three.astype(np.int8), 4), (three, four), (3, four)):
        got = getattr(ops, name)(x, y)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got.numpy(), [FLOATS_OF_INTEGERS[name]], rtol=1e-6)


def test_sums_of_integers_take_32_bits_or_more():
    wider = {"int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}
    assert {d: c.sum_dtype(np.dtype(d)).name for d in INTEGERS} == {d: wider.get(d, d) for d in INTEGERS}
    assert c.sum_dtype(np.dtype(bool)) == np.int32


def test_pairs():
    assert c.pair(3, "f") == (3, 3)
    assert c.pair([3, 4], "f") == (3, 4)
    with pytest.raises(ValueError, match="f: expected an integer or"):
        c.pair((1, 2, 3), "f")
