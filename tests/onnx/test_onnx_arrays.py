"""Operators with their options, on arrays and on tensors alike, against ONNX's reference."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

import lamina
from lamina.onnx import registry
from lamina.onnx.graph import Node
from lamina.onnx.layout import plain
from lamina.onnx.registry import Call

I = np.arange(24).reshape(2, 3, 4) % 7 - 2  # noqa: E741
ONES = np.arange(6).reshape(1, 3, 1, 2)
TALL = np.arange(10).reshape(5, 2)
F = np.random.default_rng(0).uniform(-2, 2, (2, 3, 4)).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def at(value, dtype=np.int64):
    return np.array(value, dtype)


# Operator, version, inputs, attributes; an input that is left out is None.
CASES = [
    ("Flatten", 13, [I], {}),
    ("Flatten", 13, [I], {"axis": 0}),
    ("Flatten", 13, [I], {"axis": -1}),
    ("Flatten", 13, [I], {"axis": 3}),
    ("Squeeze", 13, [ONES], {}),
    ("Squeeze", 13, [ONES, ints(2)], {}),
    ("Squeeze", 11, [ONES], {"axes": [0, 2]}),
    ("Squeeze", 11, [ONES], {"axes": [-2]}),
    ("Unsqueeze", 13, [TALL, ints(0, 3)], {}),
    ("Unsqueeze", 11, [TALL], {"axes": [1]}),
    ("Transpose", 13, [I], {}),
    ("Transpose", 13, [I], {"perm": [1, 2, 0]}),
    ("Concat", 13, [I, I], {"axis": 1}),
    ("Concat", 13, [I, I[:, :, :1]], {"axis": -1}),
    ("Split", 13, [TALL[:4]], {"outputs": 2}),
    ("Split", 18, [TALL], {"outputs": 3, "num_outputs": 3}),
    ("Split", 18, [I], {"outputs": 2, "num_outputs": 2, "axis": 2}),
    ("Split", 13, [TALL, ints(1, 4)], {"outputs": 2}),
    ("Split", 13, [I, ints(1, 2, 1)], {"outputs": 3, "axis": -1}),
    ("Split", 11, [TALL], {"outputs": 2, "split": [2, 3]}),
    ("Slice", 13, [I, ints(1), ints(3), ints(2), ints(1)], {}),
    ("Slice", 13, [I, ints(-1, 2), ints(-9, 0), ints(1, 2), ints(-1, -2)], {}),
    ("Slice", 13, [I, ints(0, 1), ints(1, 99)], {}),
    ("Slice", 1, [I], {"starts": [1, 0], "ends": [3, 2], "axes": [2, 1]}),
    ("Slice", 1, [I], {"starts": [1], "ends": [2]}),
    ("Gather", 13, [I, ints(1, 0, 1)], {}),
    ("Gather", 13, [I, ints(-1, 2)], {"axis": 2}),
    ("Gather", 13, [I, at(1)], {"axis": 1}),
    ("GatherND", 13, [I, np.array([[0, 1], [1, 2]])], {}),
    ("GatherND", 13, [I, np.array([[0, 1, 3], [1, 2, 0]])], {}),
    ("ScatterND", 13, [TALL, np.array([[4], [1]]), TALL[:2] + 50], {}),
    ("ScatterND", 13, [TALL, np.array([[4, 0], [1, 1]]), ints(70, 71)], {}),
    ("Expand", 13, [TALL[:1], ints(3, 1)], {}),
    ("Tile", 13, [TALL, ints(2, 3)], {}),
    ("Range", 11, [at(2), at(9), at(3)], {}),
    ("Range", 11, [at(5), at(-2), at(-2)], {}),
    ("Range", 11, [at(0.5, np.float32), at(2.0, np.float32), at(0.5, np.float32)], {}),
    ("NonZero", 13, [I], {}),
    ("Shape", 15, [I], {}),
    ("Shape", 15, [I], {"start": 1}),
    ("Shape", 15, [I], {"start": -2, "end": -1}),
    ("Size", 13, [I], {}),
    ("Reshape", 14, [I, ints(0, -1)], {}),
    ("Reshape", 14, [I[:0], ints(3, 0)], {"allowzero": 1}),
    ("ConstantOfShape", 9, [ints(2, 3)], {}),
    ("Trilu", 14, [I], {}),
    ("Trilu", 14, [I], {"upper": 0}),
    ("Trilu", 14, [I, at(1)], {}),
    ("Trilu", 14, [I, at(-1)], {"upper": 0}),
    *(("CumSum", 14, [I, at(axis)], {"exclusive": e, "reverse": r})
      for axis, e, r in itertools.product((0, 1, -1), (0, 1), (0, 1))),
    *((name, 13, [I, I + 1, I[:, :1] * 2], {}) for name in ("Max", "Min", "Sum")),
    *((name, 13, [I], {}) for name in ("Max", "Min", "Sum")),
    ("Clip", 13, [I, at(-1), at(2)], {}),
    ("Clip", 13, [I, at(0)], {}),
    ("Clip", 13, [I, None, at(2)], {}),
    ("Clip", 13, [I], {}),
    ("Clip", 13, [F, at(-1, np.float32), at(0.5, np.float32)], {}),
    ("Clip", 13, [F, at(0, np.float32)], {}),
    ("Clip", 13, [F, at(-1, np.float32)], {}),
    ("Clip", 13, [F, None, at(0.5, np.float32)], {}),
    ("Clip", 13, [F, None, at(0, np.float32)], {}),
    ("Clip", 13, [F], {}),
    ("Clip", 13, [F, at(1, np.float32), at(-1, np.float32)], {}),
    ("Div", 14, [I, at(2)], {}),
    ("Div", 14, [F, np.abs(F) + 1], {}),
    ("Mod", 13, [I, at(3)], {}),
    ("Mod", 13, [I, at(-3)], {}),
    ("Mod", 13, [F, np.abs(F[0]) + 0.3], {"fmod": 1}),
    ("Pow", 15, [np.abs(I) + 1, at(2)], {}),
    *((name, 13, [I], options) for name in ("ReduceMax", "ReduceMin", "ReduceProd")
      for options in ({}, {"axes": [1]}, {"axes": [0, -1], "keepdims": 0}, {"keepdims": 0})),
    ("ReduceSum", 13, [I], {}),
    ("ReduceSum", 13, [I, ints(1)], {"keepdims": 0}),
    ("ReduceSum", 13, [I], {"noop_with_empty_axes": 1}),
    ("ReduceMax", 18, [I, ints(0, 2)], {}),
    ("ReduceMean", 13, [F], {"axes": [1]}),
]  # fmt: skip


def results(x):
    return [np.asarray(y) for y in (x if isinstance(x, (list, tuple)) else [x])]


@pytest.mark.parametrize(
    ("name", "version", "given", "options"), CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)]
)
def test_arrays_and_tensors_agree_with_the_reference(name, version, given, options):
    options = dict(options)
    outputs = [f"y{i}" for i in range(options.pop("outputs", 1))]
    names = ["" if x is None else f"x{i}" for i, x in enumerate(given)]
    arrays = {n: x for n, x in zip(names, given, strict=True) if n}
    if version >= 11:  # the reference knows no older ones
        node = onnx.helper.make_node(name, names, outputs, **options)
        value = onnx.helper.make_tensor_value_info
        sides = [[value(n, onnx.helper.np_dtype_to_tensor_dtype(x.dtype), x.shape) for n, x in arrays.items()],
                 [value(n, 1, None) for n in outputs]]  # fmt: skip
        graph = onnx.helper.make_graph([node], "g", *sides)
        opset = onnx.helper.make_opsetid("", version)
        want = ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=[opset])).run(None, arrays)
    own = Node(name, names, outputs, options, version=version)
    found = results(registry.make_of_arrays(own, {})(*given))
    call = Call(own, {n: x for n, x in arrays.items() if n != "x0"})
    tensors = [lamina.Tensor(x) if i == 0 and x.ndim and name != "Range" else x for i, x in enumerate(given)]
    made = registry.find(own).make(call)(*tensors)
    others = results([plain(y) for y in made] if isinstance(made, tuple) else plain(made))
    for a, b in zip(found, others, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-6)
    for a, b in zip(found, want, strict=True) if version >= 11 else ():
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-6)
