"""Which of the processes that train one model together this is."""

from __future__ import annotations


class Processes:
    """``distribution`` sets these; alone there is one process."""

    rank = 0
    size = 1


def writes_files() -> bool:
    """Whether this process writes what all of them would write alike: checkpoints, logs, the progress bar."""
    return Processes.rank == 0
