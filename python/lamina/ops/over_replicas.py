"""Sums over the shards of a batch, which other threads and processes compute."""

from __future__ import annotations

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wrap
from ..core.autograd import unchecked_record as record
from ..core.grad_mode import grad_mode
from .conversion import as_tensor
from .elementwise import divide, multiply

__all__: list[str] = []


def over_replicas(x: Tensor) -> Tensor:
    """The sum of x over all replicas of the model; x where there is one.  All of them must come here."""
    replica = grad_mode.replica
    if replica is None:
        return x

    def backward(dy: Array, grads: Gradients) -> None:
        if replica.weighs:
            _native.copy_into(replica.sum(dy), grads[0], bool(grads.accumulate & 1))
            return
        # Each replica's loss counts by its share, by which its gradients are multiplied in the end.
        share = as_tensor(wrap(replica.share.reshape(())), dy.dtype)
        total = wrap(replica.sum(multiply(wrap(dy), share)._array))
        _native.copy_into(divide(total, share)._array, grads[0], bool(grads.accumulate & 1))

    return record(replica.sum(x._array), (x,), backward)
