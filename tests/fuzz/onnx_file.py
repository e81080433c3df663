"""A file of ONNX that is damaged in many ways."""

from __future__ import annotations

import numpy as np


def onnx_network() -> bytes:
    """A file of a convolution, shape arithmetic, a recurrence, cutting, padding and a dense layer."""
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(0)
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c", "b", "b", "b", "v"], ["n"]),
        node("Relu", ["n"], ["r"]),
        node("Shape", ["r"], ["sizes"]),
        node("Slice", ["sizes", "zero", "one"], ["batch"]),
        node("Concat", ["batch", "rest"], ["shape"], axis=0),
        node("Transpose", ["r"], ["t"], perm=[0, 2, 3, 1]),
        node("Reshape", ["t", "shape"], ["q"]),
        node("LSTM", ["q", "W", "R", "B"], ["h"], hidden_size=3),
        node("Squeeze", ["h", "one"], ["s"]),
        node("Slice", ["s", "zero", "ends"], ["cut"]),
        node("Pad", ["cut", "pads"], ["padded"]),
        node("Tile", ["padded", "repeats"], ["tiled"]),
        node("MatMul", ["tiled", "M"], ["m"]),
        node("Softmax", ["m"], ["y"]),
    ]
    shapes = {"w": (4, 2, 3, 3), "b": (4,), "v": (4,), "W": (1, 12, 4), "R": (1, 12, 3), "B": (1, 24), "M": (6, 2)}
    tensors = [numpy_helper.from_array(np.abs(rng.standard_normal(s)).astype("f4"), n) for n, s in shapes.items()]
    places = {
        "zero": [0], "one": [1], "rest": [16, 4], "ends": [9], "pads": [0, 0, 0, 1, 0, 0], "repeats": [1, 1, 2]
    }  # fmt: skip
    tensors += [numpy_helper.from_array(np.array(v, "i8"), n) for n, v in places.items()]
    given = [helper.make_tensor_value_info("x", 1, ["n", 2, 4, 4])]
    made = [helper.make_tensor_value_info("y", 1, None)]
    graph = helper.make_graph(nodes, "g", given, made, tensors)
    opset = helper.make_opsetid("", 17)
    return bytes(helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString())
