"""compile, fit, evaluate, predict and their one-batch forms, for every kind of model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

import numpy as np

from ..callbacks import History, as_list, progress
from ..callbacks.base import Hooks
from ..core import registry
from ..core.autograd import Array, no_grad
from ..core.capture import CapturedStep
from ..core.defaults import Defaults
from ..core.explain import require
from ..core.recording import configuration
from ..core.tracebacks import shortened
from ..core.warn import warn
from ..distribution import distribution
from . import data_adapter, fit_loops, repeated, together, validate_data
from .compile_state import Compiled, CompiledMetrics
from .data_adapter import ArrayFeed, is_arrays
from .prepare import prepared, prepared_batch
from .replicas import Replicas
from .signals import WholeSteps
from .train_step import Steps

if TYPE_CHECKING:
    from .results import Results


class Trainer(Steps):
    """Mixin: training and inference for a model, which is called as ``self(x, training=...)``."""

    output_names: Sequence[str] | None = None  # a functional model names its outputs
    stop_training = False  # callbacks set it to end fit
    _history: History | None = None
    _compiled: Compiled | None = None
    _repeated: dict[str, repeated.Repeated | None] | None = None  # by kind of call on one batch
    _set_before: ClassVar[dict[str, Any]] = {}  # loss and optimizer that were set before compile()

    if TYPE_CHECKING:  # what a model brings

        @property
        def name(self) -> str: ...
        @property
        def trainable_weights(self) -> list[Any]: ...

        def _held(self) -> Any: ...

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int | str = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how the model is trained.

        Captured steps (see ``lamina.capture``) run the Python code of layers, losses and regularizers only while one is
        recorded: for each new shape, and after an attribute of theirs was set.  What such code takes from NumPy's
        random numbers, closures, globals or entries of lists and dicts stays as it was then; ``run_eagerly=True`` takes
        it anew at every step.

        Args:
            optimizer: a name or an Optimizer.
            loss: a name, a Loss, or a function (y_true, y_pred); for several outputs a list, or a dict by output name.
            loss_weights: weights of the outputs in the total loss, a list or dict of numbers.
            metrics: list of names, Metrics and functions; for several outputs a list of such lists, or a dict.
            weighted_metrics: as ``metrics``, weighted by ``sample_weight`` and ``class_weight``.
            run_eagerly: whether every step runs as Python, with nothing captured.
            steps_per_execution: how many batches lie between calls of callbacks' batch hooks, which get the number of
                the first batch before them and that of the last after them; "auto" is 1.
            jit_compile: False is ``run_eagerly``; "auto" and True capture.
            auto_scale_loss: an option of Keras without effect here: without float16 nothing has to be scaled.

        Raises:
            ValueError: a name or an option is unknown; the model defines a method of Keras that would never be called.
        """
        require(
            f"{type(self).__name__}.compile",
            Trainer.compile,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
            auto_scale_loss=auto_scale_loss,
        )
        steps = 1 if steps_per_execution == "auto" else steps_per_execution
        if not isinstance(steps, int) or steps < 1:
            raise ValueError(
                f"{type(self).__name__}.compile: steps_per_execution must be a positive integer or 'auto', got "
                f"{steps_per_execution!r}"
            )
        self._check_overrides()
        eagerly = bool(run_eagerly) or jit_compile is False
        self._compiled = Compiled(optimizer, loss, loss_weights, metrics, weighted_metrics, eagerly, steps)
        self._steps = None

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments that compile() was called with (the optimizer as an object), or None before it."""
        return None if self._compiled is None else dict(self._compiled.arguments)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile with what ``get_compile_config`` returned; a model with arguments of its own may define both.

        Args:
            config: the arguments of ``compile``, or their descriptions, as files have them.

        Raises:
            ValueError: a name is unknown.

        Source: Keras 3, Model.compile_from_config.
        """
        self.compile(**registry.deserialize(config))

    @property
    def compiled(self) -> bool:
        """Whether ``compile`` was called."""
        return self._compiled is not None

    @property
    def run_eagerly(self) -> bool:
        """Whether every step runs as Python, with nothing captured; set it, and the next step does so."""
        return bool(self._set_before.get("run_eagerly") if self._compiled is None else self._compiled.run_eagerly)

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        self._set_compiled("run_eagerly", bool(value))

    @property
    def jit_compile(self) -> bool:
        """Whether steps are captured."""
        return not self.run_eagerly

    @property
    def optimizer(self) -> Any:
        """The optimizer that compile() was given; set it, and the next step uses the new one."""
        return self._set_before.get("optimizer") if self._compiled is None else self._compiled.optimizer

    @optimizer.setter
    def optimizer(self, value: Any) -> None:
        self._set_compiled("optimizer", value)

    @property
    def loss(self) -> Any:
        """The loss as compile() was given it; set it, and the next step uses the new one."""
        return self._set_before.get("loss") if self._compiled is None else self._compiled.arguments["loss"]

    @loss.setter
    def loss(self, value: Any) -> None:
        self._set_compiled("loss", value)

    def _set_compiled(self, name: str, value: Any) -> None:
        """Set what compile() takes; before compile() it is only kept, for the model's own code."""
        if self._compiled is None:
            self.__dict__["_set_before"] = {**self._set_before, name: value}
            return
        self._compiled.change(name, value)
        self._steps = None

    @property
    def history(self) -> History | None:
        """What the last fit logged, also if it was interrupted."""
        return self._history

    @property
    def metrics_names(self) -> list[str]:
        """Names of what evaluate returns; complete once the model has seen a batch, and a test_step of its own run."""
        compiled = self._compiled
        if compiled is not None and self._defines("test_step", "compute_metrics", "metrics", "get_metrics_result"):
            return self._in_order(compiled.tested_names or ["loss"])
        if compiled is None or compiled.names is None:
            return ["loss"]
        return self._in_order(["loss", *compiled.loss_set.log_names, *compiled.metric_set.results()])

    def _returned(self, logs: dict[str, Any], return_dict: bool) -> Any:
        if return_dict:
            return dict(sorted(logs.items()))  # as in Keras
        values = [logs[name] for name in self._in_order(tuple(logs))]
        return values[0] if len(values) == 1 else values

    def _in_order(self, names: Sequence[str]) -> list[str]:
        """Names of logs in the order of Keras's lists: as ``metrics`` has them, then the others by their names."""
        compiled = self._compiled
        if compiled is None:
            return list(names)
        known = compiled.orders.get(given := tuple(names))
        if known is None:
            wanted: list[str] = []
            for metric in self.metrics:
                wanted += metric.names() if isinstance(metric, CompiledMetrics) else [metric.name]
            first = [name for name in dict.fromkeys(wanted) if name in given]
            known = compiled.orders[given] = [*first, *sorted(set(given) - set(first))]
        return list(known)

    # ---- what the loops ask ----

    def _build_optimizer(self, what: str) -> None:
        """Make the optimizer's state of all weights that are to be trained."""
        optimizer, variables = self._require(what).optimizer, self.trainable_weights
        if self._defines("train_step"):  # it may use other optimizers, and make its weights in its first step
            if optimizer._variables:
                optimizer.build(variables)
            optimizer._source = lambda: self.trainable_weights
            self.zero_grad()
            return
        layers = self._held().layers if hasattr(self, "_held") else ()  # a Trainer need not be a Layer
        if not variables and not all(layer.built for layer in layers):
            return  # layers that the first step makes
        if not variables:  # as Keras does: it goes on, for the loss and the metrics
            name = getattr(self, "name", "the model")
            why = (
                f"all weights of {name!r} are frozen (trainable=False)" if self.weights else f"{name!r} has no weights"
            )
            mend = "; set trainable = True on the model or on some of its layers" if self.weights else ""
            warn(f"{what}: {why}, so nothing is trained{mend}")
            return
        optimizer.build(variables)

    def _require(self, what: str) -> Compiled:
        if self._compiled is None:
            raise RuntimeError(f"{what}: call compile(optimizer=..., loss=...) first")
        return self._compiled

    # ---- fit, evaluate, predict ----

    @shortened
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: bool | int | str = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> History:
        """Train for some passes over the data.

        Ctrl-C leaves the weights of the last whole step and raises KeyboardInterrupt; ``model.history`` has the epochs
        done.  A loss that is not finite is warned of once.  A subclass may define ``train_step(data)``,
        ``test_step(data)`` or ``compute_loss`` itself; these run as Python, uncaptured.

        Args:
            x: inputs: an array, a data frame, a sparse matrix, or a list or dict of them for several; an iterable of
                (x, y) or (x, y, sample_weight) batches, such as a ``lamina.data.Dataset``, a PyDataset, a generator or
                PyTorch's DataLoader; or a dataset of single samples of PyTorch or Hugging Face, whose column "label" is
                y.
            y: targets, in the structure of the outputs; None with an iterable.
            epochs: passes over the data.
            validation_split: fraction of the arrays, their last part before shuffling, that is held out for validation.
            validation_data: (x, y) or (x, y, sample_weight) for validation after each epoch, or an iterable of batches.
            shuffle: whether arrays, and the batches of a PyDataset, are taken in a new order in each epoch.
            initial_epoch: number of the first epoch.
            steps_per_epoch: batches in an epoch; None takes all that there are.
            validation_steps: batches of a validation; None takes all.
            validation_batch_size: samples in a batch of validation; None takes ``batch_size``.
            validation_freq: after how many epochs a validation follows, or a list of the epochs, counted from 1.

        Returns: the History; its ``history`` is a dict of lists, the logs of each epoch by name.

        Raises:
            RuntimeError: ``compile`` was not called, or the loss depends on no weight.
            ValueError: an argument is out of range; arrays differ in their number of samples, or do not fit the model
                or the loss; there are no batches.
        """
        compiled = self._require("fit")
        require("fit", Trainer.fit, verbose=verbose, validation_split=validation_split, shuffle=shuffle)
        for name, value in {"epochs": epochs, "initial_epoch": initial_epoch}.items():
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
                raise ValueError(f"fit: {name} must be an integer >= 0, got {value!r}")
        often = _how_often(validation_freq)
        data = (x, y, sample_weight)
        if validation_split:
            if validation_data is not None or not is_arrays(x):
                raise ValueError("fit: validation_split needs arrays, and goes without validation_data")
            data, validation_data = validate_data.split(data, validation_split)
        replicas = Replicas.of(self)
        together.same_start(replicas)
        feed = data_adapter.feed("fit", data, batch_size, steps_per_epoch, bool(shuffle))
        prepared(self, "train", "fit", feed, class_weight)
        held_out = None
        if validation_data is not None:
            given = validation_data if isinstance(validation_data, (tuple, list)) else (validation_data,)
            if not 1 <= len(given) <= 3:
                raise ValueError(
                    f"fit: validation_data must be (x, y) or (x, y, sample_weight), got {len(given)} parts"
                )
            size = batch_size if validation_batch_size is None else validation_batch_size
            held_out = data_adapter.feed("validation_data", (*given, None, None)[:3], size, validation_steps)
            prepared(self, "test", "validation_data", held_out)
        if Defaults.max_epochs is not None:
            epochs = min(epochs, Defaults.max_epochs)
        params: dict[str, Any] = {"epochs": epochs, "steps": feed.steps, "verbose": verbose}
        params["validation"] = held_out is not None
        self._history = history = History()
        hooks = Hooks([*as_list(callbacks), history], self, params, progress.make(verbose))
        inner = Hooks(hooks.callbacks, self, params)
        compiled.warned = False
        self._found_metrics = (None, [])  # a list among the attributes may have grown
        if self.stop_training:
            self.stop_training = False
        found: dict[str, Any] = {}
        with WholeSteps() as whole:
            try:
                hooks("on_train_begin", {})
                together.same_model(replicas, "fit", params)
                epoch = params.get("initial_epoch", initial_epoch)
                while epoch < epochs:
                    hooks("on_epoch_begin", epoch, {})
                    logs = fit_loops.train_epoch(self, feed, hooks, whole, epoch)
                    if logs is None:
                        _ran_out(history, epoch)
                        break
                    due = (epoch + 1) % often == 0 if isinstance(often, int) else epoch + 1 in often
                    if held_out is not None and due:
                        held_out.restart()  # as in Keras: the same samples each time
                        seen = fit_loops.evaluate("validation_data", self, held_out, inner)
                        logs.update({f"val_{name}": value for name, value in seen.items()})
                    found = dict(sorted(logs.items()))  # the order in Keras's history
                    hooks("on_epoch_end", epoch, found)
                    if together.any_of(replicas, self.stop_training):
                        break
                    epoch += 1
                    if held_out is None:
                        ahead = fit_loops.train_ahead(self, feed, hooks, whole, range(epoch, epochs))
                        epoch, found = epoch + len(ahead), ahead[-1] if ahead else found
                compiled.optimizer.finalize_variable_values(self.trainable_weights)
                hooks("on_train_end", found)
            except BaseException:
                hooks("on_train_interrupted", {})
                raise
            finally:
                for each in (feed, held_out):
                    if each is not None:
                        each.close()
        return history

    @overload
    def evaluate(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: bool | int | str = "auto",
        sample_weight: Any = None, steps: int | None = None, callbacks: Any = None, return_dict: Literal[False] = False,
    ) -> Results: ...  # fmt: skip
    @overload
    def evaluate(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: bool | int | str = "auto",
        sample_weight: Any = None, steps: int | None = None, callbacks: Any = None, *, return_dict: Literal[True],
    ) -> dict[str, float]: ...  # fmt: skip
    @shortened
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: bool | int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics over the data; nothing is trained.

        Args:
            y: targets, in the structure of the outputs; None with an iterable.

        Returns: the loss, or [loss, metrics ...] with their names in ``metrics_names``, or a dict.

        Raises:
            RuntimeError: ``compile`` was not called.
            ValueError: arrays differ in their number of samples, or do not fit the model or the loss; there are no
                batches.
        """
        self._require("evaluate")
        require("evaluate", Trainer.evaluate, verbose=verbose, return_dict=return_dict)
        self._found_metrics = (None, [])
        feed = data_adapter.feed("evaluate", (x, y, sample_weight), batch_size, steps)
        prepared(self, "test", "evaluate", feed)
        hooks = Hooks(as_list(callbacks), self, {"steps": feed.steps, "verbose": verbose}, progress.make(verbose))
        try:
            logs = fit_loops.evaluate("evaluate", self, feed, hooks)
        finally:
            feed.close()
        return self._returned(logs, return_dict)

    @shortened
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: bool | int | str = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Array:
        """The model's outputs for all samples, in inference mode; ``compile`` is not needed.

        Args:
            x: inputs: an array, a list or dict of arrays for several; or an iterable of batches.

        Returns: arrays in the structure of the outputs; type checkers see one array.

        Raises:
            ValueError: the inputs do not fit the model, or there are none.
        """
        if verbose == 0 and steps is None and callbacks is None and (batch_size is None or type(batch_size) is int):
            found = self._predicted_again(x, 32 if batch_size is None else batch_size)
            if found is not NotImplemented and len(found) == len(x):
                return found
        version = configuration.version
        require("predict", Trainer.predict, verbose=verbose)
        feed = prepared(self, "predict", "predict", data_adapter.feed("predict", (x, None, None), batch_size, steps))
        hooks = Hooks(as_list(callbacks), self, {"steps": feed.steps, "verbose": verbose}, progress.make(verbose))
        rows = feed.source.samples if isinstance(feed.source, ArrayFeed) and steps is None else None
        repeated.remember(self, "predict", version, x)
        try:
            return fit_loops.predict(self, feed, hooks, rows)
        finally:
            feed.close()

    # ---- one batch ----

    @overload
    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: dict[int, float] | None = None,
        return_dict: Literal[False] = False,
    ) -> Results: ...  # fmt: skip
    @overload
    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: dict[int, float] | None = None,
        *, return_dict: Literal[True],
    ) -> dict[str, float]: ...  # fmt: skip
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One training step.

        Args:
            x: inputs of one batch: an array, or a list or dict of arrays.
            y: targets, in the structure of the outputs.

        Returns: the loss, or [loss, metrics ...], or a dict, of this batch alone.

        Raises:
            RuntimeError: ``compile`` was not called.
            ValueError: the arrays do not fit each other, the model or the loss.
        """
        return self._on_batch("train", (x, y, sample_weight), class_weight, return_dict)

    @overload
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: Literal[False] = False
    ) -> Results: ...
    @overload
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, *, return_dict: Literal[True]
    ) -> dict[str, float]: ...
    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of one batch; nothing is trained.

        Args:
            x: inputs of one batch: an array, or a list or dict of arrays.
            y: targets, in the structure of the outputs.

        Returns: the loss, or [loss, metrics ...], or a dict, of this batch alone.

        Raises:
            RuntimeError: ``compile`` was not called.
            ValueError: the arrays do not fit each other, the model or the loss.
        """
        with no_grad():
            return self._on_batch("test", (x, y, sample_weight), None, return_dict)

    def predict_on_batch(self, x: Any) -> Array:
        """The model's outputs for one batch.

        Args:
            x: inputs of one batch: an array, or a list or dict of arrays.

        Returns: arrays in the structure of the outputs.

        Raises:
            ValueError: the inputs do not fit the model.
        """
        found = self._predicted_again(x)
        if found is not NotImplemented:
            return found
        version = configuration.version
        batch = prepared_batch(self, "predict", "predict_on_batch", (x, None, None))
        repeated.remember(self, "predict", version, x)
        with no_grad():
            return fit_loops.arrays(fit_loops.predicted(self, batch))

    def _predicted_again(self, x: Any, most: int | None = None) -> Any:
        """Fresh outputs by the plan of the last call; NotImplemented where this one differs, or has more samples."""
        known = self._repeated and self._repeated.get("predict") if distribution() is None else None
        if not known or not known.is_plain or type(self).predict_step is not Steps.predict_step:
            return NotImplemented
        batch, step = known.batch(self, x, None), self._steps and self._steps.get("predict")
        if batch is None or type(step) is not CapturedStep or (most is not None and batch.size > most):
            return NotImplemented
        with no_grad():
            return step._replayed((batch.x,), True)

    def _on_batch(self, kind: str, data: tuple[Any, Any, Any], class_weight: Any, return_dict: bool) -> Any:
        what = f"{kind}_on_batch"
        known = self._repeated and self._repeated.get(kind) if distribution() is None else None
        if known and data[2] is None and class_weight is None and (return_dict is False or return_dict is True):
            batch = known.batch(self, data[0], data[1])
            if batch is not None:
                if known.is_plain and repeated.still_plain(self):
                    loss = self._loss_of(kind, batch)
                    return {"loss": loss} if return_dict else loss
                if kind == "train" and known.optimizer is None:
                    self._build_optimizer(what)
                return self._returned(fit_loops.on_batch(self, kind, batch), return_dict)
        require(what, Trainer.train_on_batch, return_dict=return_dict)
        self._require(what)
        version = configuration.version
        batch = prepared_batch(self, kind, what, data, class_weight)
        if kind == "train":
            self._build_optimizer(what)
        if data[2] is None and class_weight is None:
            repeated.remember(self, kind, version, data[0], data[1], batch.y)
        return self._returned(fit_loops.on_batch(self, kind, batch), return_dict)


def _how_often(validation_freq: Any) -> int | Collection[int]:
    """validation_freq as it was given; ValueError unless it is a number of epochs, or which epochs, counted from 1."""
    if isinstance(validation_freq, (int, np.integer)) and not isinstance(validation_freq, bool) and validation_freq > 0:
        return int(validation_freq)
    if isinstance(validation_freq, Collection) and not isinstance(validation_freq, str):
        return validation_freq
    raise ValueError(f"fit: validation_freq must be an integer > 0, or a list of epochs, got {validation_freq!r}")


def _ran_out(history: History, epoch: int) -> None:
    if not history.epoch:
        raise ValueError("fit: x gave no batches")
    warn(
        f"fit: x gave no batches for epoch {epoch + 1}, so training ends; pass an iterable that can be read again, "
        "or steps_per_epoch",
    )
