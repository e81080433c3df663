"""Fixtures that every test may use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import lamina
from lamina import _native


@pytest.fixture
def threads():
    """set_num_threads, put back afterwards."""
    before = _native.get_num_threads()
    yield _native.set_num_threads
    _native.set_num_threads(before)


@pytest.fixture(params=_native.host_isas())
def isa(request):
    """Each instruction set of the processor in turn, the usual one put back afterwards."""
    before = _native.isa()
    _native.use_isa(request.param)
    yield request.param
    _native.use_isa(before)


@pytest.fixture(autouse=True)
def no_figures_left():
    """matplotlib warns where many are open."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")


# A process started in the background ignores SIGINT, and so would what it starts.
_INTERRUPTIBLE = "import signal as _s; _s.signal(_s.SIGINT, _s.default_int_handler); del _s\n"


@pytest.fixture
def python(tmp_path):
    """Runs source in a fresh interpreter and returns what it printed."""

    def run(source: str, *, timeout: float = 120, **env: str) -> str:
        result = subprocess.run(
            [sys.executable, "-c", _INTERRUPTIBLE + source],
            env={**os.environ, "PYTHONPATH": str(Path(lamina.__file__).parents[1]), **env},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    return run
