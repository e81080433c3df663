"""Memory shared with other libraries: DLPack, __array__ and buffers, both ways."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import lamina
from lamina import Tensor, ops


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "bool"])
def test_numpy_both_ways_without_a_copy(dtype):
    a = np.arange(6).reshape(2, 3).astype(dtype)
    t = ops.from_dlpack(a)
    assert np.shares_memory(t.numpy(), a)
    assert (t.shape, t.dtype) == ((2, 3), np.dtype(dtype))
    back = np.from_dlpack(t)
    assert np.shares_memory(back, a)
    back = np.asarray(t)
    assert np.shares_memory(back, a)
    assert t.__dlpack_device__() == (1, 0)
    assert not np.shares_memory(ops.from_dlpack(a, copy=True).numpy(), a)


def test_views_keep_their_strides():
    a = np.arange(12.0).reshape(3, 4)[::2, ::-1]
    t = ops.from_dlpack(a)
    assert np.shares_memory(t.numpy(), a)
    np.testing.assert_array_equal(ops.add(t, 1.0).numpy(), a + 1)


def test_the_memory_lives_as_long_as_one_of_the_two():
    t = ops.from_dlpack(np.full(1000, 3.0))
    assert float(ops.sum(t)) == 3000
    array = np.from_dlpack(Tensor(np.full(1000, 2.0)))
    assert array.sum() == 2000


def test_weights_are_shared():
    layer = lamina.layers.Dense(2)
    layer.build((None, 3))
    assert np.shares_memory(np.from_dlpack(layer.kernel), layer.kernel.numpy())
    assert ops.from_dlpack(layer.kernel).shape == (3, 2)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (3, TypeError, "expected an array with __dlpack__"),
        ([1.0], TypeError, "expected an array with __dlpack__"),
        (np.ones(2, "float16"), TypeError, "float16 are none of Lamina's"),
        (np.ones(2, complex), TypeError, "complex128 are none of Lamina's"),
        (np.array(["a"]), ValueError, "cannot be taken"),
    ],
)
def test_what_cannot_be_taken(given, kind, message):
    with pytest.raises((kind, ValueError), match=message):
        ops.from_dlpack(given)


def test_a_step_that_hands_memory_out_is_not_captured():
    def step(x):
        return np.from_dlpack(x).sum()

    captured = lamina.capture(step)
    with pytest.warns(lamina.CaptureWarning, match="values were read"):
        captured(np.ones(3, "float32"))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="classes in Python have buffers from 3.12 on")
def test_buffers():
    t = Tensor(np.arange(3.0))
    assert np.shares_memory(np.frombuffer(memoryview(t)), t.numpy())


def test_buffers_of_other_libraries():
    memory = np.arange(3, dtype="float32")
    for given in (memoryview(memory), memory):
        t = Tensor(given)
        assert t.tolist() == [0, 1, 2]
        assert np.shares_memory(t.numpy(), memory)
        assert memoryview(t.numpy()).nbytes == 12
