"""Windows of signal processing against NumPy's; lengths that are none."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, Tensor, config, ops

WINDOWS = {"bartlett": (), "blackman": (), "hamming": (), "hanning": (), "kaiser": (8.6,)}


@pytest.mark.parametrize("name", WINDOWS)
def test_values_are_numpys(name):
    for n in (0, 1, 2, 7, 512):
        for given in (n, np.int64(n), Tensor(np.array(n)), np.array([n])):
            got = getattr(ops, name)(given, *WINDOWS[name])
            assert got.dtype == np.float32
            np.testing.assert_allclose(got.numpy(), getattr(np, name)(n, *WINDOWS[name]), rtol=1e-6, atol=1e-7)
    config.set_floatx("float64")
    try:
        got = getattr(ops, name)(9, *WINDOWS[name])
    finally:
        config.set_floatx("float32")
    np.testing.assert_array_equal(got.numpy(), getattr(np, name)(9, *WINDOWS[name]))


@pytest.mark.parametrize("name", WINDOWS)
def test_lengths_that_are_none(name):
    with pytest.raises(TypeError, match=f"{name}: x must be one integer"):
        getattr(ops, name)(2.5, *WINDOWS[name])
    with pytest.raises(TypeError, match=f"{name}: x must be one integer"):
        getattr(ops, name)([3, 4], *WINDOWS[name])
    with pytest.raises(TypeError, match=f"{name}: x is a symbolic tensor, which has no values"):
        getattr(ops, name)(Input((1,), dtype="int32"), *WINDOWS[name])


def test_beta():
    with pytest.raises(TypeError, match="kaiser: beta must be a number"):
        ops.kaiser(3, "wide")
    np.testing.assert_allclose(ops.kaiser(3, Tensor([2.0])).numpy(), np.kaiser(3, 2.0), rtol=1e-6)
