"""What this thread knows of the others that compute the same step on other samples of one large batch.

A replica is a model on a shard of each batch: on a thread of its own, here or in another process.  All replicas run the
same operations.  What depends on the whole batch (gradients, synchronized statistics, random numbers of samples) asks
``grad_mode.replica``, which is None where a step sees its whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .grad_mode import grad_mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .autograd import Tensor

Array = np.ndarray[Any, np.dtype[Any]]


class Replica(Protocol):
    """One of the replicas; what is in its arrays may change from step to step, so plans read them in place."""

    first: Array  # uint64 (1,): the number of its first sample in the whole batch
    total: Array  # int64 (1,): samples of the whole batch
    share: Array  # float64 (1,): its part of all samples
    samples: int  # its own
    weighs: (
        bool  # whether ``backward`` multiplies by its part, so that gradients of all replicas add up; else reduce does
    )
    leads: bool  # whether it updates the weights, for all replicas of this process

    def backward_begins(self) -> Callable[[Tensor], None] | None:
        """The function, if any, that is told of each weight whose gradient is complete."""

    def overlapping(self) -> Any:
        """A context manager: within it one backward completes all gradients."""

    def reduce(self, variables: Sequence[Tensor]) -> None:
        """Exchange the gradients of these variables, which ``backward`` made parts of the whole: they are added up."""

    def updated(self) -> None:
        """Of the one that leads: the weights are updated; of the others: wait until they are."""

    def sum(self, x: Array) -> Array:
        """The sum of the replicas' arrays."""


@contextmanager
def replica_of(replica: Replica | None) -> Iterator[None]:
    """Within the block this thread computes as ``replica``, or as if it had the whole batch."""
    before, grad_mode.replica = grad_mode.replica, replica
    try:
        yield
    finally:
        grad_mode.replica = before


def first_sample(elements: int) -> tuple[Array | None, int]:
    """For operations that draw numbers by place: where the first sample's number stands, and elements of a sample."""
    replica = grad_mode.replica
    if replica is None or not replica.samples or elements % replica.samples:
        return None, 0
    return replica.first, elements // replica.samples


def drawn_by_sample(shape: Sequence[int], draw: Callable[[tuple[int, ...]], Any]) -> Any:
    """``draw(shape)``; of a replica the part for its samples of what the whole batch would draw.

    draw: makes an array, or a dict of arrays, whose first axes are the samples.
    """
    replica, shape = grad_mode.replica, tuple(shape)
    if replica is None or not shape or not replica.samples or shape[0] % replica.samples:
        return draw(shape)
    rows = shape[0] // replica.samples
    first, total = int(replica.first[0]), int(replica.total[0])
    whole = draw((total * rows, *shape[1:]))
    part = slice(first * rows, first * rows + shape[0])
    return {name: a[part] for name, a in whole.items()} if isinstance(whole, dict) else whole[part]
