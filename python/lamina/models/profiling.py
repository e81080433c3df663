"""model.profile: a captured step of a copy of the model, each native operation of it timed, summed by layer."""

from __future__ import annotations

import copy
import math
import statistics
import time
from typing import Any

from ..core.autograd import no_grad
from ..core.capture import CapturedStep, capture
from ..core.recorded_plan import RecordedPlan
from ..core.recording import CaptureError
from ..data import pack_x_y_sample_weight
from .peaks import Peaks, machine_peaks
from .prepare import prepared_batch
from .profile_table import Operation, Profile
from .tracking import UPDATE, Tracker

_MOST, _LEAST, _SECONDS = 200, 5, 1.0  # of timed steps

# Operations that multiply matrices or slide windows: their work is multiplications and additions.
_PRODUCTS = (
    "dense_", "matmul", "convolution_", "attention_", "cached_attention", "recurrent_", "conv_lstm_",
)  # fmt: skip


def profile_step(model: Any, x: Any, y: Any, sample_weight: Any, steps: int | None) -> Profile:
    """The Profile of one training step on these arrays, or of inference where there are no targets."""
    kind = "predict" if y is None else "train"
    own = copied(model)
    batch = prepared_batch(own, kind, "profile", (x, y, sample_weight))
    tracker = Tracker(own)
    plan = recorded(own, kind, batch, tracker)
    tracker.settle()
    rounds, whole = _timed(plan, steps)
    peaks = machine_peaks(own.dtype if own.dtype == "float64" else "float32")
    names = plan.native.steps
    operations = []
    for i, (name, owner) in enumerate(zip(names, tracker.owners, strict=True)):
        seconds = statistics.fmean(one[i][0] for one in rounds)
        _, scratch, work, traffic = rounds[0][i]
        if owner.direction == UPDATE:
            owner = owner._replace(path=f"{owner.path}: {name}")
        is_product = name.startswith(_PRODUCTS)
        flops = work if is_product else 0.0
        if name.startswith("embedding_"):
            traffic = 2.0 * work  # rows of the table, not the table
        operations.append(Operation(owner, name, seconds, flops, traffic, _ideal(peaks, flops, traffic), scratch))
    return Profile(model.name, type(model).__name__, kind, batch.size, operations, whole, peaks)


def copied(model: Any) -> Any:
    """A copy, so that weights, running statistics, random numbers and the optimizer of the model stay as they are."""
    try:
        return copy.deepcopy(model)
    except Exception as error:
        raise TypeError(
            f"profile: {type(model).__name__} {model.name!r} can't be copied, so that its weights would change: {error}"
        ) from error


def recorded(model: Any, kind: str, batch: Any, tracker: Tracker) -> RecordedPlan:
    """The plan of one step of the model, recorded while ``tracker`` watches."""
    data = pack_x_y_sample_weight(batch.x, batch.y, batch.weight)
    with tracker.watching():
        if kind == "train":
            model._require("profile")
            model._build_optimizer("profile")
            return _first_plan(model, kind, data, model.train_step, model._train)
        with no_grad():
            return _first_plan(model, kind, data[0] if isinstance(data, tuple) else data, model.predict_step, None)


def _first_plan(model: Any, kind: str, data: Any, step: Any, inner: Any) -> RecordedPlan:
    reason = None
    for _ in range(3):  # the first call may make layers
        step(data)
        found = (model._steps or {}).get(kind)
        if isinstance(found, CapturedStep):
            if found._plans:
                return next(reversed(found._plans.values()))[-1]
            reason = found.reason or reason
    if reason is None and inner is not None and not model._compiled.run_eagerly:  # a step of the model's own
        whole = model._defines("train_step")
        once = capture((lambda *parts: model.train_step(parts)) if whole else inner, strict=True)
        try:
            for _ in range(3):
                once(*(data if isinstance(data, tuple) else (data,)))
                if once._plans:
                    return next(reversed(once._plans.values()))[-1]
        except CaptureError as error:
            reason = str(error)
    why = reason or "run_eagerly=True, or each step makes layers anew"
    raise ValueError(f"profile: the {kind} step of {model._label()} isn't captured, so that it has no plan: {why}")


def _timed(plan: RecordedPlan, steps: int | None) -> tuple[list[Any], float]:
    """What the operations took in the fastest quarter of some steps, so that their sums are those of steps that were
    done; the mean of the fastest quarter of as many whole steps."""
    plan.replay()
    start = time.perf_counter()
    plan.replay()
    once = time.perf_counter() - start
    count = min(_MOST, max(_LEAST, math.ceil(_SECONDS / 2 / max(once, 1e-6)))) if steps is None else steps
    rounds, whole = [], []
    for _ in range(count):
        for hook in plan.hooks:
            hook()
        rounds.append(plan.native.run_measured())
        for hook in plan.hooks:
            hook()
        start = time.perf_counter()
        plan.native.run()
        whole.append(time.perf_counter() - start)
    best = slice(max(1, count // 4))
    return sorted(rounds, key=lambda one: sum(o[0] for o in one))[best], statistics.fmean(sorted(whole)[best])


def _ideal(peaks: Peaks, flops: float, traffic: float) -> float:
    """Seconds that the machine's peak would need."""
    return max(flops / peaks.gflops, traffic / peaks.bandwidth_at(traffic)) / 1e9
