"""What calls on little data may take, beside what they take: the rows that overhead.py prints first."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import harness
import lamina
import networks
from lamina import ops
from network_data import data

Row = dict[str, Any]
BINARY = ("add", "subtract", "multiply", "divide", "maximum", "minimum", "equal", "less")
UNARY = ("exp", "log", "sqrt", "square", "abs", "sin", "relu", "tanh", "sigmoid", "silu", "gelu")
TORCH_NAMES = {"subtract": "sub", "multiply": "mul", "divide": "div", "equal": "eq", "less": "lt"}
FORWARD_GOAL = 1.5  # us for 1,000 elements


def compiled() -> tuple[Any, Any, Any]:
    """The small network as fit has it, and a batch."""
    x, y = data("small mlp")
    model = networks.MODELS["small mlp"](lamina)
    model.compile("adam", lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, x, y


def calls(seconds: float) -> list[Row]:
    """Steps and predictions of a batch of 32, and of one row."""
    model, x, y = compiled()
    captured = networks.build("small mlp", True)
    one = x[:1]
    wanted: dict[str, tuple[float, Callable[[], Any]]] = {
        "captured step": (7.0, lambda: captured.train(x, y)),
        "train_on_batch": (18.0, lambda: model.train_on_batch(x, y)),
        "captured inference": (5.0, lambda: captured.infer(x)),
        "predict_on_batch": (8.0, lambda: model.predict_on_batch(x)),
    }
    for _, call in wanted.values():
        for _ in range(5):
            call()
    timings = harness.interleave([call for _, call in wanted.values()], seconds)
    rows = [
        {"what": name, "goal_us": goal, "us": 1e6 * t.best, "median_us": 1e6 * t.median}
        for (name, (goal, _)), t in zip(wanted.items(), timings, strict=True)
    ]
    native = [plan_time(captured.train, (x, y)), plan_time(captured.infer, (x,))]
    for row, arithmetic in zip(rows, (native[0], native[0], native[1], native[1]), strict=True):
        row["of these its operations"] = arithmetic
    single = each(lambda: model.predict(one, verbose=0), seconds)
    median, late = statistics.median(single), statistics.quantiles(single, n=100)[98]
    rows.append({"what": "predict of one row", "goal_us": 10.0, "us": median, "median_us": median})
    rows.append({"what": "predict of one row, 99 of 100", "goal_us": 30.0, "us": late, "median_us": late})
    return rows


def plan_time(captured: Any, arguments: tuple[Any, ...]) -> float:
    """Microseconds of the native operations of a captured call."""
    captured(*arguments)
    return 1e6 * harness.interleave([captured.plans[-1].run], 0.2)[0].best


def each(call: Callable[[], Any], seconds: float) -> list[float]:
    """Microseconds of single calls."""
    found: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(found) < 200:
        start = time.perf_counter()
        call()
        found.append(1e6 * (time.perf_counter() - start))
    return found[100:]


def operations(seconds: float) -> list[Row]:
    """Operations on 1,000 elements, without and with a gradient wanted; PyTorch's beside them where it is installed."""
    values = [np.random.default_rng(i).random(1000, np.float32) + 0.5 for i in range(2)]
    kinds: dict[str, Callable[[str, bool], Callable[[], Any]]] = {"lamina": lambda n, g: ours(n, g, values)}
    try:
        import torch
    except ImportError:
        pass
    else:
        kinds["torch"] = lambda n, g: theirs(torch, n, g, values)
    names = [(name, grad) for name in BINARY + UNARY for grad in (False, True)]
    rows: dict[tuple[str, bool], Row] = {}
    for kind, make in kinds.items():  # one library after the other: threads of the other would be in the way
        found = harness.interleave([make(name, grad) for name, grad in names], seconds / 10, block=0.01)
        for key, t in zip(names, found, strict=True):
            what = f"{key[0]} of 1,000" + (", with gradient" if key[1] else "")
            row = rows.setdefault(key, {"what": what, "goal_us": None if key[1] else FORWARD_GOAL})
            row["us" if kind == "lamina" else "torch_us"] = 1e6 * t.best
    return list(rows.values())


def ours(name: str, grad: bool, values: list[Any]) -> Callable[[], Any]:
    x, y = (lamina.Tensor(v.copy(), requires_grad=grad) for v in values)
    function = getattr(ops, name)
    return (lambda: function(x, y)) if name in BINARY else lambda: function(x)


def theirs(torch: Any, name: str, grad: bool, values: list[Any]) -> Callable[[], Any]:
    x, y = (torch.tensor(v, requires_grad=grad) for v in values)
    name = TORCH_NAMES.get(name, name)
    function = getattr(torch, name, None) or getattr(torch.nn.functional, name)
    return (
        (lambda: function(x, y)) if hasattr(torch, name) and name in map(_torch_name, BINARY) else lambda: function(x)
    )


def _torch_name(name: str) -> str:
    return TORCH_NAMES.get(name, name)


FRESH = """
import sys, time
import numpy as np
numpy_at = time.time()
import lamina
model = lamina.models.load_model(sys.argv[1])
model.predict(np.ones((1, 20), "float32"), verbose=0)
print(numpy_at, time.time())
"""


def first_call(times: int = 7) -> Row:
    """From the start of a fresh Python to the end of the first prediction of a model that it loads."""
    model, x, _ = compiled()
    model.predict_on_batch(x)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder  # compiled once, as an installed package is
        path = str(Path(folder) / "small.lamina")
        model.save(path)
        for _ in range(times + 1):  # the first one writes the bytecode
            start = time.time()
            command = [sys.executable, "-c", FRESH, path]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            numpy_at, end = map(float, done.stdout.split())
            found.append((end - start, numpy_at - start))
    total, numpy_alone = min(found[1:])
    return {
        "what": "first call after load_model in a fresh process",
        "goal_us": 1e5,
        "us": 1e6 * total,
        "of these Python and NumPy": 1e6 * numpy_alone,
    }


def show(rows: list[Row]) -> str:
    """The rows as a table: goal, measured, whether it is reached, what the machine itself needs, PyTorch's."""

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"

    cells = []
    for row in rows:
        rest = row.get("of these its operations", row.get("of these Python and NumPy"))
        limits = [v for v in (row["goal_us"], row.get("torch_us")) if v is not None]
        reached = "" if not limits else "yes" if all(row["us"] <= v for v in limits) else "no"
        cells.append([row["what"], "", *map(number, (row["goal_us"], row["us"], rest, row.get("torch_us"))), reached])
    return harness.table(["us", "", "goal", "measured", "below it", "PyTorch", "reached"], cells)
