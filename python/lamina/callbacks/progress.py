"""The progress bar of fit, evaluate and predict."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.defaults import Defaults
from ..core.output import say
from .base import Callback, Logs


def _format(logs: dict[str, Any]) -> str:
    """Names and numbers; of a result with several numbers their mean, as in Keras."""
    parts = []
    for name, value in logs.items():
        number = float(np.mean(value))
        parts.append(f"{name}: {number:.4f}" if abs(number) >= 1e-3 or number == 0 else f"{name}: {number:.4e}")
    return " - ".join(parts)


class ProgbarLogger(Callback):
    """A tqdm bar an epoch with loss, metrics, time and samples per second.

    Args:
        verbose: 1 shows the bar on a terminal and one line an epoch elsewhere (a file, a pipe); 2 always one line an
            epoch.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> bar = callbacks.ProgbarLogger(verbose=2)
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), callbacks=[bar], verbose=0)
        Epoch 1/1 ... loss: ...
    """

    refresh_seconds = 0.1

    def __init__(self, verbose: int = 1) -> None:
        super().__init__()
        self.verbose = verbose
        self._bar: Any = None
        self._samples = 0
        self._start = 0.0
        self._next_refresh = 0.0

    def _open(self, title: str, steps: int | None) -> None:
        self._samples = 0
        self._start = time.perf_counter()
        self._next_refresh = self._start + self.refresh_seconds
        self._title = title
        if self.verbose == 1 and Defaults.interactive_logging and sys.stdout.isatty():
            from tqdm import tqdm  # type: ignore[import-untyped]  # only here: import lamina stays quick

            bar_format = "{desc}{bar:20} {n_fmt}/{total_fmt} {postfix}" if steps else "{desc}{n_fmt} {postfix}"
            self._bar = tqdm(desc=title, total=steps, bar_format=bar_format, file=sys.stdout, mininterval=0.0)

    def advance(self, size: int, logs: Callable[[], dict[str, Any]]) -> None:
        """One batch is done; the bar is redrawn at most every tenth of a second.

        Args:
            size: samples of the batch.
            logs: gives the logs when it is called.
        """
        self._samples += size
        if self._bar is None:
            return
        self._bar.n += 1
        now = time.perf_counter()
        if now >= self._next_refresh:
            self._next_refresh = now + self.refresh_seconds
            self._bar.set_postfix_str(self._status(logs()))

    def _status(self, logs: dict[str, Any]) -> str:
        seconds = time.perf_counter() - self._start
        rate = self._samples / seconds if seconds > 0 else 0.0
        return " - ".join(part for part in (f"{seconds:.1f}s", f"{rate:,.0f} samples/s", _format(logs)) if part)

    def _close(self, logs: dict[str, Any]) -> None:
        status = self._status(logs)
        if self._bar is not None:
            self._bar.set_postfix_str(status)
            self._bar.close()
            self._bar = None
        else:
            say(f"{self._title}{status}")

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        epochs = self.params["epochs"]
        self._open(f"Epoch {epoch + 1:>{len(str(epochs))}}/{epochs} ", self.params["steps"])

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._close(logs or {})

    def on_test_begin(self, logs: Logs = None) -> None:
        self._open("Evaluate ", self.params["steps"])

    def on_test_end(self, logs: Logs = None) -> None:
        self._close(logs or {})

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._open("Predict ", self.params["steps"])

    def on_predict_end(self, logs: Logs = None) -> None:
        self._close({})

    def on_train_interrupted(self, logs: Logs = None) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def make(verbose: Any) -> ProgbarLogger | None:
    """The bar for fit's verbose: "auto" or 1 a bar, 2 lines, 0 none."""
    if verbose == "auto":
        verbose = 1 if Defaults.interactive_logging else 2
    if verbose not in (0, 1, 2):
        raise ValueError(f"verbose must be 'auto', 0, 1 or 2, got {verbose!r}")
    return ProgbarLogger(int(verbose)) if verbose else None


__all__ = ["ProgbarLogger"]
