"""The steps that a model may define itself, as Keras 3 has them: train_step, test_step, predict_step, compute_loss."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.autograd import Tensor
from ..core.recording import configuration
from ..core.tree import leaves
from ..layers.weights import named_layers, parts
from ..metrics import Metric
from ..ops import add
from ..optimizers.base import Optimizer
from ..utils import unpack_x_y_sample_weight
from .compile_state import Compiled, CompiledMetrics, plain

_SHARED = ("compute_loss", "compute_metrics", "metrics", "get_metrics_result", "reset_metrics")
# What decides whether a model takes a step of its own, by the kind of step.
_OWN = {
    "train": ("train_step", *_SHARED),
    "test": ("test_step", *_SHARED),
    "predict": ("predict_step",),
}
_REFUSED = {f"make_{kind}_function": f"{kind}_step" for kind in _OWN}  # names in Keras that nothing here would call


class Steps:
    """Mixin: one step of training, evaluation and inference, and what a model's own version of it may use.

    ``data`` is x, (x, y) or (x, y, sample_weight), tensors in the structure that fit was given.  A model that defines
    any of train_step, test_step, compute_loss, compute_metrics and metrics runs its steps as Python, one by one: they
    return the logs as a dict of numbers, and an epoch's logs are those of its last step (so return metrics' results).
    """

    _found_metrics: tuple[int, list[Metric]] = (-1, [])  # and the version of the configuration that they belong to

    if TYPE_CHECKING:  # what a model and Trainer bring
        output_names: Any
        _compiled: Compiled | None

        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
        def _require(self, what: str) -> Compiled: ...
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
        y_pred = self(x, training=True)
        loss = self._computed_loss(x, y, y_pred, sample_weight, True)
        self.zero_grad()
        self._update(loss)
        return self._step_logs(loss, x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Forward and loss for one batch.

        Returns: the logs, a dict of numbers.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        loss = self._computed_loss(x, y, y_pred, sample_weight, False)
        return self._step_logs(loss, x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """The outputs for one batch, sample by sample, as tensors or arrays."""
        return self(unpack_x_y_sample_weight(data)[0], training=False)

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
        return self._total(*self._matched("compute_loss", y, y_pred, sample_weight))[0]

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Update the metrics given to ``compile``.

        Args:
            x: inputs of the batch.
            y: targets, in the structure of the outputs.
            y_pred: the outputs.

        Returns: the results of all metrics, by name.
        """
        for metric in self.metrics:
            if isinstance(metric, CompiledMetrics):
                metric.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    @property
    def metrics(self) -> list[Metric]:
        """The mean loss, the metrics given to compile as one, and those among the attributes of model and layers."""
        found: list[Metric] = []
        compiled = self._compiled
        if compiled is not None:
            tracker = compiled.loss_tracker
            if tracker.count or compiled.arguments["loss"] is not None or self._defines("compute_loss"):
                found.append(tracker)
            if compiled.arguments["metrics"] or compiled.arguments["weighted_metrics"]:
                found.append(CompiledMetrics(compiled, self.output_names))
        return found + self._attached_metrics()

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all ``metrics`` by name."""
        logs: dict[str, Any] = {}
        for metric in self.metrics:
            result = metric.result()
            logs.update(result if isinstance(result, dict) else {metric.name: result})
        return logs

    def reset_metrics(self) -> None:
        """Start all ``metrics`` again; fit and evaluate do so before each pass over the data."""
        for metric in self.metrics:
            metric.reset_state()

    def zero_grad(self) -> None:
        """Forget the gradients of all weights."""
        for v in self.weights:
            v.zero_grad()

    # ---- what the loops ask ----

    def _attached_metrics(self) -> list[Metric]:
        """Metrics among the attributes of the model and its layers; looked for again when a configuration changed."""
        version, found = self._found_metrics
        if version != configuration.version:
            owners: list[Any] = [self, *(one for one in named_layers(self).values() if not isinstance(one, Steps))]  # type: ignore[arg-type]
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
            single += compiled.log_names
        for name in (log_name, log_name.removeprefix("val_")):
            if name in single:
                return True, "down"
            if name in known:
                return True, getattr(known[name], "_direction", None)
        return False, None

    def _defines(self, *methods: str) -> bool:
        """Whether the class, or an assignment to the model, replaces one of these methods."""
        return any(m in vars(self) or getattr(type(self), m) is not getattr(Steps, m) for m in methods)

    def _own_step(self, kind: str) -> bool:
        """Whether the model takes steps of this kind ("train", "test", "predict") its own way."""
        return self._defines(*_OWN[kind])

    def _check_overrides(self) -> None:
        for name, instead in _REFUSED.items():
            if hasattr(self, name):
                raise ValueError(f"{type(self).__name__}.{name} would never be called; define {instead}(self, data)")

    def _matched(self, what: str, y: Any, y_pred: Any, weight: Any) -> tuple[list[Any], Any, list[Any]]:
        y, weight = self._require(what).matched(y, y_pred, weight, self.output_names)
        return y, y_pred, weight

    def _total(self, y: list[Any], y_pred: Any, weight: list[Any]) -> tuple[Tensor, list[Tensor]]:
        """(total loss with what layers added, single losses if several) of one entry of y and weight an output."""
        total, single = self._require("fit").loss_set.compute(y, y_pred, weight)
        for extra in self.losses:
            total = extra if total is None else add(total, extra)
        if total is None:
            raise ValueError(
                "compile: no loss was given, so there is nothing to train or evaluate; pass loss=, or let the model "
                "define train_step and test_step"
            )
        return total, single

    def _update(self, loss: Tensor) -> None:
        """Backward and one optimizer step, where there is something to train."""
        optimizer = self._require("fit").optimizer
        if loss.requires_grad:
            loss.backward()
            optimizer.step()
        elif any(v.requires_grad for v in optimizer._variables):
            raise RuntimeError(
                "fit: the loss depends on none of the weights that are trained; NumPy in a layer's call() or in a loss "
                "makes constants: use lamina.ops there"
            )

    def _computed_loss(self, x: Any, y: Any, y_pred: Any, weight: Any, training: bool) -> Tensor:
        """compute_loss, which a model may define without its newest argument."""
        options = {"training": training} if "training" in inspect.signature(self.compute_loss).parameters else {}
        return self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight, **options)

    def _step_logs(self, loss: Any, x: Any, y: Any, y_pred: Any, weight: Any) -> dict[str, Any]:
        size = next((len(t) for t in leaves(x)), 1)
        self._require("fit").loss_tracker.update_state(float(loss), sample_weight=size)
        return self.compute_metrics(x, y, y_pred, sample_weight=weight)


def own_logs(what: str, logs: Any) -> dict[str, Any]:
    """What a model's own step returned, as plain numbers; TypeError for anything but a dict of them."""
    if not isinstance(logs, dict):
        raise TypeError(f"{what}: expected a dict of logs like {{'loss': loss}}, got {type(logs).__name__}")
    found: dict[str, Any] = {}
    for name, value in logs.items():
        for key, one in value.items() if isinstance(value, dict) else [(name, value)]:
            if not isinstance(one, (Tensor, int, float, np.ndarray, np.generic)):
                hint = "; return its result()" if isinstance(one, Metric) else ""
                raise TypeError(f"{what}: expected the log {key!r} to be a number, got {type(one).__name__}{hint}")
            found[str(key)] = plain(one, what)
    return found
