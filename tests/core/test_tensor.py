"""A Tensor as Python sees it: types it takes, one number, length, text, data and gradients assigned."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from lamina import Tensor, no_grad, ops

X = np.arange(6.0, dtype=np.float32).reshape(2, 3)


def test_types_that_it_takes():
    assert Tensor(0.5).dtype == Tensor([0.5]).dtype == np.float32
    assert Tensor(np.float64(0.5)).dtype == Tensor(np.array([0.5])).dtype == np.float64
    assert Tensor(0.5, dtype="float64").dtype == Tensor(Tensor(0.5), dtype="float64").dtype == np.float64
    assert Tensor([1]).dtype == np.int64
    assert Tensor(X.astype(">f4")).dtype.isnative
    assert np.shares_memory(Tensor(X).numpy(), X)
    assert np.shares_memory(Tensor(Tensor(X)).numpy(), X)
    assert not Tensor(X).requires_grad
    assert Tensor(X, True).requires_grad
    for x in ([1], X > 0):
        with pytest.raises(TypeError, match="requires_grad=True needs float32 or float64"):
            Tensor(x, requires_grad=True)
    with pytest.raises(TypeError, match="Tensor: requires_grad must be True or False, got 'yes'"):
        Tensor(X, requires_grad="yes")


def test_one_number():
    for one in (Tensor(2.5), Tensor([2.5]), Tensor([[2.5]])):
        assert (one.item(), float(one), int(one), bool(one), f"{one:.2f}") == (2.5, 2.5, 2, True, "2.50")
        assert f"{one}" == repr(one)
    for f in (Tensor.item, float, int, bool):
        with pytest.raises(ValueError, match="holds 6 numbers where one is expected"):
            f(Tensor(X))
    assert f"{Tensor(X):.2f}" == repr(Tensor(X))
    assert len(Tensor(X)) == 2
    assert [t.tolist() for t in Tensor(X)] == X.tolist()
    assert [t.item() for t in Tensor(X[0])] == X[0].tolist()
    assert Tensor([7.0]).tolist() == [7.0]
    for f, text in ((len, r"len\(\) of a 0-d tensor"), (iter, "iteration over a 0-d tensor")):
        with pytest.raises(TypeError, match=text):
            f(Tensor(2.5))
    assert "requires_grad" not in repr(Tensor(X))
    assert "requires_grad=True" in repr(Tensor(X, requires_grad=True))


def test_numpy_leaves_operators_to_it():
    for y in (X + Tensor(X), X * Tensor(X), X @ Tensor(X.T), np.float32(2) * Tensor(X)):
        assert isinstance(y, Tensor)
    assert np.array(Tensor(X), dtype=np.float64).dtype == np.float64
    assert not np.shares_memory(np.array(Tensor(X), copy=True), X)


def test_data_and_gradients_assigned():
    t = Tensor(X.copy(), requires_grad=True)
    assert t.grad is None
    t.grad = np.ones((2, 3))
    assert t.grad.tolist() == np.ones((2, 3)).tolist()
    ops.sum(t).backward()
    assert t.grad.tolist() == np.full((2, 3), 2.0).tolist()
    held = t.grad.numpy()
    t.zero_grad()
    assert t.grad is None
    ops.sum(t).backward()
    assert t.grad.tolist() == np.ones((2, 3)).tolist()
    assert np.shares_memory(held, t.grad.numpy())
    t.grad = None
    assert t.grad is None
    address = t.numpy().ctypes.data
    t.data = np.zeros((2, 3))
    assert (t.numpy().ctypes.data, t.tolist()) == (address, np.zeros((2, 3)).tolist())
    for name in ("data", "grad"):
        with pytest.raises(ValueError, match=rf"Tensor.{name}: expected shape \(2, 3\), got \(3, 2\)"):
            setattr(t, name, X.T)


def test_backward_of_a_leaf_and_of_a_view():
    t = Tensor(X, requires_grad=True)
    for _ in range(2):
        t.backward(X)
    assert t.grad.tolist() == (2 * X).tolist()
    one = Tensor(3.0, requires_grad=True)
    one.backward()
    assert one.grad.item() == 1
    y = ops.reshape(t, (6,))
    with pytest.raises(ValueError, match=r"backward: a tensor of shape \(6,\) needs gradient="):
        y.backward()
    with pytest.raises(ValueError, match=r"backward: gradient has shape \(2, 3\), the tensor \(6,\)"):
        y.backward(X)
    y.backward(Tensor(X.ravel()), retain_graph=True)
    y.backward(X.ravel())
    assert t.grad.tolist() == (4 * X).tolist()
    with pytest.raises(RuntimeError, match="the tape was freed by an earlier backward"):
        y.backward(X.ravel())
    with pytest.raises(RuntimeError, match="depends on nothing with requires_grad=True"):
        Tensor(X).backward(X)


def test_one_gradient_that_several_read_is_not_written_to():
    x, y = Tensor(X, requires_grad=True), Tensor(X, requires_grad=True)
    total = ops.add(x, y)  # both get the same array
    (ops.add(total, ops.multiply(x, 2.0)) + ops.reshape(total, (2, 3))).backward(np.ones_like(X))
    assert x.grad.tolist() == np.full((2, 3), 4.0).tolist()
    assert y.grad.tolist() == np.full((2, 3), 2.0).tolist()


def test_leaves_and_copies():
    x = Tensor(X, requires_grad=True)
    y = ops.multiply(x, 3.0)
    assert x.is_leaf
    assert not y.is_leaf
    z = copy.copy(y)
    assert np.shares_memory(z.numpy(), y.numpy())
    z.backward(np.ones_like(X))
    assert x.grad.tolist() == np.full((2, 3), 3.0).tolist()
    with no_grad():
        assert not copy.copy(y).requires_grad
    with pytest.raises(RuntimeError, match="deepcopy: a computed tensor that wants a gradient"):
        copy.deepcopy(ops.multiply(x, 3.0))
    deep = copy.deepcopy(x)
    assert deep.requires_grad
    assert deep.grad.tolist() == x.grad.tolist()
    assert not np.shares_memory(deep.numpy(), X)
    assert copy.deepcopy(y.detach()).tolist() == y.tolist()


def test_a_given_gradient_stays_as_it_is():
    """Sums hand it on to both sides, of which one, with another result behind it, is added to."""
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    for given in (np.ones((2, 3)), Tensor(np.ones((2, 3)))):
        x.zero_grad()
        u = ops.add(x, ops.tanh(ops.multiply(x, 2.0)))
        ops.add(u, ops.tanh(ops.multiply(u, 2.0))).backward(given)
        np.testing.assert_array_equal(np.asarray(given), np.ones((2, 3)))
        inner = 1 + 2 * (1 - np.tanh(2.0) ** 2)
        outer = 1 + 2 * (1 - np.tanh(2 * (1 + np.tanh(2.0))) ** 2)
        np.testing.assert_allclose(x.grad.numpy(), np.full((2, 3), inner * outer), rtol=1e-12)


def test_a_single_integer_is_an_index():
    n = ops.cast(X.shape[0], "int32")
    assert ops.ones((n, n + 1)).shape == (2, 3)
    assert ["a", "b", "c"][n] == "c"
    assert list(range(n)) == [0, 1]
    for other in (Tensor([1]), Tensor(1.0)):
        with pytest.raises(TypeError, match=r"only a tensor of shape \(\) with an integer is an index, got shape"):
            range(other)
