"""Callbacks made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from ..core.options import Unpack
from ..core.suggest import unknown
from .base import Callback

_Function = Callable[..., object]


class _OtherHooks(TypedDict, total=False):
    on_batch_begin: _Function | None
    on_batch_end: _Function | None
    on_train_interrupted: _Function | None
    on_test_begin: _Function | None
    on_test_end: _Function | None
    on_test_batch_begin: _Function | None
    on_test_batch_end: _Function | None
    on_predict_begin: _Function | None
    on_predict_end: _Function | None
    on_predict_batch_begin: _Function | None
    on_predict_batch_end: _Function | None


class LambdaCallback(Callback):
    """A callback made of functions: ``LambdaCallback(on_epoch_end=lambda epoch, logs: ...)``.

    Args:
        on_epoch_begin: called with (epoch, logs) before each epoch.
        on_epoch_end: called with (epoch, logs) after each epoch.
        on_train_begin: called with (logs) before the first epoch.
        on_train_end: called with (logs) after the last.
        on_train_batch_begin: called with (batch, logs) before each step.
        on_train_batch_end: called with (batch, logs) after each step.
        **kwargs: functions by the name of any other hook.

    Raises:
        ValueError: there is no hook of this name.
        TypeError: what is given is no function.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> tell = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: print("epoch", epoch))
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2, callbacks=[tell], verbose=0)
        epoch 0
        epoch 1
    """

    def __init__(
        self,
        on_epoch_begin: _Function | None = None,
        on_epoch_end: _Function | None = None,
        on_train_begin: _Function | None = None,
        on_train_end: _Function | None = None,
        on_train_batch_begin: _Function | None = None,
        on_train_batch_end: _Function | None = None,
        **kwargs: Unpack[_OtherHooks],
    ) -> None:
        given = {name: value for name, value in locals().items() if name.startswith("on_")} | {**kwargs}
        super().__init__()
        valid = [name for name in vars(Callback) if name.startswith("on_")]
        for name, fn in given.items():
            if name not in valid:
                raise unknown("hook of LambdaCallback", name, valid)
            if fn is not None and not callable(fn):
                raise TypeError(f"LambdaCallback: {name} must be a function, got {fn!r}")
            if fn is not None:
                setattr(self, name, fn)


__all__ = ["LambdaCallback"]
