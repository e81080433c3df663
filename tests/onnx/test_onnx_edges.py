"""Edges of operators and of reading, against ONNX's reference: steps of optimizers, crops, cuts, places in files."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import lamina

RNG = np.random.default_rng(5)


def array(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def of_node(node, inputs, outputs, opset=17, extra=()):
    """A model of one node; ``inputs`` by name, whose sizes are free."""
    kinds = {name: helper.np_dtype_to_tensor_dtype(x.dtype) for name, x in inputs.items()}
    given = [helper.make_tensor_value_info(n, kinds[n], [f"{n}{i}" for i in range(inputs[n].ndim)]) for n in inputs]
    results = [helper.make_tensor_value_info(n, kind, None) for n, kind in outputs.items()]
    sets = [helper.make_opsetid("", opset), *extra]
    return helper.make_model(helper.make_graph([node], "g", given, results), opset_imports=sets, ir_version=8)


def compare(model, inputs, rtol=1e-5):
    """Lamina's results are the reference's."""
    wanted = ReferenceEvaluator(model).run(None, inputs)
    found = lamina.onnx.load(model)(inputs)
    for a, b in zip(found if isinstance(found, (list, tuple)) else [found], wanted, strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=rtol, atol=1e-6)


TRAINING = helper.make_opsetid("ai.onnx.preview.training", 1)


@pytest.mark.parametrize("step", [0, 1, 3])
@pytest.mark.parametrize(
    ("op", "slots", "attributes"),
    [
        ("Adagrad", 1, {}),
        ("Adagrad", 1, {"norm_coefficient": 0.3, "decay_factor": 0.2, "epsilon": 0.1}),
        ("Momentum", 1, {"alpha": 0.7, "beta": 0.4, "norm_coefficient": 0.2, "mode": "standard"}),
        ("Momentum", 1, {"alpha": 0.7, "beta": 0.4, "norm_coefficient": 0.0, "mode": "nesterov"}),
        ("Adam", 2, {}),
        ("Adam", 2, {"alpha": 0.8, "beta": 0.7, "epsilon": 0.1, "norm_coefficient": 0.3}),
        ("Adam", 2, {"norm_coefficient_post": 0.2}),
    ],
)
def test_steps_of_optimizers(op, slots, attributes, step):
    names = ["x", "g", "v", "h"][: 2 + slots]
    inputs = {"r": np.array(0.1, np.float32), "t": np.array(step), **{n: array(3, 2) for n in names}}
    inputs |= {n: np.abs(inputs[n]) for n in "vh"[:slots]}
    results = ["x1", "v1", "h1"][: 1 + slots]
    node = helper.make_node(op, list(inputs), results, domain=TRAINING.domain, **attributes)
    model = of_node(node, inputs, dict.fromkeys(results, onnx.TensorProto.FLOAT), extra=[TRAINING])
    compare(model, inputs)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("ends", [(0.0, 1.0), (0.2, 0.7), (-0.5, 1.25), (0.6, 0.6)])
def test_crops_that_are_resized(size, mode, ends):
    x = array(1, 1, 4, 5)
    roi = np.array([0, 0, ends[0], 0.25, 1, 1, ends[1], 0.75], np.float32)
    constants = [
        helper.make_node("Constant", [], ["roi"], value=numpy_helper.from_array(roi)),
        helper.make_node("Constant", [], ["sizes"], value=numpy_helper.from_array(np.array([1, 1, size, 3]))),
    ]
    node = helper.make_node(
        "Resize", ["x", "roi", "", "sizes"], ["y"], mode=mode, extrapolation_value=7.0,
        coordinate_transformation_mode="tf_crop_and_resize",
    )  # fmt: skip
    model = of_node(node, {"x": x}, {"y": onnx.TensorProto.FLOAT})
    model.graph.node.insert(0, constants[1])
    model.graph.node.insert(0, constants[0])
    compare(model, {"x": x}, rtol=1e-4)


def test_resizing_of_old_files_has_its_factors_second():
    x = array(1, 2, 3, 4)
    model = onnx.parser.parse_model("""<ir_version: 5, opset_import: ["" : 10]>
        g (float[1, 2, 3, 4] x) => (float[1, 2, 6, 12] y) {
        f = Constant <value = float[4] {1.0, 1.0, 2.0, 3.0}> () y = Resize <mode = "nearest"> (x, f) }""")
    np.testing.assert_array_equal(lamina.onnx.load(model)(x).numpy(), x.repeat(2, 2).repeat(3, 3))


@pytest.mark.parametrize(
    ("start", "end", "step"),
    [(-9, -9, -1), (-6, -9, -1), (-5, -9, -1), (-5, -9, -2), (9, -9, -1), (4, -9, -1), (5, 2, -1), (9, 9, 1),
     (-9, 9, 2), (-9, -3, 1), (0, -1, 1), (3, 0, -3), (3, -5, -1), (3, -6, -1), (0, -9, -1), (5, 9, 1), (4, 9, 1)],
)  # fmt: skip
def test_slices_are_numpys(start, end, step):
    x = np.arange(10, dtype=np.float32).reshape(5, 2)
    model = onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]> g (float[N, M] x) => (float[K, M] y) {{
        a = Constant <value = int64[1] {{{start}}}> () b = Constant <value = int64[1] {{{end}}}> ()
        c = Constant <value = int64[1] {{0}}> () d = Constant <value = int64[1] {{{step}}}> ()
        y = Slice (x, a, b, c, d) }}""")
    np.testing.assert_array_equal(lamina.onnx.load(model)(x).numpy(), x[start:end:step])


@pytest.mark.parametrize("length", [3, 4, 5, 6, 7])
@pytest.mark.parametrize("inverse", [0, 1])
def test_transforms_of_another_length(length, inverse):
    x = array(2, 5, 2)
    body = f"n = Constant <value = int64 {{{length}}}> () y = DFT <axis = 1, inverse = {inverse}> (x, n)"
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 17]> g (float[N, M, 2] x) => (float[N, K, 2] y) {{ {body} }}'
    )
    values = x[..., 0].astype(np.float64) + 1j * x[..., 1]
    wanted = (np.fft.ifft if inverse else np.fft.fft)(values, length, axis=1)
    found = lamina.onnx.load(model)(x).numpy()
    np.testing.assert_allclose(found, np.stack([wanted.real, wanted.imag], -1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
@pytest.mark.parametrize("computed", [False, True])
def test_elements_at_places_that_are_computed(axis, reduction, computed):
    x, updates = array(3, 4), array(2, 3)
    at = np.array([[0, -1, 1], [2, 0, 0]] if axis in (0, -2) else [[0, -1, 1], [2, 3, 0]])
    names = ["x", "at", "updates"]
    node = helper.make_node("ScatterElements", ["x", "twice", "updates"], ["y"], axis=axis, reduction=reduction)
    given = dict(zip(names, (x, at, updates), strict=True))
    model = of_node(node, given, {"y": onnx.TensorProto.FLOAT}, 18)
    model.graph.node.insert(0, helper.make_node("Identity" if not computed else "Abs", ["at"], ["twice"]))
    compare(model, given)


def test_elements_at_constant_places():
    x, updates = array(3, 4), array(1, 2)
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 18]>
        g (float[3, 4] x, float[1, 2] updates) => (float[3, 4] y) {
        at = Constant <value = int64[1, 2] {2, -3}> () y = ScatterElements <axis = 1> (x, at, updates) }""")
    compare(model, {"x": x, "updates": updates})


def test_types_of_inputs():
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> g (int64[N] i, float[N] x, bool[N] b) => (float[N] y) '
        "{ a = Cast <to = 1> (i) c = Cast <to = 1> (b) d = Add (a, x) y = Add (c, d) }"
    )
    loaded = lamina.onnx.load(model)
    i, x, b = np.array([1, 2]), np.array([0.5, 0.25], np.float32), np.array([True, False])
    for given in ([i, x, b], [i.astype(np.int32), x.astype(np.float64), b.astype(np.int64)], [i, i, b], [b, x, b]):
        found = loaded(given).numpy()
        np.testing.assert_array_equal(found, np.float32(given[0]) + np.float32(given[1]) + np.float32(given[2]))
    with pytest.raises(TypeError, match="input 'i' must be of type int64, got float32"):
        loaded([x, x, b])
    with pytest.raises(TypeError, match="input 'b' must be of type bool, got float32"):
        loaded([i, x, x])


def test_one_number_is_a_constant_of_any_number_of_axes():
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> '
        "g (float[N, 2] x, float[1, 1] z) => (float[N, 2] y) { y = Add (x, z) }"
    )
    x = array(3, 2)
    for z in (2.0, [2.0], [[2.0]], [[[2.0]]]):
        np.testing.assert_array_equal(lamina.onnx.load(model, constants={"z": z})(x).numpy(), x + 2)
    with pytest.raises(ValueError, match=r"constants\['z'\] is \(2,\), expected \(1, 1\)"):
        lamina.onnx.load(model, constants={"z": [2.0, 3.0]})


def external(tmp_path, entries, size=32):
    """A model whose weight of four floats stands in a file of so many bytes, at the place that ``entries`` tell."""
    weight = onnx.TensorProto(name="w", data_type=1, dims=[4], data_location=onnx.TensorProto.EXTERNAL)
    for key, value in {"location": "w.bin", **entries}.items():
        weight.external_data.add(key=key, value=str(value))
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[4] x) => (float[4] y) { y = Add (x, w) }'
    )
    model.graph.initializer.append(weight)
    (tmp_path / "w.bin").write_bytes(np.arange(size // 4, dtype="<f4").tobytes())
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    return tmp_path / "m.onnx"


@pytest.mark.parametrize(
    ("entries", "first"),
    [
        ({}, 0),
        ({"offset": 0, "length": 16}, 0),
        ({"offset": 8}, 2),
        ({"offset": 16, "length": 16}, 4),
        ({"length": ""}, 0),
    ],
)
def test_places_in_a_file_beside_the_model(tmp_path, entries, first):
    model = lamina.onnx.load(external(tmp_path, entries))
    np.testing.assert_array_equal(model(np.zeros(4, np.float32)).numpy(), np.arange(first, first + 4))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"offset": 20}, "of 16 bytes does not stand in 'w.bin' at 20, length 16"),
        ({"offset": -4}, "of 16 bytes does not stand in 'w.bin' at -4, length 16"),
        ({"length": 12}, "of 16 bytes does not stand in 'w.bin' at 0, length 12"),
        ({"length": 20}, "of 16 bytes does not stand in 'w.bin' at 0, length 20"),
        ({"offset": "first"}, "has no numbers for its place in 'w.bin'"),
        ({"location": "v.bin"}, "stands in 'v.bin', which is not there"),
        ({"location": ""}, "stands in '', which is outside of the model's folder"),
    ],
)
def test_places_that_are_none(tmp_path, entries, message):
    with pytest.raises(ValueError, match=message):
        lamina.onnx.load(external(tmp_path, entries))


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("y = Relu (x, x)", r"Relu node 'y' has 2 inputs, expected 1 to 1"),
        ("y = Add (x)", r"Add node 'y' has 1 inputs, expected 2 to 2"),
        ("y, z = Relu (x)", r"Relu node 'y' has 2 outputs, expected 1 to 1"),
        ('y = Add ("", x)', r"Add node 'y' lacks one of its first 2 inputs"),
    ],
)
@pytest.mark.parametrize("domain", ["", "ai.onnx"])
def test_counts_of_inputs_and_outputs(node, message, domain):
    left, _, right = node.partition(" = ")
    op, _, names = right.partition(" (")
    names = [n.strip('" ') for n in names.rstrip(")").split(",")]
    made = helper.make_node(op, names, left.split(", "), domain=domain)
    model = of_node(made, {"x": array(3)}, {"y": onnx.TensorProto.FLOAT})
    with pytest.raises(ValueError, match=message):
        lamina.onnx.load(model)


def test_the_domain_of_onnx_has_two_names():
    x = array(3)
    model = of_node(helper.make_node("Abs", ["x"], ["y"], domain="ai.onnx"), {"x": x}, {"y": onnx.TensorProto.FLOAT})
    np.testing.assert_array_equal(lamina.onnx.load(model)(x).numpy(), np.abs(x))


REDUCTIONS = {
    "ReduceL1": lambda x, a, k: np.abs(x).sum(a, keepdims=k),
    "ReduceL2": lambda x, a, k: np.sqrt((x**2).sum(a, keepdims=k)),
    "ReduceLogSum": lambda x, a, k: np.log(x.sum(a, keepdims=k)),
    "ReduceLogSumExp": lambda x, a, k: np.log(np.exp(x).sum(a, keepdims=k)),
    "ReduceMax": lambda x, a, k: x.max(a, keepdims=k),
    "ReduceMean": lambda x, a, k: x.mean(a, keepdims=k),
    "ReduceMin": lambda x, a, k: x.min(a, keepdims=k),
    "ReduceProd": lambda x, a, k: x.prod(a, keepdims=k),
    "ReduceSum": lambda x, a, k: x.sum(a, keepdims=k),
    "ReduceSumSquare": lambda x, a, k: (x**2).sum(a, keepdims=k),
}


@pytest.mark.parametrize("op", REDUCTIONS)
@pytest.mark.parametrize("keep", [0, 1])
def test_axes_are_an_input_from_a_version_on(op, keep):
    """Of ReduceSum from version 13 on, of the others from 18; before they are an attribute."""
    x, first = np.abs(array(2, 3, 4)) + 0.5, 13 if op == "ReduceSum" else 18
    want = REDUCTIONS[op](x.astype(float), (0, 2), bool(keep))
    head = "g (float[2, 3, 4] x) => (float[A, B, C] y)" if keep else "g (float[2, 3, 4] x) => (float[B] y)"
    for version in (first - 1, first, first + 1):
        given = f"y = {op} <axes = [0, 2], keepdims = {keep}> (x)"
        if version >= first:
            given = f"axes = Constant <value = int64[2] {{0, 2}}> () y = {op} <keepdims = {keep}> (x, axes)"
        model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {version}]> {head} {{ {given} }}')
        np.testing.assert_allclose(lamina.onnx.load(model)(x), want, rtol=1e-5)
    body = f'<ir_version: 8, opset_import: ["" : {first}]> {head} {{ y = {op} <axes = [0, 2]> (x) }}'
    with pytest.raises(ValueError, match="its attribute 'axes' is not known"):
        lamina.onnx.load(onnx.parser.parse_model(body))


@pytest.mark.parametrize("center", [0, 1])
@pytest.mark.parametrize("overlap", [0.1, 0.4, 0.7])
def test_boxes_that_overlap_are_left_out(center, overlap):
    """Sides of all lengths, in both forms of a box, as onnxruntime chooses."""
    runtime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(1)
    places, sizes = rng.random((1, 30, 2)), rng.random((1, 30, 2)) * [0.2, 0.6] + 0.05
    boxes = np.concatenate([places, sizes] if center else [places, places + sizes], -1).astype("f4")
    scores = rng.random((1, 2, 30)).astype("f4")
    constants = f"""most = Constant <value = int64[1] {{10}}> () share = Constant <value = float[1] {{{overlap}}}> ()
    least = Constant <value = float[1] {{0.2}}> ()"""
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[N, M, 4] b, float[N, C, M] s) => (int64[K, 3] y) '
        f"{{ {constants} y = NonMaxSuppression <center_point_box = {center}> (b, s, most, share, least) }}"
    )
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (want,) = session.run(None, {"b": boxes, "s": scores})
    assert len(want) > 6
    np.testing.assert_array_equal(lamina.onnx.load(model)([boxes, scores]).numpy(), want)
