"""Training steps on several processes: time against one, bytes, share of communication, and a model for more machines.

    mpiexec -n 2 python benchmarks/distributed.py [--filter TEXT] [--shards 8] [--compress bfloat16] [--json FILE]
        [--bandwidth GB/S] [--latency US]

One process with all threads of the ranks trains alone first (rank 0, the others wait), then all ranks train together,
in rounds; of each the best round's median. Both train on the same batches. Communication (busy) is what a rank's
courier did for gradients, of which backward may hide a part.

The model: p machines like one of these ranks take

    computation / p + max(0, 2 (p - 1) / p bytes / bandwidth + 2 log2(p) latency - hidden)

where hidden is the part of backward behind the first bucket. --bandwidth and --latency are those of the network;
without them 1.25 GB/s (10 Gbit/s) and 20 us.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from typing import Any

import lamina
import network_data
import networks
from lamina import distribution

MACHINES = (2, 4, 8, 16, 32, 64)


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--filter", default="", help="networks whose name contains this; several with commas")
    p.add_argument("--shards", type=int, default=0, help="the reproducible mode; 0: one shard a rank")
    p.add_argument("--compress", choices=["bfloat16"])
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--bandwidth", type=float, default=1.25, metavar="GB/S")
    p.add_argument("--latency", type=float, default=20.0, metavar="US")
    p.add_argument("--json", metavar="FILE")
    return p.parse_args()


def seconds(step: Any, steps: int) -> float:
    """Of a step: the median of so many."""
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measured(name: str, way: distribution.DataParallel, rounds: int) -> dict[str, float]:
    courier = way.reduction("fit").courier
    batch = network_data.data(name)
    *inputs, targets = batch
    x = inputs if len(inputs) > 1 else inputs[0]
    lamina.random.seed(0)
    model = networks.compiled(lamina, name).model

    def step() -> None:
        model.train_on_batch(x, targets)

    threads = lamina.get_num_threads()
    alone, shared = math.inf, math.inf
    busy = sent = 0.0
    for _ in range(rounds):
        distribution.set_distribution(None)
        if courier.rank == 0:
            lamina.set_num_threads(threads * courier.local_size)
            step()
            alone = min(alone, seconds(step, 20))
            lamina.set_num_threads(threads)
        courier.call(lambda: courier.objects(None))  # the others have waited
        distribution.set_distribution(way)
        steps = 20
        step()
        before = courier.busy, courier.sent
        took = seconds(step, steps)
        if took < shared:
            shared, busy, sent = took, (courier.busy - before[0]) / steps, (courier.sent - before[1]) / steps
    distribution.set_distribution(None)
    return {"alone": alone, "together": shared, "busy": busy, "sent": sent}


def foretold(found: dict[str, float], ranks: int, machines: int, bandwidth: float, latency: float) -> float:
    """Seconds of a step on so many machines, one rank each, with the whole batch of the measurement on each of them."""
    compute = found["together"] - max(0.0, found["together"] - found["alone"])
    volume = found["sent"] * ranks / max(1, 2 * (ranks - 1))  # bytes of the gradients
    wire = 2 * (machines - 1) / machines * volume / (bandwidth * 1e9) + 2 * math.log2(machines) * latency * 1e-6
    return compute + max(0.0, wire - compute / 2)


def main() -> None:
    options = arguments()
    way = distribution.DataParallel(shards=options.shards or None, compress=options.compress)
    ranks = way.num_processes
    first = way.data_shard_id == 0
    wanted = options.filter.split(",") if options.filter else [""]
    every = {}
    if first:
        mode = f"{options.shards} shards on one tree" if options.shards else "one shard a rank"
        print(f"{ranks} ranks of {lamina.get_num_threads()} threads, {mode}; ms, best of {options.rounds} rounds")
        titles = f"{'one process':>12s} {'together':>9s} {'ratio':>6s} {'sent MB':>8s} {'busy':>6s}"
        print(f"{'network':12s} {titles}   weak scaling on")
    for name in network_data.NAMES:
        if not any(text in name for text in wanted):
            continue
        found = measured(name, way, options.rounds)
        every[name] = found
        if not first:
            continue
        more = " ".join(
            f"{p}: {found['alone'] / foretold(found, ranks, p, options.bandwidth, options.latency):.2f}"
            for p in MACHINES
        )
        alone, shared = found["alone"], found["together"]
        numbers = f"{1e3 * alone:12.2f} {1e3 * shared:9.2f} {alone / shared:6.2f}"
        print(f"{name:12s} {numbers} {found['sent'] / 1e6:8.2f} {found['busy'] / shared:6.0%}   {more}", flush=True)
    if first and options.json:
        with open(options.json, "w") as file:
            json.dump({"ranks": ranks, "shards": options.shards, "networks": every}, file, indent=1)


if __name__ == "__main__":
    main()
