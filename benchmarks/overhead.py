"""What calls on little data cost, beside their goals; and where the microseconds of a small training step go.

    python benchmarks/overhead.py [--seconds S] [--threads N] [--json F] [--goals]

First the goals (overhead_goals.py): steps and predictions of a 20-64-64-2 network at batch 32, and of one row;
operations on 1,000 elements, beside PyTorch's where it is installed; the first call in a fresh process. "below it" is
what the native operations, or Python and NumPy, take of that.

Then the step in one's own eager loop and captured, forward, loss, backward, Adam; the time inside each native function
(counted by wrapping them, so that the wrapped run is slower than the plain one); what remains is Python: layers, the
tape, the optimizer. The yardstick is np.add of two arrays of 64 floats.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import harness


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=float, default=1.0)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--json", metavar="FILE")
    p.add_argument("--goals", action="store_true", help="the goals alone")
    return p.parse_args()


class Profile:
    """Counts calls and seconds of every function of the native module while active."""

    def __init__(self, native: Any) -> None:
        self.native = native
        self.original: dict[str, Any] = {}
        self.calls: dict[str, int] = {}
        self.seconds: dict[str, float] = {}

    def _wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        self.calls[name], self.seconds[name] = 0, 0.0
        clock = time.perf_counter

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            start = clock()
            result = function(*args, **kwargs)
            self.seconds[name] += clock() - start
            self.calls[name] += 1
            return result

        return wrapped

    def __enter__(self) -> Profile:
        for name, value in vars(self.native).items():
            if callable(value) and not name.startswith("_") and not isinstance(value, type):
                self.original[name] = value
        for name, value in self.original.items():
            setattr(self.native, name, self._wrap(name, value))
        return self

    def __exit__(self, *_: object) -> None:
        for name, value in self.original.items():
            setattr(self.native, name, value)


def clock_cost() -> float:
    """Seconds that the wrapper itself adds to what it measures."""
    samples = []
    for _ in range(2000):
        start = time.perf_counter()
        samples.append(time.perf_counter() - start)
    return min(samples)


def main() -> None:
    options = arguments()
    harness.clean_environment(options.threads)
    import numpy as np

    import lamina
    import networks
    import overhead_goals
    from lamina import _native
    from network_data import data

    goals = [
        *overhead_goals.calls(options.seconds),
        *overhead_goals.operations(options.seconds),
        overhead_goals.first_call(),
    ]
    facts = harness.machine()
    print(", ".join(f"{k} {v}" for k, v in facts.items()) + "\n")
    print(overhead_goals.show(goals) + "\n")
    if options.goals:
        if options.json:
            harness.write_json(options.json, facts, goals)
        return

    batch = data("small mlp")
    eager, captured = networks.build("small mlp", False), networks.build("small mlp", True)
    for _ in range(10):
        eager.train(*batch)
        captured.train(*batch)
    a, b = np.ones(64, np.float32), np.ones(64, np.float32)
    model = eager.model
    loss_fn = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
    calls = {
        "eager step": lambda: eager.train(*batch),
        "captured step": lambda: captured.train(*batch),
        "forward of it": lambda: model(batch[0], training=True),
        "forward and loss": lambda: loss_fn(batch[1], model(batch[0], training=True)),
        "np.add of 64 floats": lambda: np.add(a, b),
    }
    timings = dict(zip(calls, harness.interleave(list(calls.values()), options.seconds), strict=True))

    rounds = 300
    with Profile(_native) as profile:
        for _ in range(rounds):
            eager.train(*batch)
    cost = clock_cost()
    native = {
        name: (
            profile.calls[name] / rounds,
            1e6 * (profile.seconds[name] / rounds - cost * profile.calls[name] / rounds),
        )
        for name in profile.calls
        if profile.calls[name]
    }

    rows = [[name, "", f"{1e6 * t.best:.1f}", f"{1e6 * t.median:.1f}"] for name, t in timings.items()]
    print(harness.table(["", "", "us (min)", "us (median)"], rows))
    inside = sum(us for _, us in native.values())
    rows = [
        [name, "", f"{calls_:g}", f"{us:.1f}"] for name, (calls_, us) in sorted(native.items(), key=lambda i: -i[1][1])
    ]
    step = 1e6 * timings["eager step"].best
    rows += [["native functions together", "", "", f"{inside:.1f}"], ["Python", "", "", f"{max(step - inside, 0):.1f}"]]
    print("\n" + harness.table(["one eager step", "", "calls", "us"], rows))
    steps = getattr(captured.train, "plans", None)
    if steps:
        print(f"\na captured step replays {len(steps[-1].steps)} native operations: {', '.join(steps[-1].steps)}")
    if options.json:
        results = [{"what": n, "us_min": 1e6 * t.best, "us_median": 1e6 * t.median} for n, t in timings.items()]
        harness.write_json(options.json, facts, goals + results + [{"native": native}])


if __name__ == "__main__":
    main()
