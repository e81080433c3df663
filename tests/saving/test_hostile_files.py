"""Model files that ask for too much, or whose description is not what ``save`` writes: named errors, little memory."""

from __future__ import annotations

import copy
import json
import os
import re
import struct

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import lamina
from lamina import Input, Model, Sequential, layers, ops, optimizers, schedules

X = np.random.default_rng(0).standard_normal((8, 6)).astype(np.float32)


def dense():
    model = Sequential([Input((6,)), layers.Dense(4, "relu", kernel_regularizer="l2"), layers.Dense(6)])
    model.compile(optimizers.Adam(schedules.CosineDecay(0.01, 100)), "mse", metrics=["mae"])
    model.fit(X, X, verbose=0)
    return model


def image():
    return Sequential([
        Input((6, 6, 2)), layers.Conv2D(3, 3), layers.BatchNormalization(), layers.DepthwiseConv2D(2), layers.PReLU(),
        layers.ZeroPadding2D(1), layers.UpSampling2D(2), layers.Cropping2D(1), layers.MaxPooling2D(2), layers.Flatten(),
        layers.Dense(2), layers.RepeatVector(3), layers.Permute((2, 1)), layers.Reshape((3, 2)),
    ])  # fmt: skip


def sequence():
    return Sequential([
        Input((5,), dtype="int32"), layers.Embedding(20, 8), layers.GRU(3, return_sequences=True),
        layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
        layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True),
        layers.TimeDistributed(layers.Dense(4)), layers.Conv1D(2, 2), layers.SimpleRNN(2),
    ])  # fmt: skip


def attention():
    x = Input((4, 6))
    y = layers.Add()([x, layers.MultiHeadAttention(2, 3, value_dim=4)(x, x)])
    y = y + layers.PositionEmbedding(4)(y)
    return Model(x, [ops.mean(ops.repeat(y, 2, axis=1), axis=-1), layers.Dense(2)(y)])


def parts(path):
    with safe_open(path, framework="numpy") as file:
        return load_file(path), dict(file.metadata())


def places(tree, at=()):
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*at, key)
        yield from places(value, (*at, key))


def put(tree, place, value):
    for key in place[:-1]:
        tree = tree[key]
    tree[place[-1]] = value


def value_at(tree, place):
    for key in place:
        tree = tree[key]
    return tree


@pytest.mark.parametrize("make", [dense, image, sequence, attention])
@pytest.mark.parametrize("size", [10**9, 2**31, 2**63, 10**30])
def test_sizes_in_a_description_cost_no_memory(tmp_path, make, size):
    path = tmp_path / "m.lamina"
    make().save(path)
    tensors, header = parts(path)
    description = json.loads(header["model"])
    numbers = [p for p in places(description) if type(value_at(description, p)) is int and "config" in p]
    refused = 0
    for place in numbers:
        changed = copy.deepcopy(description)
        put(changed, place, size)
        save_file(tensors, path, {**header, "model": json.dumps(changed)})
        before = peak()
        try:
            lamina.load_model(path)
        except (ValueError, TypeError) as error:
            assert "m.lamina: " in str(error), place  # noqa: PT017 (some numbers may be anything)
            refused += 1
        assert peak() - before < 2**27, place
    assert refused > len(numbers) / 4


def peak():
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_the_layer_whose_size_is_wrong_is_named(tmp_path):
    path = tmp_path / "m.lamina"
    dense().save(path)
    tensors, header = parts(path)
    save_file(tensors, path, {**header, "model": header["model"].replace('"units": 4', '"units": 1000000000')})
    wanted = (
        r"m.lamina: Dense 'dense.*': kernel of shape \(6, 1000000000\) is larger than the saved weights.* 58 numbers"
    )
    with pytest.raises(ValueError, match=wanted):
        lamina.load_model(path)
    model = Sequential([Input((6,)), layers.Dense(1000)])  # and the limit is gone
    assert model.count_params() == 7000


WRONG = [
    None, "x", True, 1.5, -1, [], {}, [[1]], {"class_name": "Net", "config": {}}, {"class_name": 3, "config": {}},
    {"class_name": "Ones", "config": {}}, {"class_name": "Dense", "config": {"units": 10**9}},
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*(is not there after loading|is to be called again)")
@pytest.mark.parametrize("make", [dense, image, sequence, attention])
def test_wrong_types_in_a_description_are_named(tmp_path, make):
    path = tmp_path / "m.lamina"
    make().save(path)
    tensors, header = parts(path)
    description = json.loads(header["model"])
    everywhere = list(places(description))
    rng = np.random.default_rng(7)
    refused = 0
    for _ in range(150):
        changed = copy.deepcopy(description)
        put(changed, everywhere[rng.integers(len(everywhere))], WRONG[rng.integers(len(WRONG))])
        save_file(tensors, path, {**header, "model": json.dumps(changed)})
        try:
            lamina.load_model(path)
        except (ValueError, TypeError) as error:
            assert "m.lamina: " in str(error)  # noqa: PT017 (some may be anything)
            refused += 1
    assert refused > 60


def text(model):
    return lambda description, header: header.update(model=model)


def entry(name, value):
    def edit(description, header):
        description[name] = value
        header["model"] = json.dumps(description)

    return edit


def first_layer(**config):
    def edit(description, header):
        description["model"]["config"]["layers"][1]["config"].update(config)
        header["model"] = json.dumps(description)

    return edit


DESCRIPTIONS = {
    "deep lists": (text("[" * 200_000), "nested too deeply"),
    "deep dicts": (text('{"a":' * 200_000), "nested too deeply"),
    "deep and whole": (text("[" * 900 + "]" * 900), "nested too deeply|it is a list"),
    "deep model": (text('{"model":' * 500 + "1" + "}" * 500), "nested too deeply|damaged"),
    "list": (text("[]"), "it is a list, not a dict"),
    "null": (text("null"), "it is a NoneType, not a dict"),
    "NaN": (text('{"model": NaN}'), "NaN is no number"),
    "infinity": (text('{"model": -Infinity}'), "-Infinity is no number"),
    "overflow": (text('{"model": 1e999}'), "1e999 is no number"),
    "digits": (text('{"model": ' + "1" * 5000 + "}"), "damaged"),
    "twice": (text('{"model": 1, "model": 2}'), "it has 'model' twice"),
    "unknown": (entry("more", 1), "it has an unknown entry 'more'"),
    "model": (entry("model", [1]), "its model is no description of a class"),
    "built": (entry("built", {"dense": 3}), "its shapes are none"),
    "frozen": (entry("frozen", {"layers": [1], "weights": []}), "frozen layers are no names"),
    "compile": (entry("compile", 3), "compile is no dict"),
    "undecayed": (entry("undecayed", {"variables": 3}), "without weight decay are no names"),
    "tuple": (entry("model", {"class_name": "__tuple__", "config": {}}), "a tuple in it has None in place"),
    "float": (entry("model", {"class_name": "__float__", "config": {"value": [1]}}), "a float in it has"),
    "array": (first_layer(kernel_initializer={
        "class_name": "__array__", "config": {"value": [0], "dtype": "V2000000000"}}), "the array of the description"),
    "no such class": (first_layer(kernel_initializer={"class_name": "Onse", "config": {}}),
                      "class 'Onse'.*did you mean 'Ones'"),
    "another kind": (first_layer(kernel_initializer={"class_name": "Dense", "config": {"units": 3}}),
                     "the description has 'Dense', which is of another kind than initializer"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DESCRIPTIONS)
def test_descriptions_that_save_does_not_write(tmp_path, kind):
    edit, message = DESCRIPTIONS[kind]
    path = tmp_path / "m.lamina"
    dense().save(path)
    tensors, header = parts(path)
    edit(json.loads(header["model"]), header)
    save_file(tensors, path, header)
    with pytest.raises(ValueError, match=rf"m\.lamina: .*({message})"):
        lamina.load_model(path)


def optimizer(name, value):
    return lambda tensors: tensors.update({f"optimizer/{name}": value})


STATES = {
    "rate of NaN": (optimizer("learning_rate", np.array([np.nan])), "learning_rate nan, iterations 1 are damaged"),
    "rate below zero": (optimizer("learning_rate", np.array([-1.0])), "learning_rate -1.0"),
    "rate of integers": (optimizer("learning_rate", np.array([1])), "learning_rate is of dtype int64"),
    "steps below zero": (optimizer("iterations", np.array([-5])), "iterations -5 are damaged"),
    "steps of floats": (optimizer("iterations", np.array([1.0])), "iterations is of dtype float64"),
    "steps of many": (optimizer("iterations", np.arange(5)), r"iterations is \(5,\), expected \(1,\)"),
    "slot of integers": (optimizer("momentum/dense/kernel", np.zeros((6, 4), int)), "is of dtype int64"),
    "slot of another shape": (
        optimizer("momentum/dense/kernel", np.zeros((9, 9), "f4")),
        r"is \(9, 9\), expected \(6, 4",
    ),
    "another slot": (optimizer("hat/dense/kernel", np.zeros((6, 4), "f4")), r"unknown \['hat/dense/kernel'\]"),
    "another weight": (optimizer("momentum/../x", np.zeros((6, 4), "f4")), r"there is no variable '../x'"),
    "missing": (lambda tensors: tensors.pop("optimizer/iterations"), r"missing \['iterations'\]"),
    "complex weight": (
        lambda t: t.update({"weights/dense/kernel": np.zeros((6, 4), "c8")}),
        "cannot be set from dtype",
    ),
}


@pytest.mark.parametrize("kind", STATES)
def test_states_that_no_optimizer_has(tmp_path, kind):
    edit, message = STATES[kind]
    path = tmp_path / "m.lamina"
    dense().save(path)
    tensors, header = parts(path)
    edit(tensors)
    save_file(tensors, path, header)
    with pytest.raises((ValueError, TypeError), match=rf"m\.lamina: .*{message}"):
        lamina.load_model(path)


def write_raw(path, header, data):
    raw = header.encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)


def test_headers_with_names_twice_or_types_that_numpy_has_not(tmp_path):
    path = tmp_path / "m.lamina"
    one = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    mark = '"__metadata__":{"format":"lamina","version":"1"}'
    write_raw(path, f'{{{mark},"weights/a":{one},"weights/a":{one}}}', bytes(4))
    model = dense()
    with pytest.raises(ValueError, match=r"m.lamina: its header is damaged \(it has 'weights/a' twice\)"):
        model.load_weights(path)
    for kind, size in {"BF16": 2, "F8_E4M3": 1}.items():
        one = f'{{"dtype":"{kind}","shape":[2],"data_offsets":[0,{2 * size}]}}'
        write_raw(path, f'{{{mark},"weights/a":{one}}}', bytes(2 * size))
        with pytest.raises(ValueError, match=rf"m.lamina: 'weights/a' is of type {kind}, which Lamina does not read"):
            model.load_weights(path)


def test_what_is_no_file(tmp_path):
    model = dense()
    os.mkfifo(tmp_path / "pipe.lamina")
    for act in (lamina.load_model, model.load_weights, model.save, model.save_weights):
        with pytest.raises(ValueError, match=r"pipe.lamina: is no regular file"):
            act(tmp_path / "pipe.lamina")
        with pytest.raises(ValueError, match="cannot hold a zero character"):
            act("a\0b")
        for path in (None, 3, b"m.lamina", open, model):
            with pytest.raises(TypeError, match=r"(load_model|load_weights|save): expected a path, got"):
                act(path)
        with pytest.raises(TypeError, match=r"expected a path, got bytes b'PK.{56}\.\.\.$"):
            act(b"PK" + bytes(10**6))  # the file itself
    with pytest.raises(TypeError, match="custom_objects must be a dict"):
        lamina.load_model(tmp_path / "m.lamina", custom_objects=[dense])


def test_names_of_one_kind_are_suggested(tmp_path):
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.out = layers.Dense(2)

        def call(self, x):
            return self.out(x)

    model = Net()
    model(X)
    model.save(tmp_path / "m.lamina")
    with pytest.raises(ValueError, match=r"class 'Net'.*custom_objects={'Net'") as caught:
        lamina.load_model(tmp_path / "m.lamina")
    assert "Ones" not in str(caught.value)
    assert "did you mean" not in str(caught.value)
    again = lamina.load_model(tmp_path / "m.lamina", custom_objects={"Net": Net})
    np.testing.assert_array_equal(again(X).numpy(), model(X).numpy())
    for kind, near, far in (("layer", "Dense", "Densee"), ("initializer", "HeNormal", "HeNormall")):
        config = {"units": 3} if kind == "layer" else {}
        description = {"class_name": far, "config": config}
        with pytest.raises(ValueError, match=rf"did you mean '{near}'") as caught:
            lamina.layers.Layer.from_config({f"inner_{kind}": description})
        assert not re.search("Ones" if kind == "layer" else "LSTM", str(caught.value))
