"""Sums of very many float32 numbers keep their digits, at any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import ops
from lamina.core.autograd import Tensor
from lamina.layers import Embedding

N = 1_000_000
X = np.random.default_rng(0).random(N).astype(np.float32)
EXACT = X.astype(np.float64)


@pytest.fixture(params=[1, 2])
def threads(request):
    before = lamina.get_num_threads()
    lamina.set_num_threads(request.param)
    yield request.param
    lamina.set_num_threads(before)


def test_running_sums(threads):
    want = np.cumsum(EXACT)
    np.testing.assert_allclose(ops.cumsum(X).numpy(), want, rtol=1e-7)
    two = ops.cumsum(X.reshape(-1, 2), 0).numpy()
    np.testing.assert_allclose(two, np.cumsum(EXACT.reshape(-1, 2), 0), rtol=1e-7)
    t = Tensor(X, requires_grad=True)
    ops.cumsum(t).backward(X)
    np.testing.assert_allclose(t.grad.numpy(), np.cumsum(EXACT[::-1])[::-1], rtol=1e-7)


def place_patterns():
    rng = np.random.default_rng(1)
    some = rng.integers(0, 50_000, N)
    return {
        "one": np.zeros(N, np.int64),
        "two": np.arange(N) % 2,
        "padded": np.where(np.arange(N) % 16 < 9, 0, some),  # at equal distances
        "half": np.where(rng.random(N) < 0.5, 49_999, some),
    }


@pytest.mark.parametrize("pattern", ["one", "two", "padded", "half"])
def test_sums_at_places(pattern, threads):
    ids = place_patterns()[pattern]
    want = np.bincount(ids, EXACT, 50_000)
    y = ops.segment_sum(X, ids, 50_000).numpy()
    np.testing.assert_allclose(y, want, rtol=1e-6)
    np.testing.assert_allclose(ops.scatter(ids[:, None], X, (50_000,)).numpy(), want, rtol=1e-6)
    np.testing.assert_allclose(ops.bincount(ids, X, 50_000).numpy(), want, rtol=1e-6)
    table = Tensor(np.zeros((50_000, 3), np.float32), requires_grad=True)
    ops.take(table, ids, 0).backward(np.repeat(X[:, None], 3, 1))
    np.testing.assert_allclose(table.grad.numpy()[:, 2], want, rtol=1e-6)


@pytest.mark.parametrize("sparse", [False, True])
def test_gradient_of_a_row_used_a_million_times(sparse):
    ids = np.where(np.random.default_rng(2).random(N) < 0.9, 7, np.arange(N) % 1000)
    layer = Embedding(1000, 3, sparse=sparse)
    layer.build((None,))
    want = np.bincount(ids, EXACT, 1000)
    results = []
    for n in (1, 2):
        lamina.set_num_threads(n)
        layer.embeddings.zero_grad()
        layer(ids).backward(np.repeat(X[:, None], 3, 1))
        results.append(layer.embeddings.grad.numpy().copy())
    np.testing.assert_allclose(results[0][:, 1], want, rtol=1e-6)
    np.testing.assert_array_equal(*results)


def test_frequent_rows_are_added_to_what_is_there():
    table = Tensor(np.zeros((4, 2), np.float32), requires_grad=True)
    for _ in range(2):
        ops.embedding(np.full(5000, 3), table).backward(np.ones((5000, 2), np.float32))
    np.testing.assert_array_equal(table.grad.numpy(), [[0, 0], [0, 0], [0, 0], [10_000, 10_000]])
