"""Times training steps (Adam) and inference of whole networks: Lamina eager and captured, and PyTorch eager.

    python benchmarks/models.py [--filter TEXT] [--rounds N] [--seconds S] [--threads N] [--json F] [--plot F]
    python benchmarks/models.py --busy N ...

Each library works in a process of its own; the processes take turns, A B A B, network after network, and then all of it
again: a neighbour or a hypervisor that takes half of the machine for a while meets all alike. PyTorch gets the memory
format of images that is faster for it, and its plain Adam (--fused: the fused one). Times are milliseconds a step,
minimum and median over all samples; ratios are those of the minima.

--busy N: captured training steps beside N processes that keep a core busy each (0: none), the median of one thread
against that of all, for PyTorch and, if it is installed, JAX too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

import harness

KINDS = ("eager", "captured", "torch")
OTHERS = ("jax",)  # with --busy


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--filter", default="", help="only networks whose name contains this; several with commas")
    p.add_argument("--rounds", type=int, default=12, help="turns of each process and network")
    p.add_argument("--seconds", type=float, default=0.25, help="length of a turn")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--fused", action="store_true", help="PyTorch's fused Adam")
    p.add_argument("--busy", type=int, metavar="N", help="one thread against all, beside N busy processes")
    p.add_argument("--json", metavar="FILE")
    p.add_argument("--plot", metavar="FILE", help="a picture (needs matplotlib)")
    p.add_argument("--worker", choices=KINDS + OTHERS, help=argparse.SUPPRESS)
    return p.parse_args()


# The worker: builds networks on request and times them.


def lamina_network(name: str, kind: str) -> tuple[Any, tuple[Any, ...]]:
    import networks
    from network_data import data

    return networks.build(name, kind == "captured"), data(name)


def torch_network(name: str, fused: bool, threads: int) -> tuple[Any, tuple[Any, ...]]:
    import torch

    import networks_torch
    from network_data import data

    if threads:
        torch.set_num_threads(threads)
    candidates = []
    for channels_last in (False, True) if name in networks_torch.IMAGES else (False,):
        network = networks_torch.build(name, channels_last, fused)
        batch = network.batch(data(name))
        for _ in range(3):
            network.train(*batch)
        timing = harness.interleave([lambda n=network, b=batch: n.train(*b)], 0.4)[0]
        candidates.append((timing.best, network, batch))
    _, network, batch = min(candidates, key=lambda c: c[0])
    return network, batch


def jax_network(name: str) -> tuple[Any, tuple[Any, ...]]:
    import networks_jax
    from network_data import data

    return networks_jax.build(name), data(name)


def work(kind: str, options: argparse.Namespace) -> None:
    """Answers one line of JSON a request: [network, pass, seconds]."""
    built: dict[str, tuple[Any, tuple[Any, ...]]] = {}

    def build(name: str) -> tuple[Any, tuple[Any, ...]]:
        if kind == "torch":
            return torch_network(name, options.fused, options.threads)
        return jax_network(name) if kind == "jax" else lamina_network(name, kind)

    for line in sys.stdin:
        name, which, seconds = json.loads(line)
        if name not in built:
            built[name] = build(name)
        network, batch = built[name]
        call = network.train if which == "training" else network.infer
        timing = harness.interleave([lambda c=call, b=batch: c(*b)], seconds, block=seconds)[0]
        loss = float(network.train(*batch)) if which == "training" else 0.0
        answer = {"samples": timing.samples, "parameters": network.parameters, "loss": loss}
        if kind == "torch":
            answer["channels_last"] = network.channels_last
        if kind == "captured" and getattr(call, "reason", None):
            answer["reason"] = call.reason
        print(json.dumps(answer), flush=True)


class Worker:
    def __init__(self, kind: str, options: argparse.Namespace, threads: int) -> None:
        command = [sys.executable, __file__, "--worker", kind, "--threads", str(threads)]
        command += ["--fused"] if options.fused else []
        environment = {**os.environ, "NPROC": str(threads)} if threads else None  # what JAX asks
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, name: str, which: str, seconds: float) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([name, which, seconds]) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of {name} ended: {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


class Comparison:
    """One pass of one network in all processes."""

    def __init__(self, name: str, which: str, workers: dict[str, Worker]) -> None:
        self.samples: dict[str, list[float]] = {kind: [] for kind in workers}
        self.row: dict[str, Any] = {"network": name, "pass": which}
        self.workers = workers
        for worker in workers.values():
            worker.ask(name, which, 0.1)  # builds, and warms up

    def turn(self, seconds: float) -> None:
        for kind, worker in self.workers.items():
            answer = worker.ask(self.row["network"], self.row["pass"], seconds)
            self.samples[kind] += answer["samples"]
            self.row[f"parameters_{kind}"] = answer["parameters"]
            for extra in ("channels_last", "reason"):
                if extra in answer:
                    self.row[extra] = answer[extra]

    def result(self) -> dict[str, Any]:
        row = self.row
        assert len({row[f"parameters_{kind}"] for kind in self.workers}) == 1, row
        for kind, seconds in self.samples.items():
            timing = harness.Timings(seconds)
            row[f"{kind}_ms_min"], row[f"{kind}_ms_median"] = 1e3 * timing.best, 1e3 * timing.median
        if "torch" in self.workers:
            for kind in ("eager", "captured"):
                row[f"{kind}_ratio"] = row["torch_ms_min"] / row[f"{kind}_ms_min"]
        return row


def cells(row: dict[str, Any]) -> list[str]:
    out = [row["network"], row["pass"], f"{row['parameters_eager']:,}"]
    for kind in KINDS:
        known = f"{kind}_ms_min" in row
        out.append(f"{row[f'{kind}_ms_min']:.3f} / {row[f'{kind}_ms_median']:.3f}" if known else "")
    return out + [f"{row[f'{kind}_ratio']:.2f}" if f"{kind}_ratio" in row else "" for kind in ("eager", "captured")]


HEADER = ["network", "pass", "parameters", "eager ms", "captured ms", "PyTorch ms", "eager x", "captured x"]


def plot(path: str, rows: list[dict[str, Any]], facts: dict[str, Any]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = [r for r in rows if "captured_ratio" in r]
    fig, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True)
    for ax, which in zip(axes, ("training", "inference"), strict=True):
        part = [r for r in rows if r["pass"] == which][::-1]
        places = range(len(part))
        ax.barh([p + 0.2 for p in places], [r["captured_ratio"] for r in part], 0.4, label="captured", color="#4477aa")
        ax.barh([p - 0.2 for p in places], [r["eager_ratio"] for r in part], 0.4, label="eager", color="#aabbdd")
        ax.axvline(1, color="black", linewidth=0.8)
        ax.set_yticks(list(places), [r["network"] for r in part])
        ax.set_title(which)
        ax.set_xlabel("times as fast as PyTorch")
    axes[0].legend()
    machine = f"{facts['processor']}, {facts['threads']} threads, {facts['isa']}; PyTorch {facts['torch']}"
    fig.suptitle(machine, fontsize=9)
    fig.tight_layout()
    fig.savefig(path, dpi=120)


def compare_busy(names: list[str], kinds: list[str], options: argparse.Namespace, facts: dict[str, Any]) -> None:
    """What --busy shows."""
    import busy

    threads = facts["threads"]
    workers = {(kind, t): Worker(kind, options, t) for kind in kinds for t in sorted({1, threads})}
    rows = busy.compare(names, workers, options)
    for worker in workers.values():
        worker.close()
    print(busy.table(rows))
    if options.json:
        harness.write_json(options.json, facts, rows)


def main() -> None:
    options = arguments()
    harness.clean_environment(options.threads)
    if options.worker:
        work(options.worker, options)
        return
    import importlib.metadata
    import importlib.util

    from network_data import NAMES

    facts = harness.machine()
    kinds = list(KINDS)
    if options.busy is not None:
        kinds = ["captured", "torch"] + ["jax"] * (importlib.util.find_spec("jax") is not None)
    if importlib.util.find_spec("torch") is None:
        kinds.remove("torch")
        print('PyTorch is not installed: pip install ".[bench]"')
    else:
        facts["torch"] = importlib.metadata.version("torch")
    print(", ".join(f"{k} {v}" for k, v in facts.items()) + "\n")
    words = [w for w in options.filter.split(",") if w]
    names = [name for name in NAMES if not words or any(w in name for w in words)]
    if options.busy is not None:
        return compare_busy(names, kinds, options, facts)
    workers = {kind: Worker(kind, options, options.threads) for kind in kinds}
    comparisons = [Comparison(name, which, workers) for name in names for which in ("training", "inference")]
    for i in range(options.rounds):
        for comparison in comparisons:
            comparison.turn(options.seconds)
        print(f"\rround {i + 1} of {options.rounds}", end="", flush=True)
    rows = [comparison.result() for comparison in comparisons]
    for row in rows:
        if "reason" in row:
            print(f"\n{row['network']}, {row['pass']}: not captured: {row['reason']}")
    for worker in workers.values():
        worker.close()
    print("\n" + harness.table(HEADER, [cells(r) for r in rows]))
    for which in ("training", "inference"):
        for kind in ("eager", "captured"):
            ratios = [r[f"{kind}_ratio"] for r in rows if r["pass"] == which and f"{kind}_ratio" in r]
            if ratios:
                print(f"{which}, {kind}: geometric mean {harness.geometric_mean(ratios):.2f} x PyTorch")
    if options.json:
        harness.write_json(options.json, facts, rows)
    if options.plot:
        plot(options.plot, rows, facts)


if __name__ == "__main__":
    main()
