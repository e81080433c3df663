"""Devices: the processor of each process, whose cores every operation divides among itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.explain import Explained
from ..core.processes import Processes

_KINDS = ("cpu", "gpu", "tpu")


def list_devices(device_type: str | None = None) -> list[str]:
    """The devices of a kind: one processor a process.

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
    return [f"cpu:{rank}" for rank in range(Processes.size)] if kind == "cpu" else []


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


class DeviceMesh(Explained, strict=True):
    """Devices in a grid with named axes.

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


__all__ = ["DeviceMesh", "get_device_count", "list_devices"]
