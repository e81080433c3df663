"""Products of all elements and matrices of powers against NumPy's, with gradients; errors."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((3, 6)), RNG.standard_normal((3, 6))


def same(got, want, rtol=1e-12):
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got.numpy(), want, rtol=rtol, atol=1e-14)


def test_kron():
    for shapes in (((2, 3), (4, 5)), ((3,), (2, 2)), ((2, 2, 2), (3,)), ((), (2, 3))):
        a, b = (RNG.standard_normal(s) for s in shapes)
        same(ops.kron(a, b), np.kron(a, b))
        check_gradients(ops.kron, a, b)
    assert ops.kron(np.eye(2, dtype=np.int32), np.array([[1, 2]], np.int32)).tolist() == [[1, 2, 0, 0], [0, 0, 1, 2]]


@pytest.mark.parametrize("increasing", [False, True])
@pytest.mark.parametrize("n", [None, 0, 1, 2, 5])
def test_vander(n, increasing):
    x = np.array([0.0, 1.5, -2.0])
    same(ops.vander(x, n, increasing), np.vander(x, n, increasing))
    check_gradients(lambda x: ops.vander(x, n, increasing), x)
    got = ops.vander(np.array([2, 3], np.int32), n, increasing)
    assert got.dtype == np.int32
    np.testing.assert_array_equal(got.numpy(), np.vander([2, 3], n, increasing))
    got = ops.vander(np.array([True, False]), n, increasing)
    assert got.dtype == bool
    np.testing.assert_array_equal(got.numpy(), np.vander([1, 0], n, increasing))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.vander(X), ValueError, "vander: x is .* expected one axis"),
        (lambda: ops.vander(X[0], -1), ValueError, "vander: sizes must not be negative"),
        (lambda: ops.vander(np.array([300], np.int32), 9), ValueError, "vander"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
