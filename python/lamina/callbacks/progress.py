"""The progress bar of fit, evaluate and predict."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.defaults import Defaults
from ..core.output import columns, lives_in, opened, say
from ..core.processes import writes_files
from .base import Callback, Logs


def _format(logs: dict[str, Any]) -> str:
    """Names and numbers; of a result with several numbers their mean, as in Keras."""
    parts = []
    for name, value in logs.items():
        number = float(np.mean(value))
        parts.append(f"{name}: {number:.4f}" if abs(number) >= 1e-3 or number == 0 else f"{name}: {number:.4e}")
    return " - ".join(parts)


class ProgbarLogger(Callback):
    """A line an epoch with loss, metrics, time and samples per second, before its end a tqdm bar.

    The bar stands on terminals, where narrow ones get fewer things, and in notebooks, which keep about twenty lines of
    many epochs.  In a file, a pipe or a log there are whole lines alone.

    Args:
        verbose: 1 shows the bar and the lines; 2 the lines alone.

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
        self._columns: int | None = None  # of the terminal, while a bar is shown there
        self._shown = True  # whether the line stays
        self._left_out = ""  # the last line that did not stay
        self._samples = 0
        self._start = 0.0
        self._next_refresh = 0.0

    def _open(self, title: str, steps: int | None) -> None:
        self._samples = 0
        self._start = time.perf_counter()
        self._title = title
        where = lives_in() if self.verbose == 1 else ""
        self._pause = self.refresh_seconds if where == "terminal" else 5 * self.refresh_seconds
        self._next_refresh = self._start + self._pause
        if where:
            from tqdm import tqdm  # type: ignore[import-untyped]  # only here: import lamina stays quick

            self._columns = columns()
            bar = "{bar:20} " if self._columns >= 80 else "{bar:8} " if self._columns >= 50 else ""
            shown = f"{{desc}}{bar}{{n_fmt}}/{{total_fmt}} {{postfix}}" if steps else "{desc}{n_fmt} {postfix}"
            look: dict[str, Any] = {"bar_format": shown, "ncols": self._columns - 1, "leave": False, "mininterval": 0.0}
            self._bar = tqdm(desc=title, total=steps, file=sys.stdout, **look)
            opened(self._bar.clear)

    def advance(self, size: int, logs: Callable[[], dict[str, Any]], batches: int = 1) -> None:
        """A batch is done, or some are; the bar is redrawn at most every tenth of a second.

        Args:
            size: samples of them.
            logs: gives the logs when it is called.
            batches: how many.
        """
        self._samples += size
        if self._bar is None:
            return
        self._bar.n += batches
        now = time.perf_counter()
        if now >= self._next_refresh:
            self._next_refresh = now + self._pause
            self._bar.set_postfix_str(self._status(logs(), self._columns))

    def _status(self, logs: dict[str, Any], columns: int | None = None) -> str:
        """Time, rate and numbers; on narrow terminals the numbers alone."""
        seconds = time.perf_counter() - self._start
        rate = self._samples / seconds if seconds > 0 else 0.0
        facts = [f"{seconds:.1f}s", f"{rate:,.0f} samples/s"] if columns is None or columns >= 80 else []
        return " - ".join(part for part in (*facts, _format(logs)) if part)

    def _close(self, logs: dict[str, Any]) -> None:
        count = ""
        if self._bar is not None:
            count = f"{self._bar.n}/{self._bar.total or self._bar.n} "
            self._end_bar()
        line = f"{self._title}{count}{self._status(logs)}"
        self._left_out = "" if self._shown else line
        if self._shown:
            say(line)

    def _end_bar(self) -> None:
        if self._bar is not None:
            opened(None)
            self._bar.close()
            self._bar = None

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        epochs = self.params["epochs"] or epoch + 1
        nth = -(-epochs // 20)
        self._shown = self.verbose == 2 or lives_in() != "notebook" or (epoch + 1) % nth == 0 or epoch + 1 == epochs
        self._open(f"Epoch {epoch + 1:>{len(str(epochs))}}/{epochs} ", self.params["steps"])

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._close(logs or {})

    def on_train_end(self, logs: Logs = None) -> None:
        if self._left_out:  # it stopped early
            say(self._left_out)
            self._left_out = ""

    def on_test_begin(self, logs: Logs = None) -> None:
        self._shown = True
        self._open("Evaluate ", self.params["steps"])

    def on_test_end(self, logs: Logs = None) -> None:
        self._close(logs or {})

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._open("Predict ", self.params["steps"])

    def on_predict_end(self, logs: Logs = None) -> None:
        self._close({})

    def on_train_interrupted(self, logs: Logs = None) -> None:
        self._end_bar()


def make(verbose: Any) -> ProgbarLogger | None:
    """The bar for fit's verbose: "auto" or 1 a bar, 2 lines, 0 none."""
    if verbose == "auto":
        verbose = 1 if Defaults.interactive_logging else 2
    if verbose not in (0, 1, 2):
        raise ValueError(f"verbose must be 'auto', 0, 1 or 2, got {verbose!r}")
    return ProgbarLogger(int(verbose)) if verbose and writes_files() else None


__all__ = ["ProgbarLogger"]
