"""The file of BackupAndRestore: an uncompressed .npz of a run's state after an epoch.

``epoch`` (from 0), ``weight/<place>``, ``optimizer/<slot>/<place>`` with ``optimizer/iterations`` and
``optimizer/learning_rate``, ``random/<layer's path>/<attribute>``, ``process/...`` of the stream that orders of samples
come from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..core.autograd import Array
from ..core.generator import check_process_state, process_state, set_process_state
from ..layers.weights import check_random_states, fitting_arrays, load_random_states, random_states
from .atomic import write_whole

MEND = "remove it to train from the beginning, or give another backup_dir"


def write(path: Path, model: Any, epoch: int) -> None:
    """Write the state of ``model`` after this epoch; an older file stays whole if that fails."""
    arrays = {f"weight/{i}": w for i, w in enumerate(model.get_weights())}
    arrays |= {f"optimizer/{k}": v for k, v in model.optimizer.get_state(_keyed(model)).items()}
    arrays |= {f"random/{k}": v for k, v in random_states(model).items()}
    arrays |= {f"process/{k}": v for k, v in process_state().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, lambda file: np.savez(file, epoch=np.int64(epoch), **arrays))


class Backup:
    """What a file holds, checked; ValueError that names the file and the mend for one that is no whole backup."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            arrays = _arrays(path)
            epoch, rate, steps = (
                arrays.pop(name) for name in ("epoch", "optimizer/learning_rate", "optimizer/iterations")
            )
        except (PermissionError, IsADirectoryError):
            raise  # they name the file
        except (ValueError, KeyError, MemoryError, OSError) as error:
            reason = f"there is no {error}" if isinstance(error, KeyError) else error
            raise ValueError(f"BackupAndRestore: {str(path)!r} is no whole backup ({reason}); {MEND}") from error
        if epoch.dtype.kind not in "iu" or epoch.shape != () or not -1 <= int(epoch) < 2**31:  # -1: within the first
            raise ValueError(f"BackupAndRestore: {str(path)!r} is damaged (epoch is {epoch!r}); {MEND}")
        if rate.dtype.kind != "f" or rate.shape != (1,) or not 0 <= rate[0] < np.inf:
            raise ValueError(f"BackupAndRestore: {str(path)!r} is damaged (learning_rate is {rate!r}); {MEND}")
        self.epoch, self.rate = int(epoch), float(rate[0])
        self._state = {"learning_rate": rate, "iterations": steps} | _part(arrays, "optimizer/")
        self._weights, self._generators = _part(arrays, "weight/"), _part(arrays, "random/")
        self._process = _part(arrays, "process/")  # older ones have none
        self.weights = len(self._weights)

    def restore(self, model: Any, rate: float | None = None) -> None:
        """Set weights, optimizer (with this learning rate instead of the saved one) and random generators.

        ValueError that names the file unless all fit, and nothing is changed then.
        """
        state = self._state if rate is None else self._state | {"learning_rate": np.array([rate])}
        variables = _keyed(model)
        try:
            weights = fitting_arrays("the backup", variables, self._weights, strict=True)
            check_random_states("the backup", self._generators)
            if self._process:
                check_process_state("the backup", self._process)
            model.optimizer.set_state(state, variables)
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"BackupAndRestore: {str(self.path)!r} is of another model or optimizer ({error}); {MEND}"
            ) from error
        model.set_weights(list(weights.values()))
        load_random_states(str(self.path), model, self._generators)
        if self._process:
            set_process_state(self._process)


def _arrays(path: Path) -> dict[str, Array]:
    size = path.stat().st_size
    if not size:
        raise ValueError("it is empty")
    from . import zip_file  # costs time to import, and few runs need it

    with zip_file.opened(path, size), np.load(path, allow_pickle=False) as saved:
        arrays = {k: saved[k] for k in saved.files}
    for key, array in arrays.items():
        if not isinstance(array, np.ndarray) or not (key == "epoch" or key.startswith(_PREFIXES)):
            raise ValueError(f"it holds {key!r}")
    return arrays


_PREFIXES = ("weight/", "optimizer/", "random/", "process/")


def _part(arrays: dict[str, Array], prefix: str) -> dict[str, Array]:
    return {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}


def _keyed(model: Any) -> dict[str, Any]:
    """All weights by their place, under which the file has their values and their optimizer state."""
    return {str(i): v for i, v in enumerate(model.weights)}
