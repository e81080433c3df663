"""Callbacks with Keras 3's names, arguments and behaviour: what happens between the steps of fit."""

from __future__ import annotations

import contextlib
import csv
import inspect
import math
import os
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..core.suggest import unknown
from ..saving import backup
from ..saving.atomic import as_path
from ..saving.model_file import check_name
from .base import Callback as Callback
from .base import CallbackList as CallbackList
from .base import Logs
from .progress import ProgbarLogger as ProgbarLogger


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


class _Monitor(Callback):
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
        return math.inf if self.sense == "min" else -math.inf

    def value(self, logs: Logs) -> float | None:
        """The monitored number, or None with a warning that names what there is."""
        current = (logs or {}).get(self.monitor)
        if current is None:
            warnings.warn(
                f"{type(self).__name__}: {self.monitor!r} is not among the logs {', '.join(logs or {}) or '(none)'}"
                + ("; fit needs validation data for it" if self.monitor.startswith("val_") else ""),
                stacklevel=2,
            )
        return current

    def improves(self, current: float, best: float | None) -> bool:
        best = self.worst if best is None else best
        if self.sense == "min":
            return current < best - self.min_delta
        return current > best + self.min_delta


class EarlyStopping(_Monitor):
    """Stop when ``monitor`` has not improved by ``min_delta`` for ``patience`` epochs.

    mode: "min", "max", or "auto": losses are to fall, metrics say by their ``_direction``.  baseline: improvement must
    also beat this value.
    restore_best_weights: at the end go back to the weights of the best epoch.
    start_from_epoch: epochs before this one don't count.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.on_train_begin()

    def on_train_begin(self, logs: Logs = None) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        current = self.value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self.improves(current, self.best):
            self.best = current
            self._keep(epoch)
            if self.baseline is None or self.improves(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Logs = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ModelCheckpoint(_Monitor):
    """Save the model after every epoch, or every ``save_freq`` steps, or only when ``monitor`` improves.

    ``filepath`` may hold ``{epoch:02d}`` (counted from 1) and ``{val_loss:.2f}`` or any other logged name.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
            raise ValueError(
                f"ModelCheckpoint: save_freq must be 'epoch' or a positive number of steps, got {save_freq!r}"
            )
        self.filepath = str(as_path("ModelCheckpoint: filepath", filepath))
        check_name(Path(self.filepath))  # now, not after an epoch
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.best = initial_value_threshold
        self._epoch = 0
        self._steps = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._steps += 1
        if isinstance(self.save_freq, int) and self._steps % self.save_freq == 0:
            self._save(self._epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs)

    def _save(self, epoch: int, logs: Logs) -> None:
        if self.save_best_only:
            current = self.value(logs)
            if current is None or not self.improves(current, self.best):
                return
            if self.verbose:
                before = self.worst if self.best is None else self.best
                print(f"Epoch {epoch + 1}: {self.monitor} improved from {before:.5f} to {current:.5f}")
            self.best = current
        try:
            path = self.filepath.format(epoch=epoch + 1, **(logs or {}))
        except KeyError as error:
            raise KeyError(
                f"ModelCheckpoint: filepath {self.filepath!r} names {error}, but the logs are {', '.join(logs or {})}"
            ) from None
        except (ValueError, IndexError, AttributeError, TypeError) as error:
            raise ValueError(
                f"ModelCheckpoint: filepath {self.filepath!r} cannot be filled in ({error}); write names as "
                "{epoch:02d} or {val_loss:.3f}, braces that are meant as such doubled"
            ) from None
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.verbose:
            print(f"Epoch {epoch + 1}: saving model to {path}")
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)


def _needs_a_number(callback: Callback) -> None:
    """TypeError where the optimizer has a schedule, before anything is trained."""
    schedule = callback.model.optimizer._schedule
    if schedule is not None:
        raise TypeError(
            f"{type(callback).__name__}: the optimizer's learning_rate is a schedule, {schedule!r}, which it cannot "
            "change; make the optimizer with a number, or leave the callback out"
        )


class LearningRateScheduler(Callback):
    """Before every epoch: learning rate = ``schedule(epoch, learning_rate)`` (or ``schedule(epoch)``)."""

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose
        try:
            inspect.signature(schedule).bind(0, 0.0)
            self._takes_rate = True
        except TypeError:
            self._takes_rate = False

    def on_train_begin(self, logs: Logs = None) -> None:
        _needs_a_number(self)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        rate = float(self.model.optimizer.learning_rate)
        rate = float(self.schedule(epoch, rate) if self._takes_rate else self.schedule(epoch))
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            print(f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class ReduceLROnPlateau(_Monitor):
    """Multiply the learning rate by ``factor`` when ``monitor`` has not improved for ``patience`` epochs.

    cooldown: epochs to wait after that before counting again;  min_lr: the rate never falls below it.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1, got {factor}")
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._begin()

    def on_train_begin(self, logs: Logs = None) -> None:
        _needs_a_number(self)
        self._begin()

    def _begin(self) -> None:
        self.best: float | None = None
        self.wait = 0
        self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        rate = float(self.model.optimizer.learning_rate)
        if logs is not None:
            logs["learning_rate"] = rate
        current = self.value(logs)
        if current is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(current, self.best):
            self.best = current
            self.wait = 0
            return
        if self.cooldown_counter > 0:
            return
        self.wait += 1
        if self.wait >= self.patience and rate > self.min_lr:
            reduced = max(rate * self.factor, self.min_lr)
            self.model.optimizer.learning_rate = reduced
            if self.verbose:
                print(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {reduced}.")
            self.cooldown_counter = self.cooldown
            self.wait = 0


class CSVLogger(Callback):
    """One line of logs an epoch into a CSV file; ``append`` continues a file, else it is written anew."""

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


class TerminateOnNaN(Callback):
    """Stop at the first step whose loss is NaN or infinite."""

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not np.isfinite(loss).all():
            print(f"Batch {batch}: invalid loss, terminating training")
            self.model.stop_training = True


class LambdaCallback(Callback):
    """A callback made of functions: ``LambdaCallback(on_epoch_end=lambda epoch, logs: ...)``, any hook."""

    def __init__(self, **hooks: Callable[..., None] | None) -> None:
        super().__init__()
        valid = [name for name in vars(Callback) if name.startswith("on_")]
        for name, fn in hooks.items():
            if name not in valid:
                raise unknown("hook of LambdaCallback", name, valid)
            if fn is not None:
                setattr(self, name, fn)


class BackupAndRestore(Callback):
    """Keep weights, states of optimizer and random generators, and the epoch in ``backup_dir``; a run that was killed
    goes on from there.

    The file, ``latest.npz``, is written aside and renamed, so that it is always whole; it is removed after a run that
    ended.  ValueError at the begin of fit if it is damaged or of another model.
    """

    def __init__(self, backup_dir: str | os.PathLike[str], delete_checkpoint: bool = True) -> None:
        super().__init__()
        self.path = as_path("BackupAndRestore: backup_dir", backup_dir) / "latest.npz"
        self.delete_checkpoint = delete_checkpoint
        self._waiting: backup.Backup | None = None  # what was read, until the model has its weights

    def on_train_begin(self, logs: Logs = None) -> None:
        self._waiting = None
        if not self.path.exists():
            return
        found = backup.Backup(self.path)
        self.params["initial_epoch"] = found.epoch + 1
        if len(self.model.weights) >= found.weights:  # all are there; if there are more, it says that they do not fit
            found.restore(self.model)
            return
        self._waiting = found
        if self.model.optimizer._schedule is None:  # now, since a LearningRateScheduler goes on from it
            self.model.optimizer.learning_rate = found.rate

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        if self._waiting is not None:
            self._restore(self._waiting)

    def _restore(self, found: backup.Backup) -> None:
        """Put what was read into the model, whose weights are there by now."""
        self._waiting = None
        if found.weights and not self.model.weights:
            raise RuntimeError(
                f"BackupAndRestore: {str(self.path)!r} cannot be restored, because the model makes its weights in its "
                "first step; call it on data, or build it, before fit"
            )
        found.restore(self.model, float(self.model.optimizer.learning_rate))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        backup.write(self.path, self.model, epoch)

    def on_train_end(self, logs: Logs = None) -> None:
        if self._waiting is not None:  # no epoch was left to train
            warnings.warn(
                f"BackupAndRestore: the model made no weights, so {str(self.path)!r} was neither restored nor removed",
                stacklevel=2,
            )
        elif self.delete_checkpoint:
            self.path.unlink(missing_ok=True)


def as_list(callbacks: Callback | Iterable[Callback] | None) -> list[Callback]:
    """One callback, several or none, as a list; TypeError names what isn't a callback."""
    if not isinstance(callbacks, (Callback, Iterable, type(None))):
        raise TypeError(f"callbacks: expected Callback objects, got {callbacks!r}")
    given = [] if callbacks is None else [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
    for c in given:
        if not isinstance(c, Callback):
            hint = f"; did you mean {c.__name__}(...)?" if isinstance(c, type) else ""
            raise TypeError(f"callbacks: expected Callback objects, got {c!r}{hint}")
    return given


__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "EarlyStopping", "History", "LambdaCallback",
    "LearningRateScheduler", "ModelCheckpoint", "ProgbarLogger", "ReduceLROnPlateau", "TerminateOnNaN",
]  # fmt: skip
