"""Embedding: wrong indices, gradients dense and of touched rows, agreement with PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import _native, ops, reference
from lamina.core.autograd import Tensor


def table(V, D, dtype=np.float32):
    return np.random.default_rng(0).standard_normal((V, D)).astype(dtype)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_any_integers_will_do(kind):
    indices = np.array([[1, 0, 4], [4, 2, 3]], kind)
    np.testing.assert_array_equal(ops.embedding(indices, table(5, 3)).numpy(), table(5, 3)[indices])
    assert ops.embedding(np.array(2, kind), table(5, 3)).shape == (3,)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("wrong", [-1, 64, -(2**31), 2**31 - 1])
def test_one_wrong_index_of_many_is_found(dtype, wrong):
    """Indices of such number are looked through by several threads."""
    indices = np.random.default_rng(0).integers(0, 64, (300, 401)).astype(dtype)
    assert ops.embedding(indices, np.ones((64, 1), np.float32)).shape == (300, 401, 1)
    indices[211, 399] = wrong
    with pytest.raises(IndexError, match=rf"embedding: index {wrong} at \[211, 399\] is outside 0\.\.63"):
        ops.embedding(indices, np.ones((64, 1), np.float32))


def test_a_wrong_index_is_named():
    indices = np.zeros((4, 6), np.int32)
    indices[3, 5] = 70
    with pytest.raises(IndexError, match=r"embedding: index 70 at \[3, 5\] is outside 0\.\.64"):
        ops.embedding(indices, table(65, 3))
    indices[2, 1] = -1
    with pytest.raises(IndexError, match=r"embedding: index -1 at \[2, 1\] is outside 0\.\.64"):
        ops.embedding(indices, table(65, 3))
    with pytest.raises(IndexError, match="index -1"):
        _native.embedding_backward(indices, np.zeros((4, 6, 3), np.float32), table(65, 3))


def test_messages():
    dy = np.zeros((4, 3), np.float32)
    with pytest.raises(TypeError, match="embedding: indices must be integers, got float32"):
        ops.embedding(np.zeros(3, np.float32), table(5, 3))
    with pytest.raises(ValueError, match=r"embedding: table must be \(rows, features\), got \(5,\)"):
        ops.embedding(np.zeros(3, np.int32), np.zeros(5, np.float32))
    with pytest.raises(ValueError, match=r"dy is \(4, 3\), indices \(3,\)"):
        _native.embedding_backward(np.zeros(3, np.int32), dy, table(5, 3))


def test_a_table_used_twice_adds_up():
    w = Tensor(table(6, 4, np.float64), requires_grad=True)
    a, b = np.array([0, 3, 3]), np.array([[3, 5]])
    ya, yb = ops.embedding(a, w), ops.embedding(b, w)
    da, db = np.random.default_rng(1).standard_normal((3, 4)), np.random.default_rng(2).standard_normal((1, 2, 4))
    ya.backward(da)
    yb.backward(db)
    want = np.zeros((6, 4))
    np.add.at(want, a, da)
    np.add.at(want, b, db)
    np.testing.assert_allclose(w.grad.numpy(), want, rtol=1e-14)


CASES = [
    # shape of the indices, V, D
    ((0,), 4, 3),
    ((1,), 1, 1),
    ((5,), 3, 0),
    ((7, 5), 11, 33),
    ((3, 4, 5), 6, 64),
    ((600,), 40, 130),
    ((3000,), 1, 100),
    ((4000,), 5000, 40),
    ((2000,), 2, 300),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "V", "D"), CASES)
def test_touched_rows_are_the_dense_gradient_without_its_zeros(shape, V, D, dtype, isa, threads):
    rng = np.random.default_rng(3)
    indices, others = rng.integers(0, V, shape), rng.integers(0, V, shape)
    dy = rng.standard_normal((*shape, D)).astype(dtype)
    dense = np.full((V, D), np.nan, dtype)
    _native.embedding_backward(indices, dy, dense)
    for n in (1, 2, 3, 4):
        threads(n)
        gradient, touched, twin = np.zeros((V, D), dtype), _native.TouchedRows(V), reference.TouchedRows(V)
        _native.embedding_backward(others, dy, gradient, 0, touched)  # what an earlier step left
        _native.embedding_backward(indices, dy, gradient, 0, touched)
        reference.embedding_backward(indices, dy, np.zeros((V, D), dtype), 0, twin)
        np.testing.assert_array_equal(touched.rows, twin.rows)
        assert gradient.tobytes() == dense.tobytes()
        _native.embedding_backward(others, dy, gradient, 1, touched)
        reference.embedding_backward(others, dy, np.zeros((V, D), dtype), 1, twin)
        np.testing.assert_array_equal(touched.rows, twin.rows)
        assert not gradient[np.setdiff1d(np.arange(V), touched.rows)].any()


def test_agrees_with_torch():
    torch = pytest.importorskip("torch")
    indices = np.random.default_rng(0).integers(0, 9, (4, 7))
    dy = np.random.default_rng(1).standard_normal((4, 7, 5))
    theirs = torch.tensor(table(9, 5, np.float64), requires_grad=True)
    y = torch.nn.functional.embedding(torch.tensor(indices), theirs)
    y.backward(torch.tensor(dy))
    ours = Tensor(table(9, 5, np.float64), requires_grad=True)
    z = ops.embedding(indices, ours)
    z.backward(dy)
    np.testing.assert_array_equal(z.numpy(), y.detach().numpy())
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-13)
