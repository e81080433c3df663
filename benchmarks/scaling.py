"""How training steps use more threads, what a model foretells for more than this machine has, and whether bits stay.

    python benchmarks/scaling.py [--filter TEXT] [--threads N] [--cores 4,8,16,32,64] [--bandwidth GB/s] [--json F]
    python benchmarks/scaling.py --check [--filter TEXT]

Captured training steps at 1 to N threads, in turn, in one process; efficiency is the speed-up over the threads. The
model: a step takes

    serial + max(divided / p, bytes / bandwidth) + regions * cost of a region at p threads.

Serial (and what else doesn't divide, as a straggler's time) follows from the times at 1 and at N threads (Amdahl 1967);
regions are at least the native operations of the step, and what one costs grows with the logarithm of p from what it
costs here at N. Bytes count what a step can't keep in the last cache: its arena written and read, and what Adam reads
and writes of each weight, less that cache. --bandwidth is that of the larger machine; this one's without it. The model
knows nothing of shapes too small to be cut into p pieces: it is a bound from above for many threads.

--check trains every network at 1, 2, 3, 4, 8, 16 and 64 threads, eager and captured, however few cores there are, and
compares losses, outputs and weights bit by bit.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from typing import Any

import harness
from models import chosen_networks

THREADS = (1, 2, 3, 4, 8, 16, 64)
ADAM_BYTES = 28  # weight, gradient and both moments read, all but the gradient written


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--filter", default="", help="networks whose name contains this, or =NAME; several with commas")
    p.add_argument("--threads", type=int, default=0, help="at most so many; the default is all cores")
    p.add_argument("--cores", default="4,8,16,32,64", help="what to foretell")
    p.add_argument("--bandwidth", type=float, default=0.0, metavar="GB/S", help="of the machine foretold")
    p.add_argument("--rounds", type=int, default=6)
    p.add_argument("--seconds", type=float, default=0.15, help="length of a turn")
    p.add_argument("--check", action="store_true", help="bits at any number of threads; nothing is timed")
    p.add_argument("--json", metavar="FILE")
    return p.parse_args()


class Scaling:
    """One network's times by threads."""

    def __init__(self, name: str, counts: list[int]) -> None:
        import networks
        from lamina import _native
        from network_data import data

        self.name, self.counts, self._native = name, counts, _native
        before = _native.pool_stats()["in_use"]
        network, batch = networks.build(name, captured=True), data(name)
        self.step = lambda: network.train(*batch)
        for _ in range(5):
            self.step()
        arena = _native.pool_stats()["in_use"] - before
        plan = getattr(network.train, "plans", None)
        self.regions = len(plan[-1].steps) if plan else 0
        self.bytes = max(0, 2 * arena + ADAM_BYTES * network.parameters - _native.caches()[2])
        self.seconds = dict.fromkeys(counts, math.inf)

    def turn(self, seconds: float) -> None:
        for p in self.counts:
            self._native.set_num_threads(p)
            self.step()
            self.seconds[p] = min(self.seconds[p], *harness.sample(self.step, seconds))

    def row(self, region: float, bandwidth: float, wanted: list[int]) -> dict[str, Any]:
        """`region`: seconds of one at the most threads that were measured."""
        one, most = self.seconds[1], self.counts[-1]
        row: dict[str, Any] = {"network": self.name, "regions": self.regions, "bytes": self.bytes}
        row["us"] = {p: 1e6 * s for p, s in self.seconds.items()}
        row["efficiency"] = {p: one / s / p for p, s in self.seconds.items()}
        if most == 1:
            return row
        spent = self.seconds[most] - self.regions * region
        serial = min(max((spent - one / most) / (1 - 1 / most), 0.0), one)
        row["serial"] = serial / one

        def foretold(p: int) -> float:
            waiting = self.regions * region * math.log2(p) / math.log2(most)
            return serial + max((one - serial) / p, self.bytes / bandwidth) + waiting

        row["foretold_efficiency"] = {p: one / foretold(p) / p for p in wanted}
        return row


def digest(name: str, threads: int, captured: bool) -> str:
    """Of three steps' losses, the outputs and the weights after them."""
    import numpy as np

    import lamina
    import networks
    from lamina import _native
    from network_data import data, inputs_of

    _native.set_num_threads(threads)
    lamina.utils.set_random_seed(0)
    network, batch = networks.build(name, captured), data(name)
    found = hashlib.sha256()
    for _ in range(3):
        found.update(np.asarray(network.train(*batch)).tobytes())
    found.update(np.asarray(network.infer(*inputs_of(batch))).tobytes())
    for weight in network.model.weights:
        found.update(np.asarray(weight).tobytes())
    return found.hexdigest()


def check(names: list[str]) -> None:
    """Ends with an error where bits differ."""
    differing = []
    for name in names:
        wanted = digest(name, 1, captured=False)
        others = [(t, c) for t in THREADS for c in (False, True) if digest(name, t, c) != wanted]
        differing += [f"{name}: {t} threads, {'captured' if c else 'eager'}" for t, c in others]
        print(
            f"{name}: {'same bits' if not others else 'OTHER BITS'} at {', '.join(map(str, THREADS))} threads",
            flush=True,
        )
    if differing:
        raise SystemExit("bits differ from those of one thread, eager:\n" + "\n".join(differing))


def main() -> None:
    options = arguments()
    harness.clean_environment(options.threads)
    from lamina import _native

    names = chosen_networks(options.filter)
    if options.check:
        return check(names)
    facts = harness.machine()
    print(", ".join(f"{k} {v}" for k, v in facts.items()) + "\n")
    counts = list(range(1, facts["threads"] + 1))
    wanted = [int(p) for p in options.cores.split(",")]
    region = float(_native.measure_region(0.1))
    bandwidth = 1e9 * (options.bandwidth or float(_native.measure_stream(128 << 20, 0.2)))
    found = [Scaling(name, counts) for name in names]
    for _ in range(options.rounds):
        for one in found:
            one.turn(options.seconds)
    rows = [one.row(region, bandwidth, wanted) for one in found]
    print(f"a region costs {1e6 * region:.2f} us at {counts[-1]} threads; {bandwidth / 1e9:.0f} GB/s\n")
    header = ["network", "", *(f"us, {p}" for p in counts), *(f"eff. {p}" for p in counts[1:]), "serial", "regions"]
    cells = [
        [r["network"], "", *(f"{r['us'][p]:.0f}" for p in counts), *(f"{r['efficiency'][p]:.2f}" for p in counts[1:])]
        + [f"{100 * r.get('serial', 1):.1f} %", f"{r['regions']}"]
        + [f"{r['foretold_efficiency'][p]:.2f}" if "foretold_efficiency" in r else "" for p in wanted]
        for r in rows
    ]
    print(harness.table([*header, *(f"model {p}" for p in wanted)], cells))
    if options.json:
        harness.write_json(options.json, {**facts, "region_us": 1e6 * region, "bandwidth": bandwidth}, rows)


if __name__ == "__main__":
    main()
