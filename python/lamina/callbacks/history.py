"""What fit logged."""

from __future__ import annotations

from typing import Any

from .base import Callback, Logs


class History(Callback):
    """What every epoch logged: ``history["loss"]`` is a list of one number an epoch, ``epoch`` the epochs' indices."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


__all__ = ["History"]
