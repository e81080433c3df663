"""How data become batches: nests of arrays, orders, sizes, streams."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Model, Sequential, layers, optimizers, utils
from lamina.models import data_adapter

X = np.arange(14.0, dtype=np.float32).reshape(7, 2)


def feed(*data, batch_size=3, steps=None, shuffle=False):
    """A feed of these arrays as they are."""
    made = data_adapter.feed("fit", (*data, None, None)[:3], batch_size, steps, shuffle)

    def prepare(given):
        column = data_adapter.Column(given.x, given.x.dtype)
        return (column, None, None), len(given.x)

    made.source.prepare(prepare)
    return made


def rows(batches):
    return [batch.x.numpy()[:, 0].astype(int).tolist() for batch in batches]


def test_batches_of_arrays():
    made = feed(X)
    assert made.steps == 3
    for _ in range(2):
        batches = list(made.epoch())
        assert rows(batches) == [[0, 2, 4], [6, 8, 10], [12]]
        assert [batch.size for batch in batches] == [3, 3, 1]
    assert [batch.size for batch in feed(np.zeros((65, 2)), batch_size=None).epoch()] == [32, 32, 1]
    assert feed(X, batch_size=7).steps == 1
    assert feed(X, batch_size=100).steps == 1


def test_shuffled_batches_hold_each_row_once():
    lamina.random.seed(1)
    made = feed(X, shuffle=True)
    first, second = rows(made.epoch()), rows(made.epoch())
    assert first != second
    for epoch in (first, second):
        assert sorted(row for batch in epoch for row in batch) == [0, 2, 4, 6, 8, 10, 12]
        assert [len(batch) for batch in epoch] == [3, 3, 1]


def test_limited_epochs_go_on():
    made = feed(X, steps=2)
    assert made.steps == 2
    assert rows(made.epoch()) == [[0, 2, 4], [6, 8, 10]]
    assert rows(made.epoch()) == [[12], [0, 2, 4]]
    stream = feed(iter([X[:2], X[2:3], X[3:]]), steps=2)
    with pytest.warns(UserWarning, match="ran out of data after 1 of 2 batches"):
        assert [rows(stream.epoch()) for _ in range(3)] == [[[0, 2], [4]], [[6, 8, 10, 12]], []]


def test_lengths_of_streams():
    assert feed(utils_of(4)).steps == 4
    assert feed(iter([X])).steps is None


def utils_of(n):
    class Set(utils.PyDataset):
        def __len__(self):
            return n

        def __getitem__(self, i):
            return X

    return Set()


SIZES = [(0, None), (-1, None), (True, None), (2.0, None), (None, 0), (2, True), (2, 1.0)]


@pytest.mark.parametrize(("batch_size", "steps"), SIZES)
def test_sizes_that_make_no_sense(batch_size, steps):
    with pytest.raises(ValueError, match=r"fit: (batch_size|the number of steps) must be a positive integer"):
        feed(X, batch_size=batch_size, steps=steps)


def test_sizes_of_numpy_are_numbers():
    made = feed(X, batch_size=np.int64(1), steps=np.int32(1))
    assert rows(made.epoch()) == [[0]]


@pytest.mark.parametrize("rest", [(X, None), (None, X), (X, X)])
def test_targets_come_with_their_batches(rest):
    with pytest.raises(ValueError, match="fit: x gives batches, so y and sample_weight must come with them"):
        data_adapter.feed("fit", (iter([X]), *rest), None)


@pytest.mark.parametrize("shape", [(), (3,), (255,), (256,), (257,), (70, 70)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "bool", ">f4", ">i8", "float16"])
@pytest.mark.parametrize("wanted", ["float32", "float64", None])
def test_columns(shape, dtype, wanted):
    """Samples of up to 1024 bytes and larger ones; types that are converted or stay."""
    array = np.random.default_rng(0).integers(0, 2, (5, *shape)).astype(dtype)
    column = data_adapter.Column(array, np.dtype(wanted or dtype))
    native = np.dtype(wanted or dtype).newbyteorder("=")
    assert column.dtype == native
    for part, rows in ((column.slice(1, 4), array[1:4]), (column.take(np.array([3, 0, 3])), array[[3, 0, 3]])):
        np.testing.assert_array_equal(part, rows.astype(native))
        assert part.dtype == native
        assert part.flags.c_contiguous
    assert np.may_share_memory(column.slice(0, 2), array) == (native == array.dtype)
    assert not np.may_share_memory(column.take(np.array([0, 1])), array)


def test_slices_of_what_is_not_contiguous_are_copies():
    array = np.arange(24.0).reshape(4, 6)[:, ::2]
    part = data_adapter.Column(array, array.dtype).slice(1, 3)
    assert part.flags.c_contiguous
    np.testing.assert_array_equal(part, array[1:3])


def test_nests_of_arrays():
    array = np.ones((2, 3))
    for given, wanted in (
        ([[1, 2], [3, 4]], np.ndarray),
        ([array, array], list),
        ((array, [[1], [2]]), list),
        ([None, array], list),
        ({"a": array, "b": [1, 2]}, dict),
        (array, np.ndarray),
        (lamina.Tensor(array), np.ndarray),
        (None, type(None)),
    ):
        assert type(data_adapter.to_arrays("fit", "x", given)) is wanted
    assert data_adapter.to_arrays("fit", "x", array) is array
    assert data_adapter.to_arrays("fit", "x", [None, array])[0] is None
    with pytest.raises(TypeError, match=r"fit: x\[1\]\['a'\] has dtype <U1"):
        data_adapter.to_arrays("fit", "x", [array, {"a": ["b", "c"]}])


def test_batches_of_one_two_and_three_parts():
    a = Input((2,))
    model = Model(a, layers.Dense(1, kernel_initializer="ones")(a))
    model.compile(optimizers.SGD(0.0), "mse")
    y, weight = np.zeros((7, 1)), np.arange(7.0)
    wanted = (X.sum(-1) ** 2 * weight).mean()
    for batch in ((X, y, weight), [X, y, weight], (X, y, weight[:, None])):
        assert model.evaluate(iter([batch]), verbose=0) == pytest.approx(wanted, rel=1e-5)
    assert model.evaluate(iter([(X, y)]), verbose=0) == pytest.approx((X.sum(-1) ** 2).mean(), rel=1e-5)
    for batch in (X, (X,), [X], (X, y), (X, y, weight)):
        np.testing.assert_allclose(model.predict(iter([batch]), verbose=0)[:, 0], X.sum(-1))
    for parts in (0, 4):
        with pytest.raises(ValueError, match=rf"predict: a batch must be .*, got {parts} parts"):
            model.predict(iter([(X,) * parts]), verbose=0)
    for given in ((X, y), [X, y], (X, y, weight), [(X, y)]):
        if given == [(X, y)]:
            given = iter(given)
        assert "val_loss" in model.fit(X, y, validation_data=given, verbose=0).history
    for parts in (0, 4):
        with pytest.raises(ValueError, match=rf"validation_data must be \(x, y\) .*, got {parts} parts"):
            model.fit(X, y, validation_data=(X,) * parts, verbose=0)


@pytest.mark.parametrize(("batch", "message"), [
    ((np.ones((4, 3)), np.ones(5)), "x has 4, y has 5"),
    ((np.ones((4, 3)), 1.0), "a sample with the label 1.0"),
    ((2.5, np.ones(4)), "the single number 2.5"), ((np.float64(2.5),), "the single number 2.5"),
    ((np.ones((4, 3)), np.float32(1)), "a sample with the label 1.0"),
])  # fmt: skip
def test_what_is_no_batch_is_told_apart_from_what_does_not_fit(batch, message):
    model = lamina.Sequential([lamina.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises((TypeError, ValueError), match=message):
        model.fit(iter([batch]), verbose=0)


@pytest.mark.parametrize("size", [2, 48])
def test_a_model_is_built_by_a_batch_of_the_size_that_is_trained(size):
    """Layers may be written for it: here two samples, or 48, make one row."""
    seen = set()

    class Rows(layers.Layer):
        def call(self, x):
            seen.add(x.shape[0])
            return x

    x = np.ones((96, 3), np.float32)
    model = Sequential([Rows(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, x[:, :1], batch_size=size, verbose=0)
    model.evaluate(x, x[:, :1], batch_size=size, verbose=0)
    assert seen == {size}
