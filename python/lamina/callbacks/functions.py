"""Callbacks made of functions."""

from __future__ import annotations

from collections.abc import Callable

from ..core.suggest import unknown
from .base import Callback


class LambdaCallback(Callback):
    """A callback made of functions: ``LambdaCallback(on_epoch_end=lambda epoch, logs: ...)``.

    Args:
        **hooks: functions by the name of their hook.

    Raises:
        ValueError: there is no hook of this name.
    """

    def __init__(self, **hooks: Callable[..., None] | None) -> None:
        super().__init__()
        valid = [name for name in vars(Callback) if name.startswith("on_")]
        for name, fn in hooks.items():
            if name not in valid:
                raise unknown("hook of LambdaCallback", name, valid)
            if fn is not None:
                setattr(self, name, fn)


__all__ = ["LambdaCallback"]
