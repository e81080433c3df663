"""Tensors in PyTorch and JAX and back, over the same memory."""

from __future__ import annotations

import numpy as np
import pytest
from compare import torch

import lamina
from lamina import Tensor, ops


def test_torch_both_ways():
    t = Tensor(np.arange(6, dtype="float32").reshape(2, 3))
    for taken in (torch.from_dlpack(t), torch.as_tensor(t), torch.asarray(t), torch.from_numpy(t.numpy())):
        assert taken.data_ptr() == t.numpy().ctypes.data
        assert taken.shape == (2, 3)
    torch.from_dlpack(t)[0, 0] = 9
    assert t.tolist()[0][0] == 9
    other = torch.arange(4.0)
    for mine in (ops.from_dlpack(other), Tensor(other)):
        assert mine.numpy().ctypes.data == other.data_ptr()
    ops.from_dlpack(other).data[1] = 7
    assert other[1] == 7
    turned = torch.arange(6.0).reshape(2, 3).T
    np.testing.assert_array_equal(ops.from_dlpack(turned).numpy(), turned.numpy())


def test_weights_in_torch():
    layer = lamina.layers.Dense(2)
    layer.build((None, 3))
    with torch.no_grad():
        torch.from_dlpack(layer.kernel).fill_(2.0)
    assert layer(np.ones((1, 3), "float32")).tolist() == [[6, 6]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: torch.ones(2, requires_grad=True), "require gradient"),
        (lambda: torch.ones(2, dtype=torch.bfloat16), "of torch.bfloat16 cannot be taken.*convert it to float32"),
        (lambda: torch.ones(2, device="meta"), "cannot be taken"),
    ],
)
def test_what_torch_does_not_give(given, message):
    with pytest.raises(ValueError, match=message):
        ops.from_dlpack(given())


def test_jax_both_ways():
    jax = pytest.importorskip("jax", reason="the comparison with JAX needs jax")
    t = Tensor(np.arange(64, dtype="float32"))
    np.testing.assert_array_equal(np.asarray(jax.numpy.from_dlpack(t)), t.numpy())
    np.testing.assert_array_equal(np.asarray(jax.numpy.asarray(t)), t.numpy())
    mine = ops.from_dlpack(jax.numpy.arange(3.0))
    assert ops.multiply(mine, 2.0).tolist() == [0, 2, 4]
    assert Tensor(jax.numpy.arange(3.0)).tolist() == [0, 1, 2]
