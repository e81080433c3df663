"""The base of the callbacks, and what calls their hooks in fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..core.explain import Explained
from ..core.processes import writes_files

if TYPE_CHECKING:
    from .progress import ProgbarLogger

Logs = dict[str, Any] | None


class Callback(Explained, strict=True):
    """Base of callbacks: override the hooks you need.

    ``self.model`` is the model; ``self.params`` has epochs, steps and verbose.  ``logs`` holds loss and metrics so far.
    ``self.model.stop_training = True`` ends training after this step.  Batch hooks cost nothing unless a callback
    overrides them.

    Source: Keras 3, Callback.

    Example:
        >>> class Shout(callbacks.Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print("epoch", epoch, [*logs])
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2, callbacks=[Shout()], verbose=0)
        epoch 0 ['loss']
        epoch 1 ['loss']
    """

    _first_rank_alone = False  # whether it writes what all ranks of lamina.distribution would write alike

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The model that is trained."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before training.

        Args:
            params: a dict with epochs, steps and verbose.
        """
        self.params = params

    def set_model(self, model: Any) -> None:
        """Called before training.

        Args:
            model: the model that is trained.
        """
        self._model = model

    def on_train_begin(self, logs: Logs = None) -> None:
        """Called before training."""

    def on_train_end(self, logs: Logs = None) -> None:
        """Called after training."""

    def on_train_interrupted(self, logs: Logs = None) -> None:
        """Called instead of ``on_train_end`` where fit ends with an exception or Ctrl-C."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Called before each epoch."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Called after each epoch."""

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before each batch of training."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after each batch of training."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Keras's older name of ``on_train_batch_begin``."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Keras's older name of ``on_train_batch_end``."""

    def on_test_begin(self, logs: Logs = None) -> None:
        """Called before evaluation."""

    def on_test_end(self, logs: Logs = None) -> None:
        """Called after evaluation."""

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before each batch of evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after each batch of evaluation."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Called before prediction."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """Called after prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before each batch of prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after each batch of prediction."""


def _overrides(callback: Callback, *hooks: str) -> bool:
    """Whether the callback's class, or an assignment to the object, replaces one of these hooks."""
    cls = type(callback)
    return any(h in vars(callback) or getattr(cls, h) is not getattr(Callback, h) for h in hooks)


class Hooks:
    """Calls every callback's hook in order; batch hooks only where a callback overrides them.

    Logs of a batch are given as a function, so that they are computed only if somebody looks.  With
    ``steps_per_execution=n`` of ``compile`` batch hooks are called before and after n batches.
    """

    def __init__(
        self, callbacks: Iterable[Callback], model: Any, params: dict[str, Any], progress: ProgbarLogger | None = None
    ) -> None:
        self.callbacks = [c for c in callbacks if writes_files() or not c._first_rank_alone]
        self.progress = progress
        for c in (*self.callbacks, *([progress] if progress else [])):
            c.set_model(model)
            c.set_params(params)
        self.params = params
        self._every: int = getattr(getattr(model, "_compiled", None), "steps_per_execution", 1)
        self._untold: tuple[str, int, Callable[[], dict[str, Any]]] | None = None  # the last batch of those begun
        self._batch: dict[str, list[Callback]] = {}
        for kind in ("train", "test", "predict"):
            for side in ("begin", "end"):
                aliases = (f"on_batch_{side}",) if kind == "train" else ()
                hook = f"on_{kind}_batch_{side}"
                self._batch[hook] = [c for c in self.callbacks if _overrides(c, hook, *aliases)]

    def __call__(self, hook: str, *args: Any) -> None:
        """Call a hook that isn't a batch's: ``callbacks("on_epoch_end", epoch, logs)``."""
        for c in self.callbacks:
            getattr(c, hook)(*args)
        if self.progress is not None:  # last, so that it shows what the others logged
            getattr(self.progress, hook)(*args)

    @property
    def look_at_epochs(self) -> bool:
        """Whether anything but the history is told of epochs, and may look at the model then."""
        return self.progress is not None or not all(vars(type(c)).get("_only_notes") for c in self.callbacks)

    def watches_batches(self, kind: str) -> bool:
        """Whether a callback has a hook before or after each batch."""
        return bool(self._batch[f"on_{kind}_batch_begin"] or self._batch[f"on_{kind}_batch_end"])

    def batch_begin(self, kind: str, batch: int) -> None:
        for c in self._batch[f"on_{kind}_batch_begin"]:
            if batch % self._every == 0:
                getattr(c, f"on_{kind}_batch_begin")(batch, {})

    def batch_end(self, kind: str, batch: int, size: int, logs: Callable[[], dict[str, Any]]) -> None:
        if self._batch[f"on_{kind}_batch_end"]:
            self._untold = kind, batch, logs
            if (batch + 1) % self._every == 0:
                self.tell()
        if self.progress is not None:
            self.progress.advance(size, logs)

    def tell(self) -> None:
        """Call the hooks after a batch, if they still wait; behind the last batch of a pass, too."""
        if self._untold is not None:
            (kind, batch, logs), self._untold = self._untold, None
            hook, values = f"on_{kind}_batch_end", logs()
            for c in self._batch[hook]:
                getattr(c, hook)(batch, values)

    def batches_end(self, batches: int, size: int, logs: Callable[[], dict[str, Any]]) -> None:
        """After several batches that nobody watches; size: samples of all."""
        if self.progress is not None:
            self.progress.advance(size, logs, batches)


def as_list(callbacks: Callback | Iterable[Callback] | None) -> list[Callback]:
    """One callback, several or none, as a list; TypeError names what isn't a callback."""
    if not isinstance(callbacks, (Callback, Iterable, type(None))) or hasattr(callbacks, "__array__"):
        raise TypeError(f"callbacks: expected Callback objects, got {callbacks!r}")
    given = [] if callbacks is None else [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
    for c in given:
        if not isinstance(c, Callback):
            hint = f"; did you mean {c.__name__}(...)?" if isinstance(c, type) else ""
            raise TypeError(f"callbacks: expected Callback objects, got {c!r}{hint}")
    return given


__all__ = ["Callback"]
