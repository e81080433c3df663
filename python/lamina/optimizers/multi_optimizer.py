"""Several optimizers in one, each for its own weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from functools import partial
from typing import Any

from ..core import registry
from ..core.autograd import Array, Tensor
from ..layers.variable import Variable
from .base import Optimizer
from .lookup import get


class OptimizerMap(MutableMapping[str, Optimizer]):
    """Optimizers by paths of weights: an exact path, or a regular expression of whole paths.

    Args:
        default_optimizer: of all weights that no key fits.
        optimizer_map: {path or expression: optimizer}; ``map[key] = optimizer`` adds others.

    Raises:
        TypeError: an optimizer is none.
        ValueError: at the choice: a path fits several expressions; at the setting: the key is there already.

    Source: Keras 3, OptimizerMap.

    Example:
        >>> both = lamina.optimizers.OptimizerMap(lamina.optimizers.SGD(0.1))
        >>> both[".*/embeddings"] = lamina.optimizers.Adam(1e-3)
        >>> optimizer = lamina.optimizers.MultiOptimizer(both)
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: Mapping[str, Optimizer] | None = None) -> None:
        self.default_optimizer = _one(default_optimizer)
        self._map: dict[str, Optimizer] = {}
        if optimizer_map is not None and not isinstance(optimizer_map, Mapping):
            raise TypeError(f"OptimizerMap: optimizer_map must be a dict, got {optimizer_map!r}")
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._map:
            return self._map[key]
        fitting = [pattern for pattern in self._map if re.fullmatch(pattern, key)]
        if len(fitting) > 1:
            raise ValueError(
                f"OptimizerMap: {key!r} fits {' and '.join(map(repr, fitting))}; make one of them narrower"
            )
        return self._map[fitting[0]] if fitting else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ValueError(f"OptimizerMap: a key must be a path or a regular expression, got {key!r}")
        if key in self._map:
            raise ValueError(f"OptimizerMap: {key!r} has an optimizer already")
        self._map[key] = _one(optimizer)

    def __delitem__(self, key: str) -> None:
        del self._map[key]

    def __len__(self) -> int:
        return len(self._map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __call__(self, variable: Variable) -> Optimizer:
        """The optimizer of a weight, by its path."""
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        described = {key: registry.serialize(optimizer) for key, optimizer in self._map.items()}
        return {"default_optimizer": registry.serialize(self.default_optimizer), "optimizer_map": described}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> OptimizerMap:
        """The map of a configuration, its optimizers without state.

        Args:
            config: what ``get_config`` returned.
        """
        return cls(get(config["default_optimizer"]), {k: get(v) for k, v in config["optimizer_map"].items()})


def _one(optimizer: Any) -> Optimizer:
    """The optimizer; TypeError for what is none, or holds others itself."""
    if not isinstance(optimizer, Optimizer) or isinstance(optimizer, MultiOptimizer):
        raise TypeError(f"expected an optimizer that is no MultiOptimizer, got {optimizer!r}")
    return optimizer


class MultiOptimizer(Optimizer):
    """Several optimizers, each of which steps over the weights that it was given.

    Args:
        optimizer_map: an OptimizerMap, or a function that gives the optimizer of a Variable, the same object again for
            weights that are to share one; it is asked once for each.
        loss_scale_factor: factor of the loss, by which the optimizers divide gradients again; None leaves both.

    Raises:
        AttributeError: its learning rate is asked for: ``optimizers`` have one each.
        TypeError: ``optimizer_map`` is neither; it gives what is no optimizer.

    Source: Keras 3, MultiOptimizer.

    Example:
        >>> body, head = layers.Dense(8), layers.Dense(1)
        >>> model = lamina.Sequential([lamina.Input((4,)), body, head])
        >>> slow, fast = optimizers.SGD(0.001), optimizers.Adam(0.01)
        >>> both = optimizers.MultiOptimizer(lambda v: fast if v in head.variables else slow)
        >>> model.compile(both, "mse")
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        if not callable(optimizer_map):
            raise TypeError(
                f"MultiOptimizer: optimizer_map must be an OptimizerMap or a function, got {optimizer_map!r}"
            )
        self._optimizer_map = optimizer_map
        self._inner: list[Optimizer] = []
        self._chosen: list[Optimizer] = []  # one a variable, some of the above
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map.values(), optimizer_map.default_optimizer):
                self._take(optimizer)

    def _take(self, optimizer: Optimizer) -> Optimizer:
        """Know an optimizer, of which one may be given for several weights."""
        _one(optimizer)
        if not any(optimizer is known for known in self._inner):
            optimizer.loss_scale_factor = self.loss_scale_factor
            self._inner.append(optimizer)
        return optimizer

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers inside."""
        return list(self._inner)

    @property
    def learning_rate(self) -> Any:
        """None of its own: AttributeError."""
        raise AttributeError("MultiOptimizer has no learning_rate; each of its optimizers has: see .optimizers")

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if self._inner:
            raise AttributeError("MultiOptimizer has no learning_rate to set; set it on each of its .optimizers")

    @property
    def variables(self) -> list[Variable]:
        return [self.iterations, *(v for optimizer in self._inner for v in optimizer.variables)]

    def build(self, variables: Iterable[Tensor]) -> None:
        self._enlist(list(variables))
        self._built = True
        new = self._variables[len(self._chosen) :]
        self._chosen += [self._take(self._optimizer_map(v)) for v in new]  # type: ignore[arg-type]
        for optimizer in self._inner if new else ():
            share = [v for v, chosen in zip(self._variables, self._chosen, strict=True) if chosen is optimizer]
            if share:
                optimizer.build(share)

    def _bind(self) -> None:
        """The optimizers inside do."""

    def _follower(self, twins: Mapping[int, Tensor]) -> Optimizer:
        """With the same optimizer for the variable at each place, whichever function chose it."""
        inner = {id(optimizer): optimizer._follower(twins) for optimizer in self._inner}
        chosen = iter(self._chosen)
        made = MultiOptimizer(lambda v: inner[id(next(chosen))], self.loss_scale_factor)
        made._inner = list(inner.values())
        made._source = partial(self._twins, twins)
        return made

    def step(self) -> None:
        if not self._variables and self._source is not None:
            self.build(self._source())
        stepping = [o for o in self._inner if any(v._grad_is_set for v in o._variables)]
        if not stepping and self._variables:
            raise RuntimeError("MultiOptimizer.step: no variable has a gradient; call loss.backward() first")
        for optimizer in stepping:
            optimizer._step_of_fit()

    @property
    def iterations(self) -> Variable:
        """Steps done so far, those of the optimizer that did most, an int64 variable of shape ()."""
        most = max((o._steps for o in self._inner), key=lambda steps: int(steps[0]), default=self._steps)
        return self._state_variable("iteration", most.reshape(()))

    def exclude_from_weight_decay(
        self, var_list: Iterable[Tensor] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        chosen, names = list(var_list or ()), list(var_names or ())
        for optimizer in self._inner:
            optimizer.exclude_from_weight_decay(chosen, names)

    def finalize_variable_values(self, var_list: Iterable[Tensor]) -> None:
        for optimizer in self._inner:
            optimizer.finalize_variable_values(list(var_list))

    def get_state(self, variables: Mapping[str, Tensor] | None = None) -> dict[str, Array]:
        variables = {str(i): v for i, v in enumerate(self._variables)} if variables is None else variables
        return {
            f"{i}.{name}": array
            for i, optimizer in enumerate(self._inner)
            for name, array in optimizer.get_state(variables).items()
        }

    def set_state(self, state: Mapping[str, Array], variables: Mapping[str, Tensor] | None = None) -> None:
        if variables is None:
            variables = {str(i): v for i, v in enumerate(self._variables)}
        named = {name.partition("/")[2] for name in state} - {""}
        self.build([v for key, v in variables.items() if key in named])
        for i, optimizer in enumerate(self._inner):
            optimizer.set_state(
                {n.removeprefix(f"{i}."): a for n, a in state.items() if n.startswith(f"{i}.")}, variables
            )

    def get_config(self) -> dict[str, Any]:
        described = registry.serialize(self._optimizer_map)
        return {"optimizer_map": described, "loss_scale_factor": self.loss_scale_factor, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> MultiOptimizer:
        chosen = config["optimizer_map"]
        if isinstance(chosen, dict) and chosen.get("class_name") == "OptimizerMap":
            chosen = OptimizerMap.from_config(chosen["config"])
        elif isinstance(chosen, dict):
            chosen = registry.deserialize(chosen)
        return cls(**{**config, "optimizer_map": chosen})


__all__ = ["MultiOptimizer", "OptimizerMap"]
