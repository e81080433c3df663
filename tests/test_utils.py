"""Small helpers under keras.utils' names, and what config says."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import config, utils

X = np.random.default_rng(0).standard_normal((3, 4))


@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_normalize(axis, order):
    x = X.copy()
    x[0] = 0
    got = utils.normalize(x, axis, order)
    lengths = np.linalg.norm(x, order, axis, keepdims=True)
    np.testing.assert_allclose(got, np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0), rtol=1e-12)
    np.testing.assert_array_equal(utils.normalize(X), utils.normalize(X, -1, 2))


ONE_HOT = {
    "none": ([], None, np.zeros((0, 0))),
    "none of two": ([], 2, np.zeros((0, 2))),
    "a number": (1, None, [0, 1]),
    "a vector": ([2, 0], None, [[0, 0, 1], [1, 0, 0]]),
    "one index": ([1], None, [[0, 1]]),
    "one index of one class": ([0], None, [[1]]),
    "a column": ([[1], [0]], 3, [[0, 1, 0], [1, 0, 0]]),
    "a matrix": ([[1, 0], [0, 0]], None, [[[0, 1], [1, 0]], [[1, 0], [1, 0]]]),
    "a matrix of columns": ([[[1], [0]]], None, [[[0, 1], [1, 0]]]),
    "whole floats": ([1.0, 0.0], None, [[0, 1], [1, 0]]),
}


@pytest.mark.parametrize("case", ONE_HOT)
def test_to_categorical(case):
    labels, classes, wanted = ONE_HOT[case]
    got = utils.to_categorical(labels, classes)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, wanted)
    assert got.shape == np.shape(wanted)


def test_labels_that_are_wrong():
    for labels, text in (([0, 3], r"label 3 at \[1\] is outside 0..2"), ([[0, -1]], r"label -1 at \[0, 1\]")):
        with pytest.raises(ValueError, match=text):
            utils.to_categorical(labels, 3)
    with pytest.raises(ValueError, match="whole numbers"):
        utils.to_categorical([0.5])


BATCHES = {
    "x": (("x",), "x", ("x", None, None)),
    "x and y": (("x", "y"), ("x", "y"), ("x", "y", None)),
    "all": (("x", "y", "w"), ("x", "y", "w"), ("x", "y", "w")),
    "x and weights": (("x", None, "w"), ("x", None, "w"), ("x", None, "w")),
    "a list": ((["x"],), (["x"],), (["x"], None, None)),
}


@pytest.mark.parametrize("case", BATCHES)
def test_batches_packed_and_unpacked(case):
    given, packed, unpacked = BATCHES[case]
    assert utils.pack_x_y_sample_weight(*given) == packed
    assert utils.unpack_x_y_sample_weight(packed) == unpacked


@pytest.mark.parametrize("parts", [0, 4])
def test_batches_of_too_many_parts(parts):
    with pytest.raises(ValueError, match=f"got {parts} parts"):
        utils.unpack_x_y_sample_weight((0,) * parts)


def test_config():
    assert config.epsilon() == 1e-7  # Keras's
    assert config.image_data_format() == "channels_last"
    assert config.floatx() == "float32"
    for dtype in ("float32", np.float32, np.dtype("float64"), "float64"):
        assert config.standardize_dtype(dtype) == np.dtype(dtype)
    assert config.standardize_dtype(None) == np.float32
    for dtype in ("float16", "bfloat16", "mixed_float16"):
        with pytest.raises(ValueError, match="is not supported: the kernels compute in float32 or float64"):
            config.standardize_dtype(dtype)
    with pytest.raises(ValueError, match="did you mean 'float32'"):
        config.set_floatx("flot32")
