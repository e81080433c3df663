"""
Lamina's kernels on NumPy arrays; lamina.ops is the documented way to them.
"""

from __future__ import annotations

import collections.abc
import typing

import numpy

__all__: list[str] = [
    "Plan",
    "address",
    "affinity_count",
    "after_fork_in_child",
    "caches",
    "cgroup_quota",
    "compiler",
    "copy",
    "copy_into",
    "default_threads",
    "dense_backward",
    "dense_forward",
    "empty",
    "full",
    "get_num_threads",
    "host_isas",
    "is_recording",
    "isa",
    "matmul_backward",
    "matmul_forward",
    "measure_flops",
    "measure_stream",
    "physical_cores",
    "pool_clear",
    "pool_set_limit",
    "pool_set_poison",
    "pool_stats",
    "set_num_threads",
    "use_isa",
]

class Plan:
    """
    Native steps recorded in one run, replayed in one call without the GIL.
    """
    def __init__(self) -> None: ...
    def owns(self, x: typing.Any) -> bool:
        """
        Whether the array is a result of this plan.
        """
    def run(self) -> None:
        """
        Replay every step.
        """
    def run_step(self, i: int) -> None:
        """
        Replay one step (profiling).
        """
    def start(self) -> None:
        """
        Record what this thread runs from now on.
        """
    def stop(self) -> None:
        """
        End the recording.
        """
    @property
    def bytes(self) -> int:
        """
        Memory of all results.
        """
    @property
    def steps(self) -> list[str]:
        """
        The names of the steps.
        """

def address(x: typing.Any) -> int:
    """
    Where an array's data stands.
    """

def affinity_count() -> int:
    """
    Processors in this process's affinity mask.
    """

def after_fork_in_child() -> None:
    """
    Stay on one thread: OpenMP's pool does not survive a fork.
    """

def caches() -> tuple[int, int, int]:
    """
    Bytes of L1d, L2, L3.
    """

def cgroup_quota(root: str = "") -> int:
    """
    CPUs that the cgroup's quota allows; 0 without one.
    """

def compiler() -> str:
    """
    The compiler that built this module.
    """

def copy(x: typing.Any) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    A copy in the pool.
    """

def copy_into(x: typing.Any, y: typing.Any, accumulate: bool = False) -> None:
    """
    y = x or y += x; equal sizes, shapes may differ.
    """

def default_threads() -> int:
    """
    What the machine, its affinity mask and its cgroup allow.
    """

def dense_backward(
    x: typing.Any,
    w: typing.Any,
    y: typing.Any,
    dy: typing.Any,
    activation: str,
    dx: typing.Any,
    dw: typing.Any,
    db: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradients of dense_forward into dx, dw, db; None skips one, bit i of accumulate adds to the i-th.
    """

def dense_forward(
    x: typing.Any, w: typing.Any, b: typing.Any, activation: str
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    y = act(x w + b); x (..., in), w (in, out), b (out,) or None.
    """

def empty(
    shape: collections.abc.Sequence[int], dtype: typing.Any
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    An uninitialised array from the pool.
    """

def full(
    shape: collections.abc.Sequence[int], value: float, dtype: typing.Any
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    A constant array from the pool.
    """

def get_num_threads() -> int:
    """
    Threads that an operation may use now.
    """

def host_isas() -> list[str]:
    """
    The instruction sets that this host can run.
    """

def is_recording() -> bool:
    """
    Whether this thread records a plan.
    """

def isa() -> str:
    """
    The instruction set in use.
    """

def matmul_backward(
    a: typing.Any, b: typing.Any, dy: typing.Any, da: typing.Any, db: typing.Any, accumulate: int = 0
) -> None:
    """
    Gradients of matmul_forward.
    """

def matmul_forward(a: typing.Any, b: typing.Any) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    a b over the last two axes; leading axes equal, or one operand without them.
    """

def measure_flops(dtype: str = "float32", seconds: float = 0.1) -> float:
    """
    GFLOP/s of multiply-adds in registers, all threads, in the instruction set in use.
    """

def measure_stream(bytes: int, seconds: float = 0.2, kind: str = "add") -> float:
    """
    GB/s read and written over float32 arrays of `bytes`: add (y += x), copy (y = x) or triad (y = x + s z).
    """

def physical_cores(root: str = "") -> int:
    """
    Cores without hyper-threads; 0 where unknown.
    """

def pool_clear() -> None:
    """
    Give cached blocks back to the system.
    """

def pool_set_limit(bytes: int) -> None:
    """
    Bytes kept for reuse.
    """

def pool_set_poison(on: bool) -> None:
    """
    Fill fresh blocks with NaN (tests).
    """

def pool_stats() -> dict:
    """
    Bytes in use and cached, blocks allocated and reused.
    """

def set_num_threads(n: int) -> None:
    """
    Threads that an operation may use.
    """

def use_isa(name: str) -> None:
    """
    Switch the kernels' instruction set (tests); not while other threads compute.
    """
