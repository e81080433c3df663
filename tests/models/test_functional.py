"""Graphs of calls: what inputs must be and become, in which order calls run, configurations that are damaged."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from lamina import Input, Model, Sequential, Tensor, layers, ops
from lamina.core import registry
from lamina.core.tree import map_structure
from lamina.layers.symbolic import is_symbolic
from lamina.models import graph_config

X = np.arange(12.0, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize(
    ("wanted", "given", "seen"),
    [
        ((4,), (3, 4), (3, 4)),
        ((1,), (3,), (3, 1)),
        ((1,), (3, 1), (3, 1)),
        ((5, 1), (3, 5), (3, 5, 1)),
        ((4,), (3, 4, 1), (3, 4)),
        ((1,), (3, 1, 1), (3, 1)),
        ((None, 2), (3, 9, 2), (3, 9, 2)),
        ((4,), (3, 5), None),
        ((4,), (3,), None),
        ((4,), (4,), None),
        ((4,), (3, 4, 2), None),
        ((5, 2), (3, 5), None),
        ((5, 1), (3,), None),
        ((4,), (3, 4, 1, 1), None),
        ((None, 2), (3, 9, 3), None),
    ],
)
@pytest.mark.parametrize("kind", [np.asarray, Tensor])
def test_what_fits_an_input(wanted, given, seen, kind):
    x = Input(wanted, name="in")
    model = Model(x, layers.Activation("linear")(x))
    array = kind(np.zeros(given, np.float32))
    if seen is None:
        with pytest.raises(ValueError, match=r"input 'in' is .*, expected .*\(None = any size\)"):
            model(array)
    else:
        assert model(array).shape == seen


@pytest.mark.parametrize("kind", [np.asarray, Tensor])
def test_a_batch_size_that_a_model_was_drawn_for_binds_no_other(kind):
    x = Input((4,), batch_size=2)
    model = Model(x, layers.Dense(1)(x))
    assert model(kind(X)).shape == (3, 1)
    model.compile("sgd", "mse")
    y = np.ones((3, 1), np.float32)
    assert np.isfinite(model.fit(X, y, batch_size=2, validation_data=(X, y), verbose=0).history["val_loss"]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("given", ["float32", "float64", "int64"])
def test_inputs_take_their_type(dtype, given):
    x = Input((4,), dtype=dtype)
    model = Model(x, layers.Lambda(lambda t: t, autocast=False)(x))
    for kind in (np.asarray, Tensor):
        assert model(kind(X.astype(given))).dtype == dtype


def test_the_type_of_a_model_is_that_of_its_first_float():
    ids, x, y = Input((4,), dtype="int32"), Input((4,), dtype="float64"), Input((4,))
    both = layers.Concatenate()([layers.Dense(2, dtype="float64")(x), layers.Dense(2, dtype="float64")(x)])
    assert Model([ids, x, y], both).dtype == "float64"
    assert Model([y, x], both).dtype == "float32"
    assert Model([y, x], both, dtype="float64").dtype == "float64"
    assert Model(ids, layers.Embedding(3, 2)(ids)).dtype == "float32"


def named():
    a, b = Input((4,), name="a"), Input((2,), name="b")
    return a, b, layers.Concatenate()([layers.Dense(1, name="d")(a), b])


@pytest.mark.parametrize("as_dict", [False, True])
def test_inputs_by_name_and_by_place(as_dict):
    a, b, y = named()
    model = Model({"left": a, "right": b} if as_dict else [a, b], y)
    one, two = X, X[:, :2]
    names = ("left", "right") if as_dict else ("a", "b")
    wanted = model([one, two]).numpy()
    assert wanted.shape == (3, 3)
    np.testing.assert_array_equal(wanted[:, 1:], two)
    np.testing.assert_array_equal(model(dict(zip(names, (one, two), strict=True))).numpy(), wanted)
    np.testing.assert_array_equal(model({names[1]: two, names[0]: one, "more": 0}).numpy(), wanted)
    with pytest.raises(ValueError, match=f"input '{names[1]}' is missing; got '{names[0]}'"):
        model({names[0]: one})
    for wrong in ([one], [one, two, two]):
        with pytest.raises(ValueError, match=rf"expected 2 inputs .*, got {len(wrong)}"):
            model(wrong)


def test_what_a_graph_cannot_be():
    a, b, y = named()
    with pytest.raises(ValueError, match="the outputs depend on Input 'b', which is not among the inputs"):
        Model(a, y)
    with pytest.raises(ValueError, match="the same tensor stands twice among the inputs"):
        Model([a, a, b], y)
    with pytest.raises(TypeError, match="inputs must be symbolic tensors"):
        Model([a, X], y)
    for empty in ([], [a, []], {}):
        with pytest.raises(ValueError, match=r"inputs (is empty|hold an empty part)"):
            Model(empty, y)
    with pytest.raises(ValueError, match="two layers of the model are named 'd'"):
        Model(a, layers.Dense(1, name="d")(layers.Dense(1, name="d")(a)))
    for one in ({"inputs": a}, {"outputs": y}):
        with pytest.raises(TypeError, match="pass both inputs and outputs"):
            Model(**one)


def test_a_layer_may_be_called_often_and_a_result_used_often():
    a = Input((4,))
    dense = layers.Dense(4, "tanh")
    once, twice = dense(a), dense(dense(a))
    model = Model(a, [once, twice, layers.add([once, twice, a])])
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "Dense", "Add"]
    one = dense(Tensor(X))
    two = dense(one)
    for got, wanted in zip(model(X), (one, two, one + two + X), strict=True):
        np.testing.assert_allclose(got.numpy(), wanted.numpy(), rtol=1e-6)
    for again in (copy.deepcopy(model), Model.from_config(model.get_config())):
        again.set_weights(model.get_weights())
        for got, wanted in zip(again(X), model(X), strict=True):
            np.testing.assert_array_equal(got.numpy(), wanted.numpy())


def test_a_model_may_begin_in_the_middle_and_give_an_input_back():
    a = Input((4,))
    middle = layers.Dense(3)(a)
    end = layers.ReLU()(middle)
    tail = Model(middle, [end, middle])
    assert [type(layer).__name__ for layer in tail.layers] == ["InputLayer", "ReLU"]
    x = np.array([[-1.0, 0.0, 2.0]], np.float32)
    relu, same = tail(x)
    assert relu.numpy().tolist() == [[0.0, 0.0, 2.0]]
    assert same.numpy().tolist() == x.tolist()
    assert tail.compute_output_shape((7, 3)) == [(7, 3), (7, 3)]


def test_results_in_front_of_a_chain_stay_what_they_are():
    """A dense layer's result that something else needs is not replaced by that of the activation behind it."""
    a = Input((4,))
    dense = layers.Dense(3)(a)
    active = layers.Activation("relu")(dense)
    for outputs in ([dense, active], [active, layers.add([dense, active])], [active]):
        model = Model(a, outputs)
        layer = next(one for one in model.layers if isinstance(one, layers.Dense))
        value = layer(Tensor(X)).numpy()
        results = [t.numpy() for t in model(X)]
        position = outputs.index(active)
        np.testing.assert_array_equal(results[position], np.maximum(value, 0))
        if outputs[0] is dense:
            np.testing.assert_array_equal(results[0], value)
        elif len(outputs) == 2:
            np.testing.assert_allclose(results[1], value + np.maximum(value, 0), rtol=1e-6)


DAMAGED = [
    (lambda c: c["nodes"][0].update(layer=9), "its call 0 is damaged"),
    (lambda c: c["nodes"][0].update(layer=-1), "its call 0 is damaged"),
    (lambda c: c["nodes"][0].update(layer=True), "its call 0 is damaged"),
    (lambda c: c["nodes"][0].update(args=None), "its call 0 is damaged"),
    (lambda c: c["nodes"][0].update(kwargs=[]), "its call 0 is damaged"),
    (lambda c: c["outputs"]["config"].update(node=99), "it uses result 0 of call 99, of 4 calls before"),
    (lambda c: c["outputs"]["config"].update(node=4), "it uses result 0 of call 4, of 4 calls before"),
    (lambda c: c["outputs"]["config"].update(node=-1), "it uses result 0 of call -1"),
    (lambda c: c["outputs"]["config"].update(node="0"), "it uses result 0 of call '0'"),
    (lambda c: c["outputs"]["config"].update(index=0.0), "it uses result 0.0 of call 3"),
    (lambda c: c.update(nodes=3), "its nodes are 3, expected a list"),
    (lambda c: c.pop("layers"), "expected a configuration with 'layers'"),
]


def numbered(model):
    """The configuration of a model in the form of files of before, which number the calls."""
    graph = model._graph
    number = {id(t): i for i, t in enumerate(graph.sources)}
    number |= {id(node.outputs): i for i, node in enumerate(graph.nodes, len(number))}

    def tensor(x):
        return {"class_name": "__tensor__", "config": {"node": number[id(x)], "index": 0}} if is_symbolic(x) else x

    nodes = []
    for n in graph.nodes:
        args, kwargs = map_structure(tensor, (n.args, n.kwargs))
        nodes.append({"layer": graph.layers.index(n.layer), "args": args, "kwargs": kwargs})
    inputs, outputs = map_structure(tensor, (graph.inputs, graph.outputs))
    entries = [registry.serialize(layer) for layer in graph.layers]
    return {"layers": entries, "nodes": nodes, "inputs": inputs, "outputs": outputs}


@pytest.mark.parametrize(("damage", "message"), DAMAGED)
def test_damaged_configurations(damage, message):
    a, b, y = named()
    config = numbered(Model([a, b], y))
    Model.from_config({**config, "name": "m"})
    damage(config)
    with pytest.raises((ValueError, TypeError), match=message):
        graph_config.from_config(config)


HISTORY = ("inbound_nodes", 0, "args", 0, 0, "config", "keras_history")
DAMAGED_AS_KERAS = [
    (lambda c: c["layers"][-1].update(inbound_nodes=3), "one of its layers is"),
    (lambda c: c["layers"][-1].update(inbound_nodes=[3]), "call 0 of layer 'add' is damaged: 3"),
    (lambda c: c["layers"][-1]["inbound_nodes"][0].update(args=3), "call 0 of layer 'add' is damaged"),
    (lambda c: c["layers"][-1]["inbound_nodes"][0].update(kwargs=[]), "call 0 of layer 'add' is damaged"),
    (lambda c: at(c["layers"][-1], HISTORY).__setitem__(0, "nobody"), "'add' uses call 0 of 'nobody', which is none"),
    (lambda c: at(c["layers"][-1], HISTORY).__setitem__(1, 7), "'add' uses call 7 of 'dense', which is none"),
    (lambda c: at(c["layers"][-1], HISTORY).__setitem__(1, -1), "'add' uses call -1 of 'dense', which is none"),
    (lambda c: at(c["layers"][-1], HISTORY).__setitem__(1, True), "a tensor of it comes from"),
    (lambda c: at(c["layers"][-1], HISTORY).__setitem__(2, 5), "result 5 of call 0 of 'dense', which is none"),
    (lambda c: at(c["layers"][-1], HISTORY).__setitem__(2, -1), "result -1 of call 0 of 'dense', which is none"),
    (lambda c: at(c["layers"][-1], HISTORY).__setitem__(0, "add"), "the calls of 'add' wait for each other"),
    (lambda c: c["layers"][-1].update(name="a"), "two of its layers are named 'a'"),
    (lambda c: c["layers"][-1].update(name=3), "one of its layers is"),
    (lambda c: c["layers"][-1].update(class_name="Sum", module="keras.src.ops.numpy"), "missing|unexpected"),
    (lambda c: c["layers"][-1].update(class_name="Nothing", module="keras.src.ops.numpy"), "no operation 'nothing'"),
    (lambda c: c.update(layers=3), "its layers are 3, expected a list"),
    (lambda c: c.update(output_layers=3), "one of its inputs or outputs is 3"),
    (lambda c: c.update(output_layers=["nobody", 0, 0]), "result 0 of call 0 of 'nobody', which is none"),
    (lambda c: c.update(output_layers=["add", 1, 0]), "result 0 of call 1 of 'add', which is none"),
]


def at(nest, path):
    for key in path:
        nest = nest[key]
    return nest


@pytest.mark.parametrize(("damage", "message"), DAMAGED_AS_KERAS)
def test_damaged_configurations_in_keras_s_form(damage, message):
    a, b = Input((4,), name="a"), Input((4,), name="b")
    dense = layers.Dense(4, name="dense")
    config = Model([a, b], layers.Add(name="add")([dense(a), dense(b)])).get_config()
    Model.from_config(copy.deepcopy(config))
    damage(config)
    with pytest.raises((ValueError, TypeError), match=message):
        graph_config.from_config(config)


def test_operations_and_shared_layers_come_back_from_a_configuration():
    a, b = Input((4,)), Input((4,))
    shared = layers.Dense(4)
    inner = Sequential([layers.Dense(4, "tanh")])
    mixed = ops.concatenate([shared(shared(a)) * 2 + 1, (1 - inner(shared(b)))[:, :2]], axis=-1)
    model = Model({"a": a, "b": b}, [ops.mean(mixed, axis=1, keepdims=True), ops.where(mixed > 0, mixed, 0.0)])
    again = Model.from_config(json.loads(json.dumps(model.get_config())))
    again.set_weights(model.get_weights())
    x = {"a": X, "b": X[::-1].copy()}
    for one, other in zip(model(x), again(x), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_several_results_of_one_call():
    a = Input((5, 2))
    sequence, h, c = layers.LSTM(3, return_sequences=True, return_state=True)(a)
    model = Model(a, {"last": h, "all": sequence, "cell": c})
    again = Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    x = np.random.default_rng(0).standard_normal((2, 5, 2)).astype(np.float32)
    for each in (model, again):
        found = each(x)
        assert list(found) == ["last", "all", "cell"]
        np.testing.assert_allclose(found["last"].numpy(), found["all"].numpy()[:, -1], rtol=1e-6)
        np.testing.assert_array_equal(found["cell"].numpy(), model(x)["cell"].numpy())


def test_one_tensor_is_not_two_inputs():
    a, b, y = named()
    with pytest.raises(ValueError, match=r"expected 2 inputs .*, got 1"):
        Model([a, b], y)(Tensor(X))


def test_each_input_keeps_its_type():
    a, b = Input((2,), dtype="float32"), Input((2,), dtype="float64")
    model = Model([a, b], [a, b])
    exact = np.full((1, 2), 1 + 1e-12)
    assert model.dtype == "float32"
    one, two = model([exact, exact])
    assert (one.dtype, two.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(two.numpy(), exact)


def test_a_free_number_of_steps_and_a_table_of_few_positions():
    class Positions(layers.Layer):
        def __init__(self):
            super().__init__()
            self.table = layers.Embedding(4, 3)

        def call(self, x):
            return x + self.table(ops.arange(ops.shape(x)[1]))

    x = Input((None, 3))
    y = Positions()(x)
    assert y.shape == (None, None, 3)
    assert Model(x, y)(np.ones((2, 4, 3))).shape == (2, 4, 3)


def test_layers_are_listed_as_keras_lists_them():
    """Inputs and what is far from the outputs first; operations are no layers, but have names."""
    a, b = Input((3,), name="a"), Input((3,), name="b")
    x = layers.Dense(2, name="deep")(a * 2.0)
    near = layers.Dense(2, name="near")(b)
    model = Model([a, b], layers.Add(name="sum")([layers.Dense(2, name="deeper")(x), near]))
    assert [layer.name for layer in model.layers] == ["a", "deep", "b", "deeper", "near", "sum"]
    assert model.get_layer(index=3).name == "deeper"
    assert model.get_layer(a.node.layer.name) is a.node.layer
    operation = next(node.layer for node in model._graph.nodes if node.layer.name.startswith("multiply"))
    assert model.get_layer(operation.name) is operation


def test_what_was_computed_is_a_constant_of_a_model():
    """Its tape ends with the first backward; what it was computed from is no part of the model."""
    rows = layers.Embedding(4, 4)(np.arange(4))
    x = Input((4,))
    model = Model(x, layers.Dense(1)(ops.add(x, rows[0])))
    model.compile("sgd", "mse")
    y = np.ones((3, 1), np.float32)
    assert np.isfinite(model.fit(X, y, batch_size=1, epochs=2, verbose=0).history["loss"]).all()
    assert len(model.trainable_weights) == 2


def test_calls_of_a_shared_layer_keep_their_order():
    """Also where the first needs more before it than those behind it."""
    x = Input((3,), name="x")
    shared = layers.Dense(3, name="shared")
    first = shared(layers.Dense(3, name="one")(layers.Dense(3, name="two")(x)))
    model = Model(x, [first, shared(x), shared(layers.Dense(3, name="three")(x)), shared(shared(x))])
    config = model.get_config()
    again = Model.from_config(config)
    assert again.get_config() == config
    again.set_weights(model.get_weights())
    data = np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32)
    for a, b in zip(model(data), again(data), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
