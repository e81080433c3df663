"""The loops over batches that fit, evaluate and predict run."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .._tree import flatten, map_structure, pack_as
from ..autograd import Tensor, no_grad
from ..callback import CallbackList
from .compiled import Compiled, Totals
from .feed import Array, Feed
from .interrupt import WholeSteps

Logs = dict[str, Any]
Step = Callable[..., Any]


def values_of(total: Tensor, single: list[Tensor]) -> list[float]:
    return [float(total._array), *(float(t._array) for t in single)]


def train_epoch(
    model: Any, step: Step, compiled: Compiled, feed: Feed, hooks: CallbackList, whole: WholeSteps, epoch: int
) -> Logs:
    """One epoch of training; its logs, empty if there was no batch."""
    batches = feed.epoch()
    first = next(batches, None)  # which may have built the model and settled its losses
    if first is None:
        return {}
    compiled.optimizer.build(model.trainable_weights)
    compiled.optimizer.zero_grad()
    totals, metrics = Totals(compiled.log_names), compiled.metric_set
    metrics.reset()

    def logs() -> Logs:
        return {**totals.means(), **metrics.results()}

    for i, batch in enumerate(itertools.chain((first,), batches)):
        hooks.batch_begin("train", i)
        with whole.step:
            total, single, y_pred = step(batch.x, batch.y, batch.weight)
        values = values_of(total, single)
        if not math.isfinite(values[0]) and not compiled.warned:
            compiled.warned = True
            steps = f" of {feed.steps}" if feed.steps else ""
            warnings.warn(
                f"fit: the loss is {values[0]} at epoch {epoch + 1}, step {i + 1}{steps}. A smaller learning rate, "
                "clipnorm=1.0 or scaled inputs usually help; callbacks=[TerminateOnNaN()] stops here",
                stacklevel=4,
            )
        totals.add(values, batch.size)
        metrics.update(batch.y, y_pred, batch.weight)
        hooks.batch_end("train", i, batch.size, logs)
        if model.stop_training:
            break
    return logs()


def evaluate(what: str, step: Step, compiled: Compiled, feed: Feed, hooks: CallbackList) -> Logs:
    """Losses and metrics over one pass."""
    batches = feed.epoch()
    first = next(batches, None)
    if first is None:
        raise ValueError(f"{what}: x gave no batches")
    totals, metrics = Totals(compiled.log_names), compiled.metric_set
    metrics.reset()

    def logs() -> Logs:
        return {**totals.means(), **metrics.results()}

    hooks("on_test_begin", {})
    with no_grad():
        for i, batch in enumerate(itertools.chain((first,), batches)):
            hooks.batch_begin("test", i)
            total, single, y_pred = step(batch.x, batch.y, batch.weight)
            totals.add(values_of(total, single), batch.size)
            metrics.update(batch.y, y_pred, batch.weight)
            hooks.batch_end("test", i, batch.size, logs)
    found = logs()
    hooks("on_test_end", found)
    return found


class _Collector:
    """The rows of one output: into one array if their number is known, else gathered and joined."""

    def __init__(self, rows: int | None) -> None:
        self._rows = rows
        self._whole: Array | None = None
        self._parts: list[Array] = []
        self._filled = 0

    def add(self, part: Array) -> None:
        if self._rows is None:
            self._parts.append(part.copy())
            return
        if self._whole is None:
            self._whole = np.empty((self._rows, *part.shape[1:]), part.dtype)
        self._whole[self._filled : self._filled + len(part)] = part
        self._filled += len(part)

    def result(self) -> Array:
        return np.concatenate(self._parts) if self._whole is None else self._whole[: self._filled]


def predict(step: Step, feed: Feed, hooks: CallbackList, rows: int | None) -> Any:
    """Predictions for all samples, in the structure of the model's outputs."""
    outputs: list[_Collector] = []
    structure: Any = None
    hooks("on_predict_begin", {})
    with no_grad():
        for i, batch in enumerate(feed.epoch()):
            hooks.batch_begin("predict", i)
            structure = step(batch.x)
            found = flatten(structure)
            outputs = outputs or [_Collector(rows) for _ in found]
            for collector, tensor in zip(outputs, found, strict=True):
                if tensor.shape[:1] != (batch.size,):
                    raise ValueError(
                        f"predict: the model made {tensor.shape} of {batch.size} samples; the first axis must be theirs"
                    )
                collector.add(tensor._array)
            hooks.batch_end("predict", i, batch.size, dict)
    if not outputs:
        raise ValueError("predict: x gave no batches")
    hooks("on_predict_end", {})
    return pack_as(structure, [c.result() for c in outputs])


def arrays(structure: Any) -> Any:
    """A nest of tensors as copies of their arrays."""
    return map_structure(lambda t: t._array.copy(), structure)
