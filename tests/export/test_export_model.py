"""Model.export: files that onnxruntime runs with the model's own numbers, graphs without detours, and errors."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest

import lamina
from lamina import layers, ops
from lamina.export import to_onnx


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


class Reads(lamina.Model):
    def call(self, x):
        return x * float(ops.max(x))


class Branches(lamina.Model):
    def call(self, x):
        return ops.exp(x) if ops.max(x) > 0 else x


class Shuffles(lamina.Model):
    def call(self, x):
        return x + lamina.Tensor(x._array[::-1].copy())


@pytest.mark.parametrize("kind", [Reads, Branches, Shuffles])
def test_values_that_python_reads_are_refused(kind):
    with pytest.raises(ValueError, match="export"):
        to_onnx(kind(), [layers.InputSpec(shape=(None, 3))])


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
