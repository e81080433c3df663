"""What a user reads who gave fit, layers or operations something else than arrays of numbers."""

from __future__ import annotations

import copy
import pickle
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
    mixed = pandas.DataFrame({"a": [1.0, 2.0], "b": [True, False]})
    with pytest.raises(TypeError, match=r"columns of different types.*x.astype\('float32'\)"):
        made.fit(mixed, y, verbose=0)
    made.fit(mixed.astype("float32"), y, verbose=0)


@pytest.mark.parametrize("given", ["text", {1, 2}, b"x", ["a", "b"], object(), Samples(), batches, [[1.0], [2.0, 3.0]]])
@pytest.mark.parametrize("layer", [
    layers.Dense(2), layers.LSTM(2), layers.Conv2D(1, 1), layers.Flatten(), layers.Dropout(0.5), layers.Embedding(3, 2),
    layers.LayerNormalization(), layers.BatchNormalization(), layers.Activation("relu"), layers.MaxPooling2D(),
    layers.Softmax(), layers.Masking(), layers.GlobalAveragePooling1D(), layers.Reshape((3,)), layers.Add(),
    layers.Concatenate(), layers.MultiHeadAttention(1, 2), layers.TimeDistributed(layers.Dense(1)),
], ids=lambda layer: layer.name)  # fmt: skip
def test_layers_name_what_is_no_array(layer, given):
    with pytest.raises((TypeError, ValueError), match=r"^\w+ '\w+': the input (is|has|holds|makes no array)"):
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
            with pytest.raises((TypeError, ValueError), match=r"Tensor: (expected numbers|the value makes no array)"):
                operation(given)


def history():
    made = model()
    return made.fit(X, Y, verbose=0)


HELD = [
    model(), model().layers[0], model().layers[0].kernel, history().model.optimizer, history(),
    layers.Dense(2, name="d"), Input((3,)), lamina.Tensor(X), lamina.Variable(X), optimizers.Adam(),
    losses.MeanSquaredError(), metrics.BinaryAccuracy(), callbacks.EarlyStopping(),
]  # fmt: skip


@pytest.mark.parametrize("thing", HELD, ids=lambda t: type(t).__name__)
def test_pickling_works_or_says_what_to_do(thing):
    try:
        again = pickle.loads(pickle.dumps(thing))
    except TypeError as error:
        message = str(error)
        assert "cannot be pickled" in message
        assert "weakref" not in message
        assert "model.save" in message or "get_config" in message or "numpy" in message
    else:
        assert type(again) is type(thing)


def test_copies_of_models_still_work():
    made = model()
    for again in (copy.copy(made), copy.deepcopy(made)):
        np.testing.assert_array_equal(again(X).numpy(), made(X).numpy())
