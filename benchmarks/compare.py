"""Compares two versions of Lamina: two checkouts, measured in turn in one sitting, or two files of models.py --json.

    python benchmarks/compare.py OLD NEW [--filter TEXT] [--kinds A,B] [--passes A,B] [--rounds N] [--seconds S]
                                         [--threads N] [--at-least 0.98] [--json F]
    python benchmarks/compare.py OLD.json NEW.json [--at-least 0.98]

Checkouts must be built already, each with its module in python/lamina; the networks are those of this script's own
directory. One process each; old and new take turns and change who is first. The ratio is the median over the rounds of
old's minimum over new's: above 1 the new one is faster. What is below --at-least is measured once more with twice the
rounds, all of them counted, since neighbours on the machine cost as much. The exit code is 1 if it stays there.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

import harness
import report
from models import chosen_networks
from workers import KINDS, LAMINA, PASSES, Worker

Key = tuple[str, str, str]


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("old")
    p.add_argument("new")
    p.add_argument("--filter", default="", help="networks whose name contains this, or =NAME; several with commas")
    p.add_argument("--kinds", default="captured", help=f"of {', '.join(LAMINA)}")
    p.add_argument("--passes", default="training,inference")
    p.add_argument("--rounds", type=int, default=8)
    p.add_argument("--seconds", type=float, default=0.2, help="length of a turn")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--at-least", type=float, default=0.98, metavar="RATIO")
    p.add_argument("--json", metavar="FILE")
    return p.parse_args()


class Pair:
    """Processes of both checkouts, of one kind."""

    def __init__(self, kind: str, roots: list[Path], threads: int) -> None:
        self._workers = [Worker(kind, threads, environment={"PYTHONPATH": str(r / "python")}) for r in roots]
        self._roots = roots

    def turn(self, name: str, which: str, seconds: float, newer_first: bool) -> tuple[float, float]:
        """The minimum of old and of new, in microseconds."""
        found = [0.0, 0.0]
        for i in (1, 0) if newer_first else (0, 1):
            answer = self._workers[i].ask(name, which, seconds)
            if "error" in answer:
                raise SystemExit(f"{self._roots[i]}: {name}, {which}: {answer['error']}")
            if not Path(answer["lamina"]).is_relative_to(self._roots[i]):
                raise SystemExit(f"{self._roots[i]} has no built lamina: {answer['lamina']} was imported")
            found[i] = 1e6 * min(answer["samples"])
        return found[0], found[1]

    def close(self) -> None:
        for worker in self._workers:
            worker.close()


def measure(options: argparse.Namespace) -> dict[Key, list[tuple[float, float]]]:
    """Minima of the rounds."""
    roots = [Path(p).resolve() for p in (options.old, options.new)]
    kinds, passes = options.kinds.split(","), options.passes.split(",")
    if unknown := (set(kinds) - set(LAMINA)) | (set(passes) - set(PASSES)):
        raise SystemExit(f"unknown {', '.join(sorted(unknown))}: kinds are {LAMINA}, passes {PASSES}")
    pairs = {kind: Pair(kind, roots, options.threads) for kind in kinds}
    found: dict[Key, list[tuple[float, float]]] = {}
    try:
        for name in chosen_networks(options.filter):
            keys = [(name, which, kind) for kind in kinds for which in passes if which in KINDS[kind].passes]
            for key in keys:
                pairs[key[2]].turn(*key[:2], 0.05, newer_first=False)  # builds, and warms up
                found[key] = []
            again = keys
            for rounds in (options.rounds, 2 * options.rounds):
                for i in range(rounds):
                    for key in again:
                        found[key].append(pairs[key[2]].turn(*key[:2], options.seconds, newer_first=i % 2 == 1))
                again = [key for key in again if ratio(found[key]) < options.at_least]
    finally:
        for pair in pairs.values():
            pair.close()
    return found


def ratio(rounds: list[tuple[float, float]]) -> float:
    return statistics.median(old / new for old, new in rounds)


def of_files(old: str, new: str) -> dict[Key, list[tuple[float, float]]]:
    """Lamina's rows that both files have."""
    tables: list[dict[Any, float]] = []
    for path in (old, new):
        rows = [r for r in report.read(path)["results"] if r["kind"] in LAMINA and "us_min" in r]
        tables.append({report.key(r): report.us(r) for r in rows})
    shared = tables[0].keys() & tables[1].keys()
    if not shared:
        raise SystemExit(
            f"{old} and {new} share no row: the same networks, kinds, busy processes and threads are needed"
        )
    quiet = sorted(shared, key=lambda k: (k[3], k[4], k))
    return {(f"{k[0]}{f' beside {k[3]}' if k[3] else ''}", k[1], k[2]): [(tables[0][k], tables[1][k])] for k in quiet}


def main() -> int:
    options = arguments()
    harness.clean_environment(options.threads)
    files = [Path(p).is_file() for p in (options.old, options.new)]
    if any(files) and not all(files):
        raise SystemExit("expected two checkouts or two files of --json, got one of each")
    found = of_files(options.old, options.new) if all(files) else measure(options)
    rows = []
    for (name, which, kind), rounds in found.items():
        old, new = (min(r[i] for r in rounds) for i in (0, 1))
        rows.append(
            {"network": name, "pass": which, "kind": kind, "old_us": old, "new_us": new, "ratio": ratio(rounds)}
        )
    below = [r for r in rows if r["ratio"] < options.at_least]
    cells = [
        [r["network"], f"{r['pass']}, {KINDS[r['kind']].title}", f"{r['old_us']:.1f}", f"{r['new_us']:.1f}"]
        + [f"{r['ratio']:.3f}", "BELOW" if r in below else ""]
        for r in rows
    ]
    print(harness.table(["network", "", "old us", "new us", "ratio", ""], cells))
    ratios = [r["ratio"] for r in rows]
    print(f"geometric mean {harness.geometric_mean(ratios):.3f}, least {min(ratios):.3f}")
    if options.json:
        harness.write_json(options.json, {"old": options.old, "new": options.new}, rows)
    if below:
        print(f"{len(below)} of {len(rows)} below {options.at_least}")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
