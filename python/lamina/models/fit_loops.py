"""The loops over batches that fit, evaluate and predict run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np

from ..callbacks.base import Hooks
from ..core.autograd import Tensor, no_grad, wrap
from ..core.recorded_plan import rebuild
from ..core.tree import flatten, map_structure, pack_as
from ..core.warn import warn
from ..data import pack_x_y_sample_weight
from ..ops.conversion import as_tensor
from . import together
from .array_pass import ArrayPass, part
from .data_adapter import Array, Batch, Feed
from .replicas import Replicas
from .signals import WholeSteps
from .train_step import StepLogs, plain_logs

Logs = dict[str, Any]


class LatestLogs:
    """The logs of the latest step, as plain numbers."""

    def __init__(self, model: Any, kind: str) -> None:
        self._what = f"{type(model).__name__}.{kind}_step"
        self._tracker = model._compiled.loss_tracker
        self.forget()

    def forget(self) -> None:
        """Before the next step, which need not compute what nobody looked at then."""
        self._given: Any = None
        self._logs: Logs | None = None

    def take(self, given: Any) -> float:
        """What the step returned; returns its loss, or the mean so far."""
        self._given, self._logs = given, None
        if type(given) is StepLogs:
            return float(self._tracker.total)
        return float(np.sum(self().get("loss", ())))  # of an array: finite as its entries are

    def __call__(self) -> Logs:
        if self._logs is None:
            self._logs = plain_logs(self._what, self._given)
        return dict(self._logs)


def train_epoch(
    model: Any,
    feed: Feed,
    hooks: Hooks,
    whole: WholeSteps,
    epoch: int,
) -> Logs | None:
    """One epoch of training; its logs, None if there was no batch."""
    replicas = Replicas.of(model)
    rows = ArrayPass.of(model, "train", feed, hooks) if replicas is None else None
    stopped = lambda: model.stop_training  # noqa: E731
    batches = None if rows is not None else together.batches(replicas, "fit", feed.epoch(), stopped)
    first = None if batches is None else next(batches, None)  # which may have built the model and settled its losses
    if batches is not None and first is None:
        return None
    compiled, step, logs = model._compiled, model.train_step, LatestLogs(model, "train")
    model._build_optimizer("fit")
    compiled.optimizer.zero_grad()
    model.reset_metrics()
    if replicas is not None:
        replicas.reset_metrics()

    def one(i: int, batch: Batch) -> None:
        hooks.batch_begin("train", i)
        logs.forget()
        with whole.step:
            loss = logs.take(_stepped(model, replicas, "train", step, batch))
        if not math.isfinite(loss) and not compiled.warned:
            _warn_of(model, feed, epoch, loss, i, batch)
        hooks.batch_end("train", i, batch.size, logs)

    def many(i: int, n: int, rows: Batch, results: Any) -> None:
        _take_many(model, feed, epoch, logs, i, n, rows, results)
        hooks.batches_end(n, rows.size, logs)

    if rows is not None:
        rows.run(one, many, whole.step, stopped)
        return logs()
    assert batches is not None
    for i, batch in enumerate(itertools.chain((first,), batches)):
        one(i, batch)  # type: ignore[arg-type]
        if model.stop_training and replicas is None:  # else all ranks stop together, before the next batch
            break
    hooks.tell()
    return logs()


def train_ahead(model: Any, feed: Feed, hooks: Hooks, whole: WholeSteps, epochs: range) -> list[Logs]:
    """The logs of those of the next epochs that ran in one native call; none where somebody looks between epochs."""
    if len(epochs) < 2 or hooks.look_at_epochs or model._defines("reset_metrics") or Replicas.of(model) is not None:
        return []
    rows = ArrayPass.of(model, "train", feed, hooks)
    found: list[Logs] = []

    def many(_: int, n: int, rows: Batch, results: Any) -> None:
        logs = LatestLogs(model, "train")
        count, size = feed.steps or 1, rows.size // n
        for epoch, start in zip(epochs, range(0, n, count), strict=False):
            stop = min(start + count, n)  # an error ends an epoch early
            hooks("on_epoch_begin", epoch, {})
            model.reset_metrics()
            own = rebuild(results, partial(_steps_of, start, stop))
            _take_many(model, feed, epoch, logs, 0, stop - start, part(rows, start * size, stop * size), own)
            if stop - start == count:
                found.append(dict(sorted(logs().items())))
                hooks("on_epoch_end", epoch, found[-1])

    if rows is not None:
        rows.run_epochs(len(epochs), many, whole.step)
    return found


def _steps_of(start: int, stop: int, results: Tensor) -> Tensor:
    return wrap(results._array[start:stop])


def _take_many(model: Any, feed: Feed, epoch: int, logs: LatestLogs, i: int, n: int, rows: Batch, results: Any) -> None:
    """What follows n steps that ran one after the other, the first of them number i of the epoch."""
    logs.forget()
    totals, given = model._logged_many(n, rows, results)
    logs.take(given)
    if not math.isfinite(totals[-1]) and not model._compiled.warned:
        at = int(np.argmin(np.isfinite(totals)))
        size = rows.size // n
        _warn_of(model, feed, epoch, float(totals[at]), i + at, part(rows, at * size, (at + 1) * size))


def _warn_of(model: Any, feed: Feed, epoch: int, loss: float, i: int, batch: Batch) -> None:
    """Say once that a loss is not finite."""
    model._compiled.warned = True
    steps = f" of {feed.steps}" if feed.steps else ""
    mend = (
        _not_finite(batch, model, feed.source.columns)
        or "A smaller learning rate, clipnorm=1.0 or scaled inputs usually help"
    )
    warn(
        f"fit: the loss is {loss} at epoch {epoch + 1}, step {i + 1}{steps}. {mend}; "
        "callbacks=[TerminateOnNaN()] stops here",
    )


def _stepped(model: Any, replicas: Replicas | None, kind: str, step: Any, batch: Batch) -> Any:
    """What the model's step gives for a batch, which replicas may divide."""
    if replicas is not None:
        return replicas.step(kind, batch)
    return step(pack_x_y_sample_weight(batch.x, batch.y, batch.weight))


def _not_finite(batch: Batch, model: Any, columns: list[str] | None) -> str | None:
    """Which part of a batch is not finite, and where; None if it isn't the data."""
    names = getattr(model, "input_names", None) or []
    for label, array in _arrays(batch, names if isinstance(batch.x, list) else []):
        if np.isfinite(array).all():
            continue
        index = np.argwhere(~np.isfinite(array))[0].tolist()
        sample, *place = index
        found, where = array[tuple(index)], f"sample {sample} of the batch"
        if len(place) > 1:
            where += f", index {tuple(place)}"
        elif place:
            named = label == "x" and columns is not None
            where += f", column {place[0]}" + (f" ({columns[place[0]]!r})" if named else "")  # type: ignore[index]
        return f"{label} holds {found} ({where}): replace or leave out such values, e.g. with np.nan_to_num"
    return None


def _arrays(batch: Batch, names: list[str]) -> Iterator[tuple[str, Array]]:
    """All arrays of a batch and what to call them."""

    def named(label: str, tree: Any, inputs: list[str]) -> Iterator[tuple[str, Array]]:
        if isinstance(tree, Tensor):
            yield label, tree._array
        elif isinstance(tree, dict):
            for key, part in tree.items():
                yield from named(f"{label}[{key!r}]", part, [])
        elif isinstance(tree, (list, tuple)):
            for i, part in enumerate(tree):
                known = f" (input {inputs[i]!r})" if len(inputs) == len(tree) else ""
                yield from named(f"{label}[{i}]{known}", part, [])

    yield from named("x", batch.x, names)
    for label, tree in (("y", batch.y), ("sample_weight", batch.weight)):
        single = isinstance(tree, list) and len(tree) == 1
        yield from named(label, tree[0] if single else tree, [])


def evaluate(what: str, model: Any, feed: Feed, hooks: Hooks) -> Logs:
    """Losses and metrics over one pass."""
    replicas = Replicas.of(model)
    rows = ArrayPass.of(model, "test", feed, hooks) if replicas is None else None
    batches = None if rows is not None else together.batches(replicas, what, feed.epoch())
    first = None if batches is None else next(batches, None)
    if batches is not None and first is None:
        raise ValueError(f"{what}: x gave no batches")
    step, logs = model.test_step, LatestLogs(model, "test")
    model.reset_metrics()
    if replicas is not None:
        replicas.reset_metrics()
    hooks("on_test_begin", {})

    def one(i: int, batch: Batch) -> None:
        hooks.batch_begin("test", i)
        logs.forget()
        logs.take(_stepped(model, replicas, "test", step, batch))
        hooks.batch_end("test", i, batch.size, logs)

    def many(i: int, n: int, rows: Batch, results: Any) -> None:
        logs.forget()
        logs.take(model._logged_many(n, rows, results)[1])
        hooks.batches_end(n, rows.size, logs)

    with no_grad():
        if rows is not None:
            rows.run(one, many, nullcontext(), lambda: False)
        else:
            assert batches is not None
            for i, batch in enumerate(itertools.chain((first,), batches)):
                one(i, batch)  # type: ignore[arg-type]
    hooks.tell()
    found = logs()
    model._compiled.tested_names = list(found)
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


def on_batch(model: Any, kind: str, batch: Batch) -> Logs:
    """One step of training or evaluation, with metrics of this batch alone."""
    model.reset_metrics()
    logs, replicas = LatestLogs(model, kind), Replicas.of(model)
    together.one_batch(replicas, f"{kind}_on_batch", batch)
    logs.take(_stepped(model, replicas, kind, getattr(model, f"{kind}_step"), batch))
    return logs()


def predicted(model: Any, batch: Batch) -> Any:
    """What predict_step gives for a batch, as tensors."""
    replicas = Replicas.of(model)
    if replicas is not None:
        return replicas.predict(batch)
    given = model.predict_step(pack_x_y_sample_weight(batch.x))
    return given if type(given) is Tensor else map_structure(as_tensor, given)


def predict(model: Any, feed: Feed, hooks: Hooks, rows: int | None) -> Any:
    """Predictions for all samples, in the structure of the model's outputs."""
    outputs: list[_Collector] = []
    structure: Any = None
    hooks("on_predict_begin", {})
    replicas = Replicas.of(model)

    def collect(made: Any, batches: int, size: int) -> None:
        """Keep the outputs of so many batches, which have an axis for these in front if they are several."""
        nonlocal structure, outputs
        structure = made
        found = flatten(made)
        outputs = outputs or [_Collector(rows) for _ in found]
        for collector, tensor in zip(outputs, found, strict=True):
            shape = tensor.shape[1:] if batches else tensor.shape
            if shape[:1] != (size,):
                raise ValueError(f"predict: the model made {shape} of {size} samples; the first axis must be theirs")
            collector.add(tensor._array.reshape(batches * size, *shape[1:]) if batches else tensor._array)

    def one(i: int, batch: Batch) -> None:
        hooks.batch_begin("predict", i)
        made = predicted(model, batch)
        collect(made, 0, batch.size if replicas is None else sum(replicas.reduction.sizes))
        hooks.batch_end("predict", i, batch.size, partial(_outputs, structure))

    def many(i: int, n: int, rows: Batch, results: Any) -> None:
        collect(results, n, rows.size // n)
        hooks.batches_end(n, rows.size, dict)

    with no_grad():
        whole = ArrayPass.of(model, "predict", feed, hooks) if replicas is None else None
        if replicas is not None and not replicas.way.auto_shard_dataset:
            rows = None  # those of all ranks
        if whole is not None:
            whole.run(one, many, nullcontext(), lambda: False)
        else:
            for i, batch in enumerate(together.batches(replicas, "predict", feed.epoch())):
                one(i, batch)
    hooks.tell()
    if not outputs:
        raise ValueError("predict: x gave no batches")
    hooks("on_predict_end", {})
    return pack_as(structure, [c.result() for c in outputs])


def _outputs(structure: Any) -> Logs:
    return {"outputs": arrays(structure)}


def arrays(structure: Any) -> Any:
    """A nest of tensors as copies of their arrays."""
    return map_structure(lambda t: t._array.copy(), structure)
