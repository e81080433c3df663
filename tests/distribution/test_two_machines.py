"""Two network namespaces as two machines: ranks find each other, and end when the cable between them is cut."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import launch
import numpy as np
import pytest

PROGRAM = launch.HERE / "fault_program.py"
ADDRESSES = {"lamina-a": "10.99.0.1", "lamina-b": "10.99.0.2"}


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def plugged(kind: str) -> subprocess.Popen[str] | None:
    """Makes the devices lamina0 and lamina1, and what carries packets between them."""
    if kind == "cable":
        ip("link", "add", "lamina0", "type", "veth", "peer", "name", "lamina1")
        return None
    carrier = subprocess.Popen(
        [sys.executable, str(launch.HERE / "cable.py"), "lamina0", "lamina1", "2", "0.01"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert carrier.stdout is not None
    if carrier.stdout.readline() != "ready\n":
        pytest.skip(f"no tun devices here: {carrier.communicate()[1].splitlines()[-1]}")
    return carrier


@pytest.fixture(params=["cable", "slow cable that loses packets"])
def machines(tmp_path, request):
    """How to start a program on both."""
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("needs root and iproute2, for network namespaces")
    launcher = launch.mpiexec()
    names = list(ADDRESSES)
    carrier = None
    try:
        try:
            for name in names:
                ip("netns", "add", name)
            carrier = plugged(request.param)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr.decode().strip()}")
        for name, link in zip(names, ("lamina0", "lamina1"), strict=True):
            ip("link", "set", link, "netns", name)
            ip("-n", name, "addr", "add", f"{ADDRESSES[name]}/24", "dev", link)
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", link, "up")
        shell = tmp_path / "ssh"  # as mpiexec calls it: ssh -x HOST COMMAND ...
        cases = "".join(f"{address}) name={name};; " for name, address in ADDRESSES.items())
        shell.write_text(
            '#!/bin/bash\nwhile [[ "$1" == -* ]]; do shift; done\nhost=$1; shift\n'
            f'case $host in {cases}esac\nexec ip netns exec $name bash -c "$*"\n'
        )
        shell.chmod(shell.stat().st_mode | stat.S_IXUSR)
        hosts = ",".join(ADDRESSES.values())
        first = ["ip", "netns", "exec", names[0], launcher]
        yield [*first, "-launcher", "ssh", "-launcher-exec", str(shell), "-hosts", hosts]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        if carrier is not None:
            carrier.kill()
            carrier.communicate()


def start(machines: list[str], folder: Path, what: str) -> subprocess.Popen[str]:
    command = [*machines, "-n", "2", "-ppn", "1", sys.executable, str(PROGRAM), what, str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def ranks(folder: Path) -> list[int]:
    """The processes, once both train."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        files = [folder / f"pid-{rank}" for rank in (0, 1)]
        if all(f.exists() and f.read_text().endswith("\n") for f in files):
            return [int(f.read_text()) for f in files]
        time.sleep(0.05)
    raise AssertionError("they did not begin")


def seconds_until_gone(pids: list[int]) -> float:
    begin = time.monotonic()
    while time.monotonic() < begin + 30 and any(Path(f"/proc/{pid}").exists() for pid in pids):
        time.sleep(0.05)
    return time.monotonic() - begin


@pytest.mark.parametrize("what", ["cut", "killed"])
def test_both_machines_end_soon(machines, tmp_path, what):
    process = start(machines, tmp_path, "train")
    try:
        pids = ranks(tmp_path)
        time.sleep(1)
        if what == "cut":
            ip("-n", "lamina-b", "link", "set", "lamina1", "down")
        else:
            os.kill(pids[1], signal.SIGKILL)
        assert seconds_until_gone(pids) < 10
    finally:
        process.kill()  # the launcher itself waits longer for a machine that is gone
        for pid in ranks(tmp_path):
            if Path(f"/proc/{pid}").exists():
                os.kill(pid, signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    assert f"lamina.distribution: rank 1 of 2 (process {pids[1]} on " in err, err


def test_gradients_may_travel_as_bfloat16(machines, tmp_path):
    """Half the bytes; and the training of full gradients but for their rounding, which is seen."""
    said = {}
    for what in ("fast", "compressed"):
        process = start(machines, tmp_path, what)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert len(set(re.findall(r"check sum (\w+)", out))) == 1  # both ranks have the same weights
        said[what] = int(re.findall(r"sent (\d+) bytes", out)[0])
    assert said["compressed"] < 0.6 * said["fast"]
    with np.load(tmp_path / "fast.npz") as a, np.load(tmp_path / "compressed.npz") as b:
        for name in a.files:
            np.testing.assert_allclose(a[name], b[name], rtol=2e-2, atol=2e-2)
        assert any((a[name] != b[name]).any() for name in a.files)


def test_two_machines_train_as_one(machines, tmp_path):
    process = start(machines, tmp_path, "resume-2")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    (tmp_path / "alone").mkdir()
    code, _, err = launch.run(1, PROGRAM, "resume-2", tmp_path / "alone")
    assert code == 0, err
    with np.load(tmp_path / "weights.npz") as a, np.load(tmp_path / "alone" / "weights.npz") as b:
        for name in a.files:
            np.testing.assert_array_equal(a[name], b[name])
