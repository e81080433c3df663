"""The base of the callbacks that watch one logged number."""

from __future__ import annotations

import math
from typing import Any

from ..core.suggest import unknown
from ..core.warn import warn
from .base import Callback, Logs


class Monitor(Callback):
    """What the callbacks that watch one logged number share."""

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise unknown("mode", mode, ("auto", "min", "max"))
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self._sense: str | None = None if mode == "auto" else mode  # "min" or "max" once it is known

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._sense = None if self.mode == "auto" else self.mode
        if self._sense is None and self._known(model)[0]:
            _ = self.sense  # said before anything is trained

    def _known(self, model: Any) -> tuple[bool, str | None]:
        return model._direction(self.monitor) if hasattr(model, "_direction") else (False, None)

    @property
    def sense(self) -> str:
        """ "min" or "max": the mode, or with "auto" what the model's metric says; ValueError if it doesn't."""
        if self._sense is None:
            direction = self._known(self.model)[1]
            if direction not in ("up", "down"):
                raise ValueError(
                    f"{type(self).__name__}: it is not known whether more or less of {self.monitor!r} is better; pass "
                    'mode="max" or mode="min", or give the metric\'s class _direction = "up" or "down"'
                )
            self._sense = "max" if direction == "up" else "min"
        return self._sense

    @property
    def worst(self) -> float:
        """The value that all others improve on."""
        return math.inf if self.sense == "min" else -math.inf

    def value(self, logs: Logs) -> float | None:
        """The monitored number, or None with a warning that names what there is."""
        current = (logs or {}).get(self.monitor)
        if current is None:
            warn(
                f"{type(self).__name__}: {self.monitor!r} is not among the logs {', '.join(logs or {}) or '(none)'}"
                + ("; fit needs validation data for it" if self.monitor.startswith("val_") else ""),
            )
        return current

    def improves(self, current: float, best: float | None) -> bool:
        """Whether a value is better than the best by ``min_delta``.

        Args:
            current: the value.
            best: the best so far; None before the first.
        """
        best = self.worst if best is None else best
        if self.sense == "min":
            return current < best - self.min_delta
        return current > best + self.min_delta
