"""Processes that never rest, beside which models.py --busy N measures."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator


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
