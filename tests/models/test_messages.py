"""What a user reads who gave fit, layers or operations something else than arrays of numbers."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from decimal import Decimal

import numpy as np
import pytest

import lamina
from lamina import Input, Sequential, callbacks, layers, losses, metrics, ops, optimizers

X, Y = np.ones((8, 3), np.float32), np.ones((8, 2), np.float32)


def model():
    made = Sequential([Input((3,)), layers.Dense(2)])
    made.compile("sgd", "mse")
    return made


class Samples:
    """As torch.utils.data.TensorDataset: samples by number, and no iterator."""

    def __len__(self):
        return 8

    def __getitem__(self, i):
        if i >= 8:
            raise IndexError(i)
        return X[i], Y[i]


class Loader:
    """As torch.utils.data.DataLoader: lists of [x, y]."""

    def __init__(self, batch=2):
        self.batch = batch

    def __iter__(self):
        return iter([[X[i : i + self.batch], Y[i : i + self.batch]] for i in range(0, 8, self.batch)])

    def __len__(self):
        return 8 // self.batch


def batches():
    yield X, Y


X_CASES = {
    "dataset": (Samples(), r"x is a Samples, which gives single samples; give batches, as torch.utils.data.DataLoader"),
    "set": ({1, 2}, r"x is a set, which has no order; give a list or an array"),
    "text": ("data.csv", r"x is text \('data.csv'\)|x has dtype <U8"),
    "bytes": (b"data", r"x has dtype \|S4.*bytes"),
    "function": (batches, r"x is the function batches; what it returns is meant: batches\(\)"),
    "class": (Loader, r"x is the class Loader; make one: Loader\(...\)"),
    "none": (None, "x is missing"),
    "object": (object(), "x is of type object; expected numbers"),
    "model": (lamina, "x is of type module"),
    "number": (3.0, "x is a single number"),
    "ragged": ([[1.0, 2, 3], [1.0, 2]], r"must have equal shapes, but \[0\] has length 3 and \[1\] has length 2"),
    "ragged inside": ([[[1], [2]], [[1], [2, 3]]], r"\[1\]\[0\] has length 1 and \[1\]\[1\] has length 2"),
    "mixed": ([1.0, [2.0]], "no length and .* has length 1; pad or cut"),
    "strings": (["a", "b"], r"x has dtype <U1, expected numbers or booleans: it holds text like 'a'; encode it"),
    "missing": ([[1.0, None]], r"x has dtype object.*at \[0, 1\] a value is missing \(None\); fill it in or drop"),
    "objects": (np.array([[1.0, "red"]], object), r"at \[0, 1\] stands text, 'red'"),
    "arrays": (np.array([np.ones(2), np.ones(3)], object), r"arrays of shapes \(2,\), \(3,\).*: pad or cut them"),
    "numbers as objects": (X.astype(object), r"its numbers are objects; x.astype\('float32'\)"),
    "decimal": ([[Decimal(1)]], r"at \[0, 0\] stands a Decimal"),
    "dates": (np.zeros((8, 3), "datetime64[s]"), "it holds dates; take differences"),
    "durations": (np.zeros((8, 3), "timedelta64[s]"), "it holds durations; divide"),
    "complex": (X.astype(complex), r"it is complex; take np.abs\(x\)"),
    "fields": (np.zeros(8, [("a", "f4"), ("b", "f4")]), r"it has fields \(a, b\)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", X_CASES)
@pytest.mark.parametrize("act", ["fit", "evaluate", "predict", "predict_on_batch"])
def test_data_that_are_no_arrays(kind, act):
    given, message = X_CASES[kind]
    made = model()
    with pytest.raises((TypeError, ValueError), match=rf"{act}: .*({message})"):
        getattr(made, act)(given)
    if act == "fit" and given is not None:
        with pytest.raises((TypeError, ValueError), match=r"fit: .*y (is|has|makes no array)"):
            made.fit(X, given, verbose=0)


STREAMS = {
    "none": ([None], "x gave None; expected batches: x, "),
    "numbers": (range(4), "x gave the single number 0; expected batches"),
    "characters": (["ab", "cd"], "x gave text"),
    "sets": ([{1}], "x gave a set"),
    "samples": ([(X[0], 3)], "x gave a sample with the label 3; expected batches.*several samples each"),
    "parts": ([(X, Y, Y[:, 0], Y)], r"a batch must be x, \(x, y\) or \(x, y, sample_weight\), got 4 parts"),
    "empty": ([()], "got 0 parts"),
    "functions": ([batches], "x gave the function batches"),
    "ragged": ([([[1.0], [1.0, 2]], Y[:2])], "samples must have equal shapes"),
}


@pytest.mark.parametrize("kind", STREAMS)
def test_streams_that_give_no_batches(kind):
    given, message = STREAMS[kind]
    with pytest.raises((TypeError, ValueError), match=f"fit: .*{message}"):
        model().fit(iter(given), verbose=0)


@pytest.mark.parametrize("make", [Loader, batches, lambda: iter(Loader())])
def test_streams_that_do(make):
    assert len(model().fit(make(), verbose=0).history["loss"]) == 1


def test_columns_of_data_frames_are_named():
    pandas = pytest.importorskip("pandas", reason="a test of data frames")
    frame = pandas.DataFrame(
        {"age": [1.0, 2.0], "city": ["Rome", "Oslo"], "when": pandas.to_datetime(["2020", "2021"])}
    )
    y = [0.0, 1.0]
    made = Sequential([layers.Dense(1)])
    made.compile("sgd", "mse")
    city = r"x has a column 'city' of dtype \w+: at \[0\] stands text, 'Rome'; encode it, as pandas.get_dummies\(x, "
    with pytest.raises(TypeError, match=rf"fit: {city}columns=\['city'\]\)"):
        made.fit(frame, y, verbose=0)
    with pytest.raises(TypeError, match=r"fit: x has a column 'when' of dtype datetime.*: it holds dates"):
        made.fit(frame[["age", "when"]], y, verbose=0)
    with pytest.raises(TypeError, match=r"predict: x has a column 'city'"):
        made.predict(frame)
    with pytest.raises(TypeError, match=r"Dense 'd': the input has a column 'city'"):
        layers.Dense(1, name="d")(frame)
    with pytest.raises(TypeError, match=r"fit: y has dtype (object|str), expected numbers.*'Rome'"):
        made.fit(frame[["age"]], frame["city"], verbose=0)
    made.fit(pandas.DataFrame({"a": [1.0, 2.0], "b": [True, False]}), y, verbose=0)  # as get_dummies makes them


@pytest.mark.parametrize("given", ["text", {1, 2}, b"x", ["a", "b"], object(), Samples(), batches, [[1.0], [2.0, 3.0]]])
@pytest.mark.parametrize("layer", [
    layers.Dense(2), layers.LSTM(2), layers.Conv2D(1, 1), layers.Flatten(), layers.Dropout(0.5), layers.Embedding(3, 2),
    layers.LayerNormalization(), layers.BatchNormalization(), layers.Activation("relu"), layers.MaxPooling2D(),
    layers.Softmax(), layers.Masking(), layers.GlobalAveragePooling1D(), layers.Reshape((3,)), layers.Add(),
    layers.Concatenate(), layers.MultiHeadAttention(1, 2), layers.TimeDistributed(layers.Dense(1)),
], ids=lambda layer: type(layer).__name__)  # fmt: skip
def test_layers_name_what_is_no_array(layer, given):
    with pytest.raises((TypeError, ValueError), match=r"^\w+ '\w+': the input (is|has|makes no array)"):
        layer(given)


def test_operations_name_what_is_no_array():
    for given in ("text", {1, 2}, ["a"], object(), [[1.0], [2.0, 3.0]], [None]):
        for operation in (
            ops.exp,
            ops.sum,
            ops.relu,
            ops.softmax,
            lambda x: ops.add(x, 1.0),
            ops.transpose,
            ops.argmax,
        ):
            with pytest.raises(
                (TypeError, ValueError), match=r"Tensor: (expected numbers|the value makes)|^\w+: x1? must be"
            ):
                operation(given)


def history():
    made = model()
    return made.fit(X, Y, verbose=0)


# What Python, NumPy and pybind11 say of their own, without the argument's name.
INTERNALS = re.compile(
    r"object has no|NoneType' object|not subscriptable|is not iterable|unhashable|not supported between|Cannot cast|"
    r"Cannot interpret|inhomogeneous|indices must|invalid literal|argument must be|bad operand|unsupported operand|"
    r"truth value|is not callable|could not convert|has no len|incompatible function arg|Unable to cast|unpack"
)
WRONG = [
    None, "x", "", {}, {"a": 1}, [], [1, 2], (), -1, 0, 1.5, float("nan"), 10**30, True, object(), np.ones(3), len,
    set(), b"x", 1j,
]  # fmt: skip
NEEDED = {
    "filters": 3, "kernel_size": 2, "units": 3, "rate": 0.5, "input_dim": 4, "output_dim": 3, "num_heads": 2,
    "key_dim": 3, "dims": (2, 1), "n": 2, "target_shape": (3,), "activation": "relu", "axes": 1, "shape": (3,),
    "sequence_length": 4, "stddev": 0.1, "pool_size": 2, "boundaries": [1], "values": [0.1, 0.2], "filepath": "x",
    "backup_dir": "x", "filename": "x", "initial_learning_rate": 0.1, "decay_steps": 3, "first_decay_steps": 3,
    "decay_rate": 0.5, "schedule": len, "learning_rate": 0.1, "fn": losses.huber, "function": ops.exp,
}  # fmt: skip


def classes():
    modules = (layers, losses, metrics, optimizers, callbacks)
    for module in (*modules, lamina.initializers, lamina.regularizers, lamina.optimizers.schedules):
        assert module.__all__  # those that come later are there now
        for name, cls in vars(module).items():
            public = isinstance(cls, type) and not name.startswith("_") and cls.__module__.startswith("lamina.")
            if public and name not in (
                "CallbackList",
                "SymbolicTensor",
                "Variable",
                "Tensor",
                "Generator",
                "MaskedTensor",
            ):
                yield cls


@pytest.mark.parametrize("cls", sorted(set(classes()), key=lambda c: c.__qualname__), ids=lambda c: c.__name__)
def test_constructors_name_the_argument_that_is_wrong(cls):
    cells = {"layer": layers.LSTM(2), "cell": layers.LSTMCell(2), "cells": [layers.LSTMCell(2)]}
    parameters = inspect.signature(cls.__init__).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != "self"]
    given = {p.name: {**NEEDED, **cells}.get(p.name) for p in named if p.default is p.empty}
    for name in [p.name for p in named] + ["name", "dtype", "input_shape"] * issubclass(cls, layers.Layer):
        for value in WRONG:
            try:
                cls(**{**given, name: value})
            except (TypeError, ValueError, IndexError, NotImplementedError) as error:
                explained = name in str(error) or not INTERNALS.search(str(error))
                assert explained, (name, value)


def test_arguments_of_constructors():
    for make, message in (
        (lambda: optimizers.Adam(beta_1="x"), "Adam: beta_1 must be a number, got 'x'"),
        (lambda: optimizers.SGD(momentum=None), "SGD: momentum must be a number, got None"),
        (lambda: layers.Permute(3), "Permute: dims must be a sequence of integers, got 3"),
        (lambda: layers.Dense(2, input_shape=1.5), "Dense: input_shape must be a sequence of sizes or None, got 1.5"),
        (
            lambda: lamina.optimizers.schedules.CosineDecay(0.1, None),
            "CosineDecay: decay_steps must be an integer, got None",
        ),
        (lambda: callbacks.EarlyStopping(min_delta="1"), "EarlyStopping: min_delta must be a number, got '1'"),
        (lambda: layers.Dropout(0.5, seed="x"), "a seed must be an integer or a SeedGenerator, got 'x'"),
        (lambda: losses.FunctionLoss(3), r"FunctionLoss: fn must be a function \(y_true, y_pred\), got 3"),
        (lambda: lamina.set_num_threads("2"), "set_num_threads: expected an integer, got '2'"),
        (lambda: lamina.Tensor(X, dtype="nonsense"), "Tensor: dtype must be a type of numbers or booleans"),
        (lambda: lamina.Variable("zeros", 1.5), "Variable: a shape must be a list of integers, got 1.5"),
        (
            lambda: layers.Dense(2).build(True),
            r"Dense 'dense.*': build: expected a shape such as \(None, 8\), got True",
        ),
        (lambda: model().set_weights(None), "set_weights expected a list of arrays, got NoneType"),
        (lambda: model().load_state_dict([1]), "load_state_dict expected a dict of arrays, got list"),
        (lambda: model().fit(X, Y, callbacks=3), "callbacks: expected Callback objects, got 3"),
        (lambda: model().fit(X, Y, callbacks=np.array(3)), "callbacks: expected Callback objects, got array"),
        (lambda: model().fit(X, Y, validation_split="x"), "fit: validation_split must be a number, got 'x'"),
        (
            lambda: model().fit(X, Y, validation_split=X),
            r"fit: validation_split must be a number, got an array of shape .8, 3",
        ),
        (lambda: model().fit(X, Y, shuffle=X), "fit: shuffle must be True or False, got an array"),
        (lambda: model().fit(X, Y, verbose=X), "fit: verbose must be .*, got an array"),
        (lambda: model().predict(X, verbose=[1]), "predict: verbose must be .*, got"),
        (lambda: model().evaluate(X, Y, return_dict=X), "evaluate: return_dict must be True or False, got an array"),
        (lambda: model().train_on_batch(X, Y, return_dict=X), "train_on_batch: return_dict must be True or False"),
        (
            lambda: model().fit(X, Y, class_weight={0: [1]}),
            r"class_weight: the weight of class 0 must be a number, got \[",
        ),
        (
            lambda: model().fit(X, Y, class_weight={0: "a"}),
            "class_weight: the weight of class 0 must be a number, got 'a'",
        ),
        (
            lambda: model().compile(run_eagerly=X),
            r"compile: run_eagerly must be True or False, got an array of shape .8, 3",
        ),
        (lambda: model().compile(metrics=np.zeros(0)), "metric: expected a name, a Metric or a function"),
        (lambda: callbacks.EarlyStopping(True), "EarlyStopping: monitor must be a string, got True"),
        (lambda: callbacks.EarlyStopping(patience="a"), "EarlyStopping: patience must be an integer, got 'a'"),
        (
            lambda: losses.BinaryCrossentropy(from_logits=X),
            "BinaryCrossentropy: from_logits must be True or False, got",
        ),
        (
            lambda: losses.categorical_crossentropy(Y, Y, axis=X),
            "categorical_crossentropy: axis must be an integer, the axis of classes, got array",
        ),
        (lambda: losses.FunctionLoss(int)(Y, Y), "loss 'int': these arguments do not fit: y_true: an array of shape"),
        (lambda: optimizers.Adam(amsgrad=X), "Adam: amsgrad must be True or False, got an array"),
        (
            lambda: optimizers.SGD().apply([np.zeros((1, 2), "S3")], [lamina.Variable(np.zeros((1, 2), "f4"))]),
            "SGD.apply: the gradient of .* has dtype .S3",
        ),
        (lambda: ops.rot90(X, X), "rot90: k must be an integer, got an array"),
        (lambda: optimizers.Adam().apply_gradients([1]), r"Adam.apply_gradients: expected \(gradient, variable\)"),
        (lambda: lamina.models.clone_model(None), "clone_model: expected a model, got None"),
        (lambda: lamina.utils.to_categorical("x"), "to_categorical: x has dtype <U1, expected numbers"),
    ):
        with pytest.raises(TypeError, match=message):
            make()
    for make, message in (
        (lambda: optimizers.get({}), "optimizer: expected a description"),
        (lambda: losses.get({"class_name": 3}), "loss: expected a description"),
        (
            lambda: lamina.optimizers.schedules.deserialize(None),
            "expected the description of a learning-rate schedule, got None",
        ),
        (lambda: model().fit(X, (Y, Y)), r"fit: y must be one array, got a list of 2"),
        (lambda: model().fit(X, Y, sample_weight=[X, X]), r"fit: sample_weight must be one array, got a list of 2"),
        (lambda: model().fit(X, Y, class_weight={"a": 1}), "class_weight: keys must be class indices, got 'a'"),
        (lambda: model().fit(X, Y, class_weight={None: 1}), "class_weight: keys must be class indices, got None"),
        (lambda: losses.SparseCategoricalCrossentropy(from_logits=True)(0, 1.0), "y_pred is a single number, expected"),
        (lambda: layers.Maximum()([[[1], [[2]]], [[1], [2]]]), "makes no array: its entries are nested|equal shapes"),
        (lambda: Sequential.from_config({}), r"expected a configuration with 'layers', as get_config\(\) gives it"),
        (
            lambda: layers.Conv2D(1, 1, padding=1.5),
            r"padding must be 'valid', 'same', a .*\(\(top, bottom\), .*got 1.5",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            make()


def test_metrics_name_what_is_no_array():
    for name in ("accuracy", "binary_accuracy", "mse", "sparse_categorical_accuracy"):
        for values in ("x", ["a"], [[1, 2], [3]], [None, 1]):
            metric = metrics.get(name, (8,), (8, 3))
            with pytest.raises((TypeError, ValueError)) as caught:
                metric(values, X)
            assert not INTERNALS.search(str(caught.value)), (name, values)


HELD = [
    model(), model().layers[0], model().layers[0].kernel, history().model.optimizer, history(),
    layers.Dense(2, name="d"), Input((3,)), lamina.Tensor(X), lamina.Variable(X), optimizers.Adam(),
    losses.MeanSquaredError(), metrics.BinaryAccuracy(), callbacks.EarlyStopping(),
]  # fmt: skip


@pytest.mark.parametrize("thing", HELD, ids=lambda t: type(t).__name__)
def test_pickling_works(thing):
    assert type(pickle.loads(pickle.dumps(thing))) is type(thing)


def test_copies_of_models_still_work():
    made = model()
    for again in (copy.copy(made), copy.deepcopy(made)):
        np.testing.assert_array_equal(again(X).numpy(), made(X).numpy())


def test_parts_of_a_model_that_are_empty():
    x = lamina.Input((3,))
    with pytest.raises(ValueError, match="Model: outputs hold an empty part"):
        lamina.Model(x, {"p": [], "q": x})
    with pytest.raises(ValueError, match="Model: outputs is empty"):
        lamina.Model(x, [])
    with pytest.raises(TypeError, match="symbolic, but the input holds numbers"):
        lamina.layers.Flatten()(0, mask=x)
    with pytest.raises(TypeError, match="name must be a string or None"):
        lamina.Variable(0, name=np.zeros(2))
    with pytest.raises(TypeError, match=r"the initializer, called with \(shape, dtype"):
        lamina.Variable(lambda *a: 0, shape=())
    model = lamina.Sequential([lamina.Input((2,)), lamina.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="names no classes"):
        model.fit(np.zeros((2, 2)), np.ones((2, 1, 0)), verbose=0, class_weight={0: 5.0})
