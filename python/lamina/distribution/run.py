"""The processes of this run: whether MPI started several, their courier, and their threads."""

from __future__ import annotations

import atexit
import importlib.util
import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .. import _native
from ..core.explain import show
from ..core.processes import Processes

if TYPE_CHECKING:
    from .courier import Courier

_RANK_OF = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "MPI_LOCALRANKID", "PMI_ID")
_EXTRA = 'mpi4py is not installed: pip install "lamina[mpi]", and an MPI, e.g. pip install mpich'


class _Run:
    courier: Courier | None = None


def started_by_mpi() -> str | None:
    """The variable by which a launcher of MPI (mpiexec, srun) tells a process its rank, if there is one."""
    if os.environ.get("SLURM_STEP_ID") and int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        return "SLURM_PROCID"
    return next((name for name in _RANK_OF if name in os.environ), None)


def courier() -> Courier:
    """This run's courier; the first call meets the other processes, if there are any."""
    if _Run.courier is not None and (not _Run.courier.broken or _Run.courier.size > 1):
        return _Run.courier
    variable = started_by_mpi()
    if variable is not None and importlib.util.find_spec("mpi4py") is None:
        raise RuntimeError(f"lamina.distribution: MPI started this process ({variable} is set), but {_EXTRA}")
    from .courier import Courier  # sockets, processes and threads, which few programs need

    made = _Run.courier = Courier(variable is not None)
    if made.size > 1:
        Processes.rank, Processes.size = made.rank, made.size
        made.call(lambda: _take_share(made))
        _say_when_it_fails(made)
    atexit.register(made.end)
    return made


def _take_share(made: Courier) -> None:
    """Threads: those that the processes of one machine may use together, divided among them."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    everywhere = made.objects((made.host, cores))
    alike = sum(one == (made.host, cores) for one in everywhere)
    if "OMP_NUM_THREADS" not in os.environ:
        _native.set_num_threads(max(1, _native.get_num_threads() // alike))
    threads = alike * _native.get_num_threads()  # on these cores
    made.hides = made.local_size < made.size or threads + alike <= len(cores)  # and the couriers'
    if made.local_size == made.size:
        made.begin_sharing(busily=threads <= len(cores))


def _say_when_it_fails(made: Courier) -> None:
    """An error that ends one rank ends all: they would wait for it."""
    before = sys.excepthook

    def ends(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        before(kind, error, traceback)
        print(
            f"lamina.distribution: rank {made.rank} of {made.size} ended with {kind.__name__}; all ranks end",
            file=sys.stderr, flush=True,
        )  # fmt: skip
        made.fail(error)
        if made.watch is not None:
            made.watch.leave()
        sys.stdout.flush()
        os._exit(1)

    sys.excepthook = ends


def initialize(
    job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Meet the other processes of this run, which a launcher of MPI started: ``mpiexec -n 4 python train.py``.

    ``DataParallel`` does so, too, so that no program has to call it.  Without a launcher there is one process.

    Args:
        job_addresses: addresses of the processes, with commas between; MPI knows them, so that they are only counted;
            None takes KERAS_DISTRIBUTION_JOB_ADDRESSES.
        num_processes: how many there are; None takes KERAS_DISTRIBUTION_NUM_PROCESSES, or what MPI says.
        process_id: number of this one; None takes KERAS_DISTRIBUTION_PROCESS_ID, or what MPI says.

    Raises:
        ValueError: the numbers are not those that MPI gives.
        RuntimeError: MPI started several processes, and mpi4py is not installed.

    Source: Keras 3, keras.distribution.initialize.

    Example:
        >>> distribution.initialize(num_processes=1, process_id=0)
    """
    given = os.environ.get("KERAS_DISTRIBUTION_JOB_ADDRESSES", "") if job_addresses is None else job_addresses
    made = courier()
    n = _number("num_processes", num_processes, "KERAS_DISTRIBUTION_NUM_PROCESSES")
    number = _number("process_id", process_id, "KERAS_DISTRIBUTION_PROCESS_ID")
    if n is None and "," in given:
        n = len(given.split(","))
    if n not in (None, made.size) or number not in (None, made.rank):
        raise ValueError(
            f"distribution.initialize: this is process {made.rank} of {made.size}, not {number or 0} of {n or 1}; "
            f"start the processes with a launcher of MPI: mpiexec -n {n or made.size} python train.py"
        )


def _number(name: str, given: Any, variable: str) -> int | None:
    value = os.environ.get(variable) if given is None else given
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        raise ValueError(f"distribution.initialize: {name} must be an integer, got {show(value)}") from None


__all__ = ["initialize"]
