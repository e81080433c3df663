"""Callbacks as one, for training loops of one's own."""

from __future__ import annotations

from typing import Any

from .base import Callback, Logs, as_list
from .history import History
from .progress import ProgbarLogger


class CallbackList(Callback):
    """Several callbacks as one: each hook calls that of all, in order.

    Training loops of one's own call its hooks where fit would.

    Args:
        callbacks: the callbacks; one, several or None.  Default: None.
        add_history: whether a History is added, unless one is there; it becomes ``model.history``.  Default: False.
        add_progbar: whether a ProgbarLogger is added, unless one is there.  Default: False.
        model: the model that is trained.  Default: None.
        **params: what the callbacks find in ``params``: epochs, steps, verbose.

    Raises:
        TypeError: one of ``callbacks`` is no Callback.

    Source: Keras 3, CallbackList.

    Example:
        >>> hooks = callbacks.CallbackList(add_history=True, epochs=2, steps=1)
        >>> hooks.on_train_begin()
        >>> for epoch in range(2):
        ...     hooks.on_epoch_begin(epoch)
        ...     hooks.on_epoch_end(epoch, {"loss": 1.0 - epoch})
        >>> hooks.callbacks[0].history
        {'loss': [1.0, 0.0]}
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        self.callbacks = as_list(callbacks)
        for wanted, kind in ((add_history, History), (add_progbar, ProgbarLogger)):
            if wanted and not any(isinstance(c, kind) for c in self.callbacks):
                self.callbacks.append(kind())
        self.set_model(model)
        self.set_params({"epochs": None, "steps": None, "verbose": 1, **params})

    def append(self, callback: Callback) -> None:
        """Add a callback.

        Args:
            callback: the callback; it gets the model and the params.

        Raises:
            TypeError: it is no Callback.
        """
        (one,) = as_list([callback])
        one.set_model(self.model)
        one.set_params(self.params)
        self.callbacks.append(one)

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        for c in self.callbacks:
            c.set_model(model)
            if isinstance(c, History) and model is not None:
                model._history = c

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        for c in self.callbacks:
            c.set_params(params)

    def _call(self, hook: str, *args: Any) -> None:
        *place, logs = args
        for c in self.callbacks:
            getattr(c, hook)(*place, {} if logs is None else logs)

    def on_train_begin(self, logs: Logs = None) -> None:
        self._call("on_train_begin", logs)

    def on_train_end(self, logs: Logs = None) -> None:
        self._call("on_train_end", logs)

    def on_train_interrupted(self, logs: Logs = None) -> None:
        self._call("on_train_interrupted", logs)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._call("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._call("on_epoch_end", epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._call("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._call("on_train_batch_end", batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._call("on_train_batch_begin", batch, logs)

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._call("on_train_batch_end", batch, logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        self._call("on_test_begin", logs)

    def on_test_end(self, logs: Logs = None) -> None:
        self._call("on_test_end", logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._call("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._call("on_test_batch_end", batch, logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._call("on_predict_begin", logs)

    def on_predict_end(self, logs: Logs = None) -> None:
        self._call("on_predict_end", logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._call("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._call("on_predict_batch_end", batch, logs)


__all__ = ["CallbackList"]
