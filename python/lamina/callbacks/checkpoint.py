"""Models and states of training kept in files."""

from __future__ import annotations

import os
from pathlib import Path

from ..core.output import say
from ..core.processes import writes_files
from ..core.warn import warn
from ..saving import backup
from ..saving.atomic import as_path
from ..saving.formats import check_name
from .base import Callback, Logs
from .monitor import Monitor


def _check_frequency(label: str, save_freq: str | int) -> None:
    if save_freq != "epoch" and not (type(save_freq) is int and save_freq > 0):
        raise ValueError(f"{label}: save_freq must be 'epoch' or a positive number of steps, got {save_freq!r}")


class ModelCheckpoint(Monitor):
    """Save the model after every epoch, after some steps, or only when a logged number improves.

    Args:
        filepath: name of the file; it may hold ``{epoch:02d}`` (counted from 1) and ``{val_loss:.2f}`` or any other
            logged name.
        save_best_only: whether it is saved only when ``monitor`` improves.
        save_weights_only: whether the weights alone are saved.
        save_freq: "epoch", or a number of steps.
        initial_value_threshold: value that the first improvement must beat; None sets none.

    Raises:
        ValueError: ``save_freq`` is no "epoch" or positive integer; ``mode`` is unknown; the file's name is of another
            format.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> keep = callbacks.ModelCheckpoint("best.lamina", monitor="loss", save_best_only=True)
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2, callbacks=[keep], verbose=0)
        >>> lamina.load_model("best.lamina").count_params()
        3
    """

    _epoch: int  # which is trained

    _first_rank_alone = True

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: bool | int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        _check_frequency("ModelCheckpoint", save_freq)
        self.filepath = str(as_path("ModelCheckpoint: filepath", filepath))
        check_name(Path(self.filepath), save_weights_only)  # now, not after an epoch
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.best = initial_value_threshold
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
                say(f"Epoch {epoch + 1}: {self.monitor} improved from {before:.5f} to {current:.5f}")
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
            say(f"Epoch {epoch + 1}: saving model to {path}")
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)


class BackupAndRestore(Callback):
    """Keep weights, states of optimizer and random generators, and the epoch; a run that was killed goes on from there.

    The file, ``latest.npz``, is written aside and renamed, so that it is always whole.  A run that goes on has the bits
    of one that was not killed, whatever the number of processes with ``lamina.distribution``'s ``shards``.

    Args:
        backup_dir: folder of the file.
        save_freq: "epoch", or a number of steps: a run that was killed begins its epoch anew, with the weights of then.
        double_checkpoint: whether the backup before is kept, too, as ``previous.npz``, and read if the last is damaged.
        delete_checkpoint: whether the files are removed after a run that ended.

    Raises:
        ValueError: ``save_freq`` is no "epoch" or positive integer; at the begin of fit: the file is damaged or of
            another model.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> backup = callbacks.BackupAndRestore("backup")  # a run that was killed goes on from there
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2, callbacks=[backup], verbose=0)
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        folder = as_path("BackupAndRestore: backup_dir", backup_dir)
        self.path, self._previous = folder / "latest.npz", folder / "previous.npz"
        _check_frequency("BackupAndRestore", save_freq)
        self.save_freq, self.double_checkpoint, self.delete_checkpoint = save_freq, double_checkpoint, delete_checkpoint
        self._epoch = self._steps = 0
        if save_freq != "epoch":
            self.on_train_batch_end = self._count_step  # type: ignore[method-assign]  # else steps cost nothing
        self._waiting: backup.Backup | None = None  # what was read, until the model has its weights

    def _found(self) -> backup.Backup | None:
        """The last backup that is whole."""
        if not self.double_checkpoint or not self._previous.exists():
            return backup.Backup(self.path) if self.path.exists() else None
        try:
            return backup.Backup(self.path)
        except (ValueError, FileNotFoundError):
            return backup.Backup(self._previous)

    def on_train_begin(self, logs: Logs = None) -> None:
        self._waiting = None
        self._steps = 0
        found = self._found()
        if found is None:
            return
        self.params["initial_epoch"] = found.epoch + 1
        if len(self.model.weights) >= found.weights:  # all are there; if there are more, it says that they do not fit
            found.restore(self.model)
            return
        self._waiting = found
        if self.model.optimizer._schedule is None:  # now, since a LearningRateScheduler goes on from it
            self.model.optimizer.learning_rate = found.rate

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def _count_step(self, batch: int, logs: Logs = None) -> None:
        self._steps += 1
        if self._steps % int(self.save_freq) == 0:
            self._write(self._epoch - 1)

    def _write(self, epoch: int) -> None:
        if not writes_files():
            return
        if self.double_checkpoint and self.path.exists():
            os.replace(self.path, self._previous)
        backup.write(self.path, self.model, epoch)

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
        if self.save_freq == "epoch":
            self._write(epoch)

    def on_train_end(self, logs: Logs = None) -> None:
        if self._waiting is not None:  # no epoch was left to train
            warn(
                f"BackupAndRestore: the model made no weights, so {str(self.path)!r} was neither restored nor removed",
            )
        elif self.delete_checkpoint and writes_files():
            self.path.unlink(missing_ok=True)
            if self.double_checkpoint:
                self._previous.unlink(missing_ok=True)


__all__ = ["BackupAndRestore", "ModelCheckpoint"]
