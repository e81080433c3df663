"""What fit, evaluate and predict take: frames, sparse matrices, memmaps, streams, other libraries' datasets."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import types
from typing import ClassVar

import numpy as np
import pytest

import lamina
from lamina import Input, Model, layers
from lamina.models import data_adapter

rng = np.random.default_rng(0)
X = rng.random((50, 3)).astype(np.float32)
Y = rng.random(50).astype(np.float32)


def linear(*inputs):
    """A compiled model whose output is the sum of its inputs' columns; its first loss tells whether data arrived."""
    joined = inputs[0] if len(inputs) == 1 else layers.Concatenate()(list(inputs))
    model = Model(list(inputs) if len(inputs) > 1 else inputs[0], layers.Dense(1, kernel_initializer="ones")(joined))
    model.compile("sgd", "mse")
    return model


def loss_of(x, y):
    return float(((x.sum(-1) - y) ** 2).mean())


WANTED = loss_of(X, Y)


def takes(model, x, y=None, **options):
    """fit, evaluate and predict take x."""
    before = model.get_weights()
    assert model.evaluate(x, y, verbose=0, **options) == pytest.approx(WANTED, rel=1e-5)
    np.testing.assert_allclose(np.sort(model.predict(x, verbose=0)[:, 0]), np.sort(X.sum(-1)), rtol=1e-5)
    history = model.fit(x, y, epochs=2, verbose=0, validation_data=x if y is None else (x, y), **options).history
    assert history["val_loss"][1] < history["val_loss"][0] < WANTED
    model.set_weights(before)


def frames():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    return [(library.DataFrame, library.Series) for library in (pandas, polars)]


def test_frames_and_columns():
    for frame, series in frames():
        x, y = frame({name: X[:, i] for i, name in enumerate("abc")}), series(Y)
        takes(linear(Input((3,))), x, y)
        assert (
            linear(Input((3,))).fit(x, y, validation_split=0.2, sample_weight=series(Y), verbose=0).history["val_loss"]
        )
        takes(linear(Input((3,))), x, frame({"y": Y}))
        inputs = [Input((1,), name=name) for name in "abc"]
        takes(linear(*inputs), {name: x[name] for name in "abc"}, y)
        takes(linear(*inputs), [x[name] for name in "abc"], y)
    pandas = pytest.importorskip("pandas")
    takes(linear(*[Input((1,), name=name) for name in "abc"]), dict(pandas.DataFrame(X, columns=list("abc"))), Y)


def test_columns_that_could_miss_values():
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame({"a": pandas.array(range(50), "Int64"), "b": X[:, 0], "c": pandas.array(X[:, 1], "Float32")})
    numbers = np.stack([np.arange(50), X[:, 0], X[:, 1]], 1)
    made = linear(Input((3,)))
    np.testing.assert_allclose(made.predict(x, verbose=0)[:, 0], numbers.sum(-1), rtol=1e-5)
    x.loc[7, "a"] = pandas.NA
    with pytest.raises(TypeError, match=r"fit: x has a column 'a' of dtype Int64: at \[7\] a value is missing; "):
        made.fit(x, Y, verbose=0)
    flags = pandas.Series(pandas.array([True, None] * 25, "boolean"))
    with pytest.raises(TypeError, match=r"fit: y has dtype boolean, .* at \[1\] a value is missing"):
        made.fit(x[["b"]], flags, verbose=0)


def test_booleans_stand_beside_numbers():
    """As pandas.get_dummies makes them."""
    for frame, _ in frames():
        x = frame({"n": [1.5, 2.0], "on": [True, False]})
        np.testing.assert_array_equal(linear(Input((2,))).predict(x, verbose=0), [[2.5], [2.0]])


def wrong_columns():
    for frame, _ in frames():
        text = {"n": [1.0, 2.0], "city": ["Rome", "Oslo"]}
        yield frame(text), "column 'city' .*text, 'Rome'"
        dates = {"n": [1.0, 2.0], "when": np.array(["2020-01-01", "2021-01-01"], "M8[ms]")}
        yield frame(dates), "column 'when' .*it holds dates"
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    kinds = pandas.Series(["x", "y"], dtype="category")
    yield pandas.DataFrame({"n": [1.0, 2.0], "kind": kinds}), r"column 'kind' .*take x\['kind'\].cat.codes"
    kinds = polars.Series(["x", "y"], dtype=polars.Categorical)
    yield polars.DataFrame({"n": [1.0, 2.0], "kind": kinds}), r"column 'kind' .*take x\['kind'\].to_physical\(\)"
    yield polars.DataFrame({"n": [1.0, 2.0], "on": [True, None]}), r"column 'on' .*missing; .*x\['on'\].fill_null"
    zoned = pandas.Series(pandas.to_datetime(["2020", "2021"], utc=True))
    yield pandas.DataFrame({"n": [1.0, 2.0], "when": zoned}), "column 'when' .*Timestamp"
    yield pandas.DataFrame({"n": [1.0, 2.0], "list": [[1], [1, 2]]}), "column 'list' .*arrays of shapes"


def test_columns_that_are_no_numbers_are_named():
    for x, message in wrong_columns():
        with pytest.raises(TypeError, match=f"x has .*{message}"):
            linear(Input((2,))).fit(x, [0.0, 1.0], verbose=0)


def test_missing_numbers_are_told_with_their_column():
    for frame, series in frames():
        x = frame({"a": [1.0, 2.0, 3.0], "b": [1.0, float("nan"), 2.0]})
        with pytest.warns(UserWarning, match=r"x holds nan \(sample 1 of the batch, column 1 \('b'\)\)"):
            linear(Input((2,))).fit(x, [0.0, 1.0, 2.0], verbose=0, shuffle=False)
        model = lamina.Sequential([layers.Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        with pytest.raises(ValueError, match="label nan at index 1 of y"):
            model.fit(x[["a"]], series([0.0, float("nan"), 1.0]), verbose=0)


def test_a_frame_is_converted_once():
    pandas = pytest.importorskip("pandas")
    calls = []

    class Frame(pandas.DataFrame):
        def __array__(self, *args, **kwargs):
            calls.append(1)
            return super().__array__(*args, **kwargs)

    linear(Input((3,))).fit(Frame(X), Y, epochs=3, batch_size=10, verbose=0)
    assert len(calls) == 1


def test_sparse_matrices(monkeypatch):
    sparse = pytest.importorskip("scipy.sparse")
    rows = []
    dense = data_adapter.SparseRows.dense

    def watch(self, part):
        found = dense(self, part)
        rows.append(len(found))
        return found

    monkeypatch.setattr(data_adapter.SparseRows, "dense", watch)
    for kind in (sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix):
        takes(linear(Input((3,))), kind(X), Y, batch_size=8)
    assert max(rows) <= 32  # a batch, never all
    model = linear(Input((3,)))
    assert model.fit(sparse.csr_matrix(X), Y, validation_split=0.5, batch_size=4, verbose=0).history["val_loss"]
    takes(linear(Input((1,)), Input((2,))), [sparse.csr_matrix(X[:, :1]), sparse.csr_matrix(X[:, 1:])], Y)
    many = lamina.Sequential([layers.Dense(3, activation="sigmoid")])
    many.compile("sgd", "binary_crossentropy")
    many.fit(sparse.csr_matrix(X), sparse.csr_matrix(X > 0.5), verbose=0)
    with pytest.raises(ValueError, match="x has 50, y has 3"):
        model.fit(sparse.csr_matrix(X), Y[:3])


def test_ragged_lists_say_how_to_pad():
    made = linear(Input((3,)))
    for x in ([[1.0], [1.0, 2.0]], np.array([[1.0], [1.0, 2.0]], object), [np.ones(1), np.ones(2), np.ones(3)]):
        with pytest.raises((ValueError, TypeError), match=r"lamina.utils.pad_sequences"):
            made.fit(x, np.zeros(len(x)), verbose=0)
    made.fit(lamina.utils.pad_sequences([[1.0], [1.0, 2.0]], 3, "float32"), [0.0, 1.0], verbose=0)


def test_memmaps_are_read_batch_by_batch(tmp_path):
    """48 MB in a process that may take 24 MB more than it has."""
    program = textwrap.dedent("""
        import resource, sys
        import numpy as np
        import lamina

        x = np.memmap(sys.argv[1], np.float32, "w+", shape=(3000, 4096))
        y = np.zeros((3000, 1), np.float32)
        model = lamina.Sequential([lamina.Input((4096,)), lamina.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(np.zeros((64, 4096)), y[:64], batch_size=64, verbose=0)
        model.predict(np.zeros((64, 4096)), batch_size=64, verbose=0)

        def own():  # without the pages of files, which the system takes back when it needs them
            with open("/proc/self/status") as file:
                return next(int(line.split()[1]) for line in file if line.startswith("RssAnon")) // 1024

        before = own()
        peak = []
        class Watch(lamina.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                peak.append(own())
            on_predict_batch_end = on_test_batch_end = on_train_batch_end
        for data in (x, x[:, ::-1], np.memmap(sys.argv[1], ">f4", "r", shape=(3000, 4096))):
            for shuffle in (False, True):
                model.fit(data, y, batch_size=64, shuffle=shuffle, verbose=0, callbacks=[Watch()])
        model.fit(x, y, batch_size=64, validation_split=0.5, verbose=0, callbacks=[Watch()])
        model.predict(x, batch_size=64, verbose=0, callbacks=[Watch()])
        model.evaluate(x, y, batch_size=64, verbose=0, callbacks=[Watch()])
        assert max(peak) - before < 24, (before, max(peak))
    """)
    if not sys.platform.startswith("linux"):
        pytest.skip("asks Linux how much memory a process has")
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "x")], check=True)


def test_loaders_whose_batches_change_or_run_out():
    model = lamina.Sequential([Input((3,)), layers.Dense(1, name="last")])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"'last'.*\(4, 2\)|\(4, 2\).*'last'"):
        model.fit(iter([(X[:4], Y[:4]), (X[:4, :2], Y[:4])]), verbose=0)
    with pytest.raises(ValueError, match="y"):
        model.fit(iter([(X[:4], Y[:4]), X[:4]]), verbose=0)
    with pytest.warns(UserWarning, match=r"fit: x ran out of data after 2 of 3 batches; .*repeat"):
        assert model.fit(iter([(X, Y)] * 2), steps_per_epoch=3, verbose=0).epoch == [0]
    with pytest.warns(UserWarning, match=r"evaluate: x ran out of data after 2 of 3 batches"):
        model.evaluate(iter([(X, Y)] * 2), steps=3, verbose=0)
    with pytest.warns(UserWarning, match=r"predict: x ran out of data after 2 of 3 batches"):
        assert model.predict(iter([X, X]), steps=3, verbose=0).shape == (100, 1)

    class Short:
        def __len__(self):
            return 3

        def __iter__(self):
            return iter([(X, Y)] * 2)

    with pytest.warns(UserWarning, match="fit: x gave 2 batches, its length says 3"):
        model.fit(Short(), verbose=0)
    for empty in (iter(()), [], lamina.data.Dataset.range(0), lamina.data.batches(X[:0], Y[:0])):
        for call, name in ((model.fit, "fit"), (model.evaluate, "evaluate"), (model.predict, "predict")):
            with pytest.raises(ValueError, match=rf"{name}: x (gave no batches|holds no samples)"):
                call(empty, verbose=0)
    with pytest.raises(ValueError, match="validation_data: x gave no batches"):
        model.fit(X, Y, validation_data=iter(()), verbose=0)


def test_weights_go_with_streams():
    model = lamina.Sequential([Input((3,)), layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    labels = np.arange(50) % 2
    only = model.evaluate(X[::2], labels[::2], verbose=0)
    weights = np.where(labels, 0.0, 2.0)
    stream = lamina.data.Dataset.from_tensor_slices((X, labels, weights)).batch(10)
    assert model.evaluate(stream, verbose=0) == pytest.approx(only, rel=1e-5)
    plain = lamina.data.Dataset.from_tensor_slices((X, labels)).batch(50)
    assert model.fit(plain, class_weight={0: 2.0, 1: 0.0}, verbose=0).history["loss"] == [pytest.approx(only, rel=1e-5)]


class Like:
    """Iterable as tf.data's datasets are: no length, elements that become arrays, as_numpy_iterator."""

    def __iter__(self):
        for i in range(0, 50, 10):
            yield Value(X[i : i + 10]), Value(Y[i : i + 10])

    def __len__(self):
        raise TypeError("The dataset is infinite.")


class Value:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype)


def test_iterables_like_those_of_tf_data():
    model = linear(Input((3,)))
    assert model.evaluate(Like(), verbose=0) == pytest.approx(WANTED, rel=1e-5)
    assert len(model.fit(Like(), epochs=2, verbose=0).epoch) == 2


def test_datasets_of_torch():
    torch = pytest.importorskip("torch")
    data = torch.utils.data

    class Samples(data.Dataset):
        def __len__(self):
            return 50

        def __getitem__(self, i):
            return torch.from_numpy(X[i]), float(Y[i])

    class Stream(data.IterableDataset):
        def __iter__(self):
            return iter([(X[i], Y[i]) for i in range(50)])

    tensors = data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    for source in (
        Samples(), Stream(), tensors, data.Subset(tensors, range(50)), data.DataLoader(tensors, batch_size=8),
        data.DataLoader(Samples(), batch_size=8, shuffle=True),
    ):  # fmt: skip
        takes(linear(Input((3,))), source)
    takes(linear(Input((3,))), torch.from_numpy(X), torch.from_numpy(Y))
    seen = []

    class Watch(Samples):
        def __getitem__(self, i):
            seen.append(i)
            return super().__getitem__(i)

    model = linear(Input((3,)))
    model.fit(Watch(), batch_size=20, verbose=0)
    assert sorted(seen) == list(range(50)) != seen
    seen.clear()
    assert model.fit(Watch(), batch_size=20, verbose=0, shuffle=False).params["steps"] == 3
    assert seen == list(range(50))
    with pytest.raises(ValueError, match="x gives batches, so y"):
        model.fit(Samples(), Y)

    class Uneven(Samples):
        def __getitem__(self, i):
            return torch.ones(1 + i % 2), 0.0

    with pytest.raises(ValueError, match=r"fit: x, part 0: elements have different shapes, \(1,\), \(2,\)"):
        model.fit(Uneven(), verbose=0)


def imitated(monkeypatch, library, **classes):
    """A library that has these classes alone, so that its ways are tried without it."""
    module = types.ModuleType(library)
    for name, cls in classes.items():
        setattr(module, name, cls)
    monkeypatch.setitem(sys.modules, library, module)


class Rows:
    """As datasets.Dataset: rows by a list of places, columns by name."""

    format: ClassVar = {"type": None}

    def __init__(self, **columns):
        self.columns, self.read = columns, []

    def __len__(self):
        return 50

    def with_format(self, kind):
        assert kind == "numpy"
        return self

    def __getitem__(self, places):
        self.read.append(places)
        return {name: values[places] for name, values in self.columns.items()}


class Streamed(Rows):
    def iter(self, batch_size):
        return (self[list(range(i, min(i + batch_size, 50)))] for i in range(0, 50, batch_size))


def test_datasets_like_those_of_hugging_face(monkeypatch):
    imitated(monkeypatch, "datasets", Dataset=Rows, IterableDataset=Streamed, DatasetDict=dict)
    model = linear(Input((3,)))
    for label in ("label", "labels", "target", "targets", "y"):
        assert model.evaluate(Rows(**{label: Y, "features": X}), verbose=0) == pytest.approx(WANTED, rel=1e-5)
    takes(model, Rows(features=X, label=Y))
    rows = Rows(features=X, label=Y)
    model.fit(rows, batch_size=20, shuffle=False, verbose=0)
    assert rows.read[-3:] == [list(range(20)), list(range(20, 40)), list(range(40, 50))]
    rows.read.clear()
    model.fit(rows, batch_size=20, verbose=0)
    order = [place for places in rows.read[-3:] for place in places]
    assert sorted(order) == list(range(50)) != order
    np.testing.assert_allclose(model.predict(Rows(features=X), verbose=0), model.predict(X, verbose=0), rtol=1e-5)
    inputs = [Input((1,), name=name) for name in "abc"]
    takes(linear(*inputs), Rows(**{name: X[:, i : i + 1] for i, name in enumerate("abc")}, label=Y))
    with pytest.raises(ValueError, match="fit: x has no column but 'label'"):
        model.fit(Rows(label=Y), verbose=0)
    with pytest.raises(TypeError, match=r"fit: x has the parts 'train', 'test'; give one, as x\['train'\]"):
        model.fit({"train": X, "test": X})


def test_datasets_like_those_of_torch(monkeypatch):
    class Dataset:
        def __getitem__(self, i):
            return X[i], Y[i]

    class Counted(Dataset):
        def __len__(self):
            return 50

    class Batched(Counted):
        def __getitems__(self, places):
            return [self[i] for i in places]

    class Stream:
        def __iter__(self):
            return iter(zip(X, Y, strict=True))

    utils = types.SimpleNamespace(data=types.SimpleNamespace(Dataset=Dataset, IterableDataset=Stream))
    imitated(monkeypatch, "torch", utils=utils)
    for source in (Counted(), Batched(), Stream()):
        takes(linear(Input((3,))), source)
    assert linear(Input((3,))).fit(Counted(), batch_size=20, verbose=0).params["steps"] == 3
    with pytest.raises(TypeError, match="x is a Dataset without __len__"):
        linear(Input((3,))).fit(Dataset(), verbose=0)


def test_datasets_of_hugging_face():
    pytest.importorskip("datasets.arrow_dataset")  # a part, for there is a folder tests/datasets, too
    import datasets

    given = datasets.Dataset.from_dict({"features": X.tolist(), "label": Y.tolist()})
    model = linear(Input((3,)))
    takes(model, given)
    takes(model, given.with_format("numpy"))
    takes(model, given["features"], given["label"])
    takes(model, given.to_iterable_dataset())
    inputs = [Input((1,), name=name) for name in "abc"]
    columns = datasets.Dataset.from_dict({name: X[:, i] for i, name in enumerate("abc")} | {"labels": Y})
    takes(linear(*inputs), columns)
    with pytest.raises(TypeError, match=r"fit: x has the parts 'train'; give one, as x\['train'\]"):
        model.fit(datasets.DatasetDict(train=given))
    with pytest.raises(ValueError, match="x has no column but 'label'"):
        model.fit(given.remove_columns("features"), verbose=0)


def test_a_step_that_fails_ends_the_threads():
    """Also while somebody holds the error, and with it the frames of the loop."""
    model = linear(Input((3,)))
    wide = lamina.data.Dataset.from_tensor_slices((np.ones((50, 4)), Y)).batch(5).prefetch(2)
    for call in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ValueError, match="4") as caught:
            call(wide, verbose=0)
        assert not [t for t in threading.enumerate() if t.name.startswith("lamina.data")]
        assert caught.value.__traceback__ is not None
    with pytest.raises(ValueError, match="4"):
        model.fit(wide.repeat(), steps_per_epoch=3, verbose=0, validation_data=wide)
    assert not [t for t in threading.enumerate() if t.name.startswith("lamina.data")]
