"""How many threads work, and where they must not."""

from __future__ import annotations

import ctypes
import os
import threading

import numpy as np
import pytest

from lamina import _native


def tree(root, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(root)


@pytest.mark.parametrize(
    ("cpu_max", "want"),
    [("max 100000\n", 0), ("150000 100000\n", 1), ("50000 100000\n", 1), ("400000 100000\n", 4), ("250000 50000\n", 5)],
)
def test_quota_of_cgroup_v2(tmp_path, cpu_max, want):
    files = {"proc/self/cgroup": "0::/box\n", "sys/fs/cgroup/box/cpu.max": cpu_max}
    assert _native.cgroup_quota(tree(tmp_path, files)) == want


def test_the_tightest_quota_above_counts(tmp_path):
    files = {
        "proc/self/cgroup": "0::/slice/box\n",
        "sys/fs/cgroup/slice/box/cpu.max": "max 100000\n",
        "sys/fs/cgroup/slice/cpu.max": "300000 100000\n",
        "sys/fs/cgroup/cpu.max": "800000 100000\n",
    }
    assert _native.cgroup_quota(tree(tmp_path, files)) == 3


def test_the_namespace_root_counts(tmp_path):
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}
    assert _native.cgroup_quota(tree(tmp_path, files)) == 2


@pytest.mark.parametrize(("quota", "want"), [("-1", 0), ("250000", 2), ("10000", 1)])
def test_quota_of_cgroup_v1(tmp_path, quota, want):
    files = {
        "proc/self/cgroup": "5:memory:/box\n4:cpu,cpuacct:/box\n",
        "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": quota,
        "sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "100000",
    }
    assert _native.cgroup_quota(tree(tmp_path, files)) == want


@pytest.mark.parametrize("text", ["", "nonsense\n", "0::/gone\n", "::\n", "4:cpu:/gone\n"])
def test_no_cgroup_means_no_limit(tmp_path, text):
    assert _native.cgroup_quota(tree(tmp_path, {"proc/self/cgroup": text})) == 0


def test_hyper_threads_are_not_cores(tmp_path):
    files = {}
    for cpu in range(8):  # two packages of two cores of two threads
        topology = f"sys/devices/system/cpu/cpu{cpu}/topology"
        files[f"{topology}/core_id"] = f"{cpu % 2}\n"
        files[f"{topology}/physical_package_id"] = f"{cpu // 4}\n"
    assert _native.physical_cores(tree(tmp_path, files)) == 4
    assert _native.physical_cores(str(tmp_path / "nothing")) == 0


SHOW = "from lamina import _native; print(_native.get_num_threads())"


def test_omp_num_threads_wins(python):
    assert python(SHOW, OMP_NUM_THREADS="3") == "3"
    assert python(SHOW, OMP_NUM_THREADS="2,1") == "2"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity masks here")
def test_affinity_limits(python):
    one = min(os.sched_getaffinity(0))
    assert python(f"import os; os.sched_setaffinity(0, {{{one}}})\n{SHOW}", OMP_NUM_THREADS="") == "1"


def test_set_and_get(threads):
    for n in (1, 2, 3):
        threads(n)
        assert _native.get_num_threads() == n
    for n in (0, -1, 5000):
        with pytest.raises(ValueError, match="set_num_threads: expected 1 to 1024"):
            threads(n)


def product(seed: int = 0):
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal((300, 400)).astype(np.float32), rng.standard_normal((400, 500)).astype(np.float32)
    return _native.dense_forward(x, w, None, "tanh")


def test_python_threads_may_call_at_once(threads):
    threads(2)
    want = product()
    results = [None] * 6

    def work(i):
        for _ in range(5):
            results[i] = product()

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(results))]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert all(np.array_equal(r, want) for r in results)


def openmp_pools():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    return [p for p in threadpoolctl.threadpool_info() if p["user_api"] == "openmp" and "gomp" in p["filepath"]]


def test_threadpoolctl_limits(threads):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    threads(2)
    with threadpoolctl.threadpool_limits(1):
        assert _native.get_num_threads() == 1
        limited = product()
    assert _native.get_num_threads() == 2
    assert np.array_equal(limited, product())


def test_nested_in_a_parallel_region_means_serial(threads):
    """GOMP_parallel is what `#pragma omp parallel` calls."""
    pools = openmp_pools()
    if not pools:
        pytest.skip("libgomp is not loaded")
    threads(2)
    inner = []
    body = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: inner.append(_native.get_num_threads()))
    for pool in pools:
        inner.clear()
        ctypes.CDLL(pool["filepath"]).GOMP_parallel(body, None, 2, 0)
        if inner == [1, 1]:
            return
    raise AssertionError(f"two threads inside a region may use {inner} threads each")


def test_denormals_of_the_caller_stay(threads):
    """Kernels flush denormals on every thread, but not for NumPy afterwards."""
    threads(2)
    product()
    tiny = np.full(64, np.finfo(np.float32).tiny, np.float32)
    assert (tiny * np.float32(0.5) > 0).all()
