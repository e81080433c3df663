"""The process that runs programs: ``python -m tests.fuzz.worker JOURNAL`` reads requests, a line of JSON each.

{"run": source} judges one program; {"kinds": [...], "seed": n, "count": n, "avoid": [...]} makes and judges a batch.
Before each program its source goes to the journal, a file that the session reads when this process is gone.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import random
import re
import resource
import struct
import sys
import time
from typing import Any

import lamina
from lamina import _native

from . import judge
from .programs import Programs

JOURNAL_BYTES = 1 << 16


class Journal:
    """The running program, and how many there were before, in memory that outlives the process."""

    def __init__(self, path: str) -> None:
        self.file = open(path, "r+b")  # noqa: SIM115 (as long as the process)
        self.map = mmap.mmap(self.file.fileno(), JOURNAL_BYTES)
        self.count = 0

    def note(self, program: str) -> None:
        data = program.encode("utf-8", "surrogatepass")[: JOURNAL_BYTES - 16]
        self.count += 1
        self.map[16 : 16 + len(data)] = data
        self.map[:16] = struct.pack("<QQ", self.count, len(data))


def read_journal(path: str) -> tuple[int, str]:
    """(number of programs begun, source of the last)."""
    with open(path, "rb") as f:
        count, size = struct.unpack("<QQ", f.read(16))
        return count, f.read(size).decode("utf-8", "surrogatepass")


def in_use() -> int:
    """Bytes of the pool that somebody holds, after the garbage is gone."""
    gc.collect()
    return int(_native.pool_stats()["in_use"])


def batch(request: dict[str, Any], journal: Journal) -> dict[str, Any]:
    """Run programs of the seeds from ``seed`` on; a program depends on its own seed alone."""
    faults, slow = [], []
    spent: dict[str, tuple[int, float]] = {}
    avoid = re.compile("|".join(map(re.escape, request["avoid"])) or r"(?!)")
    held = in_use()
    for seed in range(request["seed"], request["seed"] + request["count"]):
        rng = random.Random(seed)
        kind = rng.choice(request["kinds"])
        start = time.process_time()
        program = Programs(rng).make(kind)
        if avoid.search(program):
            continue
        journal.note(program)
        fault = judge.run(program)
        seconds = time.process_time() - start
        if seconds > request["slow"] and not judge.HONEST.search(program):
            slow.append(program)
        count, before = spent.get(kind, (0, 0.0))
        spent[kind] = count + 1, before + seconds
        if fault is not None:
            faults.append({"source": program, "seed": seed, **vars(fault), "signature": fault.signature})
    return {"faults": faults, "slow": slow, "held": in_use() - held, "rss": _rss(), "spent": spent}


def _rss() -> int:
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


def main() -> None:
    """Serve requests until there are none."""
    journal, limit = Journal(sys.argv[1]), int(sys.argv[2])
    if limit:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.fsync = lambda fd: None  # no power is cut here; it takes most of the time of a save
    lamina.config.disable_traceback_filtering()  # the judge asks which function raised
    for line in sys.stdin:
        request = json.loads(line)
        if "run" in request:
            journal.note(request["run"])
            fault = judge.run(request["run"])
            reply: dict[str, Any] = {"fault": fault and {**vars(fault), "signature": fault.signature}}
        else:
            reply = batch(request, journal)
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    answers = open(os.dup(1), "w")  # noqa: SIM115 (as long as the process)
    os.dup2(2, 1)  # what programs print, or write to number 1, goes elsewhere
    main()
