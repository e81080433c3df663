"""A session: workers that run programs, what becomes of them, and the report."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lamina

from .programs import KINDS
from .shrink import shrink
from .worker import JOURNAL_BYTES, read_journal

HERE = Path(__file__).parent
CORPUS = HERE / "corpus.txt"
SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")
# Limits of one program; those of time count the processor's, so that a busy machine changes nothing.
SLOW = 60 if SANITIZED else 10  # seconds of a worker's threads: a fault
PATIENCE = 150 if SANITIZED else 25  # it does not end
STANDSTILL = 600  # seconds by the clock: it waits for what never comes
ADDRESS_SPACE = 0 if SANITIZED else 6 << 30
THREADS = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}  # as everywhere
BATCH = 250
WORDS = ("leak |", "bare |", "AttributeError |", "KeyError |", "slow")  # a Python error, but not in the user's words


@dataclasses.dataclass
class Finding:
    """A fault with the program that shows it."""

    source: str
    signature: str
    message: str
    count: int = 1

    @property
    def grave(self) -> bool:
        """Whether more is wrong than the words of an error, or than that Python makes a huge list or number."""
        outside = self.signature.startswith("hang  |") and "native." not in self.signature
        return not (outside or self.signature.startswith(WORDS))

    def __str__(self) -> str:
        message = self.message[:600].replace("\n", "\n# ")
        return f"# {self.count} x {self.signature}\n# {message}\n{self.source}\n"


class Gone(Exception):
    """The worker died or was killed; says why."""


class Worker:
    """One worker process and the pipe to it."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.journal = os.path.join(self.folder.name, "journal")
        with open(self.journal, "wb") as f:
            f.truncate(JOURNAL_BYTES)
        self.log = open(os.path.join(self.folder.name, "log"), "w+b")  # noqa: SIM115
        package = __package__ or ""
        root = HERE.parents[package.count(".")]
        path = os.pathsep.join([str(root), str(Path(lamina.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        sanitizer = {"ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=4000"}
        self.process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", f"{package}.worker", self.journal, str(ADDRESS_SPACE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            cwd=self.folder.name,
            env={**os.environ, **THREADS, "PYTHONPATH": path, **(sanitizer if SANITIZED else {})},
        )

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply; Gone if the process dies, or does not come to the end of a program."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write((json.dumps(request) + "\n").encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Gone(self._epitaph()) from None
        seen, since, used = -1, time.monotonic(), self._seconds()
        while not select.select([self.process.stdout], [], [], 0.5)[0]:
            count, _ = read_journal(self.journal)
            if count != seen:
                seen, since, used = count, time.monotonic(), self._seconds()
            if self._seconds() - used > PATIENCE or time.monotonic() - since > STANDSTILL:
                self.process.send_signal(signal.SIGABRT)  # faulthandler says where
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(5)
                self.process.kill()
                raise Gone(f"hang {self._where()}")
        line = self.process.stdout.readline()
        if not line:
            raise Gone(self._epitaph())
        return json.loads(line)

    def _seconds(self) -> float:
        """What the worker's threads have used of the processor."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it is gone
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _epitaph(self) -> str:
        code = self.process.wait()
        name = signal.Signals(-code).name if code < 0 else f"exit {code}"
        return f"crash {name} {self._where()}"

    def _where(self) -> str:
        """What a sanitizer or the fault handler said last."""
        self.log.seek(0)
        text = self.log.read()[-20_000:].decode(errors="replace")
        for pattern in (r"SUMMARY: (.+)", r"runtime error: (.+)", r"terminate called.*\n.*what\(\): +(.+)"):
            if found := re.search(pattern, text):
                return re.sub(r"/\S*/", "", found[1])
        found = re.search(r'File "[^"]*lamina/([^"]+)", line \d+ in (\w+)', text)
        last = [line for line in text.splitlines() if not line.startswith("Extension modules")][-1:]
        return f"in {found[1]}:{found[2]}" if found else "".join(last).strip()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.log):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self.folder.cleanup()


class Session:
    """Runs programs for a time; ``findings`` holds one program for each kind of fault."""

    def __init__(self, seed: int = 0, kinds: Sequence[str] = KINDS) -> None:
        self.next, self.kinds = seed * 10**9, list(kinds)
        self.findings: dict[str, Finding] = {}
        self.avoid: list[str] = []  # functions that killed too many workers already
        self.crashes: dict[str, int] = {}
        self.programs = 0
        self.spent: dict[str, tuple[int, float]] = {}  # by kind: programs, and seconds of the processor
        self.worker: Worker | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc: object) -> None:
        self.drop()

    def drop(self) -> None:
        """End the worker; the next request starts another."""
        if self.worker is not None:
            self.worker.close()
            self.worker = None

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self.worker = self.worker or Worker()
        return self.worker.ask(request)

    def signature(self, program: str) -> str | None:
        """What is wrong with a program: the kind of fault, how it killed a fresh worker, or None."""
        try:
            fault = self.ask({"run": program})["fault"]
        except Gone as gone:
            self.drop()
            return str(gone)
        return None if fault is None else fault["signature"]

    def replay(self, programs: Sequence[str]) -> None:
        """Run these programs."""
        for program in programs:
            if signature := self.signature(program):
                self._found(program, signature, "of the corpus")

    def run(self, seconds: float, most: float = math.inf) -> None:
        """Batches until the time is over or so many programs have run."""
        end, last = time.monotonic() + seconds, self.programs + most
        while time.monotonic() < end and self.programs < last:
            self.batch(BATCH)

    def batch(self, count: int) -> None:
        """The next programs."""
        before = read_journal(self.worker.journal)[0] if self.worker else 0
        request = {"kinds": self.kinds, "seed": self.next, "count": count, "avoid": self.avoid, "slow": SLOW}
        try:
            reply = self.ask(request)
        except Gone as gone:
            assert self.worker is not None
            done, program = read_journal(self.worker.journal)
            self.drop()
            self._died(program, str(gone))
            self.programs += done - before
            self.next += max(1, done - before)  # programs that were left out come a second time
            return
        self.programs += count
        self.next += count
        for kind, (n, seconds) in reply["spent"].items():
            before_n, before_seconds = self.spent.get(kind, (0, 0.0))
            self.spent[kind] = before_n + n, before_seconds + seconds
        for fault in reply["faults"]:
            self._found(fault["source"], fault["signature"], fault["message"])
        for program in reply["slow"]:
            self._found(program, "slow", f"more than {SLOW} seconds")
        if reply["held"] > 1 << 20:
            self._found(
                f"# seeds {request['seed']} to {self.next}", "memory", f"{reply['held']} bytes of the pool are held"
            )
        if reply["rss"] > 2 << 30:
            self.drop()

    def _died(self, program: str, how: str) -> None:
        again = self.signature(program)
        self.drop()
        called = re.findall(r"\b(?:ops|layers|native|optimizers|losses|metrics)\.\w+", program)[-1:]
        self._found(program, f"{how} | {''.join(called)}", "alone, too" if again else "not alone")
        for name in called:
            self.crashes[name] = self.crashes.get(name, 0) + 1
            if self.crashes[name] == 4:
                self.avoid.append(name + "(")

    def _found(self, program: str, signature: str, message: str) -> None:
        if signature in self.findings:
            finding = self.findings[signature]
            finding.count += 1
            if len(program) < len(finding.source):
                finding.source, finding.message = program, message
        else:
            self.findings[signature] = Finding(program, signature, message)

    def shrink(self, tries: int = 200, seconds: float = 120) -> None:
        """Make each finding's program smaller, as long as there is time."""
        end = time.monotonic() + seconds
        for finding in self.findings.values():
            if finding.signature.startswith(("slow", "memory", "hang")):
                continue
            wanted = self.signature(finding.source)
            if wanted is not None:
                finding.source = shrink(finding.source, self._same(wanted, end), tries)

    def _same(self, wanted: str, end: float) -> Callable[[str], bool]:
        """Whether a program shows that fault; no longer once the time is over."""
        return lambda program: time.monotonic() < end and self.signature(program) == wanted


def corpus() -> list[str]:
    """The programs that once were faults."""
    paragraphs = CORPUS.read_text().split("\n\n")
    return [p.strip() for p in paragraphs if any(line and line[0] != "#" for line in p.splitlines())]
