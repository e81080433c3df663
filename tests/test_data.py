"""Batches, splits, one-hot labels."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from small_net import blobs

from lamina import data, utils

X, Y = blobs()


def test_batches():
    parts = list(data.batches(X, Y, 64))
    assert [len(y) for _, y in parts] == [64, 64, 64, 8]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in parts]), X)
    assert len(data.batches(X, Y, 64, drop_last=True)) == 3
    shuffled = data.batches(X, Y, 64, shuffle=True, seed=1)
    first, second = (np.concatenate([x for x, _ in shuffled]) for _ in range(2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(np.sort(first, 0), np.sort(X, 0))
    again = np.concatenate([x for x, _ in data.batches(X, Y, 64, shuffle=True, seed=1)])
    np.testing.assert_array_equal(again, first)
    with pytest.raises(ValueError, match="x has 200, y has 3"):
        data.batches(X, Y[:3])
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        data.batches(X, batch_size=0)


@pytest.mark.parametrize(
    ("samples", "whole", "all_"), [(0, 0, 0), (1, 0, 1), (3, 0, 1), (4, 1, 1), (5, 1, 2), (8, 2, 2)]
)
def test_numbers_of_batches(samples, whole, all_):
    x = np.arange(samples)
    for drop_last, count in ((True, whole), (False, all_)):
        parts = data.batches(x, batch_size=4, drop_last=drop_last)
        assert len(parts) == count
        assert [p.tolist() for p in parts] == [x[4 * i : 4 * i + 4].tolist() for i in range(count)]
    assert [len(p) for p in data.batches(np.arange(70))] == [32, 32, 6]
    assert [p.tolist() for p in data.batches(x, batch_size=1)] == [[i] for i in range(samples)]


def test_batches_of_nests():
    x = {"a": X, "b": [Y, Y]}
    first, (one, two) = next(iter(data.batches(x, (Y, X), 3)))
    np.testing.assert_array_equal(first["a"], X[:3])
    np.testing.assert_array_equal(one, Y[:3])
    np.testing.assert_array_equal(two, X[:3])


def test_numbers_of_samples_are_named():
    assert data.count("f", x=[X, X], y=None, z=Y) == 200
    assert data.count("f", x=None) == 0
    with pytest.raises(ValueError, match=r"f: the arrays hold different .* x\[0\] has 200, x\[1\] has 3, y has 200"):
        data.count("f", x=[X, X[:3]], y=Y)
    with pytest.raises(ValueError, match="f: x is a single number, expected an array of samples"):
        data.count("f", x=np.float32(1))
    with pytest.raises(ValueError, match=r"f: x\[1\] is a single number"):
        data.count("f", x=[X, np.float32(1)])


def test_split_keeps_rows_together():
    x_train, x_val, y_train, y_val = data.split(X, Y, fraction=0.25, seed=0)
    assert (len(x_train), len(x_val), len(y_train), len(y_val)) == (150, 50, 150, 50)
    labels = {x.tobytes(): y for x, y in zip(X, Y, strict=True)}
    assert all(labels[x.tobytes()] == y for x, y in zip(x_val, y_val, strict=True))
    with pytest.raises(ValueError, match="leaves one part empty"):
        data.split(X, fraction=0.0)
    assert [len(a) for a in data.split(np.arange(10))] == [8, 2]
    assert [a.tolist() for a in data.split(np.arange(2), fraction=0.5, shuffle=False)] == [[0], [1]]
    first, second = data.split(np.arange(50), shuffle=False)
    assert first.tolist() + second.tolist() == list(range(50))
    first, second = data.split(np.arange(50), seed=1)
    assert first.tolist() + second.tolist() != sorted(first.tolist() + second.tolist()) == list(range(50))
    with pytest.raises(ValueError, match="leaves one part empty"):
        data.split(X, fraction=1.0)


def test_to_categorical():
    np.testing.assert_array_equal(utils.to_categorical([0, 2]), [[1, 0, 0], [0, 0, 1]])
    assert utils.to_categorical(np.zeros((2, 3, 1), int), 4).shape == (2, 3, 4)
    assert utils.to_categorical([1]).tolist() == [[0, 1]]
    assert utils.to_categorical([[1]]).tolist() == [[0, 1]]
    assert utils.to_categorical(1).tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"label 5 at \[1\] is outside 0..3"):
        utils.to_categorical([0, 5], 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="class indices must be whole numbers"):
            utils.to_categorical([0.0, np.nan])
