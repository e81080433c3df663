"""Attributes that a node leaves out have the defaults of ONNX's schemas, in each version of each operator."""

from __future__ import annotations

import contextlib

import numpy as np
import onnx
import onnx.parser
import pytest

import lamina.onnx
from lamina.onnx import registry
from lamina.onnx.graph import Node
from lamina.onnx.registry import Call, Unsupported

# What has another default, or the same in other words: a model that is read predicts unless it says otherwise.
OTHERWISE = {
    ("BatchNormalization", "is_test"), ("Dropout", "is_test"), ("Clip", "min"), ("Clip", "max"), ("RNN", "activations"),
    ("GRU", "direction"),
}  # fmt: skip
FILLED = {
    onnx.AttributeProto.INT: 1, onnx.AttributeProto.FLOAT: 1.0, onnx.AttributeProto.INTS: [1, 1],
    onnx.AttributeProto.FLOATS: [1.0, 1.0], onnx.AttributeProto.STRING: "linear",
}  # fmt: skip


class Watched(Call):
    """A call that keeps what it is asked for."""

    asked: dict[str, object]

    def get(self, name, default=None):
        self.__dict__.setdefault("asked", {})[name] = default
        return super().get(name, default)


def of(schema):
    """(kind, the attributes that are asked for, and their defaults) of what computes a schema's operator."""
    required = {name: FILLED.get(int(a.type.value), 1) for name, a in schema.attributes.items() if a.required}
    names = [f"x{i}" for i in range(max(schema.min_input, 1))]
    node = Node(schema.name, names, ["y"], required, domain=schema.domain, version=schema.since_version)
    makers = [("tensors", registry.find(node))]
    arrays = [m for m in registry._of_arrays.get(schema.name, ()) if not schema.domain and m[0] <= schema.since_version]
    makers = [(kind, found.make) for kind, found in makers if found is not None]
    makers += [("arrays", max(arrays, key=lambda m: m[0])[1])] if arrays else []
    for kind, make in makers:
        call = Watched(node, {name: np.ones(1, np.int64) for name in names})
        with contextlib.suppress(Unsupported, ValueError, TypeError, IndexError):  # it may need more of a node
            make(call)
        yield kind, getattr(call, "asked", {})


def plain(value):
    if isinstance(value, bytes):
        return value.decode()
    return list(value) if isinstance(value, (list, tuple)) else value


def test_defaults_are_those_of_the_schemas():
    compared, wrong = 0, []
    for schema in onnx.defs.get_all_schemas_with_history():
        if (schema.domain, schema.name) not in registry._operators:
            continue
        for kind, asked in of(schema):
            for name, default in asked.items():
                attribute = schema.attributes.get(name)
                if attribute is None or not attribute.default_value.type or (schema.name, name) in OTHERWISE:
                    continue
                want = plain(onnx.helper.get_attribute_value(attribute.default_value))
                got = plain(default)
                compared += 1
                if got != (pytest.approx(want, rel=1e-6) if isinstance(want, float) else want):
                    wrong.append((schema.name, schema.since_version, kind, name, got, want))
    assert not wrong
    assert compared > 400


def run(body, opset, x):
    model = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : {opset}]> {body}')
    return lamina.onnx.load(model.SerializeToString())(x)


X = np.random.default_rng(0).uniform(0.5, 2, (2, 3, 4, 1)).astype(np.float32)
SHORT = "g (float[2, 3, 4, 1] x) => (float[A, B, C, D] y)"


@pytest.mark.parametrize("opset", [17, 20])
def test_axis_of_dft(opset):
    """The first axis behind the batch at first, later the last one before the complex pairs."""
    y = run(f"{SHORT} {{ y = DFT (x) }}", opset, X)
    want = np.fft.fft(X[..., 0], axis=1 if opset < 20 else 2)
    np.testing.assert_allclose(y, np.stack([want.real, want.imag], -1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("exponent", [-1.0, -0.751, -0.5, -0.249, 0.5, 0.751, 1.0, 1.501, 2.0, 3.0, 3.001, 4.501])
def test_powers(exponent):
    body = f"{SHORT} {{ n = Constant <value_float = {exponent}> () y = Pow (x, n) }}"
    np.testing.assert_allclose(run(body, 17, X), X**exponent, rtol=1e-5)


def test_powers_of_several_exponents():
    body = f"{SHORT} {{ n = Constant <value_floats = [1.0, 2.0, 0.5, 3.5]> () m = Constant <value_ints = [4, 1]> ()"
    y = run(f"{body} n2 = Reshape (n, m) y = Pow (x, n2) }}", 17, X)
    np.testing.assert_allclose(y, X ** np.float32([1, 2, 0.5, 3.5])[:, None], rtol=1e-5)


@pytest.mark.parametrize("kind", ["", "m", "d", "m d"])
def test_further_results_of_layer_normalization(kind):
    """Any of them may be left out."""
    outputs = ["y", *(name if name in kind.split() else "" for name in ("m", "d"))]
    float32 = onnx.TensorProto.FLOAT
    value = onnx.helper.make_tensor_value_info
    given = [value("x", float32, X.shape), value("s", float32, [4, 1])]
    results = [value(name, float32, None) for name in outputs if name]
    node = onnx.helper.make_node("LayerNormalization", ["x", "s"], outputs, axis=2, epsilon=0.1)
    graph = onnx.helper.make_graph([node], "g", given, results)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10)
    found = lamina.onnx.load(model.SerializeToString())([X, X[0, 0] + 1])
    mean, variance = X.mean((2, 3), keepdims=True), X.var((2, 3), keepdims=True)
    wanted = {"y": (X - mean) / np.sqrt(variance + 0.1) * (X[0, 0] + 1), "m": mean, "d": 1 / np.sqrt(variance + 0.1)}
    found = found if isinstance(found, (list, tuple)) else [found]
    for name, y in zip(filter(None, outputs), found, strict=True):
        np.testing.assert_allclose(y, wanted[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bias", [(4,), (2, 1), ()])
@pytest.mark.parametrize("alpha", [0.0, 1.0, 1.501])
@pytest.mark.parametrize("beta", [0.0, 0.001, 1.0, 1.501])
def test_factors_of_gemm(alpha, beta, bias):
    x, c = X[0, :2, :, 0], np.ones(bias, np.float32)
    node = onnx.helper.make_node("Gemm", ["x", "x2", "c"], ["y"], alpha=alpha, beta=beta, transB=1)
    value = onnx.helper.make_tensor_value_info
    given = [value("x", 1, x.shape), value("x2", 1, (4, 4)), value("c", 1, bias)]
    graph = onnx.helper.make_graph([node], "g", given, [value("y", 1, None)])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10)
    w = np.random.default_rng(1).standard_normal((4, 4)).astype(np.float32)
    y = lamina.onnx.load(model.SerializeToString())([x, w, c])
    np.testing.assert_allclose(y, alpha * (x @ w.T) + beta * c, rtol=1e-5, atol=1e-5)


def test_numbers_that_say_how_are_no_weights():
    """Scales, regions and the two values of OneHot, where they are initializers of floats."""
    image = onnx.helper.make_tensor_value_info("x", 1, (1, 2, 4, 4))
    places = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.INT64, (3,))
    wide = np.array([1, 1, 2, 2], np.float32)
    for version, given, inputs, options, values in (
        (13, image, ["x", "", "a"], {"mode": "nearest"}, {"a": wide}),
        (13, image, ["x", "b", "a"], {"coordinate_transformation_mode": "tf_crop_and_resize", "mode": "linear"},
         {"a": wide, "b": np.array([0, 0, 0, 0, 1, 1, 0.5, 0.5], np.float32)}),
        (9, image, ["x", "a"], {"mode": "nearest"}, {"a": wide}),
        (13, places, ["x", "n", "a"], {}, {"a": np.float32([0.5, 2]), "n": np.int64(4)}),
    ):  # fmt: skip
        name = "OneHot" if given is places else "Resize" if version > 9 else "Upsample"
        node = onnx.helper.make_node(name, inputs, ["y"], **options)
        known = [onnx.numpy_helper.from_array(np.asarray(v), n) for n, v in values.items()]
        graph = onnx.helper.make_graph([node], "g", [given], [onnx.helper.make_tensor_value_info("y", 1, None)], known)
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", version)], ir_version=8)
        assert lamina.onnx.load(model.SerializeToString()).weights == []


@pytest.mark.parametrize("scale", [(4, 1), (1,), (4, 4)])
@pytest.mark.parametrize("bias", [(4, 1), (1,), (4, 4)])
def test_factors_and_summands_of_layer_normalization_spread(scale, bias):
    """Of a normalization over (4, 4) they may have fewer numbers."""
    rng = np.random.default_rng(0)
    x, s, b = (rng.standard_normal(n).astype(np.float32) for n in ((2, 3, 4, 4), scale, bias))
    node = onnx.helper.make_node("LayerNormalization", ["x", "s", "b"], ["y"], axis=2)
    value = onnx.helper.make_tensor_value_info
    given = [value(name, 1, v.shape) for name, v in (("x", x), ("s", s), ("b", b))]
    graph = onnx.helper.make_graph([node], "g", given, [value("y", 1, None)])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10)
    want = (x - x.mean((2, 3), keepdims=True)) / np.sqrt(x.var((2, 3), keepdims=True) + 1e-5) * s + b
    np.testing.assert_allclose(lamina.onnx.load(model.SerializeToString())([x, s, b]), want, rtol=1e-4, atol=1e-5)


def loaded(name, version, given, **options):
    """What a model of one node gives."""
    names = [f"x{i}" if v is not None else "" for i, v in enumerate(given)]
    arrays = {n: np.asarray(v) for n, v in zip(names, given, strict=True) if n}
    value = onnx.helper.make_tensor_value_info
    first = value("x0", onnx.helper.np_dtype_to_tensor_dtype(arrays["x0"].dtype), arrays["x0"].shape)
    known = [onnx.numpy_helper.from_array(v, n) for n, v in arrays.items() if n != "x0"]
    node = onnx.helper.make_node(name, names, ["y"], **options)
    graph = onnx.helper.make_graph([node], "g", [first], [value("y", 1, None)], known)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", version)], ir_version=8)
    return lamina.onnx.load(model.SerializeToString())(arrays["x0"]).numpy()


def test_forms_of_older_and_newer_versions():
    x = X[0]  # (3, 4, 1)
    padded = loaded("Pad", 13, [x, np.int64([0, -1, 1, -1, -2, 0])])
    np.testing.assert_array_equal(padded, np.pad(x[:2, 1:2], ((0, 0), (0, 0), (1, 0))))
    np.testing.assert_array_equal(loaded("Tile", 1, [x, np.float32(2), np.float32(1)]), np.concatenate([x, x], 1))
    wide = X[:, :, :, :, None].reshape(2, 3, 4)
    four = np.concatenate([wide, 2 * wide[:, :1]], 1)
    scale, shift = np.float32([2, 3]), np.float32([0.5, -1])
    grouped = four.reshape(2, 2, -1)
    mean, deviation = grouped.mean(-1, keepdims=True), np.sqrt(grouped.var(-1, keepdims=True) + 1e-5)
    want = ((grouped - mean) / deviation).reshape(four.shape)
    each = loaded("GroupNormalization", 18, [four, scale, shift], num_groups=2)
    np.testing.assert_allclose(each, want * scale.repeat(2)[:, None] + shift.repeat(2)[:, None], rtol=1e-4, atol=1e-5)
    scale, shift = np.float32([1, 2, 3, 4]), np.float32([0, 1, 2, 3])
    each = loaded("GroupNormalization", 21, [four, scale, shift], num_groups=2)
    np.testing.assert_allclose(each, want * scale[:, None] + shift[:, None], rtol=1e-4, atol=1e-5)
    image = X[:, :, :, 0][:, None]
    twice = loaded("Upsample", 7, [image], mode="nearest", scales=[1.0, 1.0, 2.0, 3.0])
    np.testing.assert_array_equal(twice, image.repeat(2, 2).repeat(3, 3))


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("activations", [["Sigmoid", "Tanh"], ["HardSigmoid", "Relu"]])
def test_reset_of_a_gru(before, activations):
    """Before or behind the product with the state."""
    rng = np.random.default_rng(0)
    x, w, r, b = (0.5 * rng.standard_normal(n).astype(np.float32) for n in ((3, 2, 4), (1, 15, 4), (1, 15, 5), (1, 30)))
    gate = (lambda v: 1 / (1 + np.exp(-v))) if activations[0] == "Sigmoid" else (lambda v: np.clip(0.2 * v + 0.5, 0, 1))
    new = np.tanh if activations[1] == "Tanh" else (lambda v: np.maximum(v, 0))
    h, wanted = np.zeros((2, 5), np.float32), []
    (wz, wr, wh), (rz, rr, rh) = np.split(w[0], 3), np.split(r[0], 3)
    bz, br, bh, cz, cr, ch = np.split(b[0], 6)
    for t in x:
        z, s = gate(t @ wz.T + h @ rz.T + bz + cz), gate(t @ wr.T + h @ rr.T + br + cr)
        inner = s * (h @ rh.T + ch) if before else (s * h) @ rh.T + ch
        h = (1 - z) * new(t @ wh.T + inner + bh) + z * h
        wanted.append(h)
    found = loaded("GRU", 14, [x, w, r, b], hidden_size=5, linear_before_reset=before, activations=activations)
    np.testing.assert_allclose(found[:, 0], np.stack(wanted), rtol=1e-4, atol=1e-5)
