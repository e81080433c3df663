"""lamina.data.Dataset: tf.data's meanings, orders by seed alone, threads that end, errors with their places."""

from __future__ import annotations

import itertools
import pickle
import threading
import time
import traceback
from pathlib import Path

import numpy as np
import pytest

import lamina
from lamina import data, layers
from lamina.data import AUTOTUNE, Dataset

X = np.arange(20.0, dtype=np.float32).reshape(10, 2)
Y = np.arange(10)


def values(dataset):
    return [np.asarray(v).tolist() for v in dataset]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_slices():
    assert values(Dataset.from_tensor_slices(Y)) == list(range(10))
    parts = list(Dataset.from_tensor_slices(({"a": X, "b": Y}, Y)))
    assert len(parts) == 10
    np.testing.assert_array_equal(parts[3][0]["a"], X[3])
    assert (parts[3][0]["b"], parts[3][1]) == (3, 3)
    for given, dtype in (([1, 2], "int32"), ([1.5], "float32"), ([2**40], "int64"), ([True], "bool"),
                         ([np.float64(1)], "float64"), (np.array([1.0]), "float64")):  # fmt: skip
        assert next(iter(Dataset.from_tensor_slices(given))).dtype == dtype
    with pytest.raises(ValueError, match="different lengths: 10, 3"):
        Dataset.from_tensor_slices((X, Y[:3]))
    with pytest.raises(ValueError, match="lists of different lengths make no array"):
        Dataset.from_tensor_slices([[1], [1, 2]])
    with pytest.raises(ValueError, match="expected arrays whose rows are elements"):
        Dataset.from_tensor_slices(3)
    with pytest.raises(TypeError, match=r"make one by Dataset.from_tensor_slices"):
        Dataset(X)
    row = next(Dataset.from_tensor_slices(X).as_numpy_iterator())
    with pytest.raises(ValueError, match="read-only"):
        row += 1  # the data stay as they are


def test_loops_get_arrays_with_numpy():
    for x, y in Dataset.from_tensor_slices((X, Y)).batch(4).take(1):
        assert type(x.numpy()) is np.ndarray
        assert x.shape == (4, 2)
        assert ["a", "b"][y[1]] == "b"
        assert y[1].numpy() == 1
        assert repr(y) == "array([0, 1, 2, 3])"
    assert type(next(Dataset.from_tensor_slices(X).batch(2).as_numpy_iterator())) is np.ndarray
    assert next(iter(Dataset.from_tensor_slices(["a"]))) == "a"


def test_batches_and_their_remainder():
    for n, size, drop, sizes in ((10, 4, False, [4, 4, 2]), (10, 4, True, [4, 4]), (8, 4, False, [4, 4]),
                                 (3, 4, True, []), (0, 4, False, [])):  # fmt: skip
        for source in (Dataset.from_tensor_slices(Y[:n]), Dataset.range(n)):
            made = source.batch(size, drop_remainder=drop)
            assert [len(b) for b in made] == sizes
            assert len(made) == len(sizes)
    with pytest.raises(ValueError, match=r"Dataset.batch: elements have different shapes, \(0,\), \(1,\)"):
        list(Dataset.range(3).map(np.ones).batch(3))
    with pytest.raises(ValueError, match="batch_size must be an integer from 1, got 0"):
        Dataset.range(3).batch(0)
    x, y = next(iter(Dataset.range(4).map(lambda i: ({"v": i * np.ones(2)}, i)).batch(3)))
    assert (x["v"].shape, y.tolist()) == ((3, 2), [0, 1, 2])
    with pytest.raises(ValueError, match=r"different keys, \['0'\] and \['1'\]"):
        list(Dataset.range(3).map(lambda i: {f"{i}": i}).batch(3))
    assert [b["v"].tolist() for b in Dataset.range(3).map(lambda i: {"v": i}).batch(2)] == [[0, 1], [2]]
    for numbers in ([1, 2], [0.5, 2.0], [True, False]):  # numbers stay numbers, text is objects
        assert next(iter(Dataset.range(2).map(lambda i, n=numbers: n[int(i)]).batch(2))).dtype.kind in "ifb"
    assert next(iter(Dataset.range(2).map(lambda i: ["a", "bc"][int(i)]).batch(2))).dtype == object
    assert values(Dataset.range(10).batch(4).unbatch()) == list(range(10))
    with pytest.raises(ValueError, match="holds a single number"):
        list(Dataset.range(3).unbatch())


def test_padded_batches():
    ragged = Dataset.range(1, 5).map(lambda i: (np.full(i, i), i))
    x, y = next(iter(ragged.padded_batch(4)))
    assert x.tolist() == [[1, 0, 0, 0], [2, 2, 0, 0], [3, 3, 3, 0], [4, 4, 4, 4]]
    assert y.tolist() == [1, 2, 3, 4]
    x, _ = next(iter(ragged.padded_batch(2, padded_shapes=((3,), ()), padding_values=(-1, 0))))
    assert x.tolist() == [[1, -1, -1], [2, 2, -1]]
    x, y = next(iter(ragged.padded_batch(3, padded_shapes=((-1,), ()))))
    assert (x.shape, y.shape) == ((3, 3), (3,))
    assert [len(b[0]) for b in ragged.padded_batch(3, drop_remainder=True)] == [3]
    text = Dataset.range(1, 3).map(lambda i: np.array(["a"] * int(i), object))
    assert next(iter(text.padded_batch(2))).tolist() == [["a", ""], ["a", "a"]]
    with pytest.raises(ValueError, match=r"an element is larger, \(4,\), than the padded shape \(3,\)"):
        list(ragged.map(lambda x, y: x).padded_batch(4, padded_shapes=(3,)))


def test_shuffled_orders():
    for source in (Dataset.from_tensor_slices(Y), Dataset.range(10)):
        made = source.shuffle(100, seed=3)
        first, second = values(made), values(made)
        assert sorted(first) == sorted(second) == list(range(10))
        assert len({tuple(first), tuple(second), tuple(range(10))}) == 3
        assert values(source.shuffle(100, seed=3)) == first
        assert values(source.shuffle(100, seed=3).batch(10)) == [first]
        fixed = source.shuffle(100, seed=3, reshuffle_each_iteration=False)
        assert values(fixed) == values(fixed) == first
        assert values(made.repeat(2).take(0)) == []
        assert values(source.shuffle(1)) == list(range(10))
    near = values(Dataset.range(1000).shuffle(10, seed=0))
    assert sorted(near) == list(range(1000)) != near
    assert all(v < place + 10 for place, v in enumerate(near))  # not before it was in the buffer
    epochs = values(Dataset.range(50).shuffle(50, seed=0).repeat(2))
    assert sorted(epochs[:50]) == sorted(epochs[50:]) == list(range(50))
    assert epochs[:50] != epochs[50:]
    lamina.random.seed(5)
    drawn = values(Dataset.range(50).shuffle(50))
    lamina.random.seed(5)
    assert values(Dataset.range(50).shuffle(50)) == drawn
    counts = np.zeros((4, 4))
    for seed in range(2000):
        counts[np.arange(4), values(Dataset.range(4).shuffle(4, seed=seed))] += 1
    assert abs(counts / 2000 - 0.25).max() < 0.05


def test_the_same_whatever_the_number_of_threads():
    def slow(x, rng):
        time.sleep(rng.random() / 1000)
        return x + rng.random()

    def made(threads):
        dataset = Dataset.range(40).shuffle(40, seed=1).random_map(slow, seed=2, num_parallel_calls=threads)
        return values(dataset.batch(8).prefetch(AUTOTUNE).repeat(2))

    alone = made(None)
    assert alone == made(1) == made(4) == made(AUTOTUNE)
    flat = list(itertools.chain(*alone))
    assert len({v % 1 for v in flat}) == 80  # each element and iteration has numbers of its own


def test_parts():
    r = Dataset.range(6)
    assert values(r.take(2)) == [0, 1]
    assert values(r.take(-1)) == values(r.take(9)) == list(range(6))
    assert values(r.skip(4)) == [4, 5]
    assert values(r.skip(0)) == list(range(6))
    assert values(r.skip(-1)) == values(r.skip(9)) == []
    assert values(r.shard(3, 1)) == [1, 4]
    assert values(r.filter(lambda v: v % 2)) == [1, 3, 5]
    assert values(r.take_while(lambda v: v < 2)) == [0, 1]
    assert values(r.concatenate(Dataset.range(2))) == [0, 1, 2, 3, 4, 5, 0, 1]
    assert [(int(i), int(v)) for i, v in r.skip(4).enumerate(7)] == [(7, 4), (8, 5)]
    assert values(r.repeat(0)) == []
    assert values(r.take(2).repeat().take(5)) == [0, 1, 0, 1, 0]
    assert values(r.take(0).repeat()) == []
    assert [(int(a), int(b)) for a, b in Dataset.zip(r, Dataset.range(5, 7))] == [(0, 5), (1, 6)]
    assert [(int(a), int(b["k"])) for a, b in Dataset.zip((r, {"k": r})).take(1)] == [(0, 0)]
    assert r.reduce(np.int64(0), lambda a, b: a + b) == 15
    assert values(r.apply(lambda d: d.take(1))) == [0]
    assert values(Dataset.from_tensors(X)) == [X.tolist()]
    assert values(Dataset.range(5, 0, -2)) == [5, 3, 1]
    for wrong in (lambda: r.take("2"), lambda: r.repeat(-2), lambda: r.shard(2, 2), lambda: r.prefetch(-2)):
        with pytest.raises(ValueError, match="Dataset"):
            wrong()
    for method in (r.map, r.random_map, r.filter, r.take_while, r.flat_map, r.interleave):
        with pytest.raises(TypeError, match=rf"Dataset.{method.__name__}: expected a function of an element, got 3"):
            method(3)
    with pytest.raises(TypeError, match=r"Dataset.concatenate: expected a Dataset"):
        r.concatenate(Y)
    with pytest.raises(TypeError, match=r"Dataset.zip: expected a Dataset"):
        Dataset.zip(r, Y)


def test_numbers_of_elements():
    r = Dataset.range(6)
    for made, n in ((r, 6), (r.repeat(), -1), (r.repeat(2), 12), (r.repeat().take(4), 4), (r.skip(4), 2),
                    (r.skip(9), 0), (r.batch(4), 2), (r.filter(bool), -2), (r.filter(bool).take(1), -2),
                    (Dataset.zip(r, r.repeat()), 6), (r.concatenate(r.repeat()), -1), (r.prefetch(1), 6),
                    (r.map(abs).cache().shuffle(2), 6), (r.take(0).repeat(), 0), (r.shard(4, 1), 2),
                    (r.window(4), 2), (r.window(4, 1, drop_remainder=True), 3), (r.enumerate(), 6)):  # fmt: skip
        assert made.cardinality() == n
        if n >= 0:
            assert len(made) == len(list(made)) == n
    assert (data.INFINITE_CARDINALITY, data.UNKNOWN_CARDINALITY, AUTOTUNE) == (-1, -2, -1)
    with pytest.raises(TypeError, match="infinite"):
        len(r.repeat())
    with pytest.raises(TypeError, match="unknown"):
        len(r.filter(bool))
    assert [repr(d) for d in (r, r.repeat(), r.unbatch())] == [
        "<Dataset: 6 elements>", "<Dataset: endless>", "<Dataset: of unknown length>",
    ]  # fmt: skip


def test_windows_and_datasets_of_datasets():
    r = Dataset.range(7)
    assert [values(w) for w in r.window(3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [values(w) for w in r.window(3, shift=2, stride=2, drop_remainder=True)] == [[0, 2, 4], [2, 4, 6]]
    assert values(r.window(5, 1, drop_remainder=True).flat_map(lambda w: w.batch(5))) == [
        [0, 1, 2, 3, 4], [1, 2, 3, 4, 5], [2, 3, 4, 5, 6],
    ]  # fmt: skip
    x, y = next(iter(Dataset.from_tensor_slices((X, Y)).window(2)))
    assert (values(x), values(y)) == (X[:2].tolist(), [0, 1])
    tens = Dataset.from_tensor_slices([1, 2, 3]).interleave(lambda i: Dataset.range(i).map(lambda k: k + 10 * i), 2)
    assert values(tens) == [10, 20, 21, 30, 31, 32]
    blocks = Dataset.range(1, 4).interleave(lambda i: Dataset.from_tensors(i).repeat(5), 2, 2)
    assert values(blocks) == [1, 1, 2, 2, 1, 1, 2, 2, 1, 2, 3, 3, 3, 3, 3]
    with pytest.raises(TypeError, match="flat_map: element 0: the function must return a Dataset, got int64"):
        list(r.flat_map(lambda i: i))


def test_windows_of_dicts():
    (first, *_) = Dataset.from_tensor_slices({"x": X, "rest": (Y, Y + 1)}).window(2)
    assert first.keys() == {"x", "rest"}
    assert values(first["x"]) == X[:2].tolist()
    assert [values(part) for part in first["rest"]] == [Y[:2].tolist(), (Y[:2] + 1).tolist()]


def test_a_dataset_is_true_whatever_its_length():
    assert all(
        map(bool, (Dataset.range(0), Dataset.range(3), Dataset.range(2).repeat(), Dataset.range(2).filter(bool)))
    )


def test_a_cache_is_filled_once():
    calls = []
    made = Dataset.range(4).map(lambda i: (calls.append(int(i)), np.ones(2) * i)[1]).cache()
    values(made.take(2))  # not whole: nothing is kept
    first = values(made)
    assert values(made) == first
    assert calls == [0, 1, 0, 1, 2, 3]
    with pytest.raises(ValueError, match="read-only"):
        list(made.map(lambda v: v.__iadd__(1)))
    assert values(pickle.loads(pickle.dumps(Dataset.range(3).cache()))) == [0, 1, 2]


def test_generators():
    def numbers(n):
        yield from ((i, [i, i]) for i in range(n))

    made = Dataset.from_generator(numbers, args=(3,))
    for _ in range(2):
        assert [(int(a), b.tolist()) for a, b in made] == [(0, [0, 0]), (1, [1, 1]), (2, [2, 2])]
    typed = Dataset.from_generator(lambda: numbers(2), output_types=("float64", "int8"), output_shapes=((), (None,)))
    assert [(a.dtype, b.dtype) for a, b in typed] == [(np.float64, np.int8)] * 2
    spec = (lamina.KerasTensor((), dtype="int32"), lamina.KerasTensor((2,), dtype="float32"))
    assert [(a.dtype, b.dtype) for a, b in Dataset.from_generator(lambda: numbers(1), output_signature=spec)] == [
        (np.int32, np.float32)
    ]
    with pytest.raises(ValueError, match=r"from_generator: element 0: expected shape \(3,\), got \(2,\)"):
        list(Dataset.from_generator(lambda: numbers(2), output_types=("int32", "int32"), output_shapes=((), (3,))))
    with pytest.raises(TypeError, match="give the generator function itself, without calling it"):
        Dataset.from_generator(numbers(3))
    closed = []

    def endless():
        try:
            yield from itertools.count()
        finally:
            closed.append(True)

    assert values(Dataset.from_generator(endless).prefetch(2).take(2)) == [0, 1]
    assert closed == [True]


@pytest.mark.parametrize("threads", [None, 3])
@pytest.mark.parametrize("ahead", [0, 2])
def test_errors_have_places_and_end_the_threads(threads, ahead):
    def fails(i):
        if i == 5:
            raise KeyError("k") if ahead else ValueError("too large")
        return i

    made = Dataset.range(20).prefetch(1).map(fails, num_parallel_calls=threads).prefetch(ahead)
    seen = []
    wanted = (RuntimeError, "element 5: KeyError: 'k'") if ahead else (ValueError, r"Dataset.map: element 5: too large")
    with pytest.raises(wanted[0], match=wanted[1]) as caught:
        seen.extend(int(item) for item in made)
    assert seen == [0, 1, 2, 3, 4]
    assert not [t for t in threading.enumerate() if t.name.startswith("lamina.data")]
    frames = traceback.extract_tb((caught.value.__cause__ or caught.value).__traceback__)
    assert frames[-1].name == "fails"


def test_errors_of_files_stay_errors_of_files(tmp_path):
    made = Dataset.from_tensor_slices([str(tmp_path / "none.txt")]).map(open)
    with pytest.raises(FileNotFoundError, match=r"Dataset.map: element 0: No such file.*none\.txt"):
        list(made)
    with pytest.raises(ZeroDivisionError, match=r"Dataset.filter: element 1: division"):
        list(Dataset.range(3).map(int).filter(lambda i: 1 / (1 - int(i))))


@pytest.mark.parametrize("make", [
    lambda d: d.prefetch(2), lambda d: d.map(abs, 3), lambda d: d.map(abs, AUTOTUNE).batch(2).prefetch(AUTOTUNE),
    lambda d: d.prefetch(3).cache().repeat().shuffle(3).prefetch(1),
    lambda d: Dataset.zip(d.prefetch(1), d.prefetch(1)),
    lambda d: d.flat_map(lambda i: Dataset.range(3).prefetch(2)),
    lambda d: d.interleave(lambda i: Dataset.range(9).prefetch(2), 3),
])  # fmt: skip
def test_iterations_that_stop_early_leave_no_thread(make):
    iterator = iter(make(Dataset.range(1000)))
    next(iterator)
    iterator.close()
    for _ in make(Dataset.range(1000)):
        break
    iter(make(Dataset.range(10)))  # not begun
    assert not [t for t in threading.enumerate() if t.name.startswith("lamina.data")]


def test_work_goes_on_ahead():
    made = []
    iterator = iter(Dataset.range(100).map(lambda i: (made.append(int(i)), i)[1]).prefetch(4))
    next(iterator)
    until = time.monotonic() + 10
    while len(made) < 5 and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(0.01)
    assert len(made) in (5, 6)  # the buffer, and what is being made
    iterator.close()


def double(x, y):
    return 2 * x, y


def test_pickle():
    made = Dataset.from_tensor_slices((X, Y)).shuffle(10, seed=1).map(double).batch(4).prefetch(1)
    again = pickle.loads(pickle.dumps(made))
    for (a, b), (c, d) in zip(made, again, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)


def test_files(tmp_path):
    for name in "bca":
        (tmp_path / f"{name}.txt").write_text(name)
    made = Dataset.list_files(tmp_path / "*.txt", shuffle=False).map(lambda path: Path(path).read_text())
    assert list(made) == ["a", "b", "c"]
    assert sorted(Dataset.list_files(str(tmp_path / "*.txt"), seed=1)) == sorted(
        Dataset.list_files([str(tmp_path / "[ab].txt"), tmp_path / "c.*"])
    )
    with pytest.raises(ValueError, match="no file fits"):
        Dataset.list_files(tmp_path / "*.png")


def test_layers_map_adapt_and_train():
    dataset = Dataset.from_tensor_slices((X, Y.astype(np.float32))).batch(5)
    normal = layers.Normalization()
    normal.adapt(dataset.map(lambda x, y: x))
    scaled = dataset.map(lambda x, y: (normal(x), y), num_parallel_calls=2)
    np.testing.assert_allclose(np.concatenate([x for x, _ in scaled]).mean(0), 0, atol=1e-6)
    model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(scaled.prefetch(AUTOTUNE), epochs=3, verbose=0, validation_data=scaled).history
    assert history["loss"][-1] < history["loss"][0]
    assert len(history["val_loss"]) == 3
    assert model.predict(scaled, verbose=0).shape == (10, 1)
    assert model.evaluate(scaled, verbose=0) == pytest.approx(history["val_loss"][-1])
    assert len(model.fit(scaled.repeat(), epochs=2, steps_per_epoch=3, verbose=0).epoch) == 2
    with pytest.raises(ValueError, match=r"Dataset.map: element 1"):
        model.fit(dataset.map(lambda x, y: (x[:, :1] if x[0, 0] else x, y)).map(model_input), verbose=0)
    tokens = layers.TextVectorization()
    tokens.adapt(Dataset.from_tensor_slices(["a b", "b c"]).batch(1))
    assert tokens.get_vocabulary()[2] == "b"
    lookup = layers.StringLookup()
    lookup.adapt(Dataset.from_tensor_slices(["a", "b", "b"]).batch(2))
    assert lookup.get_vocabulary()[1] == "b"


def model_input(x, y):
    if x.shape[1] != 2:
        raise ValueError("two columns are expected")
    return x, y
