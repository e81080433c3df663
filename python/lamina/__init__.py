"""Lamina: neural networks on the CPU."""

import os as _os

from . import _native
from ._version import __version__
from .autograd import Tensor, enable_grad, no_grad
from .capture import capture
from .config import show_config

# OpenMP's threads do not survive a fork: the child stays on one.
if hasattr(_os, "register_at_fork"):
    _os.register_at_fork(after_in_child=_native.after_fork_in_child)


def set_num_threads(n: int) -> None:
    """Threads that one operation may use; at first OMP_NUM_THREADS, or what affinity, cgroup and cores allow."""
    _native.set_num_threads(n)


def get_num_threads() -> int:
    """Threads that one operation may use now."""
    return _native.get_num_threads()


__all__ = [
    "Tensor",
    "__version__",
    "capture",
    "enable_grad",
    "get_num_threads",
    "no_grad",
    "set_num_threads",
    "show_config",
]
