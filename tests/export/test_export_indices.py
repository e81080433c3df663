"""Arrays of places are cast where ONNX knows no such indices, and nowhere else."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

import lamina
from lamina import layers, ops
from lamina.export import to_onnx

TABLE = np.arange(24, dtype=np.float32).reshape(6, 4)


class Calls(lamina.Model):
    """A model of one function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16"])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.take(TABLE, x, 0),
        lambda x: ops.take(TABLE, x, 1),
        lambda x: ops.take(TABLE, x),
        lambda x: ops.embedding(x, TABLE),
        lambda x: ops.take_along_axis(TABLE[:2], x, 1),
        lambda x: ops.multiply(TABLE[:2, :3], ops.cast(x, "float32")),
    ],
)
def test_integers_of_every_kind_are_places(function, dtype):
    x = np.array([[0, 3, 1], [2, 2, 0]], dtype)
    proto = to_onnx(Calls(function), [layers.InputSpec(shape=x.shape, dtype=dtype)])
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {session.get_inputs()[0].name: x})[0]
    np.testing.assert_array_equal(found, function(lamina.Tensor(x)).numpy())
    casts = sum(node.op_type == "Cast" for node in proto.graph.node)
    floats = "Gather" not in str({node.op_type for node in proto.graph.node})
    assert casts == (1 if floats or dtype not in ("int32", "int64") else 0)
