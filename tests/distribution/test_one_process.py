"""Shards of one process, without MPI: buckets, tables, errors, and what stands alone."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scenarios

import lamina
from lamina import _native, distribution, layers
from lamina.distribution import reduction, shard, tree


@pytest.fixture
def shards():
    """DataParallel with four shards on this process."""
    way = distribution.DataParallel(shards=4)
    distribution.set_distribution(way)
    yield way
    distribution.set_distribution(None)


def small(seed=3):
    lamina.random.seed(seed)
    return scenarios.classifier(layers.Dense(16, "relu"), layers.Dense(8, "relu"), layers.Dropout(0.2, seed=1))


@pytest.mark.parametrize("eager", [False, True])
def test_gradients_that_are_sent_while_backward_goes_on_are_the_same(shards, monkeypatch, eager):
    x, y = scenarios.rows(40)
    late = scenarios.trained(small(), x, y, run_eagerly=eager)
    monkeypatch.setattr(shard, "BUCKET", 200)  # several buckets, some of several weights
    used = shards.reduction("fit")
    for one in used.local:
        monkeypatch.setattr(one, "_sends_early", True)
    model = small()
    early = scenarios.trained(model, x, y, run_eagerly=eager)
    assert len(used.local[0].buckets) > 3
    for name, values in late.items():
        np.testing.assert_array_equal(early[name], values, err_msg=name)


def test_sums_do_not_depend_on_who_has_which_shard():
    rng = np.random.default_rng(0)
    values = [rng.standard_normal(50).astype(np.float32) for _ in range(8)]
    for present in ([True] * 8, [True, False, True, True, False, False, True, True], [False] * 7 + [True]):
        leaves = {(i, 1): v for i, v in enumerate(values) if present[i]}
        whole = tree.total(leaves, (0, 8))
        for ranks in range(1, 9):
            ends = tree.bounds(ranks, 8)
            known = {
                block: tree.total(leaves, block)
                for first, last in itertools.pairwise(ends)
                for block in tree.blocks(first, last, present)
            }
            np.testing.assert_array_equal(tree.total(known, (0, 8)), whole)
            covered = sorted(i for first, size in known for i in range(first, first + size) if present[i])
            assert covered == [i for i in range(8) if present[i]]
            assert all(first % size == 0 for first, size in known)
    assert tree.total({}, (0, 8)) is None


def test_threads_meet_at_counters_and_find_what_the_others_wrote():
    ranks, rounds = 3, 200
    counters, written = np.zeros((ranks, 8), np.int64), np.zeros(ranks)
    seen: list[list[float]] = [[] for _ in range(ranks)]

    def come(rank: int) -> None:
        for n in range(1, rounds + 1):
            written[rank] = n * (rank + 1)
            assert _native.meet(counters, rank, 2 * n - 1, 10_000, rank == 0)
            seen[rank].append(written.sum())
            assert _native.meet(counters, rank, 2 * n, 10_000, rank == 0)

    with ThreadPoolExecutor(ranks) as pool:
        list(pool.map(come, range(ranks)))
    assert seen == [[6.0 * n for n in range(1, rounds + 1)]] * ranks


def test_nobody_waits_longer_at_counters_than_it_says():
    counters = np.zeros((2, 8), np.int64)
    begin = time.monotonic()
    assert not _native.meet(counters, 0, 1, 30, False)
    assert 0.03 <= time.monotonic() - begin < 5
    assert counters[:, 0].tolist() == [1, 0]
    counters[1, 0] = 7  # who is further has been here
    assert _native.meet(counters, 0, 2, 0, True)


def test_bfloat16_under_way_is_rounded_to_the_nearest():
    x = np.array([1.0, 1.00390625, 1.01171875, -3.1415927, np.inf, -np.inf, np.nan, 1e-40], np.float32)
    got = reduction._from_bfloat16(reduction._to_bfloat16(x))
    np.testing.assert_array_equal(got[:6], np.array([1.0, 1.0, 1.015625, -3.140625, np.inf, -np.inf], np.float32))
    assert np.isnan(got[6])
    assert abs(got[7] - x[7]) < 5e-41


def test_an_error_in_a_shard_is_raised_and_the_next_training_begins_anew(shards):
    class Breaks(layers.Layer):
        broken = True

        def call(self, inputs):
            if self.broken and inputs.shape[0] == 1:
                raise ValueError("a shard of one")
            return inputs

    model = lamina.Sequential([lamina.Input((6,)), Breaks(), layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    x, y = scenarios.rows(12)
    with pytest.raises(ValueError, match="a shard of one"):
        model.fit(x, y, batch_size=4, verbose=0)
    model.layers[0].broken = False
    assert np.isfinite(model.fit(x, y, batch_size=4, verbose=0).history["loss"]).all()


def test_what_stands_alone(shards):
    x, y = scenarios.rows(12)
    model = small()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(RuntimeError, match=r"fit_many: each model is trained by one process"):
        lamina.fit_many([model], (x, y))
    optimizer = lamina.optimizers.SGD()
    optimizer.build(model.trainable_weights)
    with pytest.raises(RuntimeError, match="no variable has a gradient"):
        distribution.all_reduce_gradients(optimizer)
    lamina.ops.sum(model(x)).backward()
    with pytest.raises(ValueError, match="needs as many processes as shards"):
        distribution.all_reduce_gradients(optimizer)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"shards": 3}, ValueError, "shards must be a power of two, got 3"),
        ({"shards": 0}, ValueError, "shards must be a power of two, got 0"),
        ({"compress": "float16"}, ValueError, "compress must be 'bfloat16' or None, got 'float16'"),
        ({"compress": "bfloat16", "shards": 2}, ValueError, "so it goes without shards"),
        ({"device_mesh": "cpu"}, TypeError, "device_mesh must be a DeviceMesh"),
        ({"auto_shard_dataset": "yes"}, TypeError, "auto_shard_dataset"),
    ],
)
def test_options_that_do_not_fit(options, error, message):
    with pytest.raises(error, match=message):
        distribution.DataParallel(**options)


def test_initialize_knows_what_mpi_says(monkeypatch):
    distribution.initialize()
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "4")
    with pytest.raises(ValueError, match=r"process 0 of 1, not 0 of 4; start the processes .* mpiexec -n 4"):
        distribution.initialize()
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "one")
    with pytest.raises(ValueError, match="num_processes must be an integer, got 'one'"):
        distribution.initialize()
