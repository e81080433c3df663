"""lamina.datasets: Keras's eight loaders, from the cache, from files of one's own, and files that anybody may make."""

from __future__ import annotations

import os
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
from dataset_files import write_all

import lamina
from lamina.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    npz_file,
    reuters,
)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Keras's cache with small files, and no network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def received(origin, name, advice):
        raise ConnectionError(f"get_file: {name} cannot be downloaded from {origin} (no network). {advice}")
        yield

    monkeypatch.setattr("lamina.utils.download._received", received)
    write_all(tmp_path / "datasets")
    return tmp_path / "datasets"


def told(split):
    return [(a.shape, a.dtype.name) for pair in split for a in pair]


def test_images(cache):
    wanted = [((30, 28, 28), "uint8"), ((30,), "uint8"), ((9, 28, 28), "uint8"), ((9,), "uint8")]
    digits = mnist.load_data(cache / "mnist.npz")
    assert told(digits) == wanted
    clothes = fashion_mnist.load_data()
    assert told(clothes) == wanted
    for a, b in zip(digits, clothes, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])
    clothes[0][0][0] = 0  # may be written to
    assert told(fashion_mnist.load_data(path=cache / "fashion-mnist")) == wanted
    wanted = [((30, 32, 32, 3), "uint8"), ((30, 1), "uint8"), ((9, 32, 32, 3), "uint8"), ((9, 1), "uint8")]
    assert told(cifar10.load_data()) == wanted
    assert told(cifar100.load_data()) == [
        ((4, 32, 32, 3), "uint8"), ((4, 1), "int64"), ((5, 32, 32, 3), "uint8"), ((5, 1), "int64")
    ]  # fmt: skip
    (x, y), _ = cifar100.load_data("coarse")
    content = pickle.loads((cache / "cifar-100-python-target" / "cifar-100-python" / "train").read_bytes())
    assert y.ravel().tolist() == content[b"coarse_labels"]
    np.testing.assert_array_equal(x[3, 7, 9], content[b"data"][3].reshape(3, 32, 32)[:, 7, 9])
    lamina.config.set_image_data_format("channels_first")
    try:
        np.testing.assert_array_equal(cifar100.load_data()[0][0], x.transpose(0, 3, 1, 2))
    finally:
        lamina.config.set_image_data_format("channels_last")


def test_cifar_is_unpacked_from_the_archive(cache):
    inner = "cifar-10-batches-py"
    with tarfile.open(cache / f"{inner}-target_archive", "w:gz") as archive:
        archive.add(cache / f"{inner}-target" / inner, inner)
    before = cifar10.load_data(path=cache / f"{inner}-target" / inner)
    for file in (cache / f"{inner}-target" / inner).iterdir():
        file.unlink()
    with pytest.warns(UserWarning, match="has another checksum than the data set's file"):
        after = cifar10.load_data()
    np.testing.assert_array_equal(before[0][0], after[0][0])
    os.rename(cache / f"{inner}-target" / inner, cache / inner)  # where Keras 2 has it
    os.unlink(cache / f"{inner}-target_archive")
    np.testing.assert_array_equal(before[1][0], cifar10.load_data()[1][0])


def test_houses(cache):
    split = boston_housing.load_data(cache / "boston_housing.npz")
    assert told(split) == [((40, 13), "float64"), ((40,), "float64"), ((10, 13), "float64"), ((10,), "float64")]
    with np.load(cache / "boston_housing.npz") as file:
        assert {*split[0][1], *split[1][1]} == {*file["y"]}
    assert len(boston_housing.load_data(cache / "boston_housing.npz", test_split=0.0)[1][0]) == 0
    path = cache / "california_housing.npz"
    assert told(california_housing.load_data(path=path))[0] == ((560, 8), "float32")
    assert told(california_housing.load_data("small", path))[0] == ((480, 8), "float32")
    other = boston_housing.load_data(cache / "boston_housing.npz", seed=3)
    assert not np.array_equal(split[0][0], other[0][0])


def test_texts(cache):
    path = cache / "imdb.npz"
    (x, y), (x_test, y_test) = imdb.load_data(path, start_char=None, index_from=0, oov_char=None, num_words=99)
    assert (x.dtype, y.dtype, x.shape, x_test.shape, y_test.shape) == (object, np.int64, (20,), (15,), (15,))
    with np.load(path, allow_pickle=True) as file:
        given = {tuple(text): label for text, label in zip(file["x_train"], file["y_train"], strict=True)}
    assert {tuple(text): label for text, label in zip(x, y, strict=True)} == given
    marked, _ = imdb.load_data(path, num_words=99)
    assert marked[0][0] == [1, *(w + 3 for w in x[0])]
    rare, _ = imdb.load_data(path, num_words=20, skip_top=6, oov_char=0)
    assert rare[0][0] == [w if 6 <= w < 20 else 0 for w in marked[0][0]]
    short, _ = imdb.load_data(path, maxlen=6)
    assert max(map(len, short[0])) == 5
    assert imdb.get_word_index(cache / "imdb_word_index.json") == {"the": 1, "fawn": 34701}
    (x, y), (x_test, _) = reuters.load_data(cache / "reuters.npz", test_split=0.1)
    assert (len(x), len(x_test), x.dtype, y.dtype) == (27, 4, object, np.int64)
    assert reuters.get_word_index(cache / "reuters_word_index.json")["mdbl"] == 10996
    names = reuters.get_label_names()
    assert (len(names), names[0], names[45]) == (46, "cocoa", "lead")


LOADERS = {
    "mnist.npz": mnist.load_data,
    "imdb.npz": imdb.load_data,
    "reuters.npz": reuters.load_data,
    "boston_housing.npz": boston_housing.load_data,
    "california_housing.npz": california_housing.load_data,
    "imdb_word_index.json": imdb.get_word_index,
    "reuters_word_index.json": reuters.get_word_index,
}


@pytest.mark.parametrize("name", LOADERS)
def test_a_file_of_another_checksum_is_told(cache, name, capsys):
    load = LOADERS[name]
    with pytest.warns(UserWarning, match=f"{name} has another checksum") as seen:
        load()
    assert seen[0].filename == __file__
    assert "it is downloaded anew" in capsys.readouterr().out
    (cache / name).unlink()
    with pytest.raises(ConnectionError, match=rf"https://storage.*{name}.*no network.*put it at {cache / name}"):
        load()
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load(path=cache / name)
    with pytest.raises(TypeError, match="path must be a name"):
        load(path=3)


@pytest.mark.parametrize("load", [fashion_mnist.load_data, cifar10.load_data, cifar100.load_data])
def test_without_files_or_network(cache, load):
    for path in sorted(cache.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with pytest.raises(ConnectionError, match=f"put it at {cache}/"):
        load()
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        load(path=cache / "nowhere")


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (lambda c: imdb.load_data(c / "imdb.npz", maxlen=1), "no text has fewer than maxlen=1 words"),
        (lambda c: reuters.load_data(c / "reuters.npz", maxlen=1), "no text has fewer than maxlen=1 words"),
        (lambda _: boston_housing.load_data(test_split=1.0), "test_split must be from 0 to below 1, got 1.0"),
        (lambda _: california_housing.load_data("big"), "version of california_housing.load_data 'big'"),
        (lambda _: cifar100.load_data("rough"), "label_mode of cifar100.load_data 'rough'"),
        (lambda c: mnist.load_data(c / "imdb_word_index.json"), "mnist.load_data: .*not the data set's file"),
        (lambda c: mnist.load_data(c / "boston_housing.npz"), "it has no array 'x_train', but x, y"),
        (lambda c: imdb.load_data(c / "mnist.npz"), "imdb.load_data: "),
        (lambda c: imdb.get_word_index(c / "mnist.npz"), "imdb.get_word_index: .*not the data set's file"),
        (lambda c: cifar10.load_data(path=c), "data_batch_1"),
    ],
)
def test_wrong_arguments(cache, load, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load(cache)


# ---- files that anybody may make ----


class Evil:
    def __init__(self, what, *arguments):
        self.what, self.arguments = what, arguments

    def __reduce__(self):
        return self.what, self.arguments


def lists(*items):
    array = np.empty(len(items), object)
    array[:] = items
    return array


def shared():
    one = [1] * 1000
    return lists(*[one] * 100000)


BAD = {
    "function": lists(Evil(os.system, "echo evil > evil.txt")),
    "inside": lists([1, Evil(eval, "1+1")]),
    "class": lists(Evil(zipfile.ZipFile, "x.zip", "w")),
    "text": lists(["a"]),
    "tuple": lists((1, 2)),
    "number": lists(3),
    "nested": lists([[1]]),
    "truth": lists([True]),
    "two axes": np.array([[1, 2], [3, 4]], object),
    "array": lists(np.arange(3)),
    "again and again": shared(),
}


@pytest.mark.parametrize("name", BAD)
def test_nothing_in_a_file_is_run(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    np.savez("bad.npz", x=BAD[name], y=np.zeros(len(BAD[name]), int))
    with pytest.raises(ValueError, match=r"reuters.load_data: \./bad.npz: not the data set's file|bad.npz: not"):
        reuters.load_data("./bad.npz")
    assert os.listdir(tmp_path) == ["bad.npz"]


def pickled(array):
    return pickle.dumps(array, protocol=4)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"cos\nsystem\n(S'echo evil > evil.txt'\ntR.",
        b"cnumpy\nndarray\n(K\x01K\x02tR.",
        b"cnumpy\nndarray\n}(X\x01\x00\x00\x00aK\x01ub.",
        b"cnumpy\nndarray\nN}(X\x05\x00\x00\x00_madeK\x01u\x86b.",
        b"cnumpy\ndtype\n(X\x02\x00\x00\x00V8tR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tC\x01btR(K\x01(J\xff\xff\xff\xfftNNNtb.",
        b"\x80\x04P0\n.",
        b"]" * 1000,
        pickled(np.arange(3)),
        pickled({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1]}),
        pickled({b"data": np.zeros((2, 3071), np.uint8), b"labels": [1, 2]}),
        pickled({b"data": np.zeros((2, 3072), np.int64), b"labels": [1, 2]}),
        pickled({b"data": np.zeros((2, 3072), np.uint8), b"labels": ["1", 2]}),
        pickled({b"data": np.zeros((2, 3072), np.uint8)}),
        pickled({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 2]})[:-100],
    ],
)
def test_batches_that_are_none(tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    for name in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=r"cifar10.load_data: .*data_batch_1"):
        cifar10.load_data(path=tmp_path)
    assert len(os.listdir(tmp_path)) == 6


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -30])
def test_files_that_are_cut(cache, cut):
    for load, name in ((mnist.load_data, "mnist.npz"), (imdb.load_data, "imdb.npz")):
        data = (cache / name).read_bytes()
        (cache / name).write_bytes(data[:cut])
        with pytest.raises(ValueError, match=f"{name}: not the data set's file"):
            load(cache / name)
    path = cache / "fashion-mnist" / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"fashion_mnist.load_data: .*not the data set's file"):
        fashion_mnist.load_data()


def test_sizes_that_are_lies(cache):
    import gzip

    head = b"\0\0\x08\3" + b"\xff\xff\xff\xff" + b"\0\0\0\x1c" * 2
    with gzip.open(cache / "fashion-mnist" / "train-images-idx3-ubyte.gz", "wb") as file:
        file.write(head + bytes(784))
    with pytest.raises(ValueError, match="it holds no images"):
        fashion_mnist.load_data()
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999, 28, 28), }"
    member = b"\x93NUMPY\1\0" + (len(header) + 1).to_bytes(2, "little") + header + b"\n"
    with zipfile.ZipFile(cache / "mnist.npz", "w") as archive:
        archive.writestr("x_train.npy", member)
    with pytest.raises(ValueError, match="'x_train' is cut short"):
        mnist.load_data(cache / "mnist.npz")


@pytest.mark.parametrize("protocol", [3, 4])
@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3), np.uint8), np.zeros((2, 0), np.int64), np.arange(6).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(4, dtype=">i4"), np.ones((1, 1, 1), bool),
    ],
)  # fmt: skip
def test_batches_hold_arrays_of_every_form(tmp_path, array, protocol):
    (tmp_path / "batch").write_bytes(pickle.dumps({b"data": array, b"labels": [1, 2]}, protocol))
    found = npz_file.read_batch("cifar", tmp_path / "batch")
    assert found["labels"] == [1, 2]
    assert found["data"].dtype == array.dtype
    np.testing.assert_array_equal(found["data"], array)
