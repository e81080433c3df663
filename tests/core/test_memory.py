"""The pool's counters, its limit, and flat memory over many steps of changing shapes."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import numpy as np
import pytest

from lamina import _native
from lamina.core import memory


@pytest.fixture(autouse=True)
def _limit():
    yield
    _native.pool_set_limit(512 << 20)


def test_counters_follow_results():
    gc.collect()
    before = _native.pool_stats()["in_use"]
    arrays = [_native.empty((1000, 100), np.float32) for _ in range(5)]
    held = _native.pool_stats()["in_use"] - before
    assert 5 * 400_000 <= held <= 5 * 400_000 * 1.26
    view = arrays[0][10:20]
    del arrays
    gc.collect()
    assert _native.pool_stats()["in_use"] - before >= 400_000  # the view keeps its block
    del view
    assert _native.pool_stats()["in_use"] == before


def test_blocks_are_aligned_and_used_again():
    a = _native.empty((257,), np.float32)
    address = a.ctypes.data
    assert address % 64 == 0
    del a
    reuses = _native.pool_stats()["reuses"]
    b = _native.empty((257,), np.float32)
    assert b.ctypes.data == address
    assert _native.pool_stats()["reuses"] == reuses + 1


def test_threads_share_what_each_gave_back():
    made = []

    def work() -> None:
        made.append([_native.empty((70_001,), np.float32) for _ in range(20)])

    gc.collect()
    _native.pool_clear()
    before = _native.pool_stats()
    threads = [threading.Thread(target=work) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert _native.pool_stats()["in_use"] - before["in_use"] >= 120 * 280_004
    made.clear()  # by another thread than the one that asked for them
    assert _native.pool_stats()["in_use"] == before["in_use"]
    allocations = _native.pool_stats()["allocations"]
    t = threading.Thread(target=work)
    t.start()
    t.join()
    assert _native.pool_stats()["allocations"] == allocations
    made.clear()


def test_the_limit_bounds_what_is_kept():
    _native.pool_clear()
    assert _native.pool_stats()["cached"] == 0
    _native.pool_set_limit(1 << 20)
    arrays = [_native.empty((100_000,), np.float32) for _ in range(20)]
    del arrays
    assert _native.pool_stats()["cached"] <= 1 << 20
    _native.pool_set_limit(0)
    del_me = _native.empty((100_000,), np.float32)
    del del_me
    assert _native.pool_stats()["cached"] == 0


def test_poison_fills_fresh_blocks():
    _native.pool_set_poison(True)
    try:
        assert np.isnan(_native.empty((100,), np.float32)).all()
        assert np.isnan(_native.empty((100,), np.float64)).all()
    finally:
        _native.pool_set_poison(False)


def test_zero_size_and_huge_sizes():
    assert _native.empty((0, 5), np.float32).shape == (0, 5)
    with pytest.raises(ValueError, match="overflow"):
        _native.empty((1 << 40, 1 << 40), np.float32)
    with pytest.raises(ValueError, match="negative"):
        _native.empty((-1,), np.float32)


CHANGING_SHAPES = """
import gc
import numpy as np
from lamina import Tensor, _native
from lamina.ops.dense import dense, matmul

def train(batch):
    y = matmul(dense(Tensor(rng.standard_normal((batch, 40)).astype(np.float32)), w1, None, "relu"), w2)
    y.backward(np.ones(y.shape, np.float32))
    w1.zero_grad()
    w2.zero_grad()

def resident():
    gc.collect()
    return int(open("/proc/self/statm").read().split()[1]) * 4096

_native.set_num_threads(1)
rng = np.random.default_rng(0)
w1 = Tensor(rng.standard_normal((40, 300)).astype(np.float32), requires_grad=True)
w2 = Tensor(rng.standard_normal((300, 70)).astype(np.float32), requires_grad=True)
batches = [int(b) for b in rng.integers(1, 600, 2200)]
for b in [600, *batches[:200]]:
    train(b)
before, in_use = resident(), _native.pool_stats()["in_use"]
for b in batches[200:]:
    train(b)
print(_native.pool_stats()["in_use"] - in_use, resident() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_memory_is_flat_over_changing_shapes(python):
    """In a process of its own: what earlier tests leave to the allocator would be counted."""
    pool_growth, growth = map(int, python(CHANGING_SHAPES).split())
    assert pool_growth == 0
    assert growth < 4 << 20


@pytest.mark.parametrize("make", [memory.zeros, memory.zero_pages])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 5), (2, 0), (1000, 3)], ids=str)
def test_memory_that_stays(shape, dtype, make):
    arrays = [make(shape, np.dtype(dtype)) for _ in range(5)]
    for i, a in enumerate(arrays):
        assert (a.shape, a.dtype) == (shape, dtype)
        assert a.ctypes.data % 64 == 0 or not a.size
        assert a.flags.c_contiguous
        assert not a.any()
        a[...] = i
    assert [a.max(initial=0) for a in arrays] == [i * bool(a.size) for i, a in enumerate(arrays)]
