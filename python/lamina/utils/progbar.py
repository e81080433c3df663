"""A progress bar for loops of one's own."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.explain import Explained, is_index
from ..core.output import block, columns, lives_in, opened, say


class Progbar(Explained, strict=True, also=("update", "add")):
    """A progress bar with averages of numbers, for loops of one's own; ``fit`` has a bar by itself.

    On a terminal and in a notebook the line is written anew, elsewhere (a file, a pipe) only the last one is.

    Args:
        target: the number of steps, None if it is not known.
        width: characters of the bar.
        verbose: 1 shows the bar, 2 one line at the end, 0 nothing.
        interval: least seconds between two lines.
        stateful_metrics: names whose last value is shown; all others are averaged over steps.
        stateless_metrics: names that are averaged; of all others the last value is shown.
        unit_name: what a step is called.

    Raises:
        ValueError: both lists of names are given; ``verbose`` is another number; ``target`` is negative.

    Example:
        >>> bar = utils.Progbar(2, verbose=2)
        >>> for i in range(2):
        ...     bar.update(i + 1, [("loss", 0.5)])
        2/2 ... - loss: 0.5000
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Progbar: give stateful_metrics or stateless_metrics, not both")
        if verbose not in (0, 1, 2):
            raise ValueError(f"Progbar: verbose must be 0, 1 or 2, got {verbose!r}")
        if target is not None and (not is_index(target) or target < 0):
            raise ValueError(f"Progbar: target must be a non-negative integer or None, got {target!r}")
        self.target, self.width, self.verbose = target, width, verbose
        self.interval, self.unit_name = interval, unit_name
        self.stateful_metrics = None if stateful_metrics is None else set(stateful_metrics)
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._sums: dict[str, tuple[float, int]] = {}
        self._seen = 0
        self._start = time.perf_counter()
        self._shown, self._longest = 0.0, 0

    def update(
        self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Show that ``current`` steps are done.

        Args:
            current: how many steps are done.
            values: (name, value of the last step) pairs.
            finalize: whether it is the last call; None: if ``target`` is reached.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            number = float(np.mean(value))
            total, n = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + number * steps, n + steps) if self._averaged(name) else (number, 1)
        self._seen = current
        self._show(current, finalize)

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Show that n more steps are done.

        Args:
            n: how many.
            values: (name, value of the last step) pairs.
        """
        self.update(self._seen + n, values)

    def _averaged(self, name: str) -> bool:
        if self.stateless_metrics is not None:
            return name in self.stateless_metrics
        return self.stateful_metrics is None or name not in self.stateful_metrics

    def _show(self, current: int, finalize: bool) -> None:
        now = time.perf_counter()
        where = lives_in() if self.verbose == 1 else ""
        pause = max(self.interval, 0.5) if where == "notebook" else self.interval
        if self.verbose == 0 or not (finalize or (where and now - self._shown >= pause)):
            return
        self._shown = now
        line = self._line(current, now - self._start, finalize)
        if self._longest:
            self._clear()
        if finalize:
            opened(None)
            say(line)
        elif where:
            line = line[: columns() - 1]  # a longer one would come anew on the next line
            self._longest = len(line)
            opened(self._clear)
            print(line, end="", flush=True)

    def _clear(self) -> None:
        print("\r" + " " * self._longest, end="\r", flush=True)
        self._longest = 0

    def _line(self, current: int, seconds: float, finalize: bool) -> str:
        each = seconds / current if current else 0.0
        parts = [f"{current}/Unknown" if self.target is None else f"{current:>{len(str(self.target))}}/{self.target}"]
        if self.verbose == 1 and self.target:
            done = min(self.width, self.width * current // self.target)
            parts[0] += f" {block() * done}{' ' * (self.width - done)}"
        left = seconds if finalize or self.target is None else each * (self.target - current)
        unit = f"{each:.0f}s" if each >= 1 else f"{each * 1e3:.0f}ms" if each >= 1e-3 else f"{each * 1e6:.0f}us"
        parts[0] += f" {left:.0f}s {unit}/{self.unit_name}"
        for name, (total, n) in self._sums.items():
            mean = total / n
            parts.append(f"{name}: {mean:.4f}" if abs(mean) > 1e-3 or mean == 0 else f"{name}: {mean:.4e}")
        return " - ".join(parts)


__all__ = ["Progbar"]
