"""Training on several processes, each on its part of every batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.explain import Explained, require, show
from ..core.grad_mode import grad_mode
from ..core.recording import forbid_capture, note_change
from ..optimizers.base import Optimizer
from .devices import DeviceMesh, list_devices
from .run import courier

if TYPE_CHECKING:
    from .reduction import Reduction


class DataParallel(Explained, strict=True):
    """Every process trains the same model on its part of every batch: ``mpiexec -n 4 python train.py``.

    The processes are those that a launcher of MPI started; without one there is one process, and the same program
    trains alone.  ``fit``, ``evaluate`` and ``predict`` get the whole batches, as on one machine, and mean the same:
    losses, metrics and logs are those of all samples, on every rank; rank 0 writes files and shows the progress.

    Without ``shards`` each rank has one part, and gradients are added in MPI's order: the fastest way, whose last bits
    depend on the number of ranks.  With ``shards=8`` each batch is cut into eight shards for any number of ranks up to
    eight, and everything is added along one binary tree: 1, 2, 3, 4 and 8 ranks give the same bits.

    In both modes random numbers (dropout) belong to the sample, not to the rank.  Batch normalization takes the
    statistics of its shard, or with ``synchronized=True`` those of the whole batch.

    Args:
        device_mesh: the devices; None takes ``devices``.
        devices: a list of devices; None takes all.
        auto_shard_dataset: whether data are the same on all ranks, each of which takes its rows; False if each rank has
            data of its own, whose batches together are one.
        shards: into how many shards a batch is cut, a power of two; None takes one a rank.
        compress: "bfloat16" halves the bytes of float32 gradients between machines, and rounds them; ranks of one
            machine alone send none, so that it changes nothing there; not with ``shards``.

    Raises:
        TypeError: ``device_mesh`` is no DeviceMesh; ``auto_shard_dataset`` is no bool.
        ValueError: a device is not there; ``shards`` is no power of two, or below the number of ranks; ``compress`` is
            unknown, or given with ``shards``.
        RuntimeError: MPI started several processes, and mpi4py is not installed.

    Source: Keras 3, keras.distribution.DataParallel; the tree is Lamina's.

    Example:
        >>> with distribution.DataParallel().scope():
        ...     model = lamina.Sequential([lamina.layers.Dense(1)])
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[str] | None = None,
        auto_shard_dataset: bool = True,
        *,
        shards: int | None = None,
        compress: str | None = None,
    ) -> None:
        require("DataParallel", DataParallel, auto_shard_dataset=auto_shard_dataset, shards=shards)
        if device_mesh is not None and not isinstance(device_mesh, DeviceMesh):
            raise TypeError(f"DataParallel: device_mesh must be a DeviceMesh, got {show(device_mesh)}")
        made = courier()
        if device_mesh is None:
            names = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(names),), ["batch"], names)
        if shards is not None and (shards < 1 or shards & (shards - 1)):
            raise ValueError(f"DataParallel: shards must be a power of two, got {shards}")
        if shards is not None and shards < made.size:
            raise ValueError(
                f"DataParallel: shards={shards} for {made.size} processes, of which some would have none; take at "
                f"least {1 << (made.size - 1).bit_length()}"
            )
        if compress not in (None, "bfloat16"):
            raise ValueError(f"DataParallel: compress must be 'bfloat16' or None, got {compress!r}")
        if compress is not None and shards is not None:
            raise ValueError("DataParallel: compress rounds gradients by rank, so it goes without shards")
        self.device_mesh, self.auto_shard_dataset = device_mesh, bool(auto_shard_dataset)
        self.shards, self.compress = shards, compress
        self.batch_dim_name = device_mesh.axis_names[0]
        self._reductions: dict[str, Reduction] = {}

    @property
    def num_processes(self) -> int:
        """How many processes train together."""
        return courier().size

    num_model_replicas = num_processes

    @property
    def data_shard_id(self) -> int:
        """Number of this process, from 0."""
        return courier().rank

    @property
    def divides(self) -> bool:
        """Whether batches are divided: among processes, or into shards."""
        return self.shards is not None or courier().size > 1

    def reduction(self, use: str) -> Reduction:
        """What adds up gradients for one use; a new one where the last broke.

        Args:
            use: a name.
        """
        from .reduction import Reduction  # with all that only programs of several processes need

        made = courier()
        found = self._reductions.get(use)
        if found is None or found.courier is not made:
            shards = made.size if self.shards is None else self.shards
            found = self._reductions[use] = Reduction(made, shards, self.shards is not None, self.compress)
        return found

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Inside, this is ``distribution()``; a context manager."""
        outer = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(outer)

    def distribute_dataset(self, dataset: Any) -> Any:
        """The data for ``fit``, which takes this process's rows of every batch itself.

        Args:
            dataset: the data.
        """
        return dataset

    def __repr__(self) -> str:
        shards = "" if self.shards is None else f", shards={self.shards}"
        return f"<DataParallel device_mesh={self.device_mesh}{shards}>"


class _Current:
    value: DataParallel | None = None


def distribution() -> DataParallel | None:
    """What ``set_distribution`` set, or None.

    Source: Keras 3, keras.distribution.distribution.

    Example:
        >>> distribution.distribution() is None
        True
    """
    return _Current.value


def set_distribution(value: DataParallel | None) -> None:
    """Say how models are trained from now on.

    Args:
        value: a DataParallel, or None for this process alone.

    Raises:
        TypeError: it is neither.

    Source: Keras 3, keras.distribution.set_distribution.

    Example:
        >>> distribution.set_distribution(distribution.DataParallel())
        >>> distribution.set_distribution(None)
    """
    if value is not None and not isinstance(value, DataParallel):
        raise TypeError(f"set_distribution: expected a DataParallel or None, got {show(value)}")
    if value is not _Current.value:
        _Current.value = value
        note_change()  # what was captured belongs to the way before


def all_reduce_gradients(optimizer: Optimizer, samples: int | None = None) -> None:
    """In a loop of one's own, between ``backward`` and ``step``: gradients become their mean over all ranks.

    Works in captured steps, too.  Where nothing is distributed it does nothing.  ``fit``, also with a ``train_step`` of
    the model's own, does so by itself.

    Args:
        optimizer: its variables' gradients are exchanged.
        samples: how many samples this rank's gradients are the mean of, where ranks differ; None weighs ranks alike.
            Numbers that change cannot be part of a captured step.

    Raises:
        RuntimeError: ``fit`` does so already; no variable has a gradient.
        TypeError: ``optimizer`` is none.
        ValueError: there are more shards than ranks, which one's own loop does not divide.

    Source: Lamina.

    Example:
        >>> w = lamina.Tensor([1.0], requires_grad=True)
        >>> optimizer = optimizers.SGD(0.5)
        >>> optimizer.build([w])
        >>> ops.sum(w * 2.0).backward()
        >>> distribution.all_reduce_gradients(optimizer)  # one process: nothing changes
        >>> optimizer.step()
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"all_reduce_gradients: expected an optimizer, got {show(optimizer)}")
    current = distribution()
    if current is None or not current.divides:
        return
    if grad_mode.replica is not None:
        raise RuntimeError("all_reduce_gradients: fit does so already, in optimizer.step()")
    if not any(v._grad_is_set for v in optimizer._variables):
        raise RuntimeError("all_reduce_gradients: no variable has a gradient; call loss.backward() first")
    made = current.reduction("loops")
    if len(made.local) > 1:
        raise ValueError(
            f"all_reduce_gradients: shards={current.shards} for {made.courier.size} processes; a loop of one's own "
            "needs as many processes as shards"
        )
    sizes = [1] * made.courier.size
    if samples is not None:
        forbid_capture("all_reduce_gradients(samples=...) was called, whose number may change")
        sizes = [int(n[0]) for n in made.courier.gather(np.array([samples]))]
    (shard,) = made.begin(sizes)
    shard.computes(optimizer._variables)
    shard.reduce(optimizer._variables)


__all__ = ["DataParallel", "all_reduce_gradients", "distribution", "set_distribution"]
