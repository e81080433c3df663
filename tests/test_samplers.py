"""Samplers of pairs and triplets: labels, shares, repeatability, training with Siamese, bad input."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers, losses, models
from lamina.utils import PairSampler, TripletSampler

LABELS = np.array([0, 1, 2, 0, 1, 0, 3])  # 2 and 3 stand alone
X = np.arange(7, dtype=np.float32)[:, None]


def test_pairs():
    sampler = PairSampler(X, LABELS[:, None], 8, batches=50, positive=0.25, seed=1)
    assert len(sampler) == 50
    seen = set()
    for (a, b), same in sampler:
        i, j = a[:, 0].astype(int), b[:, 0].astype(int)
        assert same.sum() == 2
        np.testing.assert_array_equal(LABELS[i] == LABELS[j], same[:, 0] == 1)
        assert (i != j).all()
        seen |= set(zip(i.tolist(), j.tolist(), strict=True))
    possible = {(i, j) for i in range(7) for j in range(7) if i != j}
    assert seen == possible


def test_triplets():
    for (a, p, n), y in TripletSampler({"v": X}, LABELS, 16, batches=20, seed=2):
        i, j, k = (t["v"][:, 0].astype(int) for t in (a, p, n))
        assert (LABELS[i] == LABELS[j]).all()
        assert (i != j).all()
        assert (LABELS[i] != LABELS[k]).all()
        assert (y == -1).all()


def test_seeds_and_epochs():
    first, again = (PairSampler(X, LABELS, 4, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first[1][0][0], again[1][0][0])
    before = [pair[0][0].tolist() for pair in first]
    first.on_epoch_end()
    assert [pair[0][0].tolist() for pair in first] != before
    assert len(first) == 2
    with pytest.raises(IndexError, match="batch 2 of 2"):
        first[2]


def test_triplets_train_a_siamese_model():
    lamina.utils.set_random_seed(0)
    inputs = [lamina.Input((1,)) for _ in range(3)]
    model = models.Model(inputs, layers.Siamese(layers.Dense(4, activation="tanh"), "l2")(inputs))
    model.compile("adam", loss=losses.MarginRanking(0.5))
    history = model.fit(TripletSampler(X, LABELS, 16, batches=10, seed=4), epochs=5, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_bad_input():
    for arguments, message in (
        ((X, LABELS[:3]), "different numbers of samples"), ((X, np.arange(7)), "expected two labels or more"),
        ((X, np.zeros(7)), "expected two labels or more"), ((X, LABELS, 0), "batch_size must be a positive integer"),
        ((X, LABELS, 4, 0), "batches must be a positive integer"), ((X, LABELS, 4, 1, 1.5), "positive must be between"),
        ((X, LABELS, 4, 1, "half"), "PairSampler: positive must be between 0 and 1, got 'half'"),
        ((X, LABELS, 4, 1, None), "PairSampler: positive must be between 0 and 1, got None"),
        ((X, np.zeros((7, 2))), "expected one label for each of 7 samples"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            PairSampler(*arguments)
