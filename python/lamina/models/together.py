"""What processes that train one model together agree upon: at the begin of fit, and before each batch."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .._version import __version__
from ..core.autograd import Tensor
from ..core.generator import process_state, set_process_state
from ..core.tree import leaves
from ..core.warn import warn
from ..layers.weights import named_generators, random_states
from .data_adapter import Batch
from .replicas import Replicas

_CHECKED = 1 << 12  # bytes of each batch's targets that are compared


def same_start(replicas: Replicas | None) -> None:
    """Unseeded choices of all ranks (first weights, orders of samples) are rank 0's from here on."""
    if replicas is not None:
        courier = replicas.reduction.courier
        set_process_state(courier.call(lambda: courier.share(process_state())))


def same_model(replicas: Replicas | None, what: str, params: dict[str, Any]) -> None:
    """Rank 0's weights, optimizer state, random streams and first epoch for all.

    RuntimeError that names the rank and the first thing in which its library, model, compile() or fit() differs.
    """
    if replicas is None or replicas.reduction.courier.size == 1:
        return
    courier, model = replicas.reduction.courier, replicas.model
    optimizer = model._compiled.optimizer if model._compiled is not None else None
    if optimizer is not None and not optimizer._variables and not model._defines("train_step"):
        weights = model.trainable_weights
        if weights:  # a backup that one rank read may have built it there
            optimizer.build(weights)
    described = _described(model, replicas, params)
    every = courier.call(lambda: courier.objects(described))
    other = next((rank for rank, one in enumerate(every) if one != every[0]), None)
    if other is not None:
        name = next(n for n in [*every[0], *every[other]] if every[0].get(n) != every[other].get(n))
        raise RuntimeError(
            f"{what}: rank {other} does not train what rank 0 does: its {name} is {every[other].get(name)}, rank 0's "
            f"{every[0].get(name)}; all ranks must run the same program on the same version"
        )
    arrays = [v._array for v in model.weights]
    state = {} if optimizer is None or not optimizer._variables else optimizer.get_state()
    generators = named_generators(model)
    first = {"initial_epoch": params.get("initial_epoch"), "random": random_states(model), "process": process_state()}

    def share() -> Any:
        for array in (*arrays, *state.values()):
            courier.share_array(array)
        return courier.share(first)

    given = courier.call(share)
    if state and optimizer is not None:
        optimizer.set_state(state)
    for key, numbers in given["random"].items():
        generators[key].state[:] = numbers
    set_process_state(given["process"])
    if given["initial_epoch"] is not None:
        params["initial_epoch"] = given["initial_epoch"]


def _described(model: Any, replicas: Replicas, params: dict[str, Any]) -> dict[str, str]:
    """What must be the same on all ranks, by what to call it."""
    weights = {f"weight {v.path}": f"{v.dtype} of shape {v.shape}" for v in model.weights}
    compiled = model._compiled
    optimizer = "none" if compiled is None else repr(compiled.optimizer)
    variables = "0" if compiled is None else str(len(compiled.optimizer._variables))
    return {
        "version of Lamina": __version__,
        "class of model": type(model).__name__,
        "number of weights": str(len(model.weights)),
        **weights,
        "optimizer": optimizer,
        "number of weights that are trained": variables,
        "shards": f"{replicas.reduction.shards} ({'one tree' if replicas.reduction.tree else 'one a rank'})",
        "number of epochs": str(params.get("epochs")),
        "number of steps": str(params.get("steps")) if replicas.way.auto_shard_dataset else "its own",
    }


def batches(
    replicas: Replicas | None, what: str, given: Iterator[Batch], stopped: Callable[[], bool] = lambda: False
) -> Iterator[Batch]:
    """The batches, as long as all ranks have one and none wants to stop; the rows of each rank are known then."""
    if replicas is None:
        yield from given
        return
    n = 0
    while True:
        try:
            latest = None if stopped() else next(given, None)
        except BaseException as error:
            replicas.reduction.courier.fail(error)
            raise
        if not _all_have_one(replicas, what, n, latest, stopped):
            return
        assert latest is not None
        n += 1
        yield latest


def one_batch(replicas: Replicas | None, what: str, batch: Batch) -> None:
    """As ``batches``, of a single one that every rank has."""
    if replicas is not None:
        _all_have_one(replicas, what, 0, batch, lambda: False)


def _all_have_one(replicas: Replicas, what: str, n: int, batch: Batch | None, stopped: Callable[[], bool]) -> bool:
    """Whether there is a batch number n on all ranks, whose rows are known then; a warning where some have none."""
    courier, alike = replicas.reduction.courier, replicas.way.auto_shard_dataset
    if courier.size == 1:
        replicas.rows = [] if batch is None else [batch.size]
        return batch is not None
    mine = np.array([0, 0, 0] if batch is None else [1, batch.size, _sum_of(batch) if alike else 0])
    told = np.stack(courier.gather(mine))
    if not told[:, 0].all():
        if told[:, 0].any() and not stopped():
            out = np.flatnonzero(told[:, 0] == 0)[0]
            warn(f"{what}: rank {out} ran out of data, or stopped, after {n} batches; all ranks end this pass there")
        return False
    if alike and (told[:, 1:] != told[0, 1:]).any():
        other = int(np.flatnonzero((told[:, 1:] != told[0, 1:]).any(axis=1))[0])
        raise ValueError(
            f"{what}: rank {other} has other data than rank 0 in batch {n} ({told[other, 1]} and {told[0, 1]} "
            "samples); give all ranks the same, or DataParallel(auto_shard_dataset=False) for data of its own"
        )
    replicas.rows = told[:, 1].tolist()
    return True


def any_of(replicas: Replicas | None, flag: bool) -> bool:
    """Whether it is so on any rank."""
    if replicas is None or replicas.reduction.courier.size == 1:
        return flag
    courier = replicas.reduction.courier
    return any(bool(one[0]) for one in courier.gather(np.array([flag])))


def _sum_of(batch: Batch) -> int:
    """A check sum of a batch's first targets, or inputs where it has none."""
    tree = batch.x if batch.y is None else batch.y
    found = next((t for t in leaves(tree) if isinstance(t, Tensor)), None)
    if found is None:
        return 0
    raw = np.ascontiguousarray(found._array).reshape(-1).view(np.uint8)
    return zlib.crc32(raw[:_CHECKED].tobytes())
