"""models.py --busy N: training steps beside N processes that never rest, on one thread and on all of them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import harness
from network_data import JAX_NAMES


@contextlib.contextmanager
def busy_processes(n: int) -> Iterator[None]:
    """Each on a core of its own as far as there are some."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    running = []
    try:
        for i in range(n):
            running.append(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            if cores:
                os.sched_setaffinity(running[-1].pid, {cores[i % len(cores)]})
        yield
    finally:
        for process in running:
            process.send_signal(signal.SIGKILL)
            process.wait()


HEADER = ["network", "library", "ms, one thread", "ms, all threads", "ratio"]


def compare(names: list[str], workers: dict[tuple[str, int], Any], options: Any) -> list[dict[str, Any]]:
    """Rows of medians. The libraries and their numbers of threads take turns; each has the machine and the busy
    processes to itself."""
    rows: list[dict[str, Any]] = []
    samples: dict[Any, list[float]] = {}
    for name in names:
        asked = {key: w for key, w in workers.items() if key[0] != "jax" or name in JAX_NAMES}
        for key, worker in asked.items():
            worker.ask(name, "training", 0.1)  # builds, and warms up
            samples[name, key] = []
        with busy_processes(options.busy):
            for _ in range(options.rounds):
                for key, worker in asked.items():
                    samples[name, key] += worker.ask(name, "training", options.seconds)["samples"]
        for kind, threads in asked:
            if threads == 1:
                continue
            one, several = (1e3 * harness.Timings(samples[name, (kind, t)]).median for t in (1, threads))
            rows.append(
                {
                    "network": name,
                    "kind": kind,
                    "busy": options.busy,
                    "one_thread_ms": one,
                    "threads": threads,
                    "threads_ms": several,
                }
            )
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    cells = [
        [
            r["network"],
            r["kind"],
            f"{r['one_thread_ms']:.3f}",
            f"{r['threads_ms']:.3f}",
            f"{r['threads_ms'] / r['one_thread_ms']:.2f}",
        ]
        for r in rows
    ]
    return harness.table(HEADER, cells)
