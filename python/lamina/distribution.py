"""keras.distribution on one machine: one device, the processor, whose cores every operation divides among itself."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .core.explain import Explained, show
from .core.rooms import publish

_KINDS = ("cpu", "gpu", "tpu")


def list_devices(device_type: str | None = None) -> list[str]:
    """The devices of a kind: there is one processor.

    Args:
        device_type: "cpu", "gpu" or "tpu"; None means "cpu".

    Raises:
        ValueError: it is another name.

    Source: Keras 3, keras.distribution.list_devices.

    Example:
        >>> distribution.list_devices(), distribution.list_devices("gpu")
        (['cpu:0'], [])
    """
    kind = "cpu" if device_type is None else str(device_type).lower()
    if kind not in _KINDS:
        raise ValueError(f"list_devices: device_type must be 'cpu', 'gpu' or 'tpu', got {device_type!r}")
    return ["cpu:0"] if kind == "cpu" else []


def get_device_count(device_type: str | None = None) -> int:
    """How many devices of a kind there are.

    Args:
        device_type: "cpu", "gpu" or "tpu"; None means "cpu".

    Source: Keras 3, keras.distribution.get_device_count.

    Example:
        >>> distribution.get_device_count()
        1
    """
    return len(list_devices(device_type))


def initialize(
    job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Begin to compute together with other processes; so far there is one, and nothing to do.

    Args:
        job_addresses: addresses of the processes, with commas between; None takes KERAS_DISTRIBUTION_JOB_ADDRESSES.
        num_processes: how many there are; None takes KERAS_DISTRIBUTION_NUM_PROCESSES, or 1.
        process_id: number of this one; None takes KERAS_DISTRIBUTION_PROCESS_ID, or 0.

    Raises:
        ValueError: there are several processes, or the numbers contradict each other.

    Source: Keras 3, keras.distribution.initialize.

    Example:
        >>> distribution.initialize(num_processes=1, process_id=0)
    """
    given = os.environ.get("KERAS_DISTRIBUTION_JOB_ADDRESSES", "") if job_addresses is None else job_addresses
    n = int(os.environ.get("KERAS_DISTRIBUTION_NUM_PROCESSES", "1") if num_processes is None else num_processes)
    number = int(os.environ.get("KERAS_DISTRIBUTION_PROCESS_ID", "0") if process_id is None else process_id)
    if n > 1 or "," in given:
        raise ValueError("distribution.initialize: several processes are not supported yet; train in one")
    if n != 1 or number != 0:
        raise ValueError(f"distribution.initialize: process {number} of {n} processes; expected process 0 of 1")


class DeviceMesh(Explained, strict=True):
    """Devices in a grid with named axes; here a grid of one.

    Args:
        shape: sizes of the grid.
        axis_names: a name for each axis.
        devices: the devices; None takes ``list_devices()``.

    Raises:
        ValueError: sizes and names, or sizes and devices, differ in number; a device is not there.

    Source: Keras 3, keras.distribution.DeviceMesh.

    Example:
        >>> distribution.DeviceMesh((1,), ["batch"])
        <DeviceMesh shape=(1,), axis_names=['batch']>
    """

    def __init__(self, shape: Any, axis_names: Any, devices: Any = None) -> None:
        self.shape, self.axis_names = tuple(shape), list(axis_names)
        if not self.shape or len(self.shape) != len(self.axis_names):
            raise ValueError(f"DeviceMesh: shape {self.shape} and axis_names {self.axis_names} differ in length")
        names = np.array(list_devices() if devices is None else devices)
        if math.prod(self.shape) != names.size:
            raise ValueError(
                f"DeviceMesh: shape {self.shape} has {math.prod(self.shape)} places for {names.size} devices"
            )
        missing = [str(d) for d in names.ravel() if str(d).lower() not in ("cpu", *list_devices())]
        if missing:
            raise ValueError(f"DeviceMesh: {missing[0]!r} is not there; there are {list_devices()}")
        self.devices = names.reshape(self.shape)

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"


class DataParallel(Explained, strict=True):
    """Each device trains on its part of every batch; of one device that is the whole batch.

    Args:
        device_mesh: the devices; None takes ``devices``.
        devices: a list of devices; None takes all.
        auto_shard_dataset: whether processes divide the data among them; there is one process.

    Raises:
        TypeError: ``device_mesh`` is no DeviceMesh.
        ValueError: a device is not there.

    Source: Keras 3, keras.distribution.DataParallel.

    Example:
        >>> with distribution.DataParallel().scope():
        ...     model = lamina.Sequential([lamina.layers.Dense(1)])
    """

    num_processes = num_model_replicas = 1
    data_shard_id = 0

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[str] | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        if device_mesh is not None and not isinstance(device_mesh, DeviceMesh):
            raise TypeError(f"DataParallel: device_mesh must be a DeviceMesh, got {show(device_mesh)}")
        if device_mesh is None:
            names = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(names),), ["batch"], names)
        self.device_mesh, self.auto_shard_dataset = device_mesh, auto_shard_dataset
        self.batch_dim_name = device_mesh.axis_names[0]

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
        """The part of the data for this process: all.

        Args:
            dataset: the data.
        """
        return dataset

    def __repr__(self) -> str:
        return f"<DataParallel device_mesh={self.device_mesh}>"


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
    """Say how models are trained on several devices; with one device there is one way.

    Args:
        value: a DataParallel, or None.

    Raises:
        TypeError: it is neither.

    Source: Keras 3, keras.distribution.set_distribution.

    Example:
        >>> distribution.set_distribution(distribution.DataParallel())
        >>> distribution.set_distribution(None)
    """
    if value is not None and not isinstance(value, DataParallel):
        raise TypeError(f"set_distribution: expected a DataParallel or None, got {show(value)}")
    _Current.value = value


__all__ = [
    "DataParallel", "DeviceMesh", "distribution", "get_device_count", "initialize", "list_devices", "set_distribution",
]  # fmt: skip

publish(__name__)
