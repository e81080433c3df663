"""Times every kernel, forward and backward, against its NumPy twin in one process, interleaved.

    python benchmarks/kernels.py [--filter TEXT] [--threads N] [--seconds S] [--dtype float64] [--json F] [--plot F]

Columns: microseconds (minimum and median), GFLOP/s or GB/s (whichever limit the kernel meets first), the fraction of
this machine's own peak, and how many times as fast as NumPy the kernel is (ratio of the minima). The peak is measured
by a native multiply-add loop and a native stream loop (y += x beyond the caches) in turn with each case, so that a
drifting clock or a neighbour does not change the fraction. Arrays within the caches may exceed the stream rate.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import harness


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--filter", default="", help="only cases whose name contains this; several with commas")
    p.add_argument("--threads", type=int, default=0, help="threads for Lamina and NumPy")
    p.add_argument("--seconds", type=float, default=0.25, help="time for each kernel and for its twin")
    p.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    p.add_argument("--pass", dest="which", choices=["both", "forward", "backward"], default="both")
    p.add_argument("--torch", action="store_true", help="against PyTorch in place of NumPy, where a case names it")
    p.add_argument("--native-only", action="store_true", help="skip NumPy (tuning)")
    p.add_argument("--json", metavar="FILE")
    p.add_argument("--plot", metavar="FILE", help="a picture (needs matplotlib)")
    return p.parse_args()


class Peak:
    """The machine's multiply-add and stream rates: the best seen, and the best seen during the current case."""

    def __init__(self, dtype: str) -> None:
        from lamina import _native

        self.native, self.dtype = _native, dtype
        self.stream_bytes = min(192 << 20, max(64 << 20, 2 * _native.caches()[2]))
        self.flops = max(self._flops(0.05) for _ in range(6))
        self.stream = max(self._stream(0.05) for _ in range(4))
        self.now = 0.0

    def _flops(self, seconds: float) -> float:
        return 1e9 * float(self.native.measure_flops(self.dtype, seconds))

    def _stream(self, seconds: float) -> float:
        return 1e9 * float(self.native.measure_stream(self.stream_bytes, seconds))

    def begin(self) -> None:
        self.now = 0.0

    def sample(self, of_flops: bool) -> None:
        self.now = max(self.now, self._flops(0.004) if of_flops else self._stream(0.02))


def aligned(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments with arrays as they are inside of a model, the library's own, which start on a cache line, as
    PyTorch's copies do. NumPy's need not: depthwise convolution of 16x14x14x512 took 300 or 490 us by their addresses.
    """
    import numpy as np

    from lamina import _native

    def own(a: Any) -> Any:
        if not isinstance(a, np.ndarray) or a.dtype not in (np.float32, np.float64):
            return a
        mine = _native.empty(a.shape, a.dtype)
        mine[...] = a
        return mine

    return tuple(own(a) for a in args)


def torch_calls(case: Any, args: tuple[Any, ...]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Forward and backward of a case in PyTorch."""
    import numpy as np
    import torch

    given = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in args]
    if case.torch_layout is not None:
        given = list(case.torch_layout(given))

    def forward() -> Any:
        with torch.no_grad():
            return case.torch(torch, *given)

    wanted = [given[i].clone().requires_grad_() for i in case.gradients if isinstance(args[i], np.ndarray)]
    tracked = iter(wanted)
    leaves = [
        next(tracked) if i in case.gradients and isinstance(a, np.ndarray) else given[i] for i, a in enumerate(args)
    ]
    y = case.torch(torch, *leaves)
    dy = torch.ones_like(y)
    return forward, lambda: torch.autograd.grad(y, wanted, dy, retain_graph=True)


class Job:
    """One pass of one case: the two calls and the work they do."""

    def __init__(self, case: Any, which: str, dtype: str, torch: bool = False) -> None:
        import numpy as np

        from lamina import _native, reference

        self.name, self.which, self.family = f"{case.family} {case.name}", which, case.family
        double = 2 if dtype == "float64" else 1
        args = aligned(case.inputs(np.random.default_rng(0), np.dtype(dtype)))
        if which == "forward":
            native, twin = getattr(_native, case.forward), getattr(reference, case.forward)
            twin_args = aligned((case.twin_inputs or case.inputs)(np.random.default_rng(0), np.dtype(dtype)))
            self.calls = [lambda: native(*args), lambda: twin(*twin_args)]
            if torch:
                self.calls[1] = torch_calls(case, args)[0]
            self.flops, self.bytes = case.flops, double * case.bytes
            return
        result = getattr(_native, case.forward)(*args)
        y = result[0] if isinstance(result, tuple) else result
        dy = _native.empty(y.shape, y.dtype)
        dy[...] = np.random.default_rng(1).standard_normal(y.shape)
        of = [args[i] for i in case.gradients]
        grads = [_native.empty(a.shape, a.dtype) if isinstance(a, np.ndarray) else None for a in of]
        saved = (*case.saved(args, result, dy), *grads, 0)
        native, twin = getattr(_native, case.backward), getattr(reference, case.backward)
        self.calls = [lambda: native(*saved), torch_calls(case, args)[1] if torch else lambda: twin(*saved)]
        self.flops, self.bytes = case.backward_flops, double * case.backward_bytes


def run(job: Job, peak: Peak, options: argparse.Namespace) -> dict[str, Any]:
    bound_by_flops = job.flops / peak.flops >= job.bytes / peak.stream
    work = job.flops if bound_by_flops else job.bytes
    peak.begin()
    calls = job.calls[:1] if options.native_only else job.calls
    timings = harness.interleave(calls, options.seconds, lambda: peak.sample(bound_by_flops) if work else None)
    row = {
        "family": job.family,
        "case": job.name,
        "pass": job.which,
        "us_min": 1e6 * timings[0].best,
        "us_median": 1e6 * timings[0].median,
        "unit": "GFLOP/s" if bound_by_flops else "GB/s",
        "rate": work / timings[0].best / 1e9,
        "of_peak": work / timings[0].best / peak.now if work else None,
    }
    if not options.native_only:
        row["other_us_min"] = 1e6 * timings[1].best
        row["other_us_median"] = 1e6 * timings[1].median
        row["ratio"] = timings[1].best / timings[0].best
    return row


HEADER = ["case", "pass", "us", "median", "rate", "", "of peak", "other us", "x other"]


def cells(row: dict[str, Any]) -> list[str]:
    work = row["of_peak"] is not None
    return [
        row["case"],
        row["pass"],
        f"{row['us_min']:.1f}",
        f"{row['us_median']:.1f}",
        f"{row['rate']:.1f}" if work else "",
        row["unit"] if work else "",
        f"{100 * row['of_peak']:.0f} %" if work else "",
        f"{row['other_us_min']:.1f}" if "ratio" in row else "",
        f"{row['ratio']:.2f}" if "ratio" in row else "",
    ]


def plot(path: str, rows: list[dict[str, Any]], facts: dict[str, Any]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = [r for r in rows if "ratio" in r][::-1]
    fig, ax = plt.subplots(figsize=(9, 1 + 0.2 * len(rows)))
    colours = ["#4477aa" if r["pass"] == "forward" else "#cc6677" for r in rows]
    ax.barh([f"{r['case']}, {r['pass']}" for r in rows], [r["ratio"] for r in rows], color=colours)
    ax.axvline(1, color="black", linewidth=0.8)
    if max(r["ratio"] for r in rows) > 4:
        ax.set_xscale("log")
    ax.set_xlabel("times as fast as NumPy")
    title = f"{facts['processor']}, {facts['threads']} threads, {facts['isa']}; NumPy on {facts['blas']}"
    ax.set_title(title, fontsize=8)
    ax.tick_params(axis="y", labelsize=7)
    ax.margins(y=0.01)
    fig.tight_layout()
    fig.savefig(path, dpi=120)


def main() -> None:
    options = arguments()
    harness.clean_environment(options.threads)
    from lamina import _native
    from lamina.testing.cases import bench_cases

    if options.torch:
        import torch

        torch.set_num_threads(options.threads or _native.get_num_threads())
    if options.threads:
        _native.set_num_threads(options.threads)
    facts = harness.machine()
    peak = Peak(options.dtype)
    facts |= {"dtype": options.dtype, "peak_gflops": peak.flops / 1e9, "stream_gbs": peak.stream / 1e9}
    print(f"{facts['processor']}, {facts['threads']} threads, {facts['isa']}, {facts['compiler']}")
    print(f"NumPy {facts['numpy']} on {facts['blas']}")
    print(f"peak {options.dtype}: {facts['peak_gflops']:.0f} GFLOP/s, {facts['stream_gbs']:.1f} GB/s\n")

    words = [w for w in options.filter.split(",") if w]
    rows: list[dict[str, Any]] = []
    for case in bench_cases():
        if words and not any(w in f"{case.family} {case.name} {case.forward}" for w in words):
            continue
        if options.torch and case.torch is None:
            continue
        for which in ("forward", "backward"):
            if options.which not in ("both", which) or (which == "backward" and not case.backward):
                continue
            rows.append(run(Job(case, which, options.dtype, options.torch), peak, options))
            print("  ".join(cells(rows[-1])), flush=True)
    if rows:
        print("\n" + harness.table(HEADER, [cells(r) for r in rows]))
    ratios = [r["ratio"] for r in rows if "ratio" in r]
    if ratios:
        mean, below = harness.geometric_mean(ratios), sum(r < 1 for r in ratios)
        other = "PyTorch" if options.torch else "NumPy"
        print(f"\ngeometric mean {mean:.2f} x {other}; below {other}: {below} of {len(ratios)}")
    if options.json:
        harness.write_json(options.json, facts, rows)
    if options.plot:
        plot(options.plot, rows, facts)


if __name__ == "__main__":
    main()
