"""The same files through Keras's loaders and ours: the same arrays."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from dataset_files import write_all

from lamina import datasets

TEXTS = [
    {"num_words": num_words, "skip_top": skip_top, "maxlen": maxlen, "start_char": start, "oov_char": oov,
     "index_from": index_from, "seed": seed}
    for num_words, skip_top, maxlen, (start, oov), index_from, seed in itertools.product(
        (None, 25), (0, 7), (None, 8), ((1, 2), (None, None), (None, 2)), (0, 3), (113, 5)
    )
]  # fmt: skip


@pytest.fixture
def keras_cache(tmp_path, monkeypatch):
    pytest.importorskip("keras")
    from keras.src.backend import config
    from keras.src.utils import file_utils

    write_all(tmp_path / "datasets")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(config, "_KERAS_DIR", str(tmp_path))
    monkeypatch.setattr(file_utils, "validate_file", lambda *_, **__: True)
    monkeypatch.setattr("lamina.utils.download._Checksum.fault", lambda *_: "")
    monkeypatch.setattr("lamina.utils.download._received", None)  # nothing is downloaded
    monkeypatch.setattr(file_utils, "urlretrieve", None)
    return tmp_path / "datasets"


def same(got, want):
    for a, b in zip((*got[0], *got[1]), (*want[0], *want[1]), strict=True):
        assert type(a) is type(b) is np.ndarray
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tolist() == b.tolist()


def test_arrays_of_numbers_are_those_of_keras(keras_cache):
    keras = pytest.importorskip("keras")
    ours, theirs = datasets, keras.datasets
    same(ours.mnist.load_data(), theirs.mnist.load_data())
    same(ours.fashion_mnist.load_data(), theirs.fashion_mnist.load_data())
    for options in ({}, {"test_split": 0.33, "seed": 1}, {"test_split": 0}):
        same(ours.boston_housing.load_data(**options), theirs.boston_housing.load_data(**options))
        for version in ("small", "large"):
            same(
                ours.california_housing.load_data(version, **options),
                theirs.california_housing.load_data(version, **options),
            )


@pytest.mark.parametrize("mode", ["fine", "coarse"])
def test_cifar100_is_that_of_keras(keras_cache, monkeypatch, mode):
    keras = pytest.importorskip("keras")
    from keras.src.datasets import cifar100

    place = str(keras_cache / "cifar-100-python-target")
    monkeypatch.setattr(cifar100, "get_file", lambda *_, **__: place)  # unpacked already
    same(datasets.cifar100.load_data(mode), keras.datasets.cifar100.load_data(mode))


def test_cifar10_is_that_of_keras(keras_cache, monkeypatch):
    keras = pytest.importorskip("keras")
    from keras.src.datasets import cifar10

    place = str(keras_cache / "cifar-10-batches-py-target")
    monkeypatch.setattr(cifar10, "get_file", lambda *_, **__: place)
    load = cifar10.load_batch

    def large(path):
        """A small batch again and again, since Keras wants 10,000 images in each."""
        data, labels = load(path)
        order = np.arange(10000) % len(data)
        return data[order], [labels[i] for i in order]

    monkeypatch.setattr(cifar10, "load_batch", large)
    (x, y), (x_test, y_test) = keras.datasets.cifar10.load_data()
    ours = datasets.cifar10.load_data()
    sizes = [4, 5, 6, 7, 8]  # of write_all
    first = np.concatenate([10000 * i + np.arange(n) for i, n in enumerate(sizes)])
    same(ours, ((x[first], y[first]), (x_test[:9], y_test[:9])))


def test_texts_are_those_of_keras(keras_cache):
    keras = pytest.importorskip("keras")
    ours, theirs = datasets, keras.datasets
    for options in TEXTS:
        same(ours.imdb.load_data(**options), theirs.imdb.load_data(**options))
        same(ours.reuters.load_data(**options), theirs.reuters.load_data(**options))
    same(ours.reuters.load_data(test_split=0.5), theirs.reuters.load_data(test_split=0.5))
    assert ours.imdb.get_word_index() == theirs.imdb.get_word_index()
    assert ours.reuters.get_word_index() == theirs.reuters.get_word_index()
    assert ours.reuters.get_label_names() == theirs.reuters.get_label_names()
