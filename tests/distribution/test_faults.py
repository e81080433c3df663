"""Ranks that die, fail, leave, or differ: all end soon, with a message that names the rank; nothing is lost."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time

import launch
import numpy as np
import pytest

import lamina
from lamina import layers

PROGRAM = launch.HERE / "fault_program.py"
KILLS = int(os.environ.get("LAMINA_KILLS", "6"))


def weights(folder):
    with np.load(folder / "weights.npz") as saved:
        return [saved[name] for name in saved.files]


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_rank_that_is_killed_ends_all_within_ten_seconds_and_no_checkpoint_is_lost(tmp_path, seed):
    rng = random.Random(seed)
    ranks = rng.choice([2, 3, 4])
    process = launch.start(ranks, PROGRAM, "train", tmp_path)
    pids = {}
    try:
        while len(pids) < ranks:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
            known = {int(f.name[4:]): f.read_text() for f in tmp_path.glob("pid-*")}
            pids = {rank: int(text) for rank, text in known.items() if text.endswith("\n")}
        time.sleep(rng.random() * 0.5)
        victim = rng.randrange(ranks)
        os.kill(pids[victim], signal.SIGKILL)
        start = time.monotonic()
        _, err = process.communicate(timeout=60)
        took = time.monotonic() - start
    finally:
        process.kill()
    assert took < 10, took
    assert process.returncode
    assert f"lamina.distribution: rank {victim} of {ranks} (process {pids[victim]} on " in err, err
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    if (tmp_path / "latest.npz").exists():
        code, out, err = launch.run(2, PROGRAM, "resume-1", tmp_path)
        assert code == 0, out + err


def test_a_run_goes_on_with_another_number_of_ranks_and_the_same_bits(tmp_path):
    whole = tmp_path / "whole"
    parts = tmp_path / "parts"
    for folder, runs in ((whole, [(1, 4)]), (parts, [(2, 1), (4, 2), (3, 4)])):
        folder.mkdir()
        for ranks, epochs in runs:
            code, out, err = launch.run(ranks, PROGRAM, f"resume-{epochs}", folder)
            assert code == 0, out + err
    for a, b in zip(weights(whole), weights(parts), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("what", "ranks", "message"),
    [
        ("raises", 3, "rank 1 of 3 ended with OSError; all ranks end"),
        ("other model", 3, r"fit: rank 1 does not train what rank 0 does: its weight \S+ is float32 of shape \(4, 9\)"),
        ("other optimizer", 2, "fit: rank 1 does not train what rank 0 does: its optimizer is SGD"),
        ("other data", 2, r"fit: rank 1 has other data than rank 0 in batch 0 \(11 and 10 samples\)"),
        ("leaves", 2, "rank 1 of 2 has ended while this one still waits for it"),
    ],
)
def test_what_goes_wrong_on_one_rank_is_said_and_ends_all(tmp_path, what, ranks, message):
    start = time.monotonic()
    code, _, err = launch.run(ranks, PROGRAM, what, tmp_path, timeout=60)
    assert code
    assert re.search(message, err), err
    assert time.monotonic() - start < 45  # on a busy machine


def test_data_of_its_own_may_run_out_on_one_rank_first(tmp_path):
    code, out, err = launch.run(2, PROGRAM, "runs out", tmp_path)
    assert code == 0, err
    assert "rank 1 ran out of data, or stopped, after 5 batches" in err
    said = dict(re.findall(r"rank (\d) did (.*)", out))
    assert said["0"] == said["1"]
    assert said["0"].startswith("5 steps")


def test_the_first_rank_alone_writes_and_shows(tmp_path):
    code, out, err = launch.run(3, PROGRAM, "writes", tmp_path)
    assert code == 0, err
    assert len(re.findall(r"^Epoch 1/2", out, re.MULTILINE)) == 1
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3
    assert lamina.load_model(tmp_path / "kept.lamina").count_params() == 58


def test_ranks_of_one_machine_share_its_threads(tmp_path):
    process = subprocess.Popen(
        [launch.mpiexec(), "-n", "2", sys.executable, str(PROGRAM), "threads", str(tmp_path)], stdout=subprocess.PIPE,
        text=True, env={k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"},
    )  # fmt: skip
    out, _ = process.communicate(timeout=60)
    whole = int(
        subprocess.run(
            [sys.executable, "-c", "import lamina; print(lamina.get_num_threads())"], capture_output=True, check=True,
            env={k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"},
        ).stdout
    )  # fmt: skip
    assert re.findall(r"has (\d+) threads", out) == [str(max(1, whole // 2))] * 2


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_a_captured_loop_of_ones_own(tmp_path, ranks):
    code, _, err = launch.run(ranks, PROGRAM, "loop", tmp_path)
    assert code == 0, err
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((64, n)).astype(np.float32) for n in (4, 2))
    lamina.random.seed(5)
    model = lamina.Sequential([lamina.Input((4,)), layers.Dense(8, "relu"), layers.Dense(2)])
    optimizer = lamina.optimizers.SGD(0.1)
    optimizer.build(model.trainable_weights)
    for _ in range(5):
        lamina.ops.mean((model(x, training=True) - y) ** 2).backward()
        optimizer.step()
        optimizer.zero_grad()
    for a, b in zip(weights(tmp_path), model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_without_mpi4py_a_launched_program_says_what_to_install(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import importlib.util, lamina\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: None if name == 'mpi4py' else find(name, *a)\n"
        "lamina.distribution.DataParallel()\n"
    )
    alone = subprocess.run([sys.executable, program], check=False, capture_output=True, text=True)
    assert alone.returncode == 0, alone.stderr
    told = subprocess.run(
        [sys.executable, program], check=False, capture_output=True, text=True, env={**os.environ, "PMI_RANK": "0"}
    )
    assert "MPI started this process (PMI_RANK is set), but mpi4py is not installed" in told.stderr
    assert 'pip install "lamina[mpi]"' in told.stderr


def test_the_example_prints_the_same_check_sum_on_any_number_of_ranks(tmp_path):
    pytest.importorskip("sklearn")
    program = launch.HERE.parents[1] / "examples" / "distributed.py"
    sums = set()
    for ranks in (1, 4):
        code, out, err = launch.run(ranks, program, "--epochs", 1)
        assert code == 0, err
        assert f"{ranks} processes, 1 threads each" in out
        sums.add(re.findall(r"check sum: (\w{16})", out)[0])
    assert len(sums) == 1
