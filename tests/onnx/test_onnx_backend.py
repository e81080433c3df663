"""The cases of onnx.backend.test: every operator of the library's families, and whole networks."""

from __future__ import annotations

import functools
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import lamina
from lamina.onnx import backend

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
OPERATORS = [
    "Abs", "Acos", "Acosh", "Adagrad", "Adam", "Add", "AffineGrid", "And", "ArgMax", "ArgMin", "Asin", "Asinh",
    "Atan", "Atanh", "Attention", "AveragePool", "BatchNormalization", "BitShift", "BitwiseAnd", "BitwiseNot",
    "BitwiseOr", "BitwiseXor", "BlackmanWindow", "CausalConvWithState", "Ceil", "Celu", "CenterCropPad", "Clip",
    "Compress", "Concat", "ConstantOfShape", "Conv", "ConvTranspose", "Cos", "Cosh", "CumProd", "CumSum", "DFT",
    "Det", "DepthToSpace", "Div", "Dropout", "Einsum", "Elu", "Equal", "Erf", "Exp", "Expand", "EyeLike", "Flatten",
    "FlexAttention", "Floor", "GRU", "Gather", "GatherElements", "GatherND", "Gelu", "Gemm", "GlobalAveragePool",
    "GlobalMaxPool", "Greater", "GreaterOrEqual", "GridSample", "GroupNormalization", "HammingWindow", "HannWindow",
    "HardSigmoid", "HardSwish", "Hardmax", "Identity", "InstanceNormalization", "IsInf", "IsNaN", "LRN", "LSTM",
    "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "LinearAttention", "Log", "LogSoftmax",
    "LpNormalization", "LpPool", "MatMul", "Max", "MaxPool", "MaxUnpool", "Mean", "MeanVarianceNormalization",
    "Min", "Mish", "Mod", "Momentum", "Mul", "Neg", "NegativeLogLikelihoodLoss", "NonMaxSuppression", "NonZero",
    "Not", "OneHot", "Or", "PRelu", "Pad", "Pow", "RMSNormalization", "RNN", "Range", "Reciprocal", "ReduceL1",
    "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
    "ReduceSum", "ReduceSumSquare", "Relu", "Reshape", "Resize", "ReverseSequence", "RotaryEmbedding", "Round",
    "ScatterElements", "ScatterND", "Selu", "Shape", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Size", "Slice",
    "Softmax", "SoftmaxCrossEntropyLoss", "Softplus", "Softsign", "STFT", "SpaceToDepth", "Split", "Sqrt",
    "Squeeze", "Sub", "Sum", "SwiGLU", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Tile", "TopK", "Transpose",
    "Trilu", "Unique", "Unsqueeze", "Upsample", "Where", "Xor",
]  # fmt: skip
_RANDOM = "the expected numbers are those of another random generator"
_BFLOAT = "computed as float32 and rounded once, where the expected numbers are rounded after every step"
_ALIGNED = "of a size that scales do not reach, corners are those of the result, as in onnxruntime"
_ZERO = "a difference of zero: the tolerance is relative, and zero comes out as 1e-14"
_NO_TENSOR = "text, sequences and optional values are no tensors"
EXCLUDED = {
    "test_dft_inverse": _ZERO,
    "test_dft_inverse_opset19": _ZERO,
    "test_equal_string": _NO_TENSOR,
    "test_equal_string_broadcast": _NO_TENSOR,
    "test_identity_opt": _NO_TENSOR,
    "test_identity_sequence": _NO_TENSOR,
    "test_training_dropout": _RANDOM,
    "test_training_dropout_default": _RANDOM,
    "test_training_dropout_default_mask": _RANDOM,
    "test_training_dropout_mask": _RANDOM,
    "test_attention_3d_causal_bf16": _BFLOAT,
    "test_attention_4d_attn_mask_causal_bf16": _BFLOAT,
    "test_attention_4d_causal_bf16": _BFLOAT,
    "test_attention_4d_causal_padded_kv_bf16": _BFLOAT,
    "test_attention_4d_padded_kv_bf16": _BFLOAT,
    "test_resize_downsample_scales_cubic_align_corners": _ALIGNED,
    "test_resize_downsample_scales_linear_align_corners": _ALIGNED,
}


@functools.cache
def node_cases() -> dict[str, list[Any]]:
    """The cases of single nodes by operator, without those written out in other operators."""
    from onnx.backend.test.case.node import collect_testcases

    found = defaultdict(list)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in collect_testcases(None):
            if "expanded" not in case.name:
                found[case.model.graph.node[0].op_type].append(case)
    return found


def check(model: onnx.ModelProto, inputs: Any, expected: Any, rtol: float = 1e-3, atol: float = 1e-7) -> None:
    for optimize in (True, False):
        results = backend.run_model(model, list(inputs), optimize=optimize)
        for result, value in zip(results, expected, strict=True):
            value = np.asarray(value)
            assert result.dtype == value.dtype
            assert result.shape == value.shape
            plain = [a.astype(np.float64) if a.dtype.kind in "fV" else a for a in (result, value)]
            np.testing.assert_allclose(*plain, rtol=rtol, atol=atol)


@pytest.mark.parametrize("operator", OPERATORS)
def test_cases_of(operator):
    cases = node_cases()[operator]
    assert cases, "ONNX has no such cases"
    wrong = []
    for case in cases:
        try:
            for inputs, outputs in case.data_sets:
                check(case.model, inputs, outputs, case.rtol, case.atol)
        except (AssertionError, ValueError, TypeError) as error:
            if case.name not in EXCLUDED:
                wrong.append(f"{case.name}: {error}")
        else:
            if case.name in EXCLUDED:
                wrong.append(f"{case.name} is excluded, and passes")
    assert not wrong, "\n".join(wrong)


def test_every_exclusion_is_a_case():
    names = {case.name for operator in OPERATORS for case in node_cases()[operator]}
    assert set(EXCLUDED) <= names


def stored(folder: Path, kind: str) -> list[np.ndarray]:
    files = sorted(folder.glob(f"{kind}_*.pb"), key=lambda p: int(p.stem.rpartition("_")[2]))
    return [numpy_helper.to_array(onnx.load_tensor(str(p))) for p in files]


# Of text and of sequences, which are no tensors; the gradient of a part of the graph as a node of it.
REFUSED = ("test_strnorm", "test_sequence", "test_gradient_of")


@pytest.mark.parametrize("kind", ["pytorch-converted", "pytorch-operator", "simple"])
def test_models_that_come_with_onnx(kind):
    folders = sorted(p for p in (DATA / kind).iterdir() if p.is_dir())
    assert folders
    for folder in folders:
        model = onnx.load(folder / "model.onnx")
        if folder.name.startswith(REFUSED):
            assert not backend.is_compatible(model), folder.name
            continue
        for data in folder.glob("test_data_set_*"):
            check(model, stored(data, "input"), stored(data, "output"))


@pytest.mark.parametrize("path", sorted((DATA / "light").glob("*.onnx")), ids=lambda p: p.stem)
def test_networks_of_one_value(path):
    """Well-known networks with constant weights: every branch and shape of them, if not their numbers."""
    model = onnx.load(path)
    given = {t.name for t in model.graph.initializer}
    (value,) = (v for v in model.graph.input if v.name not in given)
    shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
    x = (np.arange(np.prod(shape), dtype=np.float32) / np.prod(shape)).reshape(shape)
    wanted = numpy_helper.to_array(onnx.load_tensor(str(path.with_name(path.stem + "_output_0.pb"))))
    np.testing.assert_allclose(backend.run_model(model, [x])[0], wanted, rtol=1e-3, atol=1e-7)


def test_a_node_by_itself():
    node = onnx.helper.make_node("Add", ["a", "b"], ["c"])
    (y,) = backend.run_node(node, [np.ones(3, np.float32), np.ones(3, np.float32)])
    assert y.tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match=r"run_node: expected 2 inputs, \['a', 'b'\], got 1"):
        backend.run_node(node, [np.ones(3, np.float32)])
    assert backend.supports_device("CPU")
    assert not backend.supports_device("CUDA:0")
    with pytest.raises(ValueError, match="device is 'CUDA', only 'CPU' is supported"):
        backend.prepare(onnx.ModelProto(), "CUDA")
    assert isinstance(backend.BackendRep, type)
    assert lamina.onnx.backend is backend


@pytest.mark.parametrize("element", [onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16])
def test_short_floats_come_in_every_way(element):
    dtype = onnx.helper.tensor_dtype_to_np_dtype(element)
    value = onnx.helper.make_tensor_value_info("x", element, [2])
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "g", [value], [onnx.helper.make_tensor_value_info("y", element, [2])])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    x = np.array([-1, 2]).astype(dtype)
    for inputs in (x, [x], {"x": x}):
        (y,) = backend.run_model(model, inputs)
        assert y.dtype == dtype
        assert y.tolist() == [0, 2]
    assert backend.run_node(node, [x])[0].tolist() == [0, 2]
