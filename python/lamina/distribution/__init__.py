"""Training on several processes and machines, by MPI, under the names of keras.distribution.

``mpiexec -n 4 python train.py`` starts the processes; in the program ``set_distribution(DataParallel())`` suffices.
"""

from __future__ import annotations

from ..core.rooms import publish
from .data_parallel import DataParallel, all_reduce_gradients, distribution, set_distribution
from .devices import DeviceMesh, get_device_count, list_devices
from .run import initialize

__all__ = [
    "DataParallel", "DeviceMesh", "all_reduce_gradients", "distribution", "get_device_count", "initialize",
    "list_devices", "set_distribution",
]  # fmt: skip

publish(__name__)
