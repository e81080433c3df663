"""lamina.onnx.load: what becomes of a file, and what is said of one that cannot be read."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import TensorProto, helper, numpy_helper

import lamina
from lamina import layers
from lamina.export import to_onnx

RNG = np.random.default_rng(0)


def parsed(body: str, head: str = '<ir_version: 8, opset_import: ["" : 17]>') -> onnx.ModelProto:
    return onnx.parser.parse_model(f"{head} {body}")


def with_weights(model: onnx.ModelProto, **weights: np.ndarray) -> onnx.ModelProto:
    """The model, in which these inputs of nodes are initializers."""
    for name, value in weights.items():
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    return model


@pytest.fixture(scope="module")
def network() -> onnx.ModelProto:
    """A convolution, batch normalization, pooling and a dense layer."""
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
            helper.make_node("BatchNormalization", ["c", "scale", "shift", "mean", "var"], ["n"]),
            helper.make_node("Relu", ["n"], ["r"]),
            helper.make_node("GlobalAveragePool", ["r"], ["p"]),
            helper.make_node("Flatten", ["p"], ["f"]),
            helper.make_node("Gemm", ["f", "dense.weight", "dense.bias"], ["y"], transB=1),
        ],
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, None, None])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    shapes = {"w": (4, 3, 3, 3), "b": (4,), "scale": (4,), "shift": (4,), "mean": (4,), "dense.weight": (2, 4)}
    weights = {k: RNG.standard_normal(s).astype(np.float32) for k, s in shapes.items()}
    return with_weights(model, **weights, var=np.ones(4, np.float32) * 2, **{"dense.bias": np.zeros(2, np.float32)})


X = RNG.standard_normal((4, 3, 8, 8)).astype(np.float32)


def reference(model: onnx.ModelProto, *inputs: np.ndarray) -> np.ndarray:
    from onnx.reference import ReferenceEvaluator

    names = [v.name for v in model.graph.input]
    return ReferenceEvaluator(model).run(None, dict(zip(names, inputs, strict=True)))[0]


@pytest.mark.parametrize("optimize", [True, False])
def test_predicts_what_the_reference_does(network, optimize):
    model = lamina.onnx.load(network, optimize=optimize)
    np.testing.assert_allclose(model.predict(X, verbose=0), reference(network, X), rtol=1e-4, atol=1e-5)


def test_is_a_model_like_any_other(network, tmp_path):
    model = lamina.onnx.load(network)
    step = lamina.capture(model)
    np.testing.assert_array_equal(step(X).numpy(), model(X).numpy())
    np.testing.assert_array_equal(step(X).numpy(), model(X).numpy())

    model.compile("adam", "mean_squared_error")
    losses = model.fit(X, np.ones((4, 2)), epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0]

    model.save(tmp_path / "m.lamina")
    loaded = lamina.load_model(tmp_path / "m.lamina")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    assert [w.name for w in loaded.weights] == [w.name for w in model.weights]

    for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(copied.predict(X, verbose=0), model.predict(X, verbose=0))

    images = lamina.Input((3, None, None))
    larger = lamina.Model(images, lamina.layers.Dense(5)(loaded(images)))
    assert larger.predict(X, verbose=0).shape == (4, 5)
    larger.save(tmp_path / "larger.lamina")
    again = lamina.load_model(tmp_path / "larger.lamina")
    np.testing.assert_array_equal(again.predict(X, verbose=0), larger.predict(X, verbose=0))


def test_statistics_are_not_trained(network):
    model = lamina.onnx.load(network, optimize=False)
    trained = {w.name for w in model.trainable_weights}
    assert trained == {"w", "b", "scale", "shift", "dense.weight", "dense.bias"}
    assert {w.name for w in model.non_trainable_weights} == {"mean", "var"}


@pytest.mark.parametrize("optimize", [True, False])
def test_statistics_behind_other_nodes_are_not_trained(optimize):
    model = lamina.onnx.load(parsed("""g (float[N, 2] x) => (float[N, 2] y)
        <float[2] scale = {1, 2}, float[2] shift = {0, 1}, float[2] mean = {3, 4}, float[2] var = {1, 2}> {
        r = Relu (x)
        m = Identity (mean)
        v = Cast <to = 1> (var)
        y = BatchNormalization (r, scale, shift, m, v)
    }"""), optimize=optimize)  # fmt: skip
    assert {w.name for w in model.trainable_weights} == {"scale", "shift"}
    assert {w.name for w in model.non_trainable_weights} == {"mean", "var"}


def test_a_file_of_a_model_is_known_without_an_import_of_the_package(network, tmp_path, python):
    lamina.onnx.load(network).save(tmp_path / "m.lamina")
    assert python("import lamina; print(type(lamina.load_model('m.lamina')).__name__)") == "ONNXModel"


def test_everything_unsupported_is_listed():
    model = parsed("""g (float[N] x) => (float[N] y, float[N] z) {
        y = Elsewhere <a = 1> (x)
        z = Gelu <approximate = "cubic"> (x)
    }""", '<ir_version: 8, opset_import: ["" : 20]>')  # fmt: skip
    with pytest.raises(ValueError, match="cannot be computed") as error:
        lamina.onnx.load(model)
    assert "Elsewhere node 'y': there is no such operator here" in str(error.value)
    assert "Gelu node 'z': approximate='cubic' is not supported, only 'none', 'tanh'" in str(error.value)


def test_quantized_operators_are_refused():
    model = parsed("""g (float[N] x) => (uint8[N] y, float s, uint8 z) { y, s, z = DynamicQuantizeLinear (x) }""")
    with pytest.raises(ValueError, match="DynamicQuantizeLinear node 'y': quantized operators are not computed"):
        lamina.onnx.load(model)


def test_an_exported_model_comes_back(network, tmp_path):
    model = lamina.onnx.load(network)
    model.export(tmp_path / "m.onnx")
    again = lamina.onnx.load(tmp_path / "m.onnx")
    np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(X, verbose=0), atol=1e-5)


def test_an_attribute_that_nobody_reads_is_refused():
    model = parsed("g (float[N] x) => (float[N] y) { y = Relu <slope = 0.5> (x) }")
    with pytest.raises(ValueError, match="Relu node 'y': its attribute 'slope' is not known"):
        lamina.onnx.load(model)


BRANCHES = """g (float[N] x, int64 rate) => (float[N] y) {
    wanted = Constant <value = int64 {16000}> ()
    same = Equal(rate, wanted)
    y = If (same) <
        then_branch = a () => (float[N] p) { p = Add(x, x) },
        else_branch = b () => (float[N] q) { q = Mul(x, x) }
    >
}"""


@pytest.mark.parametrize(("rate", "result"), [(16000, 6.0), (8000, 9.0)])
def test_a_branch_is_taken_where_the_condition_is_constant(rate, result, tmp_path):
    model = lamina.onnx.load(parsed(BRANCHES), constants={"rate": rate})
    assert model(np.full(2, 3.0, np.float32)).tolist() == [result] * 2
    model.save(tmp_path / "m.lamina")
    assert lamina.load_model(tmp_path / "m.lamina")(np.full(2, 3.0, np.float32)).tolist() == [result] * 2


def test_constants_are_checked():
    with pytest.raises(ValueError, match="constants has 'speed', which is no input; inputs are x, rate"):
        lamina.onnx.load(parsed(BRANCHES), constants={"speed": 1})
    two = parsed("g (float[N, 2] x, float[N, 2] z) => (float[N, 2] y) { y = Add (x, z) }")
    with pytest.raises(ValueError, match=r"constants\['z'\] is \(1, 2, 2\), expected \(None, 2\)"):
        lamina.onnx.load(two, constants={"z": np.zeros((1, 2, 2))})


def test_a_graph_without_inputs():
    model = lamina.onnx.load(parsed("g () => (float[2] y) <float[2] w = {1.0, -1.0}> { y = Relu (w) }"))
    for inputs in ([], {}):
        assert model(inputs).numpy().tolist() == [1.0, 0.0]


def test_inputs_are_checked(network):
    model = lamina.onnx.load(network)
    with pytest.raises(ValueError, match=r"input 'x' is \(1, 4, 8, 8\), expected \(None, 3, None, None\)"):
        model(np.zeros((1, 4, 8, 8), np.float32))
    with pytest.raises(ValueError, match="expected 1 inputs, \\['x'\\], got 2"):
        model([X, X])
    with pytest.raises(ValueError, match="expected inputs \\['x'\\], got \\['y'\\]"):
        model({"y": X})


def test_what_is_no_file_of_onnx_is_named(tmp_path, network):
    path = tmp_path / "m.onnx"
    with pytest.raises(FileNotFoundError, match=r"m.onnx: no such file"):
        lamina.onnx.load(path)
    path.write_bytes(b"this is text")
    with pytest.raises(ValueError, match=r"m.onnx: no ONNX file"):
        lamina.onnx.load(path)
    path.write_bytes(network.SerializeToString()[:-40])
    with pytest.raises(ValueError, match=r"m.onnx: no ONNX file, or cut short"):
        lamina.onnx.load(path)
    model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
    model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m.lamina")
    model.save_weights(tmp_path / "m.weights.h5")
    lamina.torch.save_state_dict(model, tmp_path / "m.pt")
    for name, told in (
        ("m.keras", "a Keras file"), ("m.lamina", "a safetensors file"), ("m.weights.h5", "an HDF5 file"),
        ("m.pt", "a file of PyTorch"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=rf"{name}: no ONNX file, but {told}"):
            lamina.onnx.load(tmp_path / name)
    begin, _, rest = (tmp_path / "m.pt").read_bytes().partition(b"PK\1\2")
    with pytest.raises(ValueError, match="no ONNX file, but a zip file: it is no whole zip file"):
        lamina.onnx.load(begin + b"PK\1\2" + rest[:2] + b"\x63\0" + rest[4:])  # of a version that nobody reads
    with pytest.raises(TypeError, match=r"expected a path, bytes or an onnx.ModelProto, got int"):
        lamina.onnx.load(3)


def test_external_data_stands_below_the_folder_of_the_model(tmp_path):
    model = with_weights(parsed("g (float[N] x) => (float[N] y) { y = Add(x, w) }"), w=np.arange(4, dtype=np.float32))
    (tmp_path / "m").mkdir()
    onnx.save(model, tmp_path / "m" / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    good = lamina.onnx.load(tmp_path / "m" / "m.onnx")
    assert good(np.zeros(4, np.float32)).tolist() == [0, 1, 2, 3]
    bad = onnx.load(tmp_path / "m" / "m.onnx", load_external_data=False)
    entry = next(e for e in bad.graph.initializer[0].external_data if e.key == "location")
    entry.value = "../w.bin"
    (tmp_path / "w.bin").write_bytes((tmp_path / "m" / "w.bin").read_bytes())
    (tmp_path / "m" / "bad.onnx").write_bytes(bad.SerializeToString())
    with pytest.raises(ValueError, match=r"tensor 'w' stands in '../w.bin', which is outside of the model's folder"):
        lamina.onnx.load(tmp_path / "m" / "bad.onnx")
    (tmp_path / "m" / "w.bin").write_bytes(b"\0" * 8)
    with pytest.raises(ValueError, match=r"tensor 'w' of 16 bytes does not stand in 'w.bin'"):
        lamina.onnx.load(tmp_path / "m" / "m.onnx")


def test_sizes_are_checked_before_memory_is_asked_for():
    model = with_weights(parsed("g (float[N] x) => (float[N] y) { y = Add(x, w) }"), w=np.arange(4, dtype=np.float32))
    model.graph.initializer[0].dims[0] = 1 << 39
    with pytest.raises(ValueError, match=r"tensor 'w' of shape"):
        lamina.onnx.load(model)


def test_summary_lists_nodes(capsys):
    inputs = lamina.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    model = lamina.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    again = lamina.onnx.load(to_onnx(model, verify=False))
    again.summary(show_trainable=True)
    text = capsys.readouterr().out
    rows = [line.split("│")[1:-1] for line in text.splitlines() if line.startswith("│")]
    found = {row[0].strip().rpartition(" ")[2]: (row[2].strip(), row[3].strip()) for row in rows}
    assert found["(Conv)"] == (str(3 * 3 * 3 * 4 + 4), "Y")
    assert found["(GlobalAveragePool)"] == ("0", "-")
    assert sum(int(row[2]) for row in rows) == model.count_params()
    assert f"Total params: {model.count_params()}" in text
    assert "Layers:" not in text
