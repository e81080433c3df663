"""One step on a batch that is divided into shards, each for a replica of the model: on a thread here, or elsewhere.

The model itself is the replica of this process's first shard and updates the weights.  Those of further shards are
copies that share its weights; what layers keep besides (moving statistics) each has for itself during a step, and then
all have the mean.  Every replica runs the model's own step as if the shard were its batch.
"""

from __future__ import annotations

import copy
import itertools
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Tensor, wrap
from ..core.grad_mode import grad_mode, no_grad
from ..core.masked_tensor import MaskedTensor, attach
from ..core.recording import configuration
from ..core.replica import replica_of
from ..core.tree import flatten, map_structure, pack_as
from ..data import pack_x_y_sample_weight
from ..distribution.data_parallel import DataParallel, distribution
from ..distribution.tree import bounds
from ..layers.weights import named_generators, named_layers
from ..optimizers.base import Optimizer
from .array_pass import part
from .data_adapter import Batch
from .train_step import plain_logs

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from ..distribution.reduction import Reduction
    from ..distribution.shard import Shard


class Replicas:
    """The replicas of one model in this process, and their steps; ``of`` gives None where nothing is divided."""

    def __init__(self, model: Any, way: DataParallel) -> None:
        self._model = weakref.ref(model)
        self.way = way
        self.reduction: Reduction = way.reduction("fit")
        self._copies: list[Any] = []
        self._version: int | None = None  # of the configuration that the copies have
        self._threads: ThreadPoolExecutor | None = None
        self._kept: tuple[int, list[list[Any]], list[list[Any]]] | None = None  # with the version: streams and states
        self.rows: list[int] = []  # of each rank, of this step's batch

    @classmethod
    def of(cls, model: Any) -> Replicas | None:
        """Those of this model under the current distribution."""
        way = distribution()
        if way is None or not way.divides:
            return None
        if grad_mode.replica is not None:
            return None  # a step inside of a step
        known = vars(model).get("_replicas")
        if known is None or known.way is not way or known.reduction is not way.reduction("fit"):
            known = vars(model)["_replicas"] = cls(model, way)
        return known

    @property
    def model(self) -> Any:
        model = self._model()
        assert model is not None
        return model

    # ---- a step ----

    def step(self, kind: str, batch: Batch) -> Any:
        """What the model's own train_step or test_step gives for the whole batch: its logs."""
        model, courier = self.model, self.reduction.courier
        own = model._defines(f"{kind}_step")

        def one(replica: Any, shard: Batch) -> Any:
            if own:
                data = pack_x_y_sample_weight(shard.x, shard.y, shard.weight)
                return plain_logs(f"{type(model).__name__}.{kind}_step", getattr(replica, f"{kind}_step")(data))
            return replica._run(kind, shard.x, shard.y, shard.weight)

        taking, results = self._together(batch, one)
        if kind == "train":
            self._merge_state(taking)
        if own:
            return self._mean_logs(taking, results)
        found = [r if type(r) is tuple else (r, None) for r in results]
        losses = self._mean(taking, [[float(r[0]._array), *(float(t._array) for t in r[2:])] for r in found])
        y_pred, compiled = None, model._compiled
        whole = batch
        if compiled.measures or model._defines("compute_metrics", "metrics"):
            y_pred = self._gathered(taking, [r[1] for r in found])
            if not self.way.auto_shard_dataset:
                whole = self._gathered_batch(batch)
        total, *single = (wrap(np.asarray(value)) for value in losses)
        courier.check()
        return model._logged(whole.x, whole.y, whole.weight, (total, y_pred, *single), sum(self.reduction.sizes))

    def predict(self, batch: Batch) -> Any:
        """What predict_step gives for the whole batch, on all ranks."""

        def one(replica: Any, shard: Batch) -> Any:
            given = replica.predict_step(pack_x_y_sample_weight(shard.x))
            return map_structure(lambda t: t if isinstance(t, Tensor) else wrap(np.asarray(t)), given)

        return self._gathered(*self._together(batch, one, divided=False))

    def _together(
        self, batch: Batch, one: Callable[[Any, Batch], Any], divided: bool = True
    ) -> tuple[list[Shard], list[Any]]:
        """``one`` for each local shard that takes part, with its replica on a thread of its own; not ``divided``: with
        the model itself, one shard after the other, where they need nothing of each other."""
        courier = self.reduction.courier
        courier.check()
        self.rows = self.rows or [batch.size] * courier.size
        sizes, offset = self._sizes(batch.size)
        taking = self.reduction.begin(sizes)
        replicas = self._replicas() if divided else [self.model] * len(self.reduction.local)
        ends = np.cumsum([0, *sizes])
        flags = grad_mode.enabled
        alone = len(taking) > 1 and len(taking) >= _native.get_num_threads()

        def run(shard: Shard) -> Any:
            first = int(ends[shard.number]) - offset
            mine = part(batch, first, first + sizes[shard.number])
            try:
                replica = replicas[shard.number - self.reduction.leader.number]
                shard.computes(replica.weights)
                with replica_of(shard):
                    return one(replica, mine)
            except BaseException as error:
                courier.fail(error)
                raise

        def follow(shard: Shard) -> Any:
            _native.work_alone(alone)
            if flags:
                return run(shard)
            with no_grad():
                return run(shard)

        if not divided:
            return taking, [run(shard) for shard in taking]
        leader, *others = taking
        futures = [self._pool().submit(follow, shard) for shard in others]
        if alone:
            _native.work_alone(True)
        try:
            results = [run(leader)]
        finally:
            if alone:
                _native.work_alone(False)
            failed = [f for f in futures if f.exception() is not None]
        for future in failed:
            future.result()
        self._version = configuration.version  # what the step configured itself is no reason for new copies
        return taking, results + [future.result() for future in futures]

    def _sizes(self, rows: int) -> tuple[list[int], int]:
        """Samples of every shard, and which sample of all is this rank's first row."""
        reduction, way = self.reduction, self.way
        if way.auto_shard_dataset:
            ends = bounds(reduction.shards, rows)
            return [b - a for a, b in itertools.pairwise(ends)], 0
        sizes: list[int] = []
        for rank, count in enumerate(self.rows):
            ends = bounds(reduction.ends[rank + 1] - reduction.ends[rank], count)
            sizes += [b - a for a, b in itertools.pairwise(ends)]
        return sizes, sum(self.rows[: reduction.courier.rank])

    # ---- replicas ----

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            from concurrent.futures import ThreadPoolExecutor

            self._threads = ThreadPoolExecutor(len(self.reduction.local), "lamina-replica")
        return self._threads

    def _replicas(self) -> list[Any]:
        """The model and its copies, made anew once anything was configured."""
        model = self.model
        if len(self.reduction.local) == 1:
            return [model]
        if self._version != configuration.version or not self._copies:
            self._copies, self._kept = [_copy(model) for _ in self.reduction.local[1:]], None
        self._version = configuration.version
        return [model, *self._copies]

    def reset_metrics(self) -> None:
        """Those of the copies, which steps of a model's own update, begin anew along with the model's."""
        for replica in self._copies:
            replica.reset_metrics()

    def _merge_state(self, taking: Sequence[Shard]) -> None:
        """What layers keep besides weights (moving statistics): its mean over all shards, for all replicas."""
        streams, state = self._streams_and_states()
        for leader, *others in zip(*streams, strict=True):
            for other in others:  # a replica without samples drew nothing
                other.state[:] = leader.state
        for dtype in dict.fromkeys(v.dtype for v in state[0]):
            arrays = [[v._array for v in one if v.dtype == dtype] for one in state]
            flat = {
                shard.number: np.concatenate([a.reshape(-1) for a in arrays[shard.number - taking[0].number]])
                * dtype.type(shard.share[0])
                for shard in taking
            }
            found = self.reduction.sum(flat)
            for one in arrays:
                at = 0
                for a in one:
                    a.reshape(-1)[:] = found[at : at + a.size]
                    at += a.size

    def _streams_and_states(self) -> tuple[list[list[Any]], list[list[Any]]]:
        """The random generators and the state variables of each replica."""
        if self._kept is None or self._kept[0] != configuration.version:
            replicas = [self.model, *self._copies]
            streams = [[*named_generators(replica).values()] for replica in replicas]
            self._kept = configuration.version, streams, [_state(replica) for replica in replicas]
        return self._kept[1], self._kept[2]

    # ---- results ----

    def _mean(self, taking: Sequence[Shard], numbers: list[list[float]]) -> list[float]:
        """The mean over all samples of numbers that each shard has."""
        flat = {
            shard.number: np.array(row, np.float64) * (shard.share[0] if shard.samples else 0.0)
            for shard, row in zip(taking, numbers, strict=True)
        }
        return self.reduction.sum(flat).tolist()

    def _mean_logs(self, taking: Sequence[Shard], logs: list[dict[str, Any]]) -> dict[str, Any]:
        """Logs of a step of the model's own: their means over all samples."""
        names = [name for name in logs[0] if np.ndim(logs[0][name]) == 0]
        means = self._mean(taking, [[float(one[name]) for name in names] for one in logs])
        return {**logs[0], **dict(zip(names, means, strict=True))}

    def _gathered(self, taking: Sequence[Shard], trees: list[Any]) -> Any:
        """Nests of tensors of one row a sample, of all shards one after the other."""
        flat = [flatten(tree) for tree in trees]
        rows = [shard.samples for shard in taking]
        for leaf in flat[0]:
            if leaf.shape[:1] != (rows[0],):
                raise ValueError(
                    f"the model made {leaf.shape} of {rows[0]} samples; the first axis must be theirs where batches "
                    "are divided"
                )
        return pack_as(trees[0], [self._joined(taking, [one[i] for one in flat]) for i in range(len(flat[0]))])

    def _joined(self, taking: Sequence[Shard], tensors: list[Tensor]) -> Tensor:
        whole = wrap(self._all_rows([t._array for t in tensors]))
        if isinstance(tensors[0], MaskedTensor):
            return attach(whole, wrap(self._all_rows([t.mask._array for t in tensors])))  # type: ignore[attr-defined]
        return whole

    def _all_rows(self, arrays: list[Array]) -> Array:
        """The rows of all ranks, given those of the local shards."""
        reduction = self.reduction
        mine = np.concatenate(arrays)
        if reduction.courier.size == 1:
            return mine
        inner = mine.shape[1:]
        each = int(np.prod(inner)) * mine.itemsize
        ends = reduction.ends
        rows = [sum(reduction.sizes[a:b]) for a, b in itertools.pairwise(ends)]
        raw = np.ascontiguousarray(mine).reshape(-1).view(np.uint8)
        found = reduction.courier.gather(raw, [n * each for n in rows])
        return np.concatenate(found).view(mine.dtype).reshape(-1, *inner)

    def _gathered_batch(self, batch: Batch) -> Batch:
        """The batches of all ranks as one."""

        def rows(tree: Any) -> Any:
            return (
                None
                if tree is None
                else map_structure(lambda t: None if t is None else wrap(self._all_rows([t._array])), tree)
            )

        return Batch(rows(batch.x), rows(batch.y), rows(batch.weight), sum(self.reduction.sizes))


def _state(model: Any) -> list[Any]:
    """The float variables that layers made as not trainable, and so may move in a step."""
    layers = [model, *named_layers(model).values()]
    fixed = {id(v): v for layer in layers for v in getattr(layer, "_fixed", ())}
    return [v for v in model.weights if id(v) in fixed and v.dtype.kind == "f"]


def _copy(model: Any) -> Any:
    """A copy that shares the weights and has optimizers that follow: they never hold a state."""
    memo: dict[int, Any] = {}
    twins: dict[int, Tensor] = {}
    for optimizer in _optimizers(model):
        memo[id(optimizer)] = optimizer._follower(twins)
    made = copy.deepcopy(model, memo)
    own = {id(v) for v in _state(model)}
    for v, twin in zip(model.weights, made.weights, strict=True):
        twins[id(v)] = twin
        if id(v) not in own:
            twin._array = v._array
    return made


def _optimizers(model: Any) -> list[Optimizer]:
    """The compiled one, and those among the attributes of a model with a step of its own."""
    found = [model._compiled.optimizer] if model._compiled is not None else []
    return found + [value for value in vars(model).values() if isinstance(value, Optimizer)]
