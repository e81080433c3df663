"""What compile() was given, matched with the model's outputs: one loss and some metrics for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import losses, metrics, ops, optimizers
from ..core.autograd import Tensor, wrap
from ..core.explain import is_number
from ..core.masked_tensor import MaskedTensor
from ..core.recording import READ_IN_PYTHON, forbid_capture
from ..core.suggest import unknown
from ..core.tree import flatten, map_structure
from ..layers.variable import Variable
from ..losses import Loss
from ..metrics import Mean, MeanMetricWrapper, Metric
from ..ops.conversion import as_tensor
from .data_adapter import Array


def output_names(y_pred: Any, declared: Sequence[str] | None) -> list[str]:
    """The outputs' names: the keys of a dict, those that a functional model declares, else output_1, output_2 ..."""
    if isinstance(y_pred, dict):
        return [str(k) for k in y_pred]
    n = len(flatten(y_pred))
    if declared is not None and len(declared) == n:
        return list(declared)
    return ["output"] if n == 1 else [f"output_{i + 1}" for i in range(n)]


def per_output(what: str, given: Any, names: Sequence[str]) -> list[Any]:
    """``given`` (a dict by output name, a list in their order, or the one output's own) as a list, None if absent."""
    if isinstance(given, dict):
        for key in given:
            if key not in names:
                raise unknown(f"output in {what}", key, names)
        return [given.get(name) for name in names]
    if len(names) == 1:
        return list(given) if isinstance(given, (list, tuple)) and len(given) == 1 else [given]
    if isinstance(given, (list, tuple)):
        if len(given) != len(names):
            raise ValueError(f"{what}: {len(given)} given for {len(names)} outputs ({', '.join(names)})")
        return list(given)
    raise ValueError(f"{what}: the model has {len(names)} outputs ({', '.join(names)}); give a list or a dict of them")


def as_given(given: Any, each: Sequence[Any], names: Sequence[str]) -> Any:
    """One thing an output, as ``per_output`` gives them, in the structure of ``given``."""
    if isinstance(given, dict):
        return {name: one for name, one in zip(names, each, strict=True) if name in given}
    return list(each) if len(names) > 1 or isinstance(given, (list, tuple)) else next(iter(each), None)


class LossSet:
    """The losses of all outputs and their weighted sum."""

    def __init__(self, loss: Any, loss_weights: Any, names: Sequence[str]) -> None:
        self.names = list(names)
        if isinstance(loss, (list, tuple, dict)):
            given = per_output("loss", loss, names)
        else:
            given = [loss] * len(names)
        self.losses: list[Loss | None] = [None if one is None else losses.as_loss(one) for one in given]
        weights = [1.0] * len(names) if loss_weights is None else per_output("loss_weights", loss_weights, names)
        for w in weights:
            if w is not None and not is_number(w):
                raise TypeError(f"loss_weights: expected numbers, got {w!r}")
        self.weights = [1.0 if w is None else float(w) for w in weights]
        used = [f"{name}_loss" for name, loss in zip(self.names, self.losses, strict=True) if loss is not None]
        self.trackers = [Mean(name) for name in used] if len(used) > 1 else []  # of the single losses
        self.single: list[Tensor] = []  # what they were when they were last computed

    @property
    def log_names(self) -> list[str]:
        """Names of the single losses, where there are several."""
        return [tracker.name for tracker in self.trackers]

    def target_dtype(self, i: int, array: Array, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """What output i's loss wants of y: class indices stay integers, a user's function gets y as it is."""
        loss = self.losses[i]
        keep = loss is None or loss.integer_targets or type(loss) not in losses.BUILT_IN
        return dtype if array.dtype.kind == "f" or not keep else array.dtype

    def targets(self, y: Any) -> list[Any]:
        """``y`` as a list, one of each output; a single one is that of the only output with a loss, as in Keras."""
        used = [i for i, loss in enumerate(self.losses) if loss is not None]
        if len(used) == 1 < len(self.names) and not isinstance(y, (list, tuple, dict)):
            return [y if i == used[0] else None for i in range(len(self.names))]
        return per_output("y", y, self.names)

    def compute(self, y: list[Any], y_pred: Any, weights: list[Any]) -> Tensor | None:
        """The weighted sum of the outputs' losses, None without any; the single ones stay in ``single``."""
        single = []
        total: Tensor | None = None
        for i, (loss, output) in enumerate(zip(self.losses, flatten(y_pred), strict=True)):
            if loss is None:
                continue
            if y[i] is None:
                raise ValueError(f"loss: there is no y for the output {self.names[i]!r}")
            value = loss(y[i], output, weights[i])
            if value.ndim:
                value = ops.mean(value)  # reduction "none": fit still needs one number
            single.append(value)
            if self.weights[i] != 1.0:
                value = ops.multiply(value, self.weights[i])
            total = value if total is None else ops.add(total, value)
        self.single = single if self.trackers else []
        return total


class _Entry:
    """One metric of one output."""

    def __init__(self, identifier: Any, output: int, prefix: str, weighted: bool) -> None:
        self.identifier = identifier
        self.output = output
        self.prefix = prefix
        self.weighted = weighted
        self.metric: Metric | None = identifier if isinstance(identifier, Metric) else None

    def resolved(self, y: Array, y_pred: Array) -> Metric:
        """The metric; "accuracy" is settled by the shapes of the first batch."""
        if self.metric is None:
            self.metric = metrics.get(self.identifier, y.shape, y_pred.shape)
        return self.metric

    @property
    def log_name(self) -> str:
        return self.prefix + (self.identifier if self.metric is None else self.metric.name)


def _update(entry: _Entry, target: Any, output: Any, weight: Any) -> None:
    metric = entry.resolved(target._array, output._array)
    arrays = [target._array, output._array]
    if entry.weighted and weight is not None:
        arrays.append(weight._array)
    if type(metric) not in metrics.BUILT_IN:  # it may keep what the next batch overwrites
        arrays = [a.copy() for a in arrays]
    if isinstance(output, MaskedTensor) and isinstance(metric, MeanMetricWrapper):
        arrays[1] = output  # which takes the mask along
    metric.update_state(*arrays)


class MetricSet:
    """The metrics of all outputs."""

    def __init__(self, plain: Any, weighted: Any, names: Sequence[str]) -> None:
        self.entries: list[_Entry] = []
        for what, given, by_weight in (("metrics", plain, False), ("weighted_metrics", weighted, True)):
            if given is None:
                continue
            if (
                len(names) == 1
                and isinstance(given, (list, tuple))
                and not any(isinstance(g, (list, tuple)) for g in given)
            ):
                given = [given]
            for i, one in enumerate(per_output(what, given, names)):
                prefix = f"{names[i]}_" if len(names) > 1 else ""
                chosen = [] if one is None else one if isinstance(one, (list, tuple)) else [one]
                self.entries += [_Entry(m, i, prefix, by_weight) for m in chosen if m is not None]  # as in Keras

    def update(self, y: list[Any], y_pred: Any, weights: list[Any]) -> None:
        outputs = flatten(y_pred)
        for entry in self.entries:
            target, weight = y[entry.output], weights[entry.output]
            if target is None:
                raise ValueError(f"metrics: there is no y for {entry.log_name!r}")
            _update(entry, target, outputs[entry.output], weight)

    def update_batches(self, batches: int, y: list[Any], y_pred: Any, weights: list[Any]) -> None:
        """As ``update`` with so many batches of one size, one after the other, whose samples y and y_pred hold."""
        outputs = flatten(y_pred)
        for entry in self.entries:
            target, output, weight = y[entry.output], outputs[entry.output], weights[entry.output]
            whole = target is not None and entry.resolved(target._array, output._array)._adds_exactly(target, output)
            parts = 1 if whole and not (entry.weighted and weight is not None) else batches
            size = len(output) // parts
            for i in range(0, parts * size, size):
                if target is None:
                    raise ValueError(f"metrics: there is no y for {entry.log_name!r}")
                each = [None if t is None else wrap(t._array[i : i + size]) for t in (target, output, weight)]
                _update(entry, *each)

    def reset(self) -> None:
        for entry in self.entries:
            if entry.metric is not None:
                entry.metric.reset_state()

    def named(self) -> dict[str, Metric]:
        """Log name -> metric, of those that are settled.  Several of one name are told apart as Keras does it."""
        found: dict[str, Metric] = {}
        for entry in self.entries:
            if entry.metric is not None:
                name = entry.log_name
                if entry.weighted and name in found:
                    name = f"{entry.prefix}weighted_{entry.metric.name}"
                base, n = name, 1
                while name in found:
                    name, n = f"{base}_{n}", n + 1
                found[name] = entry.metric
        return found

    def results(self) -> dict[str, Any]:
        """Log name -> value, of the metrics that saw a batch."""
        return {name: plain(metric.result(), f"metric {metric.name!r}") for name, metric in self.named().items()}


def plain(value: Any, what: str = "log") -> Any:
    """A metric's result, or a log of a model's own step, as Python numbers; copies of those that are arrays."""
    if isinstance(value, dict):
        return {k: plain(v, what) for k, v in value.items()}
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{what}: its result is {value!r}, expected a number")
    return array.item() if array.ndim == 0 else array.copy()


def _metric(identifier: Any) -> Any:
    """A metric object; None, and the names that shapes settle, stay."""
    if identifier is None or (isinstance(identifier, str) and identifier in metrics.BY_SHAPE):
        return identifier
    metric = metrics.get(identifier)
    if isinstance(identifier, str):
        metric.name = identifier  # also that of a class, as in Keras: logs show what was given
    return metric


def _losses(loss: Any) -> Any:
    return map_structure(lambda one: None if one is None else losses.as_loss(one), loss)


class Compiled:
    """What compile() was given; and, once the model has shown its outputs, the losses and metrics of each."""

    def __init__(
        self, optimizer: Any, loss: Any, loss_weights: Any, plain: Any, weighted: Any, run_eagerly: bool, steps: int
    ) -> None:
        self.optimizer = optimizers.get(optimizer)
        self.arguments = {
            "optimizer": self.optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": plain,
            "weighted_metrics": weighted,
            "run_eagerly": run_eagerly,
        } | ({"steps_per_execution": steps} if steps > 1 else {})
        self.run_eagerly = run_eagerly
        self.steps_per_execution = steps
        self.loss_tracker = Mean("loss")
        self.warned = False  # of a loss that isn't finite, in this fit
        self.orders: dict[tuple[str, ...], list[str]] = {}  # of logs in lists
        self.tested_names: list[str] = []  # of what the last test step returned
        self.names: list[str] | None = None
        self.shapes: list[tuple[int, ...]] = []  # of the outputs that settled the names
        self.masked: list[bool] = []  # whether they had a mask
        self.layers: list[Any] = []  # all that the model had at its last pass over data
        self.version: int | None = None  # of the configuration then
        self.loss_set: LossSet
        self.metric_set: MetricSet
        self._all_metrics: CompiledMetrics | None = None
        self._loss = _losses(loss)
        self._metrics, self._weighted_metrics = (map_structure(_metric, given) for given in (plain, weighted))
        self.measures = bool(self._metrics or self._weighted_metrics)  # anything but losses

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickle: of the layers nothing, they are looked at again."""
        return vars(self) | {"layers": [], "version": None}

    @property
    def given_loss(self) -> Any:
        """The loss, where one was given and not one for each output."""
        return self._loss if isinstance(self._loss, Loss) else None

    def change(self, name: str, value: Any) -> None:
        """Another optimizer, loss or way to run; the losses are matched with the outputs again."""
        if name == "optimizer":
            self.optimizer = value = optimizers.get(value)
        elif name == "run_eagerly":
            self.run_eagerly = value
        else:
            self._loss = _losses(value)
            self.names = None
        self.arguments[name] = value

    def settle(self, y_pred: Any, declared: Sequence[str] | None) -> None:
        """Match losses and metrics with the model's outputs."""
        names = output_names(y_pred, declared)
        self.loss_set = LossSet(self._loss, self.arguments["loss_weights"], names)
        self.metric_set = MetricSet(self._metrics, self._weighted_metrics, names)
        self.names = names
        self.shapes = [t.shape for t in flatten(y_pred)]
        self.masked = [isinstance(t, MaskedTensor) for t in flatten(y_pred)]

    def matched(self, y: Any, y_pred: Any, weight: Any, model: Any) -> tuple[list[Any], list[Any]]:
        """y and weights of one batch as tensors, one of each an output (None where nothing is given)."""
        if self.names is not None and len(self.names) == 1 and type(y_pred) is type(y) is Tensor and weight is None:
            return [y], [None]
        names = output_names(y_pred, model.output_names)
        if self.names != names:
            self.settle(y_pred, model.output_names)
        weights = per_output("sample_weight", weight, names) if isinstance(weight, (list, dict)) else None
        y, weights = self.loss_set.targets(y), weights or [weight] * len(names)
        return [None if t is None else as_tensor(t) for t in y], [None if t is None else as_tensor(t) for t in weights]

    def track(self, loss: Any, single: Sequence[Tensor], size: int) -> None:
        """Add the losses of one batch to their means over samples."""
        forbid_capture(READ_IN_PYTHON)
        tracker = self.loss_tracker
        tracker.total += float(loss._array if isinstance(loss, Tensor) else loss) * size
        tracker.count += size
        if single:
            for tracker, one in zip(self.loss_set.trackers, single, strict=True):
                tracker.total += float(one._array) * size
                tracker.count += size

    def track_many(self, losses: Any, single: Sequence[Tensor], size: int) -> Array:
        """As ``track`` for batch after batch of one size, whose losses are one tensor; the sums after each."""

        def add(tracker: Mean, values: Tensor) -> Array:
            with np.errstate(all="ignore"):  # as Python's numbers
                weighted = values._array.reshape(-1).astype(np.float64) * size
                totals = np.add.accumulate(np.concatenate(((tracker.total,), weighted)))[1:]
            tracker.total = float(totals[-1])
            tracker.count += len(totals) * size
            return totals

        found = add(self.loss_tracker, losses)
        for tracker, one in zip(self.loss_set.trackers, single, strict=True) if single else ():
            add(tracker, one)
        return found

    def all_metrics(self, model: Any) -> CompiledMetrics:
        """The metrics of all outputs as one; model: the one that was compiled."""
        if self._all_metrics is None:
            self._all_metrics = CompiledMetrics(self, model)
        return self._all_metrics

    @property
    def loss_trackers(self) -> list[Mean]:
        """The mean of the total loss, and those of the single ones where there are several and steps track them."""
        if self.names is None or not self.loss_set.trackers:
            return [self.loss_tracker]
        return [self.loss_tracker, *(tracker for tracker in self.loss_set.trackers if tracker.count)]


class CompiledMetrics(Metric):
    """All metrics that compile was given as one."""

    def __init__(self, compiled: Compiled, model: Any) -> None:
        super().__init__(name="compile_metrics")
        self._compiled = compiled
        self._model = model

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if type(y_pred) is not Tensor:
            y_pred = map_structure(as_tensor, y_pred)
        y, weights = self._compiled.matched(y_true, y_pred, sample_weight, self._model)
        self._compiled.metric_set.update(y, y_pred, weights)

    def update_batches(self, batches: int, y_true: Any, y_pred: Any, sample_weight: Any) -> None:
        """As ``update_state`` with so many batches, one after the other, whose samples the arguments hold."""
        y, weights = self._compiled.matched(y_true, y_pred, sample_weight, self._model)
        self._compiled.metric_set.update_batches(batches, y, y_pred, weights)

    @property
    def variables(self) -> list[Variable]:
        inner = () if self._compiled.names is None else self._compiled.metric_set.named().values()
        return [v for metric in inner for v in metric.variables]

    def names(self) -> list[str]:
        """The metrics' own names, without those of the outputs before."""
        return [] if self._compiled.names is None else [m.name for m in self._compiled.metric_set.named().values()]

    def result(self) -> dict[str, Any]:
        return {} if self._compiled.names is None else self._compiled.metric_set.results()

    def reset_state(self) -> None:
        if self._compiled.names is not None:
            self._compiled.metric_set.reset()
