"""Variables: sizes, types, training, copies, values in place."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.layers import Variable
from lamina.layers.variable import check_shape


def test_shapes():
    assert check_shape("w", 3) == (3,)
    assert check_shape("w", [2, 0]) == (2, 0)
    assert check_shape("w", (2**20, 2**20)) == (2**20, 2**20)
    for wrong in ((2**20, 2**20 + 1), (-1,), (2, None), (True,), (1.5,)):
        with pytest.raises(ValueError, match=r"w: shape .*(more than can be held|non-negative integers)"):
            check_shape("w", wrong)
    for wrong in ("3", None, 2.0):
        with pytest.raises(TypeError, match="a shape must be a list of integers"):
            check_shape("w", wrong)
    assert Variable("zeros", (0, 3)).shape == (0, 3)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "bool"])
def test_types_and_training(dtype):
    for v in (Variable("ones", (2, 3), dtype), Variable(np.ones((2, 3)), dtype=dtype)):
        assert v.dtype.name == dtype
        assert v.numpy().all()
        assert v.numpy().ctypes.data % 64 == 0
        real = dtype.startswith("float")
        assert v.trainable == v.requires_grad == real
        v.trainable = False
        assert (v.trainable, v.requires_grad) == (False, False)
        if not real:
            with pytest.raises(TypeError, match="cannot be trained"):
                v.trainable = True
    fixed = Variable("ones", (2,), trainable=False)
    assert (fixed.trainable, fixed.requires_grad) == (False, False)
    fixed.requires_grad = True
    fixed.trainable = False
    assert not fixed.requires_grad


def test_the_type_of_a_value_without_one():
    """An array's own, else the usual one for reals, and NumPy's for integers."""
    assert Variable(np.ones(2, np.float64)).dtype == np.float64
    assert Variable(np.float64(1)).dtype == np.float32
    assert Variable([1.0, 2.0]).dtype == np.float32
    assert Variable([1, 2]).dtype == np.int64
    assert Variable([True]).dtype == np.bool_


def test_names():
    assert Variable(1.0, name="mine").path == "mine"
    assert Variable(1.0, name="mine").named
    assert not Variable(1.0).named
    assert Variable(1.0).name != Variable(1.0).name
    layer = layers.Dense(2, name="d")
    layer(np.ones((1, 3)))
    assert [w.path for w in layer.weights] == ["d/kernel", "d/bias"]
    with pytest.raises(TypeError, match="name must be a string"):
        Variable(1.0, name=3)
    with pytest.raises(ValueError, match="an initializer needs shape="):
        Variable("zeros")
    with pytest.raises(ValueError, match=r"gave shape \(3,\), expected \(2,\)"):
        Variable(lambda shape, dtype: np.ones(3, dtype), (2,))


def test_a_variable_around_memory():
    memory = np.arange(3.0, dtype=np.float32)
    v = Variable.around(memory, "state")
    v.assign_add(1.0)
    assert memory.tolist() == [1, 2, 3]
    assert (v.name, v.named, v.trainable, v.path) == ("state", True, False, "state")


def test_values_in_place():
    v = Variable(np.zeros((2, 3), np.float32))
    memory = v.numpy()
    for value in (lamina.Tensor(np.ones((3, 2), np.float32)).T, np.ones(3), lamina.Tensor(np.ones((2, 3))), 1, True):
        v.assign(0.0)
        assert v.assign(value) is v
        assert (memory == 1).all()
    assert (v.assign_sub(0.5).numpy() == 0.5).all()
    counts = Variable(np.zeros(2, np.int64))
    counts.assign_add([1, 2])
    counts.assign_sub(1)
    assert counts.numpy().tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"cannot assign shape \(2,\) to shape \(2, 3\)"):
        v.assign(np.ones(2))
    assert np.shares_memory(memory, v.numpy())


def test_copies_have_memory_and_gradients_of_their_own():
    v = Variable(np.ones(3, np.float32), name="v", regularizer="l2")
    assert copy.deepcopy(v).grad is None
    (v * 2.0).sum().backward()
    twin = copy.deepcopy(v)
    assert twin.grad.numpy().tolist() == [2, 2, 2]
    assert (twin.name, twin.named, twin.trainable, twin.regularizer) == ("v", True, True, "l2")
    twin.assign(5.0)
    twin.zero_grad()
    assert v.numpy().tolist() == [1, 1, 1]
    assert v.grad.numpy().tolist() == [2, 2, 2]
    assert not copy.deepcopy(Variable(1.0, trainable=False)).trainable


def test_what_is_pickled():
    v = Variable(np.arange(3.0), name="v")
    assert pickle.loads(pickle.dumps(v)).numpy().tolist() == [0, 1, 2]
    layer = layers.Dense(2)
    layer(np.ones((1, 3)))
    alone = pickle.loads(pickle.dumps(layer.kernel))
    np.testing.assert_array_equal(alone.numpy(), layer.kernel.numpy())
    assert alone.path == "kernel"
    again = pickle.loads(pickle.dumps(layer))
    assert again.kernel.path == layer.kernel.path
    assert again.kernel.numpy().ctypes.data % 64 == 0


def test_a_value_of_another_kind_is_named():
    v = Variable(np.array([1, 2]), name="counts")
    with pytest.raises(TypeError, match="counts: cannot assign dtype float64 to dtype int64"):
        v.assign(np.array([0.5, 1.0]))
