"""Programs under mpiexec, as users start them."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def mpiexec() -> str:
    """The launcher of MPI in this Python's environment, or the system's; the test is skipped without."""
    pytest.importorskip("mpi4py", reason="needs mpi4py")
    own = Path(sysconfig.get_path("scripts")) / "mpiexec"
    found = str(own) if own.exists() else shutil.which("mpiexec")
    if found is None:
        pytest.skip("needs mpiexec: pip install mpich")
    return found


def start(ranks: int, program: Path | str, *args: Any, cwd: Path | None = None, **variables: str) -> Any:
    """A program on so many processes, one thread each."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"} | variables
    return subprocess.Popen(
        [mpiexec(), "-n", str(ranks), sys.executable, str(program), *map(str, args)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=cwd,
    )  # fmt: skip


def run(ranks: int, program: Path | str, *args: Any, timeout: float = 240, **options: Any) -> tuple[int, str, str]:
    """Its exit code and what it printed; killed, and an error, if it hangs."""
    process = start(ranks, program, *args, **options)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"hangs on {ranks} ranks\n{out}\n{err}") from None
    return process.returncode, out, err


def found(folder: Path, ranks: int, shards: int, *names: str) -> list[dict[str, Any]]:
    """What each rank found of these scenarios."""
    folder.mkdir(parents=True, exist_ok=True)
    code, out, err = run(ranks, HERE / "rank_program.py", folder, shards, *names)
    assert code == 0, f"{ranks} ranks, {shards} shards:\n{out}\n{err}"
    return [pickle.loads((folder / f"{rank}.pickle").read_bytes()) for rank in range(ranks)]
