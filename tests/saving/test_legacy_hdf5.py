"""Files of Keras 2 (``.h5``), put together here as Keras does; without Keras."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

import lamina
from lamina import layers

KERNEL, BIAS = np.arange(12, dtype=np.float32).reshape(4, 3) / 10, np.array([1, 2, 3], np.float32)
SECOND = np.ones((3, 2), np.float32)
DENSE = {
    "name": "first", "trainable": True, "batch_input_shape": [None, 4], "dtype": "float32", "units": 3,
    "activation": "relu", "use_bias": True,
    "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
    "bias_initializer": {"class_name": "Zeros", "config": {}}, "kernel_regularizer": None, "bias_regularizer": None,
    "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None,
}  # fmt: skip
CONFIG = {
    "class_name": "Sequential",
    "config": {
        "name": "sequential",
        "layers": [
            {"class_name": "InputLayer", "config": {
                "batch_input_shape": [None, 4], "dtype": "float32", "sparse": False, "ragged": False, "name": "in"}},
            {"class_name": "Dense", "config": DENSE},
            {"class_name": "Dropout", "config": {"name": "drop", "trainable": True, "dtype": "float32", "rate": 0.5,
                                                 "noise_shape": None, "seed": None}},
            {"class_name": "Dense", "config": {**DENSE, "name": "second", "units": 2, "activation": "linear"}},
        ],
    },
}  # fmt: skip
TRAINING = {
    "loss": "mean_squared_error", "metrics": [["mae"]], "weighted_metrics": None, "loss_weights": None,
    "optimizer_config": {"class_name": "Adam", "config": {
        "name": "Adam", "learning_rate": 0.01, "decay": 0.0, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-07,
        "amsgrad": False, "jit_compile": False, "is_legacy_optimizer": False}},
}  # fmt: skip


def names(group, key, values):
    group.attrs[key] = np.array([v.encode() for v in values])


def weights(group, parts=False):
    """The groups of the layers; ``parts``: their names in several attributes, as Keras writes long lists."""
    if parts:
        names(group, "layer_names0", ["first", "drop"])
        names(group, "layer_names1", ["second"])
    else:
        names(group, "layer_names", ["first", "drop", "second"])
    names(group.create_group("drop"), "weight_names", [])
    for name, kernel, bias in (("first", KERNEL, BIAS), ("second", SECOND, np.zeros(2, np.float32))):
        own = group.create_group(name)
        names(own, "weight_names", [f"{name}/kernel:0", f"{name}/bias:0"])
        own[f"{name}/kernel:0"], own[f"{name}/bias:0"] = kernel, bias


def whole(path, **changes):
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = "2.15.0", "tensorflow"
        file.attrs["model_config"] = json.dumps(changes.get("config", CONFIG))
        file.attrs["training_config"] = json.dumps(changes.get("training", TRAINING))
        weights(file.create_group("model_weights"))


X = np.array([[1, 0, 2, 0], [0, 1, 0, 1]], np.float32)
WANTED = np.maximum(X @ KERNEL + BIAS, 0) @ SECOND


def net():
    made = [layers.Dense(3, "relu", name="first"), layers.Dropout(0.5), layers.Dense(2, name="second")]
    return lamina.Sequential([lamina.Input((4,)), *made])


def test_a_whole_model(tmp_path):
    whole(tmp_path / "m.h5")
    model = lamina.load_model(tmp_path / "m.h5")
    assert [layer.name for layer in model.layers] == ["first", "drop", "second"]
    np.testing.assert_allclose(model.predict(X, verbose=0), WANTED, rtol=1e-6)
    assert model.optimizer.learning_rate.numpy() == pytest.approx(0.01)
    assert len(model.evaluate(X, WANTED, verbose=0)) == 2
    model.fit(X, WANTED, verbose=0)
    assert not lamina.load_model(tmp_path / "m.h5", compile=False).compiled


def test_a_model_without_an_input_layer_and_with_what_is_gone(tmp_path):
    lstm = {"name": "l", "units": 2, "batch_input_shape": [None, 3, 4], "implementation": 2, "time_major": False}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "LSTM", "config": lstm},
        {"class_name": "BatchNormalization", "config": {"name": "b", "axis": [1], "momentum": 0.9}},
    ]}}  # fmt: skip
    made = lamina.Sequential([lamina.Input((3, 4)), layers.LSTM(2), layers.BatchNormalization(momentum=0.9)])
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        group = file.create_group("model_weights")
        names(group, "layer_names", ["l", "b"])
        for layer, name in zip(made.layers, ("l", "b"), strict=True):
            own = group.create_group(name)
            names(own, "weight_names", [f"{name}/{i}:0" for i in range(len(layer.weights))])
            for i, weight in enumerate(layer.weights):
                own[f"{name}/{i}:0"] = weight.numpy()
    model = lamina.load_model(tmp_path / "m.h5")
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    np.testing.assert_allclose(model.predict(x, verbose=0), made.predict(x, verbose=0), rtol=1e-6)


def test_weights_in_order_and_by_name(tmp_path):
    for parts in (False, True):
        with h5py.File(tmp_path / "w.h5", "w") as file:
            weights(file, parts)
        model = net()
        model.load_weights(tmp_path / "w.h5")
        np.testing.assert_allclose(model.predict(X, verbose=0), WANTED, rtol=1e-6)
    whole(tmp_path / "m.h5")
    longer = [layers.Dense(3, "relu", name="first"), layers.Dense(5, name="new"), layers.Dense(2, name="last")]
    model = lamina.Sequential([lamina.Input((4,)), *longer])
    before = model.get_layer("new").get_weights()
    model.load_weights(tmp_path / "m.h5", by_name=True)
    np.testing.assert_array_equal(model.get_layer("first").kernel.numpy(), KERNEL)
    np.testing.assert_array_equal(model.get_layer("new").kernel.numpy(), before[0])
    with pytest.raises(ValueError, match=r"has weights of 2 layers \(first, second\), but 3 layers of the model"):
        model.load_weights(tmp_path / "m.h5")
    with pytest.raises(ValueError, match=r"holds weights only; make the model and call model.load_weights"):
        lamina.load_model(tmp_path / "w.h5")


def test_what_does_not_fit_is_named_and_nothing_is_loaded(tmp_path):
    whole(tmp_path / "m.h5")
    wrong = lamina.Sequential([lamina.Input((4,)), layers.Dense(3, name="first"), layers.Dense(4, name="second")])
    before = wrong.get_weights()
    for by_name in (False, True):
        with pytest.raises(ValueError, match=r"weight 'second/kernel/2' has shape \(3, 4\), got \(3, 2\)"):
            wrong.load_weights(tmp_path / "m.h5", by_name=by_name)
    for a, b in zip(wrong.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    wrong.load_weights(tmp_path / "m.h5", skip_mismatch=True)
    np.testing.assert_array_equal(wrong.layers[0].kernel.numpy(), KERNEL)
    np.testing.assert_array_equal(wrong.layers[1].kernel.numpy(), before[2])
    unbiased = lamina.Sequential([lamina.Input((4,)), layers.Dense(3, use_bias=False, name="first")])
    with pytest.raises(ValueError, match="layer 'first' has 1 weights, but 2 are saved"):
        unbiased.load_weights(tmp_path / "m.h5", by_name=True)
    stranger = lamina.Sequential([lamina.Input((4,)), layers.Dense(3, name="other")])
    with pytest.raises(ValueError, match=r"no layer has one of its names \(first, second\); the model's are other"):
        stranger.load_weights(tmp_path / "m.h5", by_name=True)


def test_damaged_files(tmp_path):
    path = tmp_path / "m.h5"
    whole(path)
    with h5py.File(path, "r+") as file:
        del file["model_weights/second/second/bias:0"]
    with pytest.raises(ValueError, match="there is no array 'model_weights/second/second/bias:0', which it lists"):
        lamina.load_model(path)
    zeros = {"class_name": "Zeros", "config": {}}
    for config, message in ((3, "not of a model"), (zeros, "of another kind than layer")):
        whole(path, config=config)
        with pytest.raises((ValueError, TypeError), match=message) as caught:
            lamina.load_model(path)
        assert "m.h5" in str(caught.value)
    code = {"class_name": "Lambda", "config": {"name": "double", "function": ["4wAA", None, None],
                                               "function_type": "lambda", "arguments": {}}}  # fmt: skip
    config = json.loads(json.dumps(CONFIG))
    config["config"]["layers"].append(code)
    whole(path, config=config)
    with pytest.raises(ValueError, match="Lamina runs no code from files"):
        lamina.load_model(path)
    model = lamina.load_model(path, custom_objects={"double": lambda x: 2 * x})
    np.testing.assert_allclose(model.predict(X, verbose=0), 2 * WANTED, rtol=1e-6)


def layer_of(kind, name, nodes, **config):
    return {"class_name": kind, "name": name, "inbound_nodes": nodes,
            "config": {"name": name, "trainable": True, "dtype": "float32", **config}}  # fmt: skip


def test_a_graph_whose_calls_are_lists():
    """Keras 2: of each call the layer, the call and the result that it reads, and keywords beside the first."""
    dense = {k: v for k, v in DENSE.items() if k not in ("name", "trainable", "dtype", "batch_input_shape")}
    config = {
        "name": "graph", "trainable": True,
        "layers": [
            layer_of("InputLayer", "a", [], batch_shape=[None, 4]),
            layer_of("InputLayer", "b", [], batch_shape=[None, 3]),
            layer_of("Dense", "dense", [[["a", 0, 0, {}]]], **dense),
            layer_of("Dropout", "drop", [[["dense", 0, 0, {"training": False}]]], rate=0.5),
            layer_of("Concatenate", "both", [[["drop", 0, 0, {}], ["b", 0, 0, {}]]], axis=-1),
            layer_of("Concatenate", "turned", [[["b", 0, 0], ["drop", 0, 0]]], axis=-1),
        ],
        "input_layers": [["a", 0, 0], ["b", 0, 0]],
        "output_layers": [["both", 0, 0], ["turned", 0, 0]],
    }  # fmt: skip
    model = lamina.Model.from_config(config)
    model.get_layer("dense").set_weights([KERNEL, BIAS])
    hidden, b = np.maximum(X @ KERNEL + BIAS, 0), np.array([[7, 8, 9], [1, 2, 3]], np.float32)
    both, turned = model([X, b], training=True)
    np.testing.assert_allclose(both, np.concatenate([hidden, b], 1), rtol=1e-6)
    np.testing.assert_allclose(turned, np.concatenate([b, hidden], 1), rtol=1e-6)
    for damaged in (["both", 0, 1], ["both", 1, 0], ["nowhere", 0, 0], ["both", 0, -1]):
        with pytest.raises((ValueError, KeyError)):
            lamina.Model.from_config({**config, "output_layers": [damaged]})
