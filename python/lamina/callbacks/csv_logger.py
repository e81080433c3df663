"""Logs in a file."""

from __future__ import annotations

import contextlib
import csv
import os
from typing import IO

from ..saving.atomic import as_path
from .base import Callback, Logs


class CSVLogger(Callback):
    """One line of logs an epoch into a CSV file.

    Args:
        filename: name of the file.
        separator: one character between the numbers.
        append: whether a file that exists is continued, else it is written anew.

    Raises:
        ValueError: ``separator`` is not one character; the file to append to is no CSV file.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> log = callbacks.CSVLogger("log.csv")
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2, callbacks=[log], verbose=0)
        >>> np.loadtxt("log.csv", delimiter=",", skiprows=1).shape  # epoch and loss
        (2, 2)
    """

    _first_rank_alone = True

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = str(as_path("CSVLogger: filename", filename))
        if not isinstance(separator, str) or len(separator) != 1:
            raise ValueError(f"CSVLogger: separator must be one character, got {separator!r}")
        self.separator = separator
        self.append = append
        self._file: IO[str] | None = None
        self._names: list[str] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        self._names = []
        cut = False  # in the middle of a line, by a crash
        if self.append and os.path.exists(self.filename):
            try:
                with open(self.filename, newline="", encoding="utf-8") as file:
                    self._names = next(csv.reader(file, delimiter=self.separator), [])
                    rest = file.read()
            except (UnicodeDecodeError, csv.Error) as error:
                raise ValueError(f"CSVLogger: {self.filename!r} is no CSV file to append to ({error})") from None
            cut = bool(rest) and not rest.endswith("\n")
        mode = "a" if self.append else "w"
        self._file = open(self.filename, mode, newline="", encoding="utf-8")  # noqa: SIM115 (closed at the end)
        if cut:
            self._file.write("\n")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        row = {"epoch": epoch, **(logs or {})}
        if self._file is None:
            return
        writer = csv.writer(self._file, delimiter=self.separator)
        if not self._names:
            self._names = ["epoch", *sorted(logs or {})]
            if "val_loss" not in row and self.params.get("validation"):
                self._names += [f"val_{n}" for n in sorted(logs or {})]
            writer.writerow(self._names)
        writer.writerow([row.get(name, "NA") for name in self._names])
        try:
            self._file.flush()  # an interrupted run keeps its lines
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.close()  # which tries to write once more
            self._file = None
            raise type(error)(error.errno, error.strerror, self.filename) from None

    def on_train_end(self, logs: Logs = None) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    on_train_interrupted = on_train_end


__all__ = ["CSVLogger"]
