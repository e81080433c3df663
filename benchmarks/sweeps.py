"""Sweeps a layer over one of its sizes and marks cliffs: sizes that cost more than their neighbours let expect.

    python benchmarks/sweeps.py [--filter TEXT] [--seconds S] [--threads N] [--json F] [--plot FOLDER] [--all]

Width, depth, batch, length, image size, channels 1 to 512, around the widths of vectors and between them; captured,
inference and training (forward and backward, gradients of the input too). What a size costs is its time over its work:
multiply-adds at the machine's peak, plus bytes (inputs, results, weights, and their gradients) at its stream rate, both
measured first, plus what the fastest size takes, which is the price of a call. The trend at a size is the line, in
logarithms, through two neighbours on each side, without the size itself.

A cliff is a size above 1.5 times its trend; a step is one from which on all cost 1.5 times what the two before it did.
Both are measured twice more, and longer, before they count. Before each the processor should be at eight tenths of its
best, for which at most 0.1 s are waited. Each size has the memory to itself, is made anew each time, and its memory
given back. Worst first; --all prints every size.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness

LIMIT = 1.5


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--filter", default="", help="sweeps whose name contains this; several with commas")
    p.add_argument("--seconds", type=float, default=0.02, help="time for each size and pass, twice")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--json", metavar="FILE", help="sweeps are added to those that this file has")
    p.add_argument("--plot", metavar="FOLDER", help="a picture a sweep (needs matplotlib)")
    p.add_argument("--all", action="store_true", help="print every size, not the cliffs alone")
    return p.parse_args()


class Speed:
    """The processor's multiply-adds: the best that was seen, and whether it is near that now."""

    def __init__(self) -> None:
        from lamina import _native

        self._measure = lambda seconds: 1e9 * float(_native.measure_flops("float32", seconds))
        self.peak = max(self._measure(0.1) for _ in range(3))

    def wait(self) -> None:
        end = time.perf_counter() + 0.1
        while (now := self._measure(0.002)) < 0.8 * self.peak and time.perf_counter() < end:
            time.sleep(0.01)
        self.peak = max(self.peak, now)


PASSES = ("inference", "training")


class Point:
    """One size of a sweep: its times, and its work in seconds."""

    def __init__(self, make: Callable[[int], Any], size: int, peak: float, stream: float) -> None:
        self._make, self.size, self._peak, self._stream = make, size, peak, stream
        self.work = dict.fromkeys(PASSES, 0.0)
        self.best = dict.fromkeys(PASSES, math.inf)

    def _calls(self) -> dict[str, Callable[[], Any]]:
        """The captured passes."""
        import lamina

        case = self._make(self.size)
        layer, x = case.layer, lamina.Tensor(case.x, requires_grad=True)
        inputs = (x, x) if case.heads else (x,)
        y = layer(*inputs)
        dy = lamina.Tensor(lamina.ops.ones_like(y).numpy())
        leaves = [x, *layer.trainable_weights]

        def training() -> None:
            for leaf in leaves:
                leaf.zero_grad()
            layer(*inputs, training=True).backward(dy)

        def inference() -> Any:
            with lamina.no_grad():
                return layer(*inputs, training=False)

        weights = sum(4 * math.prod(w.shape) for w in layer.trainable_weights)
        moved = (4 * (math.prod(x.shape) + math.prod(y.shape)) + weights) / self._stream
        computed = 2 * case.macs / self._peak
        self.work = {"inference": computed + moved, "training": (3 if weights else 2) * computed + 3 * moved}
        return {"inference": lamina.capture(inference), "training": lamina.capture(training)}

    def time(self, speed: Speed, seconds: float) -> None:
        from lamina import _native

        for which, call in self._calls().items():
            call()  # records
            call()
            speed.wait()
            self.best[which] = min(self.best[which], *harness.sample(call, seconds))
        _native.pool_clear()


def trend(sizes: list[float], costs: list[float], i: int) -> float:
    """Of the neighbours at i: a line through two on each side in logarithms, not outside of what they cost."""
    near = [j for j in range(max(0, i - 2), min(len(sizes), i + 3)) if j != i]
    xs, ys = [math.log(sizes[j]) for j in near], [math.log(costs[j]) for j in near]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    here = mean_y + slope * (math.log(sizes[i]) - mean_x)
    return math.exp(min(max(here, min(ys)), max(ys)))


def excess(sizes: list[float], costs: list[float], i: int) -> tuple[float, str]:
    """Times the trend, and whether it is a cliff or a step."""
    cliff = costs[i] / trend(sizes, costs, i)
    step = min(costs[i:]) / max(costs[i - 2 : i]) if i > 1 else 0.0
    return (cliff, "cliff") if cliff >= step else (step, "step")


def costs_of(points: list[Point], which: str) -> list[float]:
    call = min(p.best[which] for p in points)
    return [p.best[which] / (call + p.work[which]) for p in points]


def marked(points: list[Point], which: str) -> list[int]:
    """Places of cliffs and steps."""
    sizes, costs = [float(p.size) for p in points], costs_of(points, which)
    return [i for i in range(len(points)) if excess(sizes, costs, i)[0] > LIMIT]


def sweep(name: str, points: list[Point], speed: Speed, seconds: float) -> list[dict[str, Any]]:
    for _ in range(2):
        for point in points:
            point.time(speed, seconds)
    for _ in range(2):
        again = {i for which in PASSES for i in marked(points, which)}
        for j in sorted({j for i in again for j in range(max(0, i - 2), min(len(points), i + 3))}):
            points[j].time(speed, 3 * seconds)
    rows: list[dict[str, Any]] = []
    for which in PASSES:
        sizes, costs = [float(p.size) for p in points], costs_of(points, which)
        for i, point in enumerate(points):
            over, kind = excess(sizes, costs, i)
            row = {"sweep": name, "pass": which, "size": point.size, "us": 1e6 * point.best[which]}
            row |= {"times_roofline": point.best[which] / point.work[which], "times_trend": over}
            rows.append(row | ({"mark": kind} if over > LIMIT else {}))
    return rows


def lines(rows: list[dict[str, Any]]) -> str:
    cells = [
        [
            r["sweep"],
            r["pass"],
            f"{r['size']}",
            f"{r['us']:.1f}",
            f"{r['times_roofline']:.2f}",
            f"{r['times_trend']:.2f}",
            r.get("mark", ""),
        ]
        for r in rows
    ]
    return harness.table(["sweep", "pass", "size", "us", "roofline x", "trend x", ""], cells)


def plot(folder: str, name: str, rows: list[dict[str, Any]], facts: dict[str, Any]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(8, 3.5))
    for which, color in (("inference", "#66ccee"), ("training", "#4477aa")):
        part = [r for r in rows if r["pass"] == which]
        ax.loglog([r["size"] for r in part], [r["times_roofline"] for r in part], ".-", color=color, label=which)
    marked = [r for r in rows if "mark" in r]
    label = f"cliff or step, above {LIMIT}"
    ax.loglog([r["size"] for r in marked], [r["times_roofline"] for r in marked], "o", color="#ee6677", label=label)
    for r in marked:
        ax.annotate(f"{r['size']}", (r["size"], r["times_roofline"]), (4, 4), textcoords="offset points", fontsize=8)
    sizes = [r["size"] for r in rows]
    ax.set_xticks([2**k for k in range(12) if min(sizes) <= 2**k <= max(sizes)])
    ax.xaxis.set_major_formatter("{x:.0f}")
    ax.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    ax.set_title(f"{name} ({facts['processor']}, {facts['threads']} threads)", fontsize=9)
    ax.set_ylabel("time over the roofline's")
    ax.legend(fontsize=8)
    fig.tight_layout()
    Path(folder).mkdir(parents=True, exist_ok=True)
    fig.savefig(Path(folder) / f"{name.replace(' ', '_').replace(':', '')}.png", dpi=100)
    plt.close(fig)


def main() -> None:
    options = arguments()
    harness.clean_environment(options.threads)
    from lamina import _native
    from sweep_cases import SWEEPS

    facts = harness.machine()
    print(", ".join(f"{k} {v}" for k, v in facts.items()) + "\n")
    speed = Speed()
    stream = 1e9 * max(float(_native.measure_stream(64 << 20, 0.1)) for _ in range(3))
    words = [w for w in options.filter.split(",") if w]
    rows: list[dict[str, Any]] = []
    for swept in SWEEPS:
        if words and not any(w in swept.name for w in words):
            continue
        points = [Point(swept.case, size, speed.peak, stream) for size in swept.sizes]
        found = sweep(swept.name, points, speed, options.seconds)
        rows += found
        print(f"{swept.name}: {len(points)} sizes, {sum('mark' in r for r in found)} marked", flush=True)
        if options.json:
            old = json.loads(Path(options.json).read_text())["results"] if Path(options.json).exists() else []
            harness.write_json(options.json, facts, [r for r in old if r["sweep"] != swept.name] + found)
        if options.plot:
            plot(options.plot, swept.name, found, facts)
    worst = sorted((r for r in rows if "mark" in r), key=lambda r: -r["times_trend"])
    print("\n" + lines(rows if options.all else worst))
    print(f"{len(worst)} of {len(rows)} above {LIMIT} times the trend")


if __name__ == "__main__":
    main()
