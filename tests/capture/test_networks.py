"""Whole networks, those of the benchmarks: the same bits eager and captured and at any thread count, flat memory."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import lamina

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("needs the source tree", allow_module_level=True)
sys.path.insert(0, str(BENCHMARKS))

import network_data  # noqa: E402
import networks  # noqa: E402


def weights_after(name: str, captured: bool, steps: int = 10) -> list[bytes]:
    lamina.random.seed(3)
    network = networks.build(name, captured)
    batch = tuple(a[:10] for a in network_data.data(name))
    losses = [float(network.train(*batch)) for _ in range(steps)]
    assert np.isfinite(losses).all()
    if captured:
        assert network.train.reason is None, network.train.reason
        assert len(network.train.plans) == 1
    outputs = network.infer(*(a[:10] for a in network_data.inputs_of(network_data.data(name, seed=1)))).numpy()
    return [w.numpy().tobytes() for w in network.model.weights] + [outputs.tobytes(), repr(losses).encode()]


@pytest.mark.parametrize("name", network_data.NAMES)
def test_ten_steps_give_the_same_bits(name, threads):
    threads(1)
    want = weights_after(name, captured=False)
    for n in (1, 2, 3, 4):
        threads(n)
        assert weights_after(name, captured=True) == want, f"captured, {n} threads"
    assert weights_after(name, captured=False) == want, "eager, 4 threads"


@pytest.mark.parametrize("name", network_data.NAMES)
def test_the_loss_falls(name):
    lamina.random.seed(0)
    network = networks.build(name, captured=True)
    batch = tuple(a[:10] for a in network_data.data(name))
    losses = [float(network.train(*batch)) for _ in range(25)]
    assert np.mean(losses[-3:]) < 0.9 * losses[0], losses


# More shapes than a captured step remembers, so that plans come and go.
CHANGING_SHAPES = """
import gc
import numpy as np
import lamina
from lamina import _native, layers

_native.set_num_threads(1)
model = lamina.Sequential([lamina.Input((30,)), layers.Dense(40, activation="relu"), layers.Dense(3)])
loss_fn = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = lamina.optimizers.Adam(1e-3)
optimizer.build(model.trainable_weights)

def step(x, y):
    loss = loss_fn(y, model(x, training=True))
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss

def resident():
    gc.collect()
    return int(open("/proc/self/statm").read().split()[1]) * 4096

run = lamina.capture(step, max_plans=6)
rng = np.random.default_rng(0)
sizes = 1, 7, 32, 33, 64, 90, 128
batches = [(rng.standard_normal((n, 30)).astype(np.float32), rng.integers(0, 3, n)) for n in sizes]
order = rng.choice(len(batches), 11_000, p=[0.02, 0.2, 0.3, 0.2, 0.2, 0.06, 0.02])
for i in order[:1000]:
    run(*batches[i])
before, in_use = resident(), _native.pool_stats()["in_use"]
for i in order[1000:]:
    run(*batches[i])
print(run.reason, len(run.plans), _native.pool_stats()["in_use"] - in_use, resident() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_memory_is_flat_over_captured_steps_of_changing_shapes(python):
    """In a process of its own: what earlier tests leave to the allocator would be counted."""
    reason, plans, pool_growth, growth = python(CHANGING_SHAPES).split()
    assert reason == "None"
    assert int(plans) <= 6
    assert int(pool_growth) < 1 << 20
    assert int(growth) < 4 << 20
