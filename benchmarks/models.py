"""Times training steps (Adam) and inference of whole networks: Lamina beside every other library that is installed.

    python benchmarks/models.py [--filter TEXT] [--kinds A,B] [--rounds N] [--seconds S] [--threads N] [--busy N]
                                [--python KIND=PATH] [--json F] [--plot F] [--markdown F]
    python benchmarks/models.py --from F [--plot F] [--markdown F]

Lamina: captured and eager loops, train_on_batch / predict_on_batch / fit, mixed_bfloat16, int8. Beside it its NumPy
twins, PyTorch eager and compiled, plain JAX, Keras on JAX and on TensorFlow, onnxruntime. Each works in a process of
its own; they take turns, and then all of it again: what takes half of the machine for a while meets all alike. A
library that lives in another interpreter is named by --python, as in --python tensorflow=/path/to/bin/python: a kind,
or a module and with it all kinds that need it; several times.

Rivals get their best: PyTorch the memory format of images and the Adam (plain or fused) that are faster, onnxruntime
the faster of the graphs that Lamina and PyTorch export. Keras and Lamina's "train_on_batch" run the same definition by
the same methods. "fit" is one epoch through fit, a step of it.

Times are microseconds a step, minimum over all samples (beside busy processes: median). "Percent" is of what the
processor multiplies and adds at most, measured in every round, for the direct sums; Winograd's tiles may pass 100.

--busy N: beside N processes that never rest. --json F: rows are added to those that F has (the same network, pass,
kind, busy processes and threads are replaced), so that the whole can be taken in pieces.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import sys
import time
from pathlib import Path
from typing import Any

import busy
import flops
import harness
import report
import workers
from network_data import NAMES
from workers import KINDS, Worker


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--filter", default="", help="networks whose name contains this, or =NAME; several with commas")
    p.add_argument("--kinds", default="", help=f"of {', '.join(KINDS)}; all that are installed")
    p.add_argument("--passes", default="training,inference,fit", help="which of these")
    p.add_argument("--rounds", type=int, default=6, help="turns of each process and network")
    p.add_argument("--seconds", type=float, default=0.25, help="length of a turn")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--busy", type=int, metavar="N", default=0, help="beside N busy processes")
    p.add_argument(
        "--python", action="append", default=[], metavar="KIND=PATH", help="a kind's or module's interpreter"
    )
    p.add_argument("--json", metavar="FILE", help="add the rows to this file")
    p.add_argument("--from", dest="given", metavar="FILE", help="measure nothing: show this file of --json")
    p.add_argument("--plot", metavar="FILE", help="a picture, .png or .svg (needs matplotlib)")
    p.add_argument(
        "--markdown", metavar="FILE", help="write the tables as Markdown; README's to FILE with .short in front"
    )
    return p.parse_args()


def chosen_networks(text: str) -> list[str]:
    words = [w for w in text.split(",") if w]
    found = [n for n in NAMES if not words or any(n == w[1:] if w[0] == "=" else w in n for w in words)]
    if not found:
        raise SystemExit(f"--filter {text}: none of {', '.join(NAMES)}")
    return found


def chosen_kinds(options: argparse.Namespace) -> dict[str, tuple[str, dict[str, str]]]:
    """Kinds that are installed: the interpreter of each, and the versions there."""
    given = {}
    for text in options.python:
        name, equals, path = text.partition("=")
        if not equals or not any(name == kind or name in KINDS[kind].modules for kind in KINDS):
            raise SystemExit(f"--python {text}: expected KIND=PATH, a kind of {', '.join(KINDS)} or a module of theirs")
        given[name] = path
    words = [w for w in options.kinds.split(",") if w]
    if unknown := set(words) - set(KINDS):
        raise SystemExit(f"--kinds: unknown {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    found = {}
    for kind in words or KINDS:
        paths = [given[name] for name in (kind, *KINDS[kind].modules[::-1]) if name in given]
        python = (paths or [sys.executable])[0]
        versions = workers.versions(kind, python)
        if versions is None:
            print(f"{KINDS[kind].title}: not installed ({', '.join(KINDS[kind].modules)} in {python})")
        else:
            found[kind] = (python, versions)
    return found


class Comparison:
    """One pass of one network in all processes."""

    def __init__(self, name: str, which: str, processes: dict[str, Worker]) -> None:
        self.name, self.which = name, which
        self._workers = {k: w for k, w in processes.items() if which in KINDS[k].passes}
        self._workers = {k: w for k, w in self._workers.items() if name in (KINDS[k].networks or NAMES)}
        self._samples: dict[str, list[float]] = {}
        self._answers: dict[str, dict[str, Any]] = {}
        self.errors: dict[str, str] = {}
        for kind, worker in self._workers.items():
            begin = time.perf_counter()
            self._take(kind, worker.ask(name, which, 0.02))  # builds, and warms up
            seconds = time.perf_counter() - begin
            if seconds > 5:
                print(f"{name}, {which}: {KINDS[kind].title} took {seconds:.0f} s to begin", flush=True)
        self._samples = {kind: [] for kind in self._workers}

    def _take(self, kind: str, answer: dict[str, Any]) -> None:
        if "error" in answer:
            self.errors[kind] = answer["error"]
            return
        self._answers[kind] = answer
        self._samples.setdefault(kind, []).extend(answer["samples"])

    def turn(self, seconds: float) -> None:
        for kind, worker in self._workers.items():
            slow = len(self._samples[kind]) > 2 and min(self._samples[kind]) > 0.8 * seconds  # two turns are enough
            if kind not in self.errors and not slow:
                time.sleep(0.05)  # threads of the last one stop spinning
                self._take(kind, worker.ask(self.name, self.which, seconds))

    def rows(self, common: dict[str, Any]) -> list[dict[str, Any]]:
        sizes = {k: a["parameters"] for k, a in self._answers.items() if k != "int8"}
        if len(set(sizes.values())) > 1:
            raise SystemExit(f"{self.name}: the networks differ, parameters {sizes}")
        rows = []
        for kind, answer in self._answers.items():
            if kind in self.errors:
                continue
            timing = harness.Timings(self._samples[kind])
            row = {"network": self.name, "pass": self.which, "kind": kind, **common}
            row |= {"us_min": 1e6 * timing.best, "us_median": 1e6 * timing.median, "samples": len(timing.samples)}
            row |= {
                "flops": flops.flops(self.name, self.which),
                **{k: v for k, v in answer.items() if k not in ("samples", "lamina")},
            }
            rows.append(row)
        return rows


def add(path: str, facts: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """To the rows that the file has."""
    if Path(path).exists():
        old = report.read(path)
        facts, rows = {**old["machine"], **facts}, report.merged(old["results"], rows)
    harness.write_json(path, facts, rows)


def measure(options: argparse.Namespace, facts: dict[str, Any]) -> list[dict[str, Any]]:
    from lamina import _native

    kinds = chosen_kinds(options)
    facts |= {module: version for _, versions in kinds.values() for module, version in versions.items()}
    print(", ".join(f"{k} {v}" for k, v in facts.items()) + "\n")
    processes = {kind: Worker(kind, options.threads, python) for kind, (python, _) in kinds.items()}
    rows: list[dict[str, Any]] = []
    try:
        for name in chosen_networks(options.filter):
            passes = [p for p in workers.PASSES if p in options.passes.split(",")]
            comparisons = [Comparison(name, which, processes) for which in passes]
            peak = 0.0
            with busy.busy_processes(options.busy) if options.busy else contextlib.nullcontext():
                for _ in range(options.rounds):
                    peak = max(peak, float(_native.measure_flops("float32", 0.05)))
                    for comparison in comparisons:
                        comparison.turn(options.seconds)
            common = {"busy": options.busy, "threads": facts["threads"], "peak_gflops": peak, "date": facts["date"]}
            for comparison in comparisons:
                found = comparison.rows(common)
                rows += found
                if options.json:
                    add(options.json, facts, found)
                for kind, error in comparison.errors.items():
                    print(f"{name}, {comparison.which}, {KINDS[kind].title}: {error}", flush=True)
    finally:
        for process in processes.values():
            process.close()
    for row in rows:
        if "reason" in row:
            print(f"{row['network']}, {row['pass']}, {KINDS[row['kind']].title}: not captured: {row['reason']}")
    return rows


def main() -> None:
    options = arguments()
    harness.clean_environment(options.threads)
    if options.given:
        found = report.read(options.given)
        facts, rows = found["machine"], found["results"]
    else:
        facts = {**harness.machine(), "date": datetime.date.today().isoformat()}
        rows = measure(options, facts)
        if options.json and rows:
            found = report.read(options.json)
            facts, rows = found["machine"], found["results"]
    groups = report.groups(rows)
    for (processes, threads), results in groups.items():
        print(f"\n{threads} threads" + (f", beside {processes} busy processes" if processes else ""))
        print(report.tables(results))
    if not groups:
        return
    quiet = next(iter(groups.values()))
    if options.plot:
        report.plot(options.plot, quiet, facts)
    if options.markdown:
        path = Path(options.markdown)
        path.write_text(f"{report.heading(facts)}\n\n{report.markdown(quiet)}\n")
        path.with_name(f"short.{path.name}").write_text(f"{report.heading(facts)}\n\n{report.markdown_short(quiet)}\n")


if __name__ == "__main__":
    main()
