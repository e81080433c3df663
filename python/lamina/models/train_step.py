"""One step of training, evaluation and inference: what fit, train_on_batch and a model's own step all run.

Keras 3's train_step, test_step, predict_step, compute_loss and compute_metrics.
"""

from __future__ import annotations

import weakref
from collections import UserDict
from collections.abc import Callable
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.autograd import Array, Tensor, wrap
from ..core.capture import capture
from ..core.grad_mode import grad_mode
from ..core.recording import configuration
from ..core.tree import leaves, map_structure
from ..data import unpack_x_y_sample_weight
from ..layers.call import parameters
from ..layers.variable import Variable
from ..layers.weights import layers_below, parts
from ..metrics import Metric
from ..ops import add
from ..optimizers.base import Optimizer
from .compile_state import Compiled, CompiledMetrics, plain

_REFUSED = {f"make_{kind}_function": f"{kind}_step" for kind in ("train", "test", "predict")}  # names in Keras


class StepLogs(UserDict[str, Any]):
    """The logs of a step, a dict that is computed when somebody looks: at the latest before the next step.

    Results of metrics may cost more than the step, and most are never looked at.
    """

    def __init__(self, compute: Callable[[], dict[str, Any]]) -> None:
        self._compute = compute

    @cached_property
    def data(self) -> dict[str, Any]:  # type: ignore[override]
        return self._compute()

    def __or__(self, other: Any) -> Any:
        return {**self.data, **other}

    def __ror__(self, other: Any) -> Any:
        return {**other, **self.data}

    def copy(self) -> Any:
        return dict(self.data)


class Steps:
    """Mixin: one step of training, evaluation and inference, and what a model's own version of it may use.

    ``data`` is x, (x, y) or (x, y, sample_weight), tensors in the structure that fit was given.  A step returns its
    logs as a dict of numbers; an epoch's logs are those of its last step (so a model's own returns metrics' results).

    What a step does with tensors, forward to update, is captured (``lamina.capture``), also where a model's own step
    calls this one; not with ``run_eagerly``, and not where the model defines compute_loss.  Metrics and all that a
    model's own step does around it runs as Python.
    """

    _found_metrics: tuple[int | None, list[Metric]] = (None, [])  # with the version of the configuration then
    _steps: dict[str, Callable[..., Any]] | None = None  # by kind, as they are captured
    _latest_logs: Any = None  # a weak reference to the last step's

    if TYPE_CHECKING:  # what a model and Trainer bring
        name: Any
        output_names: Any
        _compiled: Compiled | None

        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
        def _require(self, what: str) -> Compiled: ...
        @property
        def trainable_weights(self) -> list[Any]: ...
        @property
        def losses(self) -> list[Any]: ...
        @property
        def weights(self) -> list[Any]: ...
        @property
        def optimizer(self) -> Optimizer | None: ...

    def train_step(self, data: Any) -> dict[str, Any]:
        """Forward, loss, backward and update for one batch.

        A model's own, with ``x, y = data``: ``self.zero_grad()``, ``loss = self.compute_loss(x, y, self(x,
        training=True))``, ``loss.backward()``, ``self.optimizer.step()``, ``return {"loss": loss}``.

        Returns: the logs, a dict of numbers.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        return self._logged(x, y, sample_weight, self._run("train", x, y, sample_weight))

    def test_step(self, data: Any) -> dict[str, Any]:
        """Forward and loss for one batch.

        Returns: the logs, a dict of numbers.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        return self._logged(x, y, sample_weight, self._run("test", x, y, sample_weight))

    def predict_step(self, data: Any) -> Any:
        """The outputs for one batch, sample by sample, as tensors or arrays."""
        return self._captured("predict", self._predict)(unpack_x_y_sample_weight(data)[0])

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Tensor:
        """The weighted sum of the losses given to ``compile`` and of those that layers added, as one number.

        Args:
            x: inputs of the batch.
            y: targets, in the structure of the outputs.
            y_pred: the outputs.
            training: whether the model is in training mode.

        Raises:
            ValueError: no loss was given; targets or weights do not fit the outputs.
        """
        compiled = self._require("compute_loss")
        y, weight = compiled.matched(y, y_pred, sample_weight, self)
        total = compiled.loss_set.compute(y, y_pred, weight)
        for extra in self.losses:
            total = extra if total is None else add(total, extra)
        if total is None:
            raise ValueError(
                "compile: no loss was given, so there is nothing to train or evaluate; pass loss=, or let the model "
                "define train_step and test_step"
            )
        return total

    compute_loss.captured = True  # type: ignore[attr-defined]  # a model's own may want Python at every step

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Update the metrics given to ``compile``.

        Args:
            x: inputs of the batch.
            y: targets, in the structure of the outputs.
            y_pred: the outputs.

        Returns: the results of all metrics, by name.
        """
        compiled = self._compiled
        usual = type(self).metrics is Steps.metrics  # is is free: the loop below finds the same ones, later
        if compiled is not None and usual:
            if compiled.measures:
                compiled.all_metrics(self).update_state(y, y_pred, sample_weight)
        else:
            for metric in self.metrics:
                if isinstance(metric, CompiledMetrics):
                    metric.update_state(y, y_pred, sample_weight)
        logs: Any = StepLogs(self.get_metrics_result)
        self.__dict__["_latest_logs"] = weakref.ref(logs)
        return logs

    @property
    def metrics(self) -> list[Metric]:
        """The mean loss, the metrics given to compile as one, and those among the attributes of model and layers."""
        found: list[Metric] = []
        compiled = self._compiled
        if compiled is not None:
            tracker = compiled.loss_tracker
            if tracker.count or compiled.arguments["loss"] is not None or self._defines("compute_loss"):
                found += compiled.loss_trackers
            if compiled.arguments["metrics"] or compiled.arguments["weighted_metrics"]:
                found.insert(1, compiled.all_metrics(self))  # before the single losses, as in Keras
        return found + self._attached_metrics()

    @property
    def metrics_variables(self) -> list[Variable]:
        """What ``metrics`` have gathered, one after the other."""
        return [v for metric in self.metrics for v in metric.variables]

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all ``metrics`` by name."""
        logs: dict[str, Any] = {}
        for metric in self.metrics:
            result = metric.result()
            logs.update(result if isinstance(result, dict) else {metric.name: result})
        return logs

    def reset_metrics(self) -> None:
        """Start all ``metrics`` again; fit and evaluate do so before each pass over the data."""
        self._compute_logs()
        for metric in self.metrics:
            metric.reset_state()

    def zero_grad(self) -> None:
        """Forget the gradients of all weights."""
        for v in self.weights:
            v.zero_grad()

    # ---- what a step does with tensors alone ----

    def _captured(self, kind: str, step: Callable[..., Any]) -> Callable[..., Any]:
        """The step, captured unless it is to run eagerly."""
        if self._steps is not None and kind in self._steps:
            return self._steps[kind]
        if self._steps is None:
            self._steps = {}
        eagerly = self._compiled is not None and self._compiled.run_eagerly
        name = f"the {kind} step of {type(self).__name__} {self.name!r}"
        self._steps[kind] = step if eagerly else capture(step, name=name)
        return self._steps[kind]

    def _run(self, kind: str, x: Any, y: Any, sample_weight: Any) -> Any:
        """The total loss of one batch; or a tuple of it, the predictions if metrics want them, and single losses."""
        step: Callable[..., Any] = self._train if kind == "train" else self._test
        if getattr(self.compute_loss, "captured", False):
            step = self._captured(kind, step)
        # Absent weights are left out: a captured step finds its plan faster where all arguments are arrays.
        return step(x, y) if sample_weight is None else step(x, y, sample_weight)

    def _train(self, x: Any, y: Any, sample_weight: Any = None) -> Any:
        compiled = self._require("fit")
        y_pred = self(x, training=True)
        loss, single = self._losses_of(compiled, x, y, y_pred, sample_weight, True)
        self._update(loss)
        compiled.optimizer.zero_grad()
        return self._results(compiled, loss, single, y_pred)

    def _test(self, x: Any, y: Any, sample_weight: Any = None) -> Any:
        compiled = self._require("evaluate")
        y_pred = self(x, training=False)
        loss, single = self._losses_of(compiled, x, y, y_pred, sample_weight, False)
        return self._results(compiled, loss, single, y_pred)

    def _predict(self, x: Any) -> Any:
        return self(x, training=False)

    def _losses_of(
        self, compiled: Compiled, x: Any, y: Any, y_pred: Any, weight: Any, training: bool
    ) -> tuple[Any, list[Tensor]]:
        """compute_loss, which a model may define without its newest argument; and the single losses, if it made any."""
        compute = self.compute_loss
        function = getattr(compute, "__func__", compute)
        takes = function is Steps.compute_loss or "training" in parameters(function)
        options = {"training": training} if takes else {}
        if compiled.names is not None:
            compiled.loss_set.single = []
        loss = compute(x=x, y=y, y_pred=y_pred, sample_weight=weight, **options)
        return loss, compiled.loss_set.single if compiled.names is not None else []

    def _results(self, compiled: Compiled, loss: Any, single: list[Tensor], y_pred: Any) -> Any:
        """What a step returns: of a captured one, which copies its results, predictions only if anything needs them."""
        wanted = compiled.measures or grad_mode.recording is None or self._defines("compute_metrics", "metrics")
        return (loss, y_pred if wanted else None, *single) if wanted or single else loss

    def _update(self, loss: Tensor) -> None:
        """Backward and one optimizer step, where there is something to train."""
        optimizer = self._require("fit").optimizer
        if not optimizer._variables and optimizer._source is None:
            optimizer._source = lambda: self.trainable_weights
        optimizer.zero_grad()
        if loss.requires_grad:
            replica = grad_mode.replica
            with nullcontext() if replica is None else replica.overlapping():
                optimizer.scale_loss(loss).backward()
            optimizer._step_of_fit()
        elif any(v.requires_grad for v in optimizer._variables):
            raise RuntimeError(
                "fit: the loss depends on none of the weights that are trained; NumPy in a layer's call() or in a loss "
                "makes constants: use lamina.ops there"
            )

    def _logged(self, x: Any, y: Any, sample_weight: Any, results: Any, size: int | None = None) -> dict[str, Any]:
        """Note what a step gave; the logs.  size: samples, None: those of x."""
        if self._latest_logs is not None:
            self._compute_logs()
        loss, y_pred, *single = results if type(results) is tuple else (results, None)
        if size is None:
            size = x._array.shape[0] if type(x) is Tensor else next((len(t) for t in leaves(x)), 1)
        compiled = self._compiled or self._require("fit")
        compiled.track(loss, single, size)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def _loss_of(self, kind: str, batch: Any) -> float:
        """One step whose logs are the loss of this batch alone."""
        self._compute_logs()
        compiled: Any = self._compiled
        tracker = compiled.loss_tracker
        tracker.reset_state()
        results = self._run(kind, batch.x, batch.y, None)
        compiled.track(results[0] if type(results) is tuple else results, (), batch.size)
        return tracker.result()

    def _logged_many(self, batches: int, rows: Any, results: Any) -> tuple[Array, Any]:
        """As ``_logged`` for batches that ran one after the other.

        rows: a Batch of all their samples; results: the step's, each with a row for each batch.

        Returns: the sum of the losses after each, and the logs.
        """
        self._compute_logs()
        loss, y_pred, *single = results if type(results) is tuple else (results, None)
        compiled = self._compiled or self._require("fit")
        totals = compiled.track_many(loss, single, rows.size // batches)
        if compiled.measures:
            y_pred = map_structure(lambda t: wrap(t._array.reshape(rows.size, *t.shape[2:])), y_pred)
            compiled.all_metrics(self).update_batches(batches, rows.y, y_pred, rows.weight)
        return totals, StepLogs(self.get_metrics_result)

    def _compute_logs(self) -> None:
        """Have the logs of the last step computed, where somebody still has them, before the metrics go on."""
        if self._latest_logs is not None:
            logs = self._latest_logs()
            if logs is not None:
                logs.data  # noqa: B018 (a cached property)
            self.__dict__["_latest_logs"] = None

    # ---- what the loops ask ----

    def _attached_metrics(self) -> list[Metric]:
        """Metrics among the attributes of the model and its layers; looked for again when a configuration changed."""
        version, found = self._found_metrics
        if version != configuration.version:
            owners: list[Any] = [self, *(one for one in layers_below(self) if not isinstance(one, Steps))]
            found = [metric for owner in owners for _, metric in parts(owner, Metric)]
            self._found_metrics = (configuration.version, found)
        return found

    def _direction(self, log_name: str) -> tuple[bool, str | None]:
        """Whether the model logs this name, also behind val_; and "down" or "up" if it knows which way is better."""
        compiled = self._compiled
        known: dict[str, Metric] = {m.name: m for m in self._attached_metrics()}
        single = ["loss"]
        if compiled is not None and compiled.names is not None:
            known |= compiled.metric_set.named()
            single += compiled.loss_set.log_names
        for name in (log_name, log_name.removeprefix("val_")):
            if name in single:
                return True, "down"
            if name in known:
                return True, getattr(known[name], "_direction", None)
        return False, None

    def _defines(self, *methods: str) -> bool:
        """Whether the class, or an assignment to the model, replaces one of these methods."""
        return any(m in vars(self) or getattr(type(self), m) is not getattr(Steps, m) for m in methods)

    def _leaves_step(self, kind: str) -> bool:
        """Whether the model leaves what its data are to the library's step, which can then be tried before."""
        return not self._defines(f"{kind}_step", "compute_loss", "compute_metrics")

    def _check_overrides(self) -> None:
        for name, instead in _REFUSED.items():
            if hasattr(self, name):
                raise ValueError(f"{type(self).__name__}.{name} would never be called; define {instead}(self, data)")


def plain_logs(what: str, logs: Any) -> dict[str, Any]:
    """What a step returned, as plain numbers; TypeError for anything but a dict of them."""
    if not isinstance(logs, (dict, StepLogs)):
        raise TypeError(f"{what}: expected a dict of logs like {{'loss': loss}}, got {type(logs).__name__}")
    found: dict[str, Any] = {}
    for name, value in logs.items():
        for key, one in value.items() if isinstance(value, dict) else [(name, value)]:
            if not isinstance(one, (Tensor, int, float, np.ndarray, np.generic)):
                hint = "; return its result()" if isinstance(one, Metric) else ""
                raise TypeError(f"{what}: expected the log {key!r} to be a number, got {type(one).__name__}{hint}")
            found[str(key)] = plain(one, what)
    return found
