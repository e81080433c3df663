"""Complex numbers as pairs against NumPy's; real numbers as complex ones; gradients of the parts."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Tensor, ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((2, 3, 4))
Z = A + 1j * B


def joined(pair):
    return pair[0].numpy() + 1j * pair[1].numpy()


def test_of_pairs():
    np.testing.assert_array_equal(ops.real((A, B)).numpy(), A)
    np.testing.assert_array_equal(ops.imag((Tensor(A), B)).numpy(), B)
    for conj in (ops.conj, ops.conjugate):
        np.testing.assert_array_equal(joined(conj((A, B))), np.conj(Z))
    np.testing.assert_allclose(ops.angle((A, B)).numpy(), np.angle(Z), rtol=1e-14)
    assert ops.isreal((np.array([1.0, 2.0]), np.array([0.0, 1.0]))).tolist() == [True, False]
    check_gradients(lambda a, b: ops.angle((a, b)), A, B)


def test_of_real_numbers():
    x = np.array([2.0, -2.0, 0.0, np.nan])
    for f in (ops.real, ops.conj):
        np.testing.assert_array_equal(f(x).numpy(), x)
    np.testing.assert_array_equal(ops.imag(x).numpy(), 0)
    np.testing.assert_array_equal(ops.angle(x).numpy(), [0, np.pi, 0, np.nan])
    assert ops.isreal(x).tolist() == [True] * 4
    assert ops.real((1.0, 2.0)).tolist() == [1, 2]  # numbers are a row, as everywhere
    assert ops.angle([-1, 1]).dtype == np.float32


def test_polar_and_views():
    r, phi = np.abs(A), B
    np.testing.assert_allclose(joined(ops.polar(r, phi)), r * np.exp(1j * phi), rtol=1e-14)
    check_gradients(lambda r, p: ops.add(ops.polar(r, p)[0], ops.square(ops.polar(r, p)[1])), r, phi)
    beside = ops.view_as_real((A, B))
    np.testing.assert_array_equal(beside.numpy(), np.stack([A, B], -1))
    np.testing.assert_array_equal(joined(ops.view_as_complex(beside)), Z)
    np.testing.assert_array_equal(ops.view_as_real(A).numpy()[..., 1], 0)


def test_errors():
    with pytest.raises(ValueError, match=r"angle: the real part is \(3, 4\), the imaginary one \(4,\)"):
        ops.angle((A, B[0]))
    with pytest.raises(ValueError, match=r"view_as_complex: x is \(3, 4\); expected \(\.\.\., 2\)"):
        ops.view_as_complex(A)
    with pytest.raises(TypeError, match="complex"):
        ops.real(Z)
