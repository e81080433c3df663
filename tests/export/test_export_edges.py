"""What the samples of an export do not show: values at the edges, and graphs inside of graphs."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

import lamina
from lamina import layers, ops
from lamina.export import to_onnx
from lamina.export.program import _counted

NUMBERS = np.array([[0, 1, 2, 3, 6, np.nan, np.inf]], np.float32)
ROWS = np.arange(10, dtype=np.float32).reshape(5, 2)
TAPS = np.arange(20, dtype=np.float32).reshape(5, 2, 2)
FEW = np.array([[0, 5, 255]], np.uint8)


class Calls(lamina.Model):
    """A model of one function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: ops.digitize(x, np.array([1, 3, 5], np.float32)), NUMBERS),
        (lambda x: ops.digitize(x, np.array([5, 3, 1], np.float32)), NUMBERS),
        (lambda x: ops.digitize(x, np.array([3], np.float32)), NUMBERS),
        (lambda x: ops.digitize(x, np.array([3, 1], np.float32)), NUMBERS),
        (lambda x: ops.digitize(x, np.array([1, 3], np.float32)), NUMBERS),
        (lambda x: ops.digitize(x, np.array([2, 2], np.float32)), NUMBERS),
        (lambda x: ops.searchsorted(np.array([1, 3, 5], np.float32), x), NUMBERS),
        (lambda x: ops.searchsorted(np.array([1, 3, 5], np.float32), x, side="right"), NUMBERS),
        (lambda x: ops.average(x, 1, np.arange(1, 8, dtype=np.float32)), NUMBERS[:, [0, 1, 2, 3, 4, 6, 6]]),
        (lambda x: ops.segment_sum(x, np.array([0, -1, 2, 5, 2]), 3), ROWS),
        (lambda x: ops.segment_max(x, np.array([0, -1, 2, 5, 2]), 4), ROWS),
        (lambda x: ops.conv_transpose(x[None], TAPS[:3], 2, "same", 1), ROWS),
        (lambda x: ops.conv_transpose(x[None], TAPS[:3], 2, "same_lower", 1), ROWS),
        (lambda x: ops.conv_transpose(x[None], TAPS[:4], 1, "same_lower"), ROWS),
        (lambda x: ops.conv_transpose(x[None], TAPS[:5], 3, "same", 2), ROWS),
        (lambda x: ops.conv_transpose(x[None], TAPS[:4], 3, "same", 0), ROWS),
        (lambda x: ops.conv_transpose(x[None], TAPS[:4], 3, "same"), ROWS),
        (lambda x: ops.one_hot(x, 300), FEW),
        (lambda x: ops.multi_hot(x, 300), FEW),
    ],
)
def test_values_at_the_edges(function, x):
    proto = to_onnx(Calls(function), [layers.InputSpec(shape=x.shape, dtype=str(x.dtype))])
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = function(lamina.Tensor(x)).numpy()
    np.testing.assert_allclose(session.run(None, {session.get_inputs()[0].name: x})[0], wanted, rtol=1e-6)


class Inner(layers.Layer):
    """A cell whose step is a sequence of its own, which ONNX has no node for."""

    def __init__(self):
        super().__init__()
        self.inner = layers.LSTM(3, use_layer_norm=True)
        self.state_size = self.output_size = 3

    def call(self, inputs, states):
        y = self.inner(ops.reshape(inputs, (-1, 2, 2))) + states[0]
        return y, [y]


def test_a_scan_inside_of_a_scan():
    proto = to_onnx(lamina.Sequential([lamina.Input((None, 4)), layers.RNN(Inner())]), verify=True)
    assert [n.op_type for n in proto.graph.node].count("Scan") == 1


@pytest.mark.parametrize(
    ("x", "y", "wanted"),
    [
        ([3, 5], [3, 5, 7], (0, [3], [2])),
        ([3, 5, 7], [3, 5], (0, [3], [2])),
        ([3], [3, 5], None),
        ([3, 5], [3], None),
        ([3, 5], [3, 5, 8], None),
        ([3, 5, 8], [3, 5], None),
        ([3, 5], [3, 5], None),
        ([[0, 1], [2, 4]], [[0, 1, 2], [2, 4, 6]], (1, [[0], [2]], [[1], [2]])),
        ([[0, 1], [2, 4]], [[0, 1], [2, 4], [4, 7]], (0, [[0, 1]], [[2, 3]])),
        ([[0, 1], [2, 4]], [[0, 1, 2], [2, 4, 6], [4, 7, 10]], None),
        ([0.0, 1.0], [0.0, 1.0, 2.0], None),
    ],
)
def test_integers_that_grow_evenly_along_one_axis(x, y, wanted):
    found = _counted(np.array(x), np.array(y))
    assert (found and (found[0], found[1].tolist(), found[2].tolist())) == wanted
