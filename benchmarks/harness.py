"""What the benchmarks share: a clean environment, interleaved timing, tables. Imports no NumPy by itself."""

from __future__ import annotations

import gc
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# They can pin NumPy's OpenBLAS to the kernel of an old processor.
PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def clean_environment(threads: int = 0) -> None:
    """Before NumPy is imported: start this process again without PINS and, if given, with so many BLAS threads."""
    wanted = {k: v for k, v in os.environ.items() if k not in PINS}
    if threads:
        wanted["OPENBLAS_NUM_THREADS"] = wanted["OMP_NUM_THREADS"] = str(threads)
    if wanted != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], wanted)


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """Everything a reader needs to place the numbers."""
    import numpy as np

    import lamina
    from lamina import _native

    facts = {
        "processor": processor(),
        "threads": _native.get_num_threads(),
        "isa": _native.isa(),
        "compiler": _native.compiler(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "lamina": lamina.__version__,
        "blas": blas_kernel(),
    }
    return facts


def blas_kernel() -> str:
    """Which kernel NumPy's BLAS runs."""
    import numpy as np

    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "unknown (pip install threadpoolctl)"
    np.ones((2, 2), np.float32) @ np.ones((2, 2), np.float32)
    for pool in threadpool_info():
        if pool["user_api"] == "blas" and "numpy" in pool["filepath"]:
            name = f"{pool['internal_api']} {pool.get('version')} {pool.get('architecture')}"
            return f"{name}, {pool['num_threads']} threads"
    return "unknown"


@dataclass
class Timings:
    """Seconds a call, one entry a sample."""

    samples: list[float] = field(default_factory=list)

    @property
    def best(self) -> float:
        return min(self.samples)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


Call = Callable[[], Any]


def _sample(call: Call, times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - start) / times


def sample(call: Call, seconds: float, least: int = 2) -> list[float]:
    """Seconds a call over a while, at least so many samples; one takes as many calls as make 0.2 ms."""
    once = _sample(call, 1)
    times = max(1, min(1000, round(2e-4 / max(once, 1e-7))))
    samples = [] if times > 1 else [once]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples) < least:
        samples.append(_sample(call, times))
    return samples


def interleave(
    calls: Sequence[Call], seconds: float, between: Call = lambda: None, block: float = 0.1
) -> list[Timings]:
    """Time every call for about `seconds`, in turn, so that a drift of the machine meets all of them alike.

    A turn is a block of at least five samples, a sample as many calls as take 0.2 ms. Before each turn the machine
    rests until the threads of the other library have stopped spinning (OpenBLAS's do so for some 25 ms, and for 100 ms
    where they are in somebody's way).
    """
    results = [Timings() for _ in calls]
    times, turns = [], []
    for call in calls:
        call()
        once = min(_sample(call, 1) for _ in range(3))
        times.append(max(1, min(10000, round(2e-4 / max(once, 1e-7)))))
        turns.append(max(block, 5 * once))
    enabled = gc.isenabled()
    gc.disable()
    try:
        end = time.perf_counter() + seconds * len(calls)
        while time.perf_counter() < end or len(results[0].samples) < 5:
            for call, n, turn, result in zip(calls, times, turns, results, strict=True):
                if len(calls) > 1:
                    time.sleep(0.04)
                turn_end = time.perf_counter() + turn
                while True:
                    result.samples.append(_sample(call, n))
                    if time.perf_counter() > turn_end:
                        break
            between()
    finally:
        if enabled:
            gc.enable()
    return results


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Text columns, the first two flush left, numbers flush right."""
    widths = [max(len(str(r[i])) for r in (header, *rows)) for i in range(len(header))]
    lines = []
    for r in (header, *rows):
        cells = [str(c).ljust(w) if i < 2 else str(c).rjust(w) for i, (c, w) in enumerate(zip(r, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def write_json(path: str, facts: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
    Path(path).write_text(json.dumps({"machine": facts, "results": list(rows)}, indent=1) + "\n")


def geometric_mean(values: Sequence[float]) -> float:
    return statistics.geometric_mean(values) if values else float("nan")
