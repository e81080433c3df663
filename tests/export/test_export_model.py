"""Model.export: files that onnxruntime runs with the model's own numbers, graphs without detours, and errors."""

from __future__ import annotations

import sys
import threading
from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

import lamina
import lamina.onnx
from lamina import Tensor, layers, ops
from lamina.export import onnx_file, to_onnx
from lamina.export.handlers import HANDLERS


def run(proto, *inputs):
    """What onnxruntime computes."""
    path = proto if isinstance(proto, str) else proto.SerializeToString()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))


def draw(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def kinds(proto):
    return [n.op_type for n in proto.graph.node]


def mlp():
    return lamina.Sequential([lamina.Input((6,)), layers.Dense(5, "relu"), layers.Dropout(0.5), layers.Dense(3)])


def cnn():
    return lamina.Sequential(
        [
            lamina.Input((9, 8, 2)),
            layers.Conv2D(4, 3, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.Conv2D(3, 2, strides=2, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, "softmax"),
        ]
    )


@pytest.mark.parametrize(("make", "shape"), [(mlp, (6,)), (cnn, (9, 8, 2))])
@pytest.mark.parametrize("batch", [1, 5])
def test_a_file_gives_the_models_numbers_at_any_batch_size(make, shape, batch, tmp_path):
    model = make()
    model.export(str(tmp_path / "m.onnx"))
    x = draw(batch, *shape)
    np.testing.assert_allclose(run(str(tmp_path / "m.onnx"), x)[0], model.predict(x, verbose=0), atol=1e-6)


def test_a_dense_layer_is_one_node_and_its_activation_another():
    assert kinds(to_onnx(mlp())) == ["Gemm", "Relu", "Gemm"]


def test_images_are_turned_once():
    wanted = ["Transpose", "Conv", "BatchNormalization", "Relu", "MaxPool", "Conv", "Relu", "GlobalAveragePool"]
    assert kinds(to_onnx(cnn())) == [*wanted, "Reshape", "Gemm", "Softmax"]


def test_a_residual_block_has_no_transposition_inside():
    x = inputs = lamina.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same")(x)
    y = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = layers.Activation("gelu")(layers.Add()([x, y]) * 0.5)
    x = layers.Concatenate()([x, y])
    model = lamina.Model(inputs, layers.Conv2D(2, 1)(x))
    assert Counter(kinds(to_onnx(model)))["Transpose"] == 2


def test_weights_are_constants_under_the_keys_of_the_state():
    model = mlp()
    constants = {c.name: onnx.numpy_helper.to_array(c) for c in to_onnx(model).graph.initializer}
    assert constants.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(constants[name], value)


def test_time_may_be_free():
    model = lamina.Sequential([lamina.Input((None, 4)), layers.Conv1D(3, 2), layers.GlobalMaxPooling1D()])
    proto = to_onnx(model)
    for shape in ((1, 7, 4), (3, 50, 4)):
        np.testing.assert_allclose(run(proto, draw(*shape))[0], model.predict(draw(*shape), verbose=0), atol=1e-6)
    sizes = [d.dim_param or d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim]
    assert sizes == ["batch", "dim_0_1", 4]


class Subclassed(lamina.Model):
    def __init__(self):
        super().__init__()
        self.first = layers.Dense(4, "tanh")
        self.second = layers.Dense(2)

    def call(self, inputs):
        x = self.first(inputs["a"]) + ops.square(inputs["b"])
        return {"y": self.second(x), "x": x}


def test_a_subclassed_model_has_the_names_of_its_dicts():
    model = Subclassed()
    a, b = draw(3, 5), draw(3, 4)
    expected = model({"a": a, "b": b})
    proto = to_onnx(model)
    assert [i.name for i in proto.graph.input] == ["a", "b"]
    assert [o.name for o in proto.graph.output] == ["y", "x"]
    y, x = run(proto, a, b)
    np.testing.assert_allclose(y, expected["y"].numpy(), atol=1e-6)
    np.testing.assert_allclose(x, expected["x"].numpy(), atol=1e-6)


def test_a_model_that_nobody_called_needs_a_signature():
    with pytest.raises(ValueError, match="input_signature"):
        to_onnx(Subclassed())
    spec = {"a": layers.InputSpec(shape=(None, 5)), "b": layers.InputSpec(shape=(None, 4))}
    assert len(to_onnx(Subclassed(), [spec]).graph.input) == 2


def test_an_output_that_is_an_input_is_another_value():
    inputs = lamina.Input((3,), name="x")
    model = lamina.Model(inputs, [inputs, inputs * 2.0])
    a, b = run(to_onnx(model), draw(2, 3))
    np.testing.assert_array_equal(a, draw(2, 3))
    np.testing.assert_array_equal(b, 2 * draw(2, 3))


class Steps(lamina.Model):
    def call(self, x):
        y = x[:, 0]
        for i in range(1, x.shape[1]):
            y = y * 0.5 + x[:, i]
        return y


def test_a_loop_over_a_free_axis_is_refused_and_one_over_a_fixed_axis_unrolled():
    with pytest.raises(ValueError, match="Fix the sizes by input_signature"):
        to_onnx(Steps(), [layers.InputSpec(shape=(None, None, 3))])
    y = run(to_onnx(Steps(), [layers.InputSpec(shape=(None, 4, 3))]), draw(2, 4, 3))[0]
    np.testing.assert_allclose(y, Steps()(draw(2, 4, 3)).numpy(), atol=1e-6)


def test_an_operation_without_a_counterpart_is_named():
    inputs = lamina.Input((4, 4), name="x")
    with pytest.raises(ValueError, match="svd"):
        to_onnx(lamina.Model(inputs, ops.svd(inputs)[0]))


@pytest.mark.parametrize(("given", "error"), [(17, ValueError), (99, ValueError), ("21", TypeError)])
def test_versions_are_checked(given, error):
    with pytest.raises(error, match="opset_version"):
        to_onnx(mlp(), opset_version=given)


@pytest.mark.parametrize("opset", [18, 19, 20, 21, 22, 23, 24])
def test_every_version_gives_the_same_numbers(opset):
    model, x = cnn(), draw(2, 9, 8, 2)
    proto = to_onnx(model, opset_version=opset)
    assert proto.opset_import[0].version == opset
    np.testing.assert_allclose(run(proto, x)[0], model.predict(x, verbose=0), atol=1e-6)


def test_a_failed_export_leaves_the_old_file(tmp_path):
    path = tmp_path / "m.onnx"
    mlp().export(path)
    before = path.read_bytes()
    inputs = lamina.Input((4, 4))
    with pytest.raises(ValueError, match="svd"):
        lamina.Model(inputs, ops.svd(inputs)[0]).export(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(ValueError, match="tf_saved_model"):
        mlp().export(tmp_path / "m", format="tf_saved_model")


def test_exporting_changes_nothing(tmp_path):
    model, x = cnn(), draw(2, 9, 8, 2)
    before, state = model.predict(x, verbose=0), model.state_dict()
    to_onnx(model)
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[key])


def test_the_nodes_can_be_printed(tmp_path, capsys):
    mlp().export(tmp_path / "m.onnx", verbose=True)
    assert "Gemm" in capsys.readouterr().out


def test_a_graph_that_gives_other_numbers_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setitem(HANDLERS, "tanh", lambda g, x: g.map("Sin", x))
    model = lamina.Sequential([lamina.Input((3,), name="x"), layers.Activation("tanh", name="y")])
    with pytest.raises(RuntimeError, match=r"'y'.*other values"):
        model.export(tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())
    model.export(tmp_path / "m.onnx", verify=False)


@pytest.mark.parametrize(("module", "options"), [("onnx", {}), ("onnxruntime", {"verify": True})])
def test_a_package_that_is_missing_is_named(module, options, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=module):
        mlp().export(tmp_path / "m.onnx", **options)


def test_without_onnxruntime_a_model_is_exported_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    mlp().export(tmp_path / "m.onnx")
    onnx.checker.check_model(str(tmp_path / "m.onnx"), full_check=True)


def test_models_larger_than_a_file_may_be_are_refused(tmp_path, monkeypatch):
    model = mlp()
    size = to_onnx(model, verify=False).ByteSize()
    for largest in (100, size - 1):
        monkeypatch.setattr(onnx_file, "LARGEST", largest)
        with pytest.raises(ValueError, match="2 GB"):
            model.export(tmp_path / "m.onnx")
        assert not list(tmp_path.iterdir())
    monkeypatch.setattr(onnx_file, "LARGEST", size)
    assert to_onnx(model, verify=False).ByteSize() == size


def test_numbers_in_float64():
    inputs = lamina.Input((3,), dtype="float64")
    model = lamina.Model(inputs, layers.Dense(2, activation="tanh", dtype="float64")(inputs))
    x = draw(2, 3).astype("f8")
    y = run(to_onnx(model), x)[0]
    assert y.dtype == np.float64
    np.testing.assert_allclose(y, model.predict(x, verbose=0), atol=1e-14)


def test_what_onnxruntime_has_no_kernel_for_is_written_with_a_warning():
    inputs = lamina.Input((5, 5, 2), dtype="float64")
    model = lamina.Model(inputs, layers.Conv2D(2, 3, dtype="float64")(inputs))
    with pytest.warns(UserWarning, match="not tried out"):
        proto = to_onnx(model)
    x = np.random.default_rng(0).standard_normal((2, 5, 5, 2))
    y = ReferenceEvaluator(proto).run(None, {proto.graph.input[0].name: x})[0]
    np.testing.assert_allclose(y, model.predict(x, verbose=0), atol=1e-12)


def test_layers_used_twice_share_their_weights():
    shared, inputs = layers.Dense(4, "tanh"), lamina.Input((4,))
    proto = to_onnx(lamina.Model(inputs, shared(shared(inputs))), verify=True)
    assert kinds(proto) == ["Gemm", "Tanh", "Gemm", "Tanh"]
    assert len(proto.graph.initializer) == 2


def test_sizes_of_images_may_be_free():
    x = inputs = lamina.Input((None, None, 3))
    skip = x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear")(layers.MaxPooling2D(2)(x))
    x = layers.Conv2D(2, 3, strides=2, padding="same")(layers.Concatenate()([x, skip]))
    model = lamina.Model(inputs, [x, layers.GlobalAveragePooling2D()(x)])
    proto = to_onnx(model, verify=True)
    for shape in ((1, 6, 14, 3), (2, 12, 8, 3)):
        for a, b in zip(run(proto, draw(*shape)), model.predict(draw(*shape), verbose=0), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


class Scaled(lamina.Model):
    """Arithmetic with sizes: positions in proportion to the length."""

    def call(self, x):
        steps = ops.cast(ops.arange(x.shape[1]), "float32")
        return x * ops.expand_dims(steps, -1) + ops.ones((x.shape[0], x.shape[1] * 2 - 1, 1))[:, : x.shape[1]]


def test_sizes_are_computed_in_the_graph():
    proto = to_onnx(Scaled(), [layers.InputSpec(shape=(None, None, 3))], verify=True)
    for shape in ((2, 3, 3), (1, 30, 3)):
        np.testing.assert_allclose(run(proto, draw(*shape))[0], Scaled()(draw(*shape)).numpy(), atol=1e-6)


@pytest.mark.parametrize("given", [[np.zeros((2, 5), "f4")], layers.InputSpec(shape=(2, 5)), [lamina.Input((5,))]])
def test_signatures_may_be_arrays_specifications_or_symbols(given):
    inputs = lamina.Input((5,))
    model = lamina.Model(inputs, layers.Dense(2)(inputs))
    sizes = to_onnx(model, given).graph.input[0].type.tensor_type.shape.dim
    assert sizes[0].dim_value == (0 if isinstance(given, list) and not isinstance(given[0], np.ndarray) else 2)


@pytest.mark.parametrize("given", ["x", [3], [layers.InputSpec(ndim=2)]])
def test_signatures_that_are_none_are_refused(given):
    with pytest.raises((TypeError, ValueError), match="export"):
        to_onnx(mlp(), given)


def test_text_is_refused():
    with pytest.raises((TypeError, ValueError), match=r"export.*<U1"):
        to_onnx(mlp(), [np.array([["a"]])])


def test_an_open_capture_and_other_threads_are_left_alone():
    """While one thread exports, operations of another compute as ever."""
    model, wrong, stop = cnn(), [], threading.Event()
    x = draw(2, 9, 8, 2)
    want = model.predict(x, verbose=0)

    def work():
        while not stop.is_set():
            with lamina.no_grad():
                y = ops.sum(ops.square(Tensor(x))).item()
            if abs(y - float((x * x).sum())) > 1e-2:
                wrong.append(y)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(5):
            np.testing.assert_allclose(run(to_onnx(model, verify=False), x)[0], want, atol=1e-6)
    finally:
        stop.set()
        thread.join()
    assert not wrong


def test_what_was_exported_is_loaded_again(tmp_path):
    for make, shape in ((mlp, (6,)), (cnn, (9, 8, 2))):
        model, x = make(), draw(3, *shape)
        model.export(tmp_path / "m.onnx")
        again = lamina.onnx.load(tmp_path / "m.onnx")
        np.testing.assert_allclose(np.asarray(again.predict(x, verbose=0)), model.predict(x, verbose=0), atol=1e-6)


def test_a_cache_of_keys_and_values_is_refused():
    inputs = lamina.Input((6, 8))
    model = lamina.Model(inputs, layers.MultiHeadAttention(2, 4)(inputs, inputs, use_causal_mask=True))
    with layers.KeyValueCache(6), pytest.raises(ValueError, match="KeyValueCache"):
        to_onnx(model)


def test_two_threads_may_export_at_once():
    models, found = [mlp(), cnn()], {}

    def work(i):
        for _ in range(4):
            found.setdefault(i, []).append(kinds(to_onnx(models[i], verify=False)))

    threads = [threading.Thread(target=work, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: [kinds(to_onnx(models[i], verify=False))] * 4 for i in (0, 1)}


class Chosen(lamina.Model):
    """A first call with more than tensors."""

    def call(self, x, other, negative=False):
        return {"sum": x + other, "sign": -x if negative else x}


def test_the_first_call_says_what_is_exported():
    model = Chosen()
    model(draw(2, 3), draw(2, 3), True)
    proto = to_onnx(model, verify=True)
    assert [i.name for i in proto.graph.input] == ["input_0", "input_1"]
    assert kinds(proto) == ["Add", "Neg"]


class Built(lamina.Model):
    """With a ``build`` of its own."""

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], 2))

    def call(self, x):
        return x @ self.kernel


@pytest.mark.parametrize("begin", [lambda model: model(draw(2, 3)), lambda model: model.build((None, 3))])
def test_a_model_that_builds_itself_is_known_by_its_first_call_or_by_build(begin):
    model = Built()
    begin(model)
    assert kinds(to_onnx(model, verify=True)) == ["MatMul"]
